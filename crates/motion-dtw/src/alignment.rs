//! What comes out: a warping path and its cost.

use std::ops::Range;

/// Pairs of matched frames, in time order: `(query_frame, reference_frame)`.
///
/// Neither frame number ever decreases along the path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct WarpingPath {
    pairs: Vec<(usize, usize)>,
}

impl WarpingPath {
    /// Wraps pairs that are already in order.
    pub(crate) fn from_ordered(pairs: Vec<(usize, usize)>) -> Self {
        debug_assert!(
            pairs.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1)
        );
        Self { pairs }
    }

    /// The pairs `(query_frame, reference_frame)`.
    #[must_use]
    pub fn pairs(&self) -> &[(usize, usize)] {
        &self.pairs
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are no pairs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Query frames matched with `reference_frame`; empty if there are none.
    #[must_use]
    pub fn query_frames(&self, reference_frame: usize) -> Range<usize> {
        span(&self.pairs, reference_frame, |pair| pair.1, |pair| pair.0)
    }

    /// Reference frames matched with `query_frame`; empty if there are none.
    #[must_use]
    pub fn reference_frames(&self, query_frame: usize) -> Range<usize> {
        span(&self.pairs, query_frame, |pair| pair.0, |pair| pair.1)
    }
}

/// Values of `value` over the pairs whose `key` equals `wanted`; both never decrease along the path.
fn span(
    pairs: &[(usize, usize)],
    wanted: usize,
    key: impl Fn(&(usize, usize)) -> usize,
    value: impl Fn(&(usize, usize)) -> usize,
) -> Range<usize> {
    let start = pairs.partition_point(|pair| key(pair) < wanted);
    let end = pairs.partition_point(|pair| key(pair) <= wanted);
    if start == end { 0..0 } else { value(&pairs[start])..value(&pairs[end - 1]) + 1 }
}

/// The cheapest way to match two sequences.
#[derive(Debug, Clone, PartialEq)]
pub struct Alignment {
    pub(crate) cost: f64,
    pub(crate) normalized_cost: f64,
    pub(crate) path: WarpingPath,
}

impl Alignment {
    /// Sum of local distances along the path, each times its step's weight, plus penalties.
    ///
    /// With the default squared Euclidean distance its square root is what most libraries call the DTW distance.
    #[must_use]
    pub fn cost(&self) -> f64 {
        self.cost
    }

    /// [`Alignment::cost`] divided by what the step pattern normalises by (see [`StepPattern`](crate::StepPattern)).
    #[must_use]
    pub fn normalized_cost(&self) -> f64 {
        self.normalized_cost
    }

    /// The pairs of matched frames.
    #[must_use]
    pub fn path(&self) -> &WarpingPath {
        &self.path
    }

    /// Query frames matched with `reference_frame`; empty if there are none.
    #[must_use]
    pub fn query_frames(&self, reference_frame: usize) -> Range<usize> {
        self.path.query_frames(reference_frame)
    }

    /// Reference frames matched with `query_frame`; empty if there are none.
    #[must_use]
    pub fn reference_frames(&self, query_frame: usize) -> Range<usize> {
        self.path.reference_frames(query_frame)
    }
}
