//! The program, as it is called.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn train(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_train")).args(args).output().unwrap()
}

#[track_caller]
fn succeeds(args: &[&str]) -> String {
    let output = train(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes").join(name)
}

/// A recipe that is over in seconds and teaches nothing.
fn tiny_recipe(dir: &Path) -> String {
    let text = std::fs::read_to_string(shipped("toy-smoke.toml")).unwrap();
    let text = text
        .replace("num_items = 800\n", "num_items = 8\n")
        .replace("num_items = 2000\n", "num_items = 16\n")
        .replace("num_items = 240\n", "num_items = 8\n")
        .replace("num_items = 96\n", "num_items = 8\n")
        .replace("num_steps = 30", "num_steps = 2")
        .replace("prompts_per_step = 8", "prompts_per_step = 2")
        .replace("num_generations = 8", "num_generations = 2");
    let path = dir.join("tiny.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn demonstrations_then_rewards_leave_a_model_logs_and_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let (recipe, out) = (tiny_recipe(dir.path()), dir.path().join("run"));
    let options = ["--recipe", &recipe, "--seed", "3", "--out", out.to_str().unwrap()];

    let early = train(&[&["grpo"][..], &options].concat());
    assert!(!early.status.success());
    let message = String::from_utf8_lossy(&early.stderr).into_owned();
    assert!(message.contains("run `train sft`") && message.contains("--without-sft"), "{message}");

    let table = succeeds(&[&["sft"][..], &options].concat());
    assert!(table.contains("hard without the tool"), "{table}");
    succeeds(&[&["grpo"][..], &options].concat());
    for stage in ["sft", "grpo"] {
        let dir = out.join(stage);
        let model = ["config.json", "model.safetensors", "tokenizer.json", "deepsport.json"];
        for file in model {
            assert!(dir.join("model").join(file).is_file(), "{stage}: {file}");
        }
        assert!(dir.join("tensorboard").is_dir() && dir.join("checkpoints").is_dir());
        assert_eq!(json(&dir.join("evaluation.json"))["with_tool"]["all"]["num_questions"], 8);
    }
    let steps = std::fs::read_to_string(out.join("grpo/metrics.jsonl")).unwrap();
    assert_eq!(steps.lines().count(), 2);
    let page = std::fs::read_to_string(out.join("grpo/rollouts.html")).unwrap();
    assert!(page.contains("toy-smoke"), "the page names the recipe");

    // A new run does not write among another's checkpoints; a resumed one has nothing left to do.
    let again = train(&[&["sft"][..], &options].concat());
    assert!(!again.status.success());
    succeeds(&[&["sft"][..], &options, &["--resume"]].concat());
}

#[test]
fn a_comparison_has_a_row_for_each_variant_and_seed_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (recipe, out) = (tiny_recipe(dir.path()), dir.path().join("compared"));
    let compare = |variants: &str| {
        succeeds(&[
            "ablation",
            "--world",
            "toy",
            "--recipe",
            &recipe,
            "--seeds",
            "2",
            "--jobs",
            "2",
            "--variants",
            variants,
            "--out",
            out.to_str().unwrap(),
        ])
    };
    compare("sft_only");
    let first = out.join("seed-0/sft_only/result.json");
    let written = std::fs::metadata(&first).unwrap().modified().unwrap();
    let table = compare("sft_only,rl_only,v2");
    assert_eq!(std::fs::metadata(&first).unwrap().modified().unwrap(), written, "not done again");
    assert!(table.contains("rl_only") && !table.contains("no_tool_term"), "{table}");

    let results = json(&out.join("results.json"));
    let rows = results.as_array().unwrap();
    assert_eq!(rows.len(), 6);
    let fields = [
        "accuracy_easy",
        "accuracy_hard",
        "accuracy_hard_without_tool",
        "calls_easy",
        "calls_hard",
        "invalid_format_rate",
        "mean_frames",
        "seed",
        "valid_action_rate_first_steps",
        "variant",
        "window_recall",
    ];
    for row in rows {
        let mut found: Vec<&String> = row.as_object().unwrap().keys().collect();
        found.sort();
        assert_eq!(found, fields);
    }
    let plot = std::fs::read_to_string(out.join("ablation.svg")).unwrap();
    assert!(plot.starts_with("<svg") && plot.contains("rl_only"));
}

#[test]
fn a_stress_test_that_would_be_empty_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = shipped("toy-long.toml");
    let options = ["--model", "none", "--out", dir.path().to_str().unwrap()];
    for (name, value, expected) in [
        // (17 - 1) / 7 rounded up, less one: the widest gap of a first look at 17 frames hides 2.
        ("--lengths", "10", "--lengths 10: to hide an event of 2 a clip needs 17 frames"),
        ("--lengths", "100,5000", "--lengths 5000: the recipe's clips have 1000 frames at most"),
        ("--durations", "0,2", "--durations: events last 1 frame at least"),
        ("--questions", "0", "--questions: 1 at least"),
    ] {
        let recipe = ["stress", "--recipe", recipe.to_str().unwrap(), name, value];
        let output = train(&[&recipe[..], &options].concat());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && message.contains(expected), "{message}");
    }
}

#[test]
fn a_recipe_is_checked_before_it_is_run() {
    let toy = succeeds(&["check", shipped("toy.toml").to_str().unwrap()]);
    assert!(toy.contains("weights") && toy.contains("GiB"), "{toy}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("slip.toml");
    std::fs::write(&path, "name = \"x\"\nseeds = 3\n").unwrap();
    let output = train(&["check", path.to_str().unwrap()]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && message.contains("seeds"), "{message}");
    assert!(message.contains("line 2"), "{message}");
}
