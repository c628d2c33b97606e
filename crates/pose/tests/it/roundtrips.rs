//! What one format writes is what it reads again, on real recordings where this machine has them.

use std::collections::BTreeMap;
use std::path::Path;

use pose::{
    Cleaning, Error, Format, Joint, JointSet, Measure, MotTable, Recording, Side, Unit, View, read,
    write,
};

use crate::support::{Figure, in_picture, in_space, shared_data, standing};

/// The largest difference of positions, over the joints both have; sightings must agree.
#[track_caller]
fn compare(a: &Recording, b: &Recording, joints: &[Joint]) -> f64 {
    assert_eq!(a.series.num_frames(), b.series.num_frames());
    let mut largest = 0.0_f64;
    for joint in joints {
        for f in 0..a.series.num_frames() {
            match (a.series.position(f, *joint), b.series.position(f, *joint)) {
                (Some(a), Some(b)) => {
                    let difference = a.iter().zip(&b).map(|(a, b)| (a - b).abs());
                    largest = difference.fold(largest, f64::max);
                }
                (a, b) => assert_eq!(a, b, "{joint} in frame {f}"),
            }
        }
    }
    largest
}

fn round_trip(recording: &Recording, format: Format, name: &str) -> pose::Result<Recording> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    write(&path, Some(format), recording)?;
    assert_eq!(Format::detect(&path).unwrap(), format);
    read(&path, None, Some(recording.series.fps()))
}

/// Every reader on the same 90 frames of a real run: all agree with the numbers the network gave.
#[test]
fn five_tools_files_of_one_run_are_the_same_run() {
    let Some(folder) = shared_data("pose") else { return };
    let network =
        read(&folder.join("run_treadmill_side.rtmpose_halpe26.json"), None, None).unwrap();
    assert_eq!((network.series.num_frames(), network.series.fps()), (360, 30.0));
    assert_eq!(network.series.view(), View::Side);
    let first = Recording { series: network.series.slice(0..90).unwrap(), ..network.clone() };
    let formats = folder.join("run_treadmill_side_formats");
    for (name, format, num_joints) in [
        ("openpose_body25", Format::OpenPose, 25),
        ("coco_results.json", Format::Coco, 17),
        ("alphapose-results.json", Format::AlphaPose, 26),
        ("mmpose_halpe26.json", Format::MmPose, 26),
        ("sports2d_px.trc", Format::Trc, 22),
    ] {
        let path = formats.join(name);
        assert_eq!(Format::detect(&path).unwrap(), format, "{name}");
        let other = read(&path, None, Some(30.0)).unwrap();
        assert_eq!(other.series.joints().len(), num_joints);
        let shared: Vec<Joint> = network
            .series
            .joints()
            .iter()
            .copied()
            .filter(|joint| other.series.joints().contains(joint))
            .collect();
        assert!(shared.len() >= 13, "{name}: {}", shared.len());
        // Written with the same three decimals.
        assert_eq!(compare(&first, &other, &shared), 0.0, "{name}");
    }
}

#[test]
fn pixel_formats_give_back_what_was_written() {
    let Some(folder) = shared_data("pose") else { return };
    let mut run =
        read(&folder.join("run_treadmill_side.rtmpose_halpe26.json"), None, None).unwrap();
    run.meta.insert("width".into(), "720".into());
    run.meta.insert("height".into(), "1280".into());
    for (format, set, name) in [
        (Format::OpenPose, JointSet::Body25, "openpose"),
        (Format::Coco, JointSet::Coco17, "a.json"),
        (Format::AlphaPose, JointSet::Halpe26, "a.json"),
        (Format::MmPose, JointSet::Halpe26, "a.json"),
        (Format::MediaPipe, JointSet::BlazePose33, "a.json"),
        (Format::Csv, JointSet::Halpe26, "a.csv"),
        (Format::Trc, JointSet::Halpe26, "a.trc"),
    ] {
        let expected = Recording { series: run.series.to_joint_set(set), ..run.clone() };
        let again = round_trip(&expected, format, name).unwrap();
        // Shares of a picture are divided and multiplied again; the rest is text that gives the same number.
        let tolerance = if format == Format::MediaPipe { 1e-9 } else { 0.0 };
        let difference = compare(&expected, &again, set.joints());
        assert!(difference <= tolerance, "{format}: {difference}");
        assert_eq!(again.series.unit(), Unit::Pixel, "{format}");
        if format != Format::Trc {
            assert_eq!(again.series.confidence(), expected.series.confidence(), "{format}");
        }
    }
}

