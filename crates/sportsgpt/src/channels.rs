//! What the aligner compares.

use motion_dtw::Motion;
use ndarray::Array2;
use pose::{Measure, Side, SignalUnit, SkeletonSeries};

/// What describes a whole-body motion independently of body size and place: the included angles of the
/// ten large joints, the inclinations of thighs, shanks and trunk, and how high wrists and pelvis are.
///
/// The paper aligns joint angles weighted by "biomechanical relevance" but lists neither; these, with
/// equal weights, are ours.
fn measures() -> Vec<Measure> {
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
pub(crate) fn motion(series: &SkeletonSeries) -> Option<motion_dtw::Result<Motion>> {
    let measures = measures();
    let mut channels = Array2::from_elem((series.num_frames(), measures.len()), f64::NAN);
    for (mut channel, measure) in channels.columns_mut().into_iter().zip(measures) {
        let scale = scale(measure.unit());
        for (cell, value) in channel.iter_mut().zip(series.measure(measure).values) {
            *cell = scale * value;
        }
    }
    let seen = channels.iter().any(|value| value.is_finite());
    seen.then(|| Motion::new(channels, series.fps()))
}
