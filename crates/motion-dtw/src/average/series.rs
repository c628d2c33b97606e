//! Several sequences of the same channels, checked, and how much each counts.

use ndarray::Array2;

use crate::dtw::check_weights;
use crate::error::Role;
use crate::{Alignment, Dtw, Error, Motion, Result, Sequence};

#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) motions: Vec<Motion>,
    pub(super) weights: Vec<f64>,
}

impl Series {
    /// Packs `series`; every weight is 1 unless `weights` says otherwise.
    pub(super) fn new<S: Sequence>(series: &[S], weights: Option<&[f64]>) -> Result<Self> {
        let of_series = |idx, source| Error::Series { idx, source: Box::new(source) };
        let motions: Vec<Motion> = series
            .iter()
            .enumerate()
            .map(|(idx, sequence)| packed(sequence).map_err(|source| of_series(idx, source)))
            .collect::<Result<_>>()?;
        let Some(first) = motions.first() else { return Err(Error::NoSeries) };
        let expected = first.num_channels();
        for (idx, motion) in motions.iter().enumerate() {
            if motion.num_channels() != expected {
                let (query, reference) = (motion.num_channels(), expected);
                return Err(of_series(idx, Error::ChannelMismatch { query, reference }));
            }
        }
        let weights = check_series_weights(weights, motions.len())?;
        Ok(Self { motions, weights })
    }

    pub(super) fn total_weight(&self) -> f64 {
        self.weights.iter().sum()
    }

    /// Every series aligned with `mean`, on all cores with the feature `rayon`.
    pub(super) fn aligned(&self, mean: &Motion, dtw: &Dtw) -> Result<Vec<Alignment>> {
        #[cfg(feature = "rayon")]
        use rayon::prelude::*;
        #[cfg(feature = "rayon")]
        let motions = self.motions.par_iter();
        #[cfg(not(feature = "rayon"))]
        let motions = self.motions.iter();
        motions.map(|motion| dtw.align(motion, mean)).collect()
    }

    /// The series with the least weighted sum of costs to all others; the first of equals.
    ///
    /// One DTW per pair: S (S - 1) / 2 of them, on all cores with the feature `rayon`.
    pub(super) fn medoid(&self, dtw: &Dtw) -> Result<usize> {
        let mut distances = dtw.pairwise_distances(&self.motions)?.into_iter();
        let mut sums = vec![0.0; self.motions.len()];
        for one in 0..sums.len() {
            for (other, distance) in (one + 1..sums.len()).zip(distances.by_ref()) {
                sums[one] += self.weights[other] * distance * distance;
                sums[other] += self.weights[one] * distance * distance;
            }
        }
        // A series without weight has no say in the mean, so it does not start it either.
        let usable = (0..sums.len()).filter(|&idx| self.weights[idx] > 0.0);
        Ok(usable.min_by(|&a, &b| sums[a].total_cmp(&sums[b])).unwrap_or(0))
    }
}

/// One weight per series, all 1 for `None`; finite, not negative and not all zero.
pub(super) fn check_series_weights(weights: Option<&[f64]>, num_series: usize) -> Result<Vec<f64>> {
    let Some(weights) = weights else { return Ok(vec![1.0; num_series]) };
    if weights.len() != num_series {
        return Err(Error::SeriesWeightCount { expected: num_series, found: weights.len() });
    }
    check_weights(weights, num_series)?;
    Ok(weights.to_vec())
}

/// The sequence as a motion at one frame per second, NaN where it carries no weight.
pub(super) fn packed<S: Sequence + ?Sized>(sequence: &S) -> Result<Motion> {
    let frames = sequence.to_frames(Role::Query)?;
    let shape = (frames.num_frames(), frames.num_channels);
    let table = |values: Vec<f64>| {
        Array2::from_shape_vec(shape, values).expect("frames are rows of num_channels values")
    };
    let mut values = table(frames.values);
    let Some(weights) = frames.weights.map(table) else { return Motion::new(values, 1.0) };
    values.zip_mut_with(&weights, |value, &weight| {
        if weight <= 0.0 {
            *value = f64::NAN;
        }
    });
    Motion::new(values, 1.0)?.with_confidence(weights)
}
