//! The folder of the published 7B model, as the hub has it, without its numbers.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Parser as _;
use serde_json::json;

use super::*;
use crate::args::{Args, Command};

/// `config.json` as published, field by field.
const CONFIG: &str = r#"{
    "architectures": ["Qwen2_5_VLForConditionalGeneration"], "attention_dropout": 0.0, "bos_token_id": 151643,
    "eos_token_id": 151645, "vision_start_token_id": 151652, "vision_end_token_id": 151653,
    "vision_token_id": 151654, "image_token_id": 151655, "video_token_id": 151656, "hidden_act": "silu",
    "hidden_size": 3584, "initializer_range": 0.02, "intermediate_size": 18944,
    "max_position_embeddings": 128000, "max_window_layers": 28, "model_type": "qwen2_5_vl",
    "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4, "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0, "sliding_window": 32768, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
    "transformers_version": "4.41.2", "use_cache": true, "use_sliding_window": false,
    "vision_config": {
        "depth": 32, "hidden_act": "silu", "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16,
        "in_chans": 3, "out_hidden_size": 3584, "patch_size": 14, "spatial_merge_size": 2,
        "spatial_patch_size": 14, "window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31],
        "tokens_per_second": 2, "temporal_patch_size": 2
    },
    "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}, "vocab_size": 152064
}"#;

/// Names and shapes of the published files, in PyTorch's orientation.
fn published() -> BTreeMap<String, Vec<usize>> {
    let mut all = BTreeMap::new();
    let mut add = |name: &str, shape: &[usize]| all.insert(name.to_owned(), shape.to_vec());
    add("model.embed_tokens.weight", &[152_064, 3584]);
    add("lm_head.weight", &[152_064, 3584]);
    add("model.norm.weight", &[3584]);
    for i in 0..28 {
        for (name, shape) in [
            ("input_layernorm.weight", &[3584][..]),
            ("post_attention_layernorm.weight", &[3584]),
            ("self_attn.q_proj.weight", &[3584, 3584]),
            ("self_attn.q_proj.bias", &[3584]),
            ("self_attn.k_proj.weight", &[512, 3584]),
            ("self_attn.k_proj.bias", &[512]),
            ("self_attn.v_proj.weight", &[512, 3584]),
            ("self_attn.v_proj.bias", &[512]),
            ("self_attn.o_proj.weight", &[3584, 3584]),
            ("mlp.gate_proj.weight", &[18_944, 3584]),
            ("mlp.up_proj.weight", &[18_944, 3584]),
            ("mlp.down_proj.weight", &[3584, 18_944]),
        ] {
            add(&format!("model.layers.{i}.{name}"), shape);
        }
    }
    add("visual.patch_embed.proj.weight", &[1280, 3, 2, 14, 14]);
    for i in 0..32 {
        for (name, shape) in [
            ("norm1.weight", &[1280][..]),
            ("norm2.weight", &[1280]),
            ("attn.qkv.weight", &[3840, 1280]),
            ("attn.qkv.bias", &[3840]),
            ("attn.proj.weight", &[1280, 1280]),
            ("attn.proj.bias", &[1280]),
            ("mlp.gate_proj.weight", &[3420, 1280]),
            ("mlp.gate_proj.bias", &[3420]),
            ("mlp.up_proj.weight", &[3420, 1280]),
            ("mlp.up_proj.bias", &[3420]),
            ("mlp.down_proj.weight", &[1280, 3420]),
            ("mlp.down_proj.bias", &[1280]),
        ] {
            add(&format!("visual.blocks.{i}.{name}"), shape);
        }
    }
    add("visual.merger.ln_q.weight", &[1280]);
    add("visual.merger.mlp.0.weight", &[5120, 5120]);
    add("visual.merger.mlp.0.bias", &[5120]);
    add("visual.merger.mlp.2.weight", &[3584, 5120]);
    add("visual.merger.mlp.2.bias", &[3584]);
    all
}

/// `config.json` and the index over five shards; with `has_shards` these too, all zeros, of which a file system that knows
/// holes stores none.
fn folder(has_shards: bool) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut shards = vec![BTreeMap::new()];
    let (mut in_shard, mut in_all) = (0, 0);
    for (name, shape) in published() {
        let bytes = 2 * shape.iter().product::<usize>();
        if in_shard + bytes > 4_000_000_000 {
            shards.push(BTreeMap::new());
            in_shard = 0;
        }
        in_shard += bytes;
        in_all += bytes;
        shards.last_mut().unwrap().insert(name, shape);
    }
    let file = |i: usize| format!("model-{:05}-of-{:05}.safetensors", i + 1, shards.len());
    let mut weight_map = BTreeMap::new();
    for (i, tensors) in shards.iter().enumerate() {
        weight_map.extend(tensors.keys().map(|name| (name.clone(), file(i))));
        if has_shards {
            shard(&dir.path().join(file(i)), tensors);
        }
    }
    let index = json!({"metadata": {"total_size": in_all}, "weight_map": weight_map});
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("model.safetensors.index.json"), index.to_string()).unwrap();
    std::fs::write(path("config.json"), CONFIG).unwrap();
    dir
}

fn shard(path: &Path, tensors: &BTreeMap<String, Vec<usize>>) {
    let (mut header, mut end) = (serde_json::Map::new(), 0);
    for (name, shape) in tensors {
        let start = end;
        end += 2 * shape.iter().product::<usize>();
        let tensor = json!({"dtype": "BF16", "shape": shape, "data_offsets": [start, end]});
        header.insert(name.clone(), tensor);
    }
    let header = Value::Object(header).to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    std::fs::write(path, &bytes).unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len((bytes.len() + end) as u64).unwrap();
}

fn report(dir: &Path) -> Report {
    let line = ["vlm", "inspect", dir.to_str().unwrap()];
    let Command::Inspect(args) = Args::try_parse_from(line).unwrap().command else {
        unreachable!("the line says inspect")
    };
    inspect(&args).unwrap()
}

#[track_caller]
fn check(report: &Report, compared: &str) {
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.compared, compared);
    assert_eq!(report.layout.as_deref(), Some("hub"));
    // the published totals
    assert_eq!(report.parameters, 8_292_166_656);
    assert_eq!(report.parameters_vision, 676_550_144);
    assert_eq!(report.kv_bytes_per_token, 57_344);
    assert_eq!(report.bf16.weights, (8_292_166_656 * 2) >> 20);
}

#[test]
fn the_published_7b_is_complete_by_its_index_before_it_is_downloaded() {
    assert_eq!(published().len(), 729);
    let dir = folder(false);
    check(&report(dir.path()), "index");
    // what the index lacks or has too much is named
    let path = dir.path().join("model.safetensors.index.json");
    let mut index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let map = index["weight_map"].as_object_mut().unwrap();
    map.remove("model.layers.27.mlp.up_proj.weight");
    map.insert("visual.blocks.32.norm1.weight".into(), "model.safetensors".into());
    std::fs::write(path, index.to_string()).unwrap();
    let found = report(dir.path());
    assert_eq!(found.missing, ["model.layers.27.mlp.up_proj.weight"]);
    assert_eq!(found.unused, ["visual.blocks.32.norm1.weight"]);
}

/// 16.6 GB that take no room; elsewhere holes in files are not to be relied on.
#[test]
#[cfg(target_os = "linux")]
fn the_published_7b_is_complete_by_the_headers_of_its_shards() {
    let dir = folder(true);
    check(&report(dir.path()), "weights");
}
