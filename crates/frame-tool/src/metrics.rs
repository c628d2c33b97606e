//! How well windows find an event.

use std::ops::Range;

use serde::Serialize;

/// Scores of the windows of an episode; all between 0 and 1 but for the count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Metrics {
    /// Overlap of the last window with the event: what the model settled on; 0 without a window.
    pub t_iou: f64,
    /// Overlap of the window that fits best; 0 without a window.
    pub best_t_iou: f64,
    /// Share of the event that lies inside some window.
    pub recall: f64,
    /// Share of the video that lies inside some window.
    pub coverage: f64,
    /// Share of what was asked for that had been asked for before: `1 - |union| / sum |window|`; 0 without a window.
    pub redundancy: f64,
    /// Frames of the event that were shown, the first look included; repetitions count once.
    pub num_event_frames: usize,
}

impl Metrics {
    /// Scores `windows` (half-open) and the frames that were `shown` against `event`, in a video of `num_frames`.
    #[must_use]
    pub fn of(
        windows: &[Range<usize>],
        shown: &[usize],
        event: Range<usize>,
        num_frames: usize,
    ) -> Self {
        let union = union(windows);
        let covered: usize = union.iter().map(Range::len).sum();
        let asked: usize = windows.iter().map(Range::len).sum();
        let of_event: usize = union.iter().map(|part| overlap(part, &event)).sum();
        let mut seen: Vec<usize> =
            shown.iter().copied().filter(|frame_idx| event.contains(frame_idx)).collect();
        seen.sort_unstable();
        seen.dedup();
        let share =
            |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        Self {
            t_iou: windows.last().map_or(0.0, |window| t_iou(window, &event)),
            best_t_iou: windows.iter().map(|window| t_iou(window, &event)).fold(0.0, f64::max),
            recall: share(of_event, event.len()),
            coverage: share(covered, num_frames),
            redundancy: share(asked - covered, asked),
            num_event_frames: seen.len(),
        }
    }
}

/// Temporal intersection over union of two half-open stretches; 0 if both are empty.
#[must_use]
pub fn t_iou(a: &Range<usize>, b: &Range<usize>) -> f64 {
    let both = overlap(a, b);
    let either = a.len() + b.len() - both;
    if either == 0 { 0.0 } else { both as f64 / either as f64 }
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> usize {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}

/// The same frames in stretches that do not overlap, ascending.
fn union(windows: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut sorted: Vec<Range<usize>> =
        windows.iter().filter(|window| !window.is_empty()).cloned().collect();
    sorted.sort_by_key(|window| window.start);
    let mut union: Vec<Range<usize>> = Vec::new();
    for window in sorted {
        match union.last_mut() {
            Some(last) if window.start <= last.end => last.end = last.end.max(window.end),
            _ => union.push(window),
        }
    }
    union
}
