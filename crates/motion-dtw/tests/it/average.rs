//! Means, soft-DTW and groups: other libraries' values (`fixtures/average.py`), finite differences, laws.

use std::collections::HashMap;

use motion_dtw::{
    Dba, Dtw, Error, KMeans, Keyframe, Motion, MotionDtw, Reference, SoftAveraging, SoftDtw, Window,
};
use ndarray::{Array2, array};

use crate::support::{assert_close, walk};

/// Sums of some thousand terms in another order, relative to the values of about 1 to 1000.
const ROUNDING: f64 = 1e-10;
/// SciPy's L-BFGS stops where the objective no longer changes: its place is known to the root of that.
const SCIPY_OBJECTIVE: f64 = 1e-9;
const SCIPY_PLACE: f64 = 1e-3;

fn golden(name: &str) -> Vec<f64> {
    let lines = include_str!("../fixtures/average.txt").lines().map(|line| {
        let mut words = line.split(' ');
        let name = format!("{} {}", words.next().unwrap(), words.next().unwrap());
        (name, words.map(|word| word.parse().unwrap()).collect())
    });
    lines.collect::<HashMap<_, _>>().remove(name).unwrap_or_else(|| panic!("no golden {name}"))
}

#[track_caller]
fn assert_all_close<'a>(found: impl IntoIterator<Item = &'a f64>, expected: &[f64], tol: f64) {
    let found: Vec<f64> = found.into_iter().copied().collect();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.into_iter().zip(expected) {
        assert_close(found, *expected, tol * expected.abs().max(1.0));
    }
}

/// One or two bumps, as in `average.py`.
fn bumps(num_series: usize) -> Vec<Array2<f64>> {
    let bump = |t: f64, centre: f64, width: f64| (-((t - centre) / width).powi(2)).exp();
    (0..num_series)
        .map(|k| {
            let shift = 0.02 * (k % 4) as f64 - 0.03;
            Array2::from_shape_fn((50 + 2 * k, 1), |(frame, _)| {
                let t = frame as f64 / (49 + 2 * k) as f64;
                let second = if k % 3 == 2 { 8.0 * bump(t, 0.7 + shift, 0.06) } else { 0.0 };
                10.0 * bump(t, 0.3 + shift, 0.08) + second
            })
        })
        .collect()
}

#[test]
fn means_equal_tslearn_after_any_number_of_updates() {
    for channels in [1, 3] {
        let series: Vec<_> = (0..5).map(|k| walk(20 + k, 40 + 5 * k as usize, channels)).collect();
        for iterations in [1, 3, 30] {
            for (kind, weights) in [("equal", [1.0; 5]), ("weighted", [1.0, 2.0, 0.5, 0.0, 1.5])] {
                let dba = Dba::new()
                    .with_weights(weights)
                    .with_max_iterations(iterations)
                    .with_tolerance(0.0);
                let found = dba.average_from(&series[2], &series).unwrap();
                let expected = golden(&format!("tslearn dba_{channels}_{iterations}_{kind}"));
                assert_close(found.inertia(), expected[0], ROUNDING * expected[0]);
                assert_all_close(found.mean(), &expected[1..], ROUNDING);
            }
        }
    }
}

#[test]
fn means_equal_aeon_with_and_without_window() {
    let series: Vec<_> = (0..5).map(|k| walk(20 + k, 40, 2)).collect();
    let dba = Dba::new().with_max_iterations(3).with_tolerance(0.0);
    let found = dba.average_from(&series[2], &series).unwrap();
    assert_all_close(found.mean(), &golden("aeon dba_2_3_equal"), ROUNDING);
    let dba = dba.with_window(Window::SakoeChiba { radius: 4 });
    let found = dba.average_from(&series[2], &series).unwrap();
    assert_all_close(found.mean(), &golden("aeon dba_2_3_window_4"), ROUNDING);
}

