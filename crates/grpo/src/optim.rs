//! The step from gradients to weights, which [`Trainer`](crate::Trainer) and [`SftTrainer`](crate::sft::SftTrainer) share.

use std::collections::BTreeMap;
use std::path::Path;

use burn::Tensor;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamGroup};
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{pack_module, pack_optimizer, take, unpack_module, unpack_optimizer};
use crate::devices::{in_order, share_out};
use crate::{Error, Result, Schedule};

mod adamw;

pub use adamw::AdamW;

const OPTIMIZER: &str = "optimizer.bpk";

/// AdamW and what surrounds it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimConfig {
    /// The learning rate.
    pub schedule: Schedule,
    /// Decay of the mean of gradients; 0.9.
    #[serde(default = "beta_1")]
    pub beta_1: f32,
    /// Decay of the mean of their squares; 0.999.
    #[serde(default = "beta_2")]
    pub beta_2: f32,
    /// Added to the root of that mean; 1e-8.
    #[serde(default = "epsilon")]
    pub epsilon: f32,
    /// Decay of the weights, times the learning rate; 0.
    #[serde(default)]
    pub weight_decay: f32,
    /// Largest norm of all gradients together; 1. Larger ones are scaled down.
    #[serde(default = "max_grad_norm")]
    pub max_grad_norm: f64,
}

fn beta_1() -> f32 {
    0.9
}
fn beta_2() -> f32 {
    0.999
}
fn epsilon() -> f32 {
    1e-8
}
fn max_grad_norm() -> f64 {
    1.0
}

impl OptimConfig {
    /// The defaults with a learning rate.
    #[must_use]
    pub fn new(schedule: Schedule) -> Self {
        let (beta_1, beta_2, epsilon) = (beta_1(), beta_2(), epsilon());
        Self {
            schedule,
            beta_1,
            beta_2,
            epsilon,
            weight_decay: 0.0,
            max_grad_norm: max_grad_norm(),
        }
    }

    pub(crate) fn init(&self) -> ModuleOptimizer {
        AdamW::new(self.beta_1, self.beta_2, self.epsilon, self.weight_decay).into()
    }

    pub(crate) fn check(&self) -> Result<()> {
        let positive = |setting, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => {
                Err(Error::Setting { setting, value: value.to_string(), fix: "it must be above 0" })
            }
        };
        positive("optim.schedule.peak", self.schedule.peak)?;
        positive("optim.max_grad_norm", self.max_grad_norm)
    }
}

/// The norm of all gradients of a module as one vector. (burn's own clipping takes each tensor by itself.)
pub(crate) fn grad_norm<M: Module>(module: &M, grads: &GradientsParams) -> f64 {
    struct Squares<'a>(&'a GradientsParams, f64);
    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.0.get::<D>(param.id) {
                self.1 += adamw::sum_of_squares(&grad);
            }
        }
    }
    let mut squares = Squares(grads, 0.0);
    module.visit(&mut squares);
    squares.1.sqrt()
}

/// Multiplies all gradients.
pub(crate) fn scale_grads<M: Module>(module: &M, grads: &mut GradientsParams, factor: f64) {
    struct Scale<'a>(&'a mut GradientsParams, f64);
    impl ModuleVisitor for Scale<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.0.remove::<D>(param.id) {
                self.0.register(param.id, grad.mul_scalar(self.1));
            }
        }
    }
    module.visit(&mut Scale(grads, factor));
}

/// Moves every weight of `target` towards its like in `source`: `share * source + (1 - share) * target`.
pub(crate) fn mix<M: Module>(target: M, source: &M, share: f64) -> M {
    struct Collect(GradientsParams);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.register(param.id, param.val().inner());
        }
    }
    struct Mix(GradientsParams, f64);
    impl ModuleMapper for Mix {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            match self.0.remove::<D>(param.id) {
                Some(source) => {
                    param.map(|own| own.mul_scalar(1.0 - self.1) + source.mul_scalar(self.1))
                }
                None => param,
            }
        }
    }
    let mut collect = Collect(GradientsParams::new());
    source.visit(&mut collect);
    target.map(&mut Mix(collect.0, share))
}

