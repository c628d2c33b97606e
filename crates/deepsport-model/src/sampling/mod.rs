//! From a row of logits to the next token.

mod filters;
mod grammar;
mod stop;

pub use grammar::{CallPattern, ToolCallGrammar};
pub use stop::{StopStrings, Watched};

use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng;

use crate::{Error, Result};

/// How tokens are drawn. Filters run in the order of the fields, as in transformers.
///
/// The default is what reinforcement learning needs: plain sampling at temperature 1, so that the recorded log-probability
/// is the policy's. `generation_config.json` of the published checkpoints has a repetition penalty of 1.05, which spoils it.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplingSettings {
    /// What logits of tokens already seen are divided by (positive ones) or multiplied with (negative ones); 1 changes nothing.
    pub repetition_penalty: f32,
    /// What logits are divided by; 0 always takes the most probable token.
    pub temperature: f32,
    /// Keeps the most probable tokens, this many and all that are as probable as the last of them; 0 keeps all.
    pub top_k: usize,
    /// Keeps the fewest most probable tokens whose probabilities reach this sum; 1 keeps all.
    pub top_p: f32,
    /// Drops tokens less probable than this share of the most probable one; 0 keeps all.
    pub min_p: f32,
    /// Ids that are never drawn; see [`Tokenizer::forbidden`](crate::tokenizer::Tokenizer::forbidden).
    pub forbidden: Vec<u32>,
    /// Which log-probability is recorded.
    pub log_probs: LogProbs,
}

/// The distribution in which the log-probability of a drawn token is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogProbs {
    /// All logits divided by the temperature, before any other setting: what a loss computes again when it divides by the
    /// temperature. At temperature 0 as [`LogProbs::Unscaled`].
    #[default]
    Scaled,
    /// The model's own logits.
    Unscaled,
    /// The distribution that was drawn from, after all filters.
    Filtered,
}

impl Default for SamplingSettings {
    fn default() -> Self {
        Self {
            repetition_penalty: 1.0,
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            forbidden: Vec::new(),
            log_probs: LogProbs::default(),
        }
    }
}

impl SamplingSettings {
    /// Always the most probable token.
    #[must_use]
    pub fn greedy() -> Self {
        Self { temperature: 0.0, ..Self::default() }
    }

    fn check(&self) -> Result<()> {
        let (one, above_0) = (0.0..=1.0, 0.0..f32::INFINITY);
        for (field, value, is_valid, needed) in [
            ("temperature", self.temperature, above_0.contains(&self.temperature), "0 or more"),
            (
                "top_p",
                self.top_p,
                self.top_p > 0.0 && one.contains(&self.top_p),
                "above 0, up to 1",
            ),
            ("min_p", self.min_p, one.contains(&self.min_p), "0 to 1"),
            (
                "repetition_penalty",
                self.repetition_penalty,
                self.repetition_penalty > 0.0 && self.repetition_penalty.is_finite(),
                "above 0",
            ),
        ] {
            if !is_valid {
                let problem = format!("found {value}, needs {needed}");
                return Err(Error::Request { field, problem });
            }
        }
        Ok(())
    }
}

/// What decides, token by token, which tokens may follow; see [`ToolCallGrammar`].
pub trait Constraint {
    /// Sets the logits of tokens that must not follow to negative infinity.
    fn mask(&self, logits: &mut [f32]);

    /// Learns which token followed.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if that token was not allowed.
    fn accept(&mut self, id: u32) -> Result<()>;
}

/// A drawn token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampled {
    /// The token.
    pub id: u32,
    /// Natural logarithm of its probability, in the distribution of [`SamplingSettings::log_probs`].
    pub log_prob: f32,
}

/// Draws the tokens of one sequence.
#[derive(Debug, Clone)]
pub struct Sampler {
    settings: SamplingSettings,
    random: Pcg64,
}

impl Sampler {
    /// A sampler whose draws depend on `seed` and `sequence_idx` alone, not on what else is in the batch.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if a setting is out of its range.
    pub fn new(settings: SamplingSettings, seed: u64, sequence_idx: u64) -> Result<Self> {
        settings.check()?;
        Ok(Self { settings, random: Pcg64::new(u128::from(seed), u128::from(sequence_idx)) })
    }

    /// What it was made with.
    #[must_use]
    pub fn settings(&self) -> &SamplingSettings {
        &self.settings
    }

    /// Draws the next token after `seen` (prompt and reply so far). `logits` are the filtered ones afterwards, negative
    /// infinity where a token was dropped.
    ///
    /// Takes one draw from the generator, whatever the settings, so that sequences stay in step.
    ///
    /// # Shapes
    ///
    /// - `logits`: `[vocab_size]`
    ///
    /// # Errors
    ///
    /// [`Error::Logits`] if one is NaN or positive infinity, or no token is left.
    pub fn sample(&mut self, logits: &mut [f32], seen: &[u32]) -> Result<Sampled> {
        self.draw(logits, seen, None)
    }

    /// [`Sampler::sample`] among the tokens that `constraint` allows, which learns what was drawn.
    ///
    /// # Errors
    ///
    /// Those of [`Sampler::sample`].
    pub fn sample_constrained(
        &mut self,
        logits: &mut [f32],
        seen: &[u32],
        constraint: &mut dyn Constraint,
    ) -> Result<Sampled> {
        let sampled = self.draw(logits, seen, Some(constraint))?;
        constraint.accept(sampled.id)?;
        Ok(sampled)
    }

