//! Rotary positions.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::record::{Flat, Operation, made, primitive, record};
use super::simd::{rows_of_a_piece, spread, widest};

/// Turns pairs of a head's first and second half: `(a, b) -> (a cos - b sin, b cos + a sin)`.
///
/// # Shapes
///
/// - `x` and output: `[batch, seq_len, heads, head_dim]`
/// - `cos`, `sin`: `[batch or 1, seq_len, 1, head_dim / 2]`, without gradients
pub(crate) fn rotate(x: Tensor<4>, cos: &Tensor<4>, sin: &Tensor<4>) -> Tensor<4> {
    record(Rotary { cos: primitive(cos.clone()), sin: primitive(sin.clone()) }, [x.into()])
}

#[derive(Debug, Clone)]
struct Rotary {
    cos: FlexTensor,
    sin: FlexTensor,
}

impl Operation<1> for Rotary {
    type Kept = ();

    fn forward(&self, [x]: [FlexTensor; 1], _: bool) -> (FlexTensor, Option<()>) {
        (self.turned(x, 1.0), Some(()))
    }

    fn backward(&self, (): (), grad: FlexTensor) -> [FlexTensor; 1] {
        [self.turned(grad, -1.0)]
    }
}

impl Rotary {
    /// Turned forwards or (`way` is -1) backwards.
    fn turned(&self, x: FlexTensor, way: f32) -> FlexTensor {
        let shape = x.layout().shape().clone();
        let (seq_len, heads, head_dim) = (shape[1], shape[2], shape[3]);
        // rows of a wider tensor are read where they lie
        let x = if x.layout().strides()[3] == 1 { x } else { x.to_contiguous() };
        let from = x.layout().start_offset();
        let strides: Vec<usize> = x.layout().strides().iter().map(|s| s.unsigned_abs()).collect();
        let numbers: &[f32] = x.storage();
        let (cos, sin) = (Flat::new(self.cos.clone()), Flat::new(self.sin.clone()));
        let half = head_dim / 2;
        let (width, table_rows) = (heads * head_dim, cos.len() / half);
        let mut out = vec![0.0; shape.num_elements()];
        let rows = rows_of_a_piece(width);
        spread(out.chunks_mut(rows * width).enumerate(), |(piece, out)| {
            widest(
                #[inline(always)]
                || {
                    for (row, out) in out.chunks_exact_mut(width).enumerate() {
                        let place = piece * rows + row;
                        let row_from =
                            from + place / seq_len * strides[0] + place % seq_len * strides[1];
                        let at = place % table_rows * half;
                        let (cos, sin) = (&cos[at..at + half], &sin[at..at + half]);
                        for (head, out) in out.chunks_exact_mut(head_dim).enumerate() {
                            let x = &numbers[row_from + head * strides[2]..][..head_dim];
                            let ((a, b), (out_a, out_b)) =
                                (x.split_at(half), out.split_at_mut(half));
                            for ((out_a, out_b), ((a, b), (cos, sin))) in out_a
                                .iter_mut()
                                .zip(out_b)
                                .zip(a.iter().zip(b).zip(cos.iter().zip(sin)))
                            {
                                *out_a = a * cos - b * (sin * way);
                                *out_b = b * cos + a * (sin * way);
                            }
                        }
                    }
                },
            );
        });
        made(out, shape)
    }
}
