//! Subsequence search: a long query, strip by strip, against a reference.

use std::ops::Range;

use super::diagonal::{Fronts, Segment, distances, relax_from};
use super::lanes::{LANES, Lanes};
use super::level::{Level, Task};
use super::tiles::{RowTiles, Tiles};
use super::{Terms, strip_width};
use crate::dtw::frames::Frames;
use crate::dtw::subsequence::Column;

/// Advances a [`Column`] by many query frames at a time.
///
/// Rows are reference frames and columns query frames, so that the column is what passes from strip to strip: one cost
/// and one start per reference frame, however long the query.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    rows: Lanes,
    num_rows: usize,
    penalty: f64,
    width: usize,
    loaded: Lanes,
    costs: Fronts<f64>,
    starts: Fronts<u64>,
    locals: Vec<f64>,
    tiles: Option<(RowTiles, Tiles)>,
}

impl Search {
    pub(crate) fn new(reference: &Frames, penalty: f64) -> Self {
        let width = strip_width(reference.num_channels);
        Self {
            rows: Lanes::reversed(reference),
            num_rows: reference.num_frames(),
            penalty,
            width,
            loaded: Lanes::with_capacity(width, reference.num_channels),
            costs: Fronts::new(width, f64::INFINITY),
            starts: Fronts::new(width, 0),
            locals: vec![0.0; width + LANES],
            tiles: (reference.num_channels > 1)
                .then(|| (RowTiles::new(reference), Tiles::new(width))),
        }
    }

    /// Frames that are computed together.
    pub(crate) fn block_len(&self) -> usize {
        self.width
    }

    /// Takes `frames` of `query`, the first of which has the number `number`.
    ///
    /// `ended` gets the number of each frame, and cost and start of the best stretch that ends with it.
    pub(crate) fn feed(
        &mut self,
        column: &mut Column,
        terms: Terms<'_>,
        query: &Frames,
        frames: Range<usize>,
        number: u64,
        ended: impl FnMut(u64, f64, u64),
    ) {
        self.feed_at(Level::best(), column, terms, query, frames, number, ended);
    }

    #[expect(clippy::too_many_arguments, reason = "`feed` with the level, for tests")]
    pub(super) fn feed_at(
        &mut self,
        level: Level,
        column: &mut Column,
        terms: Terms<'_>,
        query: &Frames,
        frames: Range<usize>,
        number: u64,
        ended: impl FnMut(u64, f64, u64),
    ) {
        level.run(Feed { search: self, column, terms, query, frames, number, ended });
    }

    /// One strip, whose frames are loaded; the first has the number `number`.
    #[inline(always)]
    fn strip(
        &mut self,
        Column { costs: edge, starts: edge_starts }: &mut Column,
        terms: Terms<'_>,
        width: usize,
        number: u64,
        mut ended: impl FnMut(u64, f64, u64),
    ) {
        let (costs, starts) = (&mut self.costs, &mut self.starts);
        costs.before.fill(f64::INFINITY);
        costs.previous.fill(f64::INFINITY);
        // A path may begin at any frame: before the first row every cost is 0.
        (costs.before[0], starts.before[0]) = (0.0, number);
        (costs.previous[0], starts.previous[0]) = (edge[0], edge_starts[0]);
        (costs.previous[1], starts.previous[1]) = (0.0, number + 1);
        for s in 0..self.num_rows + width - 1 {
            let columns = (s + 1).saturating_sub(self.num_rows)..width.min(s + 1);
            let at = Segment {
                row: self.num_rows - 1 - (s - columns.start),
                column: columns.start,
                len: columns.len().next_multiple_of(LANES),
            };
            let locals = if let Some((rows, tiles)) = &mut self.tiles {
                tiles.reach(terms, rows, s, |_| 0..width);
                tiles.diagonal(s, columns.start, at.len)
            } else {
                distances(terms, &self.rows, &self.loaded, at, &mut self.locals);
                &self.locals
            };
            relax_from(self.penalty, locals, at, costs, starts);
            let beside = if columns.start == 0 { edge.get(s + 1) } else { None };
            costs.now[columns.start] = beside.copied().unwrap_or(f64::INFINITY);
            if beside.is_some() {
                starts.now[0] = edge_starts[s + 1];
            }
            costs.now[columns.end + 1] = if columns.end == s + 1 { 0.0 } else { f64::INFINITY };
            starts.now[columns.end + 1] = number + columns.end as u64 + 1;
            if s + 1 >= width {
                let row = s + 1 - width;
                (edge[row], edge_starts[row]) = (costs.now[width], starts.now[width]);
            }
            if s + 1 >= self.num_rows {
                let slot = columns.start + 1;
                ended(number + columns.start as u64, costs.now[slot], starts.now[slot]);
            }
            costs.rotate();
            starts.rotate();
        }
    }
}

struct Feed<'a, F> {
    search: &'a mut Search,
    column: &'a mut Column,
    terms: Terms<'a>,
    query: &'a Frames,
    frames: Range<usize>,
    number: u64,
    ended: F,
}

impl<F: FnMut(u64, f64, u64)> Task for Feed<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Feed { search, column, terms, query, frames, number, mut ended } = self;
        for start in frames.clone().step_by(search.width) {
            let strip = start..(start + search.width).min(frames.end);
            let (width, number) = (strip.len(), number + (start - frames.start) as u64);
            match &mut search.tiles {
                Some((_, tiles)) => tiles.load(query, strip, 0),
                None => search.loaded.load(query, strip),
            }
            search.strip(column, terms, width, number, &mut ended);
        }
    }
}
