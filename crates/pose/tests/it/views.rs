use ndarray::Array2;
use pose::{Joint, Measure, Side, SkeletonSeries, Unit, View};

use crate::support::{Figure, assert_measure, assert_unmeasured, in_picture, in_space, standing};

use Side::{Left, Right};

/// The camera's right is the athlete's forward (x): seen from the right side.
const FROM_THE_RIGHT: [usize; 2] = [0, 1];
/// The camera's right is the athlete's right (z): seen from behind.
const FROM_BEHIND: [usize; 2] = [2, 1];

/// A forward lean with the right knee raised and turned in.
fn posed() -> Figure {
    let mut figure = standing();
    figure.insert(Joint::Knee(Right), [0.1, 0.52, 0.05]);
    for side in Side::BOTH {
        figure.get_mut(&Joint::Shoulder(side)).unwrap()[0] += 0.5;
    }
    figure
}

#[test]
fn a_side_view_measures_flexion_and_hides_the_frontal_plane() {
    let series = in_picture(&[posed(), posed()], FROM_THE_RIGHT, 30.0);
    assert_eq!(series.view(), View::Side);
    assert_measure(&series, Measure::Trunk, 0, 45.0);
    assert_measure(&series, Measure::Knee(Left), 0, 180.0);
    // The turned-in right leg looks 0.1 m ahead at the knee; leg length is the median of both.
    let leg = 0.5 * (0.8 + 0.1_f64.hypot(0.38) + 0.1_f64.hypot(0.42));
    assert_measure(&series, Measure::HipHeight, 0, 0.8 / leg);
    for hidden in
        [Measure::KneeValgus(Right), Measure::TrunkSide, Measure::KneeGap, Measure::StanceWidth]
    {
        assert_unmeasured(&series, hidden);
    }
}

#[test]
fn a_front_view_measures_the_frontal_plane_and_hides_flexion() {
    let behind = in_picture(&[posed(), posed()], FROM_BEHIND, 30.0);
    let facing: Vec<Figure> =
        vec![posed().into_iter().map(|(j, [x, y, z])| (j, [x, y, -z])).collect(); 2];
    let facing = in_picture(&facing, FROM_BEHIND, 30.0); // the athlete's right is now on the picture's left
    for series in [behind, facing] {
        assert_eq!(series.view(), View::Front);
        let bend = (0.05_f64 / 0.38).atan() + (0.05_f64 / 0.42).atan();
        assert_measure(&series, Measure::KneeValgus(Right), 0, bend.to_degrees());
        assert_measure(&series, Measure::KneeGap, 0, 0.75);
        assert_measure(&series, Measure::TrunkSide, 0, 0.0);
        for hidden in
            [Measure::Knee(Right), Measure::Trunk, Measure::Thigh(Left), Measure::FootAhead(Left)]
        {
            assert_unmeasured(&series, hidden);
        }
    }
}

#[test]
fn in_between_only_heights_are_measured_unless_the_view_is_stated() {
    let (sin, cos) = 35.0_f64.to_radians().sin_cos();
    let oblique: Figure =
        posed().into_iter().map(|(j, [x, y, z])| (j, [cos * x + sin * z, y, 0.0])).collect();
    let series = in_picture(&[oblique.clone(), oblique], FROM_THE_RIGHT, 30.0);
    assert_eq!(series.view(), View::Unclear);
    assert_unmeasured(&series, Measure::Knee(Left));
    assert_unmeasured(&series, Measure::KneeGap);
    assert!(series.measure(Measure::HipHeight).values[0].is_finite());
    let stated = series.with_view(View::Side);
    assert_eq!(stated.view(), View::Side);
    assert!(stated.measure(Measure::Knee(Left)).values[0].is_finite());
}

#[test]
fn facing_left_in_the_picture_is_still_forward() {
    let to_the_left: Figure = posed().into_iter().map(|(j, [x, y, z])| (j, [-x, y, z])).collect();
    let series = in_picture(&[to_the_left.clone(), to_the_left], FROM_THE_RIGHT, 30.0);
    assert_measure(&series, Measure::Trunk, 0, 45.0);
    assert_eq!(series.facing()[0], Some([-1.0, 0.0, 0.0]));
}

