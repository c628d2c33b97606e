//! Where the motion is in the athlete's recording, and which frames belong together.

use motion_dtw::MotionMatch;
use pose::{CleaningReport, Side, SkeletonSeries, Swap};

use crate::measuring::{Instant, dominant_side};
use crate::signals::Signals;
use crate::snapping::{self, snap};
use crate::trial::Trial;

/// Result of [`Pipeline::align`](crate::Pipeline::align): the cleaned recordings, and every repetition of the motion.
#[derive(Debug)]
pub struct Aligned<'t> {
    pub(crate) athlete: Prepared<'t>,
    pub(crate) reference: Prepared<'t>,
    pub(crate) care: Care,
    pub(crate) mirrored: bool,
    pub(crate) repetitions: Vec<Repetition>,
}

/// What was done to the athlete's recording before anything was measured.
#[derive(Debug)]
pub(crate) struct Care {
    pub(crate) swaps: Vec<Swap>,
    pub(crate) cleaning: CleaningReport,
}

/// A cleaned recording with all its measures.
#[derive(Debug)]
pub(crate) struct Prepared<'t> {
    pub(crate) trial: &'t Trial,
    pub(crate) series: SkeletonSeries,
    pub(crate) signals: Signals,
}

/// One repetition of the motion in the athlete's recording.
#[derive(Debug)]
pub struct Repetition {
    pub(crate) found: MotionMatch,
    /// Keyframes as they are measured, in both recordings.
    pub(crate) athlete_instants: Vec<Instant>,
    pub(crate) reference_instants: Vec<Instant>,
    /// Dominant side of athlete and reference.
    pub(crate) dominant: [Side; 2],
}

impl Aligned<'_> {
    /// Every repetition, the one most like the reference first; there is at least one.
    #[must_use]
    pub fn repetitions(&self) -> &[Repetition] {
        &self.repetitions
    }
}

impl Repetition {
    /// Interval, warping path, keyframes and quality, as the aligner gave them.
    #[must_use]
    pub fn found(&self) -> &MotionMatch {
        &self.found
    }

    /// Judges the dominant sides by `rule` and puts the keyframes where their definitions say, where that works in both
    /// recordings and keeps their order.
    pub(crate) fn new(
        found: MotionMatch,
        event: &kismam::Event,
        rule: Option<&str>,
        athlete: &Prepared<'_>,
        reference: &Prepared<'_>,
    ) -> Self {
        let dominant = [
            athlete_side(&found, rule, athlete),
            dominant_side(&reference.series, &reference.signals, rule, reference_frames(&found)),
        ];
        let instant = |name: &str, frame, sigma_frames| Instant {
            name: name.to_owned(),
            frame,
            sigma_frames,
        };
        let carried = found.keyframes.iter();
        let mut athlete_instants: Vec<Instant> =
            carried.clone().map(|k| instant(&k.name, k.frame, k.sigma_frames)).collect();
        let mut reference_instants: Vec<Instant> =
            carried.map(|k| instant(&k.name, k.reference_frame, 0.0)).collect();
        for index in 0..found.keyframes.len() {
            let named = event.keyframes.iter().find(|k| k.name == found.keyframes[index].name);
            let Some(rule) = named.and_then(|keyframe| keyframe.snap.as_ref()) else { continue };
            let snapped = |instants: &[Instant], recording: &Prepared<'_>, dominant| {
                let (frame, fps) = (instants[index].frame, recording.series.fps());
                let snapped = snap(rule, &recording.signals, dominant, frame, fps)?;
                let before = index.checked_sub(1).is_none_or(|i| instants[i].frame < snapped);
                let after = instants.get(index + 1).is_none_or(|next| snapped < next.frame);
                (before && after).then_some(snapped)
            };
            let both = (
                snapped(&athlete_instants, athlete, dominant[0]),
                snapped(&reference_instants, reference, dominant[1]),
            );
            if let (Some(in_athlete), Some(in_reference)) = both {
                athlete_instants[index].frame = in_athlete;
                athlete_instants[index].sigma_frames = snapping::SIGMA_S * athlete.series.fps();
                reference_instants[index].frame = in_reference;
            }
        }
        Self { found, athlete_instants, reference_instants, dominant }
    }

    /// First and last keyframe in the athlete's recording, in sub-frames.
    pub(crate) fn ends(&self) -> [f64; 2] {
        let ends = [self.athlete_instants.first(), self.athlete_instants.last()];
        ends.map(|instant| instant.map_or(0.0, |instant| instant.frame))
    }
}

/// The side that does the deciding part in the athlete's recording.
pub(crate) fn athlete_side(
    found: &MotionMatch,
    rule: Option<&str>,
    athlete: &Prepared<'_>,
) -> Side {
    dominant_side(&athlete.series, &athlete.signals, rule, athlete_frames(found, rule))
}

/// Frames of the athlete in which the dominant side shows: the whole motion, or from the first keyframe where the rule
/// looks at that.
fn athlete_frames(found: &MotionMatch, rule: Option<&str>) -> std::ops::Range<usize> {
    match (rule, found.keyframes.first()) {
        (Some("ahead"), Some(first)) => first.frame as usize..found.interval.end,
        _ => found.interval.clone(),
    }
}

/// Frames of the reference from its first to its last keyframe.
fn reference_frames(found: &MotionMatch) -> std::ops::Range<usize> {
    let first = found.keyframes.first().map_or(0.0, |keyframe| keyframe.reference_frame);
    let last = found.keyframes.last().map_or(0.0, |keyframe| keyframe.reference_frame);
    first as usize..last.ceil() as usize + 1
}