#[test]
fn formats_of_space_give_back_what_was_written() {
    let Some(folder) = shared_data("motion") else { return };
    for name in ["ocap4_squats1", "cmu_kick_1", "ja1_run0700cms"] {
        let recording = read(&folder.join(format!("{name}.csv")), None, None).unwrap();
        let joints = recording.series.joints().to_vec();
        for (format, file, tolerance) in [
            (Format::Csv, "a.csv", 0.0),
            (Format::Trc, "a.trc", 0.0),
            (Format::C3d, "a.c3d", 1e-6), // single precision of metres: 2^-24 of some metres
        ] {
            let again = round_trip(&recording, format, file).unwrap();
            let difference = compare(&recording, &again, &joints);
            assert!(difference <= tolerance, "{name} {format}: {difference}");
            assert_eq!(
                (again.series.unit(), again.series.fps()),
                (Unit::Metre, recording.series.fps())
            );
        }
    }
}

/// Bones of a BVH have one length each, so positions move a little and angles not at all.
#[test]
fn a_bvh_keeps_every_direction() {
    let Some(folder) = shared_data("motion") else { return };
    for name in ["ocap4_squats1", "ja1_run0700cms", "cmu_broadjump_1"] {
        let recording = read(&folder.join(format!("{name}.csv")), None, None).unwrap();
        let recorded = recording.series.without_unseen_joints();
        let (series, _) =
            Cleaning::new().without_filter().with_max_gap_s(10.0).apply(&recorded).unwrap();
        let whole = (0..series.num_frames()).find(|f| {
            series.joints().iter().all(|j| (*f..*f + 50).all(|f| series.position(f, *j).is_some()))
        });
        let Some(start) = whole else { panic!("{name}: no 50 frames in a row with every joint") };
        let series = series.slice(start..start + 50).unwrap();
        let recording = Recording { series, ..recording };
        let again = round_trip(&recording, Format::Bvh, "a.bvh").unwrap();
        assert_eq!(
            (again.series.unit(), again.series.fps()),
            (Unit::Metre, recording.series.fps())
        );
        let mut num_compared = 0;
        for side in Side::BOTH {
            for measure in [
                Measure::Knee(side),
                Measure::Ankle(side),
                Measure::Elbow(side),
                Measure::Shank(side),
                Measure::Thigh(side),
            ] {
                let (a, b) = (recording.series.measure(measure), again.series.measure(measure));
                for (f, (a, b)) in
                    a.values.iter().zip(&b.values).enumerate().filter(|(_, (a, _))| a.is_finite())
                {
                    // Text of doubles; the arc sine of an Euler angle near 90 degrees loses half of the digits.
                    assert!((a - b).abs() < 1e-5, "{name} {measure} frame {f}: {a} and {b}");
                    num_compared += 1;
                }
            }
        }
        assert!(num_compared >= 400, "{name}: {num_compared}");
    }
}

