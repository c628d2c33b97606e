use serde::{Deserialize, Serialize};

/// The learning rate as a function of the update: nothing to save, so a resumed run cannot lose its place.
///
/// (burn's schedulers keep a counter that a checkpoint would have to carry, and its cosine climbs again after the end.)
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The highest rate.
    pub peak: f64,
    /// Share of the updates over which the rate rises from 0, in `[0, 1]`.
    #[serde(default)]
    pub warmup: f64,
    /// What follows.
    #[serde(default)]
    pub decay: Decay,
}

/// How the rate falls after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Not at all.
    #[default]
    Constant,
    /// Along a line to 0.
    Linear,
    /// Along half a cosine to `floor` times the peak.
    Cosine {
        /// Share of the peak that is left at the end.
        floor: f64,
    },
}

impl Schedule {
    /// The same rate throughout.
    #[must_use]
    pub fn constant(peak: f64) -> Self {
        Self { peak, warmup: 0.0, decay: Decay::Constant }
    }

    /// Warm-up over a share of the updates, then half a cosine to 0.
    #[must_use]
    pub fn cosine(peak: f64, warmup: f64) -> Self {
        Self { peak, warmup, decay: Decay::Cosine { floor: 0.0 } }
    }

    /// The rate of update `update_idx` (from 0) of `num_updates`.
    ///
    /// The warm-up's k-th of n updates has `peak * k / n`, so the first is above 0 and the last is the peak.
    #[must_use]
    pub fn rate(&self, update_idx: u64, num_updates: u64) -> f64 {
        let warmup = (self.warmup * num_updates as f64).ceil() as u64;
        if update_idx < warmup {
            return self.peak * (update_idx + 1) as f64 / warmup as f64;
        }
        let left = num_updates.saturating_sub(warmup).max(1);
        let done = ((update_idx - warmup) as f64 / left as f64).min(1.0);
        self.peak
            * match self.decay {
                Decay::Constant => 1.0,
                Decay::Linear => 1.0 - done,
                Decay::Cosine { floor } => {
                    floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
                }
            }
    }
}
