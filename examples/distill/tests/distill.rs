//! The program as its users run it.

use std::process::{Command, Output};

use deepsport::distill::Demonstration;

fn distill(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_distill")).args(args).output().unwrap()
}

#[test]
fn the_experts_solutions_become_a_training_set() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    for num in ["4", "10"] {
        let done = distill(&["--toy", num, "--out", out]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert!(String::from_utf8(done.stdout).unwrap().starts_with(&format!("kept: {num}\n")));
    }
    let set = Demonstration::read_all(&folder.path().join("demonstrations.jsonl")).unwrap();
    assert_eq!(set.len(), 10);
    let attempts = std::fs::read_to_string(folder.path().join("attempts.jsonl")).unwrap();
    assert_eq!(attempts.lines().count(), 10);
}

#[test]
fn without_a_teacher_nothing_is_claimed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("questions.jsonl");
    std::fs::write(&path, "").unwrap();
    let out = folder.path().to_str().unwrap();
    let done = distill(&[path.to_str().unwrap(), "--out", out]);
    assert!(String::from_utf8(done.stderr).unwrap().contains("nobody to ask"));
    assert_eq!(done.status.code(), Some(1));
}
