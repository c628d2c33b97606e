//! Layers that the vision tower and the language model share.
//!
//! Weights of linear layers are kept as burn keeps them, `[d_in, d_out]`, the transpose of the checkpoint's.

use burn::module::{Module, Param, ParamId};
use burn::tensor::{DType, Device, Distribution, FloatDType, Tensor};
use fused_ops::{linear, rms_norm, swiglu};

/// Where and in which precision parameters are made. They are drawn only if no checkpoint replaces them before use.
#[derive(Debug, Clone)]
pub struct Init {
    /// The device of the parameters.
    pub device: Device,
    /// Their precision.
    pub dtype: FloatDType,
}

impl Init {
    /// Single precision on `device`.
    #[must_use]
    pub fn new(device: &Device) -> Self {
        Self { device: device.clone(), dtype: FloatDType::F32 }
    }

    /// The same in another precision.
    #[must_use]
    pub fn with_dtype(mut self, dtype: FloatDType) -> Self {
        self.dtype = dtype;
        self
    }

    /// A weight drawn with the deviation 0.02 of the published configs (`initializer_range`).
    pub(crate) fn normal(&self, shape: [usize; 2]) -> Param<Tensor<2>> {
        let dtype: DType = self.dtype.into();
        Param::uninitialized(
            ParamId::new(),
            move |device, require_grad| {
                let weight =
                    Tensor::random(shape, Distribution::Normal(0.0, 0.02), (device, dtype));
                if require_grad { weight.require_grad() } else { weight }
            },
            self.device.clone(),
            true,
            shape.into(),
        )
    }

    fn constant(&self, len: usize, value: f32) -> Param<Tensor<1>> {
        let dtype: DType = self.dtype.into();
        Param::uninitialized(
            ParamId::new(),
            move |device, require_grad| {
                let vector = Tensor::full([len], value, (device, dtype));
                if require_grad { vector.require_grad() } else { vector }
            },
            self.device.clone(),
            true,
            [len].into(),
        )
    }
}

/// `x @ weight + bias`, with a LoRA adapter applied beside the weight when one is attached.
///
/// Checkpoint keys: `{name}.weight` (transposed), `{name}.bias`.
#[derive(Module, Debug)]
pub struct Linear {
    weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// A layer of random weights and a bias of zeros.
    #[must_use]
    pub fn init(d_in: usize, d_out: usize, bias: bool, init: &Init) -> Self {
        Self { weight: init.normal([d_in, d_out]), bias: bias.then(|| init.constant(d_out, 0.0)) }
    }

    /// The adapter's product is taken as `(x @ a) @ b`, so that no dense `a @ b` is ever formed; burn's own
    /// composition of the weight would form one for every call.
    ///
    /// # Shapes
    ///
    /// - `x`: `[.., d_in]`, output `[.., d_out]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let bias = self.bias.as_ref().map(Param::val);
        let weight = self.weight.base();
        // packed weights have no gradient; nor can one flow through a product with them
        let is_packed = matches!(weight.dtype(), DType::QFloat(_));
        let weight = if is_packed && x.is_autodiff() { weight.dequantize() } else { weight };
        match self.weight.adapter() {
            None => linear(x, weight, bias),
            Some(adapter) => {
                let low = linear(x.clone(), adapter.a.val(), None);
                let added = linear(low, adapter.b.val(), None).mul_scalar(adapter.scale);
                linear(x, weight, bias) + added
            }
        }
    }

    /// The same layer as it was before an adapter was attached. Shares the weights.
    #[must_use]
    pub fn without_adapter(&self) -> Self {
        if self.weight.adapter().is_none() {
            return self.clone();
        }
        Self {
            weight: Param::initialized(self.weight.id, self.weight.base()),
            bias: self.bias.clone(),
        }
    }
}

/// `x / sqrt(mean(x^2) + eps) * weight`, the mean taken in single precision.
///
/// Checkpoint keys: `{name}.weight`.
#[derive(Module, Debug)]
pub struct RmsNorm {
    weight: Param<Tensor<1>>,
    eps: f64,
}

impl RmsNorm {
    /// A norm that scales by one.
    #[must_use]
    pub fn init(width: usize, eps: f64, init: &Init) -> Self {
        Self { weight: init.constant(width, 1.0), eps }
    }

    /// # Shapes
    ///
    /// - `x` and output: `[.., width]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        rms_norm(x, self.weight.val(), self.eps)
    }
}

/// Gated feed-forward layer, `down_proj(silu(gate_proj(x)) * up_proj(x))`.
///
/// Checkpoint keys: `{name}.{gate_proj, up_proj, down_proj}`.
#[derive(Module, Debug)]
pub struct Mlp {
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
}

impl Mlp {
    /// Random weights; with biases in the vision tower, without in the language model.
    #[must_use]
    pub fn init(hidden_size: usize, intermediate_size: usize, bias: bool, init: &Init) -> Self {
        Self {
            gate_proj: Linear::init(hidden_size, intermediate_size, bias, init),
            up_proj: Linear::init(hidden_size, intermediate_size, bias, init),
            down_proj: Linear::init(intermediate_size, hidden_size, bias, init),
        }
    }

    /// # Shapes
    ///
    /// - `x` and output: `[.., hidden_size]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let gate = self.gate_proj.forward(x.clone()); // [.., intermediate_size]
        let up = self.up_proj.forward(x);
        self.down_proj.forward(swiglu(gate, up))
    }

    /// The layer without adapters.
    #[must_use]
    pub fn without_adapter(&self) -> Self {
        Self {
            gate_proj: self.gate_proj.without_adapter(),
            up_proj: self.up_proj.without_adapter(),
            down_proj: self.down_proj.without_adapter(),
        }
    }
}
