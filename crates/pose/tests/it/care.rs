use ndarray::{Array2, Array3, s};
use pose::{Cleaning, Error, Fill, Joint, Measure, Side, SkeletonSeries, Unit};
use proptest::prelude::*;

const FPS: f64 = 100.0;
const KNEE: Joint = Joint::Knee(Side::Left);

/// One joint that moves along a parabola in x and a line in y, seen with the given confidence.
fn knee(confidence: &[f64]) -> SkeletonSeries {
    let positions = Array3::from_shape_fn((confidence.len(), 1, 2), |(f, _, dim)| match dim {
        0 => (f as f64 / FPS).powi(2),
        _ => 2.0 + 0.5 * f as f64 / FPS,
    });
    let confidence = Array2::from_shape_vec((confidence.len(), 1), confidence.to_vec()).unwrap();
    SkeletonSeries::new(vec![KNEE], positions, confidence, FPS, Unit::Metre).unwrap()
}

fn with_gap(num_frames: usize, gap: std::ops::Range<usize>) -> SkeletonSeries {
    knee(&(0..num_frames).map(|f| if gap.contains(&f) { 0.0 } else { 1.0 }).collect::<Vec<_>>())
}

#[test]
fn gaps_up_to_the_limit_are_filled_and_marked() {
    let cleaning = Cleaning::new().without_filter();
    let (filled, report) = cleaning.apply(&with_gap(100, 40..65)).unwrap(); // 25 frames: exactly 0.25 s
    assert_eq!((report.joints[0].num_filled, report.joints[0].num_missing), (25, 0));
    assert!(filled.filled()[[40, 0]] && filled.filled()[[64, 0]] && !filled.filled()[[65, 0]]);
    assert_eq!(filled.confidence()[[50, 0]], 0.5);
    let (_, report) = cleaning.apply(&with_gap(100, 40..66)).unwrap();
    assert_eq!((report.joints[0].num_filled, report.joints[0].num_missing), (0, 26));
    assert!((report.missing_share() - 0.26).abs() < 1e-12);
}

#[test]
fn a_cubic_follows_a_parabola_that_a_line_cuts() {
    let gap = with_gap(100, 40..60);
    let error = |fill| {
        let (filled, _) = Cleaning::new().without_filter().with_fill(fill).apply(&gap).unwrap();
        (40..60)
            .map(|f| (filled.positions()[[f, 0, 0]] - (f as f64 / FPS).powi(2)).abs())
            .fold(0.0, f64::max)
    };
    // A chord over 21 frames leaves x'' h^2 / 8 = 2 * 0.21^2 / 8 in its middle; sampled between frames a little less.
    assert!((error(Fill::Linear) - 0.011).abs() < 2e-4, "{}", error(Fill::Linear));
    // Velocities over 3 frames lag by 1.5 frames, 0.03 m/s each way: 0.03 * 0.21 / 4 in the middle.
    assert!((error(Fill::Cubic) - 0.0016).abs() < 2e-4, "{}", error(Fill::Cubic));
}

#[test]
fn ends_are_never_extended() {
    let (cleaned, report) = Cleaning::new().apply(&with_gap(50, 0..3)).unwrap();
    assert_eq!(report.joints[0].num_missing, 3);
    assert!(cleaned.position(2, KNEE).is_none() && cleaned.position(3, KNEE).is_some());
}

#[test]
fn doubtful_samples_are_gated_then_bridged() {
    let mut confidence = vec![0.9; 50];
    confidence[10] = 0.29;
    confidence[11] = 0.3; // at the limit: kept
    let (cleaned, report) = Cleaning::new().without_filter().apply(&knee(&confidence)).unwrap();
    assert_eq!((report.joints[0].num_gated, report.joints[0].num_filled), (1, 1));
    assert!(cleaned.filled()[[10, 0]] && !cleaned.filled()[[11, 0]]);
    let (kept, report) =
        Cleaning::new().with_max_gap_s(0.0).without_filter().apply(&knee(&confidence)).unwrap();
    assert_eq!((report.joints[0].num_gated, report.joints[0].num_filled), (1, 0));
    assert!(kept.position(10, KNEE).is_none());
}

#[test]
fn filled_samples_make_measures_less_certain() {
    let joints = vec![Joint::Hip(Side::Left), KNEE, Joint::Ankle(Side::Left)];
    let positions = Array3::from_shape_fn((40, 3, 3), |(f, j, dim)| {
        if j == 1 && (10..20).contains(&f) {
            f64::NAN
        } else {
            [[0.0, 0.9, 0.0], [0.3, 0.6, 0.05], [0.0, 0.3, 0.0]][j][dim]
        }
    });
    let series =
        SkeletonSeries::new(joints, positions, Array2::ones((40, 3)), FPS, Unit::Metre).unwrap();
    let (cleaned, _) = Cleaning::new().apply(&series).unwrap();
    let signal = cleaned.measure(Measure::Knee(Side::Left));
    assert!((signal.values[15] - signal.values[5]).abs() < 1e-6);
    assert!(signal.sigma[15] > 1.5 * signal.sigma[5], "{} {}", signal.sigma[15], signal.sigma[5]);
}

#[test]
fn the_default_cut_off_stays_below_a_slow_camera_s_limit() {
    let cutoff = |fps: f64| {
        let series = with_gap(50, 0..0).with_fps(fps).unwrap();
        Cleaning::new().apply(&series).unwrap().1.cutoff_hz
    };
    assert_eq!((cutoff(100.0), cutoff(15.0)), (Some(10.0), Some(6.0)));
}

