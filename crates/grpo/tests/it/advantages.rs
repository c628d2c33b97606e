use grpo::advantage::{AdvantageConfig, Combine, Scale, advantages};
use proptest::prelude::*;

use super::losses::{TRL, listing};

#[track_caller]
fn check(rewards: &[f64], size: usize, config: &AdvantageConfig, expected: &[f64], tolerance: f64) {
    let rewards: Vec<_> = rewards.iter().map(|reward| vec![*reward]).collect();
    let found = advantages(&rewards, &[1.0], size, config).unwrap().values;
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < tolerance, "{found} instead of {expected}");
    }
}

#[test]
fn group_batch_and_no_scaling_are_trls() {
    let fixture = super::losses::Fixture::read();
    for (name, scale) in [("group", Scale::Group), ("batch", Scale::Batch), ("none", Scale::None)] {
        let expected: Vec<f64> = listing("losses.json")["advantages"][name]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| value.as_f64().unwrap())
            .collect();
        let config = AdvantageConfig { scale, ..AdvantageConfig::default() };
        let rewards: Vec<f64> =
            fixture.floats("rewards").iter().map(|reward| f64::from(*reward)).collect();
        check(&rewards, 4, &config, &expected, TRL);
    }
}

/// By hand: rewards 0, 1, 1, 2 have mean 1 and sample variance 2/3.
#[test]
fn one_group_by_hand() {
    let config = AdvantageConfig { std_epsilon: 0.0, ..AdvantageConfig::default() };
    let one = (1.5f64).sqrt();
    check(&[0.0, 1.0, 1.0, 2.0], 4, &config, &[-one, 0.0, 0.0, one], 1e-12);
}

#[test]
fn groups_without_spread_and_of_one_get_zeros() {
    let found = advantages(
        &[vec![0.1], vec![0.1], vec![0.0], vec![1.0]],
        &[1.0],
        2,
        &AdvantageConfig::default(),
    )
    .unwrap();
    assert_eq!(found.zero_std, [true, false]);
    assert_eq!(found.values[..2], [0.0, 0.0]);
    let single = advantages(&[vec![3.0]], &[1.0], 1, &AdvantageConfig::default()).unwrap();
    assert_eq!((single.values, single.zero_std), (vec![0.0], vec![true]));
}

/// A reward between 0 and 1 and one between 0 and 100. Summed first, the second decides alone; normalised first, both count
/// alike, so rollouts that are best at one and worst at the other tie.
#[test]
fn normalising_first_makes_rewards_count_alike() {
    let rewards = [[1.0, 0.0], [0.0, 100.0], [0.0, 0.0], [1.0, 100.0]].map(|both| both.to_vec());
    let with = |combine| {
        advantages(
            &rewards,
            &[1.0, 1.0],
            4,
            &AdvantageConfig { combine, ..AdvantageConfig::default() },
        )
        .unwrap()
        .values
    };
    let (summed, normalised) = (with(Combine::SumThenNormalise), with(Combine::NormaliseThenSum));
    assert!(summed[1] - summed[0] > 1.0);
    assert!((normalised[1] - normalised[0]).abs() < 1e-3, "{normalised:?}"); // the epsilon of 1e-4 weighs on the smaller one
    // By hand: each column is +-1 over sqrt(4/3 * 1/4); sums are 0, 0, -a, a with a = sqrt(3); their deviation is sqrt(2).
    let expected = 3f64.sqrt() / 2f64.sqrt();
    assert!((normalised[3] - expected).abs() < 1e-3, "{normalised:?}");
}

#[test]
fn nan_and_incomplete_groups_are_errors() {
    let config = AdvantageConfig::default();
    assert!(advantages(&[vec![f64::NAN], vec![1.0]], &[1.0], 2, &config).is_err());
    assert!(advantages(&vec![vec![0.0]; 3], &[1.0], 2, &config).is_err());
    assert!(advantages(&[vec![0.0, 1.0]], &[1.0], 1, &config).is_err());
    assert!(advantages(&[], &[1.0], 0, &config).is_err());
}

proptest! {
    /// Advantages of a group have mean 0, and do not change with an offset of the rewards.
    #[test]
    fn groups_are_centred_and_offsets_do_not_matter(rewards in prop::collection::vec(-5.0..5.0f64, 12), offset in -50.0..50.0f64) {
        let lists = |offset: f64| rewards.iter().map(|reward| vec![reward + offset]).collect::<Vec<_>>();
        for scale in [Scale::Group, Scale::Batch, Scale::None] {
            let config = AdvantageConfig { scale, ..AdvantageConfig::default() };
            let plain = advantages(&lists(0.0), &[1.0], 4, &config).unwrap().values;
            let shifted = advantages(&lists(offset), &[1.0], 4, &config).unwrap().values;
            for group in plain.chunks(4) {
                prop_assert!(group.iter().sum::<f64>().abs() < 1e-9);
            }
            for (plain, shifted) in plain.iter().zip(&shifted) {
                prop_assert!((plain - shifted).abs() < 1e-8);
            }
        }
    }
}
