use grpo::loss::{LossConfig, Totals};
use grpo::{RewardSum, Trainer};
use proptest::prelude::*;

use super::losses::{Case, Fixture, ROWS, totals};
use super::support::{Accuracy, AskFirst, ask_first_config, bits, toy_policy};

fn presets() -> Vec<LossConfig> {
    let entropy = LossConfig { entropy_coef: 0.1, ..LossConfig::grpo() };
    let [bnpo, kl] = [LossConfig::bnpo(), LossConfig::dapo().with_kl(0.04)];
    vec![
        LossConfig::grpo(),
        LossConfig::dr_grpo(16),
        bnpo,
        kl,
        LossConfig::gspo(),
        LossConfig::cispo(),
        LossConfig::sapo(),
        entropy,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// However a mini-batch is cut, the pieces' losses and gradients add up to those of the whole.
    #[test]
    fn pieces_add_up_to_the_whole(cuts in prop::collection::btree_set(1..ROWS, 0..6), which in 0usize..8) {
        let (fixture, config) = (Fixture::read(), presets()[which]);
        let case = Case { config, scale: "group", on_policy: false, correction: None };
        let (whole, grad) = case.run(&fixture, 0..ROWS, &totals(&fixture));
        let bounds: Vec<_> = std::iter::once(0).chain(cuts).chain([ROWS]).collect();
        let (mut sum, mut pieces) = (0.0, Vec::new());
        for pair in bounds.windows(2) {
            let (loss, grad) = case.run(&fixture, pair[0]..pair[1], &totals(&fixture));
            sum += loss.loss.into_scalar::<f64>();
            pieces.extend(grad);
        }
        // f32 sums in another order: a few steps of 6e-8 at values near 1.
        prop_assert!((sum - whole.loss.into_scalar::<f64>()).abs() < 1e-6);
        for (piece, whole) in pieces.iter().zip(&grad) {
            prop_assert!((piece - whole).abs() < 1e-7);
        }
    }

    /// A token's weight under DAPO is the same in whichever mini-batch it is, if these have equally many completions.
    #[test]
    fn dapo_weighs_tokens_alike_across_mini_batches(tokens in 1usize..60) {
        let fixture = Fixture::read();
        let case = Case { config: LossConfig::dapo(), scale: "group", on_policy: false, correction: None };
        let batch = Totals { rows: 6, tokens, batch_rows: ROWS, batch_tokens: 61 };
        let other = Totals { tokens: tokens + 3, ..batch };
        let loss = |totals: &Totals| case.run(&fixture, 0..6, totals).0.loss.into_scalar::<f64>();
        prop_assert_eq!(loss(&batch), loss(&other));
    }
}

/// The same step in micro-batches of 1, 5 and all: loss and gradient norm agree to rounding. (Weights need not: Adam's first step
/// is the gradient's sign, and gradients that are zero but for rounding have any.)
#[test]
fn trainer_steps_do_not_depend_on_the_micro_batch_size() {
    let step = |micro_batch_size| {
        let mut config = ask_first_config(LossConfig::grpo().with_kl(0.02));
        config.micro_batch_size = micro_batch_size;
        config.num_iterations = 2;
        let mut trainer = Trainer::new(
            config,
            toy_policy(1),
            AskFirst,
            vec![3, 4, 5, 6],
            RewardSum::of(Accuracy),
        )
        .unwrap();
        let before = bits(trainer.policy());
        let metrics = trainer.step().unwrap().metrics;
        assert_ne!(bits(trainer.policy()), before);
        (metrics["loss"], metrics["grad_norm"], metrics["entropy"])
    };
    let all = step(100);
    assert!(all.1 > 1e-3, "there is something to learn: {all:?}");
    for size in [1, 5] {
        let some = step(size);
        for (some, all) in [(some.0, all.0), (some.1, all.1), (some.2, all.2)] {
            assert!(
                (some - all).abs() < 1e-5 * (1.0 + all.abs()),
                "micro-batches of {size}: {some} against {all}"
            );
        }
    }
}
