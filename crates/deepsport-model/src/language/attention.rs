//! Grouped-query attention with rotary positions.
//!
//! Query heads that share a key head are folded into the query axis, so that keys and values are never repeated; only the
//! fused kernel for long prefills, which wants equal head counts, gets repeated ones.

use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::module::attention as fused_attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Device, Tensor, TensorData};

use crate::cache::{Context, LayerCache, Sight};
use crate::config::TextConfig;
use crate::layers::{Init, Linear, hide, rotate};
use crate::recompute::recompute;
use crate::rope::Rope;

/// Query places whose scores are held at once, in training and where forks share a prefix.
const QUERY_CHUNK: usize = 512;
/// Up to this many present tokens the folded products are used instead of the fused kernel.
const FEW_TOKENS: usize = 16;

/// Attention with biases on queries, keys and values and none on the output.
///
/// Checkpoint keys: `model.layers.{i}.self_attn.{q_proj, k_proj, v_proj, o_proj}`.
#[derive(Module, Debug)]
pub struct Attention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    num_heads: usize,
    num_key_value_heads: usize,
    head_dim: usize,
}

impl Attention {
    pub(super) fn init(config: &TextConfig, init: &Init) -> Self {
        let (hidden, head_dim) = (config.hidden_size, config.head_dim);
        let (num_heads, num_key_value_heads) =
            (config.num_attention_heads, config.num_key_value_heads);
        Self {
            q_proj: Linear::init(hidden, num_heads * head_dim, true, init),
            k_proj: Linear::init(hidden, num_key_value_heads * head_dim, true, init),
            v_proj: Linear::init(hidden, num_key_value_heads * head_dim, true, init),
            o_proj: Linear::init(num_heads * head_dim, hidden, false, init),
            num_heads,
            num_key_value_heads,
            head_dim,
        }
    }

    /// # Shapes
    ///
    /// - `x` and output: `[batch, seq_len, hidden_size]`
    pub(super) fn forward(&self, x: Tensor<3>, rope: &Rope, sight: &Sight) -> Tensor<3> {
        let training = x.is_autodiff();
        let [query, key, value] = self.project(x, rope);
        let heads = if training {
            self.folded_causal(query, key, value, sight)
        } else {
            self.fused(query, key, value, sight)
        };
        self.o_proj.forward(heads)
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
        let [query, key, value] = self.project(x, rope);
        let context = cache.append(key, value);
        let heads = if context.prefix.is_none() && query.dims()[2] > FEW_TOKENS {
            let [key, value] = context.own;
            self.fused(query, key, value, sight)
        } else {
            self.folded_cached(query, &context, sight)
        };
        self.o_proj.forward(heads)
    }

    /// Queries `[batch, heads, seq_len, head_dim]`, keys and values `[batch, kv_heads, seq_len, head_dim]`.
    fn project(&self, x: Tensor<3>, rope: &Rope) -> [Tensor<4>; 3] {
        let [batch, seq_len, _] = x.dims();
        let heads = |x: Tensor<3>, count: usize| x.reshape([batch, seq_len, count, self.head_dim]);
        let query = heads(self.q_proj.forward(x.clone()), self.num_heads);
        let key = heads(self.k_proj.forward(x.clone()), self.num_key_value_heads);
        let value = heads(self.v_proj.forward(x), self.num_key_value_heads);
        let query = rotate(query, &rope.cos, &rope.sin);
        let key = rotate(key, &rope.cos, &rope.sin);
        [query, key, value].map(|x| x.swap_dims(1, 2))
    }

    /// The backend's own attention, which need not hold all scores.
    fn fused(
        &self,
        query: Tensor<4>,
        key: Tensor<4>,
        value: Tensor<4>,
        sight: &Sight,
    ) -> Tensor<3> {
        let repeated = |x: Tensor<4>| {
            let [batch, kv_heads, keys, head_dim] = x.dims();
            let groups = self.num_heads / kv_heads;
            let repeated: Tensor<5> =
                x.unsqueeze_dim::<5>(2).expand([batch, kv_heads, groups, keys, head_dim]);
            repeated.reshape([batch, self.num_heads, keys, head_dim])
        };
        let causal = AttentionModuleOptions {
            is_causal: sight.hidden.is_none(),
            ..AttentionModuleOptions::default()
        };
        let [batch, heads, tokens, _] = query.dims();
        let hidden = sight.hidden.clone().map(|hidden| {
            let keys = hidden.dims()[3];
            hidden.expand([batch, heads, tokens, keys])
        });
        joined(fused_attention(query, repeated(key), repeated(value), hidden, None, causal))
    }

    /// Whole sequences, a chunk of queries at a time; of several chunks none keeps its scores for the backward pass.
    fn folded_causal(
        &self,
        query: Tensor<4>,
        key: Tensor<4>,
        value: Tensor<4>,
        sight: &Sight,
    ) -> Tensor<3> {
        let [batch, heads, seq_len, head_dim] = query.dims();
        let kv_heads = self.num_key_value_heads;
        let device = query.device();
        let chunks: Vec<Tensor<4>> = (0..seq_len)
            .step_by(QUERY_CHUNK)
            .map(|start| {
                let end = (start + QUERY_CHUNK).min(seq_len);
                let hidden = match &sight.hidden {
                    Some(hidden) => hidden.clone().narrow(2, start, end - start).narrow(3, 0, end),
                    None => causal(end - start, end, &device),
                };
                let inputs = [
                    fold(query.clone().narrow(2, start, end - start), kv_heads),
                    key.clone().narrow(2, 0, end),
                    value.clone().narrow(2, 0, end),
                ];
                let groups = heads / kv_heads;
                let attend = move |[query, key, value]: [Tensor<4>; 3]| {
                    let scores =
                        hide(scores(query, key), Some(hidden.clone().repeat_dim(2, groups)));
                    softmax(scores, 3).matmul(value)
                };
                let attended = if seq_len <= QUERY_CHUNK {
                    attend(inputs)
                } else {
                    recompute(&Vec::<Linear>::new(), inputs, move |_, inputs| attend(inputs))
                };
                attended.reshape([batch, heads, end - start, head_dim])
            })
            .collect();
        joined(Tensor::cat(chunks, 2))
    }