/// Weights with their optimiser.
pub(crate) struct Learner<M> {
    /// Taken out for the moment of an update, so that old and new weights need not both be held.
    module: Option<M>,
    optimizer: ModuleOptimizer,
    /// Further devices that gradients are computed on.
    pub(crate) others: Vec<Device>,
}

impl<M: std::fmt::Debug> std::fmt::Debug for Learner<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Learner").field("module", &self.module).finish_non_exhaustive()
    }
}

impl<M: Module> Learner<M> {
    pub(crate) fn new(module: M, config: &OptimConfig) -> Self {
        Self { module: Some(module), optimizer: config.init(), others: Vec::new() }
    }

    pub(crate) fn module(&self) -> &M {
        self.module.as_ref().expect("the module is back after each update")
    }

    pub(crate) fn into_module(self) -> M {
        self.module.expect("the module is back after each update")
    }

    /// The gradients of `count` micro-batches added up, and what else `work` gives for each.
    ///
    /// Each device adds up its own, in order, and the sums are added in the order of devices: with one device bit for bit the
    /// plain loop, with several the same but for the order of additions.
    pub(crate) fn gradients<T: Send>(
        &self,
        count: usize,
        work: impl Fn(&M, usize) -> Result<(Tensor<1>, T)> + Sync,
    ) -> Result<(GradientsParams, Vec<T>)> {
        let shares = share_out(self.module(), &self.others, count, |module, share| {
            let mut accumulator = GradientsAccumulator::new();
            let mut values = Vec::new();
            for idx in share {
                let (loss, value) = work(module, idx)?;
                let grads = GradientsParams::from_grads(loss.backward(), module);
                accumulator.accumulate(module, grads);
                values.push((idx, value));
            }
            Ok((accumulator.grads(), values))
        })?;
        let mut sum = GradientsAccumulator::new();
        let mut values = Vec::with_capacity(shares.len());
        let home = self.module().devices().into_iter().next().unwrap_or_default();
        let home = home.without_autodiff(); // gradients have no gradients
        for (grads, of_share) in shares {
            sum.accumulate(self.module(), grads.to_device(&home, self.module()));
            values.push(of_share);
        }
        Ok((sum.grads(), in_order(values)))
    }

    /// Weights and state of the optimiser as files of a checkpoint; the weights go by the name `module`.
    pub(crate) fn pack(
        &self,
        module: &'static str,
        saved: ParamGroup,
        dir: &Path,
    ) -> Result<[(&'static str, Vec<u8>); 2]> {
        Ok([
            (module, pack_module(self.module(), saved, &dir.join(module))?),
            (OPTIMIZER, pack_optimizer(&self.optimizer, &dir.join(OPTIMIZER))?),
        ])
    }

    /// Goes on from what [`pack`](Self::pack) wrote; nothing changes on an error.
    pub(crate) fn unpack(
        &mut self,
        module: &'static str,
        saved: ParamGroup,
        config: &OptimConfig,
        files: &mut BTreeMap<String, Vec<u8>>,
        dir: &Path,
    ) -> Result<()> {
        let bytes = take(files, dir, module)?;
        let weights = unpack_module(self.module().clone(), saved, bytes, &dir.join(module))?;
        let bytes = take(files, dir, OPTIMIZER)?;
        let optimizer = unpack_optimizer(config.init(), bytes, &dir.join(OPTIMIZER))?;
        (self.module, self.optimizer) = (Some(weights), optimizer);
        Ok(())
    }

    /// One update; returns the norm of the gradients before clipping. Nothing changes if that is not finite.
    pub(crate) fn update(
        &mut self,
        mut grads: GradientsParams,
        rate: f64,
        max_norm: f64,
        step: u64,
    ) -> Result<f64> {
        let norm = grad_norm(self.module(), &grads);
        if !norm.is_finite() {
            return Err(Error::NotFinite { what: "the gradient norm", value: norm, step });
        }
        if norm > max_norm {
            scale_grads(self.module(), &mut grads, max_norm / norm);
        }
        self.module = self.module.take().map(|module| self.optimizer.step(rate, module, grads));
        Ok(norm)
    }
}
