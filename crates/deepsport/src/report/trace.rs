//! One run as a page: a timeline of what was seen, then turn by turn what was shown, thought and done.

use std::ops::Range;

use askama::Template;
use frame_tool::{Seen, Video};

use super::thumbnail::{Thumbnail, thumbnail};
use crate::Result;
use crate::agent::{Stop, Trajectory, TurnRecord};

#[derive(Template)]
#[template(path = "trace.html")]
struct Page<'a> {
    style: &'static str,
    trajectory: &'a Trajectory,
    title: String,
    verdict: &'static str,
    lanes: Vec<Lane>,
    events: Vec<Bar>,
    ruler: Vec<Mark>,
    turns: Vec<TurnCard<'a>>,
}

/// A turn's row in the timeline.
struct Lane {
    number: usize,
    bar: Bar,
    ticks: Vec<f64>,
    label: String,
}

/// Where something lies, in percent of the video.
struct Bar {
    left: f64,
    width: f64,
}

struct Mark {
    left: f64,
    label: String,
}

struct TurnCard<'a> {
    number: usize,
    turn: &'a TurnRecord,
    title: String,
    frames: Vec<Shot<'a>>,
    /// What the agent objected to.
    objection: Option<String>,
    tokens: Option<String>,
}

struct Shot<'a> {
    seen: &'a Seen,
    picture: Thumbnail,
}

/// The page of a run. `evidence` marks where the event is, as far as it is known, half-open.
///
/// # Errors
///
/// [`Error::Replay`](crate::Error::Replay) if `video` is not the one on record, [`Error::Video`](crate::Error::Video) if its
/// frames cannot be had.
pub fn trace_page(
    trajectory: &Trajectory,
    video: &Video,
    evidence: &[Range<usize>],
) -> Result<String> {
    let frames = trajectory.replay(video)?;
    let num_frames = trajectory.video.num_frames.max(1) as f64;
    let bar = |start: usize, end: usize| Bar {
        left: 100.0 * start as f64 / num_frames,
        width: 100.0 * end.saturating_sub(start) as f64 / num_frames,
    };
    let (mut lanes, mut turns) = (Vec::new(), Vec::new());
    for (number, (turn, frames)) in (1..).zip(trajectory.turns.iter().zip(&frames)) {
        if let Some([start, end]) = turn.window {
            let ticks =
                turn.frames.iter().map(|seen| 100.0 * (seen.index as f64 + 0.5) / num_frames);
            let label = format!("{start}–{end}");
            lanes.push(Lane { number, bar: bar(start, end + 1), ticks: ticks.collect(), label });
        }
        let shots = turn.frames.iter().zip(frames);
        let shots = shots.map(|(seen, frame)| Ok(Shot { seen, picture: thumbnail(frame)? }));
        turns.push(TurnCard {
            number,
            turn,
            title: title(number, turn),
            frames: shots.collect::<Result<_>>()?,
            objection: objection(turn),
            tokens: turn.completion_tokens.map(|tokens| format!("{tokens} tokens written")),
        });
    }
    let page = Page {
        style: super::STYLE,
        trajectory,
        title: trajectory.question.lines().next().unwrap_or_default().to_owned(),
        verdict: verdict(trajectory.stop),
        lanes,
        events: evidence.iter().map(|event| bar(event.start, event.end)).collect(),
        ruler: ruler(trajectory.video.duration_s),
        turns,
    };
    Ok(page.render()?)
}

fn title(number: usize, turn: &TurnRecord) -> String {
    match (number, turn.window, turn.frames.as_slice()) {
        (1, ..) => format!("First look: {} frames over the whole video", turn.frames.len()),
        (_, Some([start, end]), [first, .., last]) => format!(
            "Looks again: frames {start} to {end}, {:.2} s to {:.2} s",
            first.time_s, last.time_s
        ),
        (_, Some([start, end]), _) => format!("Looks again: frames {start} to {end}"),
        (_, None, _) => "Goes on without new frames".to_owned(),
    }
}

fn objection(turn: &TurnRecord) -> Option<String> {
    let refused = turn.refusal.as_ref().map(|refusal| format!("Refused: {refusal}"));
    refused
        .or_else(|| turn.malformed.as_ref().map(|malformed| format!("Not readable: {malformed}.")))
}

fn verdict(stop: Stop) -> &'static str {
    match stop {
        Stop::Answered => "answered",
        Stop::MaxTurns => "no answer: all turns used",
        Stop::MaxTokens => "no answer: all tokens used",
        Stop::ContextLength => "no answer: more than the model can read",
        Stop::Malformed => "no answer: turns could not be read",
        Stop::Repeated => "no answer: went on asking",
        Stop::Interrupted => "interrupted",
    }
}

/// Five times along the video.
fn ruler(duration_s: f64) -> Vec<Mark> {
    let clock = |time_s: f64| {
        if duration_s < 60.0 {
            format!("{time_s:.1} s")
        } else {
            format!("{}:{:02}", time_s as u64 / 60, time_s as u64 % 60)
        }
    };
    let at = |i: u32| f64::from(i) / 4.0;
    (0..=4).map(|i| Mark { left: 100.0 * at(i), label: clock(duration_s * at(i)) }).collect()
}
