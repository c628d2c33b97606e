//! Sums that are written over one of their parts. Without gradients.

use burn::backend::Flex;
use burn::tensor::Tensor;

use super::record::{Flat, owned, primitive};
use super::simd::{rows_of_a_piece, spread, widest};

/// `a + b`, of one shape.
pub(crate) fn add<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let [a, b] = [a, b].map(primitive);
    let (into, other) = if a.is_unique() { (a, b) } else { (b, a) };
    let (mut into, other) = (owned(into), Flat::new(other));
    let piece = rows_of_a_piece(1);
    spread(
        into.storage_mut::<f32>().chunks_mut(piece).zip(other.chunks(piece)),
        |(into, other)| {
            widest(
                #[inline(always)]
                || add_to(into, other),
            );
        },
    );
    Tensor::from_primitive::<Flex>(into)
}

/// `x + row` for all rows of `x`.
///
/// # Shapes
///
/// - `x` and output: `[.., width]`; `row`: `[width]`
pub(crate) fn add_row<const D: usize>(x: Tensor<D>, row: Tensor<1>) -> Tensor<D> {
    let (mut x, row) = (owned(primitive(x)), Flat::new(primitive(row)));
    let width = row.len();
    spread(x.storage_mut::<f32>().chunks_mut(rows_of_a_piece(width) * width), |x| {
        widest(
            #[inline(always)]
            || x.chunks_exact_mut(width).for_each(|x| add_to(x, &row)),
        );
    });
    Tensor::from_primitive::<Flex>(x)
}

#[inline(always)]
fn add_to(into: &mut [f32], other: &[f32]) {
    for (into, other) in into.iter_mut().zip(other) {
        *into += other;
    }
}
