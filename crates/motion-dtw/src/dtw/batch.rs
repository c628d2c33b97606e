//! Distances of many pairs at once, on all cores with the feature `rayon`.

use ndarray::Array2;

use super::Dtw;
use super::frames::{Frames, Sequence};
use crate::error::Role;
use crate::{Error, Result};

impl Dtw {
    /// [`Dtw::distance`] of every query to every reference, `[queries, references]`.
    ///
    /// Infinite where no path fits or every path costs more than the limit of [`Dtw::with_max_cost`]. The feature
    /// `rayon` shares the pairs among the threads of the current pool; the values are the same without.
    ///
    /// ```
    /// use motion_dtw::Dtw;
    /// let (queries, references) = ([[0.0, 1.0, 2.0], [0.0, 1.0, 4.0]], [[0.0, 1.0, 1.0]]);
    /// assert_eq!(Dtw::new().distances(&queries, &references)?, ndarray::array![[1.0], [3.0]]);
    /// # Ok::<(), motion_dtw::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Dtw::distance`], except for [`Error::NoPath`].
    pub fn distances<Q, R>(&self, queries: &[Q], references: &[R]) -> Result<Array2<f64>>
    where
        Q: Sequence,
        R: Sequence,
    {
        let (queries, references) =
            (packed(queries, Role::Query)?, packed(references, Role::Reference)?);
        let width = references.len();
        let values = each(queries.len() * width, |idx| {
            self.distance_or_infinity(&queries[idx / width], &references[idx % width])
        })?;
        Ok(Array2::from_shape_fn((queries.len(), width), |(i, j)| values[i * width + j]))
    }

    /// [`Dtw::distance`] of every sequence to every later one: (0, 1), (0, 2), ... (1, 2), ..., as SciPy's `pdist`.
    ///
    /// See [`Dtw::distances`].
    ///
    /// # Errors
    ///
    /// As [`Dtw::distances`].
    pub fn pairwise_distances<S: Sequence>(&self, sequences: &[S]) -> Result<Vec<f64>> {
        let sequences = packed(sequences, Role::Query)?;
        let pairs: Vec<(usize, usize)> = (0..sequences.len())
            .flat_map(|one| (one + 1..sequences.len()).map(move |other| (one, other)))
            .collect();
        each(pairs.len(), |idx| {
            let (one, other) = pairs[idx];
            self.distance_or_infinity(&sequences[one], &sequences[other])
        })
    }

    fn distance_or_infinity(&self, query: &Frames, reference: &Frames) -> Result<f64> {
        self.check_channels(query, reference)?;
        match self.cost_of(query, reference) {
            Ok(cost) => Ok(self.rooted(cost)),
            Err(Error::NoPath { .. }) => Ok(f64::INFINITY),
            Err(error) => Err(error),
        }
    }
}

fn packed<S: Sequence>(sequences: &[S], role: Role) -> Result<Vec<Frames>> {
    sequences.iter().map(|sequence| sequence.to_frames(role)).collect()
}

#[cfg(feature = "rayon")]
fn each(len: usize, value: impl Fn(usize) -> Result<f64> + Sync + Send) -> Result<Vec<f64>> {
    use rayon::prelude::*;
    (0..len).into_par_iter().map(value).collect()
}

#[cfg(not(feature = "rayon"))]
fn each(len: usize, value: impl Fn(usize) -> Result<f64>) -> Result<Vec<f64>> {
    (0..len).map(value).collect()
}
