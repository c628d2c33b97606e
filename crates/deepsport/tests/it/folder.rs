//! Models in folders.

use std::path::Path;

use burn::tensor::Device;
use deepsport::Error;
use deepsport::agent::{Agent, Wording};
use deepsport::local::folder::{load, save};
use deepsport::local::{Settings, Words};
use deepsport::world::WorldConfig;
use deepsport_model::training::LoraSettings;
use deepsport_model::{Init, ModelConfig, Network};
use serde_json::json;

/// A toy model of random weights, in a folder of its own.
pub(crate) fn toy_model(folder: &Path) -> (Network, Words, Settings) {
    let world = WorldConfig::default();
    let words = Words::toy(&world).unwrap();
    let device = Device::flex();
    device.seed(3);
    let network = Network::init(&toy_config(&words), &Init::new(&device));
    let agent = Agent::training().with_wording(Wording::Toy);
    let settings = Settings { agent, world: Some(world) };
    save(folder, &network, &words, &settings).unwrap();
    (network, words, settings)
}

pub(crate) fn toy_config(words: &Words) -> ModelConfig {
    let special = words.tokenizer().special();
    ModelConfig::from_json(&json!({
        "model_type": "qwen2_5_vl", "vocab_size": words.tokenizer().len().next_multiple_of(64),
        "image_token_id": special.image_pad, "video_token_id": special.video_pad,
        "vision_start_token_id": special.vision_start, "vision_end_token_id": special.vision_end,
        "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "max_position_embeddings": 512,
        "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]}, "tie_word_embeddings": true,
        "vision_config": {
            "depth": 2, "hidden_size": 32, "intermediate_size": 40, "num_heads": 2, "out_hidden_size": 32,
            "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 112,
            "fullatt_block_indexes": [1], "tokens_per_second": 2, "in_chans": 3
        }
    }))
    .unwrap()
}

fn weights(network: &Network) -> Vec<f32> {
    let mut all = Vec::new();
    network.for_each_weight(&mut |weight| all.extend(weight.values));
    all
}

#[test]
fn what_is_saved_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/tiny");
    let (network, words, settings) = toy_model(&path);
    let mut bytes = Vec::new();
    let model = load(&path, &mut |progress| bytes.push(progress.bytes_done)).unwrap();
    assert_eq!((model.name.as_str(), &model.settings), ("tiny", &settings));
    assert_eq!(weights(&model.network), weights(&network));
    assert_eq!(model.network.config(), network.config());
    assert_eq!(model.words.processor().settings(), words.processor().settings());
    let text = "<|im_start|>user\nwho touched it ? 12<|im_end|>";
    let ids = words.tokenizer().encode(text).unwrap();
    assert_eq!(model.words.tokenizer().encode(text).unwrap(), ids);
    assert!(bytes.is_sorted() && !bytes.is_empty());
    // transformers 5 refuses a configuration whose whole numbers have a point.
    let config = std::fs::read_to_string(path.join("config.json")).unwrap();
    assert!(config.contains("\"tokens_per_second\": 2,"), "{config}");
    // Saved once more it is the same folder, and nothing half-written lies about.
    let again = folder.path().join("again");
    save(&again, &model.network, &model.words, &model.settings).unwrap();
    let mut names: Vec<_> =
        std::fs::read_dir(&again).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "chat_template.jinja",
            "config.json",
            "deepsport.json",
            "generation_config.json",
            "model.safetensors",
            "preprocessor_config.json",
            "tokenizer.json"
        ]
    );
    for name in names {
        let read = |folder: &Path| std::fs::read(folder.join(&name)).unwrap();
        assert!(read(&path) == read(&again), "{name:?}");
        // Who may read one may read all, and as any new file here.
        let plain = folder.path().join("plain");
        std::fs::write(&plain, "").unwrap();
        let rights = |file: &Path| std::fs::metadata(file).unwrap().permissions();
        assert_eq!(rights(&again.join(&name)), rights(&plain), "{name:?}");
    }
}

#[test]
fn an_adapter_is_merged_into_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (network, words, settings) = toy_model(folder.path());
    let lora = LoraSettings { rank: 2, ..LoraSettings::default() };
    let adapted = network.clone().with_lora(&lora).unwrap();
    save(folder.path(), &adapted, &words, &settings).unwrap();
    // Its second factor is still zero.
    let model = load(folder.path(), &mut |_| ()).unwrap();
    assert_eq!(weights(&model.network), weights(&network));
    assert!(model.network.lora().is_none());
}

#[test]
fn a_folder_that_says_nothing_is_asked_as_the_paper_does() {
    let folder = tempfile::tempdir().unwrap();
    toy_model(folder.path());
    std::fs::remove_file(folder.path().join("deepsport.json")).unwrap();
    let model = load(folder.path(), &mut |_| ()).unwrap();
    assert_eq!(model.settings, Settings { agent: Agent::new(), world: None });
}

#[test]
fn what_is_wrong_with_a_folder_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let refused = || load(path, &mut |_| ()).unwrap_err();
    let error = refused();
    assert!(matches!(&error, Error::Folder { .. }));
    let expected = "lacks config.json, model.safetensors, tokenizer.json, preprocessor_config.json";
    assert!(error.to_string().contains(expected), "{error}");
    toy_model(path);
    let replaced = |name: &str, from: &str, to: &str| {
        let file = path.join(name);
        let before = std::fs::read_to_string(&file).unwrap();
        assert!(before.contains(from), "{name}: {from}");
        std::fs::write(&file, before.replace(from, to)).unwrap();
        let error = refused();
        std::fs::write(file, before).unwrap();
        let causes =
            std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    };
    for (name, from, to, expected) in [
        (
            "deepsport.json",
            "\"wording\"",
            "\"words\"",
            "deepsport.json: not a file of settings of a model: unknown field `words`",
        ),
        ("config.json", "\"vocab_size\": ", "\"vocab_size\": 1", "does not fit the model"),
        (
            "preprocessor_config.json",
            "\"merge_size\": 2",
            "\"merge_size\": 1",
            "patches of 14 merged by 1, config.json 14 by 2",
        ),
        ("tokenizer.json", "<|image_pad|>", "<|image_bad|>", "no token <|image_pad|>"),
        ("tokenizer.json", "<|video_pad|>", "<|other_pad|>", "no token <|video_pad|>"),
        ("chat_template.jinja", "{% endfor %}", "", "chat template"),
    ] {
        let said = replaced(name, from, to);
        assert!(said.contains(expected) && said.contains(&path.display().to_string()), "{said}");
    }
    // Weights that were cut off, and of another tokenizer.
    let file = path.join("model.safetensors");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(refused(), Error::Model { .. }));
    std::fs::write(&file, whole).unwrap();
    let other = WorldConfig { num_frames: [1000, 1000], ..WorldConfig::default() };
    Words::toy(&other).unwrap().tokenizer().save(path).unwrap();
    assert!(refused().to_string().contains("tokenizer.json has"));
}
