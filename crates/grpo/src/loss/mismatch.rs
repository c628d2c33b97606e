//! What to do when the sampler is not quite the policy that is trained.
//!
//! A serving engine rounds otherwise than the trainer, or serves weights that are a few steps old; its tokens then come from
//! another distribution than the loss assumes. [`Mismatch`] measures it, [`Correction`] weighs tokens by the (bounded) ratio of
//! trainer to sampler. Where both share one forward pass there is nothing to correct.

use serde::{Deserialize, Serialize};

use super::ratio::Level;
use crate::{Error, Result};

/// What happens to a weight out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionMode {
    /// It is set to the bound: truncated importance sampling (TIS).
    Truncate,
    /// It becomes 0, so the token or completion is left out: masked importance sampling (MIS).
    Mask,
}

/// Importance weights for a sampler that is not the policy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// One weight for each token, or one for each completion: the product of its tokens'.
    pub level: Level,
    /// Out of bounds.
    pub mode: CorrectionMode,
    /// Largest weight; TRL takes 3.
    pub max: f64,
    /// Smallest weight; 0 for none.
    pub min: f64,
}

impl Correction {
    /// The weight of each token of a completion, `w = exp(logp_trainer - logp_sampler)` within bounds; 1 where `mask` is false.
    ///
    /// # Errors
    ///
    /// [`Error::Count`] if the slices are not equally long.
    pub fn weights(&self, trainer: &[f32], sampler: &[f32], mask: &[bool]) -> Result<Vec<f32>> {
        let gaps = gaps(trainer, sampler, mask)?;
        let total: f64 = gaps.iter().flatten().sum();
        let weight = |gap: &Option<f64>| match (self.level, gap) {
            (Level::Token, Some(gap)) => self.bounded(gap.exp()) as f32,
            (Level::Token, None) => 1.0,
            (Level::Sequence, _) => self.bounded(total.exp()) as f32,
        };
        Ok(gaps.iter().map(weight).collect())
    }

    fn bounded(&self, weight: f64) -> f64 {
        let inside = (self.min..=self.max).contains(&weight);
        match self.mode {
            _ if inside => weight,
            CorrectionMode::Truncate => weight.clamp(self.min, self.max),
            CorrectionMode::Mask => 0.0,
        }
    }
}

/// `logp_trainer - logp_sampler` of the policy's tokens.
fn gaps(trainer: &[f32], sampler: &[f32], mask: &[bool]) -> Result<Vec<Option<f64>>> {
    for (what, found) in [
        ("the trainer's log-probabilities", trainer.len()),
        ("the sampler's log-probabilities", sampler.len()),
    ] {
        if found != mask.len() {
            return Err(Error::Count { what, found, expected: mask.len() });
        }
    }
    let gap = |((trainer, sampler), own): ((&f32, &f32), &bool)| {
        own.then(|| f64::from(*trainer) - f64::from(*sampler))
    };
    Ok(trainer.iter().zip(sampler).zip(mask).map(gap).collect())
}

/// How far the sampler is from the policy that is trained, over the policy's tokens of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mismatch {
    /// Tokens compared.
    pub num_tokens: usize,
    /// Mean of `logp_sampler - logp_trainer`: the k1 estimate of `KL(sampler || trainer)`, in nats.
    pub kl: f64,
    /// The same by k3, which cannot be negative.
    pub kl_k3: f64,
    /// Mean distance of the two log-probabilities.
    pub mean_abs_gap: f64,
    /// Largest distance.
    pub max_abs_gap: f64,
    /// Smallest, mean and largest ratio `w` of trainer to sampler.
    pub ratio: [f64; 3],
    /// `mean(w^2) - 1`: the chi-square divergence of the trainer from the sampler.
    pub chi_square: f64,
    /// `(sum w)^2 / (n sum w^2)`: 1 if every token counts, near 0 if a few count for all.
    pub effective_sample_size: f64,
    /// `exp` of the mean negative log-probability under trainer and sampler.
    pub perplexity: [f64; 2],
    /// Share of tokens whose weight the correction bounded or masked.
    pub corrected: f64,
}

impl Mismatch {
    /// Compares completions given as (trainer, sampler, mask).
    ///
    /// # Errors
    ///
    /// As [`Correction::weights`].
    pub fn of<'a>(
        rows: impl IntoIterator<Item = (&'a [f32], &'a [f32], &'a [bool])>,
        correction: Option<&Correction>,
    ) -> Result<Self> {
        let mut found = Self { ratio: [f64::INFINITY, 0.0, 0.0], ..Self::default() };
        let (mut sum, mut squares, mut nll) = (0.0, 0.0, [0.0; 2]);
        for (trainer, sampler, mask) in rows {
            let gaps = gaps(trainer, sampler, mask)?;
            let total: f64 = gaps.iter().flatten().sum();
            for (idx, gap) in gaps.iter().enumerate() {
                let Some(gap) = *gap else { continue };
                let weight = gap.exp();
                found.num_tokens += 1;
                found.kl -= gap;
                found.kl_k3 += weight - gap - 1.0;
                found.mean_abs_gap += gap.abs();
                found.max_abs_gap = found.max_abs_gap.max(gap.abs());
                found.ratio = [found.ratio[0].min(weight), 0.0, found.ratio[2].max(weight)];
                sum += weight;
                squares += weight * weight;
                nll[0] -= f64::from(trainer[idx]);
                nll[1] -= f64::from(sampler[idx]);
                if let Some(correction) = correction {
                    let raw = if correction.level == Level::Token { weight } else { total.exp() };
                    found.corrected += f64::from(u8::from(correction.bounded(raw) != raw));
                }
            }
        }
        if found.num_tokens == 0 {
            return Ok(Self {
                ratio: [1.0; 3],
                effective_sample_size: 1.0,
                perplexity: [1.0; 2],
                ..Self::default()
            });
        }
        let count = found.num_tokens as f64;
        for mean in [&mut found.kl, &mut found.kl_k3, &mut found.mean_abs_gap, &mut found.corrected]
        {
            *mean /= count;
        }
        found.ratio[1] = sum / count;
        found.chi_square = squares / count - 1.0;
        found.effective_sample_size = sum * sum / (count * squares);
        found.perplexity = nll.map(|sum| (sum / count).exp());
        Ok(found)
    }
}
