//! Fast code for what most calls ask: single-cell moves, complete frames, distances that sum over channels.
//!
//! The recurrence `D[i, j] = d(i, j) + min(D[i-1, j-1], D[i, j-1], D[i-1, j])` looks serial, and row by row it is: each
//! cell waits for its left neighbour, about 8 processor cycles (one minimum, one addition). Cells of one *anti-diagonal*
//! do not depend on each other, so this module computes an anti-diagonal at a time with vector instructions:
//!
//! ```text
//!            reference ->  strip of columns
//!          +-------+-------+------        rows are stored in reverse, so that along an anti-diagonal
//!    query |     3 |       |              both inputs and all neighbours are read left to right
//!      |   |   2   |       |
//!      v   | 1     | edge ->              the last column of a strip is the edge of the next one
//! ```
//!
//! Columns are cut into strips, so that three anti-diagonals and both inputs stay in the first-level cache; `edge` is
//! all that passes from strip to strip, and the only memory that grows (with the query).
//!
//! # Distance to the machine's limit
//!
//! Measured on one core (2.9 GHz; two additions a cycle of 4 lanes with AVX2, of 8 with AVX-512):
//!
//! - One channel: a cell loads five numbers, stores one, and does five operations (subtract, square, two minima, add), none
//!   of which waits for another cell of its anti-diagonal. Three 4-lane loads a cycle, or two of 8 lanes most of which
//!   straddle two cache lines, make loading the limit: about 0.6 cycles a cell. Measured: 0.8 (0.28 ns), against
//!   8 and more where each cell waits for the one before it.
//! - 36 channels: three operations (subtract, square, add) per channel and cell, in [`tiles`] that load little: 9 cycles with AVX2,
//!   6.8 with AVX-512. Measured: 12 and 10 (4.1 and 3.5 ns); laying the distances out by anti-diagonal takes most of
//!   the rest. A fused multiply-add would save a third of the operations, but give other last bits than the general code;
//!   here every instruction set and the general code agree to the bit.
//! - A search also carries where each path began, a second set of anti-diagonals: 2 cycles a cell (0.7 ns).
//!
//! Where a setting asks for more (missing values, steps of several cells, open ends, a distance of one's own) the
//! general code in [`lattice`](super::lattice) takes over.

mod diagonal;
mod lanes;
mod level;
mod path;
mod search;
mod strip;
mod tiles;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::ops::Range;

use super::distance::Distance;
use super::frames::Frames;
use super::step::Moves;
use super::window::Band;
pub(crate) use diagonal::Terms;
use lanes::{LANES, Lanes};
use level::{Level, Task};
pub(crate) use search::Search;
use strip::{Slots, Wave, sweep};
use tiles::{RowTiles, Tiles};

/// Numbers of a strip's columns that may fill the first-level cache, beside rows and anti-diagonals (ours).
const STRIP_VALUES: usize = 2048;

/// Widest strip of several channels, whose distances are kept for as many anti-diagonals (ours).
const STRIP_TILED: usize = 128;

/// Widest and narrowest strip in frames (ours): long enough for the loops, short enough for the cache.
const STRIP_FRAMES: Range<usize> = 32..512;

/// Columns per strip.
fn strip_width(num_channels: usize) -> usize {
    let widest = if num_channels > 1 { STRIP_TILED } else { STRIP_FRAMES.end };
    (STRIP_VALUES / num_channels).clamp(STRIP_FRAMES.start, widest).next_multiple_of(LANES)
}

impl<'a> Terms<'a> {
    /// `None` if the distance is not a sum over channels, or either sequence misses values.
    pub(crate) fn of(
        distance: Distance,
        weights: Option<&'a [f64]>,
        sequences: [&Frames; 2],
    ) -> Option<Self> {
        let complete = sequences.iter().all(|frames| frames.weights.is_none());
        (complete && distance != Distance::Cosine).then_some(Self { distance, weights })
    }
}

/// Two sequences ready for the kernel.
pub(crate) struct Pair<'a> {
    query: &'a Frames,
    rows: OnceCell<Lanes>,
    row_tiles: OnceCell<RowTiles>,
    columns: &'a Frames,
    num_rows: usize,
    band: Band,
    terms: Terms<'a>,
    moves: Moves,
}

impl<'a> Pair<'a> {
    /// `band` gives the columns (reference frames) allowed for each row (query frame).
    pub(crate) fn new(
        query: &'a Frames,
        reference: &'a Frames,
        band: Band,
        terms: Terms<'a>,
        moves: Moves,
    ) -> Self {
        Self {
            query,
            rows: OnceCell::new(),
            row_tiles: OnceCell::new(),
            columns: reference,
            num_rows: query.num_frames(),
            band,
            terms,
            moves,
        }
    }

    /// Cost of the cheapest path from the first to the last cell; infinite if there is none up to `max_cost`.
    pub(crate) fn cost(&self, max_cost: f64) -> f64 {
        self.cost_at(Level::best(), max_cost)
    }

    fn cost_at(&self, level: Level, max_cost: f64) -> f64 {
        let cost = level.run(Cost { pair: self, max_cost });
        if cost <= max_cost { cost } else { f64::INFINITY }
    }

    /// The query in the layout of anti-diagonals, made when first asked for.
    #[inline(always)]
    fn rows(&self) -> &Lanes {
        self.rows.get_or_init(|| Lanes::reversed(self.query))
    }

    /// The query in the layout of [`tiles`], made when first asked for.
    #[inline(always)]
    fn row_tiles(&self) -> &RowTiles {
        self.row_tiles.get_or_init(|| RowTiles::new(self.query))
    }

    /// The only channel of rows and columns, if distance and moves are the common ones.
    #[inline(always)]
    fn univariate<'b>(&'b self, columns: &'b Lanes) -> Option<(&'b [f64], &'b [f64])> {
        let common = self.terms.distance == Distance::SquaredEuclidean
            && self.terms.weights.is_none()
            && self.columns.num_channels == 1
            && self.moves.are_plain();
        if common { self.rows().channels().next().zip(columns.channels().next()) } else { None }
    }
}

struct Cost<'a> {
    pair: &'a Pair<'a>,
    max_cost: f64,
}

impl Task for Cost<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let Cost { pair, max_cost } = self;
        let (num_columns, num_channels) = (pair.columns.num_frames(), pair.columns.num_channels);
        let mut width = strip_width(num_channels);
        if max_cost.is_finite() {
            width = width.min(8 * LANES); // giving up is possible between strips only
        }
        let width = width.min(num_columns);
        let tiled = num_channels > 1;
        let mut loaded = Lanes::with_capacity(if tiled { 0 } else { width }, num_channels);
        let mut wave = Wave::new(width);
        wave.tiles = tiled.then(|| Tiles::new(width));
        let mut edge = vec![f64::INFINITY; pair.num_rows];
        for start in (0..num_columns).step_by(width) {
            let columns = start..(start + width).min(num_columns);
            let slots = Slots::new(&pair.band, columns.clone());
            let rows = slots.rows.clone();
            match &mut wave.tiles {
                Some(tiles) => tiles.load(pair.columns, columns, rows.start),
                None => loaded.load(pair.columns, columns),
            }
            sweep(pair, slots, &loaded, &mut wave, &mut edge, start == 0, |_, _, _| {});
            // Every path crosses the strip's last column, and only grows dearer.
            if !edge[rows].iter().any(|&cost| cost <= max_cost && cost < f64::INFINITY) {
                return f64::INFINITY;
            }
        }
        edge[pair.num_rows - 1]
    }
}
