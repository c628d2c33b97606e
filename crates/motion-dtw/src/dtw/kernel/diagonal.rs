//! One anti-diagonal: distances, then costs. No cell of it depends on another, so the loops vectorise.

use super::lanes::{LANES, Lanes};
use crate::Distance;
use crate::dtw::step::Moves;

/// Where the cells of an anti-diagonal lie: `len` slots from `column` on, a multiple of [`LANES`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    /// Index of the first cell's query frame in the reversed rows.
    pub(super) row: usize,
    /// Index of its reference frame in the strip.
    pub(super) column: usize,
    pub(super) len: usize,
}

/// Distances that sum over channels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(super) distance: Distance,
    pub(super) weights: Option<&'a [f64]>,
}

impl Moves {
    pub(super) fn are_plain(&self) -> bool {
        *self == Self::PLAIN
    }

    /// Costs of arriving from the cell before in both, from the left (same row), and from above (same column).
    #[inline(always)]
    pub(super) fn arrivals(&self, from: [f64; 3], local: f64) -> [f64; 3] {
        let [diagonal, left, above] = from;
        [
            diagonal + self.diagonal * local,
            left + self.reference * local + self.penalty,
            above + self.query * local + self.penalty,
        ]
    }
}

/// One machine instruction, unlike [`f64::min`], which also has to think of NaN.
#[inline(always)]
pub(super) fn lesser(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// The last two anti-diagonals and the one to write; slot `k + 1` belongs to column `k` of the strip.
#[derive(Debug, Clone)]
pub(super) struct Fronts<T> {
    pub(super) before: Vec<T>,
    pub(super) previous: Vec<T>,
    pub(super) now: Vec<T>,
}

impl<T: Copy> Fronts<T> {
    pub(super) fn new(width: usize, fill: T) -> Self {
        let front = || vec![fill; width + 2 + LANES];
        Self { before: front(), previous: front(), now: front() }
    }

    /// `now` becomes `previous`.
    #[inline(always)]
    pub(super) fn rotate(&mut self) {
        std::mem::swap(&mut self.before, &mut self.previous);
        std::mem::swap(&mut self.previous, &mut self.now);
    }

    /// Neighbours of the cells of `at`, diagonally, to the left and above, and the cells themselves.
    #[inline(always)]
    fn split(&mut self, at: Segment) -> (&[T], &[T], &[T], &mut [T]) {
        (
            &self.before[at.column..][..at.len],
            &self.previous[at.column..][..at.len],
            &self.previous[at.column + 1..][..at.len],
            &mut self.now[at.column + 1..][..at.len],
        )
    }
}

/// One channel, squared differences, plain moves: distance and cost in one pass.
#[inline(always)]
pub(super) fn relax_univariate(
    rows: &[f64],
    columns: &[f64],
    at: Segment,
    fronts: &mut Fronts<f64>,
) {
    let (rows, columns) = (&rows[at.row..][..at.len], &columns[at.column..][..at.len]);
    let (diagonal, left, above, now) = fronts.split(at);
    for k in 0..at.len {
        let difference = rows[k] - columns[k];
        now[k] = difference * difference + lesser(lesser(diagonal[k], left[k]), above[k]);
    }
}

/// Costs from distances. Rounding is monotone, so that adding before or after the minimum gives the same bits.
#[inline(always)]
pub(super) fn relax(moves: &Moves, locals: &[f64], at: Segment, fronts: &mut Fronts<f64>) {
    let locals = &locals[..at.len];
    let (diagonal, left, above, now) = fronts.split(at);
    if moves.are_plain() {
        for k in 0..at.len {
            now[k] = locals[k] + lesser(lesser(diagonal[k], left[k]), above[k]);
        }
    } else {
        for k in 0..at.len {
            let [diagonal, left, above] =
                moves.arrivals([diagonal[k], left[k], above[k]], locals[k]);
            now[k] = lesser(lesser(diagonal, left), above);
        }
    }
}

/// [`relax`] for plain moves and a penalty, that also carries where each path began.
///
/// Ties prefer the diagonal, then the cell above.
#[inline(always)]
pub(super) fn relax_from(
    penalty: f64,
    locals: &[f64],
    at: Segment,
    costs: &mut Fronts<f64>,
    starts: &mut Fronts<u64>,
) {
    let locals = &locals[..at.len];
    let (diagonal, left, above, now) = costs.split(at);
    let (from_diagonal, from_left, from_above, start) = starts.split(at);
    for k in 0..at.len {
        // All loads come first: a load under a condition would keep the loop from becoming vector instructions.
        let (from_diagonal, from_left, from_above) =
            (from_diagonal[k], from_left[k], from_above[k]);
        let local = locals[k];
        let (by_diagonal, by_left, by_above) =
            (diagonal[k] + local, left[k] + local + penalty, above[k] + local + penalty);
        let from_straight = if by_above <= by_left { from_above } else { from_left };
        let straight = lesser(by_left, by_above);
        start[k] = if by_diagonal <= straight { from_diagonal } else { from_straight };
        now[k] = lesser(straight, by_diagonal);
    }
}

/// Calls `$body` with what a channel's difference and weight add, and the weights (none: all 1), each case compiled apart.
macro_rules! by_terms {
    ($terms:expr, |$term:ident, $weights:ident| $body:expr) => {
        match ($terms.distance, $terms.weights) {
            (crate::Distance::Manhattan, None) => {
                let ($term, $weights) = (|x: f64, _: f64| x.abs(), &[][..]);
                $body
            }
            (crate::Distance::Manhattan, Some($weights)) => {
                let $term = |x: f64, weight: f64| weight * x.abs();
                $body
            }
            (_, None) => {
                let ($term, $weights) = (|x: f64, _: f64| x * x, &[][..]);
                $body
            }
            (_, Some($weights)) => {
                let $term = |x: f64, weight: f64| weight * x * x;
                $body
            }
        }
    };
}
pub(super) use by_terms;

/// Distances of the cells of `at`; channels are added in their order, as [`Measure`](super::Measure) does.
#[inline(always)]
pub(super) fn distances(
    terms: Terms<'_>,
    rows: &Lanes,
    columns: &Lanes,
    at: Segment,
    out: &mut [f64],
) {
    let out = &mut out[..at.len];
    by_terms!(terms, |term, weights| sum(rows, columns, at, out, weights, term));
    if terms.distance == Distance::Euclidean {
        for value in out {
            *value = value.sqrt();
        }
    }
}

#[inline(always)]
fn sum(
    rows: &Lanes,
    columns: &Lanes,
    at: Segment,
    out: &mut [f64],
    weights: &[f64],
    term: impl Fn(f64, f64) -> f64 + Copy,
) {
    for (block, out) in out.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let (row, column) = (at.row + block * LANES, at.column + block * LANES);
        let mut total = [0.0; LANES]; // in registers
        for (channel, (rows, columns)) in rows.channels().zip(columns.channels()).enumerate() {
            let (rows, columns) = (&rows[row..][..LANES], &columns[column..][..LANES]);
            let weight = if weights.is_empty() { 1.0 } else { weights[channel] };
            for k in 0..LANES {
                total[k] += term(rows[k] - columns[k], weight);
            }
        }
        *out = total;
    }
}
