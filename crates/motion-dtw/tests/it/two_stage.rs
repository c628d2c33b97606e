//! Finding a movement and carrying its keyframes over, on made-up movements whose truth is known exactly.

use motion_dtw::{Keyframe, Method, Motion, MotionDtw, Reference, Tier};
use ndarray::Array2;

const CHANNELS: usize = 6;

/// A bell-shaped movement of six joints about `middle_s`; its phase runs `tempo` times as fast as the reference's.
fn pose(time_s: f64, middle_s: f64, tempo: f64, channel: usize) -> f64 {
    let t = (time_s - middle_s) * tempo / 0.25;
    let k = channel as f64;
    let bell = (-(t - 0.3 * (k - 2.5)).powi(2)).exp();
    120.0 + 10.0 * k - (30.0 + 8.0 * k) * bell
}

fn recording(fps: f64, duration_s: f64, movements: &[(f64, f64)]) -> Motion {
    let values =
        Array2::from_shape_fn(((duration_s * fps) as usize, CHANNELS), |(frame, channel)| {
            let time_s = frame as f64 / fps;
            let still = pose(1e6, 0.0, 1.0, channel);
            movements
                .iter()
                .map(|&(middle_s, tempo)| pose(time_s, middle_s, tempo, channel) - still)
                .sum::<f64>()
                + still
        });
    Motion::new(values, fps).unwrap()
}

/// The movement about 1.5 s, with keyframes at -0.25, 0 and 0.2 seconds.
fn reference(fps: f64) -> Reference {
    let keyframes = [("start", 1.25), ("middle", 1.5), ("end", 1.7)]
        .map(|(name, time_s)| Keyframe::new(name, time_s * fps));
    Reference::new(recording(fps, 3.0, &[(1.5, 1.0)]), keyframes.to_vec())
        .unwrap()
        .trimmed(0.25)
        .unwrap()
}

#[track_caller]
fn check(query_fps: f64, reference_fps: f64, tempo: f64, tolerance_s: f64) {
    let query = recording(query_fps, 20.0, &[(13.0, tempo)]);
    let found = MotionDtw::new().align(&query, &reference(reference_fps)).unwrap();
    assert_eq!(found.quality.tier, Tier::Good, "{:?}", found.quality);
    for (keyframe, offset_s) in found.keyframes.iter().zip([-0.25, 0.0, 0.2]) {
        let truth_s = 13.0 + offset_s / tempo;
        assert!(
            (keyframe.time_s - truth_s).abs() < tolerance_s,
            "{} {} {truth_s}",
            keyframe.name,
            keyframe.time_s
        );
        assert!((keyframe.frame - keyframe.time_s * query_fps).abs() < 1e-9);
        assert!(keyframe.sigma_frames > 0.0 && keyframe.sigma_frames.is_finite());
    }
}

#[test]
fn keyframes_arrive_at_the_same_tempo() {
    check(60.0, 60.0, 1.0, 1e-4); // the same samples up to a shift by whole frames
}

#[test]
fn frame_rates_may_differ() {
    // A tenth of a frame: the same parabola is fitted to other samples of the same curve.
    for (query_fps, reference_fps) in [(30.0, 60.0), (60.0, 100.0), (100.0, 30.0), (240.0, 180.0)] {
        check(query_fps, reference_fps, 1.0, 0.1 / 30.0);
    }
}

#[test]
fn tempo_may_differ() {
    // Half a frame: smoothing over a fixed time flattens a fast movement more than a slow one.
    for tempo in [0.7, 0.85, 1.2, 1.4] {
        check(60.0, 60.0, tempo, 0.5 / 60.0);
    }
}

