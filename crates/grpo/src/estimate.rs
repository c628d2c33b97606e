//! Memory and time of a run, before it is started.
//!
//! Counts what grows with the settings; buffers of kernels, fragmentation and the vision tower's activations come on top, so
//! leave a fifth free. Times are those of an otherwise idle device at the rates given.

use serde::{Deserialize, Serialize};

/// Sizes of a decoder, named as in `config.json`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelShape {
    /// Decoder layers.
    pub num_hidden_layers: u64,
    /// Width.
    pub hidden_size: u64,
    /// Width inside the feed-forward layers.
    pub intermediate_size: u64,
    /// Query heads.
    pub num_attention_heads: u64,
    /// Key and value heads.
    pub num_key_value_heads: u64,
    /// Width of a head.
    pub head_dim: u64,
    /// Rows of the embedding.
    pub vocab_size: u64,
    /// Whether embedding and head share their weights.
    pub tie_word_embeddings: bool,
    /// Weights outside the decoder: a vision tower's.
    pub other_params: u64,
}

impl ModelShape {
    /// Weights, but for biases and norms (about 1 in 10,000).
    #[must_use]
    pub fn num_params(&self) -> u64 {
        let copies = if self.tie_word_embeddings { 1 } else { 2 };
        self.num_hidden_layers * self.layer_params()
            + copies * self.vocab_size * self.hidden_size
            + self.other_params
    }

    fn layer_params(&self) -> u64 {
        let attention = 2 * self.hidden_size * (self.query_size() + self.key_value_size());
        attention + 3 * self.hidden_size * self.intermediate_size
    }

    fn query_size(&self) -> u64 {
        self.num_attention_heads * self.head_dim
    }

    fn key_value_size(&self) -> u64 {
        self.num_key_value_heads * self.head_dim
    }

    /// Weights of low-rank adapters on all seven projections of every layer.
    #[must_use]
    pub fn lora_params(&self, rank: u64) -> u64 {
        let attention = 2 * (self.hidden_size + self.query_size())
            + 2 * (self.hidden_size + self.key_value_size());
        self.num_hidden_layers
            * rank
            * (attention + 3 * (self.hidden_size + self.intermediate_size))
    }

    /// Bytes of the keys and values of `num_tokens` tokens.
    #[must_use]
    pub fn kv_cache_bytes(&self, num_tokens: u64, bytes_per_value: u64) -> u64 {
        2 * self.num_hidden_layers * self.key_value_size() * num_tokens * bytes_per_value
    }

    /// Bytes of one copy of the logits of `num_tokens` tokens, as f32.
    #[must_use]
    pub fn logits_bytes(&self, num_tokens: u64) -> u64 {
        4 * self.vocab_size * num_tokens
    }

    /// Bytes of one layer's attention scores over `num_tokens` tokens, where a kernel does not avoid them.
    #[must_use]
    pub fn score_bytes(&self, num_tokens: u64, bytes_per_value: u64) -> u64 {
        self.num_attention_heads * num_tokens * num_tokens * bytes_per_value
    }

    /// Floating-point operations of a forward pass over one sequence: 2 for each weight and token, and causal attention.
    #[must_use]
    pub fn forward_flops(&self, num_tokens: u64) -> f64 {
        let embedding =
            if self.tie_word_embeddings { 0 } else { self.vocab_size * self.hidden_size };
        let weights = (self.num_params() - embedding - self.other_params) as f64;
        let tokens = num_tokens as f64;
        2.0 * weights * tokens
            + 2.0 * (self.num_hidden_layers * self.query_size()) as f64 * tokens * tokens
    }
}

/// Which weights are trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trained {
    /// All.
    Full,
    /// Adapters of a rank.
    Lora {
        /// The rank.
        rank: u64,
    },
}

/// A run to be estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The model.
    pub shape: ModelShape,
    /// What is trained.
    pub trained: Trained,
    /// Bytes of a weight and of an activation: 2 for bf16, 4 for f32.
    pub bytes_per_value: u64,
    /// Whether a frozen copy of the model is kept as reference.
    pub reference_copy: bool,
    /// Rollouts of a step: prompts times generations.
    pub num_rollouts: u64,
    /// Rollouts sampled at once.
    pub rollout_batch_size: u64,
    /// Rollouts scored at once.
    pub micro_batch_size: u64,
    /// Tokens of a prompt, pictures included.
    pub prompt_tokens: u64,
    /// Tokens after it.
    pub completion_tokens: u64,
    /// Passes over the rollouts.
    pub num_iterations: u64,
    /// Whether a layer's activations are computed again in the backward pass rather than kept.
    pub gradient_checkpointing: bool,
    /// Whether attention keeps its scores, as burn's does under autodiff.
    pub keeps_scores: bool,
    /// Operations per second that the device sustains.
    pub flops_per_s: f64,
    /// Bytes per second it reads.
    pub bytes_per_s: f64,
}

