//! Measurements sorted by feature and side, repetitions averaged.

use std::collections::HashMap;

use crate::knowledge::{Feature, FeatureSide};
use crate::{Error, Measurement, Result, Side};

/// Larger values than any measure can take; keeps sums and squares finite.
const LARGEST: f64 = 1e9;

/// The average of a feature's repetitions on one side.
#[derive(Debug, Clone)]
pub(crate) struct Mean {
    pub(crate) value: f64,
    pub(crate) sigma: f64,
    pub(crate) side: Option<Side>,
    /// Place of the first repetition.
    pub(crate) frame: Option<f64>,
    pub(crate) time_s: Option<f64>,
    /// Each repetition's value, in the order given; empty while there is one, the usual case.
    pub(crate) repeats: Vec<f64>,
    /// [`Measurement::timing`] of the first repetition, and of each where there are several.
    timing: f64,
    timings: Vec<f64>,
}

impl Mean {
    fn first(measurement: &Measurement) -> Self {
        let &Measurement { value, sigma, timing, side, frame, time_s, .. } = measurement;
        let (repeats, timings) = (Vec::new(), Vec::new());
        Self { value, sigma, side, frame, time_s, repeats, timing, timings }
    }

    /// Adds a repetition: mean value, and `sqrt(sum sigma^2) / n` for its standard deviation.
    fn add(&mut self, measurement: &Measurement) {
        if self.repeats.is_empty() {
            self.repeats.push(self.value);
            self.timings.push(self.timing);
        }
        let n = self.repeats.len() as f64;
        self.repeats.push(measurement.value);
        self.timings.push(measurement.timing);
        self.sigma = (n * self.sigma).hypot(measurement.sigma) / (n + 1.0);
        self.value = self.repeats.iter().sum::<f64>() / (n + 1.0);
    }

    /// Covariance of two sides' means: in each repetition the error of the one keyframe moves both sides.
    ///
    /// `sum_i tl_i tr_i / n^2` over n repetitions, each side's own. 0 if the sides have different numbers of
    /// repetitions: then it is not known which belong together, and taking them as independent overstates the noise
    /// of a difference rather than hiding it.
    pub(crate) fn shared_timing(&self, other: &Mean) -> f64 {
        let (own, others) = (self.timings(), other.timings());
        if own.len() != others.len() {
            return 0.0;
        }
        let sum: f64 = own.iter().zip(others).map(|(own, other)| own * other).sum();
        sum / (own.len() as f64).powi(2)
    }

    fn timings(&self) -> &[f64] {
        if self.timings.is_empty() { std::slice::from_ref(&self.timing) } else { &self.timings }
    }
}

/// What was measured of one feature.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observed {
    /// For features taken on both sides.
    pub(crate) left: Option<Mean>,
    /// For features taken on both sides.
    pub(crate) right: Option<Mean>,
    /// For all others.
    pub(crate) single: Option<Mean>,
}

/// Sorts `measurements` into one [`Observed`] per feature of `features`.
pub(crate) fn sort(
    role: &'static str,
    event: &str,
    features: &[&Feature],
    index_of: &HashMap<&str, usize>,
    measurements: &[Measurement],
) -> Result<Vec<Observed>> {
    let mut observed = vec![Observed::default(); features.len()];
    let mut last = 0;
    for (index, measurement) in measurements.iter().enumerate() {
        // Measurements mostly come in the order of the features, so the next one is tried before the index.
        let is =
            |at: &usize| features.get(*at).is_some_and(|feature| feature.id == measurement.feature);
        let found = [last, last + 1]
            .into_iter()
            .find(is)
            .or_else(|| index_of.get(measurement.feature.as_str()).copied());
        let Some(feature_idx) = found else {
            let (event, feature) = (event.to_owned(), measurement.feature.clone());
            return Err(Error::UnknownFeature { role, index, event, feature });
        };
        last = feature_idx;
        check_numbers(role, index, measurement)?;
        let bad_side = |message: &str| Error::BadSide {
            role,
            index,
            feature: measurement.feature.clone(),
            message: message.to_owned(),
        };
        let Observed { left, right, single } = &mut observed[feature_idx];
        let slot = match (features[feature_idx].side, measurement.side) {
            (FeatureSide::Both, Some(Side::Left)) => left,
            (FeatureSide::Both, Some(Side::Right)) => right,
            (FeatureSide::Both, None) => {
                return Err(bad_side(
                    "taken on both sides, so `side` must be \"left\" or \"right\"",
                ));
            }
            (FeatureSide::Left, Some(Side::Right)) => {
                return Err(bad_side("taken on the left, but `side` is \"right\""));
            }
            (FeatureSide::Right, Some(Side::Left)) => {
                return Err(bad_side("taken on the right, but `side` is \"left\""));
            }
            _ => single,
        };
        match slot {
            None => *slot = Some(Mean::first(measurement)),
            Some(mean) if mean.side != measurement.side => {
                return Err(bad_side("taken on one side, but its rows name different sides"));
            }
            Some(mean) => mean.add(measurement),
        }
    }
    Ok(observed)
}

fn check_numbers(role: &'static str, index: usize, measurement: &Measurement) -> Result<()> {
    let check =
        |field, value: f64, [low, high]: [f64; 2], expected| match (low..=high).contains(&value) {
            true => Ok(()),
            false => Err(Error::BadNumber {
                role,
                index,
                feature: measurement.feature.clone(),
                field,
                value,
                expected,
            }),
        };
    let any = [-LARGEST, LARGEST];
    let &Measurement { value, sigma, timing, frame, time_s, .. } = measurement;
    check("value", value, any, "a number between -1e9 and 1e9")?;
    check("sigma", sigma, [0.0, LARGEST], "a standard deviation between 0 and 1e9")?;
    // A part is not larger than the whole; a last digit lost in printing does not matter.
    let whole = sigma * (1.0 + 1e-6);
    check("timing", timing, [-whole, whole], "a change of the value no larger than its sigma")?;
    check("frame", frame.unwrap_or(0.0), any, "a number between -1e9 and 1e9")?;
    check("time_s", time_s.unwrap_or(0.0), any, "a number between -1e9 and 1e9")
}
