//! One step on several devices. There is one CPU here, so it is listed several times: copies, threads and sums are those of
//! many devices.

use burn::tensor::Device;
use grpo::loss::LossConfig;
use grpo::optim::OptimConfig;
use grpo::sft::{SftConfig, SftTrainer};
use grpo::toy::ToyPolicy;
use grpo::{RewardSum, Schedule, Trainer, TrainerConfig};

use super::sft::shards;
use super::support::{Accuracy, Adapted, AskFirst, Bandit, ask_first_config, bits, toy_policy};

/// Several devices differ from one in the order of f32 additions. Adam divides by the root of squared gradients, which makes
/// noise large where gradients are zero but for rounding; with this `epsilon` it does not.
const EPSILON: f32 = 1e-2;
const ROUNDING: f32 = 1e-6;

fn config() -> TrainerConfig {
    let mut config = ask_first_config(LossConfig::grpo().with_kl(0.05));
    (config.micro_batch_size, config.num_mini_batches) = (2, 2);
    config.optim.epsilon = EPSILON;
    config
}

/// A policy to be cloned, its weights drawn: the generator is the process's, which other tests draw from too.
fn drawn(seed: u64) -> ToyPolicy {
    let policy = toy_policy(seed);
    assert!(!bits(&policy).is_empty());
    policy
}

fn trainer(
    config: &TrainerConfig,
    policy: &ToyPolicy,
    num_devices: usize,
) -> Trainer<ToyPolicy, AskFirst> {
    let rewards = RewardSum::of(Accuracy);
    Trainer::new(config.clone(), policy.clone(), AskFirst, vec![3, 4, 5, 6, 3], rewards)
        .unwrap()
        .with_devices(vec![Device::flex(); num_devices - 1])
}

#[track_caller]
fn check_close(one: &[u32], other: &[u32]) {
    let gap = |(a, b): (&u32, &u32)| (f32::from_bits(*a) - f32::from_bits(*b)).abs();
    let gap = one.iter().zip(other).map(gap).fold(0.0, f32::max);
    assert!(gap <= ROUNDING, "{gap}");
}

#[test]
fn several_devices_train_as_one_does() {
    let policy = drawn(5);
    let mut one = trainer(&config(), &policy, 1);
    let mut several = [2, 3, 9].map(|num_devices| trainer(&config(), &policy, num_devices));
    let start = bits(one.policy());
    for step in 0..4 {
        let expected = one.step().unwrap();
        for trainer in &mut several {
            let report = trainer.step().unwrap();
            assert_eq!(report.rollouts, expected.rollouts, "step {step}: what is sampled");
            for name in ["loss", "grad_norm", "entropy", "mismatch/kl"] {
                let Some(expected) = expected.metrics.get(name) else { continue };
                let gap = (report.metrics[name] - expected).abs();
                assert!(gap <= 1e-6 * (1.0 + expected.abs()), "step {step}: {name}: {gap}");
            }
            check_close(&bits(one.policy()), &bits(trainer.policy()));
        }
    }
    assert_ne!(bits(one.policy()), start);
}

/// Where every device has one micro-batch, even the order of additions is that of one device.
#[test]
fn with_a_micro_batch_each_the_result_is_bit_equal() {
    let mut config = config();
    (config.micro_batch_size, config.num_mini_batches) = (4, 1); // 12 rollouts: 3 micro-batches
    let policy = drawn(5);
    let (mut one, mut three) = (trainer(&config, &policy, 1), trainer(&config, &policy, 3));
    for _ in 0..3 {
        assert_eq!(one.step().unwrap().rollouts, three.step().unwrap().rollouts);
        assert_eq!(bits(one.policy()), bits(three.policy()));
    }
}

#[test]
fn a_run_repeats_itself_and_resumes_on_any_number_of_devices() {
    let dir = tempfile::tempdir().unwrap();
    let policy = drawn(5);
    let mut straight = trainer(&config(), &policy, 2).with_checkpoints(dir.path()).unwrap();
    for _ in 0..2 {
        straight.step().unwrap();
    }
    straight.save().unwrap();
    let mut alike = trainer(&config(), &drawn(6), 2).with_checkpoints(dir.path()).unwrap();
    let mut alone = trainer(&config(), &drawn(7), 1).with_checkpoints(dir.path()).unwrap();
    assert_eq!((alike.resume().unwrap(), alone.resume().unwrap()), (Some(2), Some(2)));
    for _ in 0..2 {
        straight.step().unwrap();
        alike.step().unwrap();
        alone.step().unwrap();
        assert_eq!(bits(straight.policy()), bits(alike.policy()));
        check_close(&bits(straight.policy()), &bits(alone.policy()));
    }
}

/// Frozen weights stay frozen in the copies, and the adapter's gradients find their way home.
#[test]
fn an_adapter_is_trained_on_several_devices() {
    let train = |num_devices: usize| {
        let mut optim = OptimConfig::new(Schedule::constant(0.1));
        optim.epsilon = EPSILON;
        let mut config = TrainerConfig::new(LossConfig::grpo(), optim);
        config.micro_batch_size = 3;
        let (policy, tasks) = (Adapted::new(1, 4, 0.2), vec![vec![2]]);
        let mut trainer =
            Trainer::new(config, policy, Bandit, tasks, RewardSum::of(Accuracy)).unwrap();
        trainer = trainer.with_devices(vec![Device::flex(); num_devices - 1]);
        for _ in 0..5 {
            trainer.step().unwrap();
        }
        bits(trainer.policy())
    };
    check_close(&train(1), &train(3));
    assert_ne!(train(3), bits(&Adapted::new(1, 4, 0.2)));
}

#[test]
fn demonstrations_are_shared_out_too() {
    let model = drawn(1);
    let train = |num_devices: usize| {
        let mut optim = OptimConfig::new(Schedule::constant(1e-2));
        optim.epsilon = EPSILON;
        let config = SftConfig {
            seed: 3,
            max_row_tokens: 20,
            rows_per_step: 5,
            micro_batch_size: 1,
            optim,
            schedule_per_shard: false,
            eval_every: 0,
            keep: grpo::checkpoint::KeepConfig::default(),
        };
        let trainer = SftTrainer::new(config, model.clone(), shards(), Vec::new()).unwrap();
        let mut trainer = trainer.with_devices(vec![Device::flex(); num_devices - 1]);
        let losses: Vec<f64> = (0..6).map(|_| trainer.step().unwrap()["loss"]).collect();
        (losses, bits(trainer.model()))
    };
    let (one, two, again) = (train(1), train(2), train(2));
    assert_eq!(two, again);
    check_close(&one.1, &two.1);
    for (one, two) in one.0.iter().zip(&two.0) {
        assert!((one - two).abs() < 1e-6, "{one} {two}");
    }
}
