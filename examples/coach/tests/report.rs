//! The program's main job, from the command line to the files.

use std::path::Path;
use std::process::{Command, Output};

fn coach(args: &[&str], out: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coach"));
    command.args(args).args(["--out", out.to_str().unwrap()]).output().unwrap()
}

#[test]
fn without_arguments_it_reports_on_the_simulated_jump() {
    let dir = tempfile::tempdir().unwrap();
    let output = coach(&["--pictures"], dir.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let json = std::fs::read_to_string(dir.path().join("report.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["simulated"], true);
    assert!(!json["issues"].as_array().unwrap().is_empty());
    let mut names: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["curves.png", "keyframes.png", "report.html", "report.json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Keyframes") && text.contains("simulated"), "{text}");
}

#[test]
fn json_on_standard_output_is_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let output = coach(&["--json"], dir.path());
    let file = std::fs::read_to_string(dir.path().join("report.json")).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), file.trim_end());
}

#[test]
fn a_folder_that_cannot_be_written_is_exit_code_1() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let output = coach(&[], &file.join("out"));
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}
