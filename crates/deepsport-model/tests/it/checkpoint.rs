//! Opening and reading checkpoints, good and bad.

use std::collections::BTreeMap;

use deepsport_model::checkpoint::{Checkpoint, Layout, SaveSettings};
use deepsport_model::{Init, ModelConfig, Network};
use serde_json::{Value, json};

use crate::fixtures::{device, path};

#[test]
fn every_layout_is_complete() {
    for (folder, layout, tensors) in [
        ("untied_f32", Layout::Hub, 93),
        ("tied_f32", Layout::Hub, 92),
        ("untied_bf16", Layout::Hub, 93),
        ("untied_bf16_sharded", Layout::Hub, 93),
        ("untied_bf16_hub_flat", Layout::Hub, 93),
        ("untied_bf16_new_keys", Layout::Nested, 93),
        ("tied_bf16_hub_flat", Layout::Hub, 92),
    ] {
        let Some(path) = path(folder) else { continue };
        let checkpoint = Checkpoint::open(path).unwrap();
        assert!(checkpoint.report().is_clean(), "{folder}: {}", checkpoint.report());
        assert_eq!(checkpoint.layout(), layout, "{folder}");
        assert_eq!(checkpoint.tensors().count(), tensors, "{folder}");
        let mut done = 0;
        checkpoint.load(&Init::new(&device()), &mut |progress| done = progress.bytes_done).unwrap();
        assert_eq!(done, checkpoint.num_bytes());
    }
}

/// Every tensor of a folder, by published name.
fn all(folder: &std::path::Path) -> BTreeMap<String, Vec<f32>> {
    let network =
        Checkpoint::open(folder).unwrap().load(&Init::new(&device()), &mut |_| {}).unwrap();
    let mut all = BTreeMap::new();
    network.for_each_weight(&mut |tensor| {
        all.insert(tensor.name, tensor.values);
    });
    all
}

#[test]
fn what_is_saved_is_what_is_read() {
    for folder in ["untied_bf16_new_keys", "tied_f32"] {
        let Some(from) = path(folder) else { continue };
        let checkpoint = Checkpoint::open(&from).unwrap();
        let network = checkpoint.load(&Init::new(&device()), &mut |_| {}).unwrap();
        let expected = all(&from);
        for layout in [Layout::Hub, Layout::Nested] {
            for (max_shard_bytes, files) in [(u64::MAX, 1), (300_000, 0)] {
                let folder = tempfile::tempdir().unwrap();
                let settings = SaveSettings { layout, max_shard_bytes, ..SaveSettings::default() };
                network.save(folder.path(), &settings).unwrap();
                let again = Checkpoint::open(folder.path()).unwrap();
                assert_eq!(again.layout(), layout);
                assert_eq!(again.config(), checkpoint.config());
                assert_eq!(all(folder.path()), expected);
                let shards = std::fs::read_dir(folder.path()).unwrap().filter(|entry| {
                    entry
                        .as_ref()
                        .unwrap()
                        .path()
                        .extension()
                        .is_some_and(|extension| extension == "safetensors")
                });
                let shards = shards.count();
                assert!(if files == 1 { shards == 1 } else { shards > 2 }, "{shards} shards");
            }
        }
        // shapes in the file are the published ones, the convolution among them
        let folder = tempfile::tempdir().unwrap();
        network.save(folder.path(), &SaveSettings::default()).unwrap();
        let again = Checkpoint::open(folder.path()).unwrap();
        let published = |of: &Checkpoint| {
            of.tensors().map(|(n, s)| (n.to_owned(), s.to_vec())).collect::<Vec<_>>()
        };
        assert_eq!(published(&again), published(&checkpoint));
    }
}

/// A copy of a fixture that a test may damage.
fn copy(name: &str) -> Option<tempfile::TempDir> {
    let from = path(name)?;
    let to = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    Some(to)
}

/// Opens and reads a copy after `damage`, which must fail with a message that says all of `named`.
#[track_caller]
fn refuses(name: &str, damage: impl Fn(&std::path::Path), named: &[&str]) {
    let Some(folder) = copy(name) else { return };
    damage(folder.path());
    let loaded = Checkpoint::open(folder.path())
        .and_then(|checkpoint| checkpoint.load(&Init::new(&device()), &mut |_| {}));
    let message = loaded.expect_err("a damaged checkpoint was read").to_string();
    for part in named {
        assert!(message.contains(part), "{message:?} does not name {part:?}");
    }
}

