//! Real recordings with labelled keyframes; skipped where the data is not beside the workspace.
//!
//! The few joint angles computed here share no code with the rest of the workspace.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kismam::{
    Assessment, Assessor, Extract, FeatureSide, KnowledgeBase, Measurement, Side, Verdict,
};
use serde::Deserialize;

/// Standard deviation of an angle from 3-D markers, in degrees: the least that pose estimates are credited with.
const SIGMA_DEG: f64 = 3.0;

/// The same of a length, in leg lengths.
const SIGMA_LEG: f64 = 0.02;

/// The same of one marker's height, in leg lengths: 5 mm.
const SIGMA_HEIGHT: f64 = 0.006;

#[derive(Deserialize)]
struct Labels {
    trials: Vec<Trial>,
}

#[derive(Deserialize)]
struct Trial {
    trial: String,
    action: String,
    fps: f64,
    occurrences: Vec<BTreeMap<String, serde_json::Value>>,
}

struct Data {
    folder: PathBuf,
    labels: Labels,
    shipped: Vec<KnowledgeBase>,
}

impl Data {
    fn load() -> Option<Self> {
        let folder =
            PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/motion"));
        let Ok(text) = std::fs::read_to_string(folder.join("labels.json")) else {
            eprintln!("skipped: no recordings at {}", folder.display());
            return None;
        };
        Some(Self {
            folder,
            labels: serde_json::from_str(&text).unwrap(),
            shipped: KnowledgeBase::shipped(),
        })
    }

    fn trial(&self, name: &str) -> &Trial {
        self.labels.trials.iter().find(|trial| trial.trial == name).unwrap()
    }

    fn kb(&self, action: &str) -> Option<&KnowledgeBase> {
        self.shipped.iter().find(|kb| kb.event(action).is_some())
    }

    /// Joint positions by name, then frame.
    fn joints(&self, trial: &str) -> BTreeMap<String, Vec<[f64; 3]>> {
        let text = std::fs::read_to_string(self.folder.join(format!("{trial}.csv"))).unwrap();
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let names: Vec<&str> = lines.next().unwrap().split(',').collect();
        let mut joints: BTreeMap<String, Vec<[f64; 3]>> = BTreeMap::new();
        for line in lines {
            let cells: Vec<f64> =
                line.split(',').map(|cell| cell.parse().unwrap_or(f64::NAN)).collect();
            for (i, name) in names.iter().enumerate().filter(|(_, name)| name.ends_with("_x")) {
                joints.entry(name[..name.len() - 2].to_owned()).or_default().push([
                    cells[i],
                    cells[i + 1],
                    cells[i + 2],
                ]);
            }
        }
        joints
    }