#[test]
fn a_recording_against_itself_is_exact() {
    let reference = reference(60.0);
    let found = MotionDtw::new().align(reference.motion(), &reference).unwrap();
    assert!(found.quality.cost < 1e-12, "{:?}", found.quality);
    for (keyframe, expected) in found.keyframes.iter().zip(reference.keyframes()) {
        assert!((keyframe.frame - expected.frame).abs() < 1e-6, "{keyframe:?}");
        assert_eq!(keyframe.reference_frame, expected.frame);
    }
    assert!(found.path.pairs().iter().all(|pair| pair.0 == pair.1));
    assert_eq!(found.interval, 75..103);
    assert_eq!(found.quality.coverage, 1.0);
    assert!(
        (found.quality.slope.0 - 1.0).abs() < 1e-9 && (found.quality.slope.1 - 1.0).abs() < 1e-9
    );
}

#[test]
fn repetitions_are_all_found_and_do_not_overlap() {
    let query = recording(60.0, 20.0, &[(3.0, 1.0), (8.0, 0.9), (14.0, 1.1)]);
    let found = MotionDtw::new().find_all(&query, &reference(60.0), 5).unwrap();
    let mut middles: Vec<f64> = found
        .iter()
        .filter(|found| found.quality.tier == Tier::Good)
        .map(|found| found.keyframes[1].time_s)
        .collect();
    assert!(found.windows(2).all(|pair| pair[0].quality.cost <= pair[1].quality.cost));
    middles.sort_by(f64::total_cmp);
    assert_eq!(middles.len(), 3);
    for (middle, truth) in middles.iter().zip([3.0, 8.0, 14.0]) {
        assert!((middle - truth).abs() < 0.5 / 60.0, "{middles:?}"); // half a frame, as for tempo
    }
    let best = MotionDtw::new().align(&query, &reference(60.0)).unwrap();
    assert_eq!(best, found[0]);
}

#[test]
fn a_still_query_does_not_contain_the_movement() {
    let found = MotionDtw::new().align(&recording(60.0, 20.0, &[]), &reference(60.0)).unwrap();
    assert!(!found.quality.tier.is_found(), "{:?}", found.quality);
}

#[test]
fn gaps_and_absent_joints_lower_coverage_only() {
    let query = recording(60.0, 20.0, &[(13.0, 1.0)]);
    let mut values = query.channels().to_owned();
    values.column_mut(4).fill(f64::NAN);
    values.slice_mut(ndarray::s![770..785, 1]).fill(f64::NAN);
    let query = Motion::new(values, 60.0).unwrap();
    let found = MotionDtw::new().align(&query, &reference(60.0)).unwrap();
    assert!((found.keyframes[1].time_s - 13.0).abs() < 0.5 / 60.0, "{:?}", found.keyframes[1]);
    assert!((0.6..0.85).contains(&found.quality.coverage), "{}", found.quality.coverage); // 1 - 1/6 - the gap
}

#[test]
fn a_movement_cut_off_at_the_ends_of_the_recording_is_still_found() {
    let long = recording(60.0, 20.0, &[(13.0, 1.0)]);
    let cut = long.slice(760..795).unwrap(); // from 0.08 s before the first to 0.03 s after the last keyframe
    let found = MotionDtw::new().align(&cut, &reference(60.0)).unwrap();
    for (keyframe, offset_s) in found.keyframes.iter().zip([-0.25, 0.0, 0.2]) {
        let truth = (13.0 + offset_s) * 60.0 - 760.0;
        assert!((keyframe.frame - truth).abs() < 1.0, "{keyframe:?} {truth}"); // one frame: half a window of samples
    }
    assert!(found.keyframes.windows(2).all(|pair| pair[0].frame < pair[1].frame));
}

