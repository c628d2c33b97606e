use super::{Finished, Reward};
use crate::{Error, Result, error::finite};

/// A weighted sum of rewards, each of which stays visible.
#[derive(Default)]
pub struct RewardSum {
    terms: Vec<(f64, Box<dyn Reward>)>,
}

impl std::fmt::Debug for RewardSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.terms.iter().map(|(weight, reward)| (reward.name(), weight)))
            .finish()
    }
}

impl RewardSum {
    /// One reward with weight 1.
    #[must_use]
    pub fn of(reward: impl Reward + 'static) -> Self {
        Self::default().with(1.0, reward)
    }

    /// Adds a reward.
    #[must_use]
    pub fn with(mut self, weight: f64, reward: impl Reward + 'static) -> Self {
        self.terms.push((weight, Box::new(reward)));
        self
    }

    /// Names of the rewards, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.terms.iter().map(|(_, reward)| reward.name().to_owned()).collect()
    }

    /// Weights of the rewards, in order.
    #[must_use]
    pub fn weights(&self) -> Vec<f64> {
        self.terms.iter().map(|(weight, _)| *weight).collect()
    }

    /// The value of each reward, unweighted.
    ///
    /// # Errors
    ///
    /// [`Error::Reward`] if one fails, [`Error::Value`] if one is not finite.
    pub fn score(&self, rollout: &Finished<'_>) -> Result<Vec<f64>> {
        let one = |(_, reward): &(f64, Box<dyn Reward>)| {
            let name = reward.name().to_owned();
            match reward.score(rollout) {
                Ok(value) => finite(format!("the reward `{name}`"), value),
                Err(source) => Err(Error::Reward { name, source: source.into() }),
            }
        };
        self.terms.iter().map(one).collect()
    }

    /// The weighted sum of values that [`score`](Self::score) gave.
    #[must_use]
    pub fn total(&self, values: &[f64]) -> f64 {
        self.terms.iter().zip(values).map(|((weight, _), value)| weight * value).sum()
    }
}