    /// Present tokens against shared and own keys, a chunk of queries at a time.
    fn folded_cached(&self, query: Tensor<4>, context: &Context, sight: &Sight) -> Tensor<3> {
        let [rows, heads, tokens, head_dim] = query.dims();
        let [own_key, own_value] = context.own.clone();
        let kv_heads = self.num_key_value_heads;
        let groups = heads / kv_heads;
        let prefix_len = context.prefix.as_ref().map_or(0, |[key, _]| key.dims()[2]);
        let keys = prefix_len + own_key.dims()[2];
        let mut chunks = Vec::new();
        for start in (0..tokens).step_by(QUERY_CHUNK) {
            let len = (tokens - start).min(QUERY_CHUNK);
            let hidden = match &sight.hidden {
                Some(hidden) => Some(hidden.clone().narrow(2, start, len)),
                None if tokens == 1 => None,
                None => Some(causal(tokens, keys, &query.device()).narrow(2, start, len)),
            };
            let hidden =
                hidden.map(|hidden| if len == 1 { hidden } else { hidden.repeat_dim(2, groups) });
            let folded = fold(query.clone().narrow(2, start, len), kv_heads); // [rows, kv_heads, groups * len, head_dim]
            let own_scores = scores(folded.clone(), own_key.clone());
            let attended = match &context.prefix {
                None => softmax(hide(own_scores, hidden), 3).matmul(own_value.clone()),
                Some([key, value]) => {
                    let shared =
                        Shared { prefixes: key.dims()[0], rows, kv_heads, queries: groups * len };
                    let of_prefix = shared.apart(scores(shared.together(folded), key.clone()));
                    let weights =
                        softmax(hide(Tensor::cat(vec![of_prefix, own_scores], 3), hidden), 3);
                    let of_prefix = shared.together(weights.clone().narrow(3, 0, prefix_len));
                    let of_own = weights.narrow(3, prefix_len, keys - prefix_len);
                    shared.apart(of_prefix.matmul(value.clone())) + of_own.matmul(own_value.clone())
                }
            };
            chunks.push(attended.reshape([rows, heads, len, head_dim]));
        }
        joined(if chunks.len() == 1 { chunks.remove(0) } else { Tensor::cat(chunks, 2) })
    }

    pub(super) fn without_adapter(&self) -> Self {
        Self {
            q_proj: self.q_proj.without_adapter(),
            k_proj: self.k_proj.without_adapter(),
            v_proj: self.v_proj.without_adapter(),
            o_proj: self.o_proj.without_adapter(),
            ..self.clone()
        }
    }
}

/// Rows that share a prefix, laid side by side on the query axis so that one product serves all of them.
struct Shared {
    prefixes: usize,
    rows: usize,
    kv_heads: usize,
    queries: usize,
}

impl Shared {
    /// `[rows, kv_heads, queries, width]` to `[prefixes, kv_heads, forks * queries, width]`.
    fn together(&self, x: Tensor<4>) -> Tensor<4> {
        let (width, forks) = (x.dims()[3], self.rows / self.prefixes);
        x.reshape([self.prefixes, forks, self.kv_heads, self.queries * width])
            .swap_dims(1, 2)
            .reshape([self.prefixes, self.kv_heads, forks * self.queries, width])
    }

    /// The way back.
    fn apart(&self, x: Tensor<4>) -> Tensor<4> {
        let (width, forks) = (x.dims()[3], self.rows / self.prefixes);
        x.reshape([self.prefixes, self.kv_heads, forks, self.queries * width])
            .swap_dims(1, 2)
            .reshape([self.rows, self.kv_heads, self.queries, width])
    }
}

/// `[batch, heads, tokens, head_dim]` to `[batch, kv_heads, groups * tokens, head_dim]`.
fn fold(query: Tensor<4>, kv_heads: usize) -> Tensor<4> {
    let [batch, heads, tokens, head_dim] = query.dims();
    query.reshape([batch, kv_heads, heads / kv_heads * tokens, head_dim])
}

fn scores(query: Tensor<4>, key: Tensor<4>) -> Tensor<4> {
    let scale = 1.0 / (query.dims()[3] as f64).sqrt();
    query.mul_scalar(scale).matmul(key.transpose())
}

/// `[batch, heads, tokens, head_dim]` to `[batch, tokens, heads * head_dim]`.
fn joined(x: Tensor<4>) -> Tensor<3> {
    let [batch, heads, tokens, head_dim] = x.dims();
    x.swap_dims(1, 2).reshape([batch, tokens, heads * head_dim])
}

/// The last `tokens` of `keys` places, each blind to what follows it: `[1, 1, tokens, keys]`.
fn causal(tokens: usize, keys: usize, device: &Device) -> Tensor<4, Bool> {
    let hidden: Vec<bool> = (0..tokens)
        .flat_map(|token| (0..keys).map(move |key| key > keys - tokens + token))
        .collect();
    Tensor::from_data(
        TensorData::new(hidden, [1, 1, tokens, keys]),
        &device.clone().without_autodiff(),
    )
}
