use crate::{Error, Result};

/// A picture that lies somewhere else: RGB, one byte a colour, row by row from the top.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    width: usize,
    height: usize,
    rgb: &'a [u8],
}

impl<'a> Picture<'a> {
    /// # Shapes
    ///
    /// - `rgb`: `[height, width, 3]`
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if there is no pixel, or not three bytes for each.
    pub fn new(width: usize, height: usize, rgb: &'a [u8]) -> Result<Self> {
        let expected = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3));
        if width == 0 || height == 0 || expected != Some(rgb.len()) {
            return Err(Error::Shape {
                what: "bytes of a picture",
                expected: format!("{width} x {height} x 3, at least one pixel"),
                found: rgb.len().to_string(),
            });
        }
        Ok(Self { width, height, rgb })
    }

    /// Pixels across.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels down.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The bytes, `[height, width, 3]`.
    #[must_use]
    pub fn rgb(&self) -> &'a [u8] {
        self.rgb
    }

    /// Red, green and blue of a row's pixels.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, y: usize) -> &'a [u8] {
        &self.rgb[3 * self.width * y..][..3 * self.width]
    }
}

impl std::fmt::Debug for Picture<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Picture")
            .field("width", &self.width)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}