#[test]
fn sigma_grows_with_noise() {
    let sigma = |noise_deg: f64| {
        let query = recording(60.0, 20.0, &[(13.0, 1.0)]);
        let noise = crate::support::walk(5, query.num_frames(), CHANNELS);
        let mut values = query.channels().to_owned();
        // Differences of a walk are white.
        for ((frame, channel), value) in values.indexed_iter_mut() {
            let before = if frame > 0 { noise[[frame - 1, channel]] } else { 0.0 };
            *value += noise_deg * (noise[[frame, channel]] - before);
        }
        let found =
            MotionDtw::new().align(&Motion::new(values, 60.0).unwrap(), &reference(60.0)).unwrap();
        found.keyframes[1].sigma_frames
    };
    assert!(
        sigma(1.0) < sigma(10.0) && sigma(10.0) < sigma(40.0),
        "{} {} {}",
        sigma(1.0),
        sigma(10.0),
        sigma(40.0)
    );
}

#[test]
fn methods_for_comparison_miss_what_is_deep_inside_a_recording() {
    let query = recording(60.0, 20.0, &[(13.0, 1.0)]);
    let error = |method| {
        let found = MotionDtw::new().with_method(method).align(&query, &reference(60.0)).unwrap();
        (found.keyframes[1].time_s - 13.0).abs() * 60.0
    };
    assert!(error(Method::Subsequence) < 1.5); // a path has whole frames
    assert!(error(Method::TwoStage) < 0.01);
    // Tied ends spread the reference over twenty seconds; both still pass through the movement's middle.
    assert!(error(Method::OneStage) < 60.0 && error(Method::FastDtw { radius: 2 }) < 600.0);
}

#[test]
fn an_hour_of_motion_is_searched() {
    let query = recording(30.0, 3600.0, &[(2900.0, 1.0)]);
    let found = MotionDtw::new().with_coarse_rate_hz(5.0).align(&query, &reference(60.0)).unwrap();
    assert!((found.keyframes[1].time_s - 2900.0).abs() < 0.1 / 30.0, "{:?}", found.keyframes[1]);
}

#[test]
fn a_keyframe_at_a_turn_follows_the_turn_of_another_athlete() {
    // Two joints turn at the keyframe, four a tenth of a second before or after; in the query those four are late.
    let bends = |late_s: f64| {
        let values = Array2::from_shape_fn((600, CHANNELS), |(frame, channel)| {
            let turn_s = [5.0, 5.0, 4.9 + late_s, 4.9 + late_s, 5.1 + late_s, 5.1 + late_s];
            let t = (frame as f64 / 60.0 - turn_s[channel]) / 0.25;
            120.0 - (30.0 + 8.0 * channel as f64) * (-t * t).exp()
        });
        Motion::new(values, 60.0).unwrap()
    };
    let reference = Reference::new(bends(0.0), vec![Keyframe::new("deepest", 300.0)]).unwrap();
    let reference = reference.trimmed(0.5).unwrap();
    let error = |method| {
        let aligner = MotionDtw::new().with_method(method);
        let found = aligner.align(&bends(0.03), &reference).unwrap();
        (found.keyframes[0].frame - 300.0).abs()
    };
    // The others are 1.8 frames late, the two that turn on time: the path is off by more than half of that, the
    // keyframe by less than a third.
    assert!(error(Method::Subsequence) >= 1.0, "{}", error(Method::Subsequence));
    assert!(error(Method::TwoStage) < 0.6, "{}", error(Method::TwoStage));
}

/// Trials with widths of their own; the last keyframe of trial 3 is marked 4 frames late.
fn trials() -> Vec<Reference> {
    let reference = reference(60.0);
    (0..4)
        .map(|trial| {
            let motion = recording(60.0, 3.0, &[(1.5, 1.0 + 0.02 * trial as f64)]);
            let mut keyframes = reference.keyframes().to_vec();
            for keyframe in &mut keyframes {
                keyframe.frame = 90.0 + (keyframe.frame - 90.0) / (1.0 + 0.02 * trial as f64);
            }
            keyframes[2].frame += if trial == 3 { 4.0 } else { 0.0 };
            Reference::new(motion, keyframes).unwrap().trimmed(0.25).unwrap()
        })
        .collect()
}

