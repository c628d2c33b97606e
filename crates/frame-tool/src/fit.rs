//! Shrinking, equal to Pillow bit for bit: models are trained on frames that Pillow shrank.

use std::num::NonZeroU32;

use pillow_resize::{Filter, resize};

use crate::source::picture::Rgb;
use crate::{Error, Result};

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

    pub(crate) fn apply(self, picture: Rgb) -> Result<Rgb, String> {
        let from = (picture.width, picture.height);
        let to @ (width, height) = self.size(from.0, from.1);
        if to == from {
            return Ok(picture);
        }
        let pixels = resize::<3>(&picture.pixels, from, to, self.filter)
            .map_err(|error| error.to_string())?;
        Ok(Rgb { width, height, pixels })
    }
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
}
