//! The program as its users run it.

use std::path::Path;
use std::process::{Command, Output};

fn evaluate(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_evaluate")).args(args).output().unwrap()
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap().lines().count()
}

#[test]
fn a_run_goes_on_and_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let done = evaluate(&["run", "--toy", "5", "--out", out]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let path = folder.path().join("run.jsonl");
    assert_eq!(lines(&path), 5);
    // Asked for more, it answers those that are missing.
    let done = evaluate(&["run", "--toy", "12", "--out", out]);
    assert_eq!(lines(&path), 12);
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(
        said.starts_with("tool: 100.0 % (95 %: 73.5 to 100.0)") && said.contains("12 questions"),
        "{said}"
    );
    let summary: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("summary.json")).unwrap())
            .unwrap();
    assert_eq!(summary[0]["overall"]["accuracy"]["mean"], 1.0);
    assert!(
        std::fs::read_to_string(folder.path().join("report.html"))
            .unwrap()
            .contains("Evaluation of expert")
    );

    let (run, both) = (path.to_str().unwrap(), folder.path().join("both"));
    let done = evaluate(&["compare", run, run, "--out", both.to_str().unwrap()]);
    let comparison: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(comparison["p_permutation"], 1.0);
    assert!(both.join("report.html").exists());
}

#[test]
fn what_is_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("questions.jsonl");
    std::fs::write(&path, "{}\n").unwrap();
    let (out, questions) = (folder.path().to_str().unwrap(), path.to_str().unwrap());
    let empty = folder.path().join("empty.jsonl");
    std::fs::write(&empty, "").unwrap();
    let empty = empty.to_str().unwrap();
    for (args, expected) in [
        (vec!["run", "--out", out], "nothing to ask"),
        (vec!["run", questions, "--out", out], "row 1: missing field"),
        (vec!["run", "none.jsonl", "--out", out], "none.jsonl: cannot be read"),
        (vec!["compare", "a.jsonl", "b.jsonl", "--out", out], "a.jsonl: not there"),
        (vec!["compare", empty, empty, "--out", out], "empty.jsonl: no question in mode tool"),
        #[cfg(feature = "local")]
        (vec!["run", "--toy", "2", "--model", out, "--out", out], "lacks config.json"),
    ] {
        let done = evaluate(&args);
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(!done.status.success() && said.contains(expected), "{args:?}: {said}");
    }
}
