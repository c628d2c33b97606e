//! Sizes of the published models, and of the tiny ones tensor by tensor.

use std::collections::BTreeMap;

use deepsport_model::ModelConfig;
use deepsport_model::checkpoint::Checkpoint;
use deepsport_model::estimate::{MemoryEstimate, ParameterCount, Workload, tensors};
use serde_json::json;

use crate::fixtures::path;

/// As in the published `config.json` of each size, without what changes no size.
fn published(
    [hidden, inner, layers, heads, kv_heads, vocab]: [usize; 6],
    vision_inner: usize,
    tied: bool,
) -> ModelConfig {
    let config = json!({
        "model_type": "qwen2_5_vl", "hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": kv_heads, "vocab_size": vocab,
        "tie_word_embeddings": tied, "rope_theta": 1e6, "rms_norm_eps": 1e-6, "max_position_embeddings": 128_000,
        "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}, "hidden_act": "silu",
        "vision_config": {"depth": 32, "hidden_size": 1280, "intermediate_size": vision_inner, "num_heads": 16,
            "in_chans": 3, "out_hidden_size": hidden, "patch_size": 14, "spatial_merge_size": 2,
            "temporal_patch_size": 2, "window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31],
            "tokens_per_second": 2}
    });
    ModelConfig::from_json(&config).unwrap()
}

/// The totals are those of the published checkpoints; bytes of a token's keys and values in bf16.
#[test]
fn the_published_sizes_are_counted() {
    for (sizes, vision_inner, tied, language, vision, kv_bytes) in [
        ([2048, 11008, 36, 16, 2, 151_936], 3420, true, 3_085_938_688, 668_684_288, 36_864),
        ([3584, 18944, 28, 28, 4, 152_064], 3420, false, 7_615_616_512, 676_550_144, 57_344),
        ([5120, 27648, 64, 40, 8, 152_064], 3456, false, 32_763_876_352, 688_841_984, 262_144),
        ([8192, 29568, 80, 64, 8, 152_064], 3456, false, 72_706_203_648, 704_573_696, 327_680_u64),
    ] {
        let config = published(sizes, vision_inner, tied);
        assert_eq!(ParameterCount::of(&config), ParameterCount { vision, language });
        let one_token = Workload {
            batch: 1,
            seq_len: 1,
            bytes_per_number: 2,
            head_chunk: 1,
            is_trained: false,
        };
        let memory = MemoryEstimate::of(&config, &one_token);
        assert_eq!(memory.kv_cache, kv_bytes);
        assert_eq!(memory.weights, 2 * (language + vision) as u64);
        assert_eq!((memory.gradients, memory.optimizer), (0, 0));
        let trained = MemoryEstimate::of(&config, &Workload { is_trained: true, ..one_token });
        assert_eq!(trained.optimizer, 8 * (language + vision) as u64);
        assert!(trained.total() > memory.total());
    }
}

#[test]
fn names_and_shapes_are_those_of_checkpoints() {
    for name in ["untied_f32", "tied_f32", "untied_bf16_new_keys", "untied_bf16_sharded"] {
        let Some(path) = path(name) else { continue };
        let checkpoint = Checkpoint::open(path).unwrap();
        let found: BTreeMap<String, Vec<usize>> =
            checkpoint.tensors().map(|(name, shape)| (name.to_owned(), shape.to_vec())).collect();
        let expected: BTreeMap<String, Vec<usize>> =
            tensors(checkpoint.config()).into_iter().collect();
        assert_eq!(found, expected, "{name}");
    }
}
