//! Stage 2: the warp at full rate within one stretch.

use std::ops::Range;

use super::coarse::Candidate;
use super::profile::{Blend, FeatureDistance, Grid, Profile};
use super::scaling::Scaling;
use crate::Motion;
use crate::dtw::lattice::{Lattice, OpenEnds};
use crate::dtw::step::StepPattern;
use crate::features::LocalFit;

/// Seconds added to both ends of a candidate (ours; more changes nothing).
const PADDING_S: f64 = 0.25;
/// Half-width of the band, as a share of the reference (ours; below a fifth, occurrences are lost).
const BAND_SHARE: f64 = 0.35;
/// Cost of a step that is not diagonal (ours): prefers an even tempo where poses do not tell.
const PENALTY: f64 = 0.03;

/// A warping path between the grids of query and reference.
#[derive(Debug, Clone)]
pub(crate) struct Staircase {
    /// The query around the match.
    pub(crate) query: Profile,
    /// Pairs of instants `(query, reference)`, counted on the two grids.
    pub(crate) path: Vec<(usize, usize)>,
}

/// Warps `candidate` of `query` to `reference`, both ends free within the padding.
///
/// `open` counts reference instants that may lie before and after the recording. `None` if the band blocks every path.
pub(crate) fn warp(
    query: &Motion,
    candidate: Candidate,
    reference: &Profile,
    scaling: &Scaling,
    fit: LocalFit,
    open: (usize, usize),
) -> Option<Staircase> {
    let last_s = (query.num_frames() - 1) as f64 / query.fps();
    let (start_s, end_s) = (candidate.start_s - PADDING_S, candidate.end_s + PADDING_S);
    let grid = Grid::covering(start_s.max(0.0), end_s.min(last_s), reference.grid.rate_hz);
    let query = Profile::new(query, fit, grid, scaling);
    let lattice = Lattice {
        band: &band(grid, candidate, reference.grid.len),
        num_columns: reference.grid.len,
        step: &StepPattern::symmetric1(),
        penalty: PENALTY,
        ends: OpenEnds {
            query_begin: grid.len,
            query_end: grid.len,
            reference_begin: if start_s <= 0.0 { open.0 } else { 0 },
            reference_end: if end_s >= last_s { open.1 } else { 0 },
        },
        skip_charge: Blend::BLIND,
        max_cost: f64::INFINITY,
    };
    let distance = FeatureDistance { query: &query, reference, scaling };
    let path = lattice.path(|j, i| distance.between(j, i))?.path;
    Some(Staircase { query, path })
}

/// Band around the straight line of the candidate, wide enough for the padding.
fn band(grid: Grid, candidate: Candidate, num_reference: usize) -> Vec<Range<usize>> {
    let last = (num_reference - 1) as f64;
    let duration = (candidate.end_s - candidate.start_s).max(1.0 / grid.rate_hz);
    let half = (BAND_SHARE + PADDING_S / duration) * last + 1.0;
    let row = |j: usize| {
        let centre = (grid.time_s(j) - candidate.start_s) / duration * last;
        let start = (centre - half).floor().clamp(0.0, last) as usize;
        let end = (centre + half).ceil().clamp(0.0, last) as usize + 1;
        start..end
    };
    (0..grid.len).map(row).collect()
}
