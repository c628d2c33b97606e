//! What goes in: one number per feature, side and repetition, with its standard deviation.

use serde::{Deserialize, Serialize};

/// A side of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The athlete's left.
    Left,
    /// The athlete's right.
    Right,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Side::Left => "left",
            Side::Right => "right",
        })
    }
}

/// One measured value of a feature.
///
/// A feature that is taken on both sides comes as two rows, `left` and `right`; repetitions (strides, trials)
/// come as several rows of the same feature and side, which the assessor averages. The first left and the first right
/// row belong to the same repetition, and so on.
///
/// ```
/// use kismam::{Measurement, Side};
/// let knee = Measurement::new("knee@bottom", 92.0, 4.0).on(Side::Left).at(136.3, 1.363);
/// assert_eq!(knee.side, Some(Side::Left));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// Id of a feature of the knowledge base, such as `knee@bottom`.
    pub feature: String,
    /// The value, in the feature's unit.
    pub value: f64,
    /// One standard deviation of `value`: pose noise, `(joint speed * alignment sd)` and all else, same unit.
    pub sigma: f64,
    /// The part of `sigma` that comes from the keyframe's time, signed: by how much `value` would change if the
    /// keyframe lay one standard deviation later, same unit. 0 for an extremum, and where it is not known.
    ///
    /// Left and right of a repetition hang on the same keyframe, so this part is common to both: in their difference
    /// it cancels as far as both sides move alike, in their mean it adds up.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub timing: f64,
    /// The side it was taken on; required for features taken on both sides.
    #[serde(default)]
    pub side: Option<Side>,
    /// Frame of the recording, sub-frame positions allowed.
    #[serde(default)]
    pub frame: Option<f64>,
    /// Time in the recording, in seconds.
    #[serde(default)]
    pub time_s: Option<f64>,
}

impl Measurement {
    /// A value with its standard deviation, without side, frame or time.
    #[must_use]
    pub fn new(feature: impl Into<String>, value: f64, sigma: f64) -> Self {
        Self {
            feature: feature.into(),
            value,
            sigma,
            timing: 0.0,
            side: None,
            frame: None,
            time_s: None,
        }
    }

    /// Says which side was measured.
    #[must_use]
    pub fn on(mut self, side: Side) -> Self {
        self.side = Some(side);
        self
    }

    /// Says which part of `sigma` comes from the keyframe's time, see [`Measurement::timing`].
    #[must_use]
    pub fn with_timing(mut self, change: f64) -> Self {
        self.timing = change;
        self
    }

    /// Says where in the recording it was measured: frame, and seconds.
    #[must_use]
    pub fn at(mut self, frame: f64, time_s: f64) -> Self {
        (self.frame, self.time_s) = (Some(frame), Some(time_s));
        self
    }
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}
