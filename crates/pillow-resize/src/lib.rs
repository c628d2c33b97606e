//! Resizes 8-bit pictures as Pillow does, bit for bit.
//!
//! Vision models are trained on pictures that Pillow shrank, so a resampler that is only close gives them other pixels
//! than they know.
//!
//! ```
//! use pillow_resize::{Filter, resize};
//!
//! // Two pixels, black and white, become one: their mean.
//! let rgb = [0, 0, 0, 255, 255, 255];
//! assert_eq!(resize::<3>(&rgb, (2, 1), (1, 1), Filter::Bicubic)?, [128, 128, 128]);
//! # Ok::<(), pillow_resize::Error>(())
//! ```
//!
//! # Sources, and where we differ
//!
//! - Filters, fixed-point weights and the order of the passes: `Image.resize` of Pillow 13.0.0, against whose output the
//!   tests compare. Across and then down, or down first where that takes away far more, rounded to 8 bits in between.
//! - Transparency is not looked at: every channel is resampled for itself. Pillow does so in all modes but `RGBA` and `LA`,
//!   whose colours it multiplies by alpha first and divides again afterwards.
//! - Why not a library: `fast_image_resize` 5 differs by up to 4 levels (weights of 16 bits), `image` 0.25 goes down before
//!   across and keeps floats in between.

mod filter; // how pixels are weighed
mod resize; // the two passes
mod error;

pub use error::{Error, Result};
pub use filter::Filter;
pub use resize::resize;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
