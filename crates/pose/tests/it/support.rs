//! A made-up athlete of round numbers: faces +x, right is +z, legs of 0.8 m, trunk of 0.5 m.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Array3};
use pose::{Joint, Measure, Side, SkeletonSeries, Unit};

pub(crate) type Figure = BTreeMap<Joint, [f64; 3]>;

/// Upright, arms hanging.
pub(crate) fn standing() -> Figure {
    let mut figure = Figure::from([(Joint::Nose, [0.1, 1.6, 0.0]), (Joint::Neck, [0.0, 1.4, 0.0])]);
    for (side, sign) in [(Side::Right, 1.0), (Side::Left, -1.0)] {
        figure.extend([
            (Joint::Shoulder(side), [0.0, 1.4, 0.2 * sign]),
            (Joint::Elbow(side), [0.0, 1.1, 0.2 * sign]),
            (Joint::Wrist(side), [0.0, 0.8, 0.2 * sign]),
            (Joint::Hip(side), [0.0, 0.9, 0.1 * sign]),
            (Joint::Knee(side), [0.0, 0.5, 0.1 * sign]),
            (Joint::Ankle(side), [0.0, 0.1, 0.1 * sign]),
            (Joint::Heel(side), [-0.05, 0.05, 0.1 * sign]),
            (Joint::Toe(side), [0.2, 0.1, 0.1 * sign]),
        ]);
    }
    figure
}

/// Frames in space; a joint absent from a later figure is missing there.
pub(crate) fn in_space(figures: &[Figure], fps: f64) -> SkeletonSeries {
    series(figures, &[0, 1, 2], fps, Unit::Metre)
}

/// Frames as a camera sees them: `axes` are the figure's axes along the picture's right and up.
pub(crate) fn in_picture(figures: &[Figure], axes: [usize; 2], fps: f64) -> SkeletonSeries {
    series(figures, &axes, fps, Unit::Pixel)
}

fn series(figures: &[Figure], axes: &[usize], fps: f64, unit: Unit) -> SkeletonSeries {
    let joints: Vec<Joint> = figures[0].keys().copied().collect();
    let at = |f: usize, j: usize| figures[f].get(&joints[j]);
    let positions =
        Array3::from_shape_fn((figures.len(), joints.len(), axes.len()), |(f, j, k)| {
            at(f, j)
                .map_or(f64::NAN, |p| p[axes[k]] * if unit == Unit::Pixel { 200.0 } else { 1.0 })
        });
    let confidence = Array2::from_shape_fn((figures.len(), joints.len()), |(f, j)| {
        f64::from(at(f, j).is_some())
    });
    SkeletonSeries::new(joints, positions, confidence, fps, unit).unwrap()
}

#[track_caller]
pub(crate) fn assert_measure(
    series: &SkeletonSeries,
    measure: Measure,
    frame_idx: usize,
    expected: f64,
) {
    let value = series.measure(measure).values[frame_idx];
    // Rounding of a dozen operations on numbers near 1, in degrees.
    assert!((value - expected).abs() < 1e-9, "{measure} is {value}, expected {expected}");
}

#[track_caller]
pub(crate) fn assert_unmeasured(series: &SkeletonSeries, measure: Measure) {
    let signal = series.measure(measure);
    assert!(
        signal.values.iter().chain(&signal.sigma).all(|v| v.is_nan()),
        "{measure} is {:?}",
        signal.values
    );
}

/// The shared real recordings; `None`, said aloud, where this machine lacks them.
pub(crate) fn shared_data(what: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(what);
    if !path.exists() {
        eprintln!("skipped: {what} is not on this machine");
        return None;
    }
    Some(path)
}
