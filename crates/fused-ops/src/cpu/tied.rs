//! The product with an embedding that is the head too.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps as _;
use burn::tensor::Tensor;

use super::record::{Operation, record};

/// `x @ table^T`. Its gradient of the table lies in memory as the table does; that of a product with a transposed tensor
/// lies across, and adding it to the gradient of looking up rows would take longer than the product.
///
/// # Shapes
///
/// - `x`: `[rows, width]`; `table`: `[words, width]`; output: `[rows, words]`
pub(crate) fn product_with_rows(x: Tensor<2>, table: Tensor<2>) -> Tensor<2> {
    record(ProductWithRows, [x.into(), table.into()])
}

#[derive(Debug, Clone)]
struct ProductWithRows;

impl Operation<2> for ProductWithRows {
    type Kept = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 2], keep: bool) -> (FlexTensor, Option<Self::Kept>) {
        let kept = keep.then(|| inputs.clone());
        let [x, table] = inputs;
        (Flex::float_matmul(x, Flex::float_transpose(table)), kept)
    }

    fn backward(&self, [x, table]: [FlexTensor; 2], grad: FlexTensor) -> [FlexTensor; 2] {
        let of_table = Flex::float_matmul(Flex::float_transpose(grad.clone()), x);
        [Flex::float_matmul(grad, table), of_table]
    }
}
