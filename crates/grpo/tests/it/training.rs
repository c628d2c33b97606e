use grpo::advantage::Scale;
use grpo::loss::LossConfig;
use grpo::optim::OptimConfig;
use grpo::reward::{DifficultyGated, GatedToolUse};
use grpo::trainer::{FilterConfig, ReferenceConfig};
use grpo::{Error, RewardSum, Schedule, Trainer, TrainerConfig};

use super::support::{Accuracy, AskFirst, Bandit, Table, ask_first_config, toy_policy};

fn bandit(loss: LossConfig, seed: u64) -> TrainerConfig {
    let mut config = TrainerConfig::new(loss, OptimConfig::new(Schedule::constant(0.15)));
    config.seed = seed;
    config.num_steps = 40;
    config.num_generations = 8;
    config.prompts_per_step = 4;
    config.num_mini_batches = 2; // the second update is off-policy, so ratios and clips matter
    config
}

/// Accuracy of chance is 1/4 (two places, four tokens); each loss gets it above 0.9, whatever the seed.
#[track_caller]
fn learns(name: &str, loss: LossConfig) {
    for seed in 0..5 {
        let mut config = bandit(loss, seed);
        if name == "dr_grpo" {
            config.advantage.scale = Scale::None;
        }
        let mut trainer = Trainer::new(
            config,
            Table::new(2, 4),
            Bandit,
            vec![vec![2, 1]],
            RewardSum::of(Accuracy),
        )
        .unwrap();
        let accuracies: Vec<f64> =
            (0..40).map(|_| trainer.step().unwrap().metrics["completions/accuracy"]).collect();
        let mean = |some: &[f64]| some.iter().sum::<f64>() / some.len() as f64;
        let (first, last) = (mean(&accuracies[..3]), mean(&accuracies[35..]));
        assert!(first < 0.6 && last > 0.9, "{name}, seed {seed}: accuracy from {first} to {last}");
    }
}

#[test]
fn grpo_learns() {
    learns("grpo", LossConfig::grpo());
}

#[test]
fn grpo_with_kl_learns() {
    learns("grpo_kl", LossConfig::grpo().with_kl(0.01));
}

#[test]
fn dr_grpo_learns() {
    learns("dr_grpo", LossConfig::dr_grpo(2));
}

#[test]
fn dapo_learns() {
    learns("dapo", LossConfig::dapo());
}

#[test]
fn bnpo_learns() {
    learns("bnpo", LossConfig::bnpo());
}

#[test]
fn gspo_learns() {
    learns("gspo", LossConfig::gspo());
}

#[test]
fn cispo_learns() {
    learns("cispo", LossConfig::cispo());
}

#[test]
fn sapo_learns() {
    learns("sapo", LossConfig::sapo());
}

#[test]
fn two_sided_learns() {
    learns("two_sided", LossConfig::two_sided(1.5));
}

/// Metrics of a multi-turn environment: what was called, shown, cut, and how long it took.
#[test]
fn a_step_reports_tools_lengths_and_times() {
    let rewards = RewardSum::of(GatedToolUse::default()).with(0.1, DifficultyGated::default());
    let mut trainer = Trainer::new(
        ask_first_config(LossConfig::grpo().with_kl(0.1)),
        toy_policy(0),
        AskFirst,
        vec![3, 4, 5, 6],
        rewards,
    )
    .unwrap();
    let report = trainer.step().unwrap();
    let metrics = &report.metrics;
    for name in [
        "reward/mean",
        "reward/std",
        "rewards/gated_tool_use/mean",
        "rewards/difficulty_gated/std",
        "frac_reward_zero_std",
        "clip_ratio/low_mean",
        "clip_ratio/low_min",
        "clip_ratio/high_mean",
        "clip_ratio/high_max",
        "clip_ratio/region_mean",
        "entropy",
        "kl",
        "loss",
        "grad_norm",
        "learning_rate",
        "completions/length_mean",
        "completions/length_min",
        "completions/length_max",
        "completions/truncated",
        "completions/invalid_format",
        "tools/calls_per_question",
        "tools/call_rate",
        "tools/failure_rate",
        "tools/frames_per_question",
        "sampling/importance_ratio_max",
        "num_tokens",
        "time/step_s",
        "time/generation_s",
        "time/scoring_s",
        "time/forward_backward_s",
        "time/optimizer_s",
        "time/trainer_share",
        "tokens_per_s/generation",
        "tokens_per_s/training",
    ] {
        assert!(metrics.contains_key(name), "{name} is missing from {:?}", metrics.keys());
    }
    assert_eq!(report.rollouts.len(), 12);
    let calls: usize = report.rollouts.iter().map(|rollout| rollout.outcome.num_tool_calls).sum();
    assert!(calls > 0, "some rollouts have two turns");
    assert_eq!(metrics["tools/calls_per_question"], calls as f64 / 12.0);
    assert_eq!(metrics["tools/frames_per_question"], 3.0 * metrics["tools/calls_per_question"]);
    assert_eq!(metrics["kl"], 0.0, "the first update starts at the reference");
    let tokens: usize = report.rollouts.iter().map(|rollout| rollout.ids.len() - 3).sum();
    assert_eq!(metrics["num_tokens"], tokens as f64);
    assert!(report.rollouts.iter().all(|rollout| rollout.task.starts_with("answer ")));
}

