//! Parameters and gradients under the names and in the orientation of a checkpoint.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor};

use super::load::is_transposed;
use super::names::name_of_path;
use crate::network::Network;

/// A tensor as a checkpoint file has it, in single precision.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// The published name.
    pub name: String,
    /// The shape in the file.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

impl Network {
    /// Calls `see` with every weight, one after the other. Adapters are left out, packed weights unpacked.
    pub fn for_each_weight(&self, see: &mut dyn FnMut(NamedTensor)) {
        self.visit(&mut Export { network: self, path: vec![], gradients: None, see });
    }

    /// Calls `see` with the gradient of every weight that has one.
    pub fn for_each_gradient(&self, gradients: &GradientsParams, see: &mut dyn FnMut(NamedTensor)) {
        self.visit(&mut Export { network: self, path: vec![], gradients: Some(gradients), see });
    }
}

struct Export<'a> {
    network: &'a Network,
    path: Vec<String>,
    gradients: Option<&'a GradientsParams>,
    see: &'a mut dyn FnMut(NamedTensor),
}

impl ModuleVisitor for Export<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.path.iter().any(|part| part == "lora") {
            return;
        }
        let name = name_of_path(&self.path);
        let tensor = match self.gradients {
            None => Some(param.base()),
            Some(gradients) => gradients.get::<D>(id_of(param)),
        };
        if let Some(tensor) = tensor {
            let shape = published_shape(&name, &tensor.dims(), self.network);
            let values = values(tensor, is_transposed(&name, D));
            (self.see)(NamedTensor { name, shape, values });
        }
    }
}

fn id_of<const D: usize>(param: &Param<Tensor<D>>) -> ParamId {
    param.id
}

/// The shape in a file of a parameter of this shape.
pub(super) fn published_shape(name: &str, shape: &[usize], network: &Network) -> Vec<usize> {
    let vision = &network.config().vision;
    if name == "visual.patch_embed.proj.weight" {
        let side = vision.patch_size;
        return vec![shape[1], vision.in_channels, vision.temporal_patch_size, side, side];
    }
    let mut shape = shape.to_vec();
    if is_transposed(name, shape.len()) {
        shape.reverse();
    }
    shape
}

/// The numbers in single precision, of a matrix transposed where wanted.
pub(super) fn values<const D: usize>(tensor: Tensor<D>, transposed: bool) -> Vec<f32> {
    let tensor = tensor.without_autodiff();
    let tensor =
        if matches!(tensor.dtype(), DType::QFloat(_)) { tensor.dequantize() } else { tensor };
    let tensor = if transposed { tensor.swap_dims(D - 2, D - 1) } else { tensor };
    tensor.into_data().convert::<f32>().try_into_vec().expect("converted to single precision")
}
