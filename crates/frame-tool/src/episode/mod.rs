//! One question about one video: what is shown first, what may be asked for, what comes back.

mod outcome; // what a call leads to
mod policy; // the rules

pub use outcome::{Adjustment, Observation, Outcome, Refusal};
pub use policy::{Level, Policy, RangePolicy};

use std::ops::RangeInclusive;

use crate::call::{Action, Malformed, ToolCall, Turn};
use crate::trace::{Seen, Step, Trace};
use crate::{Ends, Frame, Result, Video, Window};

/// A look at a video, call by call, under a [`Policy`].
///
/// What is wrong with a call is an [`Outcome`], not an error: it goes back to the model. Errors are about the video.
#[derive(Debug)]
pub struct Episode<'a> {
    video: &'a Video,
    policy: Policy,
    /// Windows that count as seen; the whole video is one from the start.
    used: Vec<ToolCall>,
    num_calls: usize,
    num_frames: usize,
    num_repeats: usize,
    /// A frame that a look-up named: the next window has to hold it (FrameThinker, level `strict`).
    located: Option<usize>,
    is_over: bool,
    trace: Trace,
}

impl<'a> Episode<'a> {
    /// Shows the first frames, spread over the whole video.
    ///
    /// # Errors
    ///
    /// Of decoding, see [`Video::frames`]; [`Error::InvalidSetting`](crate::Error::InvalidSetting) if the policy shows
    /// no frames.
    pub fn start(video: &'a Video, policy: Policy) -> Result<(Self, Observation)> {
        let num_frames = video.num_frames();
        let picked = policy.rule.pick(video.timeline(), 0..num_frames, policy.initial_frames)?;
        let frames = video.frames(&picked)?;
        let whole = ToolCall { start: 0, end: num_frames as i64 - 1 };
        let mut episode = Self {
            video,
            used: vec![whole],
            num_calls: 0,
            num_frames: frames.len(),
            num_repeats: 0,
            located: None,
            is_over: false,
            trace: Trace::new(video, policy.clone()),
            policy,
        };
        let observation = Observation::new(0..=num_frames - 1, frames, num_frames, None);
        episode.record(None, &Outcome::Shown(observation.clone()));
        Ok((episode, observation))
    }

    /// Does what a turn says, whatever that is.
    ///
    /// # Errors
    ///
    /// Of decoding, see [`Video::frames`].
    pub fn turn(&mut self, turn: &Turn) -> Result<Outcome> {
        match &turn.action {
            Ok(Action::Frames(call)) => self.call_said(*call, turn.said_window()),
            Ok(Action::FrameAt(time_s)) => Ok(self.locate(*time_s)),
            Ok(Action::Answer(answer)) => {
                self.is_over = true;
                Ok(Outcome::Answered(answer.clone()))
            }
            Err(malformed) => Ok(self.malformed(malformed.clone())),
        }
    }

    /// Asks for a window.
    ///
    /// # Errors
    ///
    /// Of decoding, see [`Video::frames`].
    pub fn call(&mut self, call: ToolCall) -> Result<Outcome> {
        self.call_said(call, Some(call))
    }

    fn call_said(&mut self, call: ToolCall, said: Option<ToolCall>) -> Result<Outcome> {
        let outcome = match self.check(call, said) {
            Ok((window, adjustment)) => self.show(&window, adjustment)?,
            Err(refusal) => {
                self.num_repeats += usize::from(refusal.is_repeat());
                // Models that repeat a call twice go on for ever.
                self.is_over |= self.num_repeats >= self.policy.max_repeats;
                Outcome::Refused { refusal, ends_episode: self.is_over }
            }
        };
        if let Outcome::Shown(shown) = &outcome {
            let (start, end) = (*shown.window.start() as i64, *shown.window.end() as i64);
            let inner = ToolCall { start: start + 1, end: end - 1 }; // FrameThinker counts it as seen, too
            self.used.extend([ToolCall { start, end }, inner]);
            self.num_calls += 1;
            self.located = None;
        }
        self.record(Some(call), &outcome);
        Ok(outcome)
    }

    /// Which frame is on screen at `time_s`.
    fn locate(&mut self, time_s: f64) -> Outcome {
        let frame_idx = self.video.timeline().frame_at(time_s).unwrap_or(0);
        self.located = Some(frame_idx);
        Outcome::Located { time_s, frame_idx }
    }

    fn malformed(&mut self, malformed: Malformed) -> Outcome {
        let outcome =
            Outcome::Refused { refusal: Refusal::Malformed(malformed), ends_episode: self.is_over };
        self.record(None, &outcome);
        outcome
    }

