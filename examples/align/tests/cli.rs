//! The program as its users meet it.

use std::path::Path;
use std::process::{Command, Output};

fn align(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_align"))
        .args(arguments)
        .args(["--out", "report"])
        .current_dir(dir)
        .output()
        .unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn assert_is_picture(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    let opening: &[u8] =
        if path.extension().unwrap() == "svg" { b"<svg" } else { b"\x89PNG\r\n\x1a\n" };
    assert!(bytes.starts_with(opening), "{}", path.display());
}

#[test]
fn without_arguments_a_simulated_jump_is_found_and_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let found = json(&align(dir.path(), &["--json"]));
    assert_eq!(found["tier"], "good");
    // By construction: crouch 0.35 s before the take-off at 12 s, landing 0.5 s after it, 1.2 times as slow.
    for (k, expected_s) in [(0, 12.0 - 0.35 * 1.2), (1, 12.0), (2, 12.0 + 0.5 * 1.2)] {
        let time_s = found["keyframes"][k]["time_s"].as_f64().unwrap();
        // 1.5 degrees of noise at some 300 degrees per second: a third of a frame of 1/60 s, three times over.
        assert!((time_s - expected_s).abs() < 1.0 / 60.0, "{time_s} {expected_s}");
    }
    for name in ["warping-path.svg", "warping-path.png", "aligned.svg", "aligned.png"] {
        assert_is_picture(&dir.path().join("report").join(name));
    }
    assert_eq!(std::fs::read_dir(dir.path().join("report")).unwrap().count(), 4);
}

/// A knee that bends at `deepest_s`, and its gaps; a table at 50 frames per second.
fn bend(dir: &Path, name: &str, seconds: f64, deepest_s: f64) {
    use std::fmt::Write as _;
    let mut text = "# fps: 50\nframe,knee,hip\n".to_owned();
    for frame in 0..(seconds * 50.0) as usize {
        let t = (frame as f64 / 50.0 - deepest_s) / 0.3;
        let bend = (-t * t).exp();
        let knee = if frame % 40 == 0 { String::new() } else { (170.0 - 80.0 * bend).to_string() };
        writeln!(text, "{frame},{knee},{}", 165.0 - 60.0 * bend).unwrap();
    }
    std::fs::write(dir.join(name), text).unwrap();
}

#[test]
fn tables_of_channels_are_aligned() {
    let dir = tempfile::tempdir().unwrap();
    bend(dir.path(), "model.csv", 2.0, 1.0);
    bend(dir.path(), "athlete.csv", 9.0, 6.5);
    std::fs::write(dir.path().join("marks.json"), r#"{"up": 60, "deepest": 50.0}"#).unwrap();
    for keyframes in ["deepest=50,up=60", "marks.json"] {
        let arguments = ["athlete.csv", "model.csv", "--keyframes", keyframes, "--json"];
        let found = json(&align(dir.path(), &arguments));
        assert_eq!(found["keyframes"][0]["name"], "deepest");
        let time_s = found["keyframes"][0]["time_s"].as_f64().unwrap();
        assert!((time_s - 6.5).abs() < 0.01, "{time_s}"); // half a frame
    }
    let text = align(dir.path(), &["athlete.csv", "model.csv", "--keyframes", "deepest=50"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("deepest"));
}

#[test]
fn labelled_recordings_need_no_keyframes() {
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/motion"));
    if !data.is_dir() {
        eprintln!("skipped: no recordings at {}", data.display());
        return;
    }
    let path = |name: &str| data.join(name).display().to_string();
    let dir = tempfile::tempdir().unwrap();
    let (query, reference) = (path("cmu_broadjump_3.csv"), path("cmu_broadjump_1.csv"));
    let found = json(&align(dir.path(), &[&query, &reference, "--json"]));
    assert_eq!(found["found"], true);
    let takeoff = found["keyframes"][1]["frame"].as_f64().unwrap();
    assert!((takeoff - 126.31).abs() < 4.0, "{takeoff}"); // labelled; another jump of the same athlete
}

#[track_caller]
fn refused(dir: &Path, arguments: &[&str], expected: &[&str]) {
    let output = align(dir, arguments);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    expected.iter().for_each(|part| assert!(said.contains(part), "no `{part}` in: {said}"));
    assert!(!dir.join("report").exists(), "nothing is written");
}

#[test]
fn bad_input_is_named_with_file_field_and_fix() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    bend(dir, "model.csv", 2.0, 1.0);
    bend(dir, "short.csv", 0.06, 0.0);
    let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).unwrap();
    write("rate.csv", "knee\n170\n");
    write("word.csv", "# fps: 50\nknee,hip\n170,160\n169,many\n");
    write("ragged.csv", "# fps: 50\nknee,hip\n170,160\n169\n");
    write("empty.csv", "# fps: 50\nknee\n");
    write("other.csv", "# fps: 50\nknee,elbow\n170,160\n169,150\n");
    write("labels.json", r#"{"trials": [{"trial": "another"}]}"#);
    write("broken.json", "{");
    let keyframes = ["--keyframes", "deepest=50,up=60"];
    let with = |query: &'static str| ["model.csv"].map(|model| vec![query, model]).concat();
    let check = |query, expected: &[&str]| {
        refused(dir, &[with(query), keyframes.to_vec()].concat(), expected);
    };
    check("absent.csv", &["absent.csv cannot be read"]);
    check("rate.csv", &["rate.csv does not say its frame rate", "--fps"]);
    check("word.csv", &["word.csv, line 4, column `hip`: `many` is no number"]);
    check("ragged.csv", &["ragged.csv is no table"]);
    check("empty.csv", &["empty.csv cannot be used", "at least one frame"]);
    check("other.csv", &["other.csv: no channel `hip`", "it has knee, elbow"]);
    check("short.csv", &["short.csv cannot be searched", "the query lasts 0.060 s"]);
    let model = ["model.csv", "model.csv"];
    refused(dir, &model, &["labels.json has no trial `model`", "--keyframes"]);
    for (given, expected) in [
        ("deepest=500", "keyframe `deepest` is at frame 500"),
        ("deepest=x", "the frame of `deepest` is no number"),
        ("deepest=1,up", "`up` is not name=frame"),
        ("absent.json", "absent.json cannot be read"),
        ("broken.json", "broken.json is no JSON"),
    ] {
        refused(dir, &[&model[..], &["--keyframes", given]].concat(), &[expected]);
    }
    std::fs::remove_file(dir.join("labels.json")).unwrap();
    refused(dir, &model, &["model.csv has no keyframes", "--keyframes name=frame"]);
}
