//! The Gaussian error linear unit.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::record::{Flat, Operation, owned, record};
use super::simd::{exp, rows_of_a_piece, spread, widest};

/// `x * Phi(x)`.
pub(crate) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    record(Gelu, [x.into()])
}

#[derive(Debug, Clone)]
struct Gelu;

impl Operation<1> for Gelu {
    /// The input.
    type Kept = FlexTensor;

    fn forward(&self, [x]: [FlexTensor; 1], keep: bool) -> (FlexTensor, Option<FlexTensor>) {
        let kept = keep.then(|| x.clone());
        let mut x = owned(x);
        spread(x.storage_mut::<f32>().chunks_mut(rows_of_a_piece(1)), |x| {
            widest(
                #[inline(always)]
                || {
                    for x in x {
                        let (size, tail) = (x.abs(), tail(*x));
                        let above = if *x > 0.0 { *x } else { 0.0 };
                        *x = above - size * tail;
                    }
                },
            );
        });
        (x, kept)
    }

    /// `Phi(x) + x phi(x)`.
    fn backward(&self, x: FlexTensor, grad: FlexTensor) -> [FlexTensor; 1] {
        const DENSITY_AT_0: f32 = 0.398_942_3; // 1 / sqrt(2 pi)
        let (x, mut grad) = (Flat::new(x), owned(grad));
        let piece = rows_of_a_piece(1);
        let pieces = grad.storage_mut::<f32>().chunks_mut(piece).zip(x.chunks(piece));
        spread(pieces, |(grad, x)| {
            widest(
                #[inline(always)]
                || {
                    for (grad, x) in grad.iter_mut().zip(x) {
                        let tail = tail(*x);
                        let below = if *x > 0.0 { 1.0 - tail } else { tail };
                        *grad *= below + x * DENSITY_AT_0 * exp(-0.5 * x * x);
                    }
                },
            );
        });
        [grad]
    }
}

/// `1 - Phi(|x|)`: the share of the normal distribution beyond `x` on its side.
///
/// `exp(-x^2 / 2)` times a polynomial in `1 / (1 + 0.305 |x|)`, fitted to 1e-7 of the value for `|x|` up to 13 (ours, by
/// weighted least squares at Chebyshev's points). Without branches, so that loops over it use wide registers.
#[inline(always)]
fn tail(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.305 * x.abs());
    let mut p = 0.036_698_87;
    p = p * t - 0.152_986_8;
    p = p * t + 0.185_713_92;
    p = p * t - 0.037_973_642;
    p = p * t + 0.121_019_7;
    p = p * t + 0.103_421_584;
    p = p * t + 0.122_466_676;
    p = p * t + 0.121_639_74;
    p * t * exp(-0.5 * x * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_the_error_function() {
        for step in -130_000..=130_000 {
            let x = step as f32 * 1e-4;
            let exact = 0.5 * libm::erfc(f64::from(x).abs() / 2.0_f64.sqrt());
            let difference = (f64::from(tail(x)) - exact).abs();
            // the fit's 1e-7, twice the exponential's 2 units in the last place; rounding of the exponent grows with x^2
            let allowed = exact * (6e-7 + 6e-8 * f64::from(x * x)) + 1e-38;
            assert!(difference <= allowed, "tail({x}) is {difference:e} off");
        }
        assert_eq!(tail(40.0), 0.0);
        assert!(tail(f32::NAN).is_nan());
    }
}
