//! Places a keyframe between frames: a local fit of the reference's features to the query's.

use super::profile::Scaling;
use crate::Motion;
use crate::features::{Instant, LocalFit};

/// What shapes the local fit.
#[derive(Debug, Clone)]
pub(crate) struct RefineSettings {
    pub(crate) reach_s: f64,
    pub(crate) step_s: f64,
    pub(crate) robust: f64,
    /// Strength of the pull towards the path's own position: its standard deviation in seconds.
    pub(crate) prior_s: f64,
    pub(crate) max_shift_s: f64,
    pub(crate) iterations: usize,
    pub(crate) offsets: bool,
    pub(crate) rescale: bool,
    pub(crate) slope: bool,
}

pub(crate) struct Placed {
    pub(crate) time_s: f64,
    pub(crate) sigma_s: f64,
}

pub(crate) fn refine(
    query: &Motion,
    reference: &Motion,
    fit: LocalFit,
    scaling: &Scaling,
    at: (f64, f64, f64), // query time, reference time, slope
    settings: &RefineSettings,
) -> Placed {
    let (start, reference_time, mut slope) = at;
    let num = scaling.num_features();
    let count = (settings.reach_s / settings.step_s).round() as i64;
    let mut instant = Instant::default();
    let mut rows = |motion: &Motion, time: f64, scale: f64| {
        let mut row = vec![0.0; num];
        let mut present = vec![0.0; num];
        fit.at(motion, time, &mut instant);
        for values in &mut instant.values {
            values[1] *= scale;
            values[2] *= scale * scale;
        }
        scaling.apply(&instant, &mut row, &mut present);
        (row, present)
    };
    let offsets: Vec<f64> = (-count..=count).map(|k| k as f64 * settings.step_s).collect();
    let kernel = |u: f64| 1.0 - (u / (settings.reach_s + settings.step_s)).powi(2);
    let model: Vec<_> = offsets.iter().map(|&u| rows(reference, reference_time + u, 1.0)).collect();
    let mut shift = 0.0;
    let mut sigma_s = f64::NAN;
    let base_slope = slope;
    for _ in 0..settings.iterations {
        let h = 0.004;
        let scale = if settings.rescale { slope } else { 1.0 };
        let data: Vec<_> = offsets
            .iter()
            .map(|&u| {
                let t = start + shift + slope * u;
                (rows(query, t, scale), rows(query, t + h, scale).0, rows(query, t - h, scale).0)
            })
            .collect();
        let mut mean = vec![(0.0, 0.0); num];
        let mut grad_mean = vec![0.0; num];
        if settings.offsets {
            for (((q, qp), after, before), (m, mp)) in data.iter().zip(&model).map(|(d, m)| ((&d.0, &d.1, &d.2), m)).map(|((a, b, c), m)| ((( &a.0, &a.1), b, c), m)) {
                for k in (0..num).step_by(3) {
                    let w = qp[k] * mp[k];
                    mean[k].0 += w * (q[k] - m[k]);
                    mean[k].1 += w;
                    grad_mean[k] += w * (after[k] - before[k]) / (2.0 * h);
                }
            }
        }
        let (mut information, mut score, mut energy, mut weight_sum) = (0.0, 0.0, 0.0, 0.0);
        let (mut i_ss, mut i_s, mut score_s) = (0.0, 0.0, 0.0);
        for ((((q, qp), after, before), (m, mp)), &u) in data.iter().zip(&model).zip(&offsets) {
            for k in 0..num {
                let wk = scaling.unit(k);
                if wk <= 0.0 {
                    continue;
                }
                let present = qp[k] * mp[k] * kernel(u);
                let (offset, grad_offset) =
                    if mean[k].1 > 0.0 { (mean[k].0 / mean[k].1, grad_mean[k] / mean[k].1) } else { (0.0, 0.0) };
                let residual = q[k] - m[k] - offset;
                let gradient = (after[k] - before[k]) / (2.0 * h) - grad_offset;
                let x = residual * residual / (wk * settings.robust * settings.robust);
                let w = present / ((1.0 + x) * (1.0 + x));
                information += w * gradient * gradient;
                score += w * gradient * residual;
                i_s += w * gradient * gradient * u;
                i_ss += w * gradient * gradient * u * u;
                score_s += w * gradient * residual * u;
                energy += w * residual * residual;
                weight_sum += w;
            }
        }
        let _ = weight_sum;
        // Residual variance per unit weight; the prior is in seconds.
        let noise = energy / (offsets.len() as f64) + 1e-12;
        let pull = noise / (settings.prior_s * settings.prior_s);
        sigma_s = (noise / (information + pull)).sqrt();
        if settings.slope {
            let pull_s = noise / (0.15f64 * 0.15);
            let (a, b, d) = (information + pull, i_s, i_ss + pull_s);
            let (g, gs) = (-score - pull * shift, -score_s - pull_s * (slope - base_slope));
            let det = a * d - b * b;
            shift += (g * d - b * gs) / det;
            slope = (slope + (a * gs - b * g) / det).clamp(0.4, 2.5);
        } else {
            shift += (-score - pull * shift) / (information + pull);
        }
        shift = shift.clamp(-settings.max_shift_s, settings.max_shift_s);
    }
    Placed { time_s: start + shift, sigma_s }
}
