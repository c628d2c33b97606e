use std::f64::consts::PI;

use crate::series::check_fps;
use crate::{Error, Result};

/// One-Euro filter (Casiez, Roussel & Vogel 2012): a low-pass for live use, whose cut-off rises with speed.
///
/// Slow movement is smoothed more, fast movement lags less. It looks only at the past, so unlike
/// [`Butterworth::filtfilt`](crate::Butterworth::filtfilt) it delays; use it where samples come one by one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneEuro {
    fps: f64,
    min_cutoff_hz: f64,
    beta: f64,
    derivative_cutoff_hz: f64,
    /// Last filtered value and derivative.
    last: Option<(f64, f64)>,
}

impl OneEuro {
    /// A filter whose cut-off is `min_cutoff_hz + beta * speed`, the speed in the signal's units a second.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] unless `min_cutoff_hz` is positive and `beta` is 0 or more; [`Error::BadFps`].
    pub fn new(fps: f64, min_cutoff_hz: f64, beta: f64) -> Result<Self> {
        check_fps(fps)?;
        let setting = |name, value, expected: &str| {
            Err(Error::Setting { name, value, expected: expected.to_owned() })
        };
        if !(min_cutoff_hz > 0.0 && min_cutoff_hz.is_finite()) {
            return setting("least cut-off in Hz", min_cutoff_hz, "above 0");
        }
        if !(beta >= 0.0 && beta.is_finite()) {
            return setting("beta", beta, "0 or more");
        }
        Ok(Self { fps, min_cutoff_hz, beta, derivative_cutoff_hz: 1.0, last: None })
    }

    /// Takes the next sample and gives the filtered one; NaN for a sample that is not finite, after which the filter
    /// goes on from where it was.
    pub fn next(&mut self, value: f64) -> f64 {
        if !value.is_finite() {
            return f64::NAN;
        }
        let Some((last, last_derivative)) = self.last else {
            self.last = Some((value, 0.0));
            return value;
        };
        let derivative =
            self.low_pass((value - last) * self.fps, last_derivative, self.derivative_cutoff_hz);
        let cutoff_hz = self.min_cutoff_hz + self.beta * derivative.abs();
        let filtered = self.low_pass(value, last, cutoff_hz);
        self.last = Some((filtered, derivative));
        filtered
    }

    /// Filters a whole track from a fresh start.
    #[must_use]
    pub fn smooth(&self, values: &[f64]) -> Vec<f64> {
        let mut filter = Self { last: None, ..*self };
        values.iter().map(|value| filter.next(*value)).collect()
    }

    fn low_pass(&self, value: f64, last: f64, cutoff_hz: f64) -> f64 {
        let tau_s = 1.0 / (2.0 * PI * cutoff_hz);
        let alpha = 1.0 / (1.0 + tau_s * self.fps);
        alpha * value + (1.0 - alpha) * last
    }
}
