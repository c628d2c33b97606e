//! Attention of many queries, without gradients: scores, weights and values of a few queries at a time, which stay in the
//! caches of one core, read from and written to where they lie.

use std::mem::MaybeUninit;

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{Shape, Tensor};
use rayon::prelude::*;

use super::product::{Cores, Matrix, filled, multiply, positive};
use super::record::{made, primitive};
use super::simd::widest;
use super::softmax::normalise;

/// Most queries of a piece of work: their scores stay in the caches (ours, as [`FEW`]).
const CHUNK: usize = 128;
/// Fewest, for products that are worth their call.
const FEW: usize = 32;

/// Which numbers of three tensors a run of queries attends with.
#[derive(Debug, Clone, Copy)]
struct Segment {
    /// Where the first query, key and value lie, each before its heads.
    from: [usize; 3],
    queries: usize,
    keys: usize,
}

/// Queries that one core takes, and the first of them.
struct Piece<'a> {
    segment: Segment,
    first: usize,
    out: &'a mut [MaybeUninit<f32>],
}

/// A tensor of heads, with the strides of its tokens and heads; a head's numbers lie together.
struct Heads {
    tensor: FlexTensor,
    token: usize,
    head: usize,
}

/// How all segments are attended.
struct Attention {
    parts: [Heads; 3],
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    past: bool,
}

/// Values weighted by `softmax(query . key / sqrt(head_dim))`; with `past`, of the keys up to a query's own, the last
/// query's being the last key.
///
/// # Shapes
///
/// - `query` and output: `[batch, heads, queries, head_dim]`; `key`, `value`: `[batch, kv_heads, keys, head_dim]`
pub(crate) fn attend([query, key, value]: [Tensor<4>; 3], past: bool) -> Tensor<4> {
    let [batch, heads, queries, head_dim] = query.dims();
    let [_, kv_heads, keys, _] = key.dims();
    let parts = [query, key, value].map(|x| Heads::new(primitive(x), [2, 1]));
    let from = |part: &Heads, row: usize| {
        part.tensor.layout().start_offset() + row * part.tensor.layout().strides()[0].unsigned_abs()
    };
    let segments: Vec<Segment> = (0..batch)
        .map(|row| Segment { from: parts.each_ref().map(|part| from(part, row)), queries, keys })
        .collect();
    let attention = Attention { parts, heads, kv_heads, head_dim, past };
    let out = made(attention.of(&segments), Shape::new([batch, queries, heads, head_dim]));
    Tensor::<4>::from_primitive::<Flex>(out).swap_dims(1, 2)
}

/// The same among the tokens of each segment of one long sequence.
///
/// # Shapes
///
/// - `query`, `key`, `value` and output: `[1, tokens, heads, head_dim]`; `lengths` add up to `tokens`
pub(crate) fn attend_segments([query, key, value]: [Tensor<4>; 3], lengths: &[usize]) -> Tensor<4> {
    let [_, tokens, heads, head_dim] = query.dims();
    let parts = [query, key, value].map(|x| Heads::new(primitive(x), [1, 2]));
    let mut first = 0;
    let segments: Vec<Segment> = lengths
        .iter()
        .map(|&len| {
            let from = parts
                .each_ref()
                .map(|part| part.tensor.layout().start_offset() + first * part.token);
            first += len;
            Segment { from, queries: len, keys: len }
        })
        .collect();
    let attention = Attention { parts, heads, kv_heads: heads, head_dim, past: false };
    let out = made(attention.of(&segments), Shape::new([1, tokens, heads, head_dim]));
    Tensor::from_primitive::<Flex>(out)
}

impl Heads {
    fn new(tensor: FlexTensor, [token, head]: [usize; 2]) -> Self {
        let tensor = positive(&tensor);
        let is_together = tensor.layout().strides().last() == Some(&1);
        let tensor = if is_together { tensor } else { tensor.to_contiguous() };
        let strides = tensor.layout().strides();
        let (token, head) = (strides[token].unsigned_abs(), strides[head].unsigned_abs());
        Self { tensor, token, head }
    }

    /// The numbers of a head, a token a row.
    fn matrix(&self, from: usize, head: usize, tokens: usize, head_dim: usize) -> Matrix<'_> {
        let numbers: &[f32] = self.tensor.storage();
        Matrix::new(&numbers[from + head * self.head..], [tokens, head_dim], [self.token, 1])
    }
}

impl Attention {
    /// Tokens of all segments one after the other, each with its heads.
    fn of(&self, segments: &[Segment]) -> Vec<f32> {
        let width = self.heads * self.head_dim;
        let queries: usize = segments.iter().map(|segment| segment.queries).sum();
        let chunk = queries.div_ceil(4 * rayon::current_num_threads()).clamp(FEW, CHUNK);
        filled(Vec::new(), queries * width, |mut out| {
            let mut pieces = Vec::new();
            for &segment in segments {
                for first in (0..segment.queries).step_by(chunk) {
                    let len = chunk.min(segment.queries - first);
                    let (of_piece, rest) = out.split_at_mut(len * width);
                    pieces.push(Piece { segment, first, out: of_piece });
                    out = rest;
                }
            }
            pieces
                .into_par_iter()
                .for_each_init(Vec::new, |scores, piece| self.piece(scores, piece));
        })
    }

    fn piece(&self, scores: &mut Vec<f32>, Piece { segment, first, out }: Piece<'_>) {
        let (head_dim, width) = (self.head_dim, self.heads * self.head_dim);
        let (queries, scale) = (out.len() / width, 1.0 / (head_dim as f32).sqrt());
        let unseen = if self.past { segment.queries - first - queries } else { 0 };
        let keys = segment.keys - unseen; // up to the last query of the piece
        let [query, key, value] = &self.parts;
        for head in 0..self.heads {
            let kv_head = head / (self.heads / self.kv_heads);
            let query =
                query.matrix(segment.from[0] + first * query.token, head, queries, head_dim);
            let key = key.matrix(segment.from[1], kv_head, keys, head_dim);
            let value = value.matrix(segment.from[2], kv_head, keys, head_dim);
            *scores = filled(std::mem::take(scores), queries * keys, |scores| {
                multiply(query, key.transposed(), scores, keys, Cores::One);
            });
            widest(
                #[inline(always)]
                || {
                    for (row, scores) in scores.chunks_exact_mut(keys).enumerate() {
                        let seen = if self.past { keys - queries + row + 1 } else { keys };
                        let (seen, unseen) = scores.split_at_mut(seen);
                        normalise(seen, scale);
                        unseen.fill(0.0);
                    }
                },
            );
            let weights = Matrix::new(scores, [queries, keys], [keys, 1]);
            multiply(weights, value, &mut out[head * head_dim..], width, Cores::One);
        }
    }
}
