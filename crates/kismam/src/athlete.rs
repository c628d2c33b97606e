use serde::{Deserialize, Serialize};

use crate::knowledge::Covariate;

/// Sex, where published references differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
}

impl Sex {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Sex::Female => "female",
            Sex::Male => "male",
        }
    }
}

/// What is known of the athlete; references that ask for more do not apply.
///
/// ```
/// use kismam::{Athlete, Sex};
/// let athlete = Athlete { sex: Some(Sex::Female), age: Some(24.0), ..Athlete::default() };
/// assert!(athlete.level.is_none());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Athlete {
    /// Sex.
    pub sex: Option<Sex>,
    /// Level, such as `elite`, `club`, `novice`.
    pub level: Option<String>,
    /// Age in years.
    pub age: Option<f64>,
    /// Number of the step after the start, from 1.
    pub step: Option<f64>,
    /// Phase of the event, such as `acceleration`.
    pub phase: Option<String>,
}

impl Athlete {
    pub(crate) fn covariate(&self, by: Covariate) -> Option<f64> {
        match by {
            Covariate::Age => self.age,
            Covariate::Step => self.step,
        }
    }
}
