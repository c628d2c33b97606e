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
    pub(crate) frame: Option<f64>,
    pub(crate) time_s: Option<f64>,
    /// Each repetition's value, in the order given.
    pub(crate) repeats: Vec<f64>,
}

impl Mean {
    /// Standard deviation between repetitions; `None` for one repetition.
    pub(crate) fn sd_between(&self) -> Option<f64> {
        let n = self.repeats.len() as f64;
        let sum: f64 = self.repeats.iter().map(|value| (value - self.value).powi(2)).sum();
        (n > 1.5).then(|| (sum / (n - 1.0)).sqrt())
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
    let mut slots: Vec<[Vec<&Measurement>; 3]> = vec![Default::default(); features.len()];
    for (index, measurement) in measurements.iter().enumerate() {
        let Some(&feature_idx) = index_of.get(measurement.feature.as_str()) else {
            return Err(Error::UnknownFeature {
                role,
                index,
                event: event.to_owned(),
                feature: measurement.feature.clone(),
            });
        };
        check_numbers(role, index, measurement)?;
        let bad_side = |message: &str| Error::BadSide {
            role,
            index,
            feature: measurement.feature.clone(),
            message: message.to_owned(),
        };
        let slot = match (features[feature_idx].side, measurement.side) {
            (FeatureSide::Both, Some(Side::Left)) => 0,
            (FeatureSide::Both, Some(Side::Right)) => 1,
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
            _ => 2,
        };
        let repeats = &mut slots[feature_idx][slot];
        if repeats.first().is_some_and(|first| first.side != measurement.side) {
            return Err(bad_side("taken on one side, but its rows name different sides"));
        }
        repeats.push(measurement);
    }
    let observed = |[left, right, single]: &[Vec<&Measurement>; 3]| Observed {
        left: mean(left),
        right: mean(right),
        single: mean(single),
    };
    Ok(slots.iter().map(observed).collect())
}

fn check_numbers(role: &'static str, index: usize, measurement: &Measurement) -> Result<()> {
    let check = |field, value: f64, low: f64, expected| match (low..=LARGEST).contains(&value) {
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
    check("value", measurement.value, -LARGEST, "a number between -1e9 and 1e9")?;
    check("sigma", measurement.sigma, 0.0, "a standard deviation between 0 and 1e9")?;
    check("frame", measurement.frame.unwrap_or(0.0), -LARGEST, "a number between -1e9 and 1e9")?;
    check("time_s", measurement.time_s.unwrap_or(0.0), -LARGEST, "a number between -1e9 and 1e9")
}

/// Mean of the repetitions, its standard deviation `sqrt(sum sigma^2) / n`, and the first repetition's place.
fn mean(repeats: &[&Measurement]) -> Option<Mean> {
    let first = repeats.first()?;
    let n = repeats.len() as f64;
    Some(Mean {
        value: repeats.iter().map(|m| m.value).sum::<f64>() / n,
        sigma: repeats.iter().map(|m| m.sigma * m.sigma).sum::<f64>().sqrt() / n,
        side: first.side,
        frame: first.frame,
        time_s: first.time_s,
        repeats: repeats.iter().map(|m| m.value).collect(),
    })
}
