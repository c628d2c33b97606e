use std::fs;

use grpo::loss::LossConfig;
use grpo::metrics::{JsonlLog, Observer, RolloutRecord, TensorBoardLog, TrajectoryLog};
use grpo::{RewardSum, Stop, Trainer};
use serde_json::Value;

use super::support::{Accuracy, AskFirst, ask_first_config, toy_policy};

#[test]
fn a_run_is_logged_and_a_resumed_log_takes_steps_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let run = |from: u64, num_steps: u64| {
        let mut config = ask_first_config(LossConfig::grpo());
        config.num_steps = num_steps;
        let mut trainer =
            Trainer::new(config, toy_policy(0), AskFirst, vec![3, 4], RewardSum::of(Accuracy))
                .unwrap();
        let mut logs: Vec<Box<dyn Observer>> = vec![
            Box::new(JsonlLog::open(path("metrics.jsonl"), from).unwrap()),
            Box::new(TrajectoryLog::open(path("rollouts.jsonl"), from, 2).unwrap()),
            Box::new(TensorBoardLog::create(path("tb")).unwrap()),
        ];
        trainer.run(&Stop::default(), &mut logs).unwrap();
    };
    run(0, 3);
    let lines = |name: &str| -> Vec<Value> {
        let text = fs::read_to_string(path(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let steps = |name: &str| {
        lines(name).iter().map(|line| line["step"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(steps("metrics.jsonl"), [1, 2, 3]);
    assert!(lines("metrics.jsonl")[0]["reward/mean"].is_number());
    assert_eq!(steps("rollouts.jsonl"), [2; 12]);
    let record: RolloutRecord = serde_json::from_value(lines("rollouts.jsonl")[0].clone()).unwrap();
    assert_eq!(record.parts[0], (grpo::Role::Prompt, 0, 3));
    assert_eq!(record.rewards["accuracy"], record.reward);

    // As a process cut off within a line would leave it.
    let mut text = fs::read_to_string(path("metrics.jsonl")).unwrap();
    text.push_str("{\"step\": 4, \"rew");
    fs::write(path("metrics.jsonl"), text).unwrap();
    run(1, 1);
    assert_eq!(steps("metrics.jsonl"), [1, 1], "steps 2 and 3 and the broken line are gone");

    // One record for the file version and one for each step; each has 16 bytes around its data.
    let file = fs::read_dir(path("tb")).unwrap().map(|entry| entry.unwrap().path()).min().unwrap();
    let (bytes, mut at, mut records) = (fs::read(file).unwrap(), 0, 0);
    while at < bytes.len() {
        at += 16 + u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        records += 1;
    }
    assert_eq!(at, bytes.len());
    assert!(records == 4 || records == 2, "{records}"); // whichever of the two runs' files is first by name
}
