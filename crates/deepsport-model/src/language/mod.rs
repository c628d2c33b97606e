//! The language model: embeddings in, normed states out.

mod attention;
mod deepstack;
mod layer;

use burn::module::{Module, Param};
use burn::tensor::module::embedding;
use burn::tensor::{Int, Tensor};
use fused_ops::product_with_rows;

use crate::cache::{KvCache, Sight};
use crate::config::TextConfig;
use crate::layers::{Init, RmsNorm};
use crate::observe::{Observer, Stage};
use crate::recompute::recompute;
use crate::rope::{Rope, frequencies, mrope_axes};

pub use attention::Attention;
pub use deepstack::DeepStack;
pub use layer::DecoderLayer;

/// Decoder-only transformer with grouped queries and three-axis rotary positions.
///
/// Checkpoint keys: `model.{embed_tokens, layers.{i}, norm}`.
#[derive(Module, Debug)]
pub struct LanguageModel {
    embed_tokens: Embedding,
    layers: Vec<DecoderLayer>,
    norm: RmsNorm,
    #[module(skip)]
    config: TextConfig,
}

/// Checkpoint keys: `model.embed_tokens.weight`, `[vocab_size, hidden_size]`; the head too where it is tied.
#[derive(Module, Debug)]
pub(crate) struct Embedding {
    weight: Param<Tensor<2>>,
}

/// What is kept for the backward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Keep {
    /// Every inner tensor: fastest, and for short sequences.
    Everything,
    /// The residual stream between layers; each layer is computed again.
    #[default]
    Layers,
}

impl LanguageModel {
    /// A model of random weights.
    #[must_use]
    pub fn init(config: &TextConfig, init: &Init) -> Self {
        Self {
            embed_tokens: Embedding {
                weight: init.normal([config.vocab_size, config.hidden_size]),
            },
            layers: (0..config.num_hidden_layers)
                .map(|_| DecoderLayer::init(config, init))
                .collect(),
            norm: RmsNorm::init(config.hidden_size, config.rms_norm_eps, init),
            config: config.clone(),
        }
    }

    /// # Shapes
    ///
    /// - `input_ids`: `[batch, seq_len]`; output: `[batch, seq_len, hidden_size]`
    #[must_use]
    pub fn embed(&self, input_ids: Tensor<2, Int>) -> Tensor<3> {
        embedding(self.embed_tokens.weight.val(), input_ids)
    }

    pub(crate) fn round_frequencies(&mut self) {
        self.config.rounded_frequencies = true;
    }

    pub(crate) fn embedding(&self) -> &Embedding {
        &self.embed_tokens
    }

    /// The layers in order.
    #[must_use]
    pub fn layers(&self) -> &[DecoderLayer] {
        &self.layers
    }

    /// Cosines and sines of position ids; which axis a frequency turns with is said by [`mrope_axes`].
    ///
    /// # Panics
    ///
    /// If the rows of `positions` differ in length.
    #[must_use]
    pub fn rope(&self, positions: &[&[[u32; 3]]], device: &burn::tensor::Device) -> Rope {
        let half = self.config.head_dim / 2;
        let frequencies = frequencies(
            self.config.rope_theta,
            self.config.head_dim,
            self.config.rounded_frequencies,
        );
        let axis_of = mrope_axes(self.config.mrope_section, self.config.mrope_interleaved);
        let seq_len = positions.first().map_or(0, |row| row.len());
        assert!(positions.iter().all(|row| row.len() == seq_len), "position ids of one length");
        let mut angles = Vec::with_capacity(positions.len() * seq_len * half);
        for place in positions.iter().copied().flatten() {
            angles.extend(
                axis_of
                    .iter()
                    .zip(&frequencies)
                    .map(|(axis, frequency)| place[*axis] as f32 * frequency),
            );
        }
        Rope::from_angles(&angles, [positions.len(), seq_len, half], device)
    }

    /// All layers and the last norm over whole sequences, nothing cached. `live` marks what is not padding; padding is
    /// looked at by nobody, and what is computed in its place means nothing. `deep` enters behind the first layers.
    ///
    /// # Shapes
    ///
    /// - `embeds` and output: `[batch, seq_len, hidden_size]`
    #[must_use]
    pub fn forward(
        &self,
        embeds: Tensor<3>,
        rope: &Rope,
        live: Option<&[Vec<bool>]>,
        deep: Option<&DeepStack>,
        keep: Keep,
        observer: &mut Observer<'_>,
    ) -> Tensor<3> {
        let [batch, seq_len, _] = embeds.dims();
        let sight = match live {
            None => Sight { hidden: None },
            Some(live) => {
                Sight::new(seq_len, 0, batch, &embeds.device(), |row, key| live[row][key])
            }
        };
        let mut x = embeds;
        observer.see(Stage::Embeds, || flat(&x));
        for (index, layer) in self.layers.iter().enumerate() {
            x = match keep {
                Keep::Everything => layer.forward(x, rope, &sight),
                Keep::Layers => {
                    let (rope, sight) = (rope.clone(), sight.clone());
                    recompute(layer, [x], move |layer, [x]| layer.forward(x, &rope, &sight))
                }
            };
            if let Some(deep) = deep {
                x = deep.add(index, x);
            }
            observer.see(Stage::Layer(index), || flat(&x));
        }
        let x = self.norm.forward(x);
        observer.see(Stage::Norm, || flat(&x));
        x
    }

    /// The same for the next tokens of cached sequences. `live` marks which of them are not padding, and places of `deep` are
    /// those among these tokens.
    ///
    /// # Shapes
    ///
    /// - `embeds` and output: `[rows of the cache, tokens, hidden_size]`
    ///
    /// # Panics
    ///
    /// If the shapes of `embeds`, `live` and `cache` differ.
    pub fn forward_cached(
        &self,
        embeds: Tensor<3>,
        rope: &Rope,
        live: &[Vec<bool>],
        deep: Option<&DeepStack>,
        cache: &mut KvCache,
    ) -> Tensor<3> {
        let sight = cache.begin(embeds.dims()[1], live);
        let mut x = embeds;
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward_cached(x, rope, &sight, cache.layer(index));
            if let Some(deep) = deep {
                x = deep.add(index, x);
            }
        }
        self.norm.forward(x)
    }

    /// The model without adapters. Shares the weights.
    #[must_use]
    pub fn without_adapter(&self) -> Self {
        Self {
            layers: self.layers.iter().map(DecoderLayer::without_adapter).collect(),
            ..self.clone()
        }
    }
}

impl Embedding {
    pub(crate) fn weight(&self) -> Tensor<2> {
        self.weight.val()
    }

    /// `x @ weight^T`: the head, where it is tied.
    pub(crate) fn scores<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        product_with_rows(x, self.weight.val())
    }
}

fn flat(x: &Tensor<3>) -> Tensor<2> {
    let [batch, seq_len, width] = x.dims();
    x.clone().reshape([batch * seq_len, width])
}
