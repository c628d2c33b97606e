//! From heatmaps back to points in the picture.

use ndarray::ArrayView2;

use super::crop::Region;
use crate::Keypoint;

/// Deviation of the blur before refinement, in cells, whatever the kernel's width.
const BLUR_SIGMA: f64 = 0.8;
/// Heat is kept within this before its logarithm is taken.
const HEAT_RANGE: [f32; 2] = [0.001, 50.0];
/// Keeps the matrix of second differences invertible.
const HESSIAN_EPSILON: f64 = f32::EPSILON as f64;

/// Where a keypoint is, from its heatmap: the hottest cell, refined to a fraction of a cell.
///
/// The refinement (DARK, Zhang et al. 2020, as unbiased data processing does it) blurs, takes the logarithm, and goes to
/// the summit of the parabola through the cells around: `x - H^-1 g`, `g` and `H` being first and second differences.
/// A map without positive heat has no keypoint.
///
/// # Shapes
///
/// - `heatmap`: `[height, width]`
pub(super) fn locate(heatmap: ArrayView2<'_, f32>, region: &Region, blur: &Blur) -> Keypoint {
    let (height, width) = heatmap.dim();
    let ((y, x), score) = hottest(heatmap);
    if score <= 0.0 {
        return Keypoint { position: None, score: f64::from(score) };
    }
    let around = blur
        .around(heatmap, y, x)
        .map(|row| row.map(|heat| f64::from(heat.clamp(HEAT_RANGE[0], HEAT_RANGE[1]).ln())));
    let [across, down] = summit(&around);
    let cell = [x as f64 + across, y as f64 + down];
    Keypoint { position: Some(region.of_cell(cell, [height, width])), score: f64::from(score) }
}

/// The first of the hottest cells, row by row.
fn hottest(heatmap: ArrayView2<'_, f32>) -> ((usize, usize), f32) {
    let mut best = ((0, 0), f32::NEG_INFINITY);
    for (cell, &heat) in heatmap.indexed_iter() {
        if heat > best.1 {
            best = (cell, heat);
        }
    }
    best
}

/// Step, across and down, from the middle of 3 x 3 cells to the summit of the parabola through them.
fn summit(cells: &[[f64; 3]; 3]) -> [f64; 2] {
    let [above, middle, below] = cells;
    let here = middle[1];
    let gradient = [0.5 * (middle[2] - middle[0]), 0.5 * (below[1] - above[1])];
    let xx = middle[2] - 2.0 * here + middle[0] + HESSIAN_EPSILON;
    let yy = below[1] - 2.0 * here + above[1] + HESSIAN_EPSILON;
    let xy = 0.5 * (below[2] - middle[2] - below[1] + 2.0 * here - middle[0] - above[1] + above[0]);
    let determinant = xx * yy - xy * xy;
    let step = [
        -(yy * gradient[0] - xy * gradient[1]) / determinant,
        -(xx * gradient[1] - xy * gradient[0]) / determinant,
    ];
    if step.iter().all(|s| s.is_finite()) { step } else { [0.0; 2] }
}

/// A Gaussian blur of odd width, the map mirrored at its rims (each rim cell twice).
#[derive(Debug, Clone)]
pub(super) struct Blur {
    /// Weights from the middle outwards; with the mirror image they sum to 1.
    weights: Vec<f64>,
}

impl Blur {
    /// `kernel` cells wide; an even width counts as the odd one below.
    pub(super) fn new(kernel: usize) -> Self {
        let radius = kernel.saturating_sub(1) / 2;
        let bell = |i: usize| (-0.5 * (i as f64 / BLUR_SIGMA).powi(2)).exp();
        let sum = bell(0) + 2.0 * (1..=radius).map(bell).sum::<f64>();
        Self { weights: (0..=radius).map(|i| bell(i) / sum).collect() }
    }

    /// The blurred map at a cell and its eight neighbours; beyond a rim stands the rim's own value.
    ///
    /// Only what these nine cells need is computed. Both passes round to `f32`, as an image filter on `f32` does.
    fn around(&self, heatmap: ArrayView2<'_, f32>, y: usize, x: usize) -> [[f32; 3]; 3] {
        let (height, width) = heatmap.dim();
        let near = |at: usize, num: usize| [at.saturating_sub(1), at, (at + 1).min(num - 1)];
        near(y, height).map(|row| {
            let down = |column: usize| {
                self.mix(|offset| f64::from(heatmap[[mirrored(row, offset, height), column]]))
                    as f32
            };
            near(x, width).map(|column| {
                self.mix(|offset| f64::from(down(mirrored(column, offset, width)))) as f32
            })
        })
    }

    fn mix(&self, value: impl Fn(isize) -> f64) -> f64 {
        let sides = self.weights.iter().enumerate().skip(1);
        sides.fold(self.weights[0] * value(0), |sum, (i, weight)| {
            sum + weight * (value(-(i as isize)) + value(i as isize))
        })
    }
}

/// Index of the cell seen `offset` from `at` when the row goes on mirrored: 1 0 | 0 1 2 | 2 1.
fn mirrored(at: usize, offset: isize, num: usize) -> usize {
    let period = 2 * num as isize;
    let place = (at as isize + offset).rem_euclid(period) as usize;
    place.min(2 * num - 1 - place)
}
