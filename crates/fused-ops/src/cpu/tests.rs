//! Each kernel against the composition of burn's operations that it stands for, values and gradients.

use burn::tensor::activation::{log_softmax, sigmoid, softmax};
use burn::tensor::{Bool, Device, Distribution, Int, Tensor, TensorData};

use super::*;
use crate::attention::Seen;

/// Of sums of a few hundred products of numbers around 1, in two orders.
const ROUNDING: f32 = 2e-5;

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex().autodiff())
}

/// Outputs of both, and gradients of `inputs` behind a weighted sum of each.
#[track_caller]
fn check<const D: usize, const E: usize, const N: usize>(
    inputs: [Tensor<D>; N],
    ours: impl Fn([Tensor<D>; N]) -> Tensor<E>,
    composed: impl Fn([Tensor<D>; N]) -> Tensor<E>,
) {
    let inputs = inputs.map(Tensor::require_grad);
    let (a, b) = (ours(inputs.clone()), composed(inputs.clone()));
    let plain = ours(inputs.clone().map(Tensor::inner));
    let weights = random(a.dims());
    close("output", a.clone().inner(), b.clone().inner());
    close("output without gradients", plain, b.clone().inner());
    let (of_a, of_b) = ((a * weights.clone()).sum().backward(), (b * weights).sum().backward());
    for (index, input) in inputs.iter().enumerate() {
        let grad = |of| input.grad(of).expect("a gradient");
        close(&format!("gradient {index}"), grad(&of_a), grad(&of_b));
    }
}

#[track_caller]
fn close<const D: usize>(what: &str, a: Tensor<D>, b: Tensor<D>) {
    assert_eq!(a.dims(), b.dims(), "{what}");
    let scale = b.clone().abs().max().into_scalar::<f32>().max(1.0);
    let difference = (a - b).abs().max().into_scalar::<f32>() / scale;
    assert!(difference < ROUNDING, "{what} differs by {difference:e}");
}

#[test]
fn rms_norms() {
    for shape in [[3, 2, 40], [1, 700, 96]] {
        let weight = random([shape[2]]).require_grad();
        let composed = |x: Tensor<3>, weight: Tensor<1>| {
            let mean_square = (x.clone() * x.clone()).mean_dim(2);
            x * (mean_square + 1e-6).sqrt().recip() * weight.unsqueeze()
        };
        let of = |weight: &Tensor<1>, x: &Tensor<3>| {
            if x.is_autodiff() { weight.clone() } else { weight.clone().inner() }
        };
        check(
            [random(shape)],
            |[x]| rms_norm(x.clone(), of(&weight, &x), 1e-6),
            |[x]| composed(x.clone(), of(&weight, &x)),
        );
        let (x, upstream) = (random(shape), random(shape));
        let grad = |y: Tensor<3>| {
            weight.grad(&(y * upstream.clone()).sum().backward()).expect("a gradient")
        };
        close(
            "gradient of the weight",
            grad(rms_norm(x.clone(), weight.clone(), 1e-6)),
            grad(composed(x.clone(), weight.clone())),
        );
    }
}

#[test]
fn layer_norms() {
    for shape in [[3, 2, 40], [1, 700, 96]] {
        let rows = [random([shape[2]]), random([shape[2]])].map(Tensor::require_grad);
        let composed = |x: Tensor<3>, [weight, bias]: [Tensor<1>; 2]| {
            let centred = x.clone() - x.mean_dim(2);
            let variance = (centred.clone() * centred.clone()).mean_dim(2);
            centred * (variance + 1e-6).sqrt().recip() * weight.unsqueeze() + bias.unsqueeze()
        };
        let of =
            |x: &Tensor<3>| rows.clone().map(|row| if x.is_autodiff() { row } else { row.inner() });
        let ours = |x: Tensor<3>, [weight, bias]: [Tensor<1>; 2]| layer_norm(x, weight, bias, 1e-6);
        // far from 0, so that a variance of large numbers would lose its digits
        let x = || random(shape) + 30.0;
        check([x()], |[x]| ours(x.clone(), of(&x)), |[x]| composed(x.clone(), of(&x)));
        let (x, upstream) = (x(), random(shape));
        for row in &rows {
            let grad = |y: Tensor<3>| {
                row.grad(&(y * upstream.clone()).sum().backward()).expect("a gradient")
            };
            close(
                "gradient of a row",
                grad(ours(x.clone(), rows.clone())),
                grad(composed(x.clone(), rows.clone())),
            );
        }
    }
}

#[test]
fn gelus() {
    for shape in [[5, 7], [130, 700]] {
        check(
            [random(shape).mul_scalar(3.0)],
            |[x]| gelu(x),
            |[x]| burn::tensor::activation::gelu(x),
        );
    }
}

