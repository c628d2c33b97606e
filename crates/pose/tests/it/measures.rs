use pose::{Joint, Measure, Side, SkeletonSeries};
use proptest::prelude::*;

use crate::support::{Figure, assert_measure, assert_unmeasured, in_space, standing};

use Side::{Left, Right};

#[test]
fn standing_upright_is_straight_and_level() {
    let series = in_space(&[standing(), standing()], 50.0);
    for side in Side::BOTH {
        assert_measure(&series, Measure::Knee(side), 0, 180.0);
        assert_measure(&series, Measure::Elbow(side), 0, 180.0);
        assert_measure(&series, Measure::Ankle(side), 0, 90.0);
        for zero in [Measure::Thigh, Measure::Shank, Measure::KneeValgus, Measure::FootAhead] {
            assert_measure(&series, zero(side), 0, 0.0);
        }
        assert_measure(&series, Measure::WristHeight(side), 0, -0.6 / 0.8);
    }
    assert_measure(&series, Measure::Trunk, 0, 0.0);
    assert_measure(&series, Measure::TrunkSide, 0, 0.0);
    assert_measure(&series, Measure::HipHeight, 0, 1.0);
    assert_measure(&series, Measure::KneeGap, 0, 1.0);
    assert_measure(&series, Measure::StanceWidth, 0, 0.2 / 0.8);
}

#[test]
fn a_thigh_raised_to_level_is_a_right_angle_at_hip_and_knee() {
    let mut figure = standing();
    figure.insert(Joint::Knee(Right), [0.4, 0.9, 0.1]);
    figure.insert(Joint::Ankle(Right), [0.4, 0.5, 0.1]);
    let series = in_space(&[figure, standing(), standing()], 50.0);
    assert_measure(&series, Measure::Knee(Right), 0, 90.0);
    assert_measure(&series, Measure::Hip(Right), 0, 90.0);
    assert_measure(&series, Measure::Thigh(Right), 0, 90.0);
    assert_measure(&series, Measure::Shank(Right), 0, 0.0);
    assert_measure(&series, Measure::FootAhead(Right), 0, 0.5);
    assert_measure(&series, Measure::HipHeight, 0, 1.0); // the lower ankle counts
    // Level thigh: a frontal knee angle means nothing.
    assert!(series.measure(Measure::KneeValgus(Right)).values[0].is_nan());
}

/// Each signed measure in both directions: a swap of "too far forward" and "too far back" must not pass.
#[test]
fn forward_right_and_inward_are_positive() {
    let moved = |joint: Joint, by: [f64; 3]| {
        let mut figure = standing();
        let p = figure.get_mut(&joint).unwrap();
        (0..3).for_each(|i| p[i] += by[i]);
        in_space(&[figure, standing()], 50.0)
    };
    let lean = |by: [f64; 3]| {
        let mut figure = standing();
        for side in Side::BOTH {
            let p = figure.get_mut(&Joint::Shoulder(side)).unwrap();
            (0..3).for_each(|i| p[i] += by[i]);
        }
        in_space(&[figure, standing()], 50.0)
    };
    for sign in [1.0, -1.0] {
        let x = |d: f64| [sign * d, 0.0, 0.0];
        let z = |d: f64| [0.0, 0.0, sign * d];
        // tan 45 deg of a thigh or shank 0.4 long, of a trunk 0.5 long.
        assert_measure(&moved(Joint::Knee(Left), x(0.4)), Measure::Thigh(Left), 0, sign * 45.0);
        assert_measure(&moved(Joint::Knee(Left), x(0.4)), Measure::Shank(Left), 0, sign * 45.0);
        assert_measure(&moved(Joint::Ankle(Left), x(0.4)), Measure::Shank(Left), 0, sign * -45.0);
        assert_measure(&lean(x(0.5)), Measure::Trunk, 0, sign * 45.0);
        assert_measure(&lean(z(0.5)), Measure::TrunkSide, 0, sign * 45.0);
        let bend = 2.0 * (0.05_f64 / 0.4).atan().to_degrees();
        assert_measure(
            &moved(Joint::Knee(Left), z(0.05)),
            Measure::KneeValgus(Left),
            0,
            sign * bend,
        );
        assert_measure(
            &moved(Joint::Knee(Right), z(0.05)),
            Measure::KneeValgus(Right),
            0,
            -sign * bend,
        );
        assert_measure(
            &moved(Joint::Knee(Right), z(0.05)),
            Measure::KneeGap,
            0,
            (0.2 + sign * 0.05) / 0.2,
        );
        // Leg length is the median of four legs, three of them 0.8 m.
        assert_measure(
            &moved(Joint::Ankle(Right), x(0.16)),
            Measure::FootAhead(Right),
            0,
            sign * 0.16 / 0.8,
        );
    }
}

