//! Soft-DTW: a smooth DTW with gradients.

use ndarray::{Array2, ArrayViewMut2};

use crate::dtw::check_weights;
use crate::error::Role;
use crate::{Error, Frames, Result, Sequence};

/// Largest table that a gradient keeps unless told otherwise: 1 GiB (ours).
const MAX_BYTES: usize = 1 << 30;

/// DTW with a soft minimum, differentiable in both sequences (Cuturi & Blondel 2017).
///
/// `R[i, j] = d(i, j) + softmin(R[i-1, j-1], R[i-1, j], R[i, j-1])`, where `d` is the squared Euclidean distance and
/// `softmin(a...) = -gamma ln(sum exp(-a / gamma))`. For gamma -> 0 the value becomes the squared DTW distance; it is
/// always below it, and may be negative. The least term is taken out before the exponentials, so nothing overflows
/// however small gamma or large the distances.
///
/// Missing values of a [`Motion`](crate::Motion) weigh as in [`Dtw`](crate::Dtw); their gradient is 0.
///
/// ```
/// use motion_dtw::SoftDtw;
/// let soft = SoftDtw::new(0.1)?;
/// let found = soft.value_and_gradient(&[0.0, 1.0, 2.0], &[0.0, 3.0])?;
/// assert_eq!(found.value, soft.value(&[0.0, 1.0, 2.0], &[0.0, 3.0])?);
/// assert!((found.query[[2, 0]] - 2.0 * (2.0 - 3.0)).abs() < 1e-9); // the last frames are always matched
/// # Ok::<(), motion_dtw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SoftDtw {
    gamma: f64,
    channel_weights: Option<Vec<f64>>,
    max_bytes: usize,
}

/// Value and derivatives of [`SoftDtw`].
#[derive(Debug, Clone, PartialEq)]
pub struct SoftGradient {
    /// The soft-DTW value or divergence.
    pub value: f64,
    /// Derivative by each value of the query, `[frames, channels]`.
    pub query: Array2<f64>,
    /// Derivative by each value of the reference, `[frames, channels]`.
    pub reference: Array2<f64>,
}

impl SoftDtw {
    /// Soft-DTW that smooths over costs of about `gamma`, in squared units of the data.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] unless `gamma` is positive and finite.
    pub fn new(gamma: f64) -> Result<Self> {
        if !(gamma.is_finite() && gamma > 0.0) {
            return Err(Error::InvalidSetting {
                name: "gamma",
                value: gamma,
                expected: "it must be positive and finite; Dtw is the limit for 0",
            });
        }
        Ok(Self { gamma, channel_weights: None, max_bytes: MAX_BYTES })
    }

