//! Decoded pictures, and how they are turned upright.

use super::colour::Colour;

/// A decoded picture before it is turned upright.
#[derive(Debug)]
pub(crate) enum Picture {
    Rgb(Rgb),
    Yuv(Yuv),
}

/// RGB8 rows, `[height, width, 3]`.
#[derive(Debug, Clone)]
pub(crate) struct Rgb {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Vec<u8>,
}

/// 8-bit planes without padding.
#[derive(Debug)]
pub(crate) struct Yuv {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) y: Vec<u8>,
    pub(crate) u: Vec<u8>,
    pub(crate) v: Vec<u8>,
    pub(crate) chroma: Chroma,
    pub(crate) colour: Colour,
    /// A picture that this one may be predicted from was lost.
    pub(crate) builds_on_damage: bool,
}

/// How many luma samples share a chroma sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chroma {
    Mono,
    Yuv420,
    Yuv422,
    Yuv444,
}

impl Chroma {
    /// Width and height of a chroma plane; odd sizes round up.
    pub(crate) fn plane(self, width: u32, height: u32) -> (u32, u32) {
        match self {
            Self::Mono => (0, 0),
            Self::Yuv420 => (width.div_ceil(2), height.div_ceil(2)),
            Self::Yuv422 => (width.div_ceil(2), height),
            Self::Yuv444 => (width, height),
        }
    }
}

impl Picture {
    pub(crate) fn builds_on_damage(&self) -> bool {
        matches!(self, Self::Yuv(yuv) if yuv.builds_on_damage)
    }

    /// Converts to RGB and turns the picture upright.
    ///
    /// # Errors
    ///
    /// In words, if the planes do not have the size that they claim.
    pub(crate) fn into_rgb(self, orientation: Orientation) -> Result<Rgb, String> {
        let rgb = match self {
            Picture::Rgb(rgb) => rgb,
            Picture::Yuv(yuv) => yuv.to_rgb()?,
        };
        Ok(orientation.apply(rgb))
    }
}

/// How a stored picture is turned before it is shown: a phone held upright films a picture that lies on its side.
///
/// The stored point `(x, y)` is shown at `(x * a + y * c, x * b + y * d)`, up to a shift: the upper left of the
/// matrix in an MP4 track header, whose entries are -1, 0 or 1 here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation {
    a: i8,
    b: i8,
    c: i8,
    d: i8,
}

impl Orientation {
    /// Shown as stored.
    pub const UPRIGHT: Self = Self { a: 1, b: 0, c: 0, d: 1 };

    /// Takes the matrix `[[a, b], [c, d]]` if it is a quarter turn, mirrored or not.
    pub(crate) fn from_matrix([a, b, c, d]: [i32; 4]) -> Option<Self> {
        let unit = |value: i32| value.signum() as i8;
        let straight = a != 0 && d != 0 && b == 0 && c == 0;
        let turned = a == 0 && d == 0 && b != 0 && c != 0;
        (straight || turned).then(|| Self { a: unit(a), b: unit(b), c: unit(c), d: unit(d) })
    }

    /// Clockwise turn in degrees (0, 90, 180 or 270), after mirroring left and right if [`is_mirrored`](Self::is_mirrored).
    #[must_use]
    pub fn rotation_deg(self) -> u32 {
        let (a, b) = if self.is_mirrored() { (-self.a, -self.b) } else { (self.a, self.b) };
        match (a, b) {
            (1, _) => 0,
            (_, 1) => 90,
            (-1, _) => 180,
            _ => 270,
        }
    }

    /// Whether left and right are exchanged.
    #[must_use]
    pub fn is_mirrored(self) -> bool {
        self.a * self.d - self.b * self.c < 0
    }

    /// Size as shown of a picture that is stored as `width` x `height`.
    pub(crate) fn size(self, width: u32, height: u32) -> (u32, u32) {
        if self.a == 0 { (height, width) } else { (width, height) }
    }

    fn apply(self, stored: Rgb) -> Rgb {
        if self == Self::UPRIGHT {
            return stored;
        }
        let (width, height) = self.size(stored.width, stored.height);
        let mut pixels = Vec::with_capacity(stored.pixels.len());
        // The inverse of a quarter turn is its transpose; what comes out negative counts from the far side.
        let place = |value: i64, size: u32| if value < 0 { value + i64::from(size) } else { value } as usize;
        let from = |along: i8, x: i64, across: i8, y: i64| {
            let far = |sign: i8, v: i64| if sign < 0 { -1 - v } else { v };
            if along != 0 { far(along, x) } else { far(across, y) }
        };
        for y in 0..i64::from(height) {
            for x in 0..i64::from(width) {
                let stored_x = place(from(self.a, x, self.b, y), stored.width);
                let stored_y = place(from(self.c, x, self.d, y), stored.height);
                let at = (stored_y * stored.width as usize + stored_x) * 3;
                pixels.extend_from_slice(&stored.pixels[at..at + 3]);
            }
        }
        Rgb { width, height, pixels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 2 x 1 picture, A left of B, turned: what the four turns look like on paper.
    #[test]
    fn quarter_turns_by_hand() {
        let picture = || Rgb { width: 2, height: 1, pixels: b"AAABBB".to_vec() };
        let turn = |matrix| {
            let orientation = Orientation::from_matrix(matrix).unwrap();
            (orientation.rotation_deg(), orientation.apply(picture()))
        };
        for (matrix, degrees, size, expected) in [
            ([1, 0, 0, 1], 0, (2, 1), b"AAABBB"),
            ([0, 1, -1, 0], 90, (1, 2), b"AAABBB"),
            ([-1, 0, 0, -1], 180, (2, 1), b"BBBAAA"),
            ([0, -1, 1, 0], 270, (1, 2), b"BBBAAA"),
            ([-1, 0, 0, 1], 0, (2, 1), b"BBBAAA"),
        ] {
            let (rotation, shown) = turn(matrix);
            assert_eq!((rotation, (shown.width, shown.height)), (degrees, size), "{matrix:?}");
            assert_eq!(shown.pixels, expected, "{matrix:?}");
        }
        assert_eq!(Orientation::from_matrix([1, 1, 0, 1]), None);
    }
}
