//! A frame in a trajectory.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deepsport_model::processor::{Picture, Pixels, Processor};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A frame in a trajectory, as the vision tower reads it. Cheap to clone.
///
/// It is held as it was shown, in 8 bits; patches, which take eight times as much and more, are made whenever they are read.
/// Written with the trajectory, as base64 of little-endian `f32`: a 28 x 28 frame takes 25 kB so, one of 640 x 360 7.5 MB.
#[derive(Debug, Clone)]
pub struct SeenPixels(Held);

#[derive(Debug, Clone)]
enum Held {
    Shown(Arc<(Picture, Arc<Processor>)>),
    Read(Arc<Pixels>),
}

impl SeenPixels {
    /// A picture that [`Words`](super::Words) show, and their processor.
    pub(super) fn shown(picture: Picture, processor: &Arc<Processor>) -> Self {
        Self(Held::Shown(Arc::new((picture, Arc::clone(processor)))))
    }

    /// What the vision tower reads.
    ///
    /// # Errors
    ///
    /// [`AspectRatio`](deepsport_model::Error::AspectRatio); [`Words`](super::Words) show no such frame.
    pub fn pixels(&self) -> deepsport_model::Result<Arc<Pixels>> {
        match &self.0 {
            Held::Shown(shown) => Ok(Arc::new(shown.1.picture(&shown.0)?)),
            Held::Read(pixels) => Ok(Arc::clone(pixels)),
        }
    }

    /// Whether it is the same frame, to the last bit, and held alike.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Held::Shown(a), Held::Shown(b)) => {
                Arc::ptr_eq(a, b) || (Arc::ptr_eq(&a.1, &b.1) && a.0 == b.0)
            }
            (Held::Read(a), Held::Read(b)) => Arc::ptr_eq(a, b) || a == b,
            _ => false,
        }
    }
}

impl From<Pixels> for SeenPixels {
    fn from(pixels: Pixels) -> Self {
        Self(Held::Read(Arc::new(pixels)))
    }
}

/// How [`SeenPixels`] are written.
#[derive(Serialize, Deserialize)]
struct Written {
    grid: [usize; 3],
    seconds_per_grid: Option<f64>,
    patches: String,
}

impl Serialize for SeenPixels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pixels = self.pixels().map_err(S::Error::custom)?;
        let bytes: Vec<u8> = pixels.patches.iter().flat_map(|value| value.to_le_bytes()).collect();
        let (grid, seconds_per_grid) = (pixels.grid, pixels.seconds_per_grid);
        Written { grid, seconds_per_grid, patches: STANDARD.encode(bytes) }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SeenPixels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { grid, seconds_per_grid, patches } = Written::deserialize(deserializer)?;
        let bytes = STANDARD.decode(patches).map_err(D::Error::custom)?;
        let (values, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(D::Error::custom("`patches` does not hold whole numbers of 4 bytes"));
        }
        let patches = values.iter().map(|value| f32::from_le_bytes(*value)).collect();
        Ok(Pixels { patches, grid, seconds_per_grid }.into())
    }
}
