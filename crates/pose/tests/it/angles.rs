//! Laboratory angles: by hand, against NumPy and SciPy in space, against Sports2D in a picture.

use std::collections::BTreeMap;

use pose::{Angle, Joint, Measure, Side, SkeletonSeries, View, read};
use serde::Deserialize;

use crate::support::{Figure, in_picture, in_space, shared_data, standing};

#[track_caller]
fn assert_angle(series: &SkeletonSeries, angle: Angle, expected: f64) {
    let value = series.angle(angle).values[0];
    // Rounding of a dozen operations on numbers near 1, in degrees.
    assert!((value - expected).abs() < 1e-9, "{angle} is {value}, expected {expected}");
}

/// Right thigh level and forward, knee at a right angle; left arm out to the side; right foot raised by 45 degrees.
fn posed() -> Figure {
    let mut figure = standing();
    figure.insert(Joint::Knee(Side::Right), [0.4, 0.9, 0.1]);
    figure.insert(Joint::Ankle(Side::Right), [0.4, 0.5, 0.1]);
    figure.insert(Joint::Heel(Side::Right), [0.4, 0.45, 0.1]);
    figure.insert(Joint::Toe(Side::Right), [0.6, 0.65, 0.1]);
    figure.insert(Joint::Elbow(Side::Left), [0.0, 1.4, -0.5]);
    figure.insert(Joint::Wrist(Side::Left), [0.0, 1.4, -0.8]);
    figure
}

#[test]
fn a_raised_thigh_and_a_raised_arm_by_hand() {
    let space = in_space(&vec![posed(); 2], 50.0);
    let side = in_picture(&vec![posed(); 2], [0, 1], 50.0);
    assert_eq!((space.view(), side.view()), (View::Space, View::Side));
    for series in [&space, &side] {
        assert_angle(series, Angle::Hip(Side::Right), 90.0);
        assert_angle(series, Angle::Knee(Side::Right), 90.0);
        assert_angle(series, Angle::Knee(Side::Left), 0.0);
        assert_angle(series, Angle::Ankle(Side::Right), 45.0);
        assert_angle(series, Angle::FootSegment(Side::Right), 45.0);
        assert_angle(series, Angle::ShankSegment(Side::Left), -90.0);
        assert_angle(series, Angle::ThighSegment(Side::Right), 0.0);
        assert_angle(series, Angle::TrunkSegment, 90.0);
    }
    assert_angle(&space, Angle::ShoulderAbduction(Side::Left), 90.0);
    assert_angle(&space, Angle::ShoulderAbduction(Side::Right), 0.0);
    assert_angle(&space, Angle::HipAdduction(Side::Left), 0.0);
    assert_angle(&space, Angle::PelvisSegment, 0.0);
    // An arm along the axis it would flex about has no flexion; what a side view hides has no value.
    assert!(space.angle(Angle::Shoulder(Side::Left)).values[0].is_nan());
    for hidden in [Angle::HipAdduction(Side::Left), Angle::PelvisSegment, Angle::ShouldersSegment] {
        assert!(side.angle(hidden).values[0].is_nan(), "{hidden}");
    }
    let front = in_picture(&vec![posed(); 2], [2, 1], 50.0);
    assert_eq!(front.view(), View::Front);
    assert!(front.angle(Angle::Knee(Side::Right)).values[0].is_nan());
    assert_angle(&front, Angle::PelvisSegment, 0.0);
}

#[test]
fn an_overstretched_knee_is_negative_in_a_picture_whichever_way_it_faces() {
    let mut figure = standing();
    figure.insert(Joint::Knee(Side::Left), [-0.04, 0.5, -0.1]);
    let right = in_picture(&vec![figure.clone(); 2], [0, 1], 50.0);
    let mirrored: Figure = figure.iter().map(|(j, [x, y, z])| (*j, [-x, *y, *z])).collect();
    let left = in_picture(&vec![mirrored; 2], [0, 1], 50.0);
    let expected = -2.0 * (0.04_f64 / 0.4).atan().to_degrees();
    assert_angle(&right, Angle::Knee(Side::Left), expected);
    assert_angle(&left, Angle::Knee(Side::Left), expected);
    // Measures count from 180 and cannot tell.
    assert!((right.measure(Measure::Knee(Side::Left)).values[0] - (180.0 + expected)).abs() < 1e-9);
}

#[test]
fn names_are_unique_and_every_angle_has_a_value_or_a_reason() {
    let all = Angle::all();
    let mut names: Vec<String> = all.iter().map(Angle::to_string).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all.len());
    let space = in_space(&vec![posed(); 2], 50.0);
    for angle in all {
        let signal = space.angle(angle);
        for (value, sigma) in signal.values.iter().zip(&signal.sigma) {
            assert_eq!(value.is_nan(), sigma.is_nan(), "{angle}");
            assert!(
                value.is_nan() || (value.abs() <= 180.0 && *sigma >= 2.0),
                "{angle}: {value} {sigma}"
            );
        }
    }
}

