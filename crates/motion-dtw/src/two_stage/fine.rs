//! Stage 2: the warp at full rate within one stretch.

use std::ops::Range;

use super::coarse::Candidate;
use super::profile::{Grid, Profile, ProfileDistance, Scaling};
use crate::Motion;
use crate::dtw::lattice::{Lattice, OpenEnds};
use crate::dtw::step::StepPattern;
use crate::features::LocalFit;

/// What shapes the fine warp.
#[derive(Debug, Clone)]
pub(crate) struct FineSettings {
    pub(crate) rate_hz: f64,
    /// Seconds added to both ends of a candidate.
    pub(crate) padding_s: f64,
    /// Half-width of the band, as a share of the reference.
    pub(crate) band_share: f64,
    pub(crate) penalty: f64,
    pub(crate) skip_charge: f64,
    pub(crate) prior: f64,
    pub(crate) prior_weight: f64,
    pub(crate) robust: f64,
    pub(crate) power: f64,
}

/// A warp on the grids of reference and query.
#[derive(Debug, Clone)]
pub(crate) struct Warp {
    /// Pairs (query grid index, reference grid index), relative to the grids.
    pub(crate) path: Vec<(usize, usize)>,
    pub(crate) query: Profile,
    /// Mean distance per reference instant.
    pub(crate) cost: f64,
}

/// Warps `candidate` of `query` to `reference`; `open` are reference instants that may fall outside the recording.
pub(crate) fn warp(
    query: &Motion,
    candidate: &Candidate,
    reference: &Profile,
    scaling: &Scaling,
    fit: LocalFit,
    open: (usize, usize),
    settings: &FineSettings,
) -> Option<Warp> {
    let last_s = (query.num_frames() - 1) as f64 / query.fps();
    let (start_s, end_s) = (candidate.start_s - settings.padding_s, candidate.end_s + settings.padding_s);
    let grid = Grid::covering(start_s.max(0.0), end_s.min(last_s), settings.rate_hz);
    let query = Profile::new(query, fit, grid, scaling);
    let band = band(&grid, candidate, reference.grid.len, settings);
    let ends = OpenEnds {
        query_begin: grid.len,
        query_end: grid.len,
        reference_begin: if start_s <= 0.0 { open.0 } else { 0 },
        reference_end: if end_s >= last_s { open.1 } else { 0 },
    };
    let distance = ProfileDistance {
        query: &query,
        reference,
        scaling,
        prior: settings.prior,
        prior_weight: settings.prior_weight,
        robust: settings.robust,
        power: settings.power,
    };
    let lattice = Lattice {
        band: &band,
        num_columns: reference.grid.len,
        step: &StepPattern::symmetric1(),
        penalty: settings.penalty,
        ends,
        skip_charge: settings.skip_charge,
        max_cost: f64::INFINITY,
    };
    let path = lattice.path(|j, i| distance.between(j, i))?.path;
    let cost = mean_over_reference(&path, |j, i| distance.between(j, i));
    Some(Warp { path, query, cost })
}

/// Band around the straight line of the candidate, wide enough for the padding.
fn band(grid: &Grid, candidate: &Candidate, num_reference: usize, settings: &FineSettings) -> Vec<Range<usize>> {
    let last = (num_reference - 1) as f64;
    let duration = (candidate.end_s - candidate.start_s).max(1.0 / settings.rate_hz);
    let half = settings.band_share * last + settings.padding_s / duration * last + 1.0;
    (0..grid.len)
        .map(|j| {
            let centre = (grid.time_s(j) - candidate.start_s) / duration * last;
            let start = (centre - half).floor().clamp(0.0, last) as usize;
            let end = (centre + half).ceil().clamp(0.0, last) as usize + 1;
            start..end
        })
        .collect()
}

/// Mean over the reference's instants of the mean distance of the pairs of each.
fn mean_over_reference(path: &[(usize, usize)], mut distance: impl FnMut(usize, usize) -> f64) -> f64 {
    let (mut sum, mut instants) = (0.0, 0.0);
    for pairs in path.chunk_by(|a, b| a.1 == b.1) {
        sum += pairs.iter().map(|&(j, i)| distance(j, i)).sum::<f64>() / pairs.len() as f64;
        instants += 1.0;
    }
    sum / instants
}
