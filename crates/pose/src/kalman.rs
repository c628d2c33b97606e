use adskalman::{
    KalmanFilterNoControl, ObservationModel, StateAndCovariance, TransitionModelLinearNoControl,
};
use nalgebra::{Matrix1, Matrix1x2, Matrix2, Matrix2x1, U1, U2, Vector1, Vector2};

use crate::series::check_fps;
use crate::{Error, Result};

/// Kalman smoother of a track: the most probable path of a point whose velocity wanders, forwards and backwards in time
/// (Rauch, Tung & Striebel 1965), computed by `adskalman`. Behind the feature `kalman`.
///
/// Unlike a low-pass it weighs samples by their uncertainty, crosses gaps, and says how sure it is of every frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KalmanSmoother {
    fps: f64,
    observation_sd: f64,
    agility: f64,
}

/// A track and one standard deviation a frame; both NaN before the first and after the last sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Smoothed {
    /// Smoothed values.
    pub values: Vec<f64>,
    /// One standard deviation of each.
    pub sigma: Vec<f64>,
}

impl KalmanSmoother {
    /// A smoother for samples with a standard deviation of `observation_sd`, in the signal's unit.
    ///
    /// `agility` is how much the velocity wanders in a second, in units a second: its variance grows by `agility²` every
    /// second (white noise of acceleration with that density). Larger follows closer and smooths less.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] unless both are positive; [`Error::BadFps`].
    pub fn new(fps: f64, observation_sd: f64, agility: f64) -> Result<Self> {
        check_fps(fps)?;
        for (name, value) in [("observation sd", observation_sd), ("agility", agility)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::Setting { name, value, expected: "above 0".to_owned() });
            }
        }
        Ok(Self { fps, observation_sd, agility })
    }

    /// Smooths a track; a sample that is not finite is missing. O(samples).
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the two settings are so far apart that the covariances lose their meaning in double
    /// precision.
    pub fn smooth(&self, values: &[f64]) -> Result<Smoothed> {
        let unseen = vec![f64::NAN; values.len()];
        let mut smoothed = Smoothed { values: unseen.clone(), sigma: unseen };
        let seen = |value: &f64| value.is_finite();
        let (Some(first), Some(last)) =
            (values.iter().position(seen), values.iter().rposition(seen))
        else {
            return Ok(smoothed);
        };
        // In standard deviations of a sample and in frames, so that the numbers are near 1 whatever the units are.
        let origin = values[first];
        let samples: Vec<Vector1<f64>> = values[first..=last]
            .iter()
            .map(|v| {
                Vector1::new(if v.is_finite() {
                    (v - origin) / self.observation_sd
                } else {
                    f64::NAN
                })
            })
            .collect();
        let density = (self.agility / self.observation_sd).powi(2) / self.fps.powi(3);
        let (motion, sight) = (Motion::new(density), Sight::new());
        // Before the first sample the point may be anywhere near it, at any velocity it can reach in a second.
        let start = Matrix2::new(1.0, 0.0, 0.0, density * self.fps + 1.0);
        let filter = KalmanFilterNoControl::new(&motion, &sight);
        let states = filter
            .smooth(&StateAndCovariance::new(Vector2::zeros(), start), &samples)
            .map_err(|_| Error::Setting {
                name: "agility",
                value: self.agility,
                expected: format!("nearer to the observation sd, {}", self.observation_sd),
            })?;
        for (i, state) in states.iter().enumerate() {
            smoothed.values[first + i] = origin + self.observation_sd * state.state()[0];
            smoothed.sigma[first + i] = self.observation_sd * state.covariance()[(0, 0)].sqrt();
        }
        Ok(smoothed)
    }
}

/// Position and velocity from one frame to the next.
struct Motion {
    step: Matrix2<f64>,
    step_transposed: Matrix2<f64>,
    noise: Matrix2<f64>,
}

impl Motion {
    fn new(density: f64) -> Self {
        let step = Matrix2::new(1.0, 1.0, 0.0, 1.0);
        let noise = density * Matrix2::new(1.0 / 3.0, 0.5, 0.5, 1.0);
        Self { step, step_transposed: step.transpose(), noise }
    }
}

impl TransitionModelLinearNoControl<f64, U2> for Motion {
    fn F(&self) -> &Matrix2<f64> {
        &self.step
    }

    fn FT(&self) -> &Matrix2<f64> {
        &self.step_transposed
    }

    fn Q(&self) -> &Matrix2<f64> {
        &self.noise
    }
}

/// The position is what is seen, with a variance of 1.
struct Sight {
    position: Matrix1x2<f64>,
    position_transposed: Matrix2x1<f64>,
    variance: Matrix1<f64>,
}

impl Sight {
    fn new() -> Self {
        let position = Matrix1x2::new(1.0, 0.0);
        let position_transposed = position.transpose();
        Self { position, position_transposed, variance: Matrix1::new(1.0) }
    }
}

impl ObservationModel<f64, U2, U1> for Sight {
    fn H(&self) -> &Matrix1x2<f64> {
        &self.position
    }

    fn HT(&self) -> &Matrix2x1<f64> {
        &self.position_transposed
    }

    fn R(&self) -> &Matrix1<f64> {
        &self.variance
    }
}
