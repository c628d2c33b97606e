//! From an opened checkpoint to a network.

use std::collections::BTreeSet;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, FloatDType, Tensor, TensorData};
use half::{bf16, f16};

use super::decode::{Number, decode};
use super::file::Stored;
use super::names::name_of_path;
use super::{Checkpoint, Report};
use crate::layers::Init;
use crate::network::Network;
use crate::{Error, Result};

/// How far loading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The tensor that was read last, by its published name.
    pub tensor: &'a str,
    /// Bytes of the files read so far.
    pub bytes_done: u64,
    /// Bytes to be read.
    pub bytes: u64,
}

impl Checkpoint {
    /// What of the model is missing, left over or of another shape. Reads nothing but the headers.
    #[must_use]
    pub fn report(&self) -> Report {
        self.compare(&Network::init(&self.config, &Init::new(&burn::tensor::Device::default())))
    }

    fn compare(&self, network: &Network) -> Report {
        let mut needed = Needed::default();
        network.visit(&mut needed);
        let mut report = Report::default();
        let names: BTreeSet<&str> =
            needed.parameters.iter().map(|(name, _)| name.as_str()).collect();
        for (name, shape) in &needed.parameters {
            match self.tensors.get(name) {
                None => report.missing.push(name.clone()),
                Some(stored) if !stored.fits(name, shape) => {
                    report.misshaped.push((
                        name.clone(),
                        stored.shape.clone(),
                        file_shape(name, shape),
                    ));
                }
                Some(_) => {}
            }
        }
        // a tied head may be stored a second time, and old files hold the rotary frequencies
        let tied_head = |name: &str| self.config.tie_word_embeddings && name == "lm_head.weight";
        let unused = self.tensors.keys().filter(|name| !names.contains(name.as_str()));
        report.unused = unused
            .filter(|name| !tied_head(name) && !name.ends_with("inv_freq"))
            .cloned()
            .collect();
        report
    }

    /// Reads all weights into a network on `init`'s device and in its precision, calling `progress` after each tensor.
    /// Holds one copy of the weights and the bytes of one tensor.
    ///
    /// # Errors
    ///
    /// [`Error::Tensors`] with the whole list if a tensor is missing, left over or of another shape; [`Error::NotFinite`];
    /// [`Error::File`].
    pub fn load(&self, init: &Init, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Network> {
        let network = Network::init(&self.config, init);
        let report = self.compare(&network);
        if !report.is_clean() {
            return Err(Error::Tensors(Box::new(report)));
        }
        let mut filler = Filler {
            checkpoint: self,
            dtype: init.dtype,
            path: vec![],
            bytes_done: 0,
            progress,
            failed: None,
        };
        let network = network.map(&mut filler);
        filler.failed.map_or(Ok(network), Err)
    }
}

impl Stored {
    fn fits(&self, name: &str, shape: &[usize]) -> bool {
        if is_patch_embedding(name) {
            let [patch_len, width] = [shape[0], shape[1]];
            return self.shape.first() == Some(&width)
                && self.shape[1..].iter().product::<usize>() == patch_len;
        }
        self.shape == file_shape(name, shape)
    }
}

/// The five-dimensional convolution weight, which is one linear map here.
fn is_patch_embedding(name: &str) -> bool {
    name == "visual.patch_embed.proj.weight"
}

/// Matrices are kept transposed, all but the embedding.
pub(super) fn is_transposed(name: &str, rank: usize) -> bool {
    rank == 2 && name != "model.embed_tokens.weight"
}

/// The shape in the file of a parameter of this shape.
fn file_shape(name: &str, shape: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    if is_transposed(name, shape.len()) {
        shape.reverse();
    }
    shape
}

/// Collects what a network needs.
#[derive(Default)]
struct Needed {
    path: Vec<String>,
    parameters: Vec<(String, Vec<usize>)>,
}

impl ModuleVisitor for Needed {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.parameters.push((name_of_path(&self.path), param.lazy_shape().to_vec()));
    }
}

/// Puts the checkpoint's tensors in place of parameters that were not drawn yet.
struct Filler<'a> {
    checkpoint: &'a Checkpoint,
    dtype: FloatDType,
    path: Vec<String>,
    bytes_done: u64,
    progress: &'a mut dyn FnMut(Progress<'_>),
    /// The first failure; everything after it is skipped.
    failed: Option<Error>,
}

impl ModuleMapper for Filler<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.failed.is_some() {
            return param;
        }
        let name = name_of_path(&self.path);
        let stored = &self.checkpoint.tensors[&name];
        let shape = param.lazy_shape().to_vec();
        match data(stored, &name, shape, self.dtype) {
            Ok((data, dtype)) => {
                self.bytes_done += stored.num_bytes();
                let progress = Progress {
                    tensor: &name,
                    bytes_done: self.bytes_done,
                    bytes: self.checkpoint.num_bytes(),
                };
                (self.progress)(progress);
                let id = param.id;
                let tensor = Tensor::from_data(data, (&param.lazy_device(), dtype));
                param.transform_for_load(tensor, id)
            }
            Err(error) => {
                self.failed = Some(error);
                param
            }
        }
    }
}

/// A tensor's numbers in this precision and the module's orientation.
fn data(
    stored: &Stored,
    name: &str,
    shape: Vec<usize>,
    dtype: FloatDType,
) -> Result<(TensorData, DType)> {
    fn numbers<T: Number>(stored: &Stored, columns: Option<usize>) -> Result<Vec<T>> {
        decode(&stored.read()?, stored.dtype, columns).map_err(|bad| Error::NotFinite {
            tensor: stored.name.clone(),
            path: stored.path.clone(),
            element: bad.element,
            value: bad.value,
        })
    }
    let columns = is_transposed(name, shape.len()).then(|| shape[0]);
    Ok(match dtype {
        FloatDType::BF16 => {
            (TensorData::new(numbers::<bf16>(stored, columns)?, shape), DType::BF16)
        }
        FloatDType::F16 => (TensorData::new(numbers::<f16>(stored, columns)?, shape), DType::F16),
        _ => (TensorData::new(numbers::<f32>(stored, columns)?, shape), DType::F32),
    })
}
