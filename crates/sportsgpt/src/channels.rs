//! What the aligner compares.

use motion_dtw::Motion;
use ndarray::Array2;
use pose::{Measure, Side, SignalUnit};

use crate::signals::Signals;

/// What describes a whole-body motion independently of body size and place: the included angles of the
/// ten large joints, the inclinations of thighs, shanks and trunk, and how high wrists and pelvis are.
///
/// The paper aligns joint angles weighted by "biomechanical relevance" but lists neither; these, with
/// equal weights, are ours.
pub(crate) fn measures() -> Vec<Measure> {
    use Measure::{
        Ankle, Elbow, Hip, HipHeight, Knee, PelvisHeight, Shank, Shoulder, Thigh, Trunk,
        WristHeight,
    };
    let pairs = [Knee, Hip, Ankle, Elbow, Shoulder, Thigh, Shank, WristHeight];
    let both = pairs.into_iter().flat_map(|measure| Side::BOTH.map(measure));
    both.chain([Trunk, HipHeight, PelvisHeight]).collect()
}

/// Heights become as large as angles: one leg length counts like a radian, in degrees (ours).
fn scale(unit: SignalUnit) -> f64 {
    if unit == SignalUnit::Degrees { 1.0 } else { 1.0_f64.to_degrees() }
}

/// The motion that the aligner sees: one channel per measure, NaN where a joint was not seen.
///
/// `None` if nothing at all was seen.
pub(crate) fn motion(signals: &Signals, fps: f64) -> Option<motion_dtw::Result<Motion>> {
    let signals: Vec<(f64, &[f64])> = measures()
        .into_iter()
        .filter_map(|measure| Some((scale(measure.unit()), signals.of_measure(measure)?)))
        .map(|(scale, signal)| (scale, signal.values.as_slice()))
        .collect();
    let num_frames = signals.first().map_or(0, |(_, values)| values.len());
    let channels = Array2::from_shape_fn((num_frames, signals.len()), |(frame_idx, channel)| {
        let (scale, values) = signals[channel];
        scale * values[frame_idx]
    });
    let seen = channels.iter().any(|value| value.is_finite());
    seen.then(|| Motion::new(channels, fps))
}
