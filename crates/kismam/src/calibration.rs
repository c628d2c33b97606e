//! Calibrating an issue's probability with labelled cases.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A logistic map from an issue's probability to the share of labelled cases that really had it.
///
/// `P' = 1 / (1 + exp(-(intercept + slope * logit(P))))` (Platt 1999, on the logit).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Log-odds at `P = 0.5`.
    pub intercept: f64,
    /// Slope on the logit of `P`.
    pub slope: f64,
}

/// Probabilities are kept this far from 0 and 1 before taking logits.
const EDGE: f64 = 1e-6;

fn logit(p: f64) -> f64 {
    let p = p.clamp(EDGE, 1.0 - EDGE);
    (p / (1.0 - p)).ln()
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Calibration {
    /// The map that changes nothing.
    pub const IDENTITY: Self = Self { intercept: 0.0, slope: 1.0 };

    /// The calibrated probability.
    #[must_use]
    pub fn apply(&self, probability: f64) -> f64 {
        logistic(self.intercept + self.slope * logit(probability))
    }

    /// Fits the map to `(probability, issue was there)` by maximum likelihood with a Gaussian prior.
    ///
    /// The prior, `N(0, 1 / ridge)` on the intercept and on `slope - 1`, keeps separable cases finite and few cases
    /// near the identity; `ridge` 0 gives plain logistic regression. Newton's method, O(cases) per step.
    ///
    /// # Errors
    ///
    /// [`Error::Calibration`] if there are no cases, a probability is not in 0..=1, `ridge` is negative or not finite,
    /// or the fit does not converge (cases that a threshold separates perfectly, with `ridge` 0).
    pub fn fit(cases: &[(f64, bool)], ridge: f64) -> Result<Self> {
        let fail = |message: String| Err(Error::Calibration(message));
        if cases.is_empty() {
            return fail("no labelled cases".to_owned());
        }
        if let Some((p, _)) = cases.iter().find(|(p, _)| !(0.0..=1.0).contains(p)) {
            return fail(format!("probability {p} is not between 0 and 1"));
        }
        if !(0.0..f64::INFINITY).contains(&ridge) {
            return fail(format!("ridge {ridge} is not a finite number from 0"));
        }
        let mut fit = Self::IDENTITY;
        for _ in 0..100 {
            // Gradient and Hessian of the penalised negative log-likelihood.
            let (mut g0, mut g1) = (ridge * fit.intercept, ridge * (fit.slope - 1.0));
            let (mut h00, mut h01, mut h11) = (ridge, 0.0, ridge);
            for &(p, label) in cases {
                let x = logit(p);
                let q = logistic(fit.intercept + fit.slope * x);
                let (error, weight) = (q - f64::from(u8::from(label)), q * (1.0 - q));
                (g0, g1) = (g0 + error, g1 + error * x);
                (h00, h01, h11) = (h00 + weight, h01 + weight * x, h11 + weight * x * x);
            }
            let determinant = h00 * h11 - h01 * h01;
            if determinant.is_nan() || determinant <= 1e-12 * (h00 * h11).max(1e-12) {
                return fail(
                    "the cases do not determine a slope; add cases or use a ridge".to_owned(),
                );
            }
            let (step0, step1) =
                ((h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant);
            // A long Newton step overshoots where the likelihood is flat.
            let scale = (5.0 / step0.hypot(step1)).min(1.0);
            fit.intercept -= scale * step0;
            fit.slope -= scale * step1;
            if step0.abs().max(step1.abs())
                < 1e-12 * (1.0 + fit.intercept.abs().max(fit.slope.abs()))
            {
                return Ok(fit);
            }
        }
        fail("the fit did not converge; use a ridge".to_owned())
    }
}