#[test]
fn what_a_format_cannot_hold_is_refused_by_name() {
    let space = in_space(&vec![standing(); 3], 50.0);
    let picture = in_picture(&vec![standing(); 3], [0, 1], 50.0);
    let mut gap: Vec<Figure> = vec![standing(); 3];
    gap[1].remove(&Joint::Knee(Side::Left));
    let gap = in_space(&gap, 50.0);
    for (series, format, parts) in [
        (&space, Format::OpenPose, ["openpose", "3-D"]),
        (&space, Format::Coco, ["coco", "metre"]),
        (&picture, Format::C3d, ["c3d", "pixel"]),
        (&picture, Format::Bvh, ["bvh", "picture"]),
        (&gap, Format::Bvh, ["knee_l", "frame 1"]),
        (&picture, Format::MediaPipe, ["mediapipe", "size"]),
        (&space, Format::Gaitlab, ["gaitlab", "read only"]),
    ] {
        let recording =
            Recording { series: series.clone(), meta: BTreeMap::new(), keyframes: Vec::new() };
        let error = round_trip(&recording, format, "a").unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, Error::CannotHold { .. }), "{message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    // An OpenPose folder is not mixed with another one.
    let folder = tempfile::tempdir().unwrap();
    let recording = Recording { series: picture, meta: BTreeMap::new(), keyframes: Vec::new() };
    write(folder.path(), Some(Format::OpenPose), &recording).unwrap();
    let again = write(folder.path(), Some(Format::OpenPose), &recording).unwrap_err();
    assert!(matches!(again, Error::Io { .. }), "{again}");
}

#[test]
fn joint_sets_are_converted_with_middles_and_without_guesses() {
    let mut figure = standing();
    figure.remove(&Joint::Neck);
    let series = in_space(&[figure.clone(), figure], 50.0);
    let body = series.to_joint_set(JointSet::Body25);
    assert_eq!(body.joints(), JointSet::Body25.joints());
    assert_eq!(body.position(0, Joint::MidHip), Some([0.0, 0.9, 0.0]));
    assert_eq!(body.position(0, Joint::Neck), Some([0.0, 1.4, 0.0]));
    assert_eq!(body.position(0, Joint::Ear(Side::Left)), None);
    let coco = body.to_joint_set(JointSet::Coco17);
    assert_eq!(coco.position(0, Joint::Toe(Side::Left)), None); // COCO has no feet
    assert_eq!(coco.position(0, Joint::Knee(Side::Left)), Some([0.0, 0.5, -0.1]));
    let seen = coco.without_unseen_joints();
    assert!(seen.joints().len() == 13 && !seen.joints().contains(&Joint::Eye(Side::Left)));
    // The highest-level law: a set that has every joint gives all of them back.
    for set in [JointSet::Halpe26, JointSet::Body25] {
        let there = series.to_joint_set(set);
        assert_eq!(there.to_joint_set(JointSet::Halpe26).to_joint_set(set).num_frames(), 2);
        assert!(
            series
                .joints()
                .iter()
                .filter(|j| set.joints().contains(j))
                .all(|j| series.position(1, *j) == there.position(1, *j))
        );
    }
}

#[test]
fn angles_survive_a_mot_file() {
    let series = in_space(&vec![standing(); 4], 25.0);
    let knee = series.measure(Measure::Knee(Side::Left));
    let trunk = series.measure(Measure::Trunk);
    let table =
        MotTable::of_angles([("knee_left".to_owned(), &knee), ("trunk".to_owned(), &trunk)], 25.0)
            .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mot");
    table.write(&path).unwrap();
    let again = MotTable::read(&path).unwrap();
    assert_eq!(again, table);
    assert_eq!(again.column("knee_left").unwrap(), knee.values);
    assert_eq!(again.times_s, [0.0, 0.04, 0.08, 0.12]);

    // As Sports2D writes it: spaces in names, so tabs divide.
    let sports2d = "Coordinates\nversion=1\nnRows=2\nnColumns=3\ninDegrees=yes\n\nendheader\ntime\tright knee\ttrunk\n0.0\t10.5\t\n0.04\t11\t90\n";
    std::fs::write(&path, sports2d).unwrap();
    let read = MotTable::read(&path).unwrap();
    assert!(read.in_degrees && read.column("trunk").unwrap()[0].is_nan());
    assert_eq!(read.column("right knee").unwrap(), [10.5, 11.0]);
    for (from, to, part) in [
        ("endheader", "end", "endheader"),
        ("time\t", "t\t", "time"),
        ("0.04\t11", "0.0\t11", "rise"),
        ("10.5", "x", "right knee"),
        ("11\t90", "11\t90\t4", "4 cells"),
    ] {
        std::fs::write(&path, sports2d.replacen(from, to, 1)).unwrap();
        let error = MotTable::read(&path).unwrap_err().to_string();
        assert!(error.contains("a.mot") && error.contains(part), "{error}");
    }
    let height = series.measure(Measure::HipHeight);
    assert!(MotTable::of_angles([("hip_height".to_owned(), &height)], 25.0).is_err());
}

