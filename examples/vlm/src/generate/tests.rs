//! What users get wrong, and what they read then.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::*;
use crate::args::{Args, Command};

/// A copy of the tiny checkpoint that a test may damage.
fn checkpoint() -> tempfile::TempDir {
    let from = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../crates/deepsport-model/tests/fixtures/qwen2_5_vl_tiny/untied_f32"
    );
    let to = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    std::fs::write(to.path().join("preprocessor_config.json"), "{}").unwrap();
    to
}

fn run(dir: &Path, arguments: &[&str]) -> Result<()> {
    let dir = dir.to_str().unwrap();
    let line = ["vlm", "generate", dir, "--max-new-tokens", "2", "--json"];
    let Command::Generate(args) =
        Args::try_parse_from(line.iter().chain(arguments)).unwrap().command
    else {
        unreachable!("the line says generate")
    };
    generate(&args)
}

/// The message, cause behind cause as the program prints it, must hold all of `named`.
#[track_caller]
fn refuses(dir: &Path, arguments: &[&str], named: &[&str]) {
    let message = format!("{:#}", run(dir, arguments).expect_err("it was accepted"));
    for part in named {
        assert!(message.contains(part), "{message:?} does not name {part:?}");
    }
}

fn save_picture(dir: &Path, name: &str, width: u32, height: u32) -> PathBuf {
    let path = dir.join(name);
    image::RgbImage::from_pixel(width, height, image::Rgb([90, 120, 60])).save(&path).unwrap();
    path
}

#[test]
fn prompts_share_pictures_samples_and_calls_are_kept_in_form() {
    let dir = checkpoint();
    let picture = save_picture(dir.path(), "one.png", 1, 1); // raised to the least size
    let picture = picture.to_str().unwrap();
    let asked = ["--image", picture, "--prompt", "Who?", "--prompt", "When, and where?"];
    run(dir.path(), &asked).unwrap();
    let call = "frame_extraction_tool({0..8}, {>..9})";
    let sampled = ["--prompt", "Who?", "--samples", "3", "--temperature", "1", "--tool-call", call];
    run(dir.path(), &sampled).unwrap();
}

#[test]
fn requests_that_cannot_be_met_say_why() {
    let dir = checkpoint();
    let thin = save_picture(dir.path(), "thin.png", 201, 1);
    refuses(
        dir.path(),
        &["--prompt", "Who?", "--image", thin.to_str().unwrap()],
        &["thin.png", "201 x 1", "200 times"],
    );
    refuses(
        dir.path(),
        &["--prompt", "Who?", "--image", "nowhere.png"],
        &["nowhere.png", "No such file"],
    );
    let frames = dir.path().join("frames");
    std::fs::create_dir(&frames).unwrap();
    let clip = ["--prompt", "Who?", "--frames", frames.to_str().unwrap()];
    refuses(dir.path(), &clip, &["no picture lies in", "frames"]);
    save_picture(&frames, "0.png", 30, 30);
    save_picture(&frames, "1.png", 30, 31);
    refuses(dir.path(), &clip, &["frame 1 is 30 x 31"]);
    let long = "again ".repeat(5000);
    refuses(dir.path(), &["--prompt", "Who?", "--prompt", &long], &["prompt 1", "context of 4096"]);
    let placeholder = "<|vision_start|><|image_pad|><|vision_end|> Who?";
    refuses(
        dir.path(),
        &["--prompt", placeholder],
        &["1 <|image_pad|> placeholders for 0 pictures"],
    );
    refuses(dir.path(), &["--prompt", "Who?", "--top-p", "0"], &["top_p", "found 0"]);
    let equal = ["--prompt", "Who?", "--tool-call", "f({0..9}, {>..9})"];
    refuses(dir.path(), &equal, &["patterns", "lower its range"]);
    let braces = ["vlm", "generate", "d", "--prompt", "Who?", "--tool-call", "f({0-9})"];
    assert!(Args::try_parse_from(braces).unwrap_err().to_string().contains("{0-9})"));
}

fn edit(dir: &Path, change: impl Fn(&str, Dtype, &mut Vec<usize>, &mut Vec<u8>)) {
    let path = dir.join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors: Vec<_> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            let (mut shape, mut data) = (view.shape().to_vec(), view.data().to_vec());
            change(&name, view.dtype(), &mut shape, &mut data);
            (name, view.dtype(), shape, data)
        })
        .collect();
    let views = tensors.iter().map(|(name, dtype, shape, data)| {
        (name, TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    safetensors::serialize_to_file(views, None, &path).unwrap();
}

#[test]
fn damaged_checkpoints_name_the_file_and_the_tensor() {
    let asked = ["--prompt", "Who?"];
    let weights = "model.safetensors";
    let cut = |dir: &Path| {
        let bytes = std::fs::read(dir.join(weights)).unwrap();
        std::fs::write(dir.join(weights), &bytes[..bytes.len() - 100]).unwrap();
    };
    let dir = checkpoint();
    cut(dir.path());
    refuses(dir.path(), &asked, &[weights, "not a whole safetensors file"]);
    std::fs::remove_file(dir.path().join(weights)).unwrap();
    refuses(dir.path(), &asked, &["cannot read", weights]);

    let dir = checkpoint();
    edit(dir.path(), |name, _, shape, _| {
        if name == "model.layers.0.self_attn.q_proj.bias" {
            *shape = vec![8, 8];
        }
    });
    refuses(dir.path(), &asked, &["q_proj.bias", "[8, 8]", "[64]"]);

    let dir = checkpoint();
    edit(dir.path(), |name, _, _, data| {
        if name == "model.layers.1.mlp.up_proj.weight" {
            data[400..404].copy_from_slice(&f32::NAN.to_le_bytes());
        }
    });
    refuses(dir.path(), &asked, &["model.layers.1.mlp.up_proj.weight", "NaN", "element 100"]);

    let dir = checkpoint();
    let config = dir.path().join("config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    let id = checkpoint_id(&text);
    let other = text.replace(&format!("\"image_token_id\": {id}"), "\"image_token_id\": 7");
    std::fs::write(&config, other).unwrap();
    refuses(dir.path(), &asked, &["<|image_pad|>", "id 7 in config.json"]);
    std::fs::remove_file(&config).unwrap();
    refuses(dir.path(), &asked, &["config.json"]);
}

fn checkpoint_id(config: &str) -> u64 {
    let config: serde_json::Value = serde_json::from_str(config).unwrap();
    config["image_token_id"].as_u64().unwrap()
}

#[test]
fn a_folder_that_is_no_checkpoint_and_an_empty_stop_are_named() {
    let dir = checkpoint();
    refuses(&dir.path().join("nowhere"), &["--prompt", "Who?"], &["nowhere", "config.json"]);
    refuses(dir.path(), &["--prompt", "Who?", "--stop", ""], &["--stop"]);
    refuses(dir.path(), &["--prompt", "Who?", "--temperature", "-1"], &["temperature", "-1"]);
    let text = dir.path().join("text.png");
    std::fs::write(&text, "no picture").unwrap();
    refuses(dir.path(), &["--prompt", "Who?", "--image", text.to_str().unwrap()], &["text.png"]);
}
