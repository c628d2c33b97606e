//! Damaged files give an error or a recording, never a panic; what is read holds what a series promises.

use pose::{Angle, Cleaning, Format, Measure, MotTable, Recording, Side, read, to_csv, write};
use proptest::prelude::*;

use crate::support::{in_picture, in_space, shared_data, standing};

/// `few` cases, or as many as the variable `PROPTEST_CASES` says.
fn cases(few: u32) -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let default = ProptestConfig::default();
    ProptestConfig { cases: if asked { default.cases } else { few }, ..default }
}

fn check(name: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    check_recording(read(&path, None, Some(50.0)));
    check_recording(read(&path, None, None)); // the file's own frame rate, damaged or not
}

fn check_recording(recording: pose::Result<Recording>) {
    let Ok(Recording { series, keyframes, .. }) = recording else { return };
    assert!(series.num_frames() >= 2 && series.num_frames() < 100_000);
    assert!(series.positions().iter().all(|v| !v.is_infinite()));
    assert!(keyframes.iter().all(|(_, f)| (0.0..series.num_frames() as f64).contains(f)));
    if let Ok((cleaned, _)) = Cleaning::new().apply(&series) {
        for measure in Measure::all() {
            let signal = cleaned.measure(measure);
            assert!(
                signal
                    .values
                    .iter()
                    .zip(&signal.sigma)
                    .all(|(v, s)| v.is_nan() == s.is_nan() && !v.is_infinite())
            );
        }
    }
}

/// Replaces some bytes by ones that matter to these formats.
fn damaged(text: &str, hits: &[(prop::sample::Index, usize)]) -> String {
    const PIECES: [&str; 14] = [
        "",
        "\n",
        ",",
        "\t",
        "9",
        "-",
        "1e308",
        "nan",
        "inf",
        "\"",
        "]",
        "#",
        "\u{e9}",
        "99999999999999999999",
    ];
    let mut chars: Vec<String> = text.chars().map(String::from).collect();
    for (at, piece) in hits {
        let at = at.index(chars.len());
        chars[at] = PIECES[*piece].to_owned();
    }
    chars.concat()
}

fn hits() -> impl Strategy<Value = Vec<(prop::sample::Index, usize)>> {
    proptest::collection::vec((any::<prop::sample::Index>(), 0..14_usize), 1..6)
}

fn table() -> String {
    let keyframes = [("low".to_owned(), 1.5)];
    to_csv(&in_space(&vec![standing(); 3], 50.0), &std::collections::BTreeMap::new(), &keyframes)
        .unwrap()
}

fn coco() -> String {
    let points = |shift: f64| {
        (0..17)
            .map(|j| format!("{},{},0.9", 100.0 + shift * f64::from(j), 20 * j))
            .collect::<Vec<_>>()
            .join(",")
    };
    let entries: Vec<String> = (0..3)
        .map(|f| {
            format!(
                "{{\"image_id\":{f},\"keypoints\":[{}],\"score\":0.9}}",
                points(1.0 + f64::from(f))
            )
        })
        .collect();
    format!("[{}]", entries.join(","))
}

fn trc() -> String {
    let rows: Vec<String> =
        (0..4).map(|f| format!("{f}\t{f}\t1.{f}\t2.5\t3\t4\t5.{f}\t6\t7\t8\t9\t1\t2\t3")).collect();
    format!(
        "PathFileType\t4\nDataRate\tUnits\n50\tm\nFrame#\tTime\tRHip\t\t\tRKnee\t\t\tRAnkle\t\t\tLHip\t\t\n\t\tX1\n{}\n",
        rows.join("\n")
    )
}

