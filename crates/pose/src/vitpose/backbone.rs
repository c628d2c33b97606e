//! The plain vision transformer of ViTPose, with the experts of ViTPose+.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::{gelu_approximate, relu, silu};
use burn::tensor::{Device, Tensor, assert_shape};
use fused_ops::{Seen, add, attend, gelu, layer_norm};

use super::config::{Activation, BackboneConfig, PATCH_PADDING};

/// Patches, encoder, and a last norm.
///
/// Checkpoint keys: `backbone.{embeddings, encoder.layer.{i}, layernorm}`.
#[derive(Module, Debug)]
pub struct Backbone {
    embeddings: Embeddings,
    encoder: Encoder,
    layernorm: Norm,
    out_index: usize,
}

impl Backbone {
    pub(super) fn new(config: &BackboneConfig, device: &Device) -> Self {
        let layer = (0..config.num_hidden_layers).map(|_| Layer::new(config, device)).collect();
        Self {
            embeddings: Embeddings::new(config, device),
            encoder: Encoder { layer },
            layernorm: Norm::new(config, device),
            out_index: config.out_index,
        }
    }

    /// Features of each patch, row by row of the picture.
    ///
    /// `experts` names the expert of each picture; not read by a network without experts.
    ///
    /// # Shapes
    ///
    /// - `pixel_values`: `[batch, 3, height, width]`
    /// - output: `[batch, num_patches, hidden_size]`
    ///
    /// # Panics
    ///
    /// On pictures of another size, and on an expert that is not there.
    pub fn forward(&self, pixel_values: Tensor<4>, experts: &[usize]) -> Tensor<3> {
        let mut hidden_states = self.embeddings.forward(pixel_values);
        for layer in &self.encoder.layer[..self.out_index] {
            hidden_states = layer.forward(hidden_states, experts);
        }
        self.layernorm.forward(hidden_states)
    }

    /// What leaves the embeddings and each layer of the encoder, in this order.
    ///
    /// # Shapes
    ///
    /// - `pixel_values`: `[batch, 3, height, width]`
    /// - each output: `[batch, num_patches, hidden_size]`
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn hidden_states(&self, pixel_values: Tensor<4>, experts: &[usize]) -> Vec<Tensor<3>> {
        let mut states = vec![self.embeddings.forward(pixel_values)];
        for layer in &self.encoder.layer {
            let before = states[states.len() - 1].clone();
            states.push(layer.forward(before, experts));
        }
        states
    }
}

/// Patches by a convolution that overlaps, plus their places.
///
/// Checkpoint keys: `patch_embeddings.projection`, `position_embeddings` `[1, 1 + num_patches, hidden_size]`.
#[derive(Module, Debug)]
struct Embeddings {
    patch_embeddings: PatchEmbeddings,
    position_embeddings: Param<Tensor<3>>,
}

#[derive(Module, Debug)]
struct PatchEmbeddings {
    projection: Conv2d,
}

impl Embeddings {
    fn new(config: &BackboneConfig, device: &Device) -> Self {
        let padding =
            PaddingConfig2d::Explicit(PATCH_PADDING, PATCH_PADDING, PATCH_PADDING, PATCH_PADDING);
        let projection =
            Conv2dConfig::new([config.num_channels, config.hidden_size], config.patch_size)
                .with_stride(config.patch_size)
                .with_padding(padding)
                .init(device);
        let places = [1, 1 + config.num_patches(), config.hidden_size];
        Self {
            patch_embeddings: PatchEmbeddings { projection },
            position_embeddings: Initializer::Zeros.init(places, device),
        }
    }

    fn forward(&self, pixel_values: Tensor<4>) -> Tensor<3> {
        let patches = self.patch_embeddings.projection.forward(pixel_values); // [batch, hidden_size, rows, columns]
        let patches: Tensor<3> = patches.flatten(2, 3);
        let patches = patches.swap_dims(1, 2); // [batch, num_patches, hidden_size]
        let places = self.position_embeddings.val();
        let [_, num_places, hidden_size] = places.dims();
        assert_shape!(patches, [_, num_places - 1, hidden_size]);
        // Place 0 was the class token's; without the token, its place is still added to every patch.
        let class_place = places.clone().narrow(1, 0, 1);
        patches + places.narrow(1, 1, num_places - 1) + class_place
    }
}

#[derive(Module, Debug)]
struct Encoder {
    layer: Vec<Layer>,
}

/// Attention and feed-forward, each after a norm and added to its input.
///
/// Checkpoint keys: `layernorm_before`, `attention`, `layernorm_after`, `mlp`.
#[derive(Module, Debug)]
struct Layer {
    layernorm_before: Norm,
    attention: Attention,
    layernorm_after: Norm,
    mlp: Mlp,
}

impl Layer {
    fn new(config: &BackboneConfig, device: &Device) -> Self {
        Self {
            layernorm_before: Norm::new(config, device),
            attention: Attention::new(config, device),
            layernorm_after: Norm::new(config, device),
            mlp: Mlp::new(config, device),
        }
    }

