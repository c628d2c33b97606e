//! The ramp between two thresholds, and its mean under Gaussian noise in closed form.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The paper's ramp: 0 up to `t_min`, 1 from `t_max`, linear between.
///
/// Tian et al. (2025), KISMAM: a deviation becomes a degree of presence between `T_min` and `T_max`.
#[must_use]
pub fn plain(deviation: f64, t_min: f64, t_max: f64) -> f64 {
    ((deviation - t_min) / (t_max - t_min)).clamp(0.0, 1.0)
}

/// The mean of [`plain`] when the deviation is Gaussian with standard deviation `sigma`.
///
/// With `h(z) = z Phi(z / s) + s phi(z / s)`, the mean of `max(0, Z)` for `Z ~ N(z, s^2)`, the ramp's mean is
/// `[h(d - t_min) - h(d - t_max)] / (t_max - t_min)`. `sigma = 0` gives the plain ramp exactly.
///
/// ```
/// use kismam::ramp;
/// assert_eq!(ramp::expected(12.5, 5.0, 20.0, 0.0), 0.5);
/// assert!((ramp::expected(12.5, 5.0, 20.0, 4.0) - 0.5).abs() < 1e-15); // mid-ramp: noise cancels
/// assert!(ramp::expected(5.0, 5.0, 20.0, 4.0) > 0.1); // at the foot of the ramp it does not
/// ```
#[must_use]
pub fn expected(deviation: f64, t_min: f64, t_max: f64, sigma: f64) -> f64 {
    let width = t_max - t_min;
    // Below this the noise cannot be told from rounding of the thresholds themselves.
    if sigma <= 1e-12 * width {
        return plain(deviation, t_min, t_max);
    }
    // Far outside, the difference of two large numbers would lose digits; 8 sigma out, the limit is exact to 1e-16.
    if deviation - t_max > 8.0 * sigma {
        return 1.0;
    }
    if t_min - deviation > 8.0 * sigma {
        return 0.0;
    }
    ((mean_excess(deviation - t_min, sigma) - mean_excess(deviation - t_max, sigma)) / width)
        .clamp(0.0, 1.0)
}

/// `E[max(0, Z)]` for `Z ~ N(z, sigma^2)`.
fn mean_excess(z: f64, sigma: f64) -> f64 {
    let u = z / sigma;
    z * normal_cdf(u) + sigma * (-0.5 * u * u).exp() / (2.0 * PI).sqrt()
}

fn normal_cdf(u: f64) -> f64 {
    0.5 * libm::erfc(-u * FRAC_1_SQRT_2)
}

/// How far a noisy deviation is believed: `k = tau^2 / (tau^2 + sigma^2)`.
///
/// The posterior of a deviation with prior `N(0, tau^2)` and observation noise `sigma` is
/// `N(k d, k sigma^2)`; `tau` is the spread between athletes. `tau` and `sigma` in the same unit.
#[must_use]
pub fn shrinkage(tau: f64, sigma: f64) -> f64 {
    // Not tau^2 / (tau^2 + sigma^2): that is 0 / 0 for a tiny tau and inf / inf for a huge one.
    1.0 / (1.0 + (sigma / tau).powi(2))
}