#[test]
fn landmarks_of_mediapipe_are_read_in_their_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let person = |x: f64| -> Vec<_> {
        (0..33).map(|j| serde_json::json!({"x": x + 0.001 * f64::from(j), "y": 0.02 * f64::from(j), "z": -0.1, "visibility": 0.9})).collect()
    };
    let read_json = |value: serde_json::Value, fps| {
        std::fs::write(&path, value.to_string()).unwrap();
        read(&path, None, fps)
    };
    // A message a frame with its time; nobody in the middle.
    let frames = serde_json::json!([
        {"pose_landmarks": {"landmark": person(0.4)}, "pose_world_landmarks": {"landmark": person(0.1)}, "timestamp_ms": 0},
        {"pose_landmarks": null, "timestamp_ms": 40},
        {"pose_landmarks": {"landmark": person(0.4)}, "pose_world_landmarks": {"landmark": person(0.1)}, "timestamp_ms": 80},
    ]);
    let space = read_json(frames, None).unwrap().series;
    assert_eq!((space.num_dims(), space.unit(), space.fps()), (3, Unit::Metre, 25.0));
    assert_eq!(space.position(0, Joint::Nose), Some([0.1, 0.0, 0.1]));
    assert_eq!(space.position(1, Joint::Nose), None);
    assert_eq!(space.position(2, Joint::Toe(Side::Right)).unwrap()[1], -0.64);
    // Shares of a picture; several people.
    let picture = serde_json::json!({"fps": 30, "width": 200, "height": 100, "frames": [
        {"landmarks": [person(0.5), person(0.1)]}, {"landmarks": [person(0.5)]},
    ]});
    let recording = read_json(picture.clone(), None).unwrap();
    assert_eq!(recording.series.position(0, Joint::Elbow(Side::Left)).unwrap()[1], -26.0); // the 14th
    assert!(recording.meta["people"].contains("2 people"));
    let mut sizeless = picture;
    sizeless["width"] = serde_json::Value::Null;
    let error = read_json(sizeless, None).unwrap_err().to_string();
    assert!(error.contains("width") && error.contains("size in pixels"), "{error}");
    let short = serde_json::json!([{"pose_world_landmarks": [{"x": 0, "y": 0, "z": 0}]}]);
    let error = read_json(short, Some(30.0)).unwrap_err().to_string();
    assert!(error.contains("1 landmarks; expected 33"), "{error}");
}

#[test]
fn clocks_that_contradict_the_frame_rate_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let series = in_space(&vec![standing(); 6], 50.0);
    let recording = Recording { series, meta: BTreeMap::new(), keyframes: Vec::new() };
    let path = folder.path().join("a.trc");
    write(&path, None, &recording).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(read(&path, None, None).is_ok());
    // Half of the recording at another rate.
    let late = text.replace("4\t0.08\t", "4\t0.14\t").replace("5\t0.1\t", "5\t0.18\t");
    std::fs::write(&path, late).unwrap();
    let error = read(&path, None, None).unwrap_err();
    assert!(matches!(error, Error::UnevenTime { frame: 4, .. }), "{error}");
    std::fs::write(&path, text.replace("50\t50\t", "25\t25\t")).unwrap();
    let error = read(&path, None, None).unwrap_err();
    assert!(matches!(error, Error::RateMismatch { stated_fps: 25.0, .. }), "{error}");
    assert!(read(&path, None, Some(50.0)).is_ok());
}

