//! What a recipe will take.

use deepsport_model::ModelConfig;
use deepsport_model::estimate::tensors;
use grpo::estimate::{Job, ModelShape, Trained};

use super::recipe::{Questions, Recipe, Start};
use super::start;
use crate::Result;
use crate::local::Words;
use crate::world::WorldConfig;

/// Operations and bytes per second that times are estimated with; memory does not depend on them.
const RATES: [f64; 2] = [1e14, 1e12];
/// Tokens of a prompt, as a share of a conversation: the first look of as many as there are.
const PROMPT_SHARE: u64 = 4;

impl Recipe {
    /// The sizes of the model, without loading it.
    ///
    /// # Errors
    ///
    /// If the checkpoint has no `config.json` that can be read.
    pub fn model_config(&self) -> Result<ModelConfig> {
        Ok(match &self.model.start {
            Start::Checkpoint(folder) => ModelConfig::read(folder)?,
            Start::Random(sizes) => {
                let world = match &self.questions {
                    Questions::Toy(world) => world.clone(),
                    Questions::Files(_) => WorldConfig::default(),
                };
                start::config(sizes, &Words::toy(&world)?, self.model.max_tokens)?
            }
        })
    }

    /// A step of learning from rewards, to be estimated; `None` if the recipe has none.
    #[must_use]
    pub fn job(&self, config: &ModelConfig) -> Option<Job> {
        let trainer = &self.rl.as_ref()?.trainer;
        let text = &config.text;
        let all: usize =
            tensors(config).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
        let mut shape = ModelShape {
            num_hidden_layers: text.num_hidden_layers as u64,
            hidden_size: text.hidden_size as u64,
            intermediate_size: text.intermediate_size as u64,
            num_attention_heads: text.num_attention_heads as u64,
            num_key_value_heads: text.num_key_value_heads as u64,
            head_dim: text.head_dim as u64,
            vocab_size: text.vocab_size as u64,
            tie_word_embeddings: config.tie_word_embeddings,
            other_params: 0,
        };
        shape.other_params = (all as u64).saturating_sub(shape.num_params());
        let max_tokens = self.model.max_tokens as u64;
        let completion = (trainer.rollout.max_completion_tokens as u64).min(max_tokens);
        let prompt = max_tokens.saturating_sub(completion).max(max_tokens / PROMPT_SHARE);
        Some(Job {
            shape,
            trained: match &self.model.lora {
                Some(lora) => Trained::Lora { rank: lora.rank as u64 },
                None => Trained::Full,
            },
            bytes_per_value: self.model.precision.num_bytes(),
            reference_copy: trainer.loss.beta != 0.0 && self.model.lora.is_none(),
            num_rollouts: (trainer.prompts_per_step * trainer.num_generations) as u64,
            rollout_batch_size: trainer.rollout.batch_size as u64,
            micro_batch_size: trainer.micro_batch_size as u64,
            prompt_tokens: prompt,
            completion_tokens: completion,
            num_iterations: trainer.num_iterations as u64,
            gradient_checkpointing: !self.model.keep_everything,
            keeps_scores: self.model.keep_everything,
            flops_per_s: RATES[0],
            bytes_per_s: RATES[1],
        })
    }
}
