//! Where a person is in a picture, and where their keypoints are.

mod person_box;
mod tracker;

pub use person_box::PersonBox;
pub use tracker::{Sighting, Tracker};

use crate::{Picture, Result};

/// A point of a person's body in a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Keypoint {
    /// x to the right and y **down** from the centre of the first pixel, in pixels; `None` where nothing was found.
    pub position: Option<[f64; 2]>,
    /// How sure the network is: about 0 to 1, but nothing bounds it.
    pub score: f64,
}

/// Finds people in a picture.
///
/// ViTPose looks for one body in a box that it is given. What gives the boxes is up to the program: a file of them, a
/// detection network behind this trait, or [`Tracker`], which follows one athlete without any.
pub trait PersonDetector {
    /// The people in the picture with the detector's own confidence, in 0..=1, in any order.
    ///
    /// # Errors
    ///
    /// Whatever keeps the detector from looking.
    fn detect(&mut self, picture: Picture<'_>) -> Result<Vec<(PersonBox, f64)>>;
}
