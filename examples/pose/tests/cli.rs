//! From the command line to the files.

use std::path::Path;
use std::process::{Command, Output};

fn pose(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pose")).args(args).output().unwrap()
}

/// A leg that bends, in space, 20 frames at 50 a second.
fn table(folder: &Path) -> String {
    let mut text = String::from("# fps: 50\n# units: metre\nframe");
    for joint in ["hip_r", "knee_r", "ankle_r", "hip_l", "knee_l", "ankle_l"] {
        for axis in ["x", "y", "z"] {
            text += &format!(",{joint}_{axis}");
        }
    }
    for frame in 0..20 {
        text += &format!("\n{frame}");
        for z in [0.1, -0.1] {
            let knee = 0.02 * f64::from(frame);
            text += &format!(",0,0.9,{z},{knee},0.5,{z},0,0.1,{z}");
        }
    }
    let path = folder.join("leg.csv");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_table_goes_to_trc_and_c3d_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let csv = table(folder.path());
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (from, to) in [
        (csv.as_str(), place("a.trc")),
        (&place("a.trc"), place("b.c3d")),
        (&place("b.c3d"), place("c.csv")),
    ] {
        let output = pose(&["convert", from, &to]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let text = std::fs::read_to_string(place("c.csv")).unwrap();
    assert!(text.contains("# fps: 50") && text.contains("knee_r_x"), "{text}");
    let refused = pose(&["convert", &csv, &place("d.json")]);
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && message.contains("coco cannot hold"), "{message}");
    assert!(!folder.path().join("d.json").exists());
}

#[test]
fn angles_come_as_table_and_motion_file_and_picture() {
    let folder = tempfile::tempdir().unwrap();
    let csv = table(folder.path());
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let output = pose(&[
        "angles",
        &csv,
        "--laboratory",
        "--raw",
        "--csv",
        &place("a.csv"),
        "--mot",
        &place("a.mot"),
        "--plot",
        &place("a.png"),
    ]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{message}");
    assert!(message.contains("cannot tell") && message.contains("elbow_flexion_left"), "{message}");
    let table = std::fs::read_to_string(place("a.csv")).unwrap();
    assert!(table.starts_with("frame,time_s,knee_flexion_left,knee_flexion_left_sigma"), "{table}");
    let mot = std::fs::read_to_string(place("a.mot")).unwrap();
    assert!(mot.contains("inDegrees=yes") && mot.contains("knee_flexion_right"), "{mot}");
    assert!(std::fs::read(place("a.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn a_table_goes_where_it_is_asked_to_go() {
    let folder = tempfile::tempdir().unwrap();
    let csv = table(folder.path());
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, out, plot) = (place("a.csv"), place("b.csv"), place("a.png"));
    for (more, to_stdout) in [
        (&[][..], true),
        (&["--csv"], true),
        (&["--csv", "-"], true),
        (&["--csv", "--plot", &plot], true),
        (&["--csv", &file], false),
        (&["--out", &out], false),
        (&["--plot", &plot], false),
    ] {
        let output = pose(&[&["angles", &csv], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout.starts_with(b"frame,time_s,knee_left"), to_stdout, "{more:?}");
    }
    assert_eq!(std::fs::read(file).unwrap(), std::fs::read(out).unwrap());
}