#[test]
fn several_references_outvote_a_bad_one() {
    let query = recording(60.0, 20.0, &[(13.0, 1.1)]);
    let references = trials();
    let voted = MotionDtw::new().align_many(&query, &references).unwrap();
    let alone = MotionDtw::new().align(&query, &references[3]).unwrap();
    let truth = (13.0 + 0.2 / 1.1) * 60.0;
    assert!((alone.keyframes[2].frame - truth).abs() > 3.0, "{:?}", alone.keyframes[2]);
    assert!((voted.keyframes[2].frame - truth).abs() < 0.2, "{:?}", voted.keyframes[2]);
    assert!(voted.keyframes[2].spread_frames > 1.5 && voted.keyframes[0].spread_frames < 0.5);
    assert!(voted.keyframes[2].sigma_frames > voted.keyframes[0].sigma_frames);
    assert!(voted.tier.is_found() && voted.votes.iter().all(Option::is_some));
    assert!(voted.interval.contains(&780));
}

#[test]
fn one_reference_votes_as_it_aligns() {
    let query = recording(60.0, 20.0, &[(13.0, 1.1)]);
    let voted = MotionDtw::new().align_many(&query, &[reference(60.0)]).unwrap();
    let alone = MotionDtw::new().align(&query, &reference(60.0)).unwrap();
    assert_eq!((&voted.interval, voted.cost), (&alone.interval, alone.quality.cost));
    for (voted, alone) in voted.keyframes.iter().zip(&alone.keyframes) {
        assert_eq!((voted.frame, voted.sigma_frames), (alone.frame, alone.sigma_frames));
    }
}

#[test]
fn references_that_do_not_belong_together_are_named() {
    let query = recording(60.0, 20.0, &[(13.0, 1.0)]);
    let other =
        Reference::new(recording(60.0, 3.0, &[(1.5, 1.0)]), vec![Keyframe::new("else", 90.0)]);
    let mixed = [reference(60.0), other.unwrap()];
    for error in [
        MotionDtw::new().align_many(&query, &mixed).unwrap_err(),
        MotionDtw::new().tuned(&mixed).unwrap_err(),
    ] {
        assert!(matches!(error, motion_dtw::Error::Series { idx: 1, .. }), "{error}");
    }
    assert_eq!(MotionDtw::new().align_many(&query, &[]), Err(motion_dtw::Error::NoSeries));
    assert_eq!(MotionDtw::new().tuned(&[]), Err(motion_dtw::Error::NoSeries));
}

#[test]
fn settings_are_chosen_from_the_references() {
    let references = trials();
    let tuning = MotionDtw::new().tuned(&references).unwrap();
    assert_eq!(tuning.trials.len(), 12);
    assert_eq!(tuning.trials[0].gain_s, (0.0, 0.0));
    assert!(tuning.trials.iter().all(|trial| trial.found_rate == 1.0));
    assert_eq!(tuning, MotionDtw::new().tuned(&references).unwrap()); // nothing is random
    // Settings that cannot see a keyframe are left for ones that can: half a second of smoothing blurs the movement.
    let blurred = MotionDtw::new().with_smoothing_s(1.0).tuned(&references[..3]).unwrap();
    assert_eq!(blurred.outcome, motion_dtw::TuningOutcome::Changed, "{:?}", blurred.trials);
}

#[test]
fn the_presence_limit_decides() {
    let query = recording(60.0, 20.0, &[(13.0, 1.3)]);
    let tier = |aligner: MotionDtw| aligner.align(&query, &reference(60.0)).unwrap().quality.tier;
    assert_eq!(tier(MotionDtw::new()), Tier::Good);
    assert_eq!(tier(MotionDtw::new().with_presence_limit(1e-6)), Tier::NotFound);
    assert!(
        MotionDtw::new().with_presence_limit(f64::NAN).align(&query, &reference(60.0)).is_err()
    );
}
