//! A made-up standing long jump, so that the first run needs nobody's recording.
//!
//! A kinematic model, not a measurement: segment angles follow a smooth curve through key postures;
//! the feet hold the ground before take-off and after landing; in between, the body's centre of mass
//! flies freely under gravity from a take-off velocity that is a setting, not a result of the push. Joint positions get
//! white sensor noise from a seeded generator, so that equal settings give equal files.
//!
//! Body proportions are Drillis & Contini's, masses Dempster's (both as tabulated by Winter); the key
//! postures and the faults of the weaker athlete are ours, set within the ranges that the shipped
//! knowledge cites. The keyframes are read off the noise-free model by the same rules that label the
//! real recordings: extrema of the pelvis height, first and last contact of the feet.
//!
//! ```
//! use sportsgpt::simulation::StandingLongJump;
//! let recording = StandingLongJump::elite().record()?;
//! assert_eq!(recording.series.fps(), 100.0);
//! assert_eq!(recording.keyframes[0].0, "crouch");
//! # Ok::<(), pose::Error>(())
//! ```

mod body;
mod posture;
mod curve;
mod jump;
mod record;

pub use record::{Fault, StandingLongJump};
