use pose::{Error, Joint, Measure, Side};
use proptest::prelude::*;

use crate::support::{Figure, in_picture, in_space, standing};

use Side::{Left, Right};

/// A half squat with bent elbows, every joint well away from straight.
fn half_squat() -> Figure {
    let mut figure = standing();
    for (side, z) in [(Right, 0.1), (Left, -0.1)] {
        figure.insert(Joint::Knee(side), [0.35, 0.7, 1.3 * z]);
        figure.insert(Joint::Ankle(side), [0.1, 0.4, z]);
        figure.insert(Joint::Heel(side), [0.02, 0.35, z]);
        figure.insert(Joint::Toe(side), [0.3, 0.36, 1.2 * z]);
        figure.insert(Joint::Elbow(side), [0.1, 1.1, 2.2 * z]);
        figure.insert(Joint::Wrist(side), [0.35, 1.2, 2.0 * z]);
    }
    figure
}

#[test]
fn every_hinge_changes_by_the_degrees_asked_for_at_the_centre_and_by_nothing_outside() {
    let series = in_space(&vec![half_squat(); 101], 50.0);
    for (joint, measure) in [
        (Joint::Knee(Left), Measure::Knee(Left)),
        (Joint::Elbow(Right), Measure::Elbow(Right)),
        (Joint::Hip(Left), Measure::Hip(Left)),
        (Joint::Ankle(Right), Measure::Ankle(Right)),
        (Joint::Shoulder(Right), Measure::Shoulder(Right)),
    ] {
        for degrees in [20.0, -15.0] {
            let edited = series.with_flexion_change(joint, degrees, 50.0, 0.4).unwrap();
            let (before, after) =
                (series.measure(measure).values[50], edited.measure(measure).values);
            assert!(
                (after[50] - before - degrees).abs() < 1e-9,
                "{joint}: {before} to {}",
                after[50]
            );
            // Half the window away the raised cosine is 1/2.
            assert!((after[40] - before - 0.5 * degrees).abs() < 1e-9);
            for f in (0..=30).chain(70..=100) {
                assert_eq!(after[f], before);
            }
        }
    }
}

#[test]
fn what_hangs_on_the_joint_moves_rigidly_and_the_rest_stays() {
    let series = in_space(&[half_squat(), half_squat(), half_squat()], 50.0);
    let edited = series.with_flexion_change(Joint::Knee(Left), 25.0, 1.0, 0.1).unwrap();
    let at = |s: &pose::SkeletonSeries, joint| s.position(1, joint).unwrap();
    let distance = |s, a, b| {
        let (a, b): ([f64; 3], [f64; 3]) = (at(s, a), at(s, b));
        (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
    };
    let limb = [Joint::Knee(Left), Joint::Ankle(Left), Joint::Heel(Left), Joint::Toe(Left)];
    for (a, b) in limb.iter().flat_map(|a| limb.iter().map(move |b| (*a, *b))) {
        assert!((distance(&series, a, b) - distance(&edited, a, b)).abs() < 1e-12);
    }
    for joint in series.joints().iter().filter(|j| !limb[1..].contains(j)) {
        assert_eq!(at(&series, *joint), at(&edited, *joint), "{joint}");
    }
    assert_ne!(at(&series, Joint::Ankle(Left)), at(&edited, Joint::Ankle(Left)));
}

#[test]
fn a_joint_opens_no_further_than_straight() {
    let series = in_space(&[half_squat(), half_squat(), half_squat()], 50.0);
    let edited = series.with_flexion_change(Joint::Knee(Left), 170.0, 1.0, 0.1).unwrap();
    assert!((edited.measure(Measure::Knee(Left)).values[1] - 180.0).abs() < 1e-6);
}

#[test]
fn a_straight_knee_bends_backward_and_a_straight_elbow_forward() {
    let standing = [standing(), standing(), standing()];
    for series in [in_space(&standing, 50.0), in_picture(&standing, [0, 1], 50.0)] {
        let knee = series.with_flexion_change(Joint::Knee(Right), -30.0, 1.0, 0.1).unwrap();
        assert!((knee.measure(Measure::Knee(Right)).values[1] - 150.0).abs() < 1e-9);
        assert!(knee.position(1, Joint::Ankle(Right)).unwrap()[0] < -0.1);
        let elbow = series.with_flexion_change(Joint::Elbow(Right), -30.0, 1.0, 0.1).unwrap();
        assert!((elbow.measure(Measure::Elbow(Right)).values[1] - 150.0).abs() < 1e-9);
        assert!(elbow.position(1, Joint::Wrist(Right)).unwrap()[0] > 0.1);
    }
}

#[test]
fn what_is_no_hinge_or_no_setting_is_refused() {
    let series = in_space(&[half_squat(), half_squat()], 50.0);
    let change = |joint, degrees, centre, half_width| {
        series.with_flexion_change(joint, degrees, centre, half_width)
    };
    assert!(matches!(
        change(Joint::Nose, 5.0, 0.0, 0.1),
        Err(Error::NotAHinge { joint: Joint::Nose })
    ));
    assert!(matches!(change(Joint::Knee(Left), f64::NAN, 0.0, 0.1), Err(Error::Setting { .. })));
    assert!(matches!(
        change(Joint::Knee(Left), 5.0, 2.0, 0.1),
        Err(Error::Setting { name: "centre frame", .. })
    ));
    assert!(matches!(change(Joint::Knee(Left), 5.0, 0.0, 0.0), Err(Error::Setting { .. })));
    let mut legless = half_squat();
    legless.remove(&Joint::Ankle(Left));
    let legless = in_space(&[legless.clone(), legless], 50.0);
    assert!(matches!(
        legless.with_flexion_change(Joint::Knee(Left), 5.0, 0.0, 0.1),
        Err(Error::NotAHinge { .. })
    ));
}

proptest! {
    #[test]
    fn bending_and_straightening_again_gives_the_pose_back(degrees in -40.0..40.0_f64) {
        let series = in_space(&[half_squat(), half_squat(), half_squat()], 50.0);
        let there = series.with_flexion_change(Joint::Knee(Right), degrees, 1.0, 0.03).unwrap();
        let back = there.with_flexion_change(Joint::Knee(Right), -degrees, 1.0, 0.03).unwrap();
        for (a, b) in back.positions().iter().zip(series.positions()) {
            prop_assert!((a - b).abs() < 1e-9);
        }
    }
}
