//! MotionDTW: finds a reference movement in a long recording and carries its keyframes over.

mod baseline;
mod coarse;
mod fine;
mod found;
mod pentadiagonal;
mod prepared;
mod profile;
mod quality;
mod scaling;
mod smooth;
mod tuning;
mod turns;
mod voting;

use crate::dtw::check_weights;
use crate::{Error, Motion, Reference, Result};
pub use found::{MatchedKeyframe, MotionMatch};
use prepared::Prepared;
pub use quality::{Quality, Tier};
pub use tuning::{Tuning, TuningOutcome, TuningTrial};
pub use voting::{Consensus, VotedKeyframe};

/// How the movement is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Method {
    /// Coarse search, fine warp, smooth placement: the method of this crate.
    #[default]
    TwoStage,
    /// One warp over the whole recording; for comparison.
    OneStage,
    /// FastDTW (Salvador & Chan 2007) over the whole recording; for comparison.
    FastDtw {
        /// Frames around the coarser path that are searched.
        radius: usize,
    },
    /// Subsequence DTW at full rate, keyframes straight from the path; for comparison.
    Subsequence,
}

/// Two-stage alignment of a long recording with a short reference (Tian et al. 2025, arXiv:2512.14121).
///
/// 1. *Features*: per channel the angle, its velocity and acceleration per second from local parabolas, scaled by the
///    reference ([`with_feature_weights`](Self::with_feature_weights)).
/// 2. *Coarse*: subsequence DTW at a reduced rate proposes stretches of the query.
/// 3. *Fine*: banded DTW at the query's rate, ends open within a quarter of a second.
/// 4. *Placement* (ours): the staircase becomes a smooth warp between frames, whose curvature gives
///    [`sigma_frames`](MatchedKeyframe::sigma_frames); the best of the proposed stretches wins.
/// 5. *Turns* (ours): keyframes follow the turning points that lie within 0.06 s of them in the reference.
///
/// Several references vote in [`align_many`](Self::align_many) and choose the settings in [`tuned`](Self::tuned).
///
/// Defaults are for human movement with angles in degrees; lengths take part as multiples of a leg length times 57.3
/// (one radian's worth). Time O(query x reference / rate reduction squared); memory O(query + reference x window).
///
/// ```
/// use motion_dtw::{Keyframe, Motion, MotionDtw, Reference};
/// use ndarray::Array2;
/// // A knee that bends once: slowly in the reference, faster and later in the query; 60 frames per second.
/// let bend = |frames: usize, middle: f64, width_s: f64| {
///     let knee = |(frame, _): (usize, usize)| {
///         let t: f64 = (frame as f64 / 60.0 - middle) / width_s;
///         175.0 - 80.0 * (-t * t).exp()
///     };
///     Motion::new(Array2::from_shape_fn((frames, 1), knee), 60.0)
/// };
/// let reference = Reference::new(bend(120, 1.0, 0.3)?, vec![Keyframe::new("deepest", 60.0)])?;
/// let found = MotionDtw::new().align(&bend(600, 7.0, 0.25)?, &reference.trimmed(0.5)?)?;
/// assert!((found.keyframes[0].time_s - 7.0).abs() < 0.01);
/// # Ok::<(), motion_dtw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MotionDtw {
    method: Method,
    smoothing_s: f64,
    orders: [f64; 3],
    channel_weights: Option<Vec<f64>>,
    coarse_rate_hz: f64,
    max_rate_hz: f64,
    num_candidates: usize,
    tempo: (f64, f64),
    presence_limit: f64,
}

impl Default for MotionDtw {
    fn default() -> Self {
        Self::new()
    }
}

impl MotionDtw {
    /// Settings that need no tuning for human movement in degrees.
    #[must_use]
    pub fn new() -> Self {
        Self {
            method: Method::TwoStage,
            smoothing_s: 0.25,
            orders: [1.0, 1.5, 0.4],
            channel_weights: None,
            coarse_rate_hz: 15.0,
            max_rate_hz: 120.0,
            num_candidates: 6,
            tempo: (0.4, 2.5),
            presence_limit: Tier::PRESENCE_LIMIT,
        }
    }

    /// How the movement is searched for; [`Method::TwoStage`] by default.
    #[must_use]
    pub fn with_method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Weights of angle, velocity and acceleration, the paper's `1, alpha, beta`; 1, 1.5, 0.4 by default (ours, tuned).
    ///
    /// Each applies after scaling by the reference's own spread, so the weights have no unit.
    #[must_use]
    pub fn with_feature_weights(mut self, angle: f64, velocity: f64, acceleration: f64) -> Self {
        self.orders = [angle, velocity, acceleration];
        self
    }

