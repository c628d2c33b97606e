//! Skeletons over time: files in, signal care, joint angles and other measures out, each with its uncertainty.
//!
//! ```
//! use pose::{Cleaning, Joint, Measure, Side, SkeletonSeries, Unit};
//! use ndarray::{Array2, Array3};
//! // A right leg in space, metres, y up, filmed for 3 frames: the knee bends from straight to a right angle.
//! let joints = vec![Joint::Hip(Side::Right), Joint::Knee(Side::Right), Joint::Ankle(Side::Right)];
//! let mut positions = Array3::zeros((3, 3, 3));
//! for (frame, ankle) in [[0.0, 0.1, 0.01], [-0.28, 0.22, 0.01], [-0.4, 0.5, 0.01]].iter().enumerate() {
//!     for (joint, at) in [&[0.0, 0.9, 0.0], &[0.0, 0.5, 0.01], ankle].iter().enumerate() {
//!         positions.slice_mut(ndarray::s![frame, joint, ..]).assign(&ndarray::aview1(*at));
//!     }
//! }
//! let series = SkeletonSeries::new(joints, positions, Array2::ones((3, 3)), 50.0, Unit::Metre)?;
//! let (series, _report) = Cleaning::new().without_filter().apply(&series)?;
//! let knee = series.measure(Measure::Knee(Side::Right));
//! assert!((knee.values[2] - 90.0).abs() < 0.1 && knee.sigma[2] >= 2.0);
//! # Ok::<(), pose::Error>(())
//! ```
//!
//! # Conventions
//!
//! - **y is up** everywhere inside; readers of pixel files turn y over. Space is right-handed.
//! - A missing sample has a NaN position and confidence 0. What cannot be measured is NaN, never a guess.
//! - Included angles are 180 when straight; inclinations are from vertical, forward positive. See [`Measure`].
//!
//! - [`Measure`] is what an assessment asks for; [`Angle`] is what a gait laboratory reports (0 = straight).
//!
//! # Features
//!
//! - `draw`: skeletons on pictures, stick figures, plots; PNG and GIF.
//! - `kalman`: a Rauch-Tung-Striebel smoother.
//! - `vitpose`: the ViTPose network in burn.
//!
//! # Sources, and where we differ
//!
//! - Filtering: Butterworth run forwards and backwards, and Savitzky & Golay (1964), both equal to SciPy's; One-Euro
//!   (Casiez et al. 2012).
//! - Angles: Sports2D in a picture, the joint coordinate system (Grood & Suntay 1983; ISB) in space.
//! - Ours: the judgement of view and facing, the uncertainty of each measure, and every constant so marked.

mod joint; // names
mod joint_set;
mod series; // what goes in
mod format; // from files, and to them
mod mot;
mod cleaning; // signal care
mod butterworth;
mod savgol;
mod one_euro;
#[cfg(feature = "kalman")]
mod kalman;
mod swaps;
mod calibration;
mod body; // who is seen, from where
mod measure; // what comes out
mod angles;
mod joint_angle;
mod uncertainty;
mod signal;
mod flexion; // what if
#[cfg(feature = "draw")]
pub mod draw;
mod vector;
mod picture; // what is looked at
mod person; // who is in it, and where
#[cfg(feature = "vitpose")]
pub mod vitpose; // the network that finds their joints
mod error;

pub use body::View;
pub use butterworth::Butterworth;
pub use cleaning::{Cleaning, CleaningReport, Fill, JointCare};
pub use error::{Error, Result};
pub use format::{Format, Recording, read, to_csv, write, write_csv};
pub use joint::{Joint, Side};
pub use joint_angle::Angle;
pub use joint_set::JointSet;
#[cfg(feature = "kalman")]
pub use kalman::{KalmanSmoother, Smoothed};
pub use measure::Measure;
pub use mot::MotTable;
pub use one_euro::OneEuro;
pub use person::{Keypoint, PersonBox, PersonDetector, Sighting, Tracker};
pub use picture::Picture;
pub use savgol::SavitzkyGolay;
pub use series::{SkeletonSeries, Unit};
pub use signal::{Signal, SignalUnit};
pub use swaps::{Limbs, Swap};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
