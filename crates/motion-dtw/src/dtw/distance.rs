//! Distances between two frames.

use super::frames::Frames;

/// How far two frames are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Distance {
    /// `sum_k w_k (q_k - r_k)^2`. The square root of the total cost is the usual multivariate DTW distance.
    #[default]
    SquaredEuclidean,
    /// `sqrt(sum_k w_k (q_k - r_k)^2)`, the distance of Tian et al. (2025).
    Euclidean,
    /// `sum_k w_k |q_k - r_k|`.
    Manhattan,
    /// `1 - cos`, between the weighted frames; 0 for two zero frames, 1 for one.
    Cosine,
}

/// Values of one frame, and their weights where some are missing.
pub(crate) type Frame<'a> = (&'a [f64], Option<&'a [f64]>);

/// Distances between frames of two sequences, with channel and confidence weights.
///
/// Where values are missing the sum over the rest is scaled up by (all weight) / (weight present), so that a frame
/// with few measured channels is neither cheap nor dear; a pair without any common channel costs nothing.
pub(crate) struct Measure<'a> {
    pub(crate) query: &'a Frames,
    pub(crate) reference: &'a Frames,
    pub(crate) channel_weights: Option<&'a [f64]>,
    pub(crate) distance: Distance,
}

impl Measure<'_> {
    pub(crate) fn between(&self, query_idx: usize, reference_idx: usize) -> f64 {
        self.pair(
            (self.query.frame(query_idx), self.query.frame_weights(query_idx)),
            (self.reference.frame(reference_idx), self.reference.frame_weights(reference_idx)),
        )
    }

    /// Distance of two frames, each with the weights of its values where some are missing.
    pub(crate) fn pair(&self, query: Frame<'_>, reference: Frame<'_>) -> f64 {
        let ((query, query_weights), (reference, reference_weights)) = (query, reference);
        if query_weights.is_none() && reference_weights.is_none() {
            return match self.channel_weights {
                None => self.plain(query, reference),
                Some(weights) => self.weighted(query, reference, |k| weights[k]).0,
            };
        }
        let channel = |k: usize| self.channel_weights.map_or(1.0, |weights| weights[k]);
        let present = |k: usize| {
            query_weights.map_or(1.0, |w| w[k]) * reference_weights.map_or(1.0, |w| w[k])
        };
        let (sum, weight) = self.weighted(query, reference, |k| channel(k) * present(k));
        let all: f64 = (0..query.len()).map(channel).sum();
        if weight <= 0.0 {
            return 0.0;
        }
        match self.distance {
            Distance::SquaredEuclidean | Distance::Manhattan => sum * all / weight,
            Distance::Euclidean => sum * (all / weight).sqrt(),
            Distance::Cosine => sum,
        }
    }

    fn plain(&self, query: &[f64], reference: &[f64]) -> f64 {
        let pairs = query.iter().zip(reference);
        match self.distance {
            Distance::SquaredEuclidean => pairs.map(|(q, r)| (q - r) * (q - r)).sum(),
            Distance::Euclidean => pairs.map(|(q, r)| (q - r) * (q - r)).sum::<f64>().sqrt(),
            Distance::Manhattan => pairs.map(|(q, r)| (q - r).abs()).sum(),
            Distance::Cosine => self.weighted(query, reference, |_| 1.0).0,
        }
    }

    /// Distance under weights, and the sum of the weights.
    fn weighted(
        &self,
        query: &[f64],
        reference: &[f64],
        weight: impl Fn(usize) -> f64,
    ) -> (f64, f64) {
        let pairs =
            || query.iter().zip(reference).enumerate().map(|(k, (&q, &r))| (weight(k), q, r));
        let total = pairs().map(|(w, _, _)| w).sum();
        let distance = match self.distance {
            Distance::SquaredEuclidean => pairs().map(|(w, q, r)| w * (q - r) * (q - r)).sum(),
            Distance::Euclidean => {
                pairs().map(|(w, q, r)| w * (q - r) * (q - r)).sum::<f64>().sqrt()
            }
            Distance::Manhattan => pairs().map(|(w, q, r)| w * (q - r).abs()).sum(),
            Distance::Cosine => {
                let dot: f64 = pairs().map(|(w, q, r)| w * q * r).sum();
                let query_norm: f64 = pairs().map(|(w, q, _)| w * q * q).sum();
                let reference_norm: f64 = pairs().map(|(w, _, r)| w * r * r).sum();
                match (query_norm > 0.0, reference_norm > 0.0) {
                    (true, true) => (1.0 - dot / (query_norm * reference_norm).sqrt()).max(0.0),
                    (false, false) => 0.0,
                    _ => 1.0,
                }
            }
        };
        (distance, total)
    }
}
