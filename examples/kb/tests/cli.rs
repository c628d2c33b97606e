//! The contract that scripts rely on: exit codes and one line per finding.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn kb(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kb")).args(args).output().unwrap()
}

#[track_caller]
fn check(args: &[&str], code: i32) -> String {
    let output = kb(args);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        output.status.code(),
        Some(code),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

fn squat() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/kismam/knowledge/squat.toml")
}

fn edited(folder: &Path, from: &str, to: &str) -> String {
    let text = std::fs::read_to_string(squat()).unwrap();
    assert!(text.contains(from), "{from}");
    let path = folder.join("edited.toml");
    std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    path.display().to_string()
}

const CLEAN: &str = r#"
kb = { id = "clean", version = "1.0.0", schema = 1, licence = "CC0" }
source = [{ id = "s", cite = "A study.", doi = "10.1/1", kind = "review", checked = true }]
event = [{ id = "e", name = { en = "E", zh = "动" }, keyframes = [{ name = "k", label = { en = "k", zh = "键" }, what = "x" }], views = ["side"] }]
feature = [{ id = "f", measure = "trunk", keyframe = "k", unit = "deg", tau = 8 }]
reference = [{ feature = "f", kind = "range", lo = 0, hi = 10, source = ["s"] }]
issue = [{ id = "i", name = { en = "I", zh = "问" }, why = { en = "w", zh = "因" } }]
evidence = [{ issue = "i", feature = "f", direction = "above", t_min = 5, t_max = 20, w = 0.8, rationale = "r", source = ["s"] }]
"#;

#[test]
fn lint_exits_0_clean_3_with_warnings_2_with_errors() {
    let folder = tempfile::tempdir().unwrap();
    let clean = folder.path().join("clean.toml");
    std::fs::write(&clean, CLEAN).unwrap();
    assert_eq!(check(&["lint", clean.to_str().unwrap()], 0), "");

    let squat = squat().display().to_string();
    assert_eq!(check(&["lint", &squat], 0), "");
    let doubtful = edited(folder.path(), "t_min = 5\nt_max = 13", "t_min = 4\nt_max = 13");
    let warnings = check(&["lint", &doubtful], 3);
    assert!(
        warnings.lines().count() == 1
            && warnings.starts_with(&doubtful)
            && warnings.contains(": warning: ")
            && warnings.contains("t_min 4 below the pose error 5 deg"),
        "{warnings}"
    );

    let wrong = edited(
        folder.path(),
        "feature = \"knee@bottom\"\ndirection",
        "feature = \"nee@bottom\"\ndirection",
    );
    let row = 1 + std::fs::read_to_string(&wrong)
        .unwrap()
        .lines()
        .position(|line| line.contains("nee@bottom\"") && !line.contains("knee"))
        .unwrap();
    let errors = check(&["lint", &squat, &wrong], 2);
    let expected = format!(
        "{wrong}:{}: error: evidence of `shallow_squat` by `nee@bottom`: no such feature",
        row - 2
    );
    assert!(errors.lines().any(|line| line.starts_with(&expected)), "{expected}\n{errors}");

    let broken = edited(folder.path(), "schema = 1", "schema = one");
    assert!(check(&["lint", &broken], 2).starts_with(&format!("{broken}:")));
    // What cannot be read is a finding too, and does not hide the rest.
    let all = check(&["lint", "none.toml", &broken], 2);
    assert!(all.starts_with("none.toml:0: error: cannot be read: "), "{all}");
    assert!(all.contains(&format!("\n{broken}:")), "{all}");
}

#[test]
fn diff_prints_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let newer = edited(folder.path(), "version = \"0.1.0\"", "version = \"0.2.0\"");
    let squat = squat().display().to_string();
    assert_eq!(
        check(&["diff", &squat, &newer], 0),
        "~ kb squat: version: \"0.1.0\" -> \"0.2.0\"\n"
    );
    assert_eq!(check(&["diff", &squat, &squat], 0), "");
}

