//! One safetensors file: its header, and the bytes of a tensor on demand.
//!
//! Tensors are read by position, one at a time, so that loading holds one copy of the weights and the raw bytes of one
//! tensor. (Mapping the file instead would be as lazy, but a file that is cut while it is mapped ends the process.)

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use crate::{Error, Result};

/// Where a tensor lies.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) path: PathBuf,
    /// Its name in the file.
    pub(super) name: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    start: u64,
    len: usize,
}

impl Stored {
    pub(super) fn num_bytes(&self) -> u64 {
        self.len as u64
    }

    pub(super) fn read(&self) -> Result<Vec<u8>> {
        let read = || {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(self.start))?;
            let mut bytes = vec![0; self.len];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(Error::file("read", &self.path))
    }
}

/// Name and place of every tensor of a file, whose length is checked against its header.
pub(super) fn tensors(path: &Path) -> Result<Vec<(String, Stored)>> {
    let damaged = |source| Error::Safetensors { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(Error::file("read", path))?;
    let file_len = file.metadata().map_err(Error::file("read", path))?.len();
    let mut prefix = [0; 8];
    if file_len < 8 {
        return Err(damaged(SafeTensorError::HeaderTooSmall));
    }
    file.read_exact(&mut prefix).map_err(Error::file("read", path))?;
    let header_end = u64::from_le_bytes(prefix).checked_add(8).filter(|end| *end <= file_len);
    let header_end = header_end.ok_or_else(|| damaged(SafeTensorError::InvalidHeaderLength))?;
    let mut header = vec![0; header_end as usize];
    header[..8].copy_from_slice(&prefix);
    file.read_exact(&mut header[8..]).map_err(Error::file("read", path))?;
    let metadata: Metadata = serde_json::from_slice(&header[8..])
        .map_err(|e| damaged(SafeTensorError::InvalidHeaderDeserialization(e)))?;
    let tensors = metadata.tensors();
    check_places(&tensors, file_len - header_end).map_err(damaged)?;
    tensors
        .into_iter()
        .map(|(name, info)| {
            if !matches!(info.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64) {
                let dtype = format!("{:?}", info.dtype);
                return Err(Error::TensorType { tensor: name, path: path.to_owned(), dtype });
            }
            let (start, end) = info.data_offsets;
            let stored = Stored {
                path: path.to_owned(),
                name: name.clone(),
                dtype: info.dtype,
                shape: info.shape.clone(),
                start: header_end + start as u64,
                len: end - start,
            };
            Ok((name, stored))
        })
        .collect()
}

/// Tensors fill the `data_len` bytes behind the header without gap, each as long as its shape and type say.
fn check_places(
    tensors: &HashMap<String, &TensorInfo>,
    data_len: u64,
) -> std::result::Result<(), SafeTensorError> {
    let mut places: Vec<_> =
        tensors.iter().map(|(name, info)| (info.data_offsets, name, info)).collect();
    places.sort_unstable_by_key(|(offsets, ..)| *offsets);
    let mut end_of_last = 0;
    for ((start, end), name, info) in places {
        let elements =
            info.shape.iter().try_fold(1usize, |product, side| product.checked_mul(*side));
        let bits = elements.and_then(|elements| elements.checked_mul(info.dtype.bitsize()));
        let len = bits.ok_or(SafeTensorError::ValidationOverflow)? / 8;
        if start != end_of_last || end.checked_sub(start) != Some(len) {
            return Err(SafeTensorError::InvalidOffset(name.clone()));
        }
        end_of_last = end;
    }
    if end_of_last as u64 == data_len {
        Ok(())
    } else {
        Err(SafeTensorError::MetadataIncompleteBuffer)
    }
}