#[test]
fn detection_of_a_file_that_is_not_there_goes_by_its_name() {
    for (name, format) in [("a.c3d", Format::C3d), ("a.BVH", Format::Bvh), ("a.json", Format::Coco)]
    {
        assert_eq!(Format::detect(Path::new(name)).unwrap(), format);
    }
}

/// What `tests/fixtures/make_format_goldens.py` puts in its files.
#[derive(serde::Deserialize)]
struct Goldens {
    bvh: Vec<BTreeMap<String, [f64; 3]>>,
    /// Millimetres, z up, of LKNE, LHJC, LANK, STRN and RTOE.
    c3d: Vec<Vec<Option<[f64; 3]>>>,
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("../fixtures/formats.json")).unwrap()
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

#[test]
fn bones_are_turned_as_scipy_turns_them() {
    let Recording { series, meta, .. } = read(&fixture("rig.bvh"), None, None).unwrap();
    assert_eq!((series.unit(), series.fps()), (Unit::Centimetre, 120.0));
    assert_eq!(meta["ignored_markers"], "Spine Head");
    for (f, joints) in goldens().bvh.iter().enumerate() {
        assert_eq!(joints.len(), series.joints().len());
        for (name, expected) in joints {
            let got = series.position(f, name.parse().unwrap()).unwrap();
            // A chain of products of doubles near 100.
            assert!(
                got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-10),
                "{name} {f}: {got:?}"
            );
        }
    }
}

#[test]
fn files_of_ezc3d_are_read_floats_and_integers() {
    let markers = [Joint::Knee(Side::Left), Joint::Hip(Side::Left), Joint::Ankle(Side::Left)];
    for (name, tolerance) in [("lab.c3d", 1e-4), ("lab_integer.c3d", 1e-4)] {
        let Recording { series, meta, .. } = read(&fixture(name), None, None).unwrap();
        assert_eq!(
            (series.unit(), series.fps(), series.num_frames()),
            (Unit::Millimetre, 200.0, 6)
        );
        assert_eq!(meta["ignored_markers"], "S1:STRN", "{name}");
        assert_eq!(series.joints()[0], markers[1]); // the joint's centre before markers on the skin
        for (f, points) in goldens().c3d.iter().enumerate() {
            for (joint, expected) in markers.iter().zip(points) {
                let got = series.position(f, *joint);
                let Some([x, y, z]) = expected else {
                    assert_eq!(got, None, "{name} {joint} {f}");
                    continue;
                };
                let got = got.unwrap();
                // Single precision of some hundred millimetres; z up becomes y up.
                let same = got.iter().zip([*x, *z, -*y]).all(|(a, b)| (a - b).abs() < tolerance);
                assert!(same, "{name} {joint} frame {f}: {got:?}, {expected:?}");
            }
        }
    }
}

/// Another reader finds in our file what we put there.
#[test]
fn c3dio_reads_what_is_written() {
    let mut gap = vec![standing(); 5];
    gap[2].remove(&Joint::Knee(Side::Left));
    let series = in_space(&gap, 50.0);
    let recording = Recording { series, meta: BTreeMap::new(), keyframes: Vec::new() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.c3d");
    write(&path, None, &recording).unwrap();
    let theirs = c3dio::C3d::load_path(path).unwrap();
    let series = &recording.series;
    assert_eq!((theirs.points.rows(), theirs.points.cols()), (5, series.joints().len()));
    assert_eq!(theirs.points.frame_rate, 50.0);
    for (j, joint) in series.joints().iter().enumerate() {
        assert_eq!(theirs.points.labels[j].trim(), joint.name());
        for f in 0..5 {
            let point = &theirs.points[f][j];
            match series.position(f, *joint) {
                None => assert!(point.residual < 0.0),
                Some([x, y, z]) => {
                    let got = [point[0], point[2], -point[1]].map(f64::from);
                    assert!(
                        got.iter().zip([x, y, z]).all(|(a, b)| (a - b).abs() < 1e-6),
                        "{joint}"
                    );
                }
            }
        }
    }
}
