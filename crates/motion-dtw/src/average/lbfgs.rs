//! Limited-memory BFGS (Nocedal & Wright 2006, algorithms 7.4 and 7.5), for smooth functions of many variables.
//!
//! Own code: the optimiser crates that are alive bring 20 dependencies and more; this is one page.

use std::collections::VecDeque;

use crate::Result;

/// Pairs of steps and gradient changes that are remembered.
const MEMORY: usize = 10;
/// Wolfe's conditions: sufficient decrease and curvature (Nocedal & Wright's values for quasi-Newton steps).
const DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;
/// Trials of one line search.
const MAX_TRIALS: usize = 40;

/// Where the search ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Minimum {
    pub(super) at: Vec<f64>,
    pub(super) value: f64,
    pub(super) num_iterations: usize,
    pub(super) converged: bool,
}

struct Point {
    at: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// Minimises `function`, which returns value and gradient, from `start`.
///
/// Converged once an iteration lowers the value by at most `tolerance` times `max(|value|, 1)`, or no step lowers it.
pub(super) fn minimise(
    mut function: impl FnMut(&[f64]) -> Result<(f64, Vec<f64>)>,
    start: Vec<f64>,
    max_iterations: usize,
    tolerance: f64,
) -> Result<Minimum> {
    let (value, gradient) = function(&start)?;
    let mut current = Point { at: start, value, gradient };
    let mut memory: VecDeque<(Vec<f64>, Vec<f64>)> = VecDeque::with_capacity(MEMORY);
    let (mut num_iterations, mut converged) = (0, false);
    while num_iterations < max_iterations && !converged {
        let direction = descent(&current.gradient, &memory);
        let Some(next) = search(&mut function, &current, &direction, memory.is_empty())? else {
            converged = true;
            break;
        };
        num_iterations += 1;
        converged = current.value - next.value <= tolerance * current.value.abs().max(1.0);
        let step = difference(&next.at, &current.at);
        let change = difference(&next.gradient, &current.gradient);
        if dot(&step, &change) > 0.0 {
            if memory.len() == MEMORY {
                memory.pop_front();
            }
            memory.push_back((step, change));
        }
        current = next;
    }
    Ok(Minimum { at: current.at, value: current.value, num_iterations, converged })
}

/// Minus the approximate inverse Hessian times the gradient, by the two-loop recursion.
fn descent(gradient: &[f64], memory: &VecDeque<(Vec<f64>, Vec<f64>)>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for (step, change) in memory.iter().rev() {
        let share = dot(step, &direction) / dot(step, change);
        add_scaled(&mut direction, -share, change);
        shares.push(share);
    }
    if let Some((step, change)) = memory.back() {
        let scale = dot(step, change) / dot(change, change);
        direction.iter_mut().for_each(|d| *d *= scale);
    }
    for ((step, change), share) in memory.iter().zip(shares.iter().rev()) {
        let correction = share - dot(change, &direction) / dot(step, change);
        add_scaled(&mut direction, correction, step);
    }
    direction
}

/// A point along `direction` that meets Wolfe's conditions, by doubling and halving; `None` if none lowers the value.
fn search(
    function: &mut impl FnMut(&[f64]) -> Result<(f64, Vec<f64>)>,
    from: &Point,
    direction: &[f64],
    first: bool,
) -> Result<Option<Point>> {
    let slope = dot(&from.gradient, direction);
    if slope.is_nan() || slope >= 0.0 {
        return Ok(None);
    }
    let (mut low, mut high) = (0.0, f64::INFINITY);
    // The first direction is the bare gradient, whose length says nothing: begin with a step of length 1.
    let mut length = if first { 1.0 / dot(direction, direction).sqrt().max(1.0) } else { 1.0 };
    let mut best: Option<Point> = None;
    for _ in 0..MAX_TRIALS {
        let mut at = from.at.clone();
        add_scaled(&mut at, length, direction);
        let (value, gradient) = function(&at)?;
        let steepness = dot(&gradient, direction);
        if value.is_finite() && value <= from.value + DECREASE * length * slope {
            best = Some(Point { at, value, gradient });
            if steepness >= CURVATURE * slope {
                break;
            }
            low = length;
        } else {
            high = length;
        }
        length = if high.is_finite() { f64::midpoint(low, high) } else { 2.0 * low };
    }
    Ok(best)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn add_scaled(to: &mut [f64], factor: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += factor * what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rosenbrocks_valley_is_followed_to_its_end() {
        // f = (1 - x)^2 + 100 (y - x^2)^2, minimum 0 at (1, 1); the usual start.
        let valley = |p: &[f64]| {
            let (a, b) = (1.0 - p[0], p[1] - p[0] * p[0]);
            Ok((a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * p[0] * b, 200.0 * b]))
        };
        let found = minimise(valley, vec![-1.2, 1.0], 200, 0.0).unwrap();
        assert!(found.at.iter().all(|x| (x - 1.0).abs() < 1e-6), "{found:?}");
        assert!(found.num_iterations < 60, "{found:?}"); // steepest descent needs thousands
    }

    #[test]
    fn the_minimum_itself_needs_no_step() {
        let bowl = |p: &[f64]| Ok((p[0] * p[0], vec![2.0 * p[0]]));
        let found = minimise(bowl, vec![0.0], 10, 0.0).unwrap();
        assert!(found.converged && found.num_iterations == 0);
    }
}
