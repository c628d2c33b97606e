//! Features on a regular grid, scaled by the reference, and the distance between them.

use super::scaling::Scaling;
use crate::Motion;
use crate::features::{Instant, LocalFit};

/// Instants `k / rate_hz` for `k` in `first..first + len`, counted from the first frame of a recording.
///
/// Grids of one rate share their instants whatever part they cover, so that a recording agrees with itself exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Grid {
    pub(crate) rate_hz: f64,
    pub(crate) first: usize,
    pub(crate) len: usize,
}

impl Grid {
    /// The instants of `rate_hz` that lie within `start_s..=end_s`, at least one.
    pub(crate) fn covering(start_s: f64, end_s: f64, rate_hz: f64) -> Self {
        const ROUNDING: f64 = 1e-9;
        let first = (start_s * rate_hz - ROUNDING).ceil().max(0.0) as usize;
        let last = (end_s * rate_hz + ROUNDING).floor().max(first as f64) as usize;
        Self { rate_hz, first, len: last - first + 1 }
    }

    /// Seconds of instant `idx`.
    pub(crate) fn time_s(&self, idx: usize) -> f64 {
        (self.first + idx) as f64 / self.rate_hz
    }

    /// Position of `time_s` on the grid, between instants if need be.
    pub(crate) fn position(&self, time_s: f64) -> f64 {
        time_s * self.rate_hz - self.first as f64
    }
}

/// Scaled features of a stretch of a recording: a row of `3 x channels` per instant.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) grid: Grid,
    num_features: usize,
    values: Vec<f64>,
    present: Vec<f64>,
}

impl Profile {
    pub(crate) fn new(motion: &Motion, fit: LocalFit, grid: Grid, scaling: &Scaling) -> Self {
        let num_features = scaling.num_features();
        let mut values = vec![0.0; grid.len * num_features];
        let mut present = vec![0.0; grid.len * num_features];
        let mut instant = Instant::default();
        let rows =
            values.chunks_exact_mut(num_features).zip(present.chunks_exact_mut(num_features));
        for (idx, (values, present)) in rows.enumerate() {
            fit.at(motion, grid.time_s(idx), &mut instant);
            scaling.apply(&instant, values, present);
        }
        Self { grid, num_features, values, present }
    }

    /// Half as many instants, each the mean of two; for FastDTW.
    pub(crate) fn halved(&self) -> Self {
        let len = self.grid.len.div_ceil(2);
        let mean = |from: &[f64]| {
            let row = |idx: usize| {
                &from[idx.min(self.grid.len - 1) * self.num_features..][..self.num_features]
            };
            (0..len)
                .flat_map(|idx| {
                    row(2 * idx).iter().zip(row(2 * idx + 1)).map(|(a, b)| (a + b) / 2.0)
                })
                .collect()
        };
        let grid = Grid { rate_hz: self.grid.rate_hz / 2.0, first: self.grid.first / 2, len };
        Self {
            grid,
            num_features: self.num_features,
            values: mean(&self.values),
            present: mean(&self.present),
        }
    }

    /// Features of instant `idx`.
    pub(crate) fn row(&self, idx: usize) -> &[f64] {
        &self.values[idx * self.num_features..][..self.num_features]
    }

    /// How well each feature of instant `idx` is known, 0 to 1.
    pub(crate) fn present(&self, idx: usize) -> &[f64] {
        &self.present[idx * self.num_features..][..self.num_features]
    }
}

/// Distance between instants of query and reference: 0 for the same movement, about 0.5 or more for unrelated ones.
///
/// `d^2 = sum_k w_k p_k rho(x_k) / sum_k w_k p_k` with `x_k` the difference in standard deviations of the reference
/// and `p_k` the lesser presence of both values: the paper's distance (Tian et al. 2025), squared. Ours: `rho(x) =
/// x^2 / (1 + x^2 / c^2)` (Geman & McClure 1985) lets no single joint rule, and where the query misses what the
/// reference shows, `d^2` leans towards a middling match, so that blindness is neither good nor bad.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FeatureDistance<'a> {
    pub(crate) query: &'a Profile,
    pub(crate) reference: &'a Profile,
    pub(crate) scaling: &'a Scaling,
}

impl FeatureDistance<'_> {
    pub(crate) fn between(&self, query_idx: usize, reference_idx: usize) -> f64 {
        let pairs = self.query.row(query_idx).iter().zip(self.reference.row(reference_idx));
        let presence =
            self.query.present(query_idx).iter().zip(self.reference.present(reference_idx));
        let mut blend = Blend::default();
        for (((q, r), (query_present, reference_present)), feature) in
            pairs.zip(presence).zip(self.scaling.features())
        {
            blend.add(
                q - r,
                (*query_present, *reference_present),
                feature.weight,
                feature.inverse_limit,
            );
        }
        blend.mean()
    }
}

/// A weighted mean of robust squared differences.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Blend {
    sum: f64,
    /// Weight of what both recordings show, and of what only the reference shows.
    seen: f64,
    unseen: f64,
}

impl Blend {
    /// `d^2` of a pair that shares no measured feature: a middling match (ours, tuned with the weight below).
    pub(crate) const BLIND: f64 = 0.7;
    /// Weight of that prior, relative to the features that it stands for.
    const BLIND_WEIGHT: f64 = 0.1;

    /// Adds the difference of a feature, scaled by the root of its weight; `present` in query and reference.
    #[inline]
    pub(crate) fn add(
        &mut self,
        difference: f64,
        present: (f64, f64),
        weight: f64,
        inverse_limit: f64,
    ) {
        let both = present.0.min(present.1);
        let squared = difference * difference;
        self.sum += both * squared / (1.0 + squared * inverse_limit);
        self.seen += both * weight;
        self.unseen += (present.1 - both) * weight;
    }

    /// Weight of the features seen in both, and of those seen in the reference.
    pub(crate) fn weights(&self) -> (f64, f64) {
        (self.seen, self.seen + self.unseen)
    }

    pub(crate) fn mean(&self) -> f64 {
        let unseen = Self::BLIND_WEIGHT * self.unseen;
        let weight = self.seen + unseen;
        if weight > 0.0 { (self.sum + unseen * Self::BLIND) / weight } else { Self::BLIND }
    }
}
