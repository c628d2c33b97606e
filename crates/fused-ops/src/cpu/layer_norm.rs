//! Layer norm.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::record::{Flat, Operation, add_up, made, record};
use super::simd::{rows_of_a_piece, spread, sum, sum_of_two, widest};

/// `(x - mean(x)) / sqrt(var(x) + eps) * weight + bias`.
///
/// # Shapes
///
/// - `x` and output: `[.., width]`; `weight`, `bias`: `[width]`
pub(crate) fn layer_norm<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
) -> Tensor<D> {
    record(LayerNorm { eps: eps as f32 }, [x.into(), weight.into(), bias.into()])
}

#[derive(Debug, Clone)]
struct LayerNorm {
    eps: f32,
}

/// Of a row: its mean, and what its distances from the mean were multiplied by.
type Moments = (f32, f32);

impl Operation<3> for LayerNorm {
    /// `x` and `weight`, and the moments of each row.
    type Kept = ([FlexTensor; 2], Vec<Moments>);

    fn forward(
        &self,
        [x, weight, bias]: [FlexTensor; 3],
        keep: bool,
    ) -> (FlexTensor, Option<Self::Kept>) {
        let kept = keep.then(|| [x.clone(), weight.clone()]);
        let shape = x.layout().shape().clone();
        let [x, weight, bias] = [x, weight, bias].map(Flat::new);
        let width = weight.len();
        let mut out = vec![0.0; x.len()];
        let mut moments = vec![(0.0, 0.0); x.len() / width];
        let rows = rows_of_a_piece(width);
        let pieces =
            out.chunks_mut(rows * width).zip(x.chunks(rows * width)).zip(moments.chunks_mut(rows));
        spread(pieces, |((out, x), moments)| {
            widest(
                #[inline(always)]
                || {
                    for ((out, x), moments) in
                        out.chunks_exact_mut(width).zip(x.chunks_exact(width)).zip(moments)
                    {
                        let mean = sum(x, |x| x) / width as f32;
                        let variance = sum(x, |x| (x - mean) * (x - mean)) / width as f32;
                        let factor = 1.0 / (variance + self.eps).sqrt();
                        *moments = (mean, factor);
                        for ((out, x), (weight, bias)) in
                            out.iter_mut().zip(x).zip(weight.iter().zip(&*bias))
                        {
                            *out = (x - mean) * factor * weight + bias;
                        }
                    }
                },
            );
        });
        (made(out, shape), kept.map(|inputs| (inputs, moments)))
    }

    fn backward(&self, ([x, weight], moments): Self::Kept, grad: FlexTensor) -> [FlexTensor; 3] {
        let (shape, weight_shape) = (x.layout().shape().clone(), weight.layout().shape().clone());
        let [x, weight, grad] = [x, weight, grad].map(Flat::new);
        let width = weight.len();
        let rows = rows_of_a_piece(width);
        let num_pieces = moments.len().div_ceil(rows);
        let mut of_x = vec![0.0; x.len()];
        let (mut of_weight, mut of_bias) =
            (vec![0.0; num_pieces * width], vec![0.0; num_pieces * width]); // a line for each piece
        let pieces = of_x
            .chunks_mut(rows * width)
            .zip(of_weight.chunks_exact_mut(width).zip(of_bias.chunks_exact_mut(width)))
            .zip(x.chunks(rows * width).zip(grad.chunks(rows * width)))
            .zip(moments.chunks(rows));
        spread(pieces, |(((of_x, (of_weight, of_bias)), (x, grad)), moments)| {
            widest(
                #[inline(always)]
                || {
                    let lines = of_x
                        .chunks_exact_mut(width)
                        .zip(x.chunks_exact(width).zip(grad.chunks_exact(width)))
                        .zip(moments);
                    for ((of_x, (x, grad)), (mean, factor)) in lines {
                        for ((of_weight, of_bias), (x, grad)) in
                            of_weight.iter_mut().zip(&mut *of_bias).zip(x.iter().zip(grad))
                        {
                            *of_weight += grad * (x - mean) * factor;
                            *of_bias += grad;
                        }
                        for ((of_x, grad), weight) in of_x.iter_mut().zip(grad).zip(&*weight) {
                            *of_x = grad * weight;
                        }
                        let level = sum(of_x, |x| x) / width as f32;
                        let along = sum_of_two(of_x, x, |of_x, x| of_x * (x - mean)) / width as f32
                            * factor
                            * factor;
                        for (of_x, x) in of_x.iter_mut().zip(x) {
                            *of_x = (*of_x - level - (x - mean) * along) * factor;
                        }
                    }
                },
            );
        });
        [
            made(of_x, shape),
            made(add_up(of_weight, width), weight_shape.clone()),
            made(add_up(of_bias, width), weight_shape),
        ]
    }
}
