use crate::butterworth::stretches;
use crate::series::check_fps;
use crate::{Error, Result};

/// Savitzky-Golay filter (1964): a polynomial fitted to each window by least squares, evaluated in its middle.
///
/// Smooths, and differentiates per second, so that recordings of different frame rates agree.
#[derive(Debug, Clone)]
pub struct SavitzkyGolay {
    window: usize,
    poly_order: usize,
}

impl SavitzkyGolay {
    /// A filter over `window` frames with polynomials of degree `poly_order`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] unless `window` is odd, at most 1001 and greater than `poly_order`, which is at most 6.
    pub fn new(window: usize, poly_order: usize) -> Result<Self> {
        if poly_order > 6 {
            let expected = "at most 6".to_owned();
            return Err(Error::Setting {
                name: "polynomial order",
                value: poly_order as f64,
                expected,
            });
        }
        if window.is_multiple_of(2) || window <= poly_order || window > 1001 {
            let expected =
                format!("odd, above the polynomial order {poly_order} and at most 1001 frames");
            return Err(Error::Setting { name: "window", value: window as f64, expected });
        }
        Ok(Self { window, poly_order })
    }

    /// A filter over about `window_s` seconds: the nearest odd number of frames that holds the polynomial.
    ///
    /// # Errors
    ///
    /// As [`SavitzkyGolay::new`]; [`Error::BadFps`].
    pub fn lasting(window_s: f64, fps: f64, poly_order: usize) -> Result<Self> {
        check_fps(fps)?;
        if !(window_s > 0.0 && window_s * fps <= 1001.0) {
            let expected = format!("above 0 and at most {} s", 1001.0 / fps);
            return Err(Error::Setting { name: "window in s", value: window_s, expected });
        }
        let odd = 2 * (window_s * fps / 2.0).floor() as usize + 1;
        let least = poly_order + 1 + poly_order % 2;
        Self::new(odd.max(least), poly_order)
    }

    /// Frames in the window.
    #[must_use]
    pub fn window(&self) -> usize {
        self.window
    }

    /// Smooths; equal to SciPy's `savgol_filter(x, window, poly_order)` (`mode="interp"`: the first and last
    /// half windows come from the polynomial of the first and last window).
    ///
    /// Each stretch of finite values is smoothed by itself; one shorter than the window stays as it is.
    #[must_use]
    pub fn smooth(&self, values: &[f64]) -> Vec<f64> {
        self.apply(values, 0, 1.0, |stretch| stretch.to_vec())
    }

    /// `order`-th derivative, per second to that power; equal to SciPy's with `deriv=order, delta=1/fps`.
    ///
    /// NaN in stretches shorter than the window, where there is no telling.
    #[must_use]
    pub fn derivative(&self, values: &[f64], order: usize, fps: f64) -> Vec<f64> {
        self.apply(values, order, fps, |stretch| vec![f64::NAN; stretch.len()])
    }

    fn apply(
        &self,
        values: &[f64],
        order: usize,
        fps: f64,
        too_short: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Vec<f64> {
        let mut out = values.to_vec();
        // Row p: weights that give the derivative at position p of the window.
        let weights: Vec<Vec<f64>> =
            (0..self.window).map(|p| self.weights(p, order, fps)).collect();
        let half = self.window / 2;
        for stretch in stretches(values) {
            let x = &values[stretch.clone()];
            let Some(last_start) = x.len().checked_sub(self.window) else {
                out[stretch].copy_from_slice(&too_short(x));
                continue;
            };
            for (i, y) in out[stretch].iter_mut().enumerate() {
                let start = i.saturating_sub(half).min(last_start);
                *y = weights[i - start].iter().zip(&x[start..]).map(|(w, x)| w * x).sum();
            }
        }
        out.iter_mut().for_each(|y| {
            if !y.is_finite() {
                *y = f64::NAN
            }
        });
        out
    }

    /// Weights of the fitted polynomial's derivative at window position `p`.
    ///
    /// Uses discrete orthogonal polynomials on the window, built by their three-term recurrence, so that no ill
    /// conditioned system is solved: `w_j = sum_k P_k^(order)(p) P_k(j) / |P_k|^2`.
    fn weights(&self, p: usize, order: usize, fps: f64) -> Vec<f64> {
        let half = (self.window / 2) as f64;
        // Abscissae in -1..=1; a derivative by x is worth (fps / half)^order by time.
        let step = if half > 0.0 { half } else { 1.0 };
        let x: Vec<f64> = (0..self.window).map(|j| (j as f64 - half) / step).collect();
        let to_time = (fps / step).powi(order as i32);
        let mut previous = vec![0.0; self.window];
        let mut current = vec![1.0; self.window];
        // derivatives[d]: d-th derivative of the current (previous) polynomial at x[p].
        let (mut d_previous, mut d_current) = (vec![0.0; order + 1], vec![0.0; order + 1]);
        d_current[0] = 1.0;
        let mut norm_previous = 1.0;
        let mut weights = vec![0.0; self.window];
        for degree in 0..=self.poly_order {
            let norm: f64 = current.iter().map(|c| c * c).sum();
            for (w, c) in weights.iter_mut().zip(&current) {
                *w += to_time * d_current[order] * c / norm;
            }
            // P_{k+1} = x P_k - (|P_k|^2 / |P_{k-1}|^2) P_{k-1}; the window is symmetric, so there is no middle term.
            let beta = if degree == 0 { 0.0 } else { norm / norm_previous };
            let next = (0..self.window).map(|j| x[j] * current[j] - beta * previous[j]).collect();
            let d_next = (0..=order)
                .map(|d| {
                    let lower = if d == 0 { 0.0 } else { d as f64 * d_current[d - 1] };
                    x[p] * d_current[d] + lower - beta * d_previous[d]
                })
                .collect();
            (previous, current) = (current, next);
            (d_previous, d_current) = (d_current, d_next);
            norm_previous = norm;
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parabola_is_kept_and_differentiated_exactly() {
        let (fps, filter) = (50.0, SavitzkyGolay::new(7, 2).unwrap());
        let time: Vec<f64> = (0..20).map(|i| f64::from(i) / fps).collect();
        let x: Vec<f64> = time.iter().map(|t| 3.0 - 2.0 * t + 5.0 * t * t).collect();
        let (smooth, velocity, acceleration) =
            (filter.smooth(&x), filter.derivative(&x, 1, fps), filter.derivative(&x, 2, fps));
        for (i, t) in time.iter().enumerate() {
            assert!((smooth[i] - x[i]).abs() < 1e-12);
            assert!((velocity[i] - (10.0 * t - 2.0)).abs() < 1e-10);
            assert!((acceleration[i] - 10.0).abs() < 1e-8); // differences of 1e-16 times fps^2
        }
    }

    #[test]
    fn windows_in_seconds_are_odd_and_hold_the_polynomial() {
        assert_eq!(SavitzkyGolay::lasting(0.15, 100.0, 2).unwrap().window(), 15);
        assert_eq!(SavitzkyGolay::lasting(0.15, 30.0, 2).unwrap().window(), 5);
        assert_eq!(SavitzkyGolay::lasting(0.01, 30.0, 2).unwrap().window(), 3);
        assert!(SavitzkyGolay::lasting(f64::NAN, 30.0, 2).is_err());
        assert!(SavitzkyGolay::new(4, 2).is_err() && SavitzkyGolay::new(3, 3).is_err());
    }
}
