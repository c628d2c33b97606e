//! Walks anti-diagonals through a strip of columns, inside the window.

use std::ops::Range;

use super::Pair;
use super::diagonal::{Fronts, Segment, distances, relax, relax_univariate};
use super::lanes::{LANES, Lanes};
use super::tiles::Tiles;
use crate::dtw::window::Band;

/// Which columns of a strip each successive anti-diagonal meets.
///
/// Rows of a window begin and end at columns that never decrease, so an anti-diagonal meets an unbroken run, and the
/// run's two ends move by at most one column from one anti-diagonal to the next.
#[derive(Debug, Clone)]
pub(super) struct Slots<'a> {
    band: &'a Band,
    /// Rows that the window lets meet the strip.
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
    entered: usize, // rows that the anti-diagonal has reached,
    left: usize,    // and rows that it has gone through
}

impl<'a> Slots<'a> {
    pub(super) fn new(band: &'a Band, columns: Range<usize>) -> Self {
        Self { band, rows: band.rows_meeting(&columns), columns, entered: 0, left: 0 }
    }

    /// Anti-diagonals from the first to the last cell of the strip's rows.
    pub(super) fn num_diagonals(&self) -> usize {
        if self.rows.is_empty() { 0 } else { self.rows.len() + self.columns.len() - 1 }
    }

    /// Columns that some neighbouring rows meet, counted from the strip's first.
    #[inline(always)]
    fn columns_of(&self, rows: Range<usize>) -> Range<usize> {
        let last = rows.end.min(self.band.num_rows()) - 1;
        let Range { start, end } = self.columns;
        self.band.row(rows.start).start.clamp(start, end) - start
            ..self.band.row(last).end.clamp(start, end) - start
    }

    /// Columns met by anti-diagonal `s`, counted from the strip's first; `s` never decreases from call to call.
    #[inline(always)]
    pub(super) fn at(&mut self, s: usize) -> Range<usize> {
        let start = |row: usize| {
            self.band.row(self.rows.start + row).start.saturating_sub(self.columns.start) + row
        };
        let end = |row: usize| {
            self.band.row(self.rows.start + row).end.min(self.columns.end) - self.columns.start
                + row
        };
        while self.entered < self.rows.len() && start(self.entered) <= s {
            self.entered += 1;
        }
        while self.left < self.entered && end(self.left) <= s {
            self.left += 1;
        }
        s + 1 - self.entered..s + 1 - self.left
    }
}

/// The latest anti-diagonals of a strip.
pub(super) struct Wave {
    pub(super) costs: Fronts<f64>,
    locals: Vec<f64>,
    /// Where distances come from, if not from `locals`.
    pub(super) tiles: Option<Tiles>,
}

impl Wave {
    pub(super) fn new(width: usize) -> Self {
        Self {
            costs: Fronts::new(width, f64::INFINITY),
            locals: vec![0.0; width + LANES],
            tiles: None,
        }
    }

    pub(super) fn clear(&mut self) {
        self.costs.before.fill(f64::INFINITY);
        self.costs.previous.fill(f64::INFINITY);
    }

    /// Computes `columns` of the anti-diagonal whose cell in column `columns.start` lies in row `row`.
    ///
    /// The `origin`, the very first cell, costs its distance once, whatever the moves weigh.
    /// Writes up to [`LANES`] slots too many; they are overwritten before they are read, but for the one that the
    /// caller must guard.
    #[inline(always)]
    pub(super) fn advance(
        &mut self,
        pair: &Pair<'_>,
        loaded: &Lanes,
        row: usize,
        columns: Range<usize>,
        origin: bool,
    ) {
        let at = Segment {
            row: pair.num_rows - 1 - row,
            column: columns.start,
            len: columns.len().next_multiple_of(LANES),
        };
        if let Some((rows, columns)) = pair.univariate(loaded) {
            relax_univariate(rows, columns, at, &mut self.costs);
        } else {
            let locals = match &self.tiles {
                Some(tiles) => tiles.diagonal(row + columns.start, columns.start, at.len),
                None => {
                    distances(pair.terms, pair.rows(), loaded, at, &mut self.locals);
                    &self.locals[..at.len]
                }
            };
            relax(&pair.moves, locals, at, &mut self.costs);
            if origin {
                self.costs.now[1] = locals[0];
            }
        }
    }
}

/// Computes one strip. `edge` holds the costs of the column before it, row by row, and gets those of its last column.
///
/// `origin` says that the strip begins at the first column; `after` sees every anti-diagonal, as `previous`.
#[inline(always)]
pub(super) fn sweep(
    pair: &Pair<'_>,
    mut slots: Slots<'_>,
    loaded: &Lanes,
    wave: &mut Wave,
    edge: &mut [f64],
    origin: bool,
    mut after: impl FnMut(usize, Range<usize>, &Wave),
) {
    let (first, width) = (slots.rows.start, slots.columns.len());
    let beside = |edge: &[f64], row: usize| edge.get(row).copied().unwrap_or(f64::INFINITY);
    wave.clear();
    wave.costs.before[0] = match first {
        0 if origin => 0.0,
        0 => f64::INFINITY,
        _ => edge[first - 1],
    };
    wave.costs.previous[0] = beside(edge, first);
    for s in 0..slots.num_diagonals() {
        let columns = slots.at(s);
        if let Some(tiles) = &mut wave.tiles {
            tiles.reach(pair.terms, pair.row_tiles(), first + s, |rows| slots.columns_of(rows));
        }
        if !columns.is_empty() {
            wave.advance(
                pair,
                loaded,
                first + s - columns.start,
                columns.clone(),
                origin && s == 0,
            );
        }
        // The neighbours on both sides of the run: outside the window, or in the column before the strip.
        wave.costs.now[columns.start] =
            if columns.start == 0 { beside(edge, first + s + 1) } else { f64::INFINITY };
        wave.costs.now[columns.end + 1] = f64::INFINITY;
        if s + 1 >= width {
            let inside = columns.end == width && !columns.is_empty();
            edge[first + s + 1 - width] =
                if inside { wave.costs.now[width] } else { f64::INFINITY };
        }
        wave.costs.rotate();
        after(s, columns, wave);
    }
    if first > 0 {
        edge[first - 1] = f64::INFINITY; // that row ends before this strip
    }
}