#[test]
fn arms_are_measured_from_hanging_to_overhead() {
    let raised = |elbow: [f64; 3], wrist: [f64; 3]| {
        let mut figure = standing();
        // A shoulder straight above the hip, so that the trunk line is vertical.
        figure.insert(Joint::Shoulder(Right), [0.0, 1.4, 0.1]);
        figure.insert(Joint::Elbow(Right), elbow);
        figure.insert(Joint::Wrist(Right), wrist);
        in_space(&[figure, standing()], 50.0)
    };
    assert_measure(&raised([0.0, 1.1, 0.1], [0.3, 1.1, 0.1]), Measure::Shoulder(Right), 0, 0.0);
    assert_measure(&raised([0.0, 1.1, 0.1], [0.3, 1.1, 0.1]), Measure::Elbow(Right), 0, 90.0);
    assert_measure(&raised([0.3, 1.4, 0.1], [0.6, 1.4, 0.1]), Measure::Shoulder(Right), 0, 90.0);
    assert_measure(&raised([0.0, 1.7, 0.1], [0.0, 2.0, 0.1]), Measure::Shoulder(Right), 0, 180.0);
    assert_measure(
        &raised([0.0, 1.7, 0.1], [0.0, 2.0, 0.1]),
        Measure::WristHeight(Right),
        0,
        0.6 / 0.8,
    );
}

#[test]
fn facing_follows_an_athlete_who_turns_round() {
    // Two turns a minute for 10 s; one foot always 0.2 m ahead.
    let mut figure = standing();
    figure.get_mut(&Joint::Ankle(Left)).unwrap()[0] += 0.2;
    let figures: Vec<_> = (0..500).map(|f| turned(&figure, f64::from(f) / 500.0 * 120.0)).collect();
    let signal = in_space(&figures, 50.0).measure(Measure::FootAhead(Left));
    let expected = signal.values[0];
    assert!(expected > 0.2);
    // The window is cut at the ends, which lags by half of 0.125 s at 12 deg/s: 0.75 deg.
    for value in signal.values {
        assert!((value - expected).abs() < 0.01, "{value}");
    }
}

#[test]
fn a_left_handed_file_is_saved_by_its_feet() {
    // z turned over without exchanging sides: the hips alone would face the athlete backwards.
    let figure: Figure = standing().into_iter().map(|(j, [x, y, z])| (j, [x, y, -z])).collect();
    let mut leaning = figure.clone();
    Side::BOTH.iter().for_each(|s| leaning.get_mut(&Joint::Shoulder(*s)).unwrap()[0] += 0.5);
    let series = in_space(&[leaning, figure], 50.0);
    assert_measure(&series, Measure::Trunk, 0, 45.0);
    assert_eq!(series.facing()[0].map(|f| f[0].round()), Some(1.0));
}

#[test]
fn without_hips_or_feet_forward_cannot_be_told_but_included_angles_can() {
    let keep = [Joint::Hip(Left), Joint::Knee(Left), Joint::Ankle(Left), Joint::Shoulder(Left)];
    let mut figure: Figure =
        standing().into_iter().filter(|(joint, _)| keep.contains(joint)).collect();
    figure.insert(Joint::Ankle(Left), [-0.4, 0.5, -0.12]);
    let series = in_space(&[figure.clone(), figure], 50.0);
    let knee = series.measure(Measure::Knee(Left)).values[0];
    assert!((knee - 90.0).abs() < 1.0, "{knee}");
    for measure in
        [Measure::Thigh(Left), Measure::Shank(Left), Measure::Trunk, Measure::StanceWidth]
    {
        assert_unmeasured(&series, measure);
    }
}

#[test]
fn segments_without_length_have_no_angle() {
    let mut figure = standing();
    figure.insert(Joint::Toe(Left), figure[&Joint::Ankle(Left)]);
    figure.insert(Joint::Knee(Right), figure[&Joint::Hip(Right)]);
    let series = in_space(&[figure, standing(), standing()], 50.0);
    for measure in
        [Measure::Ankle(Left), Measure::Knee(Right), Measure::Hip(Right), Measure::Thigh(Right)]
    {
        let signal = series.measure(measure);
        assert!(
            signal.values[0].is_nan() && signal.sigma[0].is_nan() && signal.values[1].is_finite(),
            "{measure}"
        );
    }
}

