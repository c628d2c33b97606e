//! What happens when the input cannot be used: a clear message, exit code 2, no report.

use std::path::Path;
use std::process::{Command, Output};

fn coach(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_coach")).args(args).output().unwrap()
}

/// A small recording in this project's CSV layout; `edit` may spoil it.
fn motion(dir: &Path, name: &str, edit: impl Fn(String) -> String) -> String {
    let mut text = String::from("# fps: 50\n# action: standing_long_jump\n# units: metre\nframe");
    let joints = ["shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe"];
    for joint in joints {
        for side in ["r", "l"] {
            for axis in ["x", "y", "z"] {
                text += &format!(",{joint}_{side}_{axis}");
            }
        }
    }
    for frame in 0..60 {
        text += &format!("\n{frame}");
        for (height, _) in joints.iter().enumerate() {
            for z in [0.2, -0.2] {
                let bend = (f64::from(frame) / 8.0).sin() * 0.1 * (height % 3) as f64;
                text += &format!(",{:.4},{:.4},{z}", bend, 1.6 - 0.22 * height as f64);
            }
        }
    }
    let path = dir.join(name);
    std::fs::write(&path, edit(text)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[track_caller]
fn check(args: &[&str], expected: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let mut args = args.to_vec();
    args.extend(["--out", out.to_str().unwrap()]);
    let output = coach(&args);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    for words in expected {
        assert!(message.contains(words), "{words:?} is not in: {message}");
    }
    assert!(!message.contains("panicked"), "{message}");
    assert!(!out.join("report.html").exists() && !out.join("report.json").exists());
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, edit: fn(String) -> String| motion(dir.path(), name, edit);
    check(&["nowhere.csv"], &["nowhere.csv"]);
    check(&[&file("empty.csv", |_| String::new())], &["empty.csv"]);
    check(
        &[&file("columns.csv", |text| text.replace("knee_r_y", "patella_r_y"))],
        &["columns.csv", "patella"],
    );
    check(
        &[&file("infinite.csv", |text| text.replacen("\n7,0", "\n7,inf", 1))],
        &["infinite.csv", "inf"],
    );
    check(&[&file("word.csv", |text| text.replacen("\n7,", "\n7,abc", 1))], &["word.csv", "abc"]);
    check(
        &[&file("one.csv", |text| text.lines().take(5).collect::<Vec<_>>().join("\n"))],
        &["one.csv", "frame"],
    );
    check(&[&file("fps.csv", |text| text.replace("fps: 50", "fps: 0"))], &["fps.csv", "fps"]);
    check(&[&file("nofps.csv", |text| text.replace("# fps: 50\n", ""))], &["nofps.csv", "--fps"]);
    check(&[&file("good.csv", |text| text), "--fps", "0"], &["fps"]);
    check(&[&file("strange.xyz", |text| text)], &["strange.xyz"]);
}

#[test]
fn a_video_says_what_it_needs() {
    let dir = tempfile::tempdir().unwrap();
    let video = dir.path().join("squat.MP4");
    std::fs::write(&video, "no video").unwrap();
    let video = video.to_str().unwrap();
    check(&[video], &["squat.MP4 is a video", "--pose-model", "--video"]);
    #[cfg(not(feature = "estimate"))]
    check(&[video, "--pose-model", "model"], &["--features estimate"]);
    #[cfg(feature = "estimate")]
    check(&[video, "--pose-model", "model"], &["squat.MP4"]);
    let file = motion(dir.path(), "good.csv", |text| text);
    check(&[&file, "--video", "nowhere.mp4"], &["nowhere.mp4"]);
}

#[test]
fn an_unknown_event_lists_the_known_ones() {
    let dir = tempfile::tempdir().unwrap();
    let file = motion(dir.path(), "good.csv", |text| text);
    check(&[&file, "--event", "chess"], &["chess", "squat", "standing_long_jump"]);
}

#[test]
fn a_reference_without_keyframes_says_where_to_put_them() {
    let dir = tempfile::tempdir().unwrap();
    let file = motion(dir.path(), "good.csv", |text| text);
    check(&[&file, "--reference", &file], &["good.csv", "keyframes", "labels.json"]);
}

#[test]
fn an_event_without_a_shipped_reference_asks_for_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = motion(dir.path(), "good.csv", |text| text);
    check(&[&file, "--event", "squat"], &["squat", "--reference"]);
}

#[test]
fn another_motion_is_not_found() {
    let dir = tempfile::tempdir().unwrap();
    let file = motion(dir.path(), "swaying.csv", |text| text);
    check(&[&file], &["no standing_long_jump", "swaying.csv", "--accept-poor-match"]);
}

#[test]
fn rows_of_nan_are_missing_not_measured() {
    let dir = tempfile::tempdir().unwrap();
    let nan = |text: String| {
        let blank = |line: &str| {
            let frame = line.split(',').next().unwrap_or_default().to_owned();
            let cells = line.matches(',').count();
            frame + &",NaN".repeat(cells)
        };
        let lines = text.lines().enumerate();
        lines.map(|(i, line)| if i > 10 { blank(line) } else { line.to_owned() } + "\n").collect()
    };
    check(&[&motion(dir.path(), "nan.csv", nan)], &["nan.csv"]);
}

#[test]
fn knowledge_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("broken.toml"), "[kb]\nid = 3").unwrap();
    check(&["--knowledge", dir.path().to_str().unwrap()], &["broken.toml"]);
    check(&["--knowledge", "no-such-folder"], &["no-such-folder"]);
}
