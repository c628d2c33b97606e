//! Stage 1: where in a long recording the movement may be.

use super::profile::{Blend, FeatureDistance, Grid, Profile};
use super::scaling::Scaling;
use crate::Motion;
use crate::features::LocalFit;

/// A stretch of the query that resembles the reference, in seconds of the query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
}

/// Subsequence DTW with free begin and end on the query's side, one query instant at a time.
///
/// `C(1, j) = d(1, j)`, `C(i, j) = d(i, j) + min(C(i-1, j-1), C(i-1, j), C(i, j-1))` (Müller 2007, ch. 7.2), with the
/// start carried along each path (Sakurai et al. 2007) so that no table is kept: O(reference) memory.
struct Search {
    column: Vec<Cell>,
    /// Reference instants that may lie before the recording.
    open_begin: usize,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    cost: f64,
    start: u32,
    len: u32,
}

const UNREACHED: Cell = Cell { cost: f64::INFINITY, start: 0, len: 1 };

impl Search {
    /// Takes the distances of query instant `j` to every reference instant.
    fn advance(&mut self, j: u32, distance: impl Fn(usize) -> f64) {
        let mut diagonal = UNREACHED; // column[i - 1] before this instant
        for i in 0..self.column.len() {
            let stay = self.column[i];
            let mut best = if i == 0 || (j == 0 && i <= self.open_begin) {
                Cell { cost: Blend::BLIND * i as f64, start: j, len: i as u32 }
            } else {
                diagonal
            };
            let below = if i > 0 { self.column[i - 1] } else { UNREACHED };
            for other in [below, stay] {
                if other.cost < best.cost {
                    best = other;
                }
            }
            diagonal = stay;
            self.column[i] = Cell { cost: best.cost + distance(i), len: best.len + 1, ..best };
        }
    }

    /// Mean cost and start of the best path that ends at the current instant, `skipped` reference instants short.
    fn ending(&self, skipped: usize) -> End {
        let cell = self.column[self.column.len() - 1 - skipped];
        let cost =
            (cell.cost + Blend::BLIND * skipped as f64) / (f64::from(cell.len) + skipped as f64);
        End { cost, start: cell.start }
    }
}

/// The best path that ends at some query instant.
#[derive(Debug, Clone, Copy)]
struct End {
    cost: f64,
    start: u32,
}

/// The cheapest stretches whose duration is within `tempo` of the reference's and that overlap by less than half.
///
/// `open` counts reference instants that may lie before and after the recording. Query features are computed one
/// instant at a time: besides the motion itself, 16 bytes per coarse query instant are kept.
pub(crate) fn candidates(
    query: &Motion,
    reference: &Profile,
    scaling: &Scaling,
    fit: LocalFit,
    open: (usize, usize),
    tempo: (f64, f64),
    max: usize,
) -> Vec<Candidate> {
    let rate_hz = reference.grid.rate_hz;
    let grid = Grid::covering(0.0, (query.num_frames() - 1) as f64 / query.fps(), rate_hz);
    let mut search = Search { column: vec![UNREACHED; reference.grid.len], open_begin: open.0 };
    let mut ends = Vec::with_capacity(grid.len);
    for j in 0..grid.len {
        let instant = Profile::new(query, fit, Grid { rate_hz, first: j, len: 1 }, scaling);
        let distance = FeatureDistance { query: &instant, reference, scaling };
        search.advance(j as u32, |i| distance.between(0, i));
        let open_end = if j + 1 == grid.len { open.1 } else { 0 };
        let best = (1..=open_end).map(|skipped| search.ending(skipped)).fold(
            search.ending(0),
            |best, other| {
                if other.cost < best.cost { other } else { best }
            },
        );
        ends.push(best);
    }
    select(&ends, reference.grid.len, tempo, max)
        .into_iter()
        .map(|(start, end)| Candidate { start_s: grid.time_s(start), end_s: grid.time_s(end) })
        .collect()
}

/// Stretches `(first, last)` in order of cost.
fn select(
    ends: &[End],
    num_reference: usize,
    tempo: (f64, f64),
    max: usize,
) -> Vec<(usize, usize)> {
    let duration = |end: usize| (end + 1 - ends[end].start as usize) as f64 / num_reference as f64;
    let mut order: Vec<usize> = (0..ends.len())
        .filter(|&end| ends[end].cost.is_finite() && (tempo.0..=tempo.1).contains(&duration(end)))
        .collect();
    order.sort_by(|&a, &b| ends[a].cost.total_cmp(&ends[b].cost).then(a.cmp(&b)));
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    for end in order {
        let start = ends[end].start as usize;
        let clear = chosen.iter().all(|&(other_start, other_end)| {
            let overlap = (end.min(other_end) + 1).saturating_sub(start.max(other_start));
            2 * overlap < (end - start + 1).min(other_end - other_start + 1)
        });
        if clear {
            chosen.push((start, end));
            if chosen.len() == max {
                break;
            }
        }
    }
    chosen
}