/// With three tasks out of four solved by nothing the table can write, only refills fill a batch.
#[test]
fn groups_that_teach_nothing_are_replaced() {
    let tasks = vec![vec![9, 9], vec![9, 9], vec![2, 1], vec![9, 9]];
    let step = |max_refills| {
        let mut config = bandit(LossConfig::dapo(), 1);
        config.filter = FilterConfig { zero_std: true, pass_rate: None, max_refills };
        Trainer::new(config, Table::new(2, 4), Bandit, tasks.clone(), RewardSum::of(Accuracy))
            .unwrap()
            .step()
            .unwrap()
            .metrics
    };
    let (once, refilled) = (step(0), step(20));
    assert_eq!((once["groups/drawn"], once["groups/kept"]), (4.0, 1.0));
    assert_eq!(refilled["groups/kept"], 4.0);
    assert!(refilled["groups/drawn"] >= 13.0 && refilled["frac_reward_zero_std"] > 0.6);
    assert_eq!(refilled["frac_solved_by_none"], refilled["frac_reward_zero_std"]);
}

/// If every group is dropped there is no update, and the run goes on.
#[test]
fn a_batch_without_a_useful_group_changes_nothing() {
    let mut config = bandit(LossConfig::grpo(), 1);
    config.filter = FilterConfig { zero_std: false, pass_rate: Some([0.1, 0.9]), max_refills: 2 };
    let mut trainer =
        Trainer::new(config, Table::new(2, 4), Bandit, vec![vec![9, 9]], RewardSum::of(Accuracy))
            .unwrap();
    let before = super::support::bits(trainer.policy());
    let metrics = trainer.step().unwrap().metrics;
    assert_eq!(
        (metrics["groups/drawn"], metrics["groups/kept"], metrics["frac_outside_pass_rate"]),
        (12.0, 0.0, 1.0)
    );
    assert!(!metrics.contains_key("loss"));
    assert_eq!(super::support::bits(trainer.policy()), before);
    assert_eq!(trainer.num_steps_done(), 1);
}

/// One step off, the bandit learns as well, and every batch is exactly one step old but the first.
#[test]
fn one_step_off_learns() {
    let mut config = bandit(LossConfig::grpo(), 2);
    config.rollouts_ahead = 1;
    let mut trainer =
        Trainer::new(config, Table::new(2, 4), Bandit, vec![vec![2, 1]], RewardSum::of(Accuracy))
            .unwrap();
    let steps: Vec<_> = (0..40).map(|_| trainer.step().unwrap().metrics).collect();
    let staleness: Vec<_> = steps.iter().map(|metrics| metrics["sampling/staleness"]).collect();
    assert_eq!(staleness[..3], [0.0, 1.0, 1.0]);
    assert!(staleness.iter().all(|steps| *steps <= 1.0));
    assert!(steps[35..].iter().all(|metrics| metrics["completions/accuracy"] > 0.9));
}

/// Left to itself the optimum leaves the reference far behind; a strong penalty holds the policy back.
#[test]
fn the_reference_holds_the_policy_back() {
    let last_kl = |beta, reference| {
        let mut config = bandit(LossConfig::grpo().with_kl(beta), 3);
        config.reference = reference;
        let mut trainer = Trainer::new(
            config,
            Table::new(2, 4),
            Bandit,
            vec![vec![2, 1]],
            RewardSum::of(Accuracy),
        )
        .unwrap();
        (0..40).map(|_| trainer.step().unwrap().metrics["kl"]).last().unwrap()
    };
    let (weak, strong) =
        (last_kl(1e-6, ReferenceConfig::Frozen), last_kl(3.0, ReferenceConfig::Frozen));
    assert!(weak > 4.0 * strong, "{weak} {strong}");
    let following = last_kl(1e-6, ReferenceConfig::Following { every: 1, share: 0.5 });
    assert!(following < 0.5 * weak, "a reference that follows stays near: {following} {weak}");
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let refused = |change: fn(&mut TrainerConfig)| {
        let mut config = bandit(LossConfig::grpo(), 0);
        change(&mut config);
        Trainer::new(config, Table::new(2, 4), Bandit, vec![vec![2, 1]], RewardSum::of(Accuracy))
            .unwrap_err()
            .to_string()
    };
    assert!(refused(|config| config.num_generations = 0).contains("num_generations is 0"));
    assert!(
        refused(|config| config.rollout.temperature = 0.0).contains("rollout.temperature is 0")
    );
    assert!(refused(|config| config.optim.schedule.peak = f64::NAN).contains("peak is NaN"));
    assert!(refused(|config| config.filter.pass_rate = Some([0.9, 0.1])).contains("pass_rate"));
    let adapter_off = refused(|config| {
        config.reference = ReferenceConfig::AdapterOff;
        config.loss.beta = 0.1;
    });
    assert!(adapter_off.contains("no adapter"), "{adapter_off}");
    let none = Trainer::new(
        bandit(LossConfig::grpo(), 0),
        Table::new(2, 4),
        Bandit,
        vec![],
        RewardSum::of(Accuracy),
    );
    assert!(matches!(none, Err(Error::Setting { setting: "tasks", .. })));
}