#[test]
fn the_mean_is_better_than_any_of_its_series() {
    let series = bumps(3);
    let average = Dba::new().average(&series[..2]).unwrap();
    assert!(average.converged() && average.num_iterations() < 30);
    let inertia = |mean: &Array2<f64>| -> f64 {
        let costs =
            series[..2].iter().map(|s| Dtw::new().distance(s, mean).unwrap().powi(2)).sum::<f64>();
        costs / 2.0
    };
    assert_close(average.inertia(), inertia(&average.mean().to_owned()), ROUNDING);
    for one in &series[..2] {
        assert!(average.inertia() < inertia(one));
    }
}

#[test]
fn more_updates_never_make_the_mean_worse() {
    for seed in 60..70 {
        let series: Vec<_> = (0..4).map(|k| walk(seed + 10 * k, 20 + 3 * k as usize, 2)).collect();
        let inertia = |updates| {
            let dba = Dba::new().with_max_iterations(updates).with_tolerance(0.0);
            dba.average(&series).unwrap().inertia()
        };
        let falling: Vec<f64> = (0..8).map(inertia).collect();
        assert!(falling.windows(2).all(|pair| pair[1] <= pair[0]), "{falling:?}");
        let alone = Dba::new().average(&series[..1]).unwrap();
        assert_eq!((alone.mean(), alone.inertia()), (series[0].view(), 0.0));
    }
}

#[test]
fn a_last_keyframe_between_frames_stays_where_it_is() {
    let recording = |last: f64| {
        let keyframes = vec![Keyframe::new("a", 1.0), Keyframe::new("b", last)];
        Reference::new(Motion::from_angles([0.0, 1.0, 2.0, 3.0, 4.0]), keyframes).unwrap()
    };
    let mean = Reference::average(&[recording(4.0), recording(3.5)], None).unwrap().reference;
    assert_eq!(mean.keyframes()[1].frame, 3.75);
    assert_eq!(mean.motion().num_frames(), 5);
}

#[test]
fn copies_in_other_tempos_have_their_original_as_mean_and_no_spread() {
    let original = array![[0.0, 1.0], [5.0, -1.0], [2.0, 4.0], [0.0, 0.0]];
    let slowed = |holds: [usize; 4]| {
        let rows: Vec<usize> =
            holds.iter().enumerate().flat_map(|(row, &n)| std::iter::repeat_n(row, n)).collect();
        original.select(ndarray::Axis(0), &rows)
    };
    let series = [slowed([2, 1, 1, 3]), original.clone(), slowed([1, 3, 2, 1])];
    let average = Dba::new().average_from(&original, &series).unwrap();
    assert_eq!(average.mean(), original);
    assert_eq!((average.inertia(), average.spread().sum()), (0.0, 0.0));
    assert_eq!(average.paths()[0].query_frames(3), 4..7);
}

