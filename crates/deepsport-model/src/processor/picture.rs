//! Pictures of 8 bits, and how other colours become RGB.

use std::borrow::Cow;

use pillow_resize::Filter;

use crate::{Error, Result};

/// A picture of 8-bit RGB.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({} x {})", self.width, self.height)
    }
}

impl Picture {
    /// A picture from rows of RGB; a palette has to be resolved before.
    ///
    /// # Shapes
    ///
    /// - `rgb`: `[height, width, 3]`
    ///
    /// # Errors
    ///
    /// [`Error::EmptyPicture`] if a side is 0, [`Error::PictureBytes`] if the bytes do not fit the sides.
    pub fn from_rgb8(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self> {
        check(width, height, 3, rgb.len())?;
        Ok(Self { width, height, rgb })
    }

    /// A picture from rows of RGB with opacity, laid over white as in transformers 5 (4.57 dropped the opacity).
    ///
    /// # Shapes
    ///
    /// - `rgba`: `[height, width, 4]`
    ///
    /// # Errors
    ///
    /// Those of [`Picture::from_rgb8`].
    pub fn from_rgba8(width: u32, height: u32, rgba: &[u8]) -> Result<Self> {
        check(width, height, 4, rgba.len())?;
        let over_white = |pixel: &[u8; 4]| {
            let [r, g, b, alpha] = *pixel;
            [r, g, b].map(|value| over_white(value, alpha))
        };
        let rgb = rgba.as_chunks::<4>().0.iter().flat_map(over_white).collect();
        Ok(Self { width, height, rgb })
    }

    /// A picture from rows of grey.
    ///
    /// # Shapes
    ///
    /// - `grey`: `[height, width]`
    ///
    /// # Errors
    ///
    /// Those of [`Picture::from_rgb8`].
    pub fn from_grey8(width: u32, height: u32, grey: &[u8]) -> Result<Self> {
        check(width, height, 1, grey.len())?;
        let rgb = grey.iter().flat_map(|&value| [value; 3]).collect();
        Ok(Self { width, height, rgb })
    }

    /// A picture from rows of grey with opacity, laid over white.
    ///
    /// # Shapes
    ///
    /// - `grey_alpha`: `[height, width, 2]`
    ///
    /// # Errors
    ///
    /// Those of [`Picture::from_rgb8`].
    pub fn from_grey_alpha8(width: u32, height: u32, grey_alpha: &[u8]) -> Result<Self> {
        check(width, height, 2, grey_alpha.len())?;
        let pixels = grey_alpha.as_chunks::<2>().0.iter();
        let rgb = pixels.flat_map(|&[grey, alpha]| [over_white(grey, alpha); 3]).collect();
        Ok(Self { width, height, rgb })
    }

    /// Columns.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Rows of RGB, `[height, width, 3]`.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// Rows of RGB at another size, by Pillow's bicubic bit for bit; the bytes themselves at their own size.
    ///
    /// # Errors
    ///
    /// [`Error::Resize`] if the target cannot be.
    pub(super) fn resized(&self, width: usize, height: usize) -> Result<Cow<'_, [u8]>> {
        let from = (self.width, self.height);
        let to = (width as u32, height as u32);
        if from == to {
            return Ok(Cow::Borrowed(&self.rgb));
        }
        let resized = pillow_resize::resize::<3>(&self.rgb, from, to, Filter::Bicubic)?;
        Ok(Cow::Owned(resized))
    }
}

/// One value over white, in Pillow's whole numbers.
fn over_white(value: u8, alpha: u8) -> u8 {
    let sum = u32::from(value) * u32::from(alpha) + 255 * u32::from(255 - alpha) + 128;
    (((sum >> 8) + sum) >> 8) as u8
}

fn check(width: u32, height: u32, num_channels: usize, found: usize) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(Error::EmptyPicture { width: width as usize, height: height as usize });
    }
    let expected =
        (width as usize).checked_mul(height as usize).and_then(|n| n.checked_mul(num_channels));
    if expected == Some(found) {
        Ok(())
    } else {
        Err(Error::PictureBytes { width, height, num_channels, found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opacity_goes_from_white_to_the_colour() {
        assert_eq!([0, 1, 127, 255].map(|value| over_white(value, 255)), [0, 1, 127, 255]);
        assert_eq!([0, 1, 127, 255].map(|value| over_white(value, 0)), [255; 4]);
        assert_eq!(over_white(0, 128), 127);
    }
}
