//! Products of matrices, written where they belong.
//!
//! By the same `gemm` as the backend's own. That one's output is first cleared, then copied for its alignment, by one
//! thread; here each core writes its part of fresh memory.

use burn::backend::flex::FlexTensor;
use burn::tensor::Shape;
use std::mem::MaybeUninit;

use super::record::made;

/// Products of a number with a number from which all cores are worth waking; where burn draws the line, too.
const MANY: usize = 192 * 192 * 192;

/// Numbers of a slice as a matrix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix<'a> {
    numbers: &'a [f32],
    shape: [usize; 2],
    /// From a row to the next, and from a column to the next.
    strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// # Panics
    ///
    /// If the matrix reaches beyond the slice.
    pub(super) fn new(numbers: &'a [f32], shape: [usize; 2], strides: [usize; 2]) -> Self {
        let [rows, columns] = shape;
        let last = rows.saturating_sub(1) * strides[0] + columns.saturating_sub(1) * strides[1];
        assert!(rows * columns == 0 || last < numbers.len(), "a matrix within its numbers");
        Self { numbers, shape, strides }
    }

    pub(super) fn transposed(self) -> Self {
        let ([rows, columns], [down, right]) = (self.shape, self.strides);
        Self { shape: [columns, rows], strides: [right, down], ..self }
    }
}

/// Who multiplies.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cores {
    /// The core that asks.
    One,
    /// All, if there is enough to do.
    All,
}

/// Writes `lhs @ rhs` into `out`, whose rows begin `stride` numbers after each other. All numbers of those rows are
/// written, and none between them.
///
/// # Panics
///
/// If the matrices do not fit each other, or the product does not fit into `out`.
pub(super) fn multiply(
    lhs: Matrix<'_>,
    rhs: Matrix<'_>,
    out: &mut [MaybeUninit<f32>],
    stride: usize,
    cores: Cores,
) {
    let ([rows, depth], [of_rhs, columns]) = (lhs.shape, rhs.shape);
    assert_eq!(depth, of_rhs, "columns of one matrix, and rows of the other");
    if rows * columns == 0 {
        return;
    }
    assert!(columns <= stride || rows == 1, "rows of a product that do not overlap");
    assert!((rows - 1) * stride + columns <= out.len(), "a product within its place");
    let parallelism = match cores {
        Cores::All if rows * columns * depth >= MANY => gemm::Parallelism::Rayon(0),
        _ => gemm::Parallelism::None,
    };
    #[expect(
        unsafe_code,
        reason = "gemm takes pointers, so that it can write into parts of a matrix"
    )]
    // SAFETY: `Matrix::new` checked that every element of both matrices lies in its slice, and the lines above that every
    // element of the product lies in `out`, which nobody else holds. `gemm` does not read what it is told to write over.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            out.as_mut_ptr().cast::<f32>(),
            1,
            stride as isize,
            false,
            lhs.numbers.as_ptr(),
            lhs.strides[1] as isize,
            lhs.strides[0] as isize,
            rhs.numbers.as_ptr(),
            rhs.strides[1] as isize,
            rhs.strides[0] as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// `x @ weight`, both of two axes and any strides.
pub(super) fn product(x: &FlexTensor, weight: &FlexTensor) -> FlexTensor {
    let (x, weight) = (positive(x), positive(weight));
    let (lhs, rhs) = (matrix(&x), matrix(&weight));
    let (rows, columns) = (lhs.shape[0], rhs.shape[1]);
    let fill = |out: &mut [_]| multiply(lhs, rhs, out, columns, Cores::All);
    made(filled(Vec::new(), rows * columns, fill), Shape::new([rows, columns]))
}

/// `len` numbers, all of which `fill` writes, in memory that was something else's or is fresh.
pub(super) fn filled(
    mut memory: Vec<f32>,
    len: usize,
    fill: impl FnOnce(&mut [MaybeUninit<f32>]),
) -> Vec<f32> {
    memory.clear();
    memory.reserve_exact(len);
    fill(&mut memory.spare_capacity_mut()[..len]);
    #[expect(unsafe_code, reason = "memory is not cleared before it is written")]
    // SAFETY: the capacity is there, and every `fill` of this crate writes all of it, by `multiply`.
    unsafe {
        memory.set_len(len);
    }
    memory
}

/// Without flipped axes.
pub(super) fn positive(x: &FlexTensor) -> FlexTensor {
    if x.layout().strides().iter().all(|stride| *stride >= 0) {
        x.clone()
    } else {
        x.to_contiguous()
    }
}

fn matrix(x: &FlexTensor) -> Matrix<'_> {
    let (shape, strides) = (x.layout().shape(), x.layout().strides());
    let numbers: &[f32] = x.storage();
    Matrix::new(
        &numbers[x.layout().start_offset()..],
        [shape[0], shape[1]],
        [strides[0].unsigned_abs(), strides[1].unsigned_abs()],
    )
}
