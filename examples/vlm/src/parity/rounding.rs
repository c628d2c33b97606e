//! What single precision alone does to steps of AdamW.
//!
//! In its first steps AdamW divides a gradient by its own size, so that a gradient of 1e-9 moves its weight as far as one of 1.
//! Where the true gradient is below the rounding of the sums it is made of, rounding decides the sign, and the weight ends up to
//! two whole steps elsewhere: PyTorch's eager and fused attention differ so, and each of them from double precision. A limit
//! for whatever follows such a step has to be asked of the network: the same training is run again with gradients that are off
//! by as much as two implementations in single precision are, and what that changes is what a difference may be.

use burn::module::{Module as _, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};
use deepsport_model::Network;
use serde_json::Value;

use super::training::{ByName, Run, differences};

/// How far gradients of two implementations in single precision are apart, relative to their size, says the fixtures' README.
const NOISE: f64 = 1e-5;
/// Rounding beyond so many times the usual is not expected.
const RARE: f64 = 4.0;

/// How far the reference's gradients are from double precision, as the goldens say; else the usual.
pub(super) fn noise(training: &Value) -> f64 {
    let measured = training["f32_vs_f64_relative_l2"].as_object();
    let measured = measured.into_iter().flatten().filter_map(|(_, far)| far.as_f64());
    measured.reduce(f64::max).unwrap_or(NOISE)
}

/// Marks the elements whose first step of AdamW (`rate * g / (|g| + 1e-8)`) may differ by more than `limit`, since rounding
/// of relative size `noise` may have changed `g`. A gradient of exactly 0 is none that was rounded: nothing flows to it.
pub(super) fn unsettled(gradient: &[f32], noise: f64, rate: f64, limit: f64) -> Vec<bool> {
    let noise = RARE * noise * size(gradient);
    let step = |g: f64| rate * g / (g.abs() + 1e-8);
    gradient
        .iter()
        .map(|g| f64::from(*g))
        .map(|g| g != 0.0 && step(g + noise) - step(g - noise) > limit)
        .collect()
}

/// Root of the mean square of what is not 0.
fn size(values: &[f32]) -> f64 {
    let (mut sum, mut count) = (0.0, 0usize);
    for value in values.iter().filter(|value| **value != 0.0) {
        sum += f64::from(*value).powi(2);
        count += 1;
    }
    (sum / count.max(1) as f64).sqrt()
}

/// Adds noise to gradients.
pub(super) struct Shaken {
    noise: f64,
    state: u64,
}

impl Shaken {
    /// Noise of this size, relative to that of each gradient.
    pub(super) fn new(noise: f64, seed: u64) -> Self {
        Self { noise, state: seed }
    }

    pub(super) fn gradients(
        &mut self,
        network: &Network,
        gradients: GradientsParams,
    ) -> GradientsParams {
        let mut visitor = Shake { shaken: self, gradients };
        network.visit(&mut visitor);
        visitor.gradients
    }

    /// Even between -1 and 1 (SplitMix64, Steele et al. 2014).
    fn next(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

struct Shake<'a> {
    shaken: &'a mut Shaken,
    gradients: GradientsParams,
}

impl ModuleVisitor for Shake<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return };
        let (shape, device) = (gradient.dims(), gradient.device());
        let Ok(mut values) = gradient.clone().into_data().convert::<f32>().try_into_vec::<f32>()
        else {
            return self.gradients.register(param.id, gradient);
        };
        let noise = 3f64.sqrt() * self.shaken.noise * size(&values); // even noise of that deviation
        for value in values.iter_mut().filter(|value| **value != 0.0) {
            *value = (f64::from(*value) + noise * self.shaken.next()) as f32;
        }
        let shaken = Tensor::<D>::from_data(TensorData::new(values, shape), &device);
        self.gradients.register(param.id, shaken);
    }
}

/// How far runs with shaken gradients go from the plain one.
#[derive(Default)]
pub(super) struct Spread {
    losses: Vec<f64>,
    norms: Vec<f64>,
    /// Of every weight behind each step: of all elements, and of all but single ones.
    weights: Vec<std::collections::BTreeMap<String, [f64; 2]>>,
}

impl Spread {
    /// Runs that are made.
    pub(super) const RUNS: u64 = 8;
    /// Two runs that are compared both have rounding, and eight do not show the rarest.
    const TIMES: f64 = 3.0;

    pub(super) fn widen(&mut self, plain: &Run, shaken: &Run) {
        let wider = |of: &mut Vec<f64>, found: Vec<f64>| {
            of.resize(found.len(), 0.0);
            of.iter_mut().zip(found).for_each(|(largest, found)| *largest = largest.max(found));
        };
        let losses = plain.losses.iter().zip(&shaken.losses);
        wider(&mut self.losses, losses.map(|(a, b)| f64::from(a - b).abs()).collect());
        let norms = plain.norms.iter().zip(&shaken.norms);
        wider(&mut self.norms, norms.map(|(a, b)| (b / a - 1.0).abs()).collect());
        self.weights.resize_with(plain.weights.len(), Default::default);
        for (i, (plain, shaken)) in plain.weights.iter().zip(&shaken.weights).enumerate() {
            self.widen_weights(i, plain, shaken);
        }
    }

    fn widen_weights(&mut self, step: usize, plain: &ByName, shaken: &ByName) {
        for (name, plain) in plain {
            let Some(shaken) = shaken.get(name) else { continue };
            let found = differences(shaken, plain);
            let largest = self.weights[step].entry(name.clone()).or_default();
            *largest = [0, 1].map(|of| largest[of].max(found[of]));
        }
    }

    pub(super) fn loss(&self, step: usize) -> f64 {
        Self::TIMES * self.losses.get(step).copied().unwrap_or(0.0)
    }

    pub(super) fn norm(&self, step: usize) -> f64 {
        Self::TIMES * self.norms.get(step).copied().unwrap_or(0.0)
    }

    pub(super) fn weights(&self, step: usize, name: &str) -> [f64; 2] {
        let found = self.weights.get(step).and_then(|of| of.get(name));
        found.copied().unwrap_or_default().map(|far| Self::TIMES * far)
    }
}