/// Bytes and seconds of a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Weights, adapters included.
    pub weights_bytes: u64,
    /// The frozen copy.
    pub reference_bytes: u64,
    /// Gradients of what is trained.
    pub gradients_bytes: u64,
    /// AdamW's two moments.
    pub optimizer_bytes: u64,
    /// Keys and values while sampling.
    pub kv_cache_bytes: u64,
    /// Activations kept for the backward pass.
    pub activations_bytes: u64,
    /// Logits, their log-softmax and gradient.
    pub logits_bytes: u64,
    /// The larger of sampling and updating, with what is there throughout.
    pub peak_bytes: u64,
    /// Sampling, bounded by reading weights and cache for each token.
    pub generation_s: f64,
    /// Scoring before the update, and by the reference.
    pub scoring_s: f64,
    /// Forward and backward.
    pub update_s: f64,
}

impl Estimate {
    /// Seconds of a step.
    #[must_use]
    pub fn step_s(&self) -> f64 {
        self.generation_s + self.scoring_s + self.update_s
    }
}

impl Job {
    /// What a step takes.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        let Self { shape, bytes_per_value: bytes, .. } = *self;
        let adapters = match self.trained {
            Trained::Full => 0,
            Trained::Lora { rank } => shape.lora_params(rank),
        };
        let trained = if adapters == 0 { shape.num_params() } else { adapters };
        let weights_bytes = bytes * (shape.num_params() + adapters);
        let reference_bytes = if self.reference_copy { bytes * shape.num_params() } else { 0 };
        let (gradients_bytes, optimizer_bytes) = (bytes * trained, 2 * bytes * trained); // moments in the weights' precision

        let len = self.prompt_tokens + self.completion_tokens;
        let kv_cache_bytes = shape.kv_cache_bytes(len * self.rollout_batch_size, bytes);
        let activations_bytes = self.micro_batch_size * self.activations(len);
        let logits_bytes = 3 * shape.logits_bytes(self.micro_batch_size * self.completion_tokens);
        let always = weights_bytes + reference_bytes + optimizer_bytes;
        let peak_bytes =
            always + kv_cache_bytes.max(gradients_bytes + activations_bytes + logits_bytes);

        let rollouts = self.num_rollouts as f64;
        let forward_s = rollouts * shape.forward_flops(len) / self.flops_per_s;
        let batches = self.num_rollouts.div_ceil(self.rollout_batch_size.max(1)) as f64;
        let mean_cache = shape.kv_cache_bytes(
            (self.prompt_tokens + self.completion_tokens / 2) * self.rollout_batch_size,
            bytes,
        );
        let per_token_s = (weights_bytes + mean_cache) as f64 / self.bytes_per_s;
        let prefill_s = rollouts * shape.forward_flops(self.prompt_tokens) / self.flops_per_s;
        let generation_s = prefill_s + batches * self.completion_tokens as f64 * per_token_s;
        let passes = if self.reference_copy { 2.0 } else { 1.0 };
        let with_backward = if self.gradient_checkpointing { 4.0 } else { 3.0 }; // backward costs two forwards
        let update_s = self.num_iterations as f64 * with_backward * forward_s;
        Estimate {
            weights_bytes,
            reference_bytes,
            gradients_bytes,
            optimizer_bytes,
            kv_cache_bytes,
            activations_bytes,
            logits_bytes,
            peak_bytes,
            generation_s,
            scoring_s: passes * forward_s,
            update_s,
        }
    }

    /// Bytes kept for the backward pass of one sequence.
    ///
    /// A layer keeps its two normalised inputs with what the norms need (6 widths), queries, keys, values and the attention's output,
    /// and four tensors of the gated feed-forward. With checkpointing all layers keep their input, and one everything.
    fn activations(&self, len: u64) -> u64 {
        let shape = &self.shape;
        let values = 6 * shape.hidden_size
            + 2 * shape.query_size()
            + 2 * shape.key_value_size()
            + 4 * shape.intermediate_size;
        let scores =
            if self.keeps_scores { shape.score_bytes(len, self.bytes_per_value) } else { 0 };
        let layer = values * len * self.bytes_per_value + scores;
        if self.gradient_checkpointing {
            shape.num_hidden_layers * shape.hidden_size * len * self.bytes_per_value + layer
        } else {
            shape.num_hidden_layers * layer
        }
    }
}