#[test]
fn missing_values_leave_the_mean_to_the_others() {
    let whole = array![[0.0, 9.0], [4.0, 8.0], [0.0, 7.0]];
    let mut gappy = array![[0.0, 9.0], [6.0, f64::NAN], [0.0, f64::NAN]];
    let motion = |values: &Array2<f64>| Motion::new(values.clone(), 50.0).unwrap();
    let average = Dba::new().average(&[motion(&whole), motion(&gappy)]).unwrap();
    assert_eq!(average.mean(), array![[0.0, 9.0], [5.0, 8.0], [0.0, 7.0]]);
    assert_eq!(average.spread(), array![[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]);
    gappy[[0, 1]] = f64::NAN;
    let unseen = Dba::new().average(&[motion(&gappy), motion(&gappy)]).unwrap();
    assert_eq!(unseen.mean().column(0).to_vec(), [0.0, 6.0, 0.0]);
    assert!(unseen.mean().column(1).iter().chain(unseen.spread().column(1)).all(|x| x.is_nan()));
    assert_eq!(unseen.inertia(), 0.0);
}

#[test]
fn recordings_become_one_reference_with_averaged_keyframes() {
    // A bend of the knee at 60 frames per second; the deepest point and half-way up, by construction.
    let recording = |deepest_s: f64, width_s: f64, depth: f64| {
        let values = Array2::from_shape_fn((180, 1), |(frame, _)| {
            let t = (frame as f64 / 60.0 - deepest_s) / width_s;
            175.0 - depth * (-t * t).exp()
        });
        let half = deepest_s + width_s * 2.0_f64.ln().sqrt();
        let keyframes =
            vec![Keyframe::new("deepest", deepest_s * 60.0), Keyframe::new("half", half * 60.0)];
        let motion = Motion::new(values, 60.0).unwrap();
        Reference::new(motion, keyframes).unwrap().trimmed(0.5).unwrap()
    };
    let recordings =
        [recording(1.2, 0.30, 80.0), recording(1.5, 0.25, 90.0), recording(1.7, 0.35, 100.0)];
    let made = Reference::average(&recordings, None).unwrap();
    let (mean, keyframes) = (made.reference.motion(), made.reference.keyframes());
    assert_eq!((mean.fps(), mean.num_frames()), (60.0, 76)); // 0.5 s, mean phase 0.25 s, 0.5 s
    assert_eq!(made.reference.active_frames(), 0..76);
    // The mean phase: 0.3 s times the root of ln 2; depths 80, 90 and 100 average to 90. Keyframes fall between
    // frames, where linear interpolation is off by at most 80 / 0.25^2 / 60^2 / 4 = 0.09 degrees.
    let phase_s = 0.3 * 2.0_f64.ln().sqrt();
    assert_close(keyframes[1].frame - keyframes[0].frame, 60.0 * phase_s, 1e-9);
    assert_close(keyframes[0].frame, 30.0, 1e-9);
    assert_close(mean.channels()[[30, 0]], 85.0, 0.1);
    assert_close(mean.channels()[[45, 0]], 130.0, 0.1);
    assert_close(made.spread[[30, 0]], (200.0_f64 / 3.0).sqrt(), 0.1);
    assert_close(made.spread[[45, 0]], (50.0_f64 / 3.0).sqrt(), 0.1);
    // Widths 0.30, 0.25 and 0.35 s deviate by 0, 0.05 and 0.05.
    let sigma_s = (0.005_f64 / 3.0).sqrt() * 2.0_f64.ln().sqrt();
    assert_close(made.phase_sigma_s[0], sigma_s, 1e-9);
    // One recording alone, as often as one likes, stays as it is.
    let alone = Reference::average(&[recordings[0].clone(), recordings[0].clone()], None).unwrap();
    let active = recordings[0].active_frames();
    assert_eq!(*alone.reference.motion(), recordings[0].motion().slice(active).unwrap());
    assert_eq!(alone.spread.sum(), 0.0);
    let weighted = Reference::average(&recordings, Some(&[0.0, 1.0, 0.0])).unwrap();
    assert_close(weighted.reference.motion().channels()[[30, 0]], 85.0, 1e-9);
}

#[test]
fn gaps_and_frame_rates_do_not_shift_the_mean_reference() {
    let recording = |fps: f64, gap: Option<usize>| {
        let num_frames = (2.0 * fps) as usize + 1;
        let values = Array2::from_shape_fn((num_frames, 1), |(frame, _)| {
            if Some(frame) == gap { f64::NAN } else { 30.0 * frame as f64 / fps }
        });
        let keyframes = vec![Keyframe::new("a", 0.5 * fps), Keyframe::new("b", 1.5 * fps)];
        Reference::new(Motion::new(values, fps).unwrap(), keyframes).unwrap()
    };
    let recordings = [recording(60.0, Some(30)), recording(100.0, None), recording(50.0, Some(50))];
    let mean = Reference::average(&recordings, None).unwrap();
    assert_eq!(mean.reference.motion().num_frames(), 121);
    for (frame, value) in mean.reference.motion().channels().column(0).iter().enumerate() {
        assert_close(*value, 0.5 * frame as f64, 1e-9);
    }
    assert!(mean.spread.iter().all(|spread| *spread < 1e-6)); // root of the rounding of 60 degrees squared
}

#[test]
fn the_mean_of_real_throws_places_keyframes_better_than_single_throws() {
    let Some(data) = crate::real::data() else { return };
    let throws: Vec<Reference> = [
        ("001", [162.11, 164.13, 172.09, 178.86]),
        ("005", [174.79, 178.24, 185.91, 190.34]),
        ("008", [135.83, 139.21, 146.97, 153.53]),
        ("011", [181.92, 185.44, 193.2, 198.5]),
        ("014", [155.88, 158.81, 167.11, 172.85]),
        ("017", [182.47, 185.38, 193.56, 199.7]),
        ("023", [181.71, 184.89, 192.57, 200.75]),
        ("028", [164.03, 167.25, 174.9, 180.57]),
        ("033", [168.78, 172.04, 180.1, 184.21]),
        ("039", [170.28, 172.95, 180.68, 185.25]),
    ]
    .iter()
    .map(|(trial, frames)| {
        let motion = crate::real::angles(&data.join(format!("spl_ft_{trial}.csv")));
        let names = ["rise", "dip", "release", "reach"];
        let keyframes = names.iter().zip(frames).map(|(name, &at)| Keyframe::new(*name, at));
        Reference::new(motion, keyframes.collect()).unwrap().trimmed(0.5).unwrap()
    })
    .collect();
    let (models, others) = throws.split_at(5);
    let error = |model: &Reference| -> f64 {
        let of_throw = |throw: &Reference| {
            let found = MotionDtw::new().align(throw.motion(), model).unwrap();
            assert!(found.quality.tier.is_found());
            let pairs = found.keyframes.iter().zip(throw.keyframes());
            pairs.map(|(found, label)| (found.frame - label.frame).abs()).sum::<f64>() / 4.0
        };
        others.iter().map(of_throw).sum::<f64>() / others.len() as f64
    };
    let trimmed = |model: &Reference| model.trimmed(0.25).unwrap();
    let single: Vec<f64> = models.iter().map(|model| error(&trimmed(model))).collect();
    let mean = error(&trimmed(&Reference::average(models, None).unwrap().reference));
    eprintln!("frames of 1/30 s: single throws {single:.3?}, their mean {mean:.3}");
    assert!(mean < single.iter().sum::<f64>() / 5.0);
}

#[test]
fn soft_values_and_gradients_equal_tslearn() {
    for gamma in ["0.01", "1.0", "50.0"] {
        for channels in [1, 3] {
            let soft = SoftDtw::new(gamma.parse().unwrap()).unwrap();
            let (x, y) = (walk(31, 25, channels), walk(32, 31, channels));
            let found = soft.value_and_gradient(&x, &y).unwrap();
            let expected = golden(&format!("tslearn soft_{gamma}_{channels}"));
            assert_close(found.value, expected[0], ROUNDING * expected[0].abs());
            assert_close(soft.value(&x, &y).unwrap(), found.value, 0.0);
            assert_all_close(&found.query, &expected[1..], ROUNDING);
            let alignment = soft.expected_alignment(&x, &y).unwrap();
            let expected = golden(&format!("tslearn alignment_{gamma}_{channels}"));
            assert_all_close(&alignment, &expected, ROUNDING);
            let expected = golden(&format!("tslearn divergence_{gamma}_{channels}"))[0];
            assert_close(soft.divergence(&x, &y).unwrap(), expected, ROUNDING * expected.abs());
        }
    }
}

/// Central differences with step 1e-5: truncation about 1e-10 of the third derivative, rounding about 1e-11 / 1e-5.
const DIFFERENCES: f64 = 1e-5;

#[track_caller]
fn check_gradient(
    at: &Motion,
    gradient: &Array2<f64>,
    value: impl Fn(&Motion) -> motion_dtw::Result<f64>,
) {
    for ((frame, channel), &derivative) in gradient.indexed_iter() {
        if at.channels()[[frame, channel]].is_nan() {
            assert_eq!(derivative, 0.0);
            continue;
        }
        let moved = |by: f64| {
            let mut values = at.channels().to_owned();
            values[[frame, channel]] += by;
            let moved = Motion::new(values, at.fps()).unwrap();
            value(&match at.confidence() {
                None => moved,
                Some(confidence) => moved.with_confidence(confidence.to_owned()).unwrap(),
            })
            .unwrap()
        };
        let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        assert_close(derivative, expected, DIFFERENCES * expected.abs().max(1.0));
    }
}

#[test]
fn gradients_equal_finite_differences_with_weights_and_missing_values() {
    let motion = |mut values: Array2<f64>, gaps: &[[usize; 2]]| {
        gaps.iter().for_each(|&gap| values[gap] = f64::NAN);
        Motion::new(values, 60.0).unwrap()
    };
    let confidence =
        Array2::from_shape_fn((9, 3), |(frame, channel)| 1.0 / (1 + frame + channel) as f64);
    let x = motion(walk(41, 9, 3), &[[0, 0], [4, 0], [4, 1], [4, 2]]);
    let x = x.with_confidence(confidence).unwrap();
    let y = motion(walk(42, 12, 3), &[[2, 1], [11, 2]]);
    for gamma in [0.05, 2.0] {
        let soft = SoftDtw::new(gamma).unwrap().with_channel_weights([1.0, 3.0, 0.5]);
        let found = soft.value_and_gradient(&x, &y).unwrap();
        check_gradient(&x, &found.query, |x| soft.value(x, &y));
        check_gradient(&y, &found.reference, |y| soft.value(&x, y));
        let found = soft.divergence_and_gradient(&x, &y).unwrap();
        assert_close(found.value, soft.divergence(&x, &y).unwrap(), ROUNDING);
        check_gradient(&x, &found.query, |x| soft.divergence(x, &y));
        check_gradient(&y, &found.reference, |y| soft.divergence(&x, y));
    }
}

#[test]
fn soft_dtw_tends_to_dtw_and_its_divergence_is_no_less_than_zero() {
    for seed in 50..60 {
        let (x, y) = (walk(seed, 20, 2), walk(seed + 100, 26, 2));
        let hard = Dtw::new().distance(&x, &y).unwrap().powi(2);
        let mut before = f64::NEG_INFINITY;
        for gamma in [10.0, 1.0, 0.1, 1e-3, 1e-6] {
            let soft = SoftDtw::new(gamma).unwrap();
            let value = soft.value(&x, &y).unwrap();
            assert!(value >= before && value <= hard + ROUNDING, "{before} {value} {hard}");
            before = value;
            assert!(soft.divergence(&x, &y).unwrap() > -ROUNDING);
            assert_eq!(soft.divergence(&x, &x).unwrap(), 0.0);
            // The same in both orders, and run backwards in time.
            assert_close(soft.value(&y, &x).unwrap(), value, ROUNDING * value.abs().max(1.0));
            let backwards = |walk: &Array2<f64>| walk.slice(ndarray::s![..;-1, ..]).to_owned();
            let reversed = soft.value(&backwards(&x), &backwards(&y)).unwrap();
            assert_close(reversed, value, ROUNDING * value.abs().max(1.0));
        }
        assert_close(before, hard, 1e-4); // gamma times the logarithm of the number of paths, at most 46 ln 3
        let expected = SoftDtw::new(1.0).unwrap().expected_alignment(&x, &y).unwrap();
        assert!(expected.iter().all(|share| (0.0..=1.0 + ROUNDING).contains(share)));
        assert!(expected.sum_axis(ndarray::Axis(1)).iter().all(|sum| *sum >= 1.0 - ROUNDING));
    }
}

#[test]
fn huge_distances_and_tiny_gamma_stay_finite() {
    let soft = SoftDtw::new(1e-12).unwrap();
    let found = soft.value_and_gradient(&[1e100, -1e100, 3e99], &[0.0, 2e100]).unwrap();
    assert!(found.value.is_finite());
    assert!(found.query.iter().chain(&found.reference).all(|x| x.is_finite()));
}

#[test]
fn soft_means_end_where_scipy_ends() {
    let series = bumps(6);
    let check = |gamma: &str, initial: &Array2<f64>| {
        let soft = SoftAveraging::new(SoftDtw::new(gamma.parse().unwrap()).unwrap())
            .with_max_iterations(1000)
            .with_tolerance(1e-15);
        let found = soft.average_from(initial, &series).unwrap();
        let expected = golden(&format!("tslearn soft_mean_{gamma}"));
        assert_close(found.objective(), expected[0], SCIPY_OBJECTIVE * expected[0].abs());
        assert_all_close(found.mean(), &expected[1..], SCIPY_PLACE);
    };
    check("0.1", &series[2]);
    // At 1.0 there are many minima, and two optimisers may end in different ones; from close by in the same.
    let values = golden("tslearn soft_mean_1.0").split_off(1);
    let nearby = Array2::from_shape_fn((values.len(), 1), |(frame, _)| {
        values[frame] + 1e-3 * (frame as f64).sin()
    });
    check("1.0", &nearby);
}

#[test]
fn groups_equal_the_truth_and_tslearns() {
    let series = bumps(15);
    for labels in [golden("truth labels"), golden("tslearn labels")] {
        for seed in 0..5 {
            let found = KMeans::new(2).with_seed(seed).fit(&series).unwrap();
            assert!(found.converged);
            // Adjusted Rand index 1: the same pairs are together.
            for a in 0..15 {
                for b in 0..a {
                    assert_eq!(found.labels[a] == found.labels[b], labels[a] == labels[b]);
                }
            }
            assert_eq!(found, KMeans::new(2).with_seed(seed).fit(&series).unwrap());
        }
    }
    let alone = KMeans::new(15).fit(&series).unwrap();
    assert_eq!(alone.inertia, 0.0);
    let copies = KMeans::new(3).fit(&[[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]).unwrap();
    let mut labels = copies.labels.clone();
    labels.sort_unstable();
    assert_eq!(labels, [0, 1, 2]);
}

#[test]
fn bad_input_is_named() {
    let none: [Vec<f64>; 0] = [];
    assert_eq!(Dba::new().average(&none), Err(Error::NoSeries));
    let second = |source| Error::Series { idx: 1, source: Box::new(source) };
    let nan = Error::NotANumber { role: motion_dtw::Role::Query, frame: 0, channel: 0 };
    assert_eq!(Dba::new().average(&[[1.0], [f64::NAN]]), Err(second(nan)));
    let channels = Error::ChannelMismatch { query: 1, reference: 2 };
    let unlike = [array![[1.0, 2.0]], array![[1.0]]];
    assert_eq!(Dba::new().average(&unlike), Err(second(channels)));
    let count = Dba::new().with_weights([1.0]).average(&[[1.0], [2.0]]);
    assert_eq!(count, Err(Error::SeriesWeightCount { expected: 2, found: 1 }));
    let zero = Dba::new().with_weights([0.0, 0.0]).average(&[[1.0], [2.0]]);
    assert_eq!(zero, Err(Error::InvalidWeights));
    let tolerance = Dba::new().with_tolerance(f64::NAN).average(&[[1.0]]);
    assert!(matches!(tolerance, Err(Error::InvalidSetting { name: "tolerance", .. })));
    for gamma in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(SoftDtw::new(gamma), Err(Error::InvalidSetting { name: "gamma", .. })));
    }
    let large = SoftDtw::new(1.0).unwrap().with_max_bytes(7).value_and_gradient(&[1.0], &[1.0]);
    assert!(matches!(large, Err(Error::TooLarge { bytes: 8, limit: 7, .. })));
    for num_clusters in [0, 3] {
        let groups = KMeans::new(num_clusters).fit(&[[1.0], [2.0]]);
        assert_eq!(groups, Err(Error::ClusterCount { num_clusters, num_series: 2 }));
    }
    let reference = |num_channels: usize, name: &str| {
        let motion = Motion::new(walk(1, 30, num_channels), 60.0).unwrap();
        Reference::new(motion, vec![Keyframe::new(name, 10.0)]).unwrap()
    };
    let average = |other| Reference::average(&[reference(1, "a"), other], None);
    let channels = Error::ChannelMismatch { query: 2, reference: 1 };
    assert_eq!(average(reference(2, "a")), Err(second(channels)));
    let names = Error::KeyframeNames { expected: "a".to_owned(), found: "b".to_owned() };
    assert_eq!(average(reference(1, "b")), Err(second(names)));
    assert_eq!(Reference::average(&[], None), Err(Error::NoSeries));
    let weights = Reference::average(&[reference(1, "a")], Some(&[f64::NAN]));
    assert_eq!(weights, Err(Error::InvalidWeights));
}
