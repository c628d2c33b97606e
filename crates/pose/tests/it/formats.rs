use std::path::{Path, PathBuf};

use pose::{Error, Format, Joint, Measure, Recording, Side, Unit, View, read};

use crate::support::shared_data;

const KNEE: Joint = Joint::Knee(Side::Right);

/// A person of a BODY_25 or COCO file, pixels with y down: every joint of `num_joints` on a slope starting at x.
fn person(num_joints: usize, x: f64, confidence: f64) -> Vec<f64> {
    (0..num_joints).flat_map(|j| [x + j as f64, 50.0 + 10.0 * j as f64, confidence]).collect()
}

fn openpose_frame(folder: &Path, number: usize, people: &[Vec<f64>]) {
    let people: Vec<_> = people
        .iter()
        .map(|p| serde_json::json!({"pose_keypoints_2d": p, "face_keypoints_2d": []}))
        .collect();
    let text = serde_json::json!({"version": 1.3, "people": people}).to_string();
    std::fs::write(folder.join(format!("run_2_{number:012}_keypoints.json")), text).unwrap();
}

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn read_at_30(path: &Path) -> pose::Result<Recording> {
    read(path, None, Some(30.0))
}

#[test]
fn an_openpose_folder_is_one_recording() {
    let folder = tempfile::tempdir().unwrap();
    let mut unseen = person(25, 100.0, 0.8);
    unseen[3 * 10..3 * 11].fill(0.0); // BODY_25's right knee
    openpose_frame(folder.path(), 7, &[person(25, 100.0, 0.8)]);
    openpose_frame(folder.path(), 8, &[]);
    openpose_frame(folder.path(), 10, &[unseen]);
    std::fs::write(folder.path().join("notes.json"), "not a frame").unwrap();
    let Recording { series, meta, .. } = read_at_30(folder.path()).unwrap();
    assert_eq!((series.num_frames(), series.num_dims(), series.unit()), (4, 2, Unit::Pixel));
    assert_eq!(series.position(0, KNEE), Some([110.0, -150.0, 0.0])); // y up
    assert_eq!(series.position(1, KNEE), None); // nobody
    assert_eq!(series.position(2, KNEE), None); // no such file
    assert_eq!(series.position(3, KNEE), None); // 0, 0, 0
    assert!(series.position(3, Joint::Nose).is_some());
    assert_eq!(meta["first_frame"], "7");
    assert!(!meta.contains_key("people"));
}

#[test]
fn of_several_people_the_surest_is_followed_whatever_the_order() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..10 {
        let mut people = vec![person(25, 100.0 + 3.0 * number as f64, 0.9), person(25, 600.0, 0.5)];
        if number % 2 == 1 {
            people.reverse();
        }
        openpose_frame(folder.path(), number, &people);
    }
    let Recording { series, meta, .. } = read_at_30(folder.path()).unwrap();
    for f in 0..10 {
        assert_eq!(series.position(f, Joint::Nose).unwrap()[0], 100.0 + 3.0 * f as f64);
    }
    assert!(meta["people"].contains("2 tracks, up to 2 people"), "{}", meta["people"]);
}

#[test]
fn openpose_mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(read_at_30(folder.path()), Err(Error::Empty { .. })));
    openpose_frame(folder.path(), 0, &[]);
    assert!(matches!(read_at_30(folder.path()), Err(Error::Nobody { .. })));
    openpose_frame(folder.path(), 1, &[person(25, 0.0, 0.9)]);
    assert!(matches!(read(folder.path(), None, None), Err(Error::MissingFps { .. })));
    assert!(matches!(read_at_30(folder.path()), Err(Error::TooFewFrames { found: 1, .. })));
    for (broken, part) in [
        (vec![1.0; 60], "60 values"),
        (person(18, 0.0, 0.9), "18 joints, but 25 in"),
        (person(25, 0.0, -1.0), "point 0"),
    ] {
        openpose_frame(folder.path(), 2, &[broken]);
        let error = read_at_30(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("000002_keypoints.json, entry 0") && error.contains(part),
            "{error}"
        );
    }
    openpose_frame(folder.path(), 2, &[person(25, 0.0, 0.9)]);
    std::fs::write(folder.path().join("other_2_keypoints.json"), "{}").unwrap();
    let error = read_at_30(folder.path()).unwrap_err().to_string();
    assert!(error.contains("frame number 2 is also that of"), "{error}");
    std::fs::remove_file(folder.path().join("other_2_keypoints.json")).unwrap();
    std::fs::write(folder.path().join("run_x_keypoints.json"), "{}").unwrap();
    let error = read_at_30(folder.path()).unwrap_err().to_string();
    assert!(error.contains("run_x_keypoints.json") && error.contains("frame number"), "{error}");
}

