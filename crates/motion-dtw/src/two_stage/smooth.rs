//! From the staircase of a warping path to a smooth warp between frames, with error bars.
//!
//! Ours. The warp `t(i)`, the query's position for reference instant `i`, minimises
//!
//! ```text
//! sum_i sum_k w_k rho(q_k(t(i)) - r_k(i)) / s^2  +  rate / c^2 * sum_i (t(i-1) - 2 t(i) + t(i+1))^2
//! ```
//!
//! by Gauss-Newton steps that start from the path: the features must agree, and tempo changes like a random walk of
//! `c` per root second. Where poses tell nothing (flight, a held pose) the tempo carries on, which is what places an
//! apex half-way between take-off and landing. Velocities are stretched by the local tempo before they are compared,
//! and part of each channel's mean difference (another body, other markers) is taken out. The inverse of the same
//! system gives the variance of `t(i)`.

use super::fine::Staircase;
use super::pentadiagonal::{Factors, Pentadiagonal};
use super::profile::{Blend, Profile};
use super::scaling::Scaling;

/// Standard deviation of the change of tempo over one second (ours, tuned on recorded sessions).
const TEMPO_CHANGE: f64 = 0.7;
/// Weight of angle, velocity and acceleration in placing, on top of their weights in the distance (ours, tuned):
/// angles tell which movement it is, their derivatives when.
const ORDERS: [f64; 3] = [0.2, 1.0, 2.5];
/// Differences beyond so many standard deviations hardly move the warp (ours, tuned).
const ROBUST_LIMIT: f64 = 1.5;
/// Share of a channel's mean difference that is taken for another body rather than another movement (ours, tuned).
const OFFSET_SHARE: f64 = 0.85;
/// Largest such difference, in standard deviations of the reference.
const OFFSET_LIMIT: f64 = 1.0;
/// Local tempo at which velocities may be stretched.
const TEMPO_LIMITS: (f64, f64) = (0.4, 2.5);
/// Slowest tempo, query per reference: the warp never stands still.
const MIN_SLOPE: f64 = 0.05;
/// Gauss-Newton steps, and the longest move of one, in instants.
const ITERATIONS: usize = 12;
const MAX_MOVE: f64 = 3.0;

/// A warp between instants of the two grids.
#[derive(Debug, Clone)]
pub(crate) struct SmoothWarp {
    /// Query grid position of each reference instant, strictly increasing.
    positions: Vec<f64>,
    factors: Option<Factors>,
    /// Mean squared distance over what the reference shows, as [`FeatureDistance`](super::profile::FeatureDistance) measures it.
    pub(crate) cost: f64,
    /// Share of the features present along the warp, 0 to 1.
    pub(crate) coverage: f64,
}

/// What one pass along the warp finds.
struct Pass {
    information: Vec<f64>,
    score: Vec<f64>,
    /// Robust variance of the differences.
    variance: f64,
    offsets: Vec<f64>,
    cost: f64,
    coverage: f64,
}

impl SmoothWarp {
    pub(crate) fn of(staircase: &Staircase, reference: &Profile, scaling: &Scaling) -> Self {
        let mut positions = treads(&staircase.path, reference.grid.len);
        keep_rising(&mut positions);
        let stiffness = reference.grid.rate_hz / (TEMPO_CHANGE * TEMPO_CHANGE);
        let mut factors = None;
        let mut offsets = vec![0.0; scaling.num_features()];
        for _ in 0..ITERATIONS {
            let pass = compare(&staircase.query, reference, scaling, &positions, &offsets);
            offsets = pass.offsets;
            let len = positions.len();
            let evidence = 1.0 / (pass.variance + 1e-9);
            // The tiny ridge keeps the system regular where nothing was measured.
            let mut system = Pentadiagonal::diagonal(
                pass.information.iter().map(|info| evidence * info + 1e-9).collect(),
            );
            let mut gradient: Vec<f64> = pass.score.iter().map(|score| -evidence * score).collect();
            for i in 1..len.saturating_sub(1) {
                let bend = positions[i - 1] - 2.0 * positions[i] + positions[i + 1];
                gradient[i - 1] -= stiffness * bend;
                gradient[i] += 2.0 * stiffness * bend;
                gradient[i + 1] -= stiffness * bend;
                system.add_bend(i, stiffness);
            }
            let solved = system.factorize();
            for (position, step) in positions.iter_mut().zip(solved.solve(gradient)) {
                *position += step.clamp(-MAX_MOVE, MAX_MOVE);
            }
            keep_rising(&mut positions);
            factors = Some(solved);
        }
        let last = compare(&staircase.query, reference, scaling, &positions, &offsets);
        Self { positions, factors, cost: last.cost, coverage: last.coverage }
    }