    /// One weight per channel; all 1 by default.
    #[must_use]
    pub fn with_channel_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.channel_weights = Some(weights.into());
        self
    }

    /// Width in seconds of the local fit that smooths and differentiates; 0.25 by default (15 samples at 60 per second).
    #[must_use]
    pub fn with_smoothing_s(mut self, width_s: f64) -> Self {
        self.smoothing_s = width_s;
        self
    }

    /// Rate of the coarse search, 15 per second by default: the paper's down-sampling.
    #[must_use]
    pub fn with_coarse_rate_hz(mut self, rate_hz: f64) -> Self {
        self.coarse_rate_hz = rate_hz;
        self
    }

    /// Highest rate of the fine warp, 120 per second by default; the query's own rate if that is lower.
    #[must_use]
    pub fn with_max_rate_hz(mut self, rate_hz: f64) -> Self {
        self.max_rate_hz = rate_hz;
        self
    }

    /// Stretches that the coarse search hands on; 6 by default.
    #[must_use]
    pub fn with_num_candidates(mut self, num_candidates: usize) -> Self {
        self.num_candidates = num_candidates;
        self
    }

    /// Shortest and longest duration of a match, relative to the reference; 0.4 to 2.5 by default.
    #[must_use]
    pub fn with_tempo_range(mut self, shortest: f64, longest: f64) -> Self {
        self.tempo = (shortest, longest);
        self
    }

    /// Highest cost of a movement that is there; [`Tier::PRESENCE_LIMIT`] by default. Beyond it the tier is
    /// [`Tier::NotFound`].
    #[must_use]
    pub fn with_presence_limit(mut self, cost: f64) -> Self {
        self.presence_limit = cost;
        self
    }

    /// The best match of `reference` in `query`; [`Quality::tier`] says whether it is there at all.
    ///
    /// A recording aligned with itself gives its own keyframes and cost 0.
    ///
    /// # Errors
    ///
    /// [`Error::ChannelMismatch`], [`Error::WeightCount`], [`Error::InvalidWeights`], [`Error::InvalidSetting`],
    /// [`Error::StillReference`], [`Error::NothingInCommon`], [`Error::QueryTooShort`], or [`Error::NoPath`] if no
    /// stretch of the query has a duration within the tempo range.
    pub fn align(&self, query: &Motion, reference: &Reference) -> Result<MotionMatch> {
        let mut matches = self.find_all(query, reference, 1)?;
        matches.pop().ok_or(Error::NoPath {
            query: query.num_frames(),
            reference: reference.active_frames().len(),
        })
    }

    /// Up to `max` matches whose intervals do not overlap, best first; also those of [`Tier::NotFound`].
    ///
    /// # Errors
    ///
    /// As [`MotionDtw::align`], except that it is no error if no stretch has a fitting duration.
    pub fn find_all(
        &self,
        query: &Motion,
        reference: &Reference,
        max: usize,
    ) -> Result<Vec<MotionMatch>> {
        self.check(query, reference)?;
        Prepared::new(self, query, reference)?.find_all(max)
    }

    fn check(&self, query: &Motion, reference: &Reference) -> Result<()> {
        let (found, expected) = (query.num_channels(), reference.motion().num_channels());
        if found != expected {
            return Err(Error::ChannelMismatch { query: found, reference: expected });
        }
        if let Some(weights) = &self.channel_weights {
            check_weights(weights, expected)?;
        }
        let positive = |name, value: f64| {
            let expected = "it must be positive and finite";
            if value.is_finite() && value > 0.0 {
                Ok(())
            } else {
                Err(Error::InvalidSetting { name, value, expected })
            }
        };
        positive("smoothing_s", self.smoothing_s)?;
        positive("coarse_rate_hz", self.coarse_rate_hz)?;
        positive("max_rate_hz", self.max_rate_hz)?;
        positive("num_candidates", self.num_candidates as f64)?;
        positive("presence_limit", self.presence_limit)?;
        positive("shortest tempo", self.tempo.0)?;
        positive("longest tempo", self.tempo.1)?;
        if self.tempo.1 < self.tempo.0 {
            let expected = "it must not be below the shortest";
            return Err(Error::InvalidSetting {
                name: "longest tempo",
                value: self.tempo.1,
                expected,
            });
        }
        if self.orders.iter().any(|order| !order.is_finite())
            || self.orders.iter().all(|&order| order == 0.0)
        {
            let expected = "feature weights must be finite and not all zero";
            return Err(Error::InvalidSetting {
                name: "feature_weights",
                value: self.orders[0],
                expected,
            });
        }
        let fps = reference.motion().fps();
        let (first, last) = reference.keyframe_span();
        let needed_s = self.tempo.0 * (last - first) / fps;
        if query.duration_s() < needed_s {
            return Err(Error::QueryTooShort { query_s: query.duration_s(), needed_s });
        }
        Ok(())
    }
}
