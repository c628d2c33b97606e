use std::str::FromStr;

use crate::{Error, Result};

/// A box around a person, in pixels of the picture, y down: finite, and with something in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PersonBox {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// Coordinates beyond this are a slip, not a picture (ours).
const MAX_COORDINATE: f64 = 1e7;

impl PersonBox {
    /// A box as COCO writes it: left, top, width, height.
    ///
    /// # Errors
    ///
    /// [`Error::PersonBox`] if a number is not finite or absurdly large, or width or height is not positive.
    pub fn new(left: f64, top: f64, width: f64, height: f64) -> Result<Self> {
        let person = Self { left, top, width, height };
        if [left, top, width, height].iter().any(|v| v.is_nan() || v.abs() > MAX_COORDINATE) {
            return Err(person.refused("each number must be finite and below 10 million"));
        }
        if !(width > 0.0 && height > 0.0) {
            return Err(person.refused("width and height must be positive"));
        }
        Ok(person)
    }

    /// The whole of a picture.
    ///
    /// # Errors
    ///
    /// [`Error::PersonBox`] if it has no pixel or absurdly many.
    pub fn whole(width: usize, height: usize) -> Result<Self> {
        Self::new(0.0, 0.0, width as f64, height as f64)
    }

    /// The smallest box around points `x, y`; `None` without a point, or if they lie on one level or upright line.
    #[must_use]
    pub fn around(points: impl IntoIterator<Item = [f64; 2]>) -> Option<Self> {
        let nothing = [[f64::INFINITY, f64::NEG_INFINITY]; 2];
        let [[left, right], [top, bottom]] = points.into_iter().fold(nothing, |[x, y], point| {
            [[x[0].min(point[0]), x[1].max(point[0])], [y[0].min(point[1]), y[1].max(point[1])]]
        });
        Self::new(left, top, right - left, bottom - top).ok()
    }

    /// x of the left edge.
    #[must_use]
    pub fn left(&self) -> f64 {
        self.left
    }

    /// y of the upper edge.
    #[must_use]
    pub fn top(&self) -> f64 {
        self.top
    }

    /// Pixels across.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.width
    }

    /// Pixels down.
    #[must_use]
    pub fn height(&self) -> f64 {
        self.height
    }

    /// x, y of the middle.
    #[must_use]
    pub fn center(&self) -> [f64; 2] {
        [self.left + 0.5 * self.width, self.top + 0.5 * self.height]
    }

    /// The same middle, `factor` times as wide and high; never beyond what a box may be.
    #[must_use]
    pub fn grown(&self, factor: f64) -> Self {
        let [x, y] = self.center();
        let (width, height) = (self.width * factor, self.height * factor);
        Self::new(x - 0.5 * width, y - 0.5 * height, width, height).unwrap_or(*self)
    }

    /// The way from this box to `other`, 0 here and 1 there.
    #[must_use]
    pub fn towards(&self, other: &Self, share: f64) -> Self {
        let mix = |from: f64, to: f64| from + share.clamp(0.0, 1.0) * (to - from);
        Self {
            left: mix(self.left, other.left),
            top: mix(self.top, other.top),
            width: mix(self.width, other.width),
            height: mix(self.height, other.height),
        }
    }

    /// The part of the box within a picture; `None` if it lies beside it.
    #[must_use]
    pub fn within(&self, width: usize, height: usize) -> Option<Self> {
        let (left, top) = (self.left.max(0.0), self.top.max(0.0));
        let right = (self.left + self.width).min(width as f64);
        let bottom = (self.top + self.height).min(height as f64);
        Self::new(left, top, right - left, bottom - top).ok()
    }

    /// Shared area over the area of both together, 0..=1.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f64 {
        let shared = |a: f64, a_len: f64, b: f64, b_len: f64| {
            ((a + a_len).min(b + b_len) - a.max(b)).max(0.0)
        };
        let shared = shared(self.left, self.width, other.left, other.width)
            * shared(self.top, self.height, other.top, other.height);
        shared / (self.width * self.height + other.width * other.height - shared)
    }

    /// As an error, with what is wrong with it.
    pub(crate) fn refused(&self, problem: impl Into<String>) -> Error {
        let Self { left, top, width, height } = *self;
        Error::PersonBox { left, top, width, height, problem: problem.into() }
    }
}

impl FromStr for PersonBox {
    type Err = Error;

    /// Four numbers, `left,top,width,height`.
    fn from_str(text: &str) -> Result<Self> {
        let numbers: Option<Vec<f64>> =
            text.split(',').map(|number| number.trim().parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[left, top, width, height]) => Self::new(left, top, width, height),
            _ => Err(Error::BoxText { text: text.to_owned() }),
        }
    }
}
