//! The part of a picture that the network is shown.

use super::config::Normalisation;
use crate::{PersonBox, Picture};

/// Margin around a person, as the network was trained with.
const PADDING: f32 = 1.25;

/// A rectangle of a picture with the network's aspect, a person's box in its middle.
///
/// Places in it are fractions: 0 is the centre of the first pixel of a crop or heatmap and 1 that of the last, whatever
/// its size. This is what "unbiased data processing" (Huang et al. 2020) comes to, and it makes the way into the crop
/// and the way back out of a heatmap the same line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Region {
    /// x, y in pixels of the picture, y down.
    center: [f64; 2],
    /// Width and height in pixels of the picture.
    size: [f64; 2],
}

impl Region {
    pub(super) fn around(person: &PersonBox, [height, width]: [usize; 2]) -> Self {
        let aspect = width as f64 / height as f64;
        let (mut across, mut down) = (person.width(), person.height());
        if across > aspect * down {
            down = across / aspect;
        } else {
            across = down * aspect;
        }
        // Lengths are counted in 200 pixels and in `f32`, as in transformers.
        let padded = |length: f64| f64::from((length / 200.0) as f32 * PADDING * 200.0);
        let center = person.center().map(|at| f64::from(at as f32));
        Self { center, size: [padded(across), padded(down)] }
    }

    /// Place in the picture of a cell of a grid (a crop or heatmap) of `width` x `height` that covers the region.
    pub(super) fn of_cell(&self, cell: [f64; 2], [height, width]: [usize; 2]) -> [f64; 2] {
        let at = |axis: usize, num_cells: usize| {
            self.center[axis] + (fraction(cell[axis], num_cells) - 0.5) * self.size[axis]
        };
        [at(0, width), at(1, height)]
    }

    /// Places in the picture of all cells of such a grid, along x (0) or y (1).
    ///
    /// What [`of_cell`](Self::of_cell) says, but from the warp's matrix as transformers rounds it: a last digit decides
    /// which way a half goes when a mean of pixels becomes a byte, and a refined keypoint may hang on such a byte.
    fn places(&self, axis: usize, num_cells: usize) -> Vec<f64> {
        if num_cells == 1 {
            return vec![self.center[axis]];
        }
        let exact = (num_cells - 1) as f64 / self.size[axis];
        let corner = 0.5 * self.size[axis] as f32 - self.center[axis] as f32;
        let (scale, offset) = (exact as f32, (exact * f64::from(corner)) as f32);
        let place = |cell: usize| (cell as f64 - f64::from(offset)) / f64::from(scale);
        (0..num_cells).map(place).collect()
    }
}

/// A grid of one cell has only its middle.
fn fraction(cell: f64, num_cells: usize) -> f64 {
    if num_cells == 1 { 0.5 } else { cell / (num_cells - 1) as f64 }
}

/// Pixels of the region, bilinear, black beyond the picture's outermost pixel centres.
///
/// # Shapes
///
/// - output: `[height, width, 3]`
pub(super) fn warp(picture: Picture<'_>, region: &Region, [height, width]: [usize; 2]) -> Vec<u8> {
    let between = |at: f64| Between::new(at, picture.width());
    let columns: Vec<_> = region.places(0, width).into_iter().map(between).collect();
    let mut pixels = vec![0; height * width * 3];
    for (row, at) in pixels.chunks_exact_mut(3 * width).zip(region.places(1, height)) {
        let Some(rows) = Between::new(at, picture.height()) else { continue };
        let (above, below) = (picture.row(rows.first), picture.row(rows.second));
        for (pixel, column) in row.chunks_exact_mut(3).zip(&columns) {
            let Some(column) = column else { continue };
            for (colour, value) in pixel.iter_mut().enumerate() {
                let across = |row: &[u8]| {
                    column.mix(row[3 * column.first + colour], row[3 * column.second + colour])
                };
                let (above, below) = (across(above), across(below));
                *value = (above + (below - above) * rows.weight + 0.5) as u8; // positive: rounds half up
            }
        }
    }
    pixels
}

/// A place between two neighbouring pixels.
struct Between {
    first: usize,
    second: usize,
    /// Of the second.
    weight: f64,
}

impl Between {
    /// `None` outside.
    fn new(at: f64, num_pixels: usize) -> Option<Self> {
        let last = (num_pixels - 1) as f64;
        if !(0.0..=last).contains(&at) {
            return None;
        }
        let first = at.floor();
        let second = (first + 1.0).min(last);
        Some(Self { first: first as usize, second: second as usize, weight: at - first })
    }

    fn mix(&self, first: u8, second: u8) -> f64 {
        let (first, second) = (f64::from(first), f64::from(second));
        first + (second - first) * self.weight
    }
}

/// Appends the network's input.
///
/// # Shapes
///
/// - `pixels`: `[height, width, 3]`
/// - appended: `[3, height, width]`
pub(super) fn normalise(pixels: &[u8], by: &Normalisation, values: &mut Vec<f32>) {
    for colour in 0..3 {
        // Mean and deviation in units of a byte, so that a byte is touched once.
        let mean = by.image_mean[colour] / by.rescale_factor;
        let std = by.image_std[colour] / by.rescale_factor;
        let bytes = pixels[colour..].iter().step_by(3);
        values.extend(bytes.map(|byte| ((f64::from(*byte) - mean) / std) as f32));
    }
}