    fn draw(
        &mut self,
        logits: &mut [f32],
        seen: &[u32],
        constraint: Option<&mut dyn Constraint>,
    ) -> Result<Sampled> {
        let point = (self.random.next_u64() >> 11) as f64 * (0.5f64).powi(53); // [0, 1)
        if let Some(id) = logits.iter().position(|logit| logit.is_nan() || *logit == f32::INFINITY)
        {
            return Err(Error::Logits { problem: format!("the logit of {id} is {}", logits[id]) });
        }
        let settings = &self.settings;
        let is_greedy = settings.temperature == 0.0;
        let temperature = if is_greedy { 1.0 } else { settings.temperature };
        // The log-probability of token i is logits[i] / scale - before_filters.
        let scale = if settings.log_probs == LogProbs::Unscaled { 1.0 } else { temperature };
        let original = (settings.log_probs != LogProbs::Filtered).then(|| logits.to_vec());

        filters::forbid(logits, &settings.forbidden);
        if let Some(constraint) = &constraint {
            constraint.mask(logits);
        }
        filters::repetition_penalty(logits, seen, settings.repetition_penalty);
        filters::temperature(logits, temperature);
        filters::top_k(logits, settings.top_k);
        filters::top_p(logits, settings.top_p);
        filters::min_p(logits, settings.min_p);

        let idx = if is_greedy { filters::argmax(logits) } else { filters::at(logits, point) };
        let idx = idx.ok_or_else(|| Error::Logits { problem: "all tokens are excluded".into() })?;
        let log_prob = match &original {
            Some(original) => filters::log_prob(original, idx, scale),
            None => filters::log_prob(logits, idx, 1.0),
        };
        Ok(Sampled { id: idx as u32, log_prob })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(settings: SamplingSettings, sequence_idx: u64) -> Sampler {
        Sampler::new(settings, 7, sequence_idx).unwrap()
    }

    #[test]
    fn frequencies_are_the_probabilities() {
        let weights = [0.1f32, 0.2, 0.3, 0.4];
        let logits: Vec<f32> = weights.iter().map(|weight| weight.ln() + 3.0).collect();
        let mut sampler = sampler(SamplingSettings::default(), 0);
        let mut counts = [0; 4];
        const NUM_DRAWS: usize = 40_000;
        for _ in 0..NUM_DRAWS {
            let sampled = sampler.sample(&mut logits.clone(), &[]).unwrap();
            counts[sampled.id as usize] += 1;
            assert!((sampled.log_prob - weights[sampled.id as usize].ln()).abs() < 1e-5);
        }
        for (count, weight) in counts.into_iter().zip(weights) {
            // Five standard deviations of a binomial count are 0.0125 at most.
            let frequency = f64::from(count) / NUM_DRAWS as f64;
            assert!((frequency - f64::from(weight)).abs() < 0.0125, "{frequency} {weight}");
        }
    }

    #[test]
    fn a_sequence_depends_on_its_seed_and_number_alone() {
        let logits: Vec<f32> = (0..50).map(|i| (i as f32 * 0.7).sin()).collect();
        let draw = |sequence_idx| -> Vec<u32> {
            let mut sampler = sampler(SamplingSettings::default(), sequence_idx);
            (0..20).map(|_| sampler.sample(&mut logits.clone(), &[]).unwrap().id).collect()
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }

    #[test]
    fn the_recorded_distribution_is_the_one_asked_for() {
        let logits = [1.0f32, 2.0, 3.0, -1.0];
        let log_softmax = |logits: &[f32], i: usize| {
            logits[i] - logits.iter().map(|logit| logit.exp()).sum::<f32>().ln()
        };
        let base = SamplingSettings {
            temperature: 0.5,
            top_k: 1,
            forbidden: vec![2],
            ..SamplingSettings::default()
        };
        for (log_probs, expected) in [
            (LogProbs::Unscaled, log_softmax(&logits, 1)),
            (LogProbs::Scaled, log_softmax(&logits.map(|logit| logit / 0.5), 1)),
            (LogProbs::Filtered, 0.0),
        ] {
            let mut sampler = sampler(SamplingSettings { log_probs, ..base.clone() }, 0);
            let sampled = sampler.sample(&mut logits.clone(), &[]).unwrap();
            assert_eq!(sampled.id, 1);
            assert!((sampled.log_prob - expected).abs() < 1e-5, "{log_probs:?}");
        }
    }

    #[test]
    fn logits_that_allow_no_draw_are_named() {
        let mut sampler = sampler(SamplingSettings::default(), 0);
        let error = sampler.sample(&mut [0.0, f32::NAN], &[]).unwrap_err();
        assert_eq!(error.to_string(), "no token can be sampled: the logit of 1 is NaN");
        assert!(sampler.sample(&mut [f32::NEG_INFINITY; 3], &[]).is_err());
        assert!(sampler.sample(&mut [], &[]).is_err());
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let with = |change: fn(&mut SamplingSettings)| {
            let mut settings = SamplingSettings::default();
            change(&mut settings);
            Sampler::new(settings, 0, 0).unwrap_err().to_string()
        };
        assert_eq!(with(|s| s.top_p = 0.0), "top_p: found 0, needs above 0, up to 1");
        assert_eq!(with(|s| s.temperature = -1.0), "temperature: found -1, needs 0 or more");
        assert_eq!(with(|s| s.min_p = f32::NAN), "min_p: found NaN, needs 0 to 1");
        assert_eq!(
            with(|s| s.repetition_penalty = 0.0),
            "repetition_penalty: found 0, needs above 0"
        );
    }
}
