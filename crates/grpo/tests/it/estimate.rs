use grpo::estimate::{Job, ModelShape, Trained};

/// Qwen2.5-VL-7B's decoder, from its `config.json`.
const SHAPE: ModelShape = ModelShape {
    num_hidden_layers: 28,
    hidden_size: 3584,
    intermediate_size: 18944,
    num_attention_heads: 28,
    num_key_value_heads: 4,
    head_dim: 128,
    vocab_size: 152_064,
    tie_word_embeddings: false,
    other_params: 0,
};

#[track_caller]
fn within(found: f64, expected: f64, share: f64) {
    assert!((found / expected - 1.0).abs() < share, "{found:e} instead of {expected:e}");
}

/// The published decoder has 7,615,616,512 weights, biases and norms included; the rest by hand for 16,384 tokens.
#[test]
fn sizes_of_the_7b_model() {
    within(SHAPE.num_params() as f64, 7_615_616_512.0, 1e-4);
    within(
        SHAPE.kv_cache_bytes(16_384, 2) as f64,
        2.0 * 28.0 * 4.0 * 128.0 * 2.0 * 16_384.0,
        1e-12,
    );
    within(SHAPE.logits_bytes(16_384) as f64, 9.97e9, 1e-3);
    within(SHAPE.score_bytes(16_384, 2) as f64, 15.03e9, 1e-3);
    // Rank 64 on all projections of this model is 161 million weights, as common LoRA libraries report.
    within(SHAPE.lora_params(64) as f64, 161_480_704.0, 1e-9);
}

#[test]
fn settings_pull_the_way_they_should() {
    let job = Job {
        shape: SHAPE,
        trained: Trained::Full,
        bytes_per_value: 2,
        reference_copy: true,
        num_rollouts: 256,
        rollout_batch_size: 32,
        micro_batch_size: 1,
        prompt_tokens: 2500,
        completion_tokens: 6000,
        num_iterations: 1,
        gradient_checkpointing: true,
        keeps_scores: false,
        flops_per_s: 4e14,
        bytes_per_s: 3e12,
    };
    let full = job.estimate();
    // Weights, a copy, gradients and two moments in bf16: 5 times 15.2 GB before any activation.
    within(
        (full.weights_bytes + full.reference_bytes + full.gradients_bytes + full.optimizer_bytes)
            as f64,
        76.2e9,
        2e-3,
    );
    assert!(full.peak_bytes > 76_000_000_000);
    let lora = Job { trained: Trained::Lora { rank: 64 }, reference_copy: false, ..job }.estimate();
    assert!(lora.peak_bytes < full.peak_bytes / 2 && lora.scoring_s < full.scoring_s);
    let kept = Job { gradient_checkpointing: false, ..job }.estimate();
    assert!(kept.activations_bytes > 5 * full.activations_bytes && kept.update_s < full.update_s);
    let scores = Job { keeps_scores: true, ..job }.estimate();
    assert_eq!(scores.activations_bytes - full.activations_bytes, SHAPE.score_bytes(8500, 2));
    let wide = Job { rollout_batch_size: 64, ..job }.estimate();
    assert!(
        wide.generation_s < full.generation_s && wide.kv_cache_bytes == 2 * full.kv_cache_bytes
    );
    within(full.update_s, 4.0 * 256.0 * SHAPE.forward_flops(8500) / 4e14, 1e-12);
}
