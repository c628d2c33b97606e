//! Clipping gradients by the norm of all of them together.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{ElementConversion, Tensor};

/// Scales all gradients by `max_norm / (norm + 1e-6)` if their common L2 norm is larger than `max_norm`, as
/// `torch.nn.utils.clip_grad_norm_` does. Gives the norm before clipping; where it is not finite, nothing was changed, and the
/// step should be left out.
pub fn clip_global_norm<M: Module>(
    module: &M,
    gradients: GradientsParams,
    max_norm: f32,
) -> (GradientsParams, f32) {
    let mut squares = Squares { gradients: &gradients, sum: 0.0 };
    module.visit(&mut squares);
    let norm = squares.sum.sqrt() as f32;
    if !norm.is_finite() || norm <= max_norm {
        return (gradients, norm);
    }
    let mut scale = Scale { gradients, factor: max_norm / (norm + 1e-6) };
    module.visit(&mut scale);
    (scale.gradients, norm)
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    sum: f64,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.sum += (gradient.clone() * gradient).sum().into_scalar::<f32>().elem::<f64>();
        }
    }
}

struct Scale {
    gradients: GradientsParams,
    factor: f32,
}

impl ModuleVisitor for Scale {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient.mul_scalar(self.factor));
        }
    }
}