#[test]
fn travel_tells_forward_where_the_feet_are_not_recorded() {
    let shoeless = |x: f64| -> Figure {
        let no_feet = posed()
            .into_iter()
            .filter(|(j, _)| !matches!(j, Joint::Toe(_) | Joint::Heel(_) | Joint::Nose));
        no_feet.map(|(j, [px, y, z])| (j, [px + x, y, z])).collect()
    };
    let away: Vec<Figure> = (0..60).map(|f| shoeless(-0.05 * f64::from(f))).collect();
    assert_measure(&in_picture(&away, FROM_THE_RIGHT, 30.0), Measure::Trunk, 30, -45.0);
    let on_the_spot = in_picture(&[shoeless(0.0), shoeless(0.0)], FROM_THE_RIGHT, 30.0);
    assert_unmeasured(&on_the_spot, Measure::Trunk);
    assert_unmeasured(&on_the_spot, Measure::Thigh(Right));
    assert_measure(&on_the_spot, Measure::Knee(Left), 0, 180.0);
}

#[test]
fn a_shuttle_run_turns_forward_round() {
    let at = |f: i32| -> Figure {
        let sign = if f < 100 { 1.0 } else { -1.0 };
        posed().into_iter().map(|(j, [x, y, z])| (j, [sign * x, y, z])).collect()
    };
    let series = in_picture(&(0..200).map(at).collect::<Vec<_>>(), FROM_THE_RIGHT, 30.0);
    assert_measure(&series, Measure::Trunk, 20, 45.0);
    assert_measure(&series, Measure::Trunk, 180, 45.0);
    assert_eq!(series.facing()[20], Some([1.0, 0.0, 0.0]));
    assert_eq!(series.facing()[180], Some([-1.0, 0.0, 0.0]));
}

#[test]
fn the_far_leg_and_doubtful_points_are_less_certain() {
    let mut figure = posed();
    figure.insert(Joint::Knee(Right), [0.2, 0.55, 0.1]);
    figure.insert(Joint::Knee(Left), [0.2, 0.55, -0.1]);
    let series = in_picture(&[figure.clone(), figure], FROM_THE_RIGHT, 30.0);
    let sigma = |s: &SkeletonSeries, side| s.measure(Measure::Knee(side)).sigma[0];
    // Seen from the right; the standard deviation is 1.5 times as large on the left, the angle curves a little.
    let ratio = sigma(&series, Left) / sigma(&series, Right);
    assert!((1.4..1.6).contains(&ratio), "{ratio}");
    let half = Array2::from_elem(series.confidence().dim(), 0.5);
    let doubtful = SkeletonSeries::new(
        series.joints().to_vec(),
        series.positions().to_owned(),
        half,
        30.0,
        Unit::Pixel,
    )
    .unwrap();
    let ratio = sigma(&doubtful, Right) / sigma(&series, Right);
    assert!((1.8..2.2).contains(&ratio), "{ratio}");
}

#[test]
fn a_plane_in_three_columns_is_a_picture() {
    for depth in [0.0, 1e-13] {
        let flat = |f: usize| -> Figure {
            let jitter = depth * f as f64;
            posed()
                .into_iter()
                .enumerate()
                .map(|(i, (j, [x, y, _]))| (j, [x, y, jitter * i as f64]))
                .collect()
        };
        let series = in_space(&[flat(1), flat(2), flat(3)], 30.0);
        assert_eq!(series.view(), View::Side);
        assert_measure(&series, Measure::Trunk, 0, 45.0);
        assert_unmeasured(&series, Measure::KneeValgus(Right)); // not a constant 0 or 90
    }
    let on_edge: Vec<Figure> =
        vec![posed().into_iter().map(|(j, [x, y, _])| (j, [1e-13 * x, y, x])).collect(); 2];
    let series = in_space(&on_edge, 30.0);
    assert_measure(&series, Measure::Trunk, 0, 45.0);
    assert_eq!(series.facing()[0], Some([0.0, 0.0, 1.0]));
}

#[test]
fn a_dead_vertical_axis_measures_nothing() {
    let fallen: Vec<Figure> =
        vec![posed().into_iter().map(|(j, [x, _, z])| (j, [x, 0.7, z])).collect(); 2];
    let in_space = in_space(&fallen, 30.0);
    let in_picture = in_picture(&fallen, FROM_THE_RIGHT, 30.0).with_view(View::Side);
    for measure in Measure::all() {
        assert_unmeasured(&in_space, measure);
        assert_unmeasured(&in_picture, measure);
    }
}
