//! `pose estimate` from a video file to a pose file, with a tiny checkpoint of random weights.
#![cfg(feature = "estimate")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const MODEL: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/pose/tests/fixtures/vitpose_tiny/simple_f32"
);
const CLIP: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/frame-tool/tests/fixtures/clips/b_frames.mp4"
);

fn estimate(video: &str, model: &str, out: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pose"))
        .args(["estimate", video, "--model", model, "--out"])
        .arg(out)
        .args(more)
        .output()
        .unwrap()
}

#[track_caller]
fn estimated(video: &str, out: &Path, more: &[&str]) {
    let output = estimate(video, MODEL, out, more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!PathBuf::from(format!("{}.part", out.display())).exists());
}

#[test]
fn a_video_becomes_a_pose_file_that_the_readers_read() {
    let dir = tempfile::tempdir().unwrap();
    for (name, fps) in [("pose.json", Some(25.0)), ("pose.csv", None)] {
        let out = dir.path().join(name);
        estimated(CLIP, &out, &["--box", "2,2,40,60"]);
        let recording = pose::read(&out, None, fps).unwrap();
        assert_eq!(recording.series.joints().len(), 17);
        assert!(recording.series.num_frames() > 10);
    }
}

#[test]
fn an_interrupted_run_ends_as_an_uninterrupted_one() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, resumed) = (dir.path().join("whole.csv"), dir.path().join("resumed.csv"));
    estimated(CLIP, &whole, &[]);
    // Stop a run after a while, wherever it is.
    let mut child = Command::new(env!("CARGO_BIN_EXE_pose"))
        .args(["estimate", CLIP, "--model", MODEL, "--out"])
        .arg(&resumed)
        .spawn()
        .unwrap();
    let part = dir.path().join("resumed.csv.part");
    for _ in 0..6000 {
        let lines =
            std::fs::read(&part).map_or(0, |text| text.iter().filter(|b| **b == b'\n').count());
        if lines > 4 || child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let _ = child.kill();
    child.wait().unwrap();
    estimated(CLIP, &resumed, &[]);
    assert_eq!(std::fs::read(&whole).unwrap(), std::fs::read(&resumed).unwrap());
}

#[test]
fn what_cannot_be_estimated_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("pose.json");
    for (video, model, more, expected) in [
        (CLIP, "no-such-model", &[][..], "config.json"),
        ("no-such-video.mp4", MODEL, &[], "no-such-video.mp4"),
        (CLIP, MODEL, &["--box", "1,2,3"], "left,top,width,height"),
        (CLIP, MODEL, &["--box", "1,2,0,9"], "positive"),
        (CLIP, MODEL, &["--box", "90000,2,9,9"], "outside"),
        (CLIP, MODEL, &["--expert", "3"], "expert 3"),
    ] {
        let output = estimate(video, model, &out, more);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(expected), "{expected}: {error}");
        assert!(!out.exists());
    }
}
