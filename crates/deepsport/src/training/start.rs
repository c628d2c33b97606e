//! The policy before its first step.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use deepsport_model::language::Keep;
use deepsport_model::training::ScoreSettings;
use deepsport_model::{Init, ModelConfig, Network};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::json;

use super::recipe::{ModelRecipe, Sizes, Start};
use crate::Result;
use crate::local::{NetworkPolicy, Words, folder};

/// The network of a recipe: random weights drawn from `seed`, or those of its checkpoint.
pub(super) fn network(
    recipe: &ModelRecipe,
    words: &Words,
    seed: u64,
    device: &Device,
) -> Result<Network> {
    let init = Init::new(device).with_dtype(recipe.precision.dtype());
    let network = match &recipe.start {
        Start::Checkpoint(folder) => folder::network(folder, words, &init, &mut |_| {})?,
        Start::Random(sizes) => Network::init(&config(sizes, words, recipe.max_tokens)?, &init)
            .map(&mut Draw { path: Vec::new(), rng: StdRng::seed_from_u64(seed) }),
    };
    let network = if recipe.freeze_vision { network.with_frozen_vision() } else { network };
    Ok(match &recipe.lora {
        Some(lora) => network.with_lora(&lora.settings())?,
        None => network,
    })
}

/// The policy around a network.
pub(super) fn policy(recipe: &ModelRecipe, words: &Words, network: Network) -> NetworkPolicy {
    let forbidden = words.tokenizer().forbidden(network.config().text.vocab_size);
    let policy = NetworkPolicy::new(network, words.tokenizer().special().im_end, forbidden);
    if !recipe.keep_everything {
        return policy;
    }
    policy.with_scoring(ScoreSettings {
        keep: Keep::Everything,
        head_chunk: 1 << 14,
        ..ScoreSettings::default()
    })
}

/// `config.json` of a small model with the words of the toy world.
pub(super) fn config(
    sizes: &Sizes,
    words: &Words,
    max_tokens: usize,
) -> deepsport_model::Result<ModelConfig> {
    let special = words.tokenizer().special();
    ModelConfig::from_json(&json!({
        "model_type": "qwen2_5_vl",
        "vocab_size": words.tokenizer().len().next_multiple_of(16),
        "image_token_id": special.image_pad,
        "video_token_id": special.video_pad,
        "vision_start_token_id": special.vision_start,
        "vision_end_token_id": special.vision_end,
        "hidden_size": sizes.hidden_size,
        "intermediate_size": sizes.intermediate_size,
        "num_hidden_layers": sizes.num_hidden_layers,
        "num_attention_heads": sizes.num_attention_heads,
        "num_key_value_heads": sizes.num_key_value_heads,
        "rms_norm_eps": 1e-6,
        "rope_theta": sizes.rope_theta,
        "max_position_embeddings": max_tokens,
        "rope_scaling": {"type": "mrope", "mrope_section": sizes.mrope_section},
        "tie_word_embeddings": true,
        "vision_config": {
            "depth": sizes.vision_depth,
            "hidden_size": sizes.vision_hidden_size,
            "intermediate_size": sizes.vision_intermediate_size,
            "num_heads": sizes.vision_num_heads,
            "out_hidden_size": sizes.hidden_size,
            "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 112,
            "fullatt_block_indexes": [sizes.vision_depth.saturating_sub(1)],
            "tokens_per_second": 2, "in_chans": 3
        }
    }))
}

/// Draws the weights from a generator of their own (the device's is one for the process, which other threads draw from too), and
/// makes those of linear layers as large as their width asks for: the published deviation of 0.02 suits widths of thousands, and
/// lets a narrow network pass next to nothing on.
struct Draw {
    path: Vec<String>,
    rng: StdRng,
}

/// The published deviation.
const PUBLISHED_STD: f64 = 0.02;

impl ModuleMapper for Draw {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D != 2 {
            return param; // ones of norms, zeros of biases
        }
        let is_embedding = self.path.iter().any(|part| part == "embed_tokens");
        let (id, value) = (param.id, param.val().inner());
        let published = Distribution::Normal(0.0, PUBLISHED_STD);
        let drawn = TensorData::random::<f32, _, _>(value.shape(), published, &mut self.rng);
        let drawn = Tensor::from_data(drawn, (&value.device(), value.dtype()));
        let drawn = if is_embedding {
            drawn
        } else {
            drawn.mul_scalar(1.0 / (PUBLISHED_STD * (value.dims()[0] as f64).sqrt()))
        };
        Param::initialized(id, Tensor::from_inner(drawn).require_grad())
    }
}