#[test]
fn smoothing_calms_noise_and_leaves_a_held_pose_where_it_is() {
    let hold = |noise: f64| {
        let positions = Array3::from_shape_fn((200, 1, 2), |(f, _, _)| {
            1.5 + if f % 2 == 0 { noise } else { -noise }
        });
        SkeletonSeries::new(vec![KNEE], positions, Array2::ones((200, 1)), FPS, Unit::Metre)
            .unwrap()
    };
    let smooth = |series| Cleaning::new().with_cutoff_hz(6.0).apply(&series).unwrap().0;
    assert!(smooth(hold(0.0)).positions().iter().all(|v| (v - 1.5).abs() < 1e-12));
    let middle = smooth(hold(0.01)).positions().slice(s![50..150, 0, 0]).to_owned();
    assert!(middle.iter().all(|v| (v - 1.5).abs() < 1e-6)); // 50 Hz lies far above 6 Hz
}

#[test]
fn settings_out_of_range_are_named() {
    let series = with_gap(50, 0..0);
    for (cleaning, name) in [
        (Cleaning::new().with_cutoff_hz(50.0), "cut-off"),
        (Cleaning::new().with_cutoff_hz(0.0), "cut-off"),
        (Cleaning::new().with_min_confidence(1.5), "confidence"),
        (Cleaning::new().with_max_gap_s(-1.0), "gap"),
    ] {
        let error = cleaning.apply(&series).unwrap_err();
        assert!(
            matches!(&error, Error::Setting { .. }) && error.to_string().contains(name),
            "{error}"
        );
    }
}

#[test]
fn a_series_holds_only_what_makes_sense() {
    let new = |positions: Array3<f64>, confidence: Array2<f64>, fps| {
        SkeletonSeries::new(vec![KNEE; positions.dim().1], positions, confidence, fps, Unit::Metre)
    };
    let shape = (2, 1, 3);
    assert!(matches!(
        new(Array3::zeros((0, 1, 3)), Array2::ones((0, 1)), FPS),
        Err(Error::Shape { what: "frames", .. })
    ));
    assert!(matches!(
        new(Array3::zeros((2, 1, 4)), Array2::ones((2, 1)), FPS),
        Err(Error::Shape { what: "dims", .. })
    ));
    assert!(matches!(
        new(Array3::zeros(shape), Array2::ones((3, 1)), FPS),
        Err(Error::Shape { what: "confidence", .. })
    ));
    assert!(matches!(
        new(Array3::zeros((2, 2, 3)), Array2::ones((2, 2)), FPS),
        Err(Error::DuplicateJoint { joint: KNEE })
    ));
    for fps in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            new(Array3::zeros(shape), Array2::ones((2, 1)), fps),
            Err(Error::BadFps { .. })
        ));
    }
    let infinite = Array3::from_elem(shape, f64::INFINITY);
    assert!(matches!(
        new(infinite, Array2::ones((2, 1)), FPS),
        Err(Error::BadValue { what: "position", .. })
    ));
    let negative = Array2::from_elem((2, 1), -0.1);
    assert!(matches!(
        new(Array3::zeros(shape), negative, FPS),
        Err(Error::BadValue { what: "confidence", .. })
    ));
    // Scores of the SimCC family exceed 1; a partly known position is not known.
    let mut partly = Array3::zeros(shape);
    partly[[1, 0, 2]] = f64::NAN;
    let series = new(partly, Array2::from_elem((2, 1), 1.198), FPS).unwrap();
    assert_eq!(series.confidence()[[0, 0]], 1.0);
    assert_eq!(series.confidence()[[1, 0]], 0.0);
    assert!(series.positions()[[1, 0, 0]].is_nan());
    assert_eq!(series.missing_share(KNEE), 0.5);
    assert_eq!(series.missing_share(Joint::Nose), 1.0);
    #[expect(clippy::reversed_empty_ranges, reason = "the mistake under test")]
    for range in [1..1, 2..1, 0..3] {
        assert!(matches!(series.slice(range), Err(Error::FrameRange { .. })));
    }
    assert_eq!(series.slice(1..2).unwrap().missing_share(KNEE), 1.0);
}

proptest! {
    /// Whatever the pattern of sightings: position and confidence agree, sightings stay, the counts add up.
    #[test]
    fn care_keeps_its_books(confidence in proptest::collection::vec(prop_oneof![Just(0.0), 0.0..1.2_f64], 2..80)) {
        let series = knee(&confidence);
        let (cleaned, report) = Cleaning::new().apply(&series).unwrap();
        let care = &report.joints[0];
        let seen = (0..confidence.len()).filter(|f| confidence[*f] >= 0.3).count();
        prop_assert_eq!(seen + care.num_filled + care.num_missing, confidence.len());
        for (f, given) in confidence.iter().enumerate() {
            prop_assert_eq!(cleaned.position(f, KNEE).is_some(), *given >= 0.3 || cleaned.filled()[[f, 0]]);
            prop_assert_eq!(cleaned.positions()[[f, 0, 0]].is_finite(), cleaned.confidence()[[f, 0]] > 0.0);
        }
        // A second pass finds nothing to gate or fill.
        let again = &Cleaning::new().apply(&cleaned).unwrap().1.joints[0];
        prop_assert_eq!((again.num_gated, again.num_filled, again.num_missing), (0, 0, care.num_missing));
    }
}