#[test]
fn coco_results_and_annotations_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let entry = |image_id: u64, keypoints: Vec<f64>| serde_json::json!({"image_id": image_id, "category_id": 1, "keypoints": keypoints, "score": 0.9});
    let results =
        serde_json::json!([entry(3, person(17, 5.0, 0.7)), entry(1, person(17, 4.0, 1.198))]);
    let series = read_at_30(&file(&folder, "results.json", &results.to_string())).unwrap().series;
    assert_eq!(series.num_frames(), 3);
    assert_eq!(series.position(0, KNEE), Some([18.0, -190.0, 0.0])); // COCO's 14th joint
    assert_eq!(
        (series.confidence()[[0, 0]], series.confidence()[[1, 0]], series.confidence()[[2, 0]]),
        (1.0, 0.0, 0.7)
    );

    let annotations = serde_json::json!({"images": [], "annotations": [entry(0, person(17, 5.0, 2.0)), entry(1, person(17, 5.0, 1.0))]});
    let series =
        read_at_30(&file(&folder, "annotations.json", &annotations.to_string())).unwrap().series;
    assert_eq!((series.confidence()[[0, 0]], series.confidence()[[1, 0]]), (1.0, 0.5)); // seen, hidden
}

#[test]
fn coco_mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (text, part) in [
        ("[]", "no frames"),
        ("[{\"image_id\": 1}]", "JSON"),
        ("[{\"image_id\": -1, \"keypoints\": []}]", "JSON"),
        ("{\"images\": []}", "JSON"),
        (
            "[{\"image_id\": 1, \"keypoints\": [1, 2, 3]}]",
            "entry 0, field keypoints: 3 values; expected 51",
        ),
        ("[", "JSON"),
        ("nonsense", "JSON"),
    ] {
        let error = read_at_30(&file(&folder, "results.json", text)).unwrap_err().to_string();
        assert!(error.contains("results.json") && error.contains(part), "{text}: {error}");
    }
}

const TRC: &str = "PathFileType\t4\t(X/Y/Z)\tx.trc\n\
    DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n\
    120\t120\t3\t3\tmm\t120\t1\t3\n\
    Frame#\tTime\tRKnee\t\t\tSternum\t\t\tLHip\t\t\n\
    \t\tX1\tY1\tZ1\tX2\tY2\tZ2\tX3\tY3\tZ3\n\n\
    1\t0.000\t10\t20\t30\t1\t1\t1\t5\t6\t7\n\
    2\t0.008\t\t\t\t1\t1\t1\t0\t0\t0\n\
    4\t0.025\t11\t21\t31\t1\t1\t1\n";

#[test]
fn trc_markers_named_like_joints_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let Recording { series, meta, .. } = read(&file(&folder, "x.trc", TRC), None, None).unwrap();
    assert_eq!(
        (series.fps(), series.unit(), series.num_dims(), series.num_frames()),
        (120.0, Unit::Millimetre, 3, 4)
    );
    assert_eq!(series.position(0, KNEE), Some([10.0, 20.0, 30.0]));
    assert_eq!(series.position(1, KNEE), None); // empty
    assert_eq!(series.position(1, Joint::Hip(Side::Left)), None); // 0, 0, 0
    assert_eq!(series.position(2, KNEE), None); // no such frame
    assert_eq!(series.position(3, Joint::Hip(Side::Left)), None); // a row without its last tabs
    assert_eq!((meta["ignored_markers"].as_str(), meta["first_frame"].as_str()), ("Sternum", "1"));
}