#[test]
fn sums() {
    for shape in [[3, 2, 40], [1, 700, 96]] {
        let (a, b) = (random(shape).inner(), random(shape).inner());
        let row = random([shape[2]]).inner();
        let expected = a.clone() + b.clone();
        close("nobody's", add(a.clone() * 1.0, b.clone()), expected.clone());
        close("the second nobody's", add(a.clone(), b.clone() * 1.0), expected.clone());
        close("both held", add(a.clone(), b.clone()), expected.clone());
        close(
            "a part",
            add(a.clone().narrow(1, 1, 1), b.narrow(1, 1, 1)),
            expected.narrow(1, 1, 1),
        );
        close("rows", add_row(a.clone(), row.clone()), a.clone() + row.clone().unsqueeze());
        close(
            "rows across",
            add_row(a.clone().swap_dims(0, 1), row.clone()),
            (a + row.unsqueeze()).swap_dims(0, 1),
        );
    }
}

#[test]
fn gates() {
    for shape in [[5, 7], [130, 700]] {
        check(
            [random(shape), random(shape)],
            |[gate, up]| swiglu(gate, up),
            |[gate, up]| sigmoid(gate.clone()) * gate * up,
        );
    }
}

#[test]
fn rotations_also_of_a_part_of_a_row() {
    for (batch, tables) in [(1, 1), (3, 1), (3, 3)] {
        let angles = random([tables, 50, 1, 4]).inner();
        let (cos, sin) = (angles.clone().cos(), angles.sin());
        check(
            [random([batch, 50, 6, 8])],
            |[x]| rotate(x.narrow(2, 1, 3), &cos, &sin),
            |[x]| {
                let table = |t: &Tensor<4>| {
                    if x.is_autodiff() { Tensor::from_inner(t.clone()) } else { t.clone() }
                };
                let (cos, sin) = (table(&cos), table(&sin));
                let x = x.narrow(2, 1, 3);
                let (a, b) = (x.clone().narrow(3, 0, 4), x.narrow(3, 4, 4));
                let first = a.clone() * cos.clone() - b.clone() * sin.clone();
                Tensor::cat(vec![first, b * cos + a * sin], 3)
            },
        );
    }
}

#[test]
fn weights_of_attention() {
    let (batch, kv_heads, groups, queries, keys) = (2, 2, 3, 5, 37);
    let marks: Vec<bool> = (0..batch * queries * keys)
        .map(|i| i % 7 == 3 || (i / keys == 4 && i % keys > 0))
        .collect();
    let marked: Tensor<4, Bool> =
        Tensor::from_data(TensorData::new(marks, [batch, 1, queries, keys]), &Device::flex());
    let past: Vec<bool> =
        (0..queries * keys).map(|i| i % keys > keys - queries + i / keys).collect();
    let past = Tensor::from_data(TensorData::new(past, [1, 1, queries, keys]), &Device::flex());
    for (seen, hidden) in [
        (Seen::All, None),
        (Seen::Past, Some(past)),
        (Seen::Unmarked(Box::new(marked.clone())), Some(marked)),
    ] {
        check(
            [random([batch, kv_heads, groups * queries, keys])],
            |[scores]| attention_weights(scores, &seen, queries, 0.3),
            |[scores]| {
                let scores = scores.mul_scalar(0.3);
                softmax(
                    match &hidden {
                        Some(hidden) => {
                            scores.mask_fill(hidden.clone().repeat_dim(2, groups), -1e30)
                        }
                        None => scores,
                    },
                    3,
                )
            },
        );
    }
}

/// Against softmax of products, for heads that lie together and apart, and queries in several pieces.
#[test]
fn attention_of_many_queries() {
    let naive = |query: Tensor<4>, key: Tensor<4>, value: Tensor<4>, past: bool| {
        let [_, heads, queries, head_dim] = query.dims();
        let [_, kv_heads, keys, _] = key.dims();
        let repeated = |x: Tensor<4>| {
            let of_heads: Vec<_> =
                (0..heads).map(|head| x.clone().narrow(1, head * kv_heads / heads, 1)).collect();
            Tensor::cat(of_heads, 1)
        };
        let scores = query.matmul(repeated(key).swap_dims(2, 3)) / (head_dim as f32).sqrt();
        let marks: Vec<bool> =
            (0..queries * keys).map(|i| past && i % keys > keys - queries + i / keys).collect();
        let hidden: Tensor<4, Bool> =
            Tensor::from_data(TensorData::new(marks, [1, 1, queries, keys]), &Device::flex());
        let hidden = hidden.expand([scores.dims()[0], heads, queries, keys]);
        softmax(scores.mask_fill(hidden, -1e30), 3).matmul(repeated(value))
    };
    for (batch, heads, kv_heads, queries, keys, past) in
        [(1, 3, 3, 40, 40, false), (2, 4, 2, 300, 330, true), (2, 4, 1, 17, 17, true)]
    {
        let token_first = |heads, tokens| random([batch, tokens, heads + 1, 12]).inner();
        let query = token_first(heads, queries).narrow(2, 1, heads).swap_dims(1, 2);
        let key = token_first(kv_heads, keys).narrow(2, 0, kv_heads).swap_dims(1, 2);
        let value = random([batch, kv_heads, keys + 3, 12]).inner().narrow(2, 2, keys);
        close(
            "values",
            attend([query.clone(), key.clone(), value.clone()], past),
            naive(query, key, value, past),
        );
    }
    let lengths = [5, 64, 64, 131, 1];
    let all = random([1, 265, 9, 12]).inner();
    let [query, key, value] = [0, 3, 6].map(|head| all.clone().narrow(2, head, 3));
    let ours = attend_segments([query.clone(), key.clone(), value.clone()], &lengths);
    let mut start = 0;
    for len in lengths {
        let of = |x: &Tensor<4>| x.clone().narrow(1, start, len).swap_dims(1, 2);
        close("values of a segment", of(&ours), naive(of(&query), of(&key), of(&value), false));
        start += len;
    }
}