#[test]
fn matrix_prints_csv() {
    let csv = check(&["matrix", squat().to_str().unwrap(), "--event", "squat", "--csv"], 0);
    let mut lines = csv.lines();
    let columns = lines.next().unwrap().split(',').count();
    assert!(lines.all(|line| line.split(',').count() == columns));
    check(&["matrix", squat().to_str().unwrap(), "--event", "dance"], 2);
}

#[test]
fn assess_prints_json_and_refuses_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, knee: &str| {
        let path = folder.path().join(name);
        let row = |side: &str| {
            format!(
                r#"{{"feature": "knee@bottom", "value": {knee}, "sigma": 3, "side": "{side}", "frame": 136, "time_s": 1.36}}"#
            )
        };
        std::fs::write(
            &path,
            format!(r#"{{"measurements": [{}, {}]}}"#, row("left"), row("right")),
        )
        .unwrap();
        path.display().to_string()
    };
    let (athlete, reference, bad) =
        (write("a.json", "112"), write("r.json", "80"), write("b.json", "1e12"));
    let squat = squat().display().to_string();
    let args = [
        "assess",
        &squat,
        "--event",
        "squat",
        "--measurements",
        &athlete,
        "--template",
        &reference,
    ];
    let json: serde_json::Value =
        serde_json::from_str(&check(&[&args[..], &["--json"]].concat(), 0)).unwrap();
    assert_eq!(json["issues"][0]["id"], "shallow_squat");
    assert_eq!(json["issues"][0]["verdict"], "present");
    assert!(
        json["not_assessable"].as_array().is_some_and(|list| !list.is_empty())
            && json["strengths"].is_array()
    );
    assert!(check(&[&args[..], &["--lang", "zh"]].concat(), 0).contains("下蹲深度不足"));

    let output = kb(&["assess", &squat, "--event", "squat", "--measurements", &bad]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("b.json")
            && message.contains("`knee@bottom`")
            && message.contains("value"),
        "{message}"
    );
    check(&["assess", &squat, "--event", "dance", "--measurements", &athlete], 2);
    check(&["assess", &squat, "--event", "squat", "--measurements", "none.json"], 2);

    let list = folder.path().join("list.json");
    std::fs::write(&list, "[]").unwrap();
    let output =
        kb(&["assess", &squat, "--event", "squat", "--measurements", list.to_str().unwrap()]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("an object with `measurements`"), "{message}");
}

#[test]
fn a_common_error_of_the_keyframe_is_an_optional_field() {
    let folder = tempfile::tempdir().unwrap();
    let sigma = |timing: &str| {
        let path = folder.path().join("m.json");
        let row = |side: &str, value: f64| {
            format!(
                r#"{{"feature": "knee@bottom", "value": {value}, "sigma": 5, "side": "{side}"{timing}}}"#
            )
        };
        let rows =
            format!(r#"{{"measurements": [{}, {}]}}"#, row("left", 90.0), row("right", 80.0));
        std::fs::write(&path, rows).unwrap();
        let squat = squat().display().to_string();
        let args = [
            "assess",
            &squat,
            "--event",
            "squat",
            "--measurements",
            path.to_str().unwrap(),
            "--json",
        ];
        let json: serde_json::Value = serde_json::from_str(&check(&args, 0)).unwrap();
        let lists = ["issues", "not_assessable", "strengths", "not_seen"];
        let mut issues = lists.iter().flat_map(|list| json[list].as_array().unwrap());
        let issue = issues.find(|issue| issue["id"] == "asymmetric_squat").unwrap();
        issue["evidence"][0]["sigma"].as_f64().unwrap()
    };
    assert!((sigma("") - 50.0_f64.sqrt()).abs() < 1e-12);
    assert!((sigma(r#", "timing": -4"#) - 18.0_f64.sqrt()).abs() < 1e-12);
}
