use std::fs;
use std::path::Path;

use grpo::checkpoint::Checkpoints;
use grpo::loss::LossConfig;
use grpo::metrics::Event;
use grpo::optim::OptimConfig;
use grpo::toy::ToyPolicy;
use grpo::trainer::{Ended, ReferenceConfig};
use grpo::{Error, RewardSum, Schedule, Stop, Trainer, TrainerConfig};

use super::support::{Accuracy, Adapted, AskFirst, Bandit, ask_first_config, bits, toy_policy};

fn trainer(config: &TrainerConfig, policy_seed: u64, dir: &Path) -> Trainer<ToyPolicy, AskFirst> {
    let tasks = vec![3, 4, 5, 6, 3];
    Trainer::new(config.clone(), toy_policy(policy_seed), AskFirst, tasks, RewardSum::of(Accuracy))
        .unwrap()
        .with_checkpoints(dir)
        .unwrap()
}

/// Three steps, a checkpoint, three more; and the same with another process's weights in between. Weights and all metrics but
/// times must agree to the last bit.
#[track_caller]
fn check(config: &TrainerConfig) {
    let dir = tempfile::tempdir().unwrap();
    let mut straight = trainer(config, 5, dir.path());
    for _ in 0..3 {
        straight.step().unwrap();
    }
    assert!(straight.save().unwrap());
    assert!(!straight.save().unwrap(), "the same step is not saved twice");
    let mut resumed = trainer(config, 77, dir.path());
    assert_ne!(bits(resumed.policy()), bits(straight.policy()));
    assert_eq!(resumed.resume().unwrap(), Some(3));
    assert_eq!(bits(resumed.policy()), bits(straight.policy()));
    for step in 3..6 {
        let (mut one, mut other) = (straight.step().unwrap(), resumed.step().unwrap());
        for report in [&mut one, &mut other] {
            report.metrics.retain(|name, _| {
                !["time/", "tokens_per_s/", "memory/"].iter().any(|some| name.starts_with(some))
            });
        }
        assert_eq!(one.metrics, other.metrics, "step {step}");
        assert_eq!(one.rollouts, other.rollouts, "step {step}");
        assert_eq!(bits(straight.policy()), bits(resumed.policy()), "step {step}");
    }
}

#[test]
fn the_step_after_a_resume_is_bit_equal() {
    check(&ask_first_config(LossConfig::grpo()));
}

#[test]
fn so_it_is_with_reference_mini_batches_and_refills() {
    let mut config = ask_first_config(LossConfig::dapo().with_kl(0.05));
    config.num_mini_batches = 2;
    config.num_iterations = 2;
    config.reference = ReferenceConfig::Following { every: 2, share: 0.5 };
    config.filter.zero_std = true;
    config.filter.max_refills = 2;
    check(&config);
}

#[test]
fn so_it_is_with_batches_sampled_ahead() {
    let mut config = ask_first_config(LossConfig::cispo());
    config.rollouts_ahead = 2;
    check(&config);
}

/// The adapter is saved and trained, the base neither; switched off, the adapter leaves the reference.
#[test]
fn an_adapter_alone_is_saved() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = TrainerConfig::new(
        LossConfig::grpo().with_kl(0.1),
        OptimConfig::new(Schedule::constant(0.1)),
    );
    config.reference = ReferenceConfig::AdapterOff;
    config.num_iterations = 2;
    let trainer = |base: f32| {
        let rewards = RewardSum::of(Accuracy);
        Trainer::new(config.clone(), Adapted::new(2, 4, base), Bandit, vec![vec![2, 1]], rewards)
            .unwrap()
            .with_checkpoints(dir.path())
            .unwrap()
    };
    let mut straight = trainer(0.5);
    let before = bits(straight.policy());
    straight.step().unwrap();
    let kl = straight.step().unwrap().metrics["kl"];
    assert!(kl > 0.0, "the reference is the policy without what it learned: {kl}");
    straight.save().unwrap();
    let after = bits(straight.policy());
    assert_eq!(after[..8], before[..8], "the base stays");
    assert_ne!(after[8..], before[8..]);

    let mut resumed = trainer(0.25);
    resumed.resume().unwrap();
    assert_eq!(
        bits(resumed.policy())[..8],
        [0.25f32.to_bits(); 8],
        "the base is not in the checkpoint"
    );
    assert_eq!(bits(resumed.policy())[8..], after[8..]);
}

#[test]
fn a_stop_finishes_the_step_and_saves() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = ask_first_config(LossConfig::grpo());
    config.keep.every = 100;
    let mut trainer = trainer(&config, 5, dir.path());
    let (stop, mut saved) = (Stop::default(), Vec::new());
    let asked = stop.clone();
    let ended = trainer.run(&stop, &mut |event: &Event<'_>| {
        match event {
            Event::Step { step: 2, .. } => asked.request(),
            Event::Saved(path) => saved.push(path.to_path_buf()),
            _ => {}
        }
        Ok(())
    });
    assert_eq!(ended.unwrap(), Ended::Stopped);
    let checkpoints = Checkpoints::open(dir.path()).unwrap();
    assert_eq!((checkpoints.steps().unwrap(), saved), (vec![2], vec![checkpoints.path(2)]));
    assert_eq!(
        trainer.run(&Stop::default(), &mut |_: &Event<'_>| Ok(())).unwrap(),
        Ended::Finished
    );
    assert_eq!(checkpoints.steps().unwrap(), [2, 6]);
}

#[test]
fn the_newest_and_the_best_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(dir.path()).unwrap();
    for (step, score) in [(1, 0.2), (2, 0.9), (3, 0.1), (4, 0.3), (5, 0.5)] {
        checkpoints.write(step, Some(score), &[("weights", vec![step as u8])]).unwrap();
        checkpoints.prune(2).unwrap();
    }
    assert_eq!(checkpoints.steps().unwrap(), [2, 4, 5]);
    assert_eq!(checkpoints.best().unwrap(), Some(2));
    assert_eq!(checkpoints.read(None).unwrap().1["weights"], [5]);
    assert_eq!(checkpoints.read(Some(2)).unwrap().1["weights"], [2]);
    assert!(matches!(checkpoints.write(5, None, &[]), Err(Error::Exists(_))));
}

#[test]
fn damage_and_other_settings_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = ask_first_config(LossConfig::grpo());
    let mut first = trainer(&config, 5, dir.path());
    assert_eq!(first.resume().unwrap(), None, "nothing to resume from yet");
    first.step().unwrap();
    first.save().unwrap();

    let afresh = trainer(&config, 5, dir.path()).run(&Stop::default(), &mut |_: &Event<'_>| Ok(()));
    assert!(
        matches!(afresh, Err(Error::Exists(_))),
        "a new run would write among the old one's checkpoints"
    );
    config.num_generations = 6;
    config.keep.every = 3; // how checkpoints are kept may change
    match trainer(&config, 5, dir.path()).resume() {
        Err(Error::OtherSettings { fields, .. }) => assert_eq!(fields, ["num_generations"]),
        other => panic!("{other:?}"),
    }
    config.num_generations = 4;
    let weights = dir.path().join("step-00000001/policy.bpk");
    let mut bytes = fs::read(&weights).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&weights, bytes).unwrap();
    match trainer(&config, 5, dir.path()).resume() {
        Err(Error::Damaged { path, .. }) => assert_eq!(path, weights),
        other => panic!("{other:?}"),
    }
}