    /// One weight per channel; all 1 by default.
    #[must_use]
    pub fn with_channel_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.channel_weights = Some(weights.into());
        self
    }

    /// Largest table that a gradient may keep, 8 bytes per cell; 1 GiB by default.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The soft-DTW value; O(N M) time, O(M) memory.
    ///
    /// # Errors
    ///
    /// What is wrong with an input, as [`Dtw::align`](crate::Dtw::align).
    pub fn value<Q, R>(&self, query: &Q, reference: &R) -> Result<f64>
    where
        Q: Sequence + ?Sized,
        R: Sequence + ?Sized,
    {
        let problem = self.problem(query.to_frames(Role::Query)?, reference)?;
        let mut value = 0.0;
        problem.accumulate(|_, total| value = total);
        Ok(value)
    }

    /// Value and gradient; O(N M) time, 8 bytes per cell.
    ///
    /// # Errors
    ///
    /// As [`SoftDtw::value`]; [`Error::TooLarge`] if the table exceeds its limit.
    pub fn value_and_gradient<Q, R>(&self, query: &Q, reference: &R) -> Result<SoftGradient>
    where
        Q: Sequence + ?Sized,
        R: Sequence + ?Sized,
    {
        let problem = self.problem(query.to_frames(Role::Query)?, reference)?;
        let (value, entered) = problem.table(self.max_bytes)?;
        let mut found = SoftGradient {
            value,
            query: Array2::zeros((problem.query.num_frames(), problem.query.num_channels)),
            reference: Array2::zeros((problem.reference.num_frames(), problem.query.num_channels)),
        };
        problem.backward(&entered, |i, j, share| {
            problem.add_derivative(i, j, share, found.query.view_mut(), found.reference.view_mut());
        });
        Ok(found)
    }

    /// How likely each pair of frames is matched, `[query frames, reference frames]`: 0 to 1, the derivative by `d`.
    ///
    /// Mean of all warping paths, each with probability proportional to `exp(-cost / gamma)`; 16 bytes per cell.
    ///
    /// # Errors
    ///
    /// As [`SoftDtw::value_and_gradient`].
    pub fn expected_alignment<Q, R>(&self, query: &Q, reference: &R) -> Result<Array2<f64>>
    where
        Q: Sequence + ?Sized,
        R: Sequence + ?Sized,
    {
        let problem = self.problem(query.to_frames(Role::Query)?, reference)?;
        let (_, entered) = problem.table(self.max_bytes)?;
        let shape = (problem.query.num_frames(), problem.reference.num_frames());
        let mut expected = Array2::zeros(shape);
        problem.backward(&entered, |i, j, share| expected[[i, j]] = share);
        Ok(expected)
    }

    /// Soft-DTW divergence, `S(q, r) - S(q, q) / 2 - S(r, r) / 2` (Blondel, Mensch & Vert 2021).
    ///
    /// Unlike the value it is 0 for equal sequences and not negative, so that it can serve as a loss.
    ///
    /// # Errors
    ///
    /// As [`SoftDtw::value`].
    pub fn divergence<Q, R>(&self, query: &Q, reference: &R) -> Result<f64>
    where
        Q: Sequence + ?Sized,
        R: Sequence + ?Sized,
    {
        let (own, other) = (self.value(query, query)?, self.value(reference, reference)?);
        Ok(self.value(query, reference)? - 0.5 * (own + other))
    }

    /// Divergence and its gradient.
    ///
    /// # Errors
    ///
    /// As [`SoftDtw::value_and_gradient`].
    pub fn divergence_and_gradient<Q, R>(&self, query: &Q, reference: &R) -> Result<SoftGradient>
    where
        Q: Sequence + ?Sized,
        R: Sequence + ?Sized,
    {
        let mut found = self.value_and_gradient(query, reference)?;
        let own = self.value_and_gradient(query, query)?;
        let other = self.value_and_gradient(reference, reference)?;
        found.value -= 0.5 * (own.value + other.value);
        found.query.scaled_add(-0.5, &(own.query + own.reference)); // it stands on both sides
        found.reference.scaled_add(-0.5, &(other.query + other.reference));
        Ok(found)
    }

    fn problem<R: Sequence + ?Sized>(&self, query: Frames, reference: &R) -> Result<Problem<'_>> {
        let reference = reference.to_frames(Role::Reference)?;
        let num_channels = query.num_channels;
        if reference.num_channels != num_channels {
            let (query, reference) = (num_channels, reference.num_channels);
            return Err(Error::ChannelMismatch { query, reference });
        }
        if let Some(weights) = &self.channel_weights {
            check_weights(weights, num_channels)?;
        }
        Ok(Problem {
            query,
            reference,
            channel_weights: self.channel_weights.as_deref(),
            gamma: self.gamma,
        })
    }
}

/// Two checked sequences and what to compare them by.
struct Problem<'a> {
    query: Frames,
    reference: Frames,
    channel_weights: Option<&'a [f64]>,
    gamma: f64,
}

