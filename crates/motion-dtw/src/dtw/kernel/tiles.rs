//! Distances of several channels, a tile of frames at a time.
//!
//! Along an anti-diagonal every distance would load both its frames anew. A tile of 4 rows by 8 columns keeps its 32 sums
//! in registers and loads 12 numbers per channel; its distances are then laid out by anti-diagonal.

use std::ops::Range;

use super::diagonal::{Terms, by_terms};
use super::lanes::LANES;
use crate::Distance;
use crate::dtw::frames::Frames;

const ROWS: usize = 4;
const COLUMNS: usize = 8;

/// All rows, tile by tile, channel by channel.
#[derive(Debug, Clone)]
pub(super) struct RowTiles {
    values: Vec<[f64; ROWS]>,
    num_rows: usize,
    num_channels: usize,
}

impl RowTiles {
    pub(super) fn new(frames: &Frames) -> Self {
        let num_rows = frames.num_frames();
        let values = packed(frames, 0..num_rows, vec![]);
        Self { values, num_rows, num_channels: frames.num_channels }
    }
}

/// Groups of `N` frames, channel by channel; what is missing in the last group is 0.
fn packed<const N: usize>(
    frames: &Frames,
    range: Range<usize>,
    mut values: Vec<[f64; N]>,
) -> Vec<[f64; N]> {
    let num_channels = frames.num_channels;
    values.clear();
    values.resize(range.len().div_ceil(N) * num_channels, [0.0; N]);
    for (idx, frame) in range.enumerate() {
        let group = &mut values[idx / N * num_channels..][..num_channels];
        for (channel, &value) in group.iter_mut().zip(frames.frame(frame)) {
            channel[idx % N] = value;
        }
    }
    values
}

/// Distances between the columns of a strip and the rows around the current anti-diagonal.
#[derive(Debug, Clone)]
pub(super) struct Tiles {
    columns: Vec<[f64; COLUMNS]>,
    /// Anti-diagonals, `row + column` modulo their number, each with a slot per column.
    ring: Vec<f64>,
    num_diagonals: usize,
    stride: usize,
    /// Rows computed so far; a multiple of [`ROWS`].
    reached: usize,
}

impl Tiles {
    pub(super) fn new(width: usize) -> Self {
        let width = width.next_multiple_of(COLUMNS);
        // One tile of rows ahead of the current anti-diagonal, over all columns.
        let (num_diagonals, stride) = (width + ROWS, width + LANES);
        Self {
            columns: vec![],
            ring: vec![0.0; num_diagonals * stride],
            num_diagonals,
            stride,
            reached: 0,
        }
    }

    /// Begins a strip of `columns` whose first row is `row`.
    pub(super) fn load(&mut self, frames: &Frames, columns: Range<usize>, row: usize) {
        self.columns = packed(frames, columns, std::mem::take(&mut self.columns));
        self.reached = row / ROWS * ROWS;
    }

    /// Computes all rows up to `row`; `columns_of` tells which columns of the strip some rows need.
    #[inline(always)]
    pub(super) fn reach(
        &mut self,
        terms: Terms<'_>,
        rows: &RowTiles,
        row: usize,
        columns_of: impl Fn(Range<usize>) -> Range<usize>,
    ) {
        while self.reached <= row && self.reached < rows.num_rows {
            let root = terms.distance == Distance::Euclidean;
            let columns = columns_of(self.reached..self.reached + ROWS);
            let rows = &rows.values[self.reached / ROWS * rows.num_channels..][..rows.num_channels];
            by_terms!(terms, |term, weights| self.fill(rows, columns, root, weights, term));
            self.reached += ROWS;
        }
    }

    #[inline(always)]
    #[expect(clippy::needless_range_loop, reason = "as in `sum`")]
    fn fill(
        &mut self,
        rows: &[[f64; ROWS]],
        columns: Range<usize>,
        root: bool,
        weights: &[f64],
        term: impl Fn(f64, f64) -> f64 + Copy,
    ) {
        for tile in columns.start / COLUMNS..columns.end.div_ceil(COLUMNS) {
            let columns = &self.columns[tile * rows.len()..][..rows.len()];
            let sums = sum(rows, columns, weights, term);
            let first = tile * COLUMNS;
            let top = (self.reached + first) % self.num_diagonals;
            for column in 0..COLUMNS {
                for row in 0..ROWS {
                    let diagonal = top + row + column;
                    let wrapped = if diagonal < self.num_diagonals {
                        diagonal
                    } else {
                        diagonal - self.num_diagonals
                    };
                    let sum = sums[row][column];
                    self.ring[wrapped * self.stride + first + column] =
                        if root { sum.sqrt() } else { sum };
                }
            }
        }
    }

    /// Distances of `len` cells from `column` on, of the anti-diagonal where row + column is `sum`.
    #[inline(always)]
    pub(super) fn diagonal(&self, sum: usize, column: usize, len: usize) -> &[f64] {
        &self.ring[sum % self.num_diagonals * self.stride + column..][..len]
    }
}

/// The distances of one tile, in registers; loops over indices, because the compiler keeps only those there.
#[inline(always)]
fn sum(
    rows: &[[f64; ROWS]],
    columns: &[[f64; COLUMNS]],
    weights: &[f64],
    term: impl Fn(f64, f64) -> f64 + Copy,
) -> [[f64; COLUMNS]; ROWS] {
    let mut sums = [[0.0; COLUMNS]; ROWS];
    for (channel, (rows, columns)) in rows.iter().zip(columns).enumerate() {
        let weight = if weights.is_empty() { 1.0 } else { weights[channel] };
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                sums[row][column] += term(rows[row] - columns[column], weight);
            }
        }
    }
    sums
}
