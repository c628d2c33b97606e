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

/// The model that ships with `ask` teaches, a judge on a server reads and looks at what it did; the same command goes on.
#[cfg(feature = "local")]
#[test]
fn a_model_on_this_machine_teaches_and_a_server_judges() {
    use openai_service::test_server::{Reply, Server};

    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../ask/model");
    let chunk = |chunk: serde_json::Value| format!("data: {chunk}\n\n");
    let judge = Server::start([Reply::pieces([
        chunk(serde_json::json!({"choices": [{"index": 0, "delta": {"content": "{\"keep\": true}"}}]})),
        chunk(serde_json::json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})),
        "data: [DONE]\n\n".to_owned(),
    ])
    .with_header("content-type", "text/event-stream")]);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let judged = ["--text-judge", &judge.address, "--text-judge-model", "judge"];
    let looked = ["--vision-judge", &judge.address, "--vision-judge-model", "judge"];
    let taught = ["--toy", "8", "--model", model, "--workers", "2", "--out", out];
    let command = [&taught[..], &judged, &looked].concat();
    let done = distill(&command);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let set = Demonstration::read_all(&folder.path().join("demonstrations.jsonl")).unwrap();
    assert!(set.len() >= 6, "it is right nearly always: {} of 8", set.len());
    let looks_again =
        |one: &&Demonstration| one.record.difficulty == Some(deepsport::Difficulty::Hard);
    assert!(set.iter().any(|one| looks_again(&one)));
    for one in set.iter().filter(looks_again) {
        assert_eq!((one.trajectory.num_calls(), one.trajectory.speaker.as_str()), (1, "model"));
    }
    // Two judges for each solution that is right and well formed, and only the second is shown frames.
    let asked = || {
        let requests = judge.requests().into_iter();
        requests.filter(|request| request.body.contains("Solution:")).collect::<Vec<_>>()
    };
    let requests = asked();
    assert_eq!(requests.len(), 2 * set.len());
    let is_shown = requests.iter().filter(|request| request.body.contains("data:image/png"));
    assert_eq!(is_shown.count(), set.len());
    assert!(distill(&command).status.success());
    assert_eq!(asked().len(), requests.len(), "nobody is asked twice");
}

#[cfg(feature = "local")]
#[test]
fn a_folder_without_a_model_is_named_with_all_that_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("set");
    let [model, out] = [folder.path(), &out].map(|path| path.to_str().unwrap());
    let done = distill(&["--toy", "1", "--model", model, "--out", out]);
    let message = String::from_utf8(done.stderr).unwrap();
    assert!(message.contains("config.json, model.safetensors, tokenizer.json"), "{message}");
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
