use burn::Tensor;
use burn::module::Module;
use grpo::loss::ratio::Level;
use grpo::loss::{Correction, CorrectionMode, LossConfig, Mismatch};
use grpo::toy::ToyPolicy;
use grpo::{Policy, Result, RewardSum, SampleRequest, Scores, Trainer, Trajectory, Turn};

use super::support::{Accuracy, AskFirst, ask_first_config, toy_policy};

/// f32 rounding of a forward pass over other shapes: rows alone against rows padded in a batch.
const ROUNDING: f64 = 2e-6;

#[test]
fn one_forward_pass_for_both_leaves_no_mismatch() {
    let mut trainer = Trainer::new(
        ask_first_config(LossConfig::grpo()),
        toy_policy(2),
        AskFirst,
        vec![3, 4, 5, 6],
        RewardSum::of(Accuracy),
    )
    .unwrap();
    for _ in 0..4 {
        let metrics = trainer.step().unwrap().metrics;
        assert!(
            metrics["sampling/logp_difference_max"] < ROUNDING,
            "{}",
            metrics["sampling/logp_difference_max"]
        );
        assert!(metrics["sampling/mismatch_kl"].abs() < ROUNDING);
        assert!(metrics["sampling/mismatch_kl_k3"].abs() < 1e-10);
        assert!((metrics["sampling/effective_sample_size"] - 1.0).abs() < 1e-9);
    }
}

/// A policy whose sampler serves other weights than are trained.
#[derive(Module, Debug)]
struct Served {
    trained: ToyPolicy,
    served: ToyPolicy,
}

impl Policy for Served {
    type Media = ();

    fn sample(
        &self,
        requests: &mut [SampleRequest<'_, ()>],
        temperature: f64,
    ) -> Result<Vec<Turn>> {
        self.served.sample(requests, temperature)
    }

    fn score(&self, rows: &[&Trajectory], temperature: f64) -> Result<Scores> {
        let Scores { logps, entropy } = self.trained.score(rows, temperature)?;
        let unused: Tensor<2> = self.served.score(rows, temperature)?.logps.detach() * 0.0;
        Ok(Scores { logps: logps + unused, entropy })
    }
}

#[test]
fn another_sampler_is_reported_and_corrected() {
    let correction =
        Correction { level: Level::Token, mode: CorrectionMode::Truncate, max: 1.05, min: 0.0 };
    let step = |correction| {
        let mut config = ask_first_config(LossConfig::grpo());
        config.correction = correction;
        config.prompts_per_step = 12; // enough that some group has right and wrong answers
        let policy = Served { trained: toy_policy(3), served: toy_policy(4) };
        let mut trainer =
            Trainer::new(config, policy, AskFirst, vec![3, 4, 5, 6], RewardSum::of(Accuracy))
                .unwrap();
        trainer.step().unwrap().metrics
    };
    let (plain, corrected) = (step(None), step(Some(correction)));
    assert!(plain["sampling/mismatch_kl_k3"] > 1e-3, "{}", plain["sampling/mismatch_kl_k3"]);
    assert!(plain["sampling/logp_difference_max"] > 0.05);
    assert!(plain["sampling/effective_sample_size"] < 0.999);
    assert_eq!(plain["sampling/frac_corrected"], 0.0);
    assert!(
        corrected["sampling/frac_corrected"] > 0.05,
        "{}",
        corrected["sampling/frac_corrected"]
    );
    assert_ne!(plain["loss"], corrected["loss"]);
    assert_eq!(plain["sampling/mismatch_kl"], corrected["sampling/mismatch_kl"]);
}

/// By hand: ratios 2 and 1/2 (and one token that is not the policy's).
#[test]
fn report_by_hand() {
    let d = std::f32::consts::LN_2;
    let (trainer, sampler) = ([-1.0, -1.0, -9.0], [-1.0 - d, -1.0 + d, 0.0]);
    let correction =
        Correction { level: Level::Token, mode: CorrectionMode::Mask, max: 1.5, min: 0.0 };
    let mask = [true, true, false];
    let found = Mismatch::of([(&trainer[..], &sampler[..], &mask[..])], Some(&correction)).unwrap();
    let close = |found: f64, expected: f64| {
        assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}")
    };
    assert_eq!(found.num_tokens, 2);
    close(found.kl, 0.0);
    close(found.kl_k3, 0.25); // mean of (2 - ln 2 - 1) and (1/2 + ln 2 - 1)
    close(found.max_abs_gap, f64::from(d));
    close(found.ratio[1], 1.25);
    close(found.chi_square, 2.125 - 1.0); // mean of 4 and 1/4, less 1
    close(found.effective_sample_size, 6.25 / (2.0 * 4.25));
    close(found.perplexity[0], std::f64::consts::E);
    close(found.corrected, 0.5);
    assert_eq!(correction.weights(&trainer, &sampler, &mask).unwrap(), [0.0, 0.5, 1.0]);
    let sequence =
        Correction { level: Level::Sequence, mode: CorrectionMode::Truncate, ..correction };
    assert_eq!(sequence.weights(&trainer, &sampler, &mask).unwrap(), [1.0; 3]);
    assert!(correction.weights(&trainer, &sampler[..2], &mask).is_err());
}
