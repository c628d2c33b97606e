//! Where the time of a training step goes, with a small Qwen2.5-VL in the toy world: `cargo bench -p deepsport --bench step`.
//!
//! Weights are random, so rollouts are as long as the limit lets them be and no tool is called; what is measured is the share
//! of a step that is neither forward, backward, generation nor the environment.
#![allow(clippy::print_stdout)] // the table is what the program is for

use burn::tensor::Device;
use deepsport::agent::{Agent, Wording};
use deepsport::local::{NetworkPolicy, VideoEnvironment, VideoTask, Words};
use deepsport::world::{World, WorldConfig};
use deepsport_model::{Init, ModelConfig, Network};
use grpo::loss::LossConfig;
use grpo::optim::OptimConfig;
use grpo::reward::GatedToolUse;
use grpo::{RewardSum, Schedule, Trainer, TrainerConfig};
use serde_json::json;

/// Half a million weights.
fn config(words: &Words) -> deepsport_model::Result<ModelConfig> {
    let special = words.tokenizer().special();
    ModelConfig::from_json(&json!({
        "model_type": "qwen2_5_vl", "vocab_size": words.tokenizer().len().next_multiple_of(64),
        "image_token_id": special.image_pad, "video_token_id": special.video_pad,
        "vision_start_token_id": special.vision_start, "vision_end_token_id": special.vision_end,
        "hidden_size": 96, "intermediate_size": 256, "num_hidden_layers": 3, "num_attention_heads": 4,
        "num_key_value_heads": 2, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "max_position_embeddings": 512,
        "rope_scaling": {"type": "mrope", "mrope_section": [4, 4, 4]}, "tie_word_embeddings": true,
        "vision_config": {
            "depth": 2, "hidden_size": 64, "intermediate_size": 128, "num_heads": 4, "out_hidden_size": 96,
            "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 112,
            "fullatt_block_indexes": [1], "tokens_per_second": 2, "in_chans": 3
        }
    }))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let world_config = WorldConfig::default();
    let words = Words::toy(&world_config)?;
    let device = Device::flex().autodiff();
    device.seed(0);
    let config = config(&words)?;
    let network = Network::init(&config, &Init::new(&device));
    let forbidden = words.tokenizer().forbidden(config.text.vocab_size);
    let policy = NetworkPolicy::new(network, words.tokenizer().special().im_end, forbidden);
    let agent = Agent::training().with_wording(Wording::Toy);
    let environment = VideoEnvironment::new(agent, words, policy.media_rule(), 512);
    let tasks: Result<Vec<_>, _> =
        World::new(world_config)?.items(0..32).map(VideoTask::toy).collect();

    let optim = OptimConfig::new(Schedule::constant(1e-4));
    let mut settings = TrainerConfig::new(LossConfig::grpo(), optim);
    (settings.prompts_per_step, settings.num_generations) = (8, 8);
    (settings.micro_batch_size, settings.rollout.max_turn_tokens) = (16, 20);
    let rewards = RewardSum::of(GatedToolUse::default());
    let mut trainer = Trainer::new(settings, policy, environment, tasks?, rewards)?;
    for step in 0..4 {
        let metrics = trainer.step()?.metrics;
        if step == 0 {
            continue; // draws the weights
        }
        let times = metrics.iter().filter(|(name, _)| name.starts_with("time/"));
        let row: Vec<_> = times.map(|(name, value)| format!("{} {value:.4}", &name[5..])).collect();
        let kl = metrics.iter().find(|(name, _)| name.contains("mismatch") && name.contains("kl"));
        println!("step {step}: {} {kl:?}", row.join("  "));
    }
    Ok(())
}