    fn forward(&self, hidden_states: Tensor<3>, experts: &[usize]) -> Tensor<3> {
        let normed = self.layernorm_before.forward(hidden_states.clone());
        let hidden_states = add(self.attention.forward(normed), hidden_states);
        let normed = self.layernorm_after.forward(hidden_states.clone());
        add(self.mlp.forward(normed, experts), hidden_states)
    }
}

/// Every patch looks at every patch.
///
/// Checkpoint keys: `attention.{query, key, value}`, `output.dense`.
#[derive(Module, Debug)]
struct Attention {
    attention: SelfAttention,
    output: SelfOutput,
    num_attention_heads: usize,
}

#[derive(Module, Debug)]
struct SelfAttention {
    query: Linear,
    key: Linear,
    value: Linear,
}

#[derive(Module, Debug)]
struct SelfOutput {
    dense: Linear,
}

impl Attention {
    fn new(config: &BackboneConfig, device: &Device) -> Self {
        let square = LinearConfig::new(config.hidden_size, config.hidden_size);
        let part = || square.clone().with_bias(config.qkv_bias).init(device);
        Self {
            attention: SelfAttention { query: part(), key: part(), value: part() },
            output: SelfOutput { dense: square.init(device) },
            num_attention_heads: config.num_attention_heads,
        }
    }

    /// # Shapes
    ///
    /// - `hidden_states` and output: `[batch, num_patches, hidden_size]`
    fn forward(&self, hidden_states: Tensor<3>) -> Tensor<3> {
        let [batch, num_patches, hidden_size] = hidden_states.dims();
        let head_dim = hidden_size / self.num_attention_heads;
        let heads = |linear: &Linear| {
            let all = project(linear, hidden_states.clone());
            all.reshape([batch, num_patches, self.num_attention_heads, head_dim]).swap_dims(1, 2)
        };
        let SelfAttention { query, key, value } = &self.attention;
        let seen = attend(heads(query), heads(key), heads(value), &Seen::All);
        project(&self.output.dense, seen.swap_dims(1, 2).reshape([batch, num_patches, hidden_size]))
    }
}

/// Feed-forward layer. With experts its last `part_features` outputs come from the expert of the picture's data set:
/// `concat(fc2(a), experts[e](a))` with `a = act(fc1(x))`.
///
/// Checkpoint keys: `fc1`, `fc2`, `experts.{e}`.
#[derive(Module, Debug)]
struct Mlp {
    fc1: Linear,
    fc2: Linear,
    experts: Vec<Linear>,
    #[module(skip)]
    act: Activation,
}

impl Mlp {
    fn new(config: &BackboneConfig, device: &Device) -> Self {
        let (outer, inner) = (config.hidden_size, config.intermediate_size());
        let (num_experts, expert_size) = match config.num_experts {
            1 => (0, 0),
            num_experts => (num_experts, config.part_features),
        };
        let expert = |_| LinearConfig::new(inner, expert_size).init(device);
        Self {
            fc1: LinearConfig::new(outer, inner).init(device),
            fc2: LinearConfig::new(inner, outer - expert_size).init(device),
            experts: (0..num_experts).map(expert).collect(),
            act: config.hidden_act,
        }
    }

    fn forward(&self, hidden_states: Tensor<3>, experts: &[usize]) -> Tensor<3> {
        let inner = project(&self.fc1, hidden_states);
        let inner = match self.act {
            Activation::Gelu => gelu(inner),
            Activation::GeluTanh => gelu_approximate(inner),
            Activation::Relu => relu(inner),
            Activation::Silu => silu(inner),
        };
        let shared = project(&self.fc2, inner.clone());
        if self.experts.is_empty() {
            return shared;
        }
        // Runs of pictures with the same expert go through it together; mostly that is the whole batch.
        let mut own = Vec::new();
        let mut start = 0;
        for run in experts.chunk_by(|a, b| a == b) {
            let part = inner.clone().narrow(0, start, run.len());
            own.push(project(&self.experts[run[0]], part));
            start += run.len();
        }
        Tensor::cat(vec![shared, Tensor::cat(own, 0)], 2)
    }
}

/// A layer norm.
///
/// Checkpoint keys: `{name}.{weight, bias}`.
#[derive(Module, Debug)]
struct Norm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    eps: f64,
}

impl Norm {
    fn new(config: &BackboneConfig, device: &Device) -> Self {
        let row = |values: Initializer| values.init([config.hidden_size], device);
        Self {
            weight: row(Initializer::Ones),
            bias: row(Initializer::Zeros),
            eps: config.layer_norm_eps,
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        layer_norm(x, self.weight.val(), self.bias.val(), self.eps)
    }
}

fn project(linear: &Linear, x: Tensor<3>) -> Tensor<3> {
    fused_ops::linear(x, linear.weight.val(), linear.bias.as_ref().map(Param::val))
}
