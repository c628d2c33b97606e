//! Left and right confused: put back on made and real motion, nothing changed where nothing is wrong.

use std::ops::Range;

use ndarray::s;
use pose::{Cleaning, Joint, Limbs, Side, SkeletonSeries, Swap, Unit, read};

use crate::support::shared_data;

/// The series with the legs' names exchanged in the given frames.
fn swapped(series: &SkeletonSeries, ranges: &[Range<usize>]) -> SkeletonSeries {
    let mut positions = series.positions().to_owned();
    let mut confidence = series.confidence().to_owned();
    let pairs = [Joint::Knee, Joint::Ankle, Joint::Heel, Joint::Toe, Joint::SmallToe];
    for joint in pairs {
        let place = |side| series.joints().iter().position(|j| *j == joint(side));
        let (Some(l), Some(r)) = (place(Side::Left), place(Side::Right)) else { continue };
        for f in ranges.iter().cloned().flatten() {
            for dim in 0..series.num_dims() {
                positions.swap([f, l, dim], [f, r, dim]);
            }
            confidence.swap([f, l], [f, r]);
        }
    }
    SkeletonSeries::new(
        series.joints().to_vec(),
        positions,
        confidence,
        series.fps(),
        series.unit(),
    )
    .unwrap()
}

/// The side view of a recording in space, as its first and second axis show it.
fn side_view(series: &SkeletonSeries) -> SkeletonSeries {
    let flat = series.positions().slice(s![.., .., ..2]).to_owned();
    SkeletonSeries::new(
        series.joints().to_vec(),
        flat,
        series.confidence().to_owned(),
        series.fps(),
        Unit::Metre,
    )
    .unwrap()
}

fn frames(swaps: &[Swap]) -> Vec<usize> {
    swaps.iter().filter(|s| s.limbs == Limbs::Legs).flat_map(|s| s.frame_range.clone()).collect()
}

#[test]
fn swaps_put_into_real_runs_are_found() {
    let Some(folder) = shared_data("motion") else { return };
    let (mut num_put, mut num_found, mut num_false) = (0, 0, 0);
    for name in
        ["ja1_run0700cms", "cmu_run_1", "cmu_walk_2", "ocap4_walking1", "cmu_kick_1", "ocap4_DJ1"]
    {
        let recording = read(&folder.join(format!("{name}.csv")), None, None).unwrap();
        let view = side_view(&Cleaning::new().apply(&recording.series).unwrap().0);
        // At the rate of a phone, where limbs leap further from frame to frame.
        let view = view.resampled(30.0).unwrap();
        assert!(view.swaps().is_empty(), "{name}: {:?}", view.swaps());
        let n = view.num_frames();
        let put = [n / 5..n / 5 + 3, n / 2..n / 2 + n / 10];
        let wrong = swapped(&view, &put);
        let found = frames(&wrong.swaps());
        let truth: Vec<usize> = put.iter().cloned().flatten().collect();
        num_put += truth.len();
        num_found += truth.iter().filter(|f| found.contains(f)).count();
        num_false += found.iter().filter(|f| !truth.contains(f)).count();
    }
    eprintln!("{num_found} of {num_put} swapped frames found, {num_false} others named");
    assert!(num_found * 10 >= num_put * 9 && num_false * 10 <= num_put);
}

#[test]
fn a_filmed_runner_s_swap_is_mended() {
    let Some(folder) = shared_data("pose") else { return };
    let run =
        read(&folder.join("run_treadmill_side.rtmpose_halpe26.json"), None, None).unwrap().series;
    let known = frames(&run.swaps());
    eprintln!("swapped as filmed: {known:?}");
    assert!(known.len() < 36, "{known:?}"); // a tenth of the frames
    let (mended, _) = run.without_swaps();
    let (again, _) = swapped(&mended, &[100..104, 200..220]).without_swaps();
    let knee = Joint::Knee(Side::Left);
    let wrong = (0..360).filter(|f| again.position(*f, knee) != mended.position(*f, knee)).count();
    assert!(wrong <= 4, "{wrong} frames differ");
}

#[test]
fn a_recording_without_legs_or_trunk_has_no_swaps() {
    let positions = ndarray::Array3::zeros((5, 1, 2));
    let confidence = ndarray::Array2::ones((5, 1));
    let nose =
        SkeletonSeries::new(vec![Joint::Nose], positions, confidence, 30.0, Unit::Pixel).unwrap();
    assert!(nose.swaps().is_empty());
}
