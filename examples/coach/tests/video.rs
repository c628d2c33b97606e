//! Reports with the athlete's own frames, on a real clip that lies beside the checkout.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn shared(name: &str) -> Option<String> {
    let path =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(name);
    if path.exists() {
        return Some(path.to_str().unwrap().to_owned());
    }
    eprintln!("skipped: no {}", path.display());
    None
}

/// A runner's skeletons and video, and a reference to compare with.
fn runner() -> Option<[String; 3]> {
    Some([
        shared("pose/run_treadmill_side.rtmpose_halpe26.json")?,
        shared("video/run_treadmill_side.mp4")?,
        shared("motion/ja1_run0350cms.csv")?,
    ])
}

fn coach(args: &[&str], out: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_coach")).args(args).arg("--out").arg(out).output().unwrap()
}

#[test]
fn the_athletes_frames_stand_beside_the_stick_figures() {
    let (Some([skeletons, video, reference]), Some(other)) =
        (runner(), shared("video/balance_beam_cam1.mp4"))
    else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let args = [skeletons.as_str(), "--event", "running", "--reference", &reference, "--video"];
    let output = coach(&[&args[..], &[&video]].concat(), dir.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert_eq!(page.matches("data:image/jpeg;base64,/9j/").count(), 3, "one a keyframe");

    let output = coach(&[&args[..], &[&other]].concat(), &dir.path().join("other"));
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(
        message.contains("balance_beam_cam1.mp4") && message.contains("this video"),
        "{message}"
    );
}

/// The same skeletons, told to have another rate than the video they were found in.
#[test]
fn skeletons_of_another_rate_are_not_of_this_video() {
    let Some([skeletons, video, reference]) = runner() else { return };
    let dir = tempfile::tempdir().unwrap();
    let args = [&skeletons, "--fps", "25", "--event", "running", "--reference", &reference];
    let output = coach(&[&args[..], &["--video", &video]].concat(), dir.path());
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    for part in ["run_treadmill_side.mp4", "the skeletons 25.000", "this video"] {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
    assert!(!dir.path().join("report.html").exists());
}

#[cfg(feature = "estimate")]
mod estimate {
    use super::*;

    /// Random weights.
    const MODEL: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../crates/pose/tests/fixtures/vitpose_tiny/simple_f32"
    );

    #[test]
    fn a_network_that_knows_nobody_shows_no_runner() {
        let (Some(video), Some(reference)) =
            (shared("video/balance_beam_cam1.mp4"), shared("motion/ja1_run0350cms.csv"))
        else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let args = [&video, "--pose-model", MODEL, "--event", "running", "--reference", &reference];
        let output = coach(&args, dir.path());
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        // Random heat may pass for a skeleton, but not for a runner.
        assert!(message.contains("the athlete was seen in"), "{message}");
        assert!(message.contains("was found in balance_beam_cam1.mp4"), "{message}");
        assert!(!dir.path().join("report.html").exists());
        let skeletons = pose::read(&dir.path().join("skeletons.csv"), None, None).unwrap();
        assert_eq!(skeletons.series.num_frames(), 100);
        assert!(!dir.path().join("skeletons.csv.part").exists(), "the journal is done");
    }
}