    /// Follows the path as it is, for methods without this refinement.
    pub(crate) fn unrefined(staircase: &Staircase, reference: &Profile, scaling: &Scaling) -> Self {
        let mut positions = treads(&staircase.path, reference.grid.len);
        keep_rising(&mut positions);
        let pass = compare(
            &staircase.query,
            reference,
            scaling,
            &positions,
            &vec![0.0; scaling.num_features()],
        );
        Self { positions, factors: None, cost: pass.cost, coverage: pass.coverage }
    }

    /// Query grid position of reference grid position `at`; beyond the reference the tempo is 1.
    pub(crate) fn position(&self, at: f64) -> f64 {
        let last = self.positions.len() - 1;
        let below = (at.floor().max(0.0) as usize).min(last.saturating_sub(1));
        let share = at - below as f64;
        let slope = if last == 0 { 1.0 } else { self.positions[below + 1] - self.positions[below] };
        self.positions[below] + slope * share
    }

    /// Standard deviation of the position, in instants, before calibration; `None` without refinement.
    pub(crate) fn sigma(&self, at: f64) -> Option<f64> {
        let nearest = (at.round().max(0.0) as usize).min(self.positions.len() - 1);
        self.factors.as_ref().map(|factors| factors.inverse_diagonal(nearest).max(0.0).sqrt())
    }

    /// Least and largest tempo between two reference positions, query per reference.
    pub(crate) fn slopes(&self, from: f64, to: f64) -> (f64, f64) {
        let last = self.positions.len() - 1;
        let (from, to) =
            ((from.floor().max(0.0) as usize).min(last), (to.ceil().max(0.0) as usize).min(last));
        self.positions[from..=to]
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .fold(None, |range: Option<(f64, f64)>, slope| {
                Some(range.map_or((slope, slope), |(low, high)| (low.min(slope), high.max(slope))))
            })
            .unwrap_or((1.0, 1.0))
    }
}

/// Mean query instant of each reference instant; before and after the path the tempo is 1.
fn treads(path: &[(usize, usize)], num_reference: usize) -> Vec<f64> {
    let (first, last) = (path[0], path[path.len() - 1]);
    let mut positions: Vec<f64> =
        (0..first.1).map(|i| first.0 as f64 - (first.1 - i) as f64).collect();
    for pairs in path.chunk_by(|a, b| a.1 == b.1) {
        positions.push(pairs.iter().map(|pair| pair.0 as f64).sum::<f64>() / pairs.len() as f64);
    }
    positions.extend((last.1 + 1..num_reference).map(|i| last.0 as f64 + (i - last.1) as f64));
    positions
}

fn keep_rising(positions: &mut [f64]) {
    for i in 1..positions.len() {
        positions[i] = positions[i].max(positions[i - 1] + MIN_SLOPE);
    }
}

