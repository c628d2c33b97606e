//! The product of one row with a matrix: what writing a token is made of.
//!
//! It reads each weight once, so the memory's speed is its limit. The backend's own runs on one core.

use burn::backend::Flex;
use burn::tensor::Tensor;

use super::record::{Flat, made, primitive};
use super::simd::{LANES, dot, fused, rows_of_a_piece, spread, total, widest, widest_fused};

/// Fewest and most columns of a piece: long enough to be fetched ahead, and sums that stay in the nearest cache.
const COLUMNS: (usize, usize) = (1024, 4096);
/// Rows of which the backend's product makes a sum of its own, at most.
const RUN: usize = 512;

/// `x @ weight`, where `x` is one row and `weight`, `[d_in, d_out]`, lies in memory as it is or transposed; none
/// otherwise. Neither has gradients.
pub(crate) fn product_of_row<const D: usize>(
    x: &Tensor<D>,
    weight: &Tensor<2>,
) -> Option<Tensor<D>> {
    let (mut shape, [d_in, d_out]) = (x.shape(), weight.dims());
    if shape.num_elements() != d_in {
        return None;
    }
    let weight = primitive(weight.clone());
    let (from, strides) = (weight.layout().start_offset(), weight.layout().strides());
    let row = || Flat::new(primitive(x.clone()));
    let mut out = vec![0.0; d_out];
    if *strides == [d_out as isize, 1] {
        of_rows(&row(), &weight.storage()[from..from + d_in * d_out], &mut out);
    } else if *strides == [1, d_in as isize] {
        of_columns(&row(), &weight.storage()[from..from + d_in * d_out], &mut out);
    } else {
        return None;
    }
    shape[D - 1] = d_out;
    Some(Tensor::from_primitive::<Flex>(made(out, shape)))
}

/// `weight` holds the columns of the product's matrix one after the other. Four are read side by side: memory that is read
/// in several places at once is fetched ahead faster.
fn of_columns(x: &[f32], weight: &[f32], out: &mut [f32]) {
    let width = x.len();
    let columns = (2 * rows_of_a_piece(width)).next_multiple_of(4);
    let pieces = out.chunks_mut(columns).zip(weight.chunks(columns * width));
    spread(pieces, |(out, weight)| {
        widest(
            #[inline(always)]
            || {
                let (fours, weights) = (out.chunks_exact_mut(4), weight.chunks_exact(4 * width));
                let rest = weights.remainder().chunks_exact(width);
                for (out, weights) in fours.zip(weights) {
                    out.copy_from_slice(&dots(x, weights));
                }
                for (out, column) in out.iter_mut().rev().zip(rest.rev()) {
                    *out = dot(x, column);
                }
            },
        );
    });
}

/// Products of `x` with four columns.
#[inline(always)]
fn dots(x: &[f32], columns: &[f32]) -> [f32; 4] {
    let width = x.len();
    let mut sums = [[0.0_f32; LANES]; 4];
    for (chunk, x) in x.chunks(LANES).enumerate() {
        for (column, sums) in sums.iter_mut().enumerate() {
            let weights = &columns[column * width + chunk * LANES..][..x.len()];
            for (sum, (x, weight)) in sums.iter_mut().zip(x.iter().zip(weights)) {
                *sum += x * weight;
            }
        }
    }
    sums.map(total)
}

/// `weight` holds the rows of the product's matrix one after the other. They are taken in runs, and the sums of all runs are
/// added at the end: the order in which the backend's product of many rows adds, so that a token gets the same numbers
/// when it is written as when it is read.
fn of_rows(x: &[f32], weight: &[f32], out: &mut [f32]) {
    let (d_in, d_out) = (x.len(), out.len());
    let run = d_in.div_ceil(d_in.div_ceil(RUN));
    let columns = (2 * rows_of_a_piece(run)).clamp(COLUMNS.0, COLUMNS.1);
    let mut parts = vec![0.0; d_in.div_ceil(run) * d_out];
    let pieces =
        parts.chunks_mut(d_out).zip(x.chunks(run)).enumerate().flat_map(|(part, (sums, x))| {
            sums.chunks_mut(columns)
                .enumerate()
                .map(move |(block, sums)| (sums, x, part * run * d_out + block * columns))
        });
    spread(pieces, |(sums, x, from)| {
        widest_fused(
            #[inline(always)]
            |is_fused| add_rows(sums, x, &weight[from..], d_out, is_fused),
        );
    });
    let (first, others) = parts.split_at(d_out);
    out.copy_from_slice(first);
    for other in others.chunks_exact(d_out) {
        for (out, other) in out.iter_mut().zip(other) {
            *out += other;
        }
    }
}

/// Adds `x[i]` times row `i` to `sums`, eight rows at a time; rows begin `stride` numbers after each other.
#[inline(always)]
fn add_rows(sums: &mut [f32], x: &[f32], weight: &[f32], stride: usize, is_fused: bool) {
    let width = sums.len();
    let row = |i: usize| &weight[i * stride..i * stride + width];
    let eights = x.len() / 8 * 8;
    for i in (0..eights).step_by(8) {
        let x: [f32; 8] = std::array::from_fn(|lane| x[i + lane]);
        let rows: [&[f32]; 8] = std::array::from_fn(|lane| row(i + lane));
        for (j, sum) in sums.iter_mut().enumerate() {
            for lane in 0..8 {
                *sum = fused(is_fused, x[lane], rows[lane][j], *sum);
            }
        }
    }
    for (i, x) in x.iter().enumerate().skip(eights) {
        for (sum, weight) in sums.iter_mut().zip(row(i)) {
            *sum = fused(is_fused, *x, *weight, *sum);
        }
    }
}
