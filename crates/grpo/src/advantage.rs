//! How much better a rollout is than its group.

use serde::{Deserialize, Serialize};

use crate::{Error, Result, error::finite};

/// What the distance from the group's mean is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// The group's deviation (GRPO, DeepSport eq. 2).
    #[default]
    Group,
    /// The deviation of all rewards of the batch.
    Batch,
    /// Nothing (Dr.GRPO).
    None,
}

/// How several rewards become one advantage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// Weighted sum first, then mean and deviation.
    #[default]
    SumThenNormalise,
    /// Each reward is normalised within its group, then summed, and the sum normalised over the batch (GDPO): a reward with a
    /// small range counts as much as one with a large. [`Scale`] is not used.
    NormaliseThenSum,
}

/// Settings of [`advantages`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdvantageConfig {
    /// What to divide by.
    pub scale: Scale,
    /// Several rewards.
    pub combine: Combine,
    /// Added to every deviation; 1e-4 as in TRL (verl adds 1e-6). DeepSport gives none.
    pub std_epsilon: f64,
}

impl Default for AdvantageConfig {
    fn default() -> Self {
        Self { scale: Scale::default(), combine: Combine::default(), std_epsilon: 1e-4 }
    }
}

/// A deviation below this counts as zero: such groups teach nothing.
pub const ZERO_STD: f64 = 1e-6;

/// Advantages of a batch and what is known of its groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Advantages {
    /// One for each rollout, group by group.
    pub values: Vec<f64>,
    /// For each group, whether its summed rewards are all alike.
    pub zero_std: Vec<bool>,
}

/// `A_i = (r_i - mean r) / (std r + eps)`, mean and deviation over the rollouts of one prompt (DeepSport eq. 2).
///
/// `rewards` holds the values of all reward functions for each rollout, group by group, `num_generations` rollouts each. The
/// deviation is the sample one (n - 1). A group whose rewards are all alike, or with a single rollout, gets zeros.
///
/// # Errors
///
/// [`Error::Value`] if a reward is NaN or infinite; [`Error::Count`] if the rollouts do not divide into groups or a rollout has
/// not one value per weight.
pub fn advantages(
    rewards: &[Vec<f64>],
    weights: &[f64],
    num_generations: usize,
    config: &AdvantageConfig,
) -> Result<Advantages> {
    if num_generations == 0 || !rewards.len().is_multiple_of(num_generations) {
        return Err(Error::Count {
            what: "rollouts in whole groups",
            found: rewards.len(),
            expected: num_generations,
        });
    }
    for values in rewards {
        if values.len() != weights.len() {
            return Err(Error::Count {
                what: "rewards of a rollout",
                found: values.len(),
                expected: weights.len(),
            });
        }
        values.iter().try_for_each(|value| finite("a reward", *value).map(drop))?;
    }
    let weigh =
        |values: &Vec<f64>| values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
    let sums: Vec<f64> = rewards.iter().map(weigh).collect();
    let zero_std =
        sums.chunks(num_generations).map(|group| Moments::of(group).std < ZERO_STD).collect();
    let values = match config.combine {
        Combine::SumThenNormalise => {
            let batch_std = Moments::of(&sums).std;
            let divisor = |group: &Moments| match config.scale {
                Scale::Group => group.std + config.std_epsilon,
                Scale::Batch => batch_std + config.std_epsilon,
                Scale::None => 1.0,
            };
            centred(&sums, num_generations, divisor)
        }
        Combine::NormaliseThenSum => {
            let mut total = vec![0.0; rewards.len()];
            for (idx, weight) in weights.iter().enumerate() {
                let column: Vec<f64> = rewards.iter().map(|values| values[idx]).collect();
                let normal =
                    centred(&column, num_generations, |group| group.std + config.std_epsilon);
                total.iter_mut().zip(normal).for_each(|(sum, value)| *sum += weight * value);
            }
            centred(&total, rewards.len().max(1), |batch| batch.std + config.std_epsilon)
        }
    };
    Ok(Advantages { values, zero_std })
}

/// Distance from the group's mean over `divisor`; zeros where the group has no spread.
fn centred(values: &[f64], group_size: usize, divisor: impl Fn(&Moments) -> f64) -> Vec<f64> {
    let group = |group: &[f64]| {
        let moments = Moments::of(group);
        let scale = if moments.std < ZERO_STD { 0.0 } else { 1.0 / divisor(&moments) };
        group.iter().map(|value| (value - moments.mean) * scale).collect::<Vec<_>>()
    };
    values.chunks(group_size).flat_map(group).collect()
}

/// Mean and sample deviation; the deviation of one value is 0.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    pub(crate) mean: f64,
    pub(crate) std: f64,
}

impl Moments {
    pub(crate) fn of(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let std = if values.len() < 2 { 0.0 } else { (squares / (values.len() - 1) as f64).sqrt() };
        Self { mean, std }
    }
}