#[test]
fn the_undamaged_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("a.csv", table()), ("a.json", coco()), ("a.trc", trc())] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        assert!(read(&path, None, Some(50.0)).is_ok(), "{name}");
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn damaged_tables(hits in hits()) {
        check("a.csv", &damaged(&table(), &hits));
    }

    #[test]
    fn damaged_coco(hits in hits()) {
        check("a.json", &damaged(&coco(), &hits));
    }

    #[test]
    fn damaged_markers(hits in hits()) {
        check("a.trc", &damaged(&trc(), &hits));
    }

    #[test]
    fn noise(text in "[ -~\n\t]{0,200}") {
        for name in ["a.csv", "a.json", "a.trc", "a_1_keypoints.json"] {
            check(name, &text);
        }
    }
}

/// The whole way of a damaged file: read, measured, written in every format that takes it.
fn check_bytes(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    for fps in [None, Some(30.0)] {
        let Ok(recording) = read(&path, None, fps) else { continue };
        let series = &recording.series;
        assert!(series.num_frames() >= 2 && series.num_frames() < 1_000_000);
        assert!(series.positions().iter().all(|v| !v.is_infinite()));
        for signal in [series.measure(Measure::Trunk), series.angle(Angle::Knee(Side::Left))] {
            assert!(signal.values.iter().all(|v| !v.is_infinite()));
        }
        let _ = series.swaps();
        for format in Format::ALL {
            let _ = write(&folder.path().join(format!("out_{format}")), Some(format), &recording);
        }
    }
}

/// Some bytes replaced, and perhaps the end cut off.
fn damaged_bytes(
    bytes: &[u8],
    hits: &[(prop::sample::Index, u8)],
    cut: Option<prop::sample::Index>,
) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, byte) in hits {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()));
    }
    bytes
}

fn byte_hits() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    // Digits and signs are likelier to make another number than another file.
    let byte =
        prop_oneof![any::<u8>(), prop::sample::select(b"0123456789-.e,[]{}\"\t\n ".to_vec())];
    proptest::collection::vec((any::<prop::sample::Index>(), byte), 1..12)
}

const LAB: &[u8] = include_bytes!("../fixtures/lab.c3d");
const LAB_INTEGER: &[u8] = include_bytes!("../fixtures/lab_integer.c3d");
const RIG: &[u8] = include_bytes!("../fixtures/rig.bvh");

/// The real files of one run, each with the name it is read by.
fn real_files() -> Vec<(&'static str, Vec<u8>)> {
    let Some(folder) = shared_data("pose/run_treadmill_side_formats") else { return Vec::new() };
    let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
    vec![
        ("a.json", bytes("coco_results.json")),
        ("a.json", bytes("alphapose-results.json")),
        ("a.json", bytes("mmpose_halpe26.json")),
        ("a.trc", bytes("sports2d_px.trc")),
        ("a_0_keypoints.json", bytes("openpose_body25/run_000000000000_keypoints.json")),
    ]
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn damaged_laboratory_files(hits in byte_hits(), cut in proptest::option::weighted(0.2, any::<prop::sample::Index>())) {
        for (name, bytes) in [("a.c3d", LAB), ("a.c3d", LAB_INTEGER), ("a.bvh", RIG)] {
            check_bytes(name, &damaged_bytes(bytes, &hits, cut));
        }
    }

    /// Damage in the first kilobyte, where a C3D file says what it is.
    #[test]
    fn damaged_headers(hits in byte_hits(), at in 0..1024_usize) {
        for bytes in [LAB, LAB_INTEGER] {
            let mut head = damaged_bytes(&bytes[..1024], &hits, None);
            head[at] = 0xff;
            check_bytes("a.c3d", &[&head, &bytes[1024..]].concat());
        }
    }

    #[test]
    fn any_angle_file(text in "[ -~\n\t]{0,200}") {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mot");
        for text in [text.clone(), format!("endheader\ntime\ta\n{text}")] {
            std::fs::write(&path, text).unwrap();
            let _ = MotTable::read(&path);
        }
    }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn damaged_real_files(hits in byte_hits(), cut in proptest::option::weighted(0.2, any::<prop::sample::Index>())) {
        for (name, bytes) in real_files() {
            check_bytes(name, &damaged_bytes(&bytes, &hits, cut));
        }
    }
}

