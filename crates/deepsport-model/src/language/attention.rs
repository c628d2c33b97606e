//! Grouped-query attention with rotary positions.

use burn::module::Module;
use burn::tensor::Tensor;
use fused_ops::{attention_weights, fold_heads, rotate};

use crate::attend::attend;
use crate::cache::{LayerCache, Sight};
use crate::config::TextConfig;
use crate::layers::{Init, Linear};
use crate::rope::Rope;

/// Queries whose scores are held at once where forks share a prefix.
const QUERY_CHUNK: usize = 512;

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
        let [query, key, value] = self.project(x, rope);
        let heads = joined(attend(query, key, value, &sight.seen()));
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
        let heads = match context.prefix {
            None => {
                let [key, value] = context.own;
                attend(query, key, value, &sight.seen())
            }
            Some(prefix) => self.attend_forked(query, &prefix, &context.own, sight),
        };
        let heads = joined(heads);
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

    /// Present tokens against shared and own keys, a chunk of queries at a time.
    fn attend_forked(
        &self,
        query: Tensor<4>,
        prefix: &[Tensor<4>; 2],
        own: &[Tensor<4>; 2],
        sight: &Sight,
    ) -> Tensor<4> {
        let [rows, heads, tokens, head_dim] = query.dims();
        let kv_heads = self.num_key_value_heads;
        let groups = heads / kv_heads;
        let scale = 1.0 / (head_dim as f64).sqrt();
        let [prefixes, _, prefix_len, _] = prefix[0].dims();
        let own_len = own[0].dims()[2];
        let mut chunks = Vec::new();
        for start in (0..tokens).step_by(QUERY_CHUNK) {
            let len = (tokens - start).min(QUERY_CHUNK);
            // keys up to the last query of the chunk
            let own_reach = own_len - tokens + start + len;
            let [own_key, own_value] = own.clone().map(|own| own.narrow(2, 0, own_reach));
            let seen = sight.seen().of_queries(start, len, prefix_len + own_reach);
            let shared = Shared { prefixes, rows, kv_heads, queries: groups * len };
            let folded = fold_heads(query.clone().narrow(2, start, len), kv_heads);
            let of_prefix = scores(shared.together(folded.clone()), prefix[0].clone());
            let all = Tensor::cat(vec![shared.apart(of_prefix), scores(folded, own_key)], 3);
            let weights = attention_weights(all, &seen, len, scale);
            let of_prefix = shared.together(weights.clone().narrow(3, 0, prefix_len));
            let of_own = weights.narrow(3, prefix_len, own_reach);
            let attended =
                shared.apart(of_prefix.matmul(prefix[1].clone())) + of_own.matmul(own_value);
            chunks.push(attended.reshape([rows, heads, len, head_dim]));
        }
        if chunks.len() == 1 { chunks.remove(0) } else { Tensor::cat(chunks, 2) }
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

/// `[batch, heads, tokens, head_dim]` to `[batch, tokens, heads * head_dim]`.
fn joined(x: Tensor<4>) -> Tensor<3> {
    let [batch, heads, tokens, head_dim] = x.dims();
    x.swap_dims(1, 2).reshape([batch, tokens, heads * head_dim])
}

/// Products of folded queries with keys.
fn scores(query: Tensor<4>, key: Tensor<4>) -> Tensor<4> {
    query.matmul(key.swap_dims(2, 3))
}
