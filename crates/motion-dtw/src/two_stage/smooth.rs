//! From the staircase of a warping path to a smooth warp with error bars.

use super::fine::Warp;
use super::profile::{Profile, Scaling};
use super::transfer::TimeMap;

#[derive(Debug, Clone)]
pub(crate) struct SmoothSettings {
    /// Standard deviation of the change of tempo over one second.
    pub(crate) tempo_change: f64,
    pub(crate) evidence: f64,
    pub(crate) robust: f64,
    pub(crate) iterations: usize,
    pub(crate) max_step: f64,
    pub(crate) orders: [f64; 3],
    pub(crate) rescale: bool,
    pub(crate) blur: usize,
}

/// A smooth warp: query grid position of every reference grid index.
pub(crate) struct SmoothWarp {
    pub(crate) positions: Vec<f64>,
    /// Variance of each position, in squared grid steps.
    pub(crate) system: Option<Pentadiagonal>,
}

pub(crate) fn smooth(
    warp: &Warp,
    map: &TimeMap,
    reference: &Profile,
    scaling: &Scaling,
    settings: &SmoothSettings,
) -> SmoothWarp {
    let n = reference.grid.len;
    let rate = reference.grid.rate_hz;
    let stiffness = rate / (settings.tempo_change * settings.tempo_change);
    let mut w: Vec<f64> = (0..n).map(|i| map.query_position(i as f64)).collect();
    let m = warp.query.grid.len;
    let num = scaling.num_features();
    let mut system = None;
    let (mut q, mut g, mut p) = (vec![0.0; num], vec![0.0; num], vec![0.0; num]);
    for _ in 0..settings.iterations {
        let mut info = vec![0.0; n];
        let mut score = vec![0.0; n];
        let (mut energy, mut count) = (0.0, 0.0);
        for i in 0..n {
            if w[i] < 0.0 || w[i] > (m - 1) as f64 {
                continue;
            }
            interpolate(&warp.query, w[i], &mut q, &mut g, &mut p);
            let slope = if settings.rescale {
                ((w[(i + 1).min(n - 1)] - w[i.saturating_sub(1)]) / ((i + 1).min(n - 1) - i.saturating_sub(1)).max(1) as f64)
                    .clamp(0.4, 2.5)
            } else {
                1.0
            };
            let scale = [1.0, slope, slope * slope];
            let (r, rp) = (reference.row(i), reference.present(i));
            for k in 0..num {
                let unit = scaling.unit(k);
                if unit <= 0.0 {
                    continue;
                }
                let present = p[k] * rp[k] * settings.orders[k % 3];
                let residual = q[k] * scale[k % 3] - r[k];
                let gradient = g[k] * scale[k % 3];
                let x = residual * residual / (unit * settings.robust * settings.robust);
                let weight = present / ((1.0 + x) * (1.0 + x));
                info[i] += weight * gradient * gradient;
                score[i] += weight * gradient * residual;
                energy += weight * residual * residual;
                count += weight * unit;
            }
        }
        if count <= 0.0 {
            break;
        }
        let evidence = settings.evidence / (energy / count + 1e-9);
        let mut a = Pentadiagonal::zero(n);
        let mut rhs = vec![0.0; n];
        for i in 0..n {
            a.diagonal[i] += evidence * info[i] + 1e-9;
            rhs[i] -= evidence * score[i];
        }
        for i in 1..n.saturating_sub(1) {
            let bend = w[i - 1] - 2.0 * w[i] + w[i + 1];
            for (offset, c) in [(0, 1.0), (1, -2.0), (2, 1.0)] {
                rhs[i - 1 + offset] -= stiffness * c * bend;
            }
            a.add_bend(i, stiffness);
        }
        a.factorise();
        let step = a.solve(rhs);
        for (w, step) in w.iter_mut().zip(&step) {
            *w += step.clamp(-settings.max_step, settings.max_step);
        }
        system = Some(a);
    }
    SmoothWarp { positions: w, system }
}

