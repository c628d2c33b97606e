//! Which frames stand for a stretch of video. Libraries disagree, and a model sees what its library took.

use std::ops::Range;

use crate::{Error, Result, Timeline};

/// How k frames are spread over a stretch.
///
/// A stretch of k frames or fewer gives all its frames under every rule (ours: the libraries repeat frames or fail).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// k points from the first to the last frame, cut to integers: `numpy.linspace(..).astype(int)`, FrameThinker.
    #[default]
    LinspaceFloor,
    /// The same points in 32-bit floats, rounded, halves to even: `torch.linspace(..).round()`, qwen-vl-utils.
    LinspaceRound,
    /// Steps of n / k from the first frame, cut to integers: `torch.arange(0, n, n / k)`, transformers' video processor.
    Arange,
    /// The middles of k equal parts, cut to integers; common in action recognition (TSN).
    Midpoints,
    /// The frames on screen at k equally spaced times, first and last included: for variable frame rates (ours).
    Times,
}

impl Rule {
    /// All rules, for programs that let their users choose.
    pub const ALL: [Self; 5] =
        [Self::LinspaceFloor, Self::LinspaceRound, Self::Arange, Self::Midpoints, Self::Times];

    /// Picks `k` frames of `frame_range`, ascending and without repetition; fewer where there are fewer.
    ///
    /// `timeline` matters to [`Rule::Times`] alone.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if `k` is 0, [`Error::FrameOutOfRange`] if the range ends beyond the timeline.
    pub fn pick(
        self,
        timeline: &Timeline,
        frame_range: Range<usize>,
        k: usize,
    ) -> Result<Vec<usize>> {
        check_range(timeline, &frame_range)?;
        if k == 0 {
            return Err(Error::InvalidSetting {
                name: "k",
                value: "0".into(),
                expected: "pick at least one frame",
            });
        }
        let (start, num) = (frame_range.start, frame_range.len());
        if num <= k {
            return Ok(frame_range.collect());
        }
        let last = frame_range.end - 1;
        let spread = |i: usize| match self {
            Self::LinspaceFloor => linspace(start as f64, last as f64, k, i) as usize,
            Self::LinspaceRound => {
                linspace_f32(start as f32, last as f32, k, i).round_ties_even() as usize
            }
            Self::Arange => start + (i as f64 * (num as f64 / k as f64)) as f32 as usize,
            Self::Midpoints => start + (2 * i + 1) * num / (2 * k),
            Self::Times => {
                let times_s = timeline.timestamps_s();
                timeline.frame_at(linspace(times_s[start], times_s[last], k, i)).unwrap_or(start)
            }
        };
        let mut picked: Vec<usize> = (0..k).map(|i| spread(i).clamp(start, last)).collect();
        picked.dedup(); // equal times of a variable rate can show the same frame
        Ok(picked)
    }
}

/// Frames of `frame_range` at `fps` a second: those on screen at the start and every `1 / fps` seconds after.
///
/// At most `max_frames`: a longer stretch is covered by [`Rule::Times`] instead, as qwen-vl-utils lowers its rate.
///
/// # Errors
///
/// [`Error::InvalidSetting`] unless `fps` is positive and finite and `max_frames` at least 1,
/// [`Error::FrameOutOfRange`] if the range ends beyond the timeline.
pub fn pick_at_fps(
    timeline: &Timeline,
    frame_range: Range<usize>,
    fps: f64,
    max_frames: usize,
) -> Result<Vec<usize>> {
    check_range(timeline, &frame_range)?;
    if !(fps.is_finite() && fps > 0.0) {
        let expected = "frames per second are positive and finite";
        return Err(Error::InvalidSetting { name: "fps", value: fps.to_string(), expected });
    }
    if frame_range.is_empty() {
        return Ok(Vec::new());
    }
    let times_s = timeline.timestamps_s();
    let (start_s, last_s) = (times_s[frame_range.start], times_s[frame_range.end - 1]);
    let num_steps = ((last_s - start_s) * fps + 1e-6).floor();
    if num_steps + 1.0 > max_frames as f64 {
        return Rule::Times.pick(timeline, frame_range, max_frames);
    }
    let shown =
        |step: usize| timeline.frame_at(start_s + step as f64 / fps).unwrap_or(frame_range.start);
    let mut picked: Vec<usize> = (0..=num_steps as usize).map(shown).collect();
    picked.dedup();
    Ok(picked)
}

fn check_range(timeline: &Timeline, frame_range: &Range<usize>) -> Result<()> {
    let num_frames = timeline.num_frames();
    if frame_range.end > num_frames {
        return Err(Error::FrameOutOfRange { frame_idx: frame_range.end - 1, num_frames });
    }
    Ok(())
}

/// Point `i` of `k` from `first` to `last`, as NumPy computes it.
fn linspace(first: f64, last: f64, k: usize, i: usize) -> f64 {
    match i {
        _ if k == 1 => first,
        i if i == k - 1 => last,
        i => i as f64 * ((last - first) / (k - 1) as f64) + first,
    }
}

/// Point `i` of `k` as PyTorch computes it in 32 bits: from the nearer end.
fn linspace_f32(first: f32, last: f32, k: usize, i: usize) -> f32 {
    if k == 1 {
        return first;
    }
    let step = (last - first) / (k - 1) as f32;
    if i < k / 2 { first + step * i as f32 } else { last - step * (k - i - 1) as f32 }
}
