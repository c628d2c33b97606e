//! The warping path in memory that grows with the lengths only (Hirschberg 1975, for DTW).

use std::ops::Range;

use super::step::Moves;

/// A problem whose steps are single cells, with both ends tied.
pub(crate) struct Linear<'a> {
    pub(crate) band: &'a [Range<usize>],
    pub(crate) moves: Moves,
}

impl Linear<'_> {
    /// Cells of the cheapest path from the first to the last cell; `None` if the band blocks it.
    ///
    /// Splits at the middle row: the path leaves it where cost so far plus cost to come is least; twice the work of
    /// the full table, and a few rows of memory.
    pub(crate) fn path(
        &self,
        distance: &mut dyn FnMut(usize, usize) -> f64,
    ) -> Option<Vec<(usize, usize)>> {
        let num_rows = self.band.len();
        let last_column = self.band[num_rows - 1].end - 1;
        let mut path = Vec::with_capacity(num_rows + last_column);
        self.split(0..num_rows, 0, last_column, distance, &mut path)?;
        Some(path)
    }

    fn split(
        &self,
        rows: Range<usize>,
        first: usize,
        last: usize,
        distance: &mut dyn FnMut(usize, usize) -> f64,
        path: &mut Vec<(usize, usize)>,
    ) -> Option<()> {
        if rows.len() == 1 {
            let allowed = &self.band[rows.start];
            if first < allowed.start || last >= allowed.end {
                return None;
            }
            path.extend((first..=last).map(|column| (rows.start, column)));
            return Some(());
        }
        let middle = rows.start + rows.len() / 2;
        let so_far = self.forward(rows.start..middle, first, last, distance);
        let to_come = self.backward(middle..rows.end, first, last, distance);
        let width = last - first + 1;
        let (mut best, mut exit, mut entry) = (f64::INFINITY, 0, 0);
        for (column, &before) in so_far.iter().enumerate() {
            for (next, weight, penalty) in [
                (column + 1, self.moves.diagonal, 0.0),
                (column, self.moves.query, self.moves.penalty),
            ] {
                if next >= width || before == f64::INFINITY || to_come[next] == f64::INFINITY {
                    continue;
                }
                let cost = so_far[column]
                    + weight * distance(middle, first + next)
                    + penalty
                    + to_come[next];
                if cost < best {
                    (best, exit, entry) = (cost, first + column, first + next);
                }
            }
        }
        if best == f64::INFINITY {
            return None;
        }
        self.split(rows.start..middle, first, exit, distance, path)?;
        self.split(middle..rows.end, entry, last, distance, path)
    }

    /// Cost of the best path from the first cell to every column of the last of `rows`.
    fn forward(
        &self,
        rows: Range<usize>,
        first: usize,
        last: usize,
        distance: &mut dyn FnMut(usize, usize) -> f64,
    ) -> Vec<f64> {
        let mut costs = vec![f64::INFINITY; last - first + 1];
        for row in rows.clone() {
            let mut diagonal = f64::INFINITY;
            for column in 0..costs.len() {
                let above = costs[column];
                if !self.band[row].contains(&(first + column)) {
                    costs[column] = f64::INFINITY;
                    diagonal = above;
                    continue;
                }
                let local = distance(row, first + column);
                let beside = if column > 0 { costs[column - 1] } else { f64::INFINITY };
                let mut cost = (diagonal + self.moves.diagonal * local)
                    .min(beside + self.moves.reference * local + self.moves.penalty)
                    .min(above + self.moves.query * local + self.moves.penalty);
                if row == rows.start && column == 0 {
                    cost = local;
                }
                costs[column] = cost;
                diagonal = above;
            }
        }
        costs
    }

    /// Cost of the best path from every column of the first of `rows`, that cell's own distance left out, to the end.
    fn backward(
        &self,
        rows: Range<usize>,
        first: usize,
        last: usize,
        distance: &mut dyn FnMut(usize, usize) -> f64,
    ) -> Vec<f64> {
        let width = last - first + 1;
        let mut costs = vec![f64::INFINITY; width];
        let mut locals = vec![f64::INFINITY; width]; // of the row below
        for row in rows.clone().rev() {
            let mut diagonal = (f64::INFINITY, 0.0); // cost and distance of the cell below and to the right
            let mut beside = (f64::INFINITY, 0.0);
            for column in (0..width).rev() {
                let below = (costs[column], locals[column]);
                if !self.band[row].contains(&(first + column)) {
                    (costs[column], locals[column]) = (f64::INFINITY, f64::INFINITY);
                    (diagonal, beside) = (below, (f64::INFINITY, 0.0));
                    continue;
                }
                let step = |(cost, local): (f64, f64), weight: f64, penalty: f64| {
                    if cost == f64::INFINITY {
                        f64::INFINITY
                    } else {
                        cost + weight * local + penalty
                    }
                };
                let mut cost = step(diagonal, self.moves.diagonal, 0.0)
                    .min(step(beside, self.moves.reference, self.moves.penalty))
                    .min(step(below, self.moves.query, self.moves.penalty));
                if row + 1 == rows.end && column + 1 == width {
                    cost = 0.0;
                }
                let local = distance(row, first + column);
                (costs[column], locals[column]) = (cost, local);
                (diagonal, beside) = (below, (cost, local));
            }
        }
        costs
    }
}