    /// The joint angles among an event's features, for some occurrences of a trial.
    fn measure(&self, trial: &str, occurrences: std::ops::Range<usize>) -> Vec<Measurement> {
        let label = self.trial(trial);
        let kb = self.kb(&label.action).unwrap();
        let event = kb.event(&label.action).unwrap();
        let joints = self.joints(trial);
        let mut rows = Vec::new();
        for keyframes in &label.occurrences[occurrences] {
            for feature in kb.features(&event.id) {
                let at = |name: &str| keyframes.get(name).and_then(serde_json::Value::as_f64);
                if let ("pelvis_shift", Some(from)) =
                    (feature.measure.as_str(), at(&feature.keyframe))
                {
                    let value = pelvis_shift(&joints, from.round() as usize);
                    rows.push(
                        Measurement::new(&feature.id, value, SIGMA_LEG).at(from, from / label.fps),
                    );
                    continue;
                }
                if let ("toe_clearance", Some(from)) =
                    (feature.measure.as_str(), at(&feature.keyframe))
                {
                    let [first, last] = feature
                        .window_ms
                        .map(|ms| (from + ms * label.fps / 1000.0).round() as usize);
                    let leg = leg_length(&joints, first);
                    for (side, toe) in [(Side::Left, "toe_l"), (Side::Right, "toe_r")] {
                        let heights = joints[toe][first..=last].iter().map(|toe| toe[1]);
                        let mean = heights.sum::<f64>() / (last + 1 - first) as f64;
                        rows.push(
                            Measurement::new(&feature.id, mean / leg, SIGMA_HEIGHT)
                                .on(side)
                                .at(from, from / label.fps),
                        );
                    }
                    continue;
                }
                let triple = match feature.measure.as_str() {
                    "knee" => ["hip", "knee", "ankle"],
                    "hip" => ["shoulder", "hip", "knee"],
                    "ankle" => ["knee", "ankle", "toe"],
                    "elbow" => ["shoulder", "elbow", "wrist"],
                    "shoulder" => ["hip", "shoulder", "elbow"],
                    _ => continue,
                };
                let to = feature.to_keyframe.as_ref().map_or(at(&feature.keyframe), |to| at(to));
                let (Some(from), Some(to)) = (at(&feature.keyframe), to) else { continue };
                let frame = |keyframe: f64, ms: f64| {
                    (keyframe + ms * label.fps / 1000.0).round().max(0.0) as usize
                };
                let window = frame(from, feature.window_ms[0])..=frame(to, feature.window_ms[1]);
                let sides = match feature.side {
                    FeatureSide::Both => vec![Side::Left, Side::Right],
                    FeatureSide::Other => vec![Side::Left],
                    _ => vec![Side::Right],
                };
                for side in sides {
                    let joint = |name: &str| {
                        joints
                            .get(&format!("{name}_{}", if side == Side::Left { "l" } else { "r" }))
                    };
                    let [Some(a), Some(b), Some(c)] = triple.map(joint) else { continue };
                    let angles: Vec<f64> = window
                        .clone()
                        .filter(|&i| i < a.len())
                        .map(|i| angle(a[i], b[i], c[i]))
                        .filter(|x| x.is_finite())
                        .collect();
                    if angles.is_empty() {
                        continue;
                    }
                    let value = match feature.extract {
                        Extract::Min => angles.iter().copied().fold(f64::INFINITY, f64::min),
                        Extract::Max => angles.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                        _ => angles.iter().sum::<f64>() / angles.len() as f64,
                    };
                    rows.push(
                        Measurement::new(&feature.id, value, SIGMA_DEG)
                            .on(side)
                            .at(from, from / label.fps),
                    );
                }
            }
        }
        rows
    }

    fn assess(
        &self,
        action: &str,
        athlete: &[Measurement],
        reference: &[Measurement],
    ) -> Assessment {
        Assessor::new(self.kb(action).unwrap(), action)
            .unwrap()
            .with_template(reference)
            .assess(athlete)
            .unwrap()
    }

    fn all(&self, trial: &str) -> Vec<Measurement> {
        self.measure(trial, 0..self.trial(trial).occurrences.len())
    }
}

fn angle(a: [f64; 3], b: [f64; 3], c: [f64; 3]) -> f64 {
    let arm = |p: [f64; 3]| [p[0] - b[0], p[1] - b[1], p[2] - b[2]];
    let dot = |u: [f64; 3], v: [f64; 3]| u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
    let (u, v) = (arm(a), arm(c));
    (dot(u, v) / (dot(u, u) * dot(v, v)).sqrt()).clamp(-1.0, 1.0).acos().to_degrees()
}

/// Length of thigh and shank of the right leg in one frame.
fn leg_length(joints: &BTreeMap<String, Vec<[f64; 3]>>, frame: usize) -> f64 {
    let [hip, knee, ankle] = ["hip_r", "knee_r", "ankle_r"].map(|name| joints[name][frame]);
    let away = |a: [f64; 3], b: [f64; 3]| (a[0] - b[0]).hypot(a[1] - b[1]).hypot(a[2] - b[2]);
    away(hip, knee) + away(knee, ankle)
}

