//! Real recordings, where this machine has them.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::s;
use pose::{Cleaning, Fill, Joint, Measure, Side, SignalUnit, SkeletonSeries, View, read};
use serde::Deserialize;

use crate::support::shared_data;

fn recording(folder: &Path, name: &str) -> SkeletonSeries {
    read(&folder.join(format!("{name}.csv")), None, None).unwrap().series
}

/// What `tests/fixtures/make_measure_goldens.py` computes.
#[derive(Deserialize)]
struct Golden {
    file: String,
    frame: usize,
    measures: BTreeMap<String, Option<f64>>,
}

#[test]
fn measures_equal_an_independent_computation() {
    let Some(folder) = shared_data("motion") else { return };
    let goldens: Vec<Golden> =
        serde_json::from_str(include_str!("../fixtures/measures.json")).unwrap();
    let mut cache: BTreeMap<String, SkeletonSeries> = BTreeMap::new();
    let (mut num_values, mut largest) = (0, 0.0_f64);
    for Golden { file, frame, measures } in goldens {
        let series = cache.entry(file.clone()).or_insert_with(|| recording(&folder, &file));
        assert_eq!(measures.len(), Measure::all().len());
        for measure in Measure::all() {
            let value = series.measure(measure).values[frame];
            match measures[&measure.to_string()] {
                None => assert!(
                    value.is_nan(),
                    "{file} frame {frame} {measure}: {value}, unmeasured by numpy"
                ),
                Some(expected) => {
                    // Both are in double precision; the arc cosine loses the most, about 1e-8 deg near straight.
                    assert!(
                        (value - expected).abs() < 1e-6,
                        "{file} frame {frame} {measure}: {value}, numpy {expected}"
                    );
                    largest = largest.max((value - expected).abs());
                    num_values += 1;
                }
            }
        }
    }
    eprintln!("{num_values} values, largest difference {largest:e}");
    assert!(num_values > 350, "{num_values}");
}

#[derive(Deserialize)]
struct Labels {
    trials: Vec<Trial>,
}

#[derive(Deserialize)]
struct Trial {
    trial: String,
    fps: f64,
    frames: usize,
    action: String,
}

#[test]
fn every_shared_recording_is_read_as_its_labels_say() {
    let Some(folder) = shared_data("motion") else { return };
    let labels: Labels =
        serde_json::from_str(&std::fs::read_to_string(folder.join("labels.json")).unwrap())
            .unwrap();
    let mut num_read = 0;
    for Trial { trial, fps, frames, action } in labels.trials {
        let path = folder.join(format!("{trial}.csv"));
        if !path.exists() {
            continue;
        }
        let recording = read(&path, None, None).unwrap();
        let series = &recording.series;
        assert_eq!((series.num_frames(), series.view()), (frames, View::Space), "{trial}");
        assert!((series.fps() - fps).abs() < 0.01 && recording.meta["action"] == action, "{trial}");
        let leg = series.leg_length().unwrap();
        assert!((0.6..1.1).contains(&leg), "{trial}: leg of {leg} m");
        num_read += 1;
    }
    assert!(num_read > 30, "{num_read}");
}

#[test]
fn runners_and_walkers_face_where_they_go() {
    let Some(folder) = shared_data("motion") else { return };
    for name in ["cmu_run_1", "cmu_walk_2", "ja1_run0700cms", "ocap4_walking1", "cmu_broadjump_1"] {
        let series = recording(&folder, name);
        let mut pelvis = (0..series.num_frames()).filter_map(|f| series.position(f, Joint::MidHip));
        let (first, last) = (pelvis.next().unwrap(), pelvis.next_back().unwrap());
        let way = [last[0] - first[0], last[2] - first[2]];
        let length = way[0].hypot(way[1]);
        for facing in series.facing() {
            let facing = facing.unwrap();
            let along = (facing[0] * way[0] + facing[2] * way[1]) / length;
            assert!(along > 0.7, "{name}: {along}"); // the pelvis swings and people curve: within 45 degrees
        }
    }
}

/// Directions on real motion: what a coach would see.
#[test]
fn real_squats_jumps_and_sprints_have_plausible_angles() {
    let Some(folder) = shared_data("motion") else { return };
    let range = |name: &str, measure| {
        let (cleaned, _) = Cleaning::new().apply(&recording(&folder, name)).unwrap();
        let signal = cleaned.measure(measure);
        assert_eq!(signal.unit, SignalUnit::Degrees);
        let values = signal.values.iter().copied().filter(|v| v.is_finite());
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let (low, high) = range("ocap4_squats1", Measure::Knee(Side::Left));
    assert!((70.0..100.0).contains(&low) && high > 160.0, "squat knee {low} to {high}");
    let (low, high) = range("ocap4_squats1", Measure::Trunk);
    assert!(low > -15.0 && (30.0..60.0).contains(&high), "squat trunk {low} to {high}");
    let (low, high) = range("ja1_run0700cms", Measure::Thigh(Side::Right));
    assert!(
        (-50.0..-20.0).contains(&low) && (45.0..75.0).contains(&high),
        "sprint thigh {low} to {high}"
    );
    let (low, high) = range("cmu_broadjump_1", Measure::Shank(Side::Left));
    assert!(low > -15.0 && high > 40.0, "jump shank {low} to {high}");
}

#[test]
fn a_side_projection_of_a_sprint_gives_the_angles_of_space() {
    let Some(folder) = shared_data("motion") else { return };
    let space = recording(&folder, "ja1_run0700cms"); // runs along x
    let flat = space.positions().slice(s![.., .., ..2]).to_owned();
    let picture = SkeletonSeries::new(
        space.joints().to_vec(),
        flat,
        space.confidence().to_owned(),
        space.fps(),
        space.unit(),
    )
    .unwrap();
    assert_eq!(picture.view(), View::Side);
    for (measure, most) in
        [(Measure::Thigh(Side::Left), 5.0), (Measure::Trunk, 2.0), (Measure::Knee(Side::Left), 8.0)]
    {
        let (a, b) = (space.measure(measure), picture.measure(measure));
        let mut differences: Vec<f64> =
            a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs()).collect();
        differences.sort_by(f64::total_cmp);
        let median = differences[differences.len() / 2];
        assert!(median < most, "{measure}: {median} deg"); // out-of-plane motion of a straight run
    }
}

