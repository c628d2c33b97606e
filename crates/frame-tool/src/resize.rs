//! Shrinking, equal to Pillow bit for bit.
//!
//! Models are trained on frames that Pillow shrank, so a resampler that is only close gives them other pixels than they
//! know. No library at hand is equal (`fast_image_resize` differs by up to 4 levels, `image` filters in another order).

use std::num::NonZeroU32;

use crate::source::picture::Rgb;
use crate::{Error, Result};

/// How pixels are weighed, as in Pillow: with antialiasing, that is with a support that grows as pictures shrink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Filter {
    /// Keys' cubic with `a = -0.5` over 4 pixels.
    #[default]
    Bicubic,
    /// A triangle over 2 pixels.
    Bilinear,
}

impl Filter {
    fn support(self) -> f64 {
        match self {
            Self::Bicubic => 2.0,
            Self::Bilinear => 1.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let x = x.abs();
        match self {
            Self::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            Self::Bilinear if x < 1.0 => 1.0 - x,
            _ => 0.0,
        }
    }
}

/// A box that frames are made to fit in: the aspect ratio stays, nothing is ever enlarged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    width: NonZeroU32,
    height: NonZeroU32,
    filter: Filter,
}

impl Default for Fit {
    /// 640 x 360 (DeepSport, FrameThinker), bicubic (ours: the papers name no filter).
    fn default() -> Self {
        const WIDTH: NonZeroU32 = NonZeroU32::new(640).unwrap();
        const HEIGHT: NonZeroU32 = NonZeroU32::new(360).unwrap();
        Self { width: WIDTH, height: HEIGHT, filter: Filter::Bicubic }
    }
}

impl Fit {
    /// A box of `width` x `height` pixels.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if a side is 0.
    pub fn new(width: u32, height: u32) -> Result<Self> {
        let side = |name, value| {
            let expected = "a box has at least one pixel each way";
            NonZeroU32::new(value).ok_or_else(|| Error::InvalidSetting {
                name,
                value: value.to_string(),
                expected,
            })
        };
        Ok(Self {
            width: side("width", width)?,
            height: side("height", height)?,
            filter: Filter::default(),
        })
    }

    /// Chooses the filter; bicubic by default.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// The size that a picture of `width` x `height` gets: the largest of the same shape that fits, rounded to whole
    /// pixels, at least 1 x 1.
    #[must_use]
    pub fn size(self, width: u32, height: u32) -> (u32, u32) {
        let (box_width, box_height) = (self.width.get(), self.height.get());
        if width <= box_width && height <= box_height {
            return (width, height);
        }
        // In whole numbers, so that an exact ratio gives an exact size.
        let scaled = |side: u32, num: u32, den: u32| {
            let (side, num, den) = (u64::from(side), u64::from(num), u64::from(den.max(1)));
            u32::try_from((side * num * 2 + den) / (den * 2)).unwrap_or(u32::MAX).max(1)
        };
        if u64::from(width) * u64::from(box_height) >= u64::from(height) * u64::from(box_width) {
            (box_width, scaled(height, box_width, width).min(box_height))
        } else {
            (scaled(width, box_height, height).min(box_width), box_height)
        }
    }

    pub(crate) fn apply(self, picture: Rgb) -> Rgb {
        let (width, height) = self.size(picture.width, picture.height);
        if (width, height) == (picture.width, picture.height) {
            return picture;
        }
        let pixels = resample(
            &picture.pixels,
            (picture.width, picture.height),
            (width, height),
            self.filter,
        );
        Rgb { width, height, pixels }
    }
}

/// Resizes RGB8 rows as Pillow's `Image.resize` does, bit for bit, up or down.
///
/// # Shapes
///
/// - `rgb`: `[height, width, 3]` for `from = (width, height)`
/// - output: `[height, width, 3]` for `to = (width, height)`
///
/// # Errors
///
/// [`Error::InvalidFrame`] if `rgb` does not have that shape, or a side is 0.
pub fn resize(rgb: &[u8], from: (u32, u32), to: (u32, u32), filter: Filter) -> Result<Vec<u8>> {
    let num_bytes = from.0 as usize * from.1 as usize * 3;
    if num_bytes == 0 || to.0 == 0 || to.1 == 0 || rgb.len() != num_bytes {
        let reason = format!("{} bytes cannot be resized from {from:?} to {to:?}", rgb.len());
        return Err(Error::InvalidFrame { frame_idx: 0, reason });
    }
    Ok(resample(rgb, from, to, filter))
}

