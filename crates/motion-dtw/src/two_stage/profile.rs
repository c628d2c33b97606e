//! Features on a regular grid, scaled by the reference.

use crate::features::{Instant, LocalFit};
use crate::{Error, Motion, Reference, Result};

/// Instants `k / rate_hz` for `k` in `first..first + len`, counted from the first frame of a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Grid {
    pub(crate) rate_hz: f64,
    pub(crate) first: usize,
    pub(crate) len: usize,
}

impl Grid {
    /// The instants of `rate_hz` that lie within `start_s..=end_s`.
    pub(crate) fn covering(start_s: f64, end_s: f64, rate_hz: f64) -> Self {
        let first = (start_s * rate_hz - 1e-9).ceil().max(0.0) as usize;
        let last = (end_s * rate_hz + 1e-9).floor().max(first as f64) as usize;
        Self { rate_hz, first, len: last - first + 1 }
    }

    pub(crate) fn time_s(&self, idx: usize) -> f64 {
        (self.first + idx) as f64 / self.rate_hz
    }
}

/// How features are scaled and weighted: by the reference alone, so that what else a session holds changes nothing.
#[derive(Debug, Clone)]
pub(crate) struct Scaling {
    mean: Vec<[f64; 3]>,
    /// Square root of the weight divided by the standard deviation.
    factor: Vec<[f64; 3]>,
    /// Weights, summing to 1.
    weight: Vec<[f64; 3]>,
    compress: f64,
}

/// What decides the scaling.
#[derive(Debug, Clone)]
pub(crate) struct ScalingSettings<'a> {
    pub(crate) orders: [f64; 3],
    pub(crate) channel_weights: Option<&'a [f64]>,
    pub(crate) floor_share: f64,
    pub(crate) compress: f64,
}

impl Scaling {
    pub(crate) fn of(
        reference: &Reference,
        fit: LocalFit,
        grid: Grid,
        settings: &ScalingSettings<'_>,
    ) -> Result<Self> {
        let num_channels = reference.motion().num_channels();
        let mut instant = Instant::default();
        let mut sums = vec![[[0.0; 3]; 3]; num_channels]; // per channel and order: weight, w x, w x^2
        for idx in 0..grid.len {
            fit.at(reference.motion(), grid.time_s(idx), &mut instant);
            for ((sums, values), weights) in sums.iter_mut().zip(&instant.values).zip(&instant.weights) {
                for k in 0..3 {
                    sums[k][0] += weights[k];
                    sums[k][1] += weights[k] * values[k];
                    sums[k][2] += weights[k] * values[k] * values[k];
                }
            }
        }
        let mean_of = |sums: &[f64; 3]| if sums[0] > 0.0 { sums[1] / sums[0] } else { 0.0 };
        let variance_of = |sums: &[f64; 3]| {
            if sums[0] > 0.0 { (sums[2] / sums[0] - mean_of(sums).powi(2)).max(0.0) } else { 0.0 }
        };
        let mean: Vec<[f64; 3]> = sums.iter().map(|sums| sums.each_ref().map(mean_of)).collect();
        let variance: Vec<[f64; 3]> = sums.iter().map(|sums| sums.each_ref().map(variance_of)).collect();
        let channel_weight = |k: usize| settings.channel_weights.map_or(1.0, |weights| weights[k]);
        let mut weight: Vec<[f64; 3]> = (0..num_channels)
            .map(|channel| {
                std::array::from_fn(|k| {
                    let measured = sums[channel][k][0] > 0.0;
                    if measured { channel_weight(channel) * settings.orders[k].powi(2) } else { 0.0 }
                })
            })
            .collect();
        let total: f64 = weight.iter().flatten().sum();
        // Average spread of each order over the channels in use; a channel that hardly moves is scaled by a share of it.
        let typical: [f64; 3] = std::array::from_fn(|k| {
            let (sum, used) = (0..num_channels)
                .filter(|&channel| weight[channel][k] > 0.0)
                .fold((0.0, 0.0), |(sum, used), channel| (sum + variance[channel][k], used + 1.0));
            if used > 0.0 { sum / used } else { 0.0 }
        });
        if total <= 0.0 || typical[0] <= 0.0 {
            return Err(Error::StillReference);
        }
        weight.iter_mut().flatten().for_each(|weight| *weight /= total);
        let factor = (0..num_channels)
            .map(|channel| {
                std::array::from_fn(|k| {
                    let spread = variance[channel][k] + settings.floor_share.powi(2) * typical[k];
                    if spread > 0.0 { (weight[channel][k] / spread).sqrt() } else { 0.0 }
                })
            })
            .collect();
        Ok(Self { mean, factor, weight, compress: settings.compress })
    }

    pub(crate) fn num_features(&self) -> usize {
        3 * self.mean.len()
    }