/// Errors of a line and of a cubic in gaps of `num_frames` that are cut into a series: median and 95th percentile.
fn errors_of_fills(series: &SkeletonSeries, num_frames: usize) -> [Vec<f64>; 2] {
    let mut holes = series.positions().to_owned();
    for start in (num_frames..series.num_frames() - 2 * num_frames).step_by(3 * num_frames) {
        holes.slice_mut(s![start..start + num_frames, .., ..]).fill(f64::NAN);
    }
    let (joints, confidence) = (series.joints().to_vec(), series.confidence().to_owned());
    let holes =
        SkeletonSeries::new(joints, holes, confidence, series.fps(), series.unit()).unwrap();
    [Fill::Linear, Fill::Cubic].map(|fill| {
        let (filled, _) = Cleaning::new().without_filter().with_fill(fill).apply(&holes).unwrap();
        let mut errors = Vec::new();
        for ((f, j), _) in filled.filled().indexed_iter().filter(|(_, filled)| **filled) {
            let difference =
                &filled.positions().slice(s![f, j, ..]) - &series.positions().slice(s![f, j, ..]);
            let error: f64 = difference.mapv(|d| d * d).sum().sqrt();
            errors.extend(error.is_finite().then_some(error));
        }
        errors
    })
}

fn median_and_95th(mut errors: Vec<f64>) -> (f64, f64) {
    errors.sort_by(f64::total_cmp);
    (errors[errors.len() / 2], errors[errors.len() * 95 / 100])
}

#[test]
fn a_cubic_bridges_real_gaps_better_than_a_line() {
    let Some(folder) = shared_data("motion") else { return };
    let mut errors = [Vec::new(), Vec::new()];
    for name in ["cmu_kick_1", "ja1_run0700cms", "ocap4_DJ1", "cmu_broadjump_1", "ocap4_squats1"] {
        let series = recording(&folder, name);
        let found = errors_of_fills(&series, (0.25 * series.fps()) as usize);
        for (errors, found) in errors.iter_mut().zip(found) {
            errors.extend(found.into_iter().map(|metres| 1000.0 * metres));
        }
    }
    let [line, cubic] = errors.map(median_and_95th);
    eprintln!(
        "gaps of 0.25 s, error in mm (median, 95th percentile): line {line:.1?}, cubic {cubic:.1?}"
    );
    assert!(cubic.0 < line.0 && cubic.1 < 0.75 * line.1);
}

#[test]
fn a_cubic_bridges_gaps_in_a_networks_keypoints_better_than_a_line() {
    let Some(folder) = shared_data("pose") else { return };
    let path = folder.join("run_treadmill_side.rtmpose_halpe26.json");
    let series = read(&path, None, None).unwrap().series;
    let leg = series.leg_length().unwrap();
    // Single frames, with two between them, are noise for both (1.11 measured); from there on the limbs swing.
    for (num_frames, factor) in [(1, 1.2), (3, 0.9), (5, 0.8), (7, 0.8)] {
        let [line, cubic] = errors_of_fills(&series, num_frames)
            .map(|errors| median_and_95th(errors.into_iter().map(|e| 100.0 * e / leg).collect()));
        eprintln!(
            "gaps of {num_frames} frames at 30 a second, % of the leg (median, 95th percentile): line {line:.1?}, cubic {cubic:.1?}"
        );
        assert!(cubic.0 < factor * line.0 && cubic.1 < factor * line.1, "{num_frames}");
    }
}

#[test]
fn the_cadence_of_a_filmed_runner_is_the_one_counted_in_the_video() {
    let Some(folder) = shared_data("pose") else { return };
    let recording =
        read(&folder.join("run_treadmill_side_formats/sports2d_px.trc"), None, None).unwrap();
    let (series, _) = Cleaning::new().with_cutoff_hz(6.0).apply(&recording.series).unwrap();
    for side in Side::BOTH {
        // The foot is furthest ahead once a stride, refined by a parabola.
        let ahead = series.measure(Measure::FootAhead(side)).values;
        let peaks: Vec<f64> = (2..ahead.len() - 2)
            .filter(|&f| ahead[f] > 0.1 && (f - 2..=f + 2).all(|g| ahead[g] <= ahead[f]))
            .map(|f| {
                f as f64
                    + 0.5 * (ahead[f - 1] - ahead[f + 1])
                        / (ahead[f - 1] - 2.0 * ahead[f] + ahead[f + 1])
            })
            .collect();
        let strides = peaks.len() - 1;
        assert!(strides >= 3, "{peaks:?}");
        let stride_s = (peaks[strides] - peaks[0]) / strides as f64 / series.fps();
        let steps_per_minute = 2.0 * 60.0 / stride_s;
        eprintln!("{side}: {steps_per_minute:.1} steps a minute");
        // Counted without a pose network: 168.9 +- 0.5 over 12 s; ours sees 3 s and 4 strides, a frame in which is 1 %.
        assert!((steps_per_minute - 168.9).abs() < 0.02 * 168.9, "{side}: {steps_per_minute}");
    }
}
