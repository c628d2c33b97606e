//! Products with weights.

use burn::tensor::{DType, Tensor};

/// `x @ weight + bias`. Many sequences are one product; a single row reads the weight once, on all cores.
///
/// # Shapes
///
/// - `x`: `[.., d_in]`; `weight`: `[d_in, d_out]`, packed or not; `bias`: `[d_out]`; output: `[.., d_out]`
///
/// # Panics
///
/// If the shapes do not fit.
#[must_use]
pub fn linear<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
) -> Tensor<D> {
    let [d_in, d_out] = weight.dims();
    assert_eq!(x.dims()[D - 1], d_in, "numbers of a row, and rows of the weight");
    #[cfg(feature = "flex")]
    if crate::cpu::serves_without_gradients(&x, &weight) {
        let product = crate::cpu::product_of_row(&x, &weight).unwrap_or_else(|| {
            crate::cpu::product(merged(&x, d_in), weight).reshape(wide(&x, d_out))
        });
        return match bias {
            None => product,
            Some(bias) => crate::cpu::add_row(product, bias),
        };
    }
    let rows = x.shape().num_elements() / d_in.max(1);
    let is_packed = matches!(weight.dtype(), DType::QFloat(_));
    if D > 2 && rows > x.dims()[D - 2] && !is_packed {
        return burn::tensor::module::linear(merged(&x, d_in), weight, bias)
            .reshape(wide(&x, d_out));
    }
    burn::tensor::module::linear(x, weight, bias)
}

/// `x @ table^T`: the head of a model whose embedding is the head too. Its gradient of the table lies in memory as the
/// table does, so that it adds up quickly with the gradient of looking up rows.
///
/// # Shapes
///
/// - `x`: `[.., width]`; `table`: `[words, width]`; output: `[.., words]`
///
/// # Panics
///
/// If the widths differ.
#[must_use]
pub fn product_with_rows<const D: usize>(x: Tensor<D>, table: Tensor<2>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if x.is_autodiff() && crate::cpu::serves(&x) {
        let [words, width] = table.dims();
        assert_eq!(x.dims()[D - 1], width, "numbers of a row, and of the table's");
        return crate::cpu::product_with_rows(merged(&x, width), table).reshape(wide(&x, words));
    }
    linear(x, table.transpose(), None)
}

/// All rows one below the other.
fn merged<const D: usize>(x: &Tensor<D>, width: usize) -> Tensor<2> {
    let rows = x.shape().num_elements() / width.max(1);
    x.clone().reshape([rows, width])
}

/// The shape of `x` with another width.
fn wide<const D: usize>(x: &Tensor<D>, width: usize) -> [usize; D] {
    let mut shape = x.dims();
    shape[D - 1] = width;
    shape
}