/// Rewrites a safetensors file with changed tensors.
fn edit(
    path: &std::path::Path,
    change: impl Fn(&mut BTreeMap<String, (safetensors::Dtype, Vec<usize>, Vec<u8>)>),
) {
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors = file
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, (view.dtype(), view.shape().to_vec(), view.data().to_vec())))
        .collect();
    change(&mut tensors);
    let views = tensors.iter().map(|(name, (dtype, shape, data))| {
        (name, safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    safetensors::serialize_to_file(views, None, path).unwrap();
}

fn single(folder: &std::path::Path) -> std::path::PathBuf {
    folder.join("model.safetensors")
}

#[test]
fn damaged_checkpoints_name_the_culprit() {
    const SHARD: &str = "model-00002-of-00003.safetensors";
    refuses(
        "untied_f32",
        |folder| std::fs::remove_file(single(folder)).unwrap(),
        &["read", "model.safetensors"],
    );
    refuses(
        "untied_f32",
        |folder| std::fs::remove_file(folder.join("config.json")).unwrap(),
        &["config.json"],
    );
    refuses(
        "untied_bf16_sharded",
        |folder| std::fs::remove_file(folder.join(SHARD)).unwrap(),
        &[SHARD],
    );
    let cut = |folder: &std::path::Path| {
        let bytes = std::fs::read(folder.join(SHARD)).unwrap();
        std::fs::write(folder.join(SHARD), &bytes[..bytes.len() - 100]).unwrap();
    };
    refuses("untied_bf16_sharded", cut, &[SHARD, "whole"]);
    refuses(
        "untied_f32",
        |folder| std::fs::write(single(folder), [1, 2, 3]).unwrap(),
        &["model.safetensors"],
    );
    refuses(
        "untied_f32",
        |folder| std::fs::write(single(folder), u64::MAX.to_le_bytes()).unwrap(),
        &["whole"],
    );
    refuses(
        "untied_f32",
        |folder| std::fs::write(folder.join("config.json"), "{").unwrap(),
        &["config.json", "valid"],
    );
    let forget = |folder: &std::path::Path| {
        edit(&single(folder), |all| drop(all.remove("model.norm.weight")))
    };
    refuses("untied_f32", forget, &["1 missing", "model.norm.weight"]);
    let add = |folder: &std::path::Path| {
        edit(&single(folder), |all| {
            let norm = all["model.norm.weight"].clone();
            all.insert("model.layers.9.extra".into(), norm);
        });
    };
    refuses("untied_f32", add, &["1 unused", "model.layers.9.extra"]);
    let shape = |folder: &std::path::Path| {
        edit(&single(folder), |all| {
            all.get_mut("model.layers.0.self_attn.q_proj.bias").unwrap().1 = vec![8, 8]
        });
    };
    refuses("untied_f32", shape, &["q_proj.bias", "[8, 8]", "[64]"]);
    let not_a_number = |folder: &std::path::Path| {
        edit(&single(folder), |all| {
            let data = &mut all.get_mut("model.layers.1.mlp.up_proj.weight").unwrap().2;
            data[400..404].copy_from_slice(&f32::NAN.to_le_bytes());
        });
    };
    refuses("untied_f32", not_a_number, &["model.layers.1.mlp.up_proj.weight", "NaN", "100"]);
    let integers = |folder: &std::path::Path| {
        edit(&single(folder), |all| {
            all.get_mut("model.norm.weight").unwrap().0 = safetensors::Dtype::I32
        });
    };
    refuses("untied_f32", integers, &["model.norm.weight", "I32"]);
}

#[test]
fn settings_that_cannot_be_name_their_field() {
    let Some(folder) = path("untied_bf16_hub_flat") else { return };
    let good: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("config.json")).unwrap())
            .unwrap();
    assert!(ModelConfig::from_json(&good).is_ok());
    for (pointer, value, named) in [
        ("/num_key_value_heads", json!(3), "num_key_value_heads"),
        ("/hidden_size", json!("64"), "hidden_size"),
        ("/num_hidden_layers", json!(0), "num_hidden_layers"),
        ("/rope_scaling/mrope_section", json!([2, 3, 4]), "mrope_section"),
        ("/rope_scaling/mrope_section", json!([2, 6]), "mrope_section"),
        ("/rope_scaling/type", json!("yarn"), "yarn"),
        ("/use_sliding_window", json!(true), "use_sliding_window"),
        ("/hidden_act", json!("relu"), "hidden_act"),
        ("/model_type", json!("llama"), "llama"),
        ("/vision_config", json!(3), "vision_config"),
        ("/vision_config/out_hidden_size", json!(65), "out_hidden_size"),
        ("/vision_config/num_heads", json!(5), "vision_config.num_heads"),
        ("/vision_config/fullatt_block_indexes", json!([4]), "fullatt_block_indexes"),
        ("/vision_config/window_size", json!(14), "window_size"),
        ("/rms_norm_eps", json!(-1.0), "rms_norm_eps"),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        let message = ModelConfig::from_json(&bad).expect_err(pointer).to_string();
        assert!(message.contains(named), "{pointer}: {message}");
    }
}

/// The published sizes, and the number of parameters that their files have.
#[test]
fn published_sizes_have_the_published_number_of_parameters() {
    for (hidden, inner, layers, heads, kv_heads, vocab, tied, vision_inner, parameters) in [
        (2048, 11008, 36, 16, 2, 151_936, true, 3420, 3_754_622_976_usize),
        (3584, 18944, 28, 28, 4, 152_064, false, 3420, 8_292_166_656),
        (5120, 27648, 64, 40, 8, 152_064, false, 3456, 33_452_718_336),
        (8192, 29568, 80, 64, 8, 152_064, false, 3456, 73_410_777_344),
    ] {
        let config = json!({
            "model_type": "qwen2_5_vl", "hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers,
            "num_attention_heads": heads, "num_key_value_heads": kv_heads, "vocab_size": vocab, "tie_word_embeddings": tied,
            "max_position_embeddings": 128_000, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
            "rope_scaling": { "type": "mrope", "mrope_section": [16, 24, 24] },
            "vision_config": { "depth": 32, "hidden_size": 1280, "intermediate_size": vision_inner, "num_heads": 16,
                "in_chans": 3, "out_hidden_size": hidden, "tokens_per_second": 2,
                "fullatt_block_indexes": [7, 15, 23, 31] },
        });
        let config = ModelConfig::from_json(&config).unwrap();
        assert_eq!(ModelConfig::from_json(&config.to_json()).unwrap(), config);
        assert_eq!(Network::init(&config, &Init::new(&device())).num_weights(), parameters);
    }
}
