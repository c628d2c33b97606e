//! Golden files.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// A file of golden tensors.
pub(crate) struct Golden {
    path: String,
    bytes: Vec<u8>,
}

impl Golden {
    /// `None` if the file is not there.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let name = path.display().to_string();
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
        SafeTensors::deserialize(&bytes).with_context(|| name.clone())?;
        Ok(Some(Self { path: name, bytes }))
    }

    fn view<T>(
        &self,
        name: &str,
        read: impl FnOnce(Dtype, &[u8], &[usize]) -> Result<T>,
    ) -> Result<T> {
        let tensors = SafeTensors::deserialize(&self.bytes).context("was read before")?;
        let view = tensors.tensor(name).with_context(|| format!("{}: {name}", self.path))?;
        read(view.dtype(), view.data(), view.shape())
            .with_context(|| format!("{}: {name}", self.path))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.view(name, |_, _, _| Ok(())).is_ok()
    }

    /// All names, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let tensors = SafeTensors::deserialize(&self.bytes);
        let mut names: Vec<String> = tensors
            .map(|tensors| tensors.names().iter().map(|name| (*name).to_owned()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }

    pub(crate) fn shape<const D: usize>(&self, name: &str) -> Result<[usize; D]> {
        self.view(name, |_, _, shape| {
            shape.try_into().with_context(|| format!("has shape {shape:?}, needs {D} axes"))
        })
    }

    pub(crate) fn floats(&self, name: &str) -> Result<Vec<f32>> {
        self.view(name, |dtype, data, _| {
            Ok(match dtype {
                Dtype::F32 => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
                Dtype::F64 => {
                    data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect()
                }
                other => bail!("is {other:?}, needs F32 or F64"),
            })
        })
    }

    pub(crate) fn ints(&self, name: &str) -> Result<Vec<i64>> {
        self.view(name, |dtype, data, _| {
            Ok(match dtype {
                Dtype::I64 => data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect(),
                Dtype::I32 => {
                    data.as_chunks().0.iter().map(|b| i64::from(i32::from_le_bytes(*b))).collect()
                }
                other => bail!("is {other:?}, needs I32 or I64"),
            })
        })
    }

    /// A list of `[time, height, width]`.
    pub(crate) fn grids(&self, name: &str) -> Result<Vec<[usize; 3]>> {
        Ok(self
            .ints(name)?
            .as_chunks::<3>()
            .0
            .iter()
            .map(|grid| grid.map(|size| size as usize))
            .collect())
    }
}

/// A JSON file, if it is there.
pub(crate) fn json(path: &Path) -> Result<Option<Value>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).map(Some).with_context(|| path.display().to_string())
}

/// A field as a type of ours.
pub(crate) fn field<T: serde::de::DeserializeOwned>(value: &Value, name: &str) -> Result<T> {
    serde_json::from_value(value[name].clone()).with_context(|| format!("field {name}"))
}
