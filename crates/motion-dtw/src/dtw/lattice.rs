//! The dynamic programme behind every variant: cells, moves, and the cheapest way through.

use std::ops::Range;

use super::step::StepPattern;

/// Frames that a path may leave out at either end of either sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OpenEnds {
    /// Query frames that may be skipped before the first match.
    pub query_begin: usize,
    /// Query frames that may be skipped after the last match.
    pub query_end: usize,
    /// Reference frames that may be skipped before the first match.
    pub reference_begin: usize,
    /// Reference frames that may be skipped after the last match.
    pub reference_end: usize,
}

/// One alignment problem; rows are query frames, columns reference frames.
pub(crate) struct Lattice<'a> {
    /// Columns allowed in each row; both ends never decrease.
    pub(crate) band: &'a [Range<usize>],
    pub(crate) num_columns: usize,
    pub(crate) step: &'a StepPattern,
    /// Added per production that is not a pure diagonal.
    pub(crate) penalty: f64,
    pub(crate) ends: OpenEnds,
    /// Added per reference frame skipped at either end.
    pub(crate) skip_charge: f64,
    /// Stop once no path can cost less than this.
    pub(crate) max_cost: f64,
}

pub(crate) struct Solution {
    pub(crate) cost: f64,
    pub(crate) path: Vec<(usize, usize)>,
}

const START: u8 = 254;
const NONE: u8 = 255;

/// The last rows of one quantity, addressed by absolute row.
struct Rolling {
    rows: Vec<Vec<f64>>,
}

impl Rolling {
    fn new(num_rows: usize, num_columns: usize, fill: f64) -> Self {
        Self { rows: vec![vec![fill; num_columns]; num_rows] }
    }
    fn row(&self, row: usize) -> &[f64] {
        &self.rows[row % self.rows.len()]
    }
    fn row_mut(&mut self, row: usize) -> &mut [f64] {
        let len = self.rows.len();
        &mut self.rows[row % len]
    }
}

impl Lattice<'_> {
    /// Cheapest path, or `None` if there is none (or none under `max_cost`).
    ///
    /// Keeps one byte per cell of the band, and a few rows of numbers.
    pub(crate) fn path(&self, distance: impl FnMut(usize, usize) -> f64) -> Option<Solution> {
        let mut offsets = Vec::with_capacity(self.band.len() + 1);
        let mut total = 0;
        for columns in self.band {
            offsets.push(total);
            total += columns.len();
        }
        let mut moves = vec![NONE; total];
        let (cost, end) = self.accumulate(distance, |row, column, taken| {
            moves[offsets[row] + column - self.band[row].start] = taken;
        })?;
        let path =
            self.backtrack(end, |row, column| moves[offsets[row] + column - self.band[row].start]);
        Some(Solution { cost, path })
    }

    /// Cost of the cheapest path, keeping a few rows only.
    pub(crate) fn cost(&self, distance: impl FnMut(usize, usize) -> f64) -> Option<f64> {
        self.accumulate(distance, |_, _, _| {}).map(|(cost, _)| cost)
    }

    fn accumulate(
        &self,
        mut distance: impl FnMut(usize, usize) -> f64,
        mut record: impl FnMut(usize, usize, u8),
    ) -> Option<(f64, (usize, usize))> {
        let num_rows = self.band.len();
        let kept = self.step.max_query_advance() + 1;
        let mut totals = Rolling::new(kept, self.num_columns, f64::INFINITY);
        let mut locals = Rolling::new(kept, self.num_columns, f64::INFINITY);
        let productions: Vec<Production> =
            self.step.productions().iter().map(|steps| Production::new(steps)).collect();
        let mut best: Option<(f64, (usize, usize))> = None;
        let mut barren_rows = 0;
        for row in 0..num_rows {
            totals.row_mut(row).fill(f64::INFINITY);
            let columns = self.band[row].clone();
            let local_row = locals.row_mut(row);
            local_row.fill(f64::INFINITY);
            for column in columns.clone() {
                local_row[column] = distance(row, column);
            }
            let mut row_min = f64::INFINITY;
            for column in columns {
                let (mut cost, mut taken) = self.start_cost(row, column, locals.row(row)[column]);
                for (idx, production) in productions.iter().enumerate() {
                    if production.query > row || production.reference > column {
                        continue;
                    }
                    let mut candidate =
                        totals.row(row - production.query)[column - production.reference];
                    if candidate == f64::INFINITY {
                        continue;
                    }
                    for cell in &production.cells {
                        candidate +=
                            cell.weight * locals.row(row - cell.query)[column - cell.reference];
                    }
                    if !production.diagonal {
                        candidate += self.penalty;
                    }
                    if candidate < cost {
                        (cost, taken) = (candidate, idx as u8);
                    }
                }
                totals.row_mut(row)[column] = cost;
                row_min = row_min.min(cost);
                record(row, column, taken);
                if let Some(end_cost) = self.end_cost(row, column, cost)
                    && best.is_none_or(|(cheapest, _)| end_cost < cheapest)
                {
                    best = Some((end_cost, (row, column)));
                }
            }
            barren_rows = if row_min > self.max_cost { barren_rows + 1 } else { 0 };
            // Paths only grow dearer; once no kept row can be continued below the limit, none will be.
            if barren_rows >= kept && row > self.ends.query_begin {
                break;
            }
        }
        best.filter(|(cost, _)| cost.is_finite() && *cost <= self.max_cost)
    }

    fn start_cost(&self, row: usize, column: usize, local: f64) -> (f64, u8) {
        let allowed = (column == 0 && row <= self.ends.query_begin)
            || (row == 0 && column <= self.ends.reference_begin);
        if allowed {
            (local + self.skip_charge * column as f64, START)
        } else {
            (f64::INFINITY, NONE)
        }
    }

    fn end_cost(&self, row: usize, column: usize, cost: f64) -> Option<f64> {
        let rows_left = self.band.len() - 1 - row;
        let columns_left = self.num_columns - 1 - column;
        let allowed = (columns_left == 0 && rows_left <= self.ends.query_end)
            || (rows_left == 0 && columns_left <= self.ends.reference_end);
        (allowed && cost.is_finite()).then_some(cost + self.skip_charge * columns_left as f64)
    }

    fn backtrack(
        &self,
        end: (usize, usize),
        taken_at: impl Fn(usize, usize) -> u8,
    ) -> Vec<(usize, usize)> {
        let mut path = vec![end];
        let (mut row, mut column) = end;
        loop {
            let taken = taken_at(row, column);
            if taken == START || taken == NONE {
                break;
            }
            let steps = &self.step.productions()[usize::from(taken)];
            for step in steps.iter().rev() {
                row -= step.query;
                column -= step.reference;
                path.push((row, column));
            }
        }
        path.reverse();
        path
    }
}

/// A production as seen from the cell that it arrives at.
struct Production {
    query: usize,
    reference: usize,
    cells: Vec<Cell>,
    diagonal: bool,
}

/// A cell that a production passes, so many frames back, and its weight.
struct Cell {
    query: usize,
    reference: usize,
    weight: f64,
}

impl Production {
    fn new(steps: &[super::step::Step]) -> Self {
        let (mut query, mut reference) = (0, 0);
        let mut cells = Vec::with_capacity(steps.len());
        for step in steps.iter().rev() {
            cells.push(Cell { query, reference, weight: step.weight });
            query += step.query;
            reference += step.reference;
        }
        Self {
            query,
            reference,
            cells,
            diagonal: steps.iter().all(|step| step.query == step.reference),
        }
    }
}