#[test]
fn trc_mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (from, to, parts) in [
        ("PathFileType", "Pathless", ["PathFileType", "first line"]),
        ("120\t120\t3", "0\t120\t3", ["DataRate", "--fps"]),
        ("\tmm\t", "\tfeet\t", ["Units", "feet"]),
        ("Frame#", "Frame", ["Frame#", "fourth line"]),
        (
            "RKnee\t\t\tSternum\t\t\tLHip",
            "Tail\t\t\tSternum\t\t\tHorn",
            ["markers", "Tail Sternum Horn"],
        ),
        ("LHip", "KneeR", ["KneeR", "twice"]),
        ("0.008\t", "0.008\tx", ["line 8, field knee_r X", "not a number"]),
        ("4\t0.025", "2\t0.025", ["line 9, field Frame#", "2 follows 2"]),
        ("4\t0.025", "x\t0.025", ["line 9, field Frame#", "not a frame number"]),
        ("\t5\t6\t7", "\t5\t6\t7\t8", ["line 7", "12 cells"]),
    ] {
        assert!(TRC.contains(from));
        let error = read(&file(&folder, "x.trc", &TRC.replacen(from, to, 1)), None, None)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("x.trc") && parts.iter().all(|part| error.contains(part)),
            "{to:?}: {error}"
        );
    }
    let header: Vec<&str> = TRC.lines().take(5).collect();
    let no_rows = read(&file(&folder, "x.trc", &header.join("\n")), None, None);
    assert!(matches!(no_rows, Err(Error::Empty { .. })));
    let cut =
        read(&file(&folder, "x.trc", &header[..3].join("\n")), None, None).unwrap_err().to_string();
    assert!(cut.contains("Frame#") && cut.contains("missing"), "{cut}");
}

/// Three tools' files of one real run.
#[test]
fn all_formats_of_one_sequence_agree() {
    let Some(folder) = shared_data("pose/run_treadmill_side_formats") else { return };
    let [openpose, coco, trc] = ["openpose_body25", "coco_results.json", "sports2d_px.trc"]
        .map(|name| read_at_30(&folder.join(name)).unwrap().series);
    for other in [&coco, &trc] {
        assert_eq!((other.num_frames(), other.num_dims(), other.unit()), (90, 2, Unit::Pixel));
        let joints = other.joints().iter().filter(|j| openpose.joints().contains(j));
        let mut num_compared = 0;
        for (f, joint) in joints.flat_map(|j| (0..90).map(move |f| (f, *j))) {
            let (a, b) = (openpose.position(f, joint), other.position(f, joint));
            assert_eq!(a, b, "{joint} in frame {f}"); // all were written with the same three decimals
            num_compared += usize::from(a.is_some());
        }
        assert!(num_compared >= 90 * 13, "{num_compared}");
    }
    for series in [&openpose, &coco, &trc] {
        assert_eq!(series.view(), View::Side);
        for measure in [Measure::Knee(Side::Left), Measure::Thigh(Side::Right), Measure::Trunk] {
            assert_eq!(
                series.measure(measure).values,
                openpose.measure(measure).values,
                "{measure}"
            );
        }
    }
    // Filmed from the left, so that the athlete runs towards the picture's left.
    assert_eq!(trc.facing()[0], Some([-1.0, 0.0, 0.0]));
}

#[test]
fn detection_goes_by_folder_ending_and_name() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Format::detect(folder.path()).unwrap(), Format::OpenPose);
    for (name, format) in [
        ("a.CSV", Format::Csv),
        ("a.trc", Format::Trc),
        ("a.json", Format::Coco),
        ("a_1_keypoints.json", Format::OpenPose),
    ] {
        assert_eq!(Format::detect(Path::new(name)).unwrap(), format);
    }
}

/// A file whose keys another program has sorted is still told by its words.
#[test]
fn the_order_of_keys_does_not_matter() {
    let Some(path) = shared_data("pose/run_treadmill_side.rtmpose_halpe26.json") else {
        return;
    };
    let sorted: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("sorted.json");
    std::fs::write(&copy, sorted.to_string()).unwrap();
    assert!(!sorted.to_string()[..64 << 10].contains("schema"), "the word stands at the end");
    let [original, copy] = [&path, &copy].map(|path| pose::read(path, None, None).unwrap());
    let positions = |recording: &Recording| recording.series.positions().mapv(f64::to_bits);
    assert_eq!(positions(&original), positions(&copy));
}
