//! A plain DTW that shares no code with the crate: the table, filled cell by cell.

use ndarray::{Array2, ArrayView2};

/// Accumulated squared Euclidean cost of every cell, paths from any of the first `free_begin + 1` query frames.
pub(crate) fn table(
    query: ArrayView2<f64>,
    reference: ArrayView2<f64>,
    free_begin: usize,
) -> Array2<f64> {
    let (n, m) = (query.nrows(), reference.nrows());
    let mut table = Array2::from_elem((n, m), f64::INFINITY);
    for i in 0..n {
        for j in 0..m {
            let local: f64 = (&query.row(i) - &reference.row(j)).mapv(|d| d * d).sum();
            let mut best = if j == 0 && i <= free_begin { 0.0 } else { f64::INFINITY };
            if i > 0 {
                best = best.min(table[[i - 1, j]]);
            }
            if j > 0 {
                best = best.min(table[[i, j - 1]]);
            }
            if i > 0 && j > 0 {
                best = best.min(table[[i - 1, j - 1]]);
            }
            table[[i, j]] = local + best;
        }
    }
    table
}

/// DTW cost with both ends tied.
pub(crate) fn cost(query: ArrayView2<f64>, reference: ArrayView2<f64>) -> f64 {
    table(query, reference, 0)[[query.nrows() - 1, reference.nrows() - 1]]
}

/// Cheapest stretch `query[start..end]` by trying all of them: `(cost, start, end)`.
pub(crate) fn best_stretch(
    query: ArrayView2<f64>,
    reference: ArrayView2<f64>,
) -> (f64, usize, usize) {
    let mut best = (f64::INFINITY, 0, 0);
    for start in 0..query.nrows() {
        for end in start + 1..=query.nrows() {
            let stretch = query.slice(ndarray::s![start..end, ..]);
            let cost = cost(stretch, reference);
            if cost < best.0 {
                best = (cost, start, end);
            }
        }
    }
    best
}