/// How far the middle of the hips stands to the right of the middle of the ankles, in leg lengths, in one frame.
fn pelvis_shift(joints: &BTreeMap<String, Vec<[f64; 3]>>, frame: usize) -> f64 {
    let at = |name: &str| joints[name][frame];
    let leg = leg_length(joints, frame);
    let across = [at("hip_r")[0] - at("hip_l")[0], at("hip_r")[2] - at("hip_l")[2]];
    let width = across[0].hypot(across[1]);
    let offset = |axis: usize| {
        let middle = |joint: &str| {
            f64::midpoint(at(&format!("{joint}_l"))[axis], at(&format!("{joint}_r"))[axis])
        };
        middle("hip") - middle("ankle")
    };
    (offset(0) * across[0] + offset(2) * across[1]) / (width * leg)
}

fn verdict(assessment: &Assessment, issue: &str) -> (Verdict, f64) {
    assessment.issue(issue).map(|issue| (issue.verdict, issue.probability)).unwrap()
}

#[test]
fn a_recording_against_itself_has_no_issue() {
    let Some(data) = Data::load() else { return };
    let mut num_assessed = 0;
    for trial in &data.labels.trials {
        if data.kb(&trial.action).is_none() {
            continue;
        }
        for i in 0..trial.occurrences.len() {
            let rows = data.measure(&trial.trial, i..i + 1);
            let assessment = data.assess(&trial.action, &rows, &rows);
            assert!(assessment.issues.is_empty(), "{} {i}: {:?}", trial.trial, assessment.issues);
            num_assessed += usize::from(!rows.is_empty());
        }
    }
    eprintln!("{num_assessed} occurrences");
    assert!(num_assessed > 50, "{num_assessed}");
}

#[test]
fn an_asymmetric_recording_is_called_so_and_its_symmetric_twin_is_not() {
    let Some(data) = Data::load() else { return };
    let several =
        |trials: &[&str]| trials.iter().flat_map(|trial| data.all(trial)).collect::<Vec<_>>();
    let dj = ["ocap4_DJ1", "ocap4_DJ2", "ocap4_DJ3"];
    let asymmetric = [
        ("squat", "asymmetric_squat", data.all("ocap4_squatsAsym1"), data.all("ocap4_squats1")),
        ("sit_to_stand", "asymmetric_rise", data.all("ocap4_STSAsym1"), data.all("ocap4_STS1")),
        (
            "drop_jump",
            "asymmetric_landing",
            several(&["ocap4_DJAsym1", "ocap4_DJAsym2", "ocap4_DJAsym3"]),
            several(&dj),
        ),
    ];
    for (action, issue, athlete, reference) in &asymmetric {
        let (verdict, p) = verdict(&data.assess(action, athlete, reference), issue);
        eprintln!("{issue}: {verdict:?} {p:.2}");
        // Five squats and five rises are averaged, three drop jumps.
        assert_eq!(verdict, Verdict::Present, "{issue}: {p}");
    }
    // The twins: some repetitions against the others, and the symmetric recording against the asymmetric one.
    let mut symmetric = vec![
        (
            "squat",
            "asymmetric_squat",
            data.measure("ocap4_squats1", 0..2),
            data.measure("ocap4_squats1", 2..5),
        ),
        (
            "sit_to_stand",
            "asymmetric_rise",
            data.measure("ocap4_STS1", 0..2),
            data.measure("ocap4_STS1", 2..5),
        ),
    ];
    symmetric.extend(asymmetric.iter().map(|(action, issue, athlete, reference)| {
        (*action, *issue, reference.clone(), athlete.clone())
    }));
    for one in 0..3 {
        let others: Vec<&str> =
            (0..3).filter(|other| *other != one).map(|other| dj[other]).collect();
        symmetric.push(("drop_jump", "asymmetric_landing", data.all(dj[one]), several(&others)));
    }
    for (action, issue, athlete, reference) in &symmetric {
        let (verdict, p) = verdict(&data.assess(action, athlete, reference), issue);
        assert_eq!(verdict, Verdict::NotSeen, "{issue}: {p}");
    }
}
