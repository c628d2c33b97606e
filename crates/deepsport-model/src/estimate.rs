//! What a model of these sizes holds and how much memory it takes, before anything is loaded.

use crate::config::ModelConfig;

/// Name (as published) and shape in the file of every tensor of a checkpoint.
///
/// ```
/// use deepsport_model::{ModelConfig, estimate::tensors};
/// # let config = ModelConfig::from_json(&serde_json::json!({
/// #     "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3, "num_attention_heads": 4,
/// #     "num_key_value_heads": 2, "vocab_size": 1216, "rope_theta": 1e6, "rms_norm_eps": 1e-6,
/// #     "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
/// #     "vision_config": {"depth": 4, "hidden_size": 48, "intermediate_size": 76, "num_heads": 3,
/// #         "out_hidden_size": 64, "window_size": 112, "fullatt_block_indexes": [1, 3]}}))?;
/// let num_parameters: usize = tensors(&config).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
/// # assert_eq!(num_parameters, 474_000);
/// # Ok::<(), deepsport_model::Error>(())
/// ```
#[must_use]
pub fn tensors(config: &ModelConfig) -> Vec<(String, Vec<usize>)> {
    let (text, vision) = (&config.text, &config.vision);
    let mut all = Tensors(Vec::new());

    let width = vision.hidden_size;
    let patch = vec![
        width,
        vision.in_channels,
        vision.temporal_patch_size,
        vision.patch_size,
        vision.patch_size,
    ];
    all.add("visual.patch_embed.proj.weight".into(), patch);
    for i in 0..vision.depth {
        let block = format!("visual.blocks.{i}");
        all.add(format!("{block}.norm1.weight"), vec![width]);
        all.linear(&format!("{block}.attn.qkv"), width, 3 * width, true);
        all.linear(&format!("{block}.attn.proj"), width, width, true);
        all.add(format!("{block}.norm2.weight"), vec![width]);
        all.mlp(&format!("{block}.mlp"), width, vision.intermediate_size, true);
    }
    let merged = width * vision.patches_per_cell();
    all.add("visual.merger.ln_q.weight".into(), vec![width]);
    all.linear("visual.merger.mlp.0", merged, merged, true);
    all.linear("visual.merger.mlp.2", merged, vision.out_hidden_size, true);

    let hidden = text.hidden_size;
    all.add("model.embed_tokens.weight".into(), vec![text.vocab_size, hidden]);
    let queries = text.num_attention_heads * text.head_dim;
    let keys = text.num_key_value_heads * text.head_dim;
    for i in 0..text.num_hidden_layers {
        let layer = format!("model.layers.{i}");
        all.add(format!("{layer}.input_layernorm.weight"), vec![hidden]);
        for (name, width) in [("q_proj", queries), ("k_proj", keys), ("v_proj", keys)] {
            all.linear(&format!("{layer}.self_attn.{name}"), hidden, width, true);
        }
        all.linear(&format!("{layer}.self_attn.o_proj"), queries, hidden, false);
        all.add(format!("{layer}.post_attention_layernorm.weight"), vec![hidden]);
        all.mlp(&format!("{layer}.mlp"), hidden, text.intermediate_size, false);
    }
    all.add("model.norm.weight".into(), vec![hidden]);
    if !config.tie_word_embeddings {
        all.linear("lm_head", hidden, text.vocab_size, false);
    }
    all.0
}

struct Tensors(Vec<(String, Vec<usize>)>);

impl Tensors {
    fn add(&mut self, name: String, shape: Vec<usize>) {
        self.0.push((name, shape));
    }

    fn linear(&mut self, name: &str, from: usize, to: usize, has_bias: bool) {
        self.add(format!("{name}.weight"), vec![to, from]);
        if has_bias {
            self.add(format!("{name}.bias"), vec![to]);
        }
    }

    fn mlp(&mut self, name: &str, width: usize, inner: usize, has_bias: bool) {
        self.linear(&format!("{name}.gate_proj"), width, inner, has_bias);
        self.linear(&format!("{name}.up_proj"), width, inner, has_bias);
        self.linear(&format!("{name}.down_proj"), inner, width, has_bias);
    }
}

/// Numbers in the weights of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterCount {
    /// Of the vision tower with its merger.
    pub vision: usize,
    /// Of the language model with embedding and head.
    pub language: usize,
}

impl ParameterCount {
    /// Counts [`tensors`].
    #[must_use]
    pub fn of(config: &ModelConfig) -> Self {
        let mut count = Self { vision: 0, language: 0 };
        for (name, shape) in tensors(config) {
            let part =
                if name.starts_with("visual.") { &mut count.vision } else { &mut count.language };
            *part += shape.iter().product::<usize>();
        }
        count
    }

    /// Of both.
    #[must_use]
    pub fn total(&self) -> usize {
        self.vision + self.language
    }
}

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    /// Sequences at once.
    pub batch: usize,
    /// Tokens of each.
    pub seq_len: usize,
    /// Bytes of a weight, an activation and a cached key: 4 for f32, 2 for bf16.
    pub bytes_per_number: usize,
    /// Tokens whose scores of all words exist at once (f32).
    pub head_chunk: usize,
    /// Whether weights are trained: gradients in their precision, and two f32 moments of AdamW.
    pub is_trained: bool,
}

/// Memory by its use, in bytes. An estimate: temporaries of single operations come on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// One copy of the weights.
    pub weights: u64,
    /// Keys and values of all layers.
    pub kv_cache: u64,
    /// Scores of all words of one chunk.
    pub logits: u64,
    /// Activations: in inference those of one layer, in training the residual stream behind every layer and everything
    /// within one of them, since layers are computed again in the backward pass.
    pub activations: u64,
    /// Gradients; 0 without training.
    pub gradients: u64,
    /// Moments of the optimiser; 0 without training.
    pub optimizer: u64,
}

impl MemoryEstimate {
    /// Estimates a workload.
    #[must_use]
    pub fn of(config: &ModelConfig, workload: &Workload) -> Self {
        let text = &config.text;
        let num_weights = ParameterCount::of(config).total() as u64;
        let number = workload.bytes_per_number as u64;
        let tokens = (workload.batch * workload.seq_len) as u64;
        let keys = (text.num_key_value_heads * text.head_dim) as u64;
        let queries = (text.num_attention_heads * text.head_dim) as u64;
        let (hidden, layers) = (text.hidden_size as u64, text.num_hidden_layers as u64);
        // Within a layer: two norms, queries, keys, values, what attention gives, gate, up and their product.
        let within = 2 * hidden + 2 * queries + 2 * keys + 3 * text.intermediate_size as u64;
        let kept = if workload.is_trained { layers * hidden } else { hidden };
        let trained = u64::from(workload.is_trained);
        Self {
            weights: num_weights * number,
            kv_cache: if workload.is_trained { 0 } else { 2 * layers * keys * tokens * number },
            logits: workload.head_chunk as u64 * text.vocab_size as u64 * 4,
            activations: tokens * (kept + within) * number,
            gradients: trained * num_weights * number,
            optimizer: trained * num_weights * 8,
        }
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.weights
            + self.kv_cache
            + self.logits
            + self.activations
            + self.gradients
            + self.optimizer
    }
}
