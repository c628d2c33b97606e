//! The methods that two stages are compared with.

use std::ops::Range;

use super::fine::Staircase;
use super::profile::{FeatureDistance, Profile};
use super::scaling::Scaling;
use crate::dtw::lattice::{Lattice, OpenEnds};
use crate::dtw::step::StepPattern;

/// One warp over the whole query, ends tied.
pub(crate) fn one_stage(
    query: Profile,
    reference: &Profile,
    scaling: &Scaling,
) -> Option<Staircase> {
    let band = vec![0..reference.grid.len; query.grid.len];
    let path = within(&band, &query, reference, scaling)?;
    Some(Staircase { query, path })
}

/// FastDTW (Salvador & Chan 2007) over the whole query: solves at half the rate and refines within `radius` of it.
pub(crate) fn fast_dtw(
    query: Profile,
    reference: &Profile,
    scaling: &Scaling,
    radius: usize,
) -> Option<Staircase> {
    let path = fast_path(&query, reference, scaling, radius)?;
    Some(Staircase { query, path })
}

fn fast_path(
    query: &Profile,
    reference: &Profile,
    scaling: &Scaling,
    radius: usize,
) -> Option<Vec<(usize, usize)>> {
    let (num_query, num_reference) = (query.grid.len, reference.grid.len);
    if num_query.min(num_reference) <= radius + 2 {
        return within(&vec![0..num_reference; num_query], query, reference, scaling);
    }
    let coarse = fast_path(&query.halved(), &reference.halved(), scaling, radius)?;
    let mut band: Vec<Range<usize>> = vec![num_reference..0; num_query];
    for (j, i) in coarse {
        let rows = (2 * j).saturating_sub(radius)..(2 * j + 2 + radius).min(num_query);
        let columns = (2 * i).saturating_sub(radius)..(2 * i + 2 + radius).min(num_reference);
        for row in &mut band[rows] {
            *row = row.start.min(columns.start)..row.end.max(columns.end);
        }
    }
    within(&band, query, reference, scaling)
}

fn within(
    band: &[Range<usize>],
    query: &Profile,
    reference: &Profile,
    scaling: &Scaling,
) -> Option<Vec<(usize, usize)>> {
    let lattice = Lattice {
        band,
        num_columns: reference.grid.len,
        step: &StepPattern::symmetric1(),
        penalty: 0.0,
        ends: OpenEnds::default(),
        skip_charge: 0.0,
        max_cost: f64::INFINITY,
    };
    let distance = FeatureDistance { query, reference, scaling };
    lattice.path(|j, i| distance.between(j, i)).map(|solution| solution.path)
}