    /// Whether a call may be answered, and with which frames.
    fn check(&self, call: ToolCall, said: Option<ToolCall>) -> Result<Checked, Refusal> {
        let Policy { level, frames_per_call, near_frames, .. } = self.policy;
        let last = self.video.num_frames() as i64 - 1;
        if self.is_over {
            return Err(Refusal::Over);
        }
        if self.num_calls >= self.policy.max_calls {
            return Err(Refusal::NoCallsLeft { max_calls: self.policy.max_calls });
        }
        if self.num_frames >= self.policy.max_frames {
            return Err(Refusal::NoFramesLeft { max_frames: self.policy.max_frames });
        }
        if call.start >= call.end && last > 0 {
            return Err(Refusal::Backwards { call });
        }
        let mut window = call;
        if call.start < 0 || call.end > last {
            if self.policy.range_policy == RangePolicy::Reject || call.start > last || call.end < 0
            {
                return Err(Refusal::OutOfRange { call, last_frame: last });
            }
            window = ToolCall { start: call.start.max(0), end: call.end.min(last) };
        }
        if self.policy.range_policy == RangePolicy::Shrink {
            window = shrunk(window, self.policy.max_span as i64);
        }
        let near = |used: &ToolCall| {
            let tolerance = near_frames as i64;
            (used.start - window.start).abs() <= tolerance
                && (used.end - window.end).abs() <= tolerance
        };
        if near(&self.used[0]) {
            return Err(Refusal::WholeVideo { call });
        }
        if let Some(&earlier) = self.used[1..].iter().find(|used| near(used)) {
            return Err(Refusal::Repeated { call, earlier });
        }
        if level == Level::Strict {
            let width = window.end - window.start + 1;
            if width <= frames_per_call as i64 {
                return Err(Refusal::TooNarrow { call, frames_per_call });
            }
            if said != Some(call) {
                return Err(Refusal::SaidOtherwise { call, said });
            }
            if let Some(frame_idx) =
                self.located.filter(|&i| !(window.start..=window.end).contains(&(i as i64)))
            {
                return Err(Refusal::MissesLocated { call, frame_idx });
            }
        }
        let adjustment = (window != call).then_some(Adjustment { asked: call, used: window });
        Ok((window.start as usize..=window.end as usize, adjustment))
    }

    fn show(
        &mut self,
        window: &RangeInclusive<usize>,
        adjustment: Option<Adjustment>,
    ) -> Result<Outcome> {
        let wide = window.end() - window.start() >= 2;
        // A window of two frames has nothing between its ends.
        let ends = if wide { self.policy.ends } else { Ends::Inclusive };
        let range = Window::frames(*window.start(), *window.end())
            .with_ends(ends)
            .resolve(self.video.timeline())?;
        let num_available = range.len();
        let k = self.policy.frames_per_call.min(self.policy.max_frames - self.num_frames);
        let picked = self.policy.rule.pick(self.video.timeline(), range, k)?;
        let frames = self.video.frames(&picked)?;
        self.num_frames += frames.len();
        Ok(Outcome::Shown(Observation::new(window.clone(), frames, num_available, adjustment)))
    }

    fn record(&mut self, request: Option<ToolCall>, outcome: &Outcome) {
        let (window, frames, refusal) = match outcome {
            Outcome::Shown(shown) => {
                let window = Some([*shown.window.start(), *shown.window.end()]);
                (window, shown.frames.iter().map(Seen::of).collect(), None)
            }
            Outcome::Refused { refusal, .. } => (None, Vec::new(), Some(refusal.clone())),
            Outcome::Located { .. } | Outcome::Answered(_) => return,
        };
        self.trace.steps.push(Step { request, window, frames, refusal });
    }

    /// Whether an answer was given, or calls were repeated too often.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Calls that were answered with frames.
    #[must_use]
    pub fn num_calls(&self) -> usize {
        self.num_calls
    }

    /// Frames shown so far, the first ones included.
    #[must_use]
    pub fn num_frames(&self) -> usize {
        self.num_frames
    }

    /// What was shown and refused so far.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Ends the episode and hands over its trace.
    #[must_use]
    pub fn into_trace(self) -> Trace {
        self.trace
    }
}

type Checked = (RangeInclusive<usize>, Option<Adjustment>);

/// The middle `max_span` frames of a window.
fn shrunk(window: ToolCall, max_span: i64) -> ToolCall {
    let surplus = (window.end - window.start + 1 - max_span).max(0);
    let start = window.start + surplus / 2;
    ToolCall { start, end: window.end - (surplus - surplus / 2) }
}

/// How a frame is announced to a model: its index is what the model will ask by.
#[must_use]
pub fn frame_label(frame: &Frame) -> String {
    format!("Frame {} ({:.2} s)", frame.index(), frame.timestamp_s())
}