fn resample(rgb: &[u8], from: (u32, u32), to: (u32, u32), filter: Filter) -> Vec<u8> {
    let rows = if from.0 == to.0 {
        None
    } else {
        Some(across(rgb, from.0 as usize, to.0 as usize, filter))
    };
    let rows = rows.as_deref().unwrap_or(rgb);
    if from.1 == to.1 {
        rows.to_vec()
    } else {
        down(rows, to.0 as usize, from.1 as usize, to.1 as usize, filter)
    }
}

/// Pillow keeps 8 bits for the result and 2 for overshoot out of 32.
const PRECISION_BITS: u32 = 32 - 8 - 2;
const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// What an output pixel takes: `weights.len()` input pixels from `first` on.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

fn taps(size_in: usize, size_out: usize, filter: Filter) -> Vec<Taps> {
    let scale = size_in as f64 / size_out as f64;
    let filter_scale = scale.max(1.0);
    let support = filter.support() * filter_scale;
    let tap = |i: usize| {
        let center = (i as f64 + 0.5) * scale;
        let first = (center - support + 0.5).max(0.0) as usize;
        let end = ((center + support + 0.5) as usize).min(size_in);
        let weights: Vec<f64> = (first..end)
            .map(|x| filter.weight((x as f64 - center + 0.5) * (1.0 / filter_scale)))
            .collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |weight: &f64| {
            let weight = if sum == 0.0 { *weight } else { weight / sum };
            (weight * f64::from(1 << PRECISION_BITS)).round() as i32 // halves go away from zero, as in Pillow
        };
        Taps { first, weights: weights.iter().map(fixed).collect() }
    };
    (0..size_out).map(tap).collect()
}

fn clip(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

fn across(rgb: &[u8], width_in: usize, width_out: usize, filter: Filter) -> Vec<u8> {
    let taps = taps(width_in, width_out, filter);
    let mut out = Vec::with_capacity(rgb.len() / width_in * width_out);
    for row in rgb.chunks_exact(width_in * 3) {
        for tap in &taps {
            let pixels = row[tap.first * 3..].as_chunks::<3>().0;
            let mut sum = [HALF; 3];
            for (pixel, &weight) in pixels.iter().zip(&tap.weights) {
                for channel in 0..3 {
                    sum[channel] += i32::from(pixel[channel]) * weight;
                }
            }
            out.extend(sum.map(clip));
        }
    }
    out
}

fn down(rows: &[u8], width: usize, height_in: usize, height_out: usize, filter: Filter) -> Vec<u8> {
    let stride = width * 3;
    let mut out = Vec::with_capacity(stride * height_out);
    let mut sums = vec![HALF; stride];
    for tap in taps(height_in, height_out, filter) {
        sums.fill(HALF);
        for (row, &weight) in rows[tap.first * stride..].chunks_exact(stride).zip(&tap.weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value) * weight;
            }
        }
        out.extend(sums.iter().map(|&sum| clip(sum)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_keep_the_shape_and_never_grow() {
        let fit = Fit::default();
        for (size, expected) in [
            ((1920, 1080), (640, 360)),
            ((1080, 1920), (203, 360)), // 202.5
            ((640, 360), (640, 360)),
            ((320, 240), (320, 240)),
            ((720, 1280), (203, 360)),
            ((1280, 720), (640, 360)),
            ((10_000, 1), (640, 1)),
            ((641, 360), (640, 359)), // 359.4
        ] {
            assert_eq!(fit.size(size.0, size.1), expected, "{size:?}");
        }
        assert!(Fit::new(0, 10).is_err());
    }

    #[test]
    fn a_flat_picture_stays_flat() {
        for filter in [Filter::Bicubic, Filter::Bilinear] {
            for value in [0, 1, 127, 254, 255] {
                let out = resize(&vec![value; 97 * 61 * 3], (97, 61), (13, 130), filter).unwrap();
                assert!(out.iter().all(|&v| v == value), "{filter:?} {value}");
            }
        }
    }
}