#[test]
fn a_missing_joint_unmeasures_only_what_needs_it() {
    let mut seen = standing();
    seen.remove(&Joint::Knee(Left));
    let series = in_space(&[standing(), seen], 50.0);
    assert!(series.measure(Measure::Knee(Left)).values[1].is_nan());
    assert!(series.measure(Measure::KneeGap).values[1].is_nan());
    assert_measure(&series, Measure::Knee(Right), 1, 180.0);
    assert_measure(&series, Measure::HipHeight, 1, 1.0);
}

#[test]
fn uncertainty_is_that_of_a_lever() {
    // A right-angled elbow: 5 mm at wrist and shoulder across short levers, and at the elbow across both.
    let mut figure = standing();
    figure.insert(Joint::Wrist(Right), [0.15, 1.1, 0.2]);
    let sigma = in_space(&[figure, standing()], 50.0).measure(Measure::Elbow(Right)).sigma[0];
    let (wrist, shoulder) = (1.0 / 0.15_f64, 1.0 / 0.3_f64);
    let expected = (0.005 * (2.0 * (wrist.powi(2) + shoulder.powi(2))).sqrt()).to_degrees();
    // Steps of one standard deviation see a little curvature that the lever formula leaves out.
    assert!((sigma - expected).abs() < 0.02 * expected, "{sigma}, expected {expected}");
    let straight =
        in_space(&[standing(), standing()], 50.0).measure(Measure::Thigh(Right)).sigma[0];
    assert_eq!(straight, 2.0); // never better than the floor
}

fn turned(figure: &Figure, degrees: f64) -> Figure {
    let (sin, cos) = degrees.to_radians().sin_cos();
    figure.iter().map(|(j, [x, y, z])| (*j, [cos * x + sin * z, *y, cos * z - sin * x])).collect()
}

/// A standing figure with every joint moved by up to 4 cm.
fn shaken() -> impl Strategy<Value = Figure> {
    proptest::collection::vec(-0.04..0.04_f64, 3 * standing().len()).prop_map(|noise| {
        let mut figure = standing();
        for (p, by) in figure.values_mut().zip(noise.chunks_exact(3)) {
            (0..3).for_each(|i| p[i] += by[i]);
        }
        figure
    })
}

#[track_caller]
fn assert_same(
    a: &SkeletonSeries,
    b: &SkeletonSeries,
    sigma_tolerance: f64,
    counterpart: impl Fn(Measure) -> (Measure, f64),
) {
    for measure in Measure::all() {
        let (other, sign) = counterpart(measure);
        let (a, b) = (a.measure(measure), b.measure(other));
        for (x, y) in a.values.iter().zip(&b.values) {
            // Differences of rounding in coordinates near 100, magnified near straight joints.
            let same = (x - sign * y).abs() < 1e-6 || (x.is_nan() && y.is_nan());
            assert!(same, "{measure}: {x} against {y}");
        }
        for (x, y) in a.sigma.iter().zip(&b.sigma) {
            let same = (x - y).abs() <= sigma_tolerance * x || (x.is_nan() && y.is_nan());
            assert!(same, "sigma of {measure}: {x} against {y}");
        }
    }
}

proptest! {
    #[test]
    fn turning_and_moving_the_world_changes_nothing(
        figure in shaken(), degrees in -180.0..180.0_f64, shift in -50.0..50.0_f64, other in shaken(),
    ) {
        let at_home = in_space(&[figure.clone(), other.clone()], 50.0);
        let abroad = |f: &Figure| -> Figure {
            turned(f, degrees).into_iter().map(|(j, [x, y, z])| (j, [x + shift, y - shift, z + 2.0 * shift])).collect()
        };
        // Steps along the axes of another world meet the bend of a nearly straight joint elsewhere.
        let away = in_space(&[abroad(&figure), abroad(&other)], 50.0);
        assert_same(&at_home, &away, 0.2, |m| (m, 1.0));
    }

    #[test]
    fn a_mirror_exchanges_the_sides(figure in shaken(), other in shaken()) {
        let series = in_space(&[figure, other], 50.0);
        assert_same(&series, &series.mirrored(), 1e-6, |measure| match (measure, measure.side()) {
            (Measure::TrunkSide | Measure::PelvisShift, _) => (measure, -1.0),
            (_, None) => (measure, 1.0),
            (_, Some(side)) => (Measure::parse(measure.name(), Some(side.other())).unwrap(), 1.0),
        });
    }
}
