//! Carries keyframes from the reference to the query.

use super::fine::Warp;

/// Where a reference instant lies in the query, between grid instants if need be.
///
/// The path pairs each reference instant with one or more query instants; their mean is taken, and the line between
/// the means of neighbouring reference instants (ours).
pub(crate) struct TimeMap {
    /// First reference grid index on the path.
    first: usize,
    /// Query grid position of each reference grid index on the path.
    positions: Vec<f64>,
}

impl TimeMap {
    pub(crate) fn of(warp: &Warp) -> Self {
        let first = warp.path[0].1;
        let positions = warp
            .path
            .chunk_by(|a, b| a.1 == b.1)
            .map(|pairs| pairs.iter().map(|pair| pair.0 as f64).sum::<f64>() / pairs.len() as f64)
            .collect();
        Self { first, positions }
    }

    /// Query grid position of reference grid position `at`; beyond the path it continues with slope 1.
    pub(crate) fn query_position(&self, at: f64) -> f64 {
        let at = at - self.first as f64;
        let last = (self.positions.len() - 1) as f64;
        if at <= 0.0 {
            return self.positions[0] + at;
        }
        if at >= last {
            return self.positions[self.positions.len() - 1] + (at - last);
        }
        let (below, share) = (at.floor() as usize, at.fract());
        if share == 0.0 {
            return self.positions[below];
        }
        self.positions[below] * (1.0 - share) + self.positions[below + 1] * share
    }

    /// Query instants per reference instant around `at`, over `reach` instants to each side.
    pub(crate) fn slope(&self, at: f64, reach: f64) -> f64 {
        (self.query_position(at + reach) - self.query_position(at - reach)) / (2.0 * reach)
    }
}