/// A small file of every format, each with the name it is read by.
fn small_files() -> Vec<(&'static str, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let figures = vec![standing(); 3];
    let mut recording = Recording {
        series: in_space(&figures, 50.0),
        meta: std::collections::BTreeMap::new(),
        keyframes: vec![("low".to_owned(), 1.5)],
    };
    let mut files = Vec::new();
    for series in [in_space(&figures, 50.0), in_picture(&figures, [0, 1], 50.0)] {
        recording.series = series;
        for (format, name) in [
            (Format::AlphaPose, "a.json"),
            (Format::Bvh, "a.bvh"),
            (Format::C3d, "a.c3d"),
            (Format::Coco, "a.json"),
            (Format::Csv, "a.csv"),
            (Format::MediaPipe, "a.json"),
            (Format::MmPose, "a.json"),
            (Format::Trc, "a.trc"),
        ] {
            let path = folder.path().join(format!("{format}"));
            if write(&path, Some(format), &recording).is_ok() {
                files.push((name, std::fs::read(path).unwrap()));
            }
        }
    }
    let openpose = folder.path().join("openpose");
    write(&openpose, Some(Format::OpenPose), &recording).unwrap();
    let frame = std::fs::read_dir(openpose).unwrap().next().unwrap().unwrap().path();
    files.push(("a_0_keypoints.json", std::fs::read(frame).unwrap()));
    let gaitlab = r#"{"schema":"gaitlab.pose/v1","view":"side-left","fps":30.0,"width":72,"height":128,
        "keypoint_names":["left_knee","right_knee"],"timestamps":[0.0,0.0333],
        "frames":[[[1.5,2.0,0.9],[3.0,4.5,1.1]],[[1.6,2.1,0.8],[3.1,4.4,0.2]]]}"#;
    files.push(("a.json", gaitlab.as_bytes().to_vec()));
    files
}

#[test]
fn the_small_files_are_of_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let mut formats = std::collections::BTreeSet::new();
    for (name, bytes) in SMALL_FILES.iter() {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let format = Format::detect(&path).unwrap();
        let frame_alone = format == Format::OpenPose; // a motion needs two
        assert!(frame_alone || read(&path, None, Some(50.0)).is_ok(), "{name}, {format}");
        formats.insert(format.to_string());
    }
    assert_eq!(formats.len(), Format::ALL.len(), "{formats:?}");
}

proptest! {
    #![proptest_config(cases(20))]

    #[test]
    fn damaged_small_files(hits in byte_hits(), cut in proptest::option::weighted(0.2, any::<prop::sample::Index>())) {
        for (name, bytes) in SMALL_FILES.iter() {
            check_bytes(name, &damaged_bytes(bytes, &hits, cut));
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    /// Reading alone, which is quick enough for many thousand cases: `PROPTEST_CASES=10000 cargo test -p pose --test it
    /// every_reader`.
    #[test]
    fn every_reader_survives_damage(hits in byte_hits(), cut in proptest::option::weighted(0.2, any::<prop::sample::Index>())) {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in SMALL_FILES.iter() {
            let path = folder.path().join(name);
            std::fs::write(&path, damaged_bytes(bytes, &hits, cut)).unwrap();
            for fps in [None, Some(30.0)] {
                let Ok(Recording { series, keyframes, .. }) = read(&path, None, fps) else { continue };
                prop_assert!((2..1_000_000).contains(&series.num_frames()));
                prop_assert!(series.positions().iter().all(|v| !v.is_infinite()));
                prop_assert!(series.confidence().iter().all(|c| (0.0..=1.0).contains(c)));
                let last = series.num_frames() as f64;
                prop_assert!(keyframes.iter().all(|(_, frame)| (0.0..last).contains(frame)));
            }
        }
    }
}

static SMALL_FILES: std::sync::LazyLock<Vec<(&str, Vec<u8>)>> =
    std::sync::LazyLock::new(small_files);