/// Differences along the warp, how they change with it, and what is left of them.
fn compare(
    query: &Profile,
    reference: &Profile,
    scaling: &Scaling,
    positions: &[f64],
    offsets: &[f64],
) -> Pass {
    let (len, num_features) = (positions.len(), scaling.num_features());
    let (mut information, mut score) = (vec![0.0; len], vec![0.0; len]);
    let mut means = vec![(0.0, 0.0); num_features];
    let (mut energy, mut weight_used, mut cost) = (0.0, 0.0, 0.0);
    let (mut total_seen, mut total_shown) = (0.0, 0.0);
    let mut between = Between::new(num_features);
    for i in 0..len {
        if !(0.0..=(query.grid.len - 1) as f64).contains(&positions[i]) {
            // Outside the recording.
            let present = reference.present(i).iter().zip(scaling.features());
            let shown: f64 = present.map(|(present, feature)| present * feature.weight).sum();
            cost += shown * Blend::BLIND;
            total_shown += shown;
            continue;
        }
        between.interpolate(query, positions[i]);
        let (before, after) = (i.saturating_sub(1), (i + 1).min(len - 1));
        let tempo = if after > before {
            ((positions[after] - positions[before]) / (after - before) as f64)
                .clamp(TEMPO_LIMITS.0, TEMPO_LIMITS.1)
        } else {
            1.0
        };
        let stretch = [1.0, tempo, tempo * tempo];
        let (row, present) = (reference.row(i), reference.present(i));
        let mut blend = Blend::default();
        for (k, feature) in scaling.features().iter().enumerate() {
            if feature.weight <= 0.0 {
                continue;
            }
            let shown = (between.present[k], present[k]);
            let present = shown.0.min(shown.1);
            let raw = between.value[k] * stretch[k % 3] - row[k];
            means[k].0 += present * raw;
            means[k].1 += present;
            let difference = raw - offsets[k];
            blend.add(difference, shown, feature.weight, feature.inverse_limit);
            let slope = between.slope[k] * stretch[k % 3];
            // Iteratively reweighted least squares for the same kind of rho as in the distance.
            let excess = difference * difference / (feature.weight * ROBUST_LIMIT * ROBUST_LIMIT);
            let weight = present * ORDERS[k % 3] / ((1.0 + excess) * (1.0 + excess));
            information[i] += weight * slope * slope;
            score[i] += weight * slope * difference;
            energy += weight * difference * difference;
            weight_used += weight * feature.weight;
        }
        let (seen, shown) = blend.weights();
        cost += shown * blend.mean();
        total_seen += seen;
        total_shown += shown;
    }
    let offsets =
        means.iter().zip(scaling.features()).enumerate().map(|(k, (&(sum, weight), feature))| {
            let limit = OFFSET_LIMIT * feature.weight.sqrt();
            let is_angle = k % 3 == 0;
            if is_angle && weight > 0.0 {
                (OFFSET_SHARE * sum / weight).clamp(-limit, limit)
            } else {
                0.0
            }
        });
    Pass {
        offsets: offsets.collect(),
        information,
        score,
        variance: if weight_used > 0.0 { energy / weight_used } else { 1.0 },
        cost: if total_shown > 0.0 { cost / total_shown } else { Blend::BLIND },
        coverage: if total_shown > 0.0 { total_seen / total_shown } else { 0.0 },
    }
}

/// Features between two instants.
struct Between {
    value: Vec<f64>,
    slope: Vec<f64>,
    present: Vec<f64>,
}

impl Between {
    fn new(num_features: usize) -> Self {
        Self {
            value: vec![0.0; num_features],
            slope: vec![0.0; num_features],
            present: vec![0.0; num_features],
        }
    }

    /// Cubic through the instants with continuous slope (Catmull & Rom 1974); presence is the lesser neighbour's.
    fn interpolate(&mut self, profile: &Profile, at: f64) {
        let last = profile.grid.len - 1;
        let below = (at.floor() as usize).min(last);
        let above = (below + 1).min(last);
        let t = at - below as f64;
        let rows = [below.saturating_sub(1), below, above, (above + 1).min(last)]
            .map(|idx| profile.row(idx));
        let (near, far) = (profile.present(below), profile.present(above));
        for k in 0..self.value.len() {
            let [before, start, end, after] = rows.map(|row| row[k]);
            let (start_slope, end_slope) = ((end - before) / 2.0, (after - start) / 2.0);
            let rise = end - start;
            let (square, cube) =
                (3.0 * rise - 2.0 * start_slope - end_slope, start_slope + end_slope - 2.0 * rise);
            self.value[k] = start + t * (start_slope + t * (square + t * cube));
            self.slope[k] = start_slope + t * (2.0 * square + 3.0 * t * cube);
            self.present[k] = if t == 0.0 { near[k] } else { near[k].min(far[k]) };
        }
    }
}