impl Problem<'_> {
    /// `d(i, j)`, over measured channels scaled up to all; 0 for a pair without common channel.
    fn distance(&self, i: usize, j: usize) -> f64 {
        let (q, r) = (self.query.frame(i), self.reference.frame(j));
        if self.is_plain() {
            return q.iter().zip(r).map(|(q, r)| (q - r) * (q - r)).sum();
        }
        let squares = q.iter().zip(r).enumerate();
        let sum: f64 = squares.map(|(k, (q, r))| self.weight(i, j, k) * (q - r) * (q - r)).sum();
        sum * self.completion(i, j)
    }

    /// Whether all weights are 1.
    fn is_plain(&self) -> bool {
        self.channel_weights.is_none()
            && self.query.weights.is_none()
            && self.reference.weights.is_none()
    }

    fn channel_weight(&self, channel: usize) -> f64 {
        self.channel_weights.map_or(1.0, |weights| weights[channel])
    }

    fn weight(&self, i: usize, j: usize, channel: usize) -> f64 {
        self.channel_weight(channel)
            * self.query.frame_weights(i).map_or(1.0, |weights| weights[channel])
            * self.reference.frame_weights(j).map_or(1.0, |weights| weights[channel])
    }

    /// All weight there is, relative to the weight measured.
    fn completion(&self, i: usize, j: usize) -> f64 {
        let channels = 0..self.query.num_channels;
        let measured: f64 = channels.clone().map(|channel| self.weight(i, j, channel)).sum();
        if measured <= 0.0 {
            return 0.0;
        }
        channels.map(|channel| self.channel_weight(channel)).sum::<f64>() / measured
    }

    /// Hands `take` the soft minimum that each cell starts from and its `R`, row by row.
    fn accumulate(&self, mut take: impl FnMut(f64, f64)) {
        let mut row = vec![f64::INFINITY; self.reference.num_frames()]; // of the query frame before
        for i in 0..self.query.num_frames() {
            let mut diagonal = if i == 0 { 0.0 } else { f64::INFINITY };
            let mut beside = f64::INFINITY;
            for (j, total) in row.iter_mut().enumerate() {
                let above = *total;
                let entered = soft_min(diagonal, above, beside, self.gamma);
                *total = entered + self.distance(i, j);
                take(entered, *total);
                (diagonal, beside) = (above, *total);
            }
        }
    }

    /// The value, and the soft minimum that each cell starts from, row by row.
    fn table(&self, max_bytes: usize) -> Result<(f64, Vec<f64>)> {
        let (query, reference) = (self.query.num_frames(), self.reference.num_frames());
        let bytes = query.saturating_mul(reference).saturating_mul(size_of::<f64>());
        if bytes > max_bytes {
            return Err(Error::TooLarge { query, reference, bytes, limit: max_bytes });
        }
        let mut minima = Vec::with_capacity(query * reference);
        let mut value = 0.0;
        self.accumulate(|entered, total| {
            minima.push(entered);
            value = total;
        });
        Ok((value, minima))
    }

    /// Hands `take` the derivative of the value by every `d(i, j)`, from the last cell to the first.
    ///
    /// Cuturi & Blondel 2017, algorithm 2: `exp((entered[s] - R[i, j]) / gamma)` is the share of cell `s` that came
    /// from `(i, j)`. Ours: the soft minima are kept, not `R[s] - d[s]`, whose rounding could lift the exponent above
    /// 0 and overflow; `R = entered + d` comes out bit for bit.
    fn backward(&self, entered: &[f64], mut take: impl FnMut(usize, usize, f64)) {
        let num_columns = self.reference.num_frames();
        let num_rows = self.query.num_frames();
        // Per column of the row below: share, and soft minimum that it started from.
        let mut below = vec![(0.0, 0.0); num_columns];
        for i in (0..num_rows).rev() {
            let mut beside = (0.0, 0.0);
            let mut diagonal = (0.0, 0.0);
            for j in (0..num_columns).rev() {
                let start = entered[i * num_columns + j];
                let total = start + self.distance(i, j);
                let from = |(share, entered): (f64, f64)| {
                    if share == 0.0 { 0.0 } else { share * ((entered - total) / self.gamma).exp() }
                };
                let last = i + 1 == num_rows && j + 1 == num_columns;
                let share = if last { 1.0 } else { from(below[j]) + from(diagonal) + from(beside) };
                take(i, j, share);
                diagonal = below[j];
                beside = (share, start);
                below[j] = beside;
            }
        }
    }

    /// Adds `share` times the derivative of `d(i, j)` by both frames.
    fn add_derivative(
        &self,
        i: usize,
        j: usize,
        share: f64,
        mut by_query: ArrayViewMut2<'_, f64>,
        mut by_reference: ArrayViewMut2<'_, f64>,
    ) {
        if share == 0.0 {
            return;
        }
        let plain = self.is_plain();
        let scale = if plain { 2.0 * share } else { 2.0 * share * self.completion(i, j) };
        let pairs = self.query.frame(i).iter().zip(self.reference.frame(j));
        for (k, (q, r)) in pairs.enumerate() {
            let weight = if plain { 1.0 } else { self.weight(i, j, k) };
            let derivative = scale * weight * (q - r);
            by_query[[i, k]] += derivative;
            by_reference[[j, k]] -= derivative;
        }
    }
}

/// `-gamma ln(exp(-a / gamma) + exp(-b / gamma) + exp(-c / gamma))`; terms may be infinite.
fn soft_min(a: f64, b: f64, c: f64, gamma: f64) -> f64 {
    let least = a.min(b).min(c);
    if least == f64::INFINITY {
        return least;
    }
    let sum: f64 = [a, b, c].into_iter().map(|x| ((least - x) / gamma).exp()).sum();
    least - gamma * sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_minimum_by_hand_and_at_its_limits() {
        assert_eq!(soft_min(1.0, f64::INFINITY, f64::INFINITY, 0.5), 1.0);
        assert!((soft_min(2.0, 2.0, 2.0, 1.0) - (2.0 - 3.0_f64.ln())).abs() < 1e-15);
        assert_eq!(soft_min(3.0, 1e300, 2.0, 1e-9), 2.0);
        assert_eq!(soft_min(-1e300, 1e300, 0.0, 1e-300), -1e300);
        assert_eq!(soft_min(f64::INFINITY, f64::INFINITY, f64::INFINITY, 1.0), f64::INFINITY);
    }
}