#[test]
fn short_segments_and_doubt_make_an_angle_less_certain() {
    let series = in_picture(&vec![standing(); 2], [0, 1], 50.0);
    let sigma = |s: &SkeletonSeries, angle| s.angle(angle).sigma[0];
    // The foot (0.25 m) turns further than the shank (0.4 m) for the same error.
    assert!(
        sigma(&series, Angle::FootSegment(Side::Right))
            > 1.4 * sigma(&series, Angle::ShankSegment(Side::Right))
    );
    let half = ndarray::Array2::from_elem(series.confidence().dim(), 0.5);
    let doubtful = SkeletonSeries::new(
        series.joints().to_vec(),
        series.positions().to_owned(),
        half,
        50.0,
        series.unit(),
    )
    .unwrap();
    let ratio = sigma(&doubtful, Angle::ShankSegment(Side::Right))
        / sigma(&series, Angle::ShankSegment(Side::Right));
    assert!((1.9..2.1).contains(&ratio), "{ratio}");
}

/// What the scripts beside the goldens compute.
#[derive(Deserialize)]
struct Golden {
    #[serde(default)]
    file: String,
    frame: usize,
    angles: BTreeMap<String, Option<f64>>,
}

#[test]
fn angles_in_space_equal_an_independent_computation() {
    let Some(folder) = shared_data("motion") else { return };
    let goldens: Vec<Golden> =
        serde_json::from_str(include_str!("../fixtures/angles.json")).unwrap();
    let mut cache: BTreeMap<String, SkeletonSeries> = BTreeMap::new();
    let (mut num_values, mut largest) = (0, 0.0_f64);
    for Golden { file, frame, angles } in goldens {
        let series = cache.entry(file.clone()).or_insert_with(|| {
            read(&folder.join(format!("{file}.csv")), None, None).unwrap().series
        });
        for angle in Angle::all() {
            let value = series.angle(angle).values[frame];
            match angles.get(&angle.to_string()).copied().flatten() {
                // The arm within a degree of the limit of 10 degrees is either.
                None => assert!(
                    value.is_nan() || matches!(angle, Angle::Shoulder(_)),
                    "{file} {frame} {angle}: {value}"
                ),
                Some(expected) => {
                    let difference = (value - expected).abs();
                    assert!(difference < 1e-6, "{file} {frame} {angle}: {value}, SciPy {expected}");
                    largest = largest.max(difference);
                    num_values += 1;
                }
            }
        }
    }
    eprintln!("{num_values} values, largest difference {largest:e}");
    assert!(num_values > 400, "{num_values}");
}

#[test]
fn angles_in_a_picture_equal_sports2d() {
    let Some(folder) = shared_data("pose/run_treadmill_side_formats") else { return };
    let series = read(&folder.join("sports2d_px.trc"), None, None).unwrap().series;
    let goldens: Vec<Golden> =
        serde_json::from_str(include_str!("../fixtures/sports2d.json")).unwrap();
    let angle_of = |name: &str| {
        let (side, part) = match name.split_once(' ') {
            Some(("left", part)) => (Side::Left, part),
            Some((_, part)) => (Side::Right, part),
            None => (Side::Left, name),
        };
        Some(match part {
            "ankle" => Angle::Ankle(side),
            "knee" => Angle::Knee(side),
            "hip" => Angle::Hip(side),
            "shoulder" => Angle::Shoulder(side),
            "elbow" => Angle::Elbow(side),
            "foot" => Angle::FootSegment(side),
            "shank" => Angle::ShankSegment(side),
            "thigh" => Angle::ThighSegment(side),
            "arm" => Angle::ArmSegment(side),
            "forearm" => Angle::ForearmSegment(side),
            "trunk" => Angle::TrunkSegment,
            "head" => Angle::HeadSegment,
            // A side view hides these; Sports2D gives the slope of the line in the picture.
            "pelvis" | "shoulders" => return None,
            other => panic!("{other}"),
        })
    };
    let (mut num_values, mut largest) = (0, 0.0_f64);
    for Golden { frame, angles, .. } in goldens {
        for (name, expected) in angles {
            let (Some(angle), Some(expected)) = (angle_of(&name), expected) else { continue };
            let value = series.angle(angle).values[frame];
            let difference =
                (value - expected - 360.0 * ((value - expected) / 360.0).round()).abs();
            // The same doubles through other operations; 0.1 degrees is what a coach could see.
            assert!(difference < 1e-6, "frame {frame} {angle}: {value}, Sports2D {expected}");
            largest = largest.max(difference);
            num_values += 1;
        }
    }
    eprintln!("{num_values} values, largest difference {largest:e}");
    assert_eq!(num_values, 10 * 22);
}