impl SmoothWarp {
    pub(crate) fn position(&self, at: f64) -> f64 {
        let last = self.positions.len() - 1;
        let below = (at.floor().max(0.0) as usize).min(last);
        let above = (below + 1).min(last);
        let share = at - below as f64;
        self.positions[below] + (self.positions[above] - self.positions[below]) * share
    }

    pub(crate) fn sigma(&self, at: f64) -> f64 {
        let Some(system) = &self.system else { return 0.5 };
        let n = self.positions.len();
        let at = (at.round().max(0.0) as usize).min(n - 1);
        let mut unit = vec![0.0; n];
        unit[at] = 1.0;
        system.solve(unit)[at].max(0.0).sqrt()
    }
}

/// Value, slope per grid step and presence between grid instants.
fn interpolate(profile: &Profile, at: f64, value: &mut [f64], gradient: &mut [f64], present: &mut [f64]) {
    let last = profile.grid.len - 1;
    let below = (at.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let (before, after) = (below.saturating_sub(1), (above + 1).min(last));
    let t = at - below as f64;
    let (y0, y1, y2, y3) = (profile.row(before), profile.row(below), profile.row(above), profile.row(after));
    let (p1, p2) = (profile.present(below), profile.present(above));
    for k in 0..value.len() {
        // Catmull-Rom: passes through the instants and has a continuous slope.
        let (m1, m2) = ((y2[k] - y0[k]) / 2.0, (y3[k] - y1[k]) / 2.0);
        let d = y2[k] - y1[k];
        let (c2, c3) = (3.0 * d - 2.0 * m1 - m2, m1 + m2 - 2.0 * d);
        value[k] = y1[k] + t * (m1 + t * (c2 + t * c3));
        gradient[k] = m1 + t * (2.0 * c2 + 3.0 * t * c3);
        present[k] = if t == 0.0 { p1[k] } else { p1[k].min(p2[k]) };
    }
}

/// Symmetric matrix with two bands beside the diagonal, and its `L D L^T` factors.
pub(crate) struct Pentadiagonal {
    diagonal: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Pentadiagonal {
    fn zero(n: usize) -> Self {
        Self { diagonal: vec![0.0; n], first: vec![0.0; n], second: vec![0.0; n] }
    }

    /// Adds `weight * (x[i-1] - 2 x[i] + x[i+1])^2`.
    fn add_bend(&mut self, i: usize, weight: f64) {
        self.diagonal[i - 1] += weight;
        self.diagonal[i] += 4.0 * weight;
        self.diagonal[i + 1] += weight;
        self.first[i - 1] -= 2.0 * weight;
        self.first[i] -= 2.0 * weight;
        self.second[i - 1] += weight;
    }

    fn factorise(&mut self) {
        let n = self.diagonal.len();
        for i in 0..n {
            // first[i] couples i and i+1, second[i] couples i and i+2
            let d = self.diagonal[i].max(1e-300);
            let (l1, l2) = (self.first[i] / d, self.second[i] / d);
            if i + 1 < n {
                self.diagonal[i + 1] -= l1 * self.first[i];
                self.first[i + 1] -= l1 * self.second[i];
            }
            if i + 2 < n {
                self.diagonal[i + 2] -= l2 * self.second[i];
            }
            self.first[i] = l1;
            self.second[i] = l2;
        }
    }

    fn solve(&self, mut x: Vec<f64>) -> Vec<f64> {
        let n = x.len();
        for i in 0..n {
            if i + 1 < n {
                x[i + 1] -= self.first[i] * x[i];
            }
            if i + 2 < n {
                x[i + 2] -= self.second[i] * x[i];
            }
        }
        for i in (0..n).rev() {
            x[i] /= self.diagonal[i].max(1e-300);
            if i + 1 < n {
                x[i] -= self.first[i] * x[i + 1];
            }
            if i + 2 < n {
                x[i] -= self.second[i] * x[i + 2];
            }
        }
        x
    }
}
