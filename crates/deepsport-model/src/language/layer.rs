//! One decoder layer.

use burn::module::Module;
use burn::tensor::Tensor;
use fused_ops::add;

use super::Attention;
use crate::cache::{LayerCache, Sight};
use crate::config::TextConfig;
use crate::layers::{Init, Mlp, RmsNorm};
use crate::rope::Rope;

/// `x + self_attn(input_layernorm(x))`, then `x + mlp(post_attention_layernorm(x))`.
///
/// Checkpoint keys: `model.layers.{i}.{input_layernorm, self_attn, post_attention_layernorm, mlp}`.
#[derive(Module, Debug)]
pub struct DecoderLayer {
    input_layernorm: RmsNorm,
    self_attn: Attention,
    post_attention_layernorm: RmsNorm,
    mlp: Mlp,
}

impl DecoderLayer {
    pub(super) fn init(config: &TextConfig, init: &Init) -> Self {
        Self {
            input_layernorm: RmsNorm::init(config.hidden_size, config.rms_norm_eps, init),
            self_attn: Attention::init(config, init),
            post_attention_layernorm: RmsNorm::init(config.hidden_size, config.rms_norm_eps, init),
            mlp: Mlp::init(config.hidden_size, config.intermediate_size, false, init),
        }
    }

    /// # Shapes
    ///
    /// - `x` and output: `[batch, seq_len, hidden_size]`
    pub(super) fn forward(&self, x: Tensor<3>, rope: &Rope, sight: &Sight) -> Tensor<3> {
        let normed = self.input_layernorm.forward(x.clone());
        let x = add(x, self.self_attn.forward(normed, rope, sight));
        add(x.clone(), self.mlp.forward(self.post_attention_layernorm.forward(x)))
    }

    /// # Shapes
    ///
    /// - `x` and output: `[rows, tokens, hidden_size]`
    pub(super) fn forward_cached(
        &self,
        x: Tensor<3>,
        rope: &Rope,
        sight: &Sight,
        cache: &mut LayerCache,
    ) -> Tensor<3> {
        let normed = self.input_layernorm.forward(x.clone());
        let x = add(x, self.self_attn.forward_cached(normed, rope, sight, cache));
        add(x.clone(), self.mlp.forward(self.post_attention_layernorm.forward(x)))
    }

    pub(super) fn without_adapter(&self) -> Self {
        Self {
            self_attn: self.self_attn.without_adapter(),
            mlp: self.mlp.without_adapter(),
            ..self.clone()
        }
    }
}
