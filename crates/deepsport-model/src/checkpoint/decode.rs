//! From the bytes of a file to numbers of the wanted precision, transposed on the way where wanted.

use half::{bf16, f16};
use rayon::prelude::*;
use safetensors::tensor::Dtype;

/// A precision that weights are kept in.
pub(super) trait Number: Copy + Default + Send + Sync {
    fn from_f32(value: f32) -> Self;
    fn is_finite(self) -> bool;
}

impl Number for f32 {
    fn from_f32(value: f32) -> Self {
        value
    }

    fn is_finite(self) -> bool {
        f32::is_finite(self)
    }
}

impl Number for bf16 {
    fn from_f32(value: f32) -> Self {
        Self::from_f32(value)
    }

    fn is_finite(self) -> bool {
        bf16::is_finite(self)
    }
}

impl Number for f16 {
    fn from_f32(value: f32) -> Self {
        Self::from_f32(value)
    }

    fn is_finite(self) -> bool {
        f16::is_finite(self)
    }
}

/// A number that is not finite in the wanted precision, and its place, row-major as in the file.
#[derive(Debug, PartialEq)]
pub(super) struct NotFinite {
    pub(super) element: usize,
    pub(super) value: f32,
}

/// Columns that one task transposes: a cache line of single precision and then some.
const COLUMNS: usize = 32;

/// The numbers of `bytes`. With `columns` given they are a matrix of so many columns, and come transposed.
pub(super) fn decode<T: Number>(
    bytes: &[u8],
    dtype: Dtype,
    columns: Option<usize>,
) -> Result<Vec<T>, NotFinite> {
    match dtype {
        Dtype::BF16 => read(bytes, columns, |b: [u8; 2]| bf16::from_le_bytes(b).to_f32()),
        Dtype::F16 => read(bytes, columns, |b: [u8; 2]| f16::from_le_bytes(b).to_f32()),
        Dtype::F64 => read(bytes, columns, |b: [u8; 8]| f64::from_le_bytes(b) as f32),
        _ => read(bytes, columns, f32::from_le_bytes),
    }
}

fn read<T: Number, const N: usize>(
    bytes: &[u8],
    columns: Option<usize>,
    value: impl Fn([u8; N]) -> f32 + Sync,
) -> Result<Vec<T>, NotFinite> {
    let (elements, _) = bytes.as_chunks::<N>();
    let mut numbers = vec![T::default(); elements.len()];
    let take = |element: usize| {
        let value = value(elements[element]);
        let number = T::from_f32(value);
        (number, (!number.is_finite()).then_some(NotFinite { element, value }))
    };
    let bad = match columns.filter(|columns| *columns > 0 && !elements.is_empty()) {
        None => numbers
            .par_chunks_mut(1 << 14)
            .enumerate()
            .filter_map(|(chunk, out)| {
                let mut bad = None;
                for (i, out) in out.iter_mut().enumerate() {
                    let (number, found) = take((chunk << 14) + i);
                    *out = number;
                    bad = bad.or(found);
                }
                bad
            })
            .min_by_key(|bad| bad.element),
        Some(columns) => {
            let rows = elements.len() / columns;
            numbers
                .par_chunks_mut(COLUMNS * rows)
                .enumerate()
                .filter_map(|(chunk, out)| {
                    let (first, width) = (chunk * COLUMNS, out.len() / rows);
                    let mut bad = None;
                    for row in 0..rows {
                        for column in 0..width {
                            let (number, found) = take(row * columns + first + column);
                            out[column * rows + row] = number;
                            bad = bad.or(found);
                        }
                    }
                    bad
                })
                .min_by_key(|bad| bad.element)
        }
    };
    bad.map_or(Ok(numbers), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn a_matrix_wider_than_a_task_is_transposed() {
        let (rows, columns) = (3, 70);
        let values: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
        let transposed: Vec<f32> = decode(&bytes(&values), Dtype::F32, Some(columns)).unwrap();
        for row in 0..rows {
            for column in 0..columns {
                assert_eq!(transposed[column * rows + row], values[row * columns + column]);
            }
        }
    }

    #[test]
    fn the_first_number_that_is_none_is_named() {
        let values = [0.0, 1.0, f32::INFINITY, f32::NAN];
        let found = decode::<f32>(&bytes(&values), Dtype::F32, Some(2)).unwrap_err();
        assert_eq!(found, NotFinite { element: 2, value: f32::INFINITY });
    }

    #[test]
    fn a_number_that_the_wanted_precision_cannot_hold_is_named() {
        let values = bytes(&[1.0, 1e5]);
        assert!(decode::<bf16>(&values, Dtype::F32, None).is_ok());
        let found = decode::<f16>(&values, Dtype::F32, None).unwrap_err();
        assert_eq!(found, NotFinite { element: 1, value: 1e5 });
    }
}
