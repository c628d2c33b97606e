//! Stage 1: where in a long recording the movement may be.

use super::profile::{Grid, Profile, ProfileDistance};

/// A stretch of the query that resembles the reference, in seconds of the query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
    /// Cost per pair of matched instants.
    pub(crate) cost: f64,
}

/// Subsequence DTW with free begin and end on the query's side, one query instant at a time.
///
/// `C(1, j) = d(1, j)`, `C(i, j) = d(i, j) + min(C(i-1, j-1), C(i-1, j), C(i, j-1))` (Müller 2007, ch. 7.2), with the
/// start carried along each path (Sakurai et al. 2007) so that no table is kept: O(reference) memory.
pub(crate) struct Search {
    column: Vec<Cell>,
    open_begin: usize,
    skip_charge: f64,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    cost: f64,
    start: u32,
    len: u32,
}

const UNREACHED: Cell = Cell { cost: f64::INFINITY, start: 0, len: 1 };

impl Search {
    pub(crate) fn new(num_reference: usize, open_begin: usize, skip_charge: f64) -> Self {
        Self { column: vec![UNREACHED; num_reference], open_begin, skip_charge }
    }

    /// Takes the distances of query instant `j` to every reference instant.
    pub(crate) fn advance(&mut self, j: usize, mut distance: impl FnMut(usize) -> f64) {
        let mut diagonal = UNREACHED; // column[i - 1] before this instant
        for i in 0..self.column.len() {
            let stay = self.column[i];
            let mut best = if i == 0 || (j == 0 && i <= self.open_begin) {
                Cell { cost: self.skip_charge * i as f64, start: j as u32, len: i as u32 }
            } else {
                diagonal
            };
            if i > 0 {
                let up = self.column[i - 1];
                for other in [up, stay] {
                    if other.cost < best.cost {
                        best = other;
                    }
                }
            }
            diagonal = stay;
            self.column[i] = Cell { cost: best.cost + distance(i), len: best.len + 1, ..best };
        }
    }

    /// Mean cost and start of the best path that ends at the current instant, leaving out `skipped` last instants.
    pub(crate) fn ending(&self, skipped: usize) -> (f64, usize) {
        let cell = self.column[self.column.len() - 1 - skipped];
        let cost = (cell.cost + self.skip_charge * skipped as f64) / (f64::from(cell.len) + skipped as f64);
        (cost, cell.start as usize)
    }
}

/// Ends of paths, one per query instant.
pub(crate) struct Ends {
    pub(crate) cost: Vec<f64>,
    pub(crate) start: Vec<u32>,
}

pub(crate) fn search(
    distance: &ProfileDistance<'_>,
    num_query: usize,
    open: (usize, usize),
    skip_charge: f64,
) -> Ends {
    let num_reference = distance.reference.grid.len;
    let mut search = Search::new(num_reference, open.0, skip_charge);
    let mut ends = Ends { cost: Vec::with_capacity(num_query), start: Vec::with_capacity(num_query) };
    for j in 0..num_query {
        search.advance(j, |i| distance.between(j, i));
        let open_end = if j + 1 == num_query { open.1 } else { 0 };
        let (cost, start) = (0..=open_end)
            .map(|skipped| search.ending(skipped))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap_or((f64::INFINITY, 0));
        ends.cost.push(cost);
        ends.start.push(start as u32);
    }
    ends
}

/// The cheapest stretches whose duration is within `ratio` of the reference's, that overlap by less than half.
pub(crate) fn candidates(ends: &Ends, grid: Grid, reference: &Profile, ratio: (f64, f64), max: usize) -> Vec<Candidate> {
    let duration = |start: u32, end: usize| (end as f64 - f64::from(start) + 1.0) / reference.grid.len as f64;
    let mut order: Vec<usize> = (0..ends.cost.len())
        .filter(|&end| ends.cost[end].is_finite())
        .filter(|&end| duration(ends.start[end], end) <= ratio.1)
        .filter(|&end| duration(ends.start[end], end) >= ratio.0)
        .collect();
    order.sort_by(|&a, &b| ends.cost[a].total_cmp(&ends.cost[b]).then(a.cmp(&b)));
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    for end in order {
        let start = ends.start[end] as usize;
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
        .into_iter()
        .map(|(start, end)| Candidate { start_s: grid.time_s(start), end_s: grid.time_s(end), cost: ends.cost[end] })
        .collect()
}