#[test]
fn products_of_matrices_however_they_lie() {
    for (rows, d_in, d_out) in [(1, 1, 1), (3, 5, 7), (200, 300, 190)] {
        let (x, weight) = (random([rows, d_in]).inner(), random([d_in, d_out]).inner());
        let expected = x.clone().matmul(weight.clone());
        close("as they lie", product(x.clone(), weight.clone()), expected.clone());
        let across = |x: Tensor<2>| {
            let [rows, columns] = x.dims();
            x.transpose().reshape([rows * columns]).reshape([columns, rows]).transpose()
        };
        close("across", product(across(x.clone()), across(weight.clone())), expected.clone());
        let wider = Tensor::cat(vec![random([rows, 2]).inner(), x.clone()], 1);
        close("a part", product(wider.narrow(1, 2, d_in), weight.clone()), expected.clone());
        close("flipped", product(x.flip([1]), weight.flip([0])), expected);
    }
}

#[test]
fn scores_of_words() {
    for (tokens, vocab, temperature) in [(3, 17, 1.0), (70, 1000, 0.7)] {
        let targets: Vec<i64> = (0..tokens).map(|token| (token * 31 % vocab) as i64).collect();
        let targets: Tensor<1, Int> =
            Tensor::from_data(TensorData::new(targets, [tokens]), &Device::flex());
        check(
            [random([tokens, vocab]).mul_scalar(3.0)],
            |[logits]| score(logits, targets.clone(), temperature),
            |[logits]| {
                let all = log_softmax(logits.div_scalar(temperature), 1);
                let of_target = all.clone().gather(1, targets.clone().unsqueeze_dim(1));
                let entropy = (all.clone().exp() * all).sum_dim(1).neg();
                Tensor::cat(vec![of_target, entropy], 1)
            },
        );
    }
}

#[test]
fn heads_that_are_embeddings() {
    check(
        [random([70, 30]), random([200, 30])],
        |[x, table]| {
            if x.is_autodiff() { product_with_rows(x, table) } else { x.matmul(table.transpose()) }
        },
        |[x, table]| x.matmul(table.transpose()),
    );
}

#[test]
fn products_of_a_row() {
    for (d_in, d_out) in [(5, 3), (8, 600), (1100, 700), (77, 9000)] {
        let (x, weight) = (random([1, 1, d_in]).inner(), random([d_in, d_out]).inner());
        let expected = x.clone().matmul(weight.clone().unsqueeze());
        let ours = product_of_row(&x, &weight).expect("rows");
        close("by rows", ours, expected.clone());
        let columns = weight.transpose().reshape([d_in * d_out]).reshape([d_out, d_in]);
        let ours = product_of_row(&x, &columns.transpose()).expect("columns");
        close("by columns", ours, expected);
    }
    let (two, weight) = (random([2, 4]).inner(), random([4, 4]).inner());
    assert!(product_of_row(&two, &weight).is_none());
}

/// A token's product is the same when the token is one of many: what sampling and training agree by.
#[test]
fn a_row_is_the_same_among_many() {
    for (d_in, d_out) in [(64, 96), (512, 256), (1024, 300)] {
        let (x, weight) = (random([40, d_in]).inner(), random([d_in, d_out]).inner());
        let many = x.clone().matmul(weight.clone());
        let one = product_of_row(&x.narrow(0, 7, 1), &weight).expect("a row");
        let difference = (one - many.narrow(0, 7, 1)).abs().max().into_scalar::<f32>();
        // to the bit where both are compiled for the same registers; in any case within the rounding of one sum
        assert!(difference < 4e-5, "{d_in} x {d_out}: {difference:e}");
    }
}
