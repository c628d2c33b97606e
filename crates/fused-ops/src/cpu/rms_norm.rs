//! Root-mean-square norm.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::record::{Flat, Operation, add_up, made, record};
use super::simd::{dot, rows_of_a_piece, spread, sum, widest};

/// `x / sqrt(mean(x^2) + eps) * weight`.
///
/// # Shapes
///
/// - `x` and output: `[.., width]`; `weight`: `[width]`
pub(crate) fn rms_norm<const D: usize>(x: Tensor<D>, weight: Tensor<1>, eps: f64) -> Tensor<D> {
    record(RmsNorm { eps: eps as f32 }, [x.into(), weight.into()])
}

#[derive(Debug, Clone)]
struct RmsNorm {
    eps: f32,
}

impl Operation<2> for RmsNorm {
    /// The inputs, and what each row was multiplied by.
    type Kept = ([FlexTensor; 2], Vec<f32>);

    fn forward(&self, inputs: [FlexTensor; 2], keep: bool) -> (FlexTensor, Option<Self::Kept>) {
        let kept = keep.then(|| inputs.clone());
        let [x, weight] = inputs;
        let shape = x.layout().shape().clone();
        let (x, weight) = (Flat::new(x), Flat::new(weight));
        let width = weight.len();
        let mut out = vec![0.0; x.len()];
        let mut factors = vec![0.0; x.len() / width];
        let rows = rows_of_a_piece(width);
        let pieces =
            out.chunks_mut(rows * width).zip(x.chunks(rows * width)).zip(factors.chunks_mut(rows));
        spread(pieces, |((out, x), factors)| {
            widest(
                #[inline(always)]
                || {
                    for ((out, x), factor) in
                        out.chunks_exact_mut(width).zip(x.chunks_exact(width)).zip(factors)
                    {
                        *factor = 1.0 / (sum(x, |x| x * x) / width as f32 + self.eps).sqrt();
                        for ((out, x), weight) in out.iter_mut().zip(x).zip(&*weight) {
                            *out = x * *factor * weight;
                        }
                    }
                },
            );
        });
        (made(out, shape), kept.map(|inputs| (inputs, factors)))
    }

    fn backward(&self, ([x, weight], factors): Self::Kept, grad: FlexTensor) -> [FlexTensor; 2] {
        let (shape, weight_shape) = (x.layout().shape().clone(), weight.layout().shape().clone());
        let (x, weight, grad) = (Flat::new(x), Flat::new(weight), Flat::new(grad));
        let width = weight.len();
        let rows = rows_of_a_piece(width);
        let mut of_x = vec![0.0; x.len()];
        let mut of_weight = vec![0.0; factors.len().div_ceil(rows) * width]; // a line for each piece
        let pieces = of_x
            .chunks_mut(rows * width)
            .zip(of_weight.chunks_exact_mut(width))
            .zip(x.chunks(rows * width).zip(grad.chunks(rows * width)))
            .zip(factors.chunks(rows));
        spread(pieces, |(((of_x, of_weight), (x, grad)), factors)| {
            widest(
                #[inline(always)]
                || {
                    let lines = of_x
                        .chunks_exact_mut(width)
                        .zip(x.chunks_exact(width).zip(grad.chunks_exact(width)))
                        .zip(factors);
                    for ((of_x, (x, grad)), factor) in lines {
                        for (((of_x, of_weight), (x, grad)), weight) in of_x
                            .iter_mut()
                            .zip(&mut *of_weight)
                            .zip(x.iter().zip(grad))
                            .zip(&*weight)
                        {
                            *of_weight += grad * x * factor;
                            *of_x = grad * weight;
                        }
                        let along = dot(of_x, x) / width as f32 * factor * factor;
                        for (of_x, x) in of_x.iter_mut().zip(x) {
                            *of_x = (*of_x - x * along) * factor;
                        }
                    }
                },
            );
        });
        [made(of_x, shape), made(add_up(of_weight, width), weight_shape)]
    }
}