    /// Scales one instant into `row`, and writes square roots of the weights to `present`.
    pub(crate) fn unit(&self, k: usize) -> f64 {
        self.weight[k / 3][k % 3]
    }

    pub(crate) fn apply(&self, instant: &Instant, row: &mut [f64], present: &mut [f64]) {
        for channel in 0..self.mean.len() {
            for k in 0..3 {
                let at = 3 * channel + k;
                let mean = if k == 0 { self.mean[channel][k] } else { 0.0 };
                row[at] = (instant.values[channel][k] - mean) * self.factor[channel][k];
                if k > 0 && self.compress > 0.0 {
                    let unit = self.weight[channel][k].sqrt();
                    let x = row[at] / unit.max(1e-30);
                    row[at] = unit * x / (1.0 + x.abs() / self.compress);
                }
                present[at] = instant.weights[channel][k];
            }
        }
    }
}

/// Scaled features of a stretch of a recording.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) grid: Grid,
    num_features: usize,
    values: Vec<f64>,
    present: Vec<f64>,
    complete: Vec<bool>,
}

impl Profile {
    pub(crate) fn new(motion: &Motion, fit: LocalFit, grid: Grid, scaling: &Scaling) -> Self {
        let num_features = scaling.num_features();
        let mut profile = Self {
            grid,
            num_features,
            values: vec![0.0; grid.len * num_features],
            present: vec![0.0; grid.len * num_features],
            complete: Vec::with_capacity(grid.len),
        };
        let mut instant = Instant::default();
        for idx in 0..grid.len {
            fit.at(motion, grid.time_s(idx), &mut instant);
            let range = idx * num_features..(idx + 1) * num_features;
            scaling.apply(&instant, &mut profile.values[range.clone()], &mut profile.present[range.clone()]);
            let complete = profile.present[range].iter().zip(scaling.weight.iter().flatten());
            profile.complete.push(complete.into_iter().all(|(&present, &weight)| present == 1.0 || weight == 0.0));
        }
        profile
    }

    pub(crate) fn row(&self, idx: usize) -> &[f64] {
        &self.values[idx * self.num_features..][..self.num_features]
    }

    pub(crate) fn present(&self, idx: usize) -> &[f64] {
        &self.present[idx * self.num_features..][..self.num_features]
    }
}

/// Distance between instants of query and reference, about 0 for the same pose and 1 to 2 for unrelated ones.
///
/// `D^2 = sum_k w_k p_k (q_k - r_k)^2 / sum_k w_k p_k` (Tian et al. 2025), where `p` is the presence of both values.
/// Where little is present, `D^2` leans towards `prior` (ours), so that blindness is neither good nor bad.
pub(crate) struct ProfileDistance<'a> {
    pub(crate) query: &'a Profile,
    pub(crate) reference: &'a Profile,
    pub(crate) scaling: &'a Scaling,
    pub(crate) prior: f64,
    pub(crate) prior_weight: f64,
    pub(crate) robust: f64,
    pub(crate) power: f64,
}

impl ProfileDistance<'_> {
    pub(crate) fn squared(&self, query_idx: usize, reference_idx: usize) -> f64 {
        let pairs = self.query.row(query_idx).iter().zip(self.reference.row(reference_idx));
        if self.robust > 0.0 {
            let presence = self.query.present(query_idx).iter().zip(self.reference.present(reference_idx));
            let weights = self.scaling.weight.iter().flatten();
            let (mut sum, mut total) = (0.0, 0.0);
            let c = self.robust * self.robust;
            for (((q, r), (query_present, reference_present)), weight) in pairs.zip(presence).zip(weights) {
                if *weight <= 0.0 { continue; }
                let present = query_present * reference_present;
                let x = (q - r) * (q - r);
                sum += present * x / (1.0 + x / (weight * c));
                total += present * weight;
            }
            let unseen = self.prior_weight * (1.0 - total).max(0.0);
            return if total + unseen > 0.0 { (sum + unseen * self.prior) / (total + unseen) } else { self.prior };
        }
        if self.query.complete[query_idx] && self.reference.complete[reference_idx] {
            return pairs.map(|(q, r)| (q - r) * (q - r)).sum();
        }
        let presence = self.query.present(query_idx).iter().zip(self.reference.present(reference_idx));
        let weights = self.scaling.weight.iter().flatten();
        let (mut sum, mut total) = (0.0, 0.0);
        for (((q, r), (query_present, reference_present)), weight) in pairs.zip(presence).zip(weights) {
            let present = query_present * reference_present;
            sum += present * (q - r) * (q - r);
            total += present * weight;
        }
        let unseen = self.prior_weight * (1.0 - total).max(0.0);
        if total + unseen > 0.0 { (sum + unseen * self.prior) / (total + unseen) } else { self.prior }
    }

    pub(crate) fn between(&self, query_idx: usize, reference_idx: usize) -> f64 {
        self.squared(query_idx, reference_idx).powf(self.power)
    }
}
