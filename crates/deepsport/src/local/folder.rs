//! A model in a folder: weights, tokenizer, chat template and picture processor as the hub lays them out, and beside them
//! `deepsport.json`, which says how the model was taught to be asked.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use deepsport_model::checkpoint::{Checkpoint, Progress, SaveSettings};
use deepsport_model::{Init, Network};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Words;
use crate::agent::Agent;
use crate::files::{read_text, write_text};
use crate::world::WorldConfig;
use crate::{Error, Result};

const SETTINGS: &str = "deepsport.json";

/// What `deepsport.json` says. A folder without one is a model that was taught nothing of ours: it is asked in whole sentences,
/// under the paper's rules.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The rules it was trained under: wording, way to write calls, frames, turns, consistency.
    pub agent: Agent,
    /// The toy world whose words it knows, if it is a model of one.
    pub world: Option<WorldConfig>,
}

/// All that a folder holds.
#[derive(Debug)]
pub struct Model {
    /// The folder's name, for records.
    pub name: String,
    /// The weights.
    pub network: Network,
    /// Between text and tokens, frames and pixels.
    pub words: Words,
    /// How it is asked.
    pub settings: Settings,
}

/// Reads a model onto the CPU, in single precision.
///
/// # Errors
///
/// - [`Error::Folder`] names all files that are not there
/// - [`Error::Model`] if one of them is damaged, or they do not fit each other
/// - [`Error::Read`] and [`Error::Format`] of `deepsport.json`
pub fn load(folder: impl AsRef<Path>, on_progress: &mut dyn FnMut(Progress<'_>)) -> Result<Model> {
    load_with(folder, &Init::new(&Device::flex()), on_progress)
}

/// The same onto `init`'s device and in its precision: to go on training, or on another machine.
///
/// # Errors
///
/// Those of [`load`].
pub fn load_with(
    folder: impl AsRef<Path>,
    init: &Init,
    on_progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Model> {
    let folder = folder.as_ref();
    // What is small comes first, so that a mistake there does not cost the loading of gigabytes.
    let words = words(folder)?;
    let settings = read_settings(folder)?;
    let network = network(folder, &words, init, on_progress)?;
    Ok(Model { name: name_of(folder), network, words, settings })
}

/// The words alone; a folder without weights is refused all the same.
pub(crate) fn words(folder: &Path) -> Result<Words> {
    check_files(folder)?;
    Words::from_dir(folder).map_err(|source| Error::Model { path: folder.to_owned(), source })
}

/// The weights, for a model that knows these words.
pub(crate) fn network(
    folder: &Path,
    words: &Words,
    init: &Init,
    on_progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Network> {
    let failed = |source| Error::Model { path: folder.to_owned(), source };
    let checkpoint = Checkpoint::open(folder).map_err(failed)?;
    check_fit(folder, words, &checkpoint)?;
    checkpoint.load(init, on_progress).map_err(failed)
}

/// Writes a model as [`load`] reads it, each file whole or not at all; adapters are merged into what is written. Tools that
/// know Qwen2.5-VL read the folder too.
///
/// # Errors
///
/// [`Error::Model`] and [`Error::Write`] if a file cannot be written; [`Error::Model`] too if the words have a built-in
/// template that no file could name.
pub fn save(
    folder: impl AsRef<Path>,
    network: &Network,
    words: &Words,
    settings: &Settings,
) -> Result<()> {
    let folder = folder.as_ref();
    let failed = |source| Error::Model { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder)
        .map_err(|source| Error::Write { path: folder.to_owned(), source })?;
    words.save(folder).map_err(failed)?;
    let special = words.tokenizer().special();
    let ends = json!({ "eos_token_id": special.ends(), "pad_token_id": special.end_of_text });
    write_json(&folder.join("generation_config.json"), &ends)?;
    write_json(&folder.join(SETTINGS), settings)?;
    let weights = SaveSettings::default();
    match network.lora() {
        Some(_) => network.clone().with_merged_adapter().save(folder, &weights),
        None => network.save(folder, &weights),
    }
    .map_err(failed)
}

/// Files that have to be there, so that all that are not are named at once.
fn check_files(folder: &Path) -> Result<()> {
    let any_of = [
        &["config.json"][..],
        &["model.safetensors", "model.safetensors.index.json"],
        &["tokenizer.json"],
        &["preprocessor_config.json"],
    ];
    let lacks = |names: &&&[&str]| !names.iter().any(|name| folder.join(name).is_file());
    let missing: Vec<&str> = any_of.iter().filter(lacks).map(|names| names[0]).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::Folder { path: folder.to_owned(), missing: missing.join(", ") })
}

/// Whether tokenizer, processor and weights are of one model.
fn check_fit(folder: &Path, words: &Words, checkpoint: &Checkpoint) -> Result<()> {
    let config = checkpoint.config();
    let special = words.tokenizer().special();
    let wrong = |reason: String| {
        let (path, source_name) = (folder.to_owned(), "one model");
        Err(Error::Format { path, source_name, reason })
    };
    let (known, rows) = (words.tokenizer().len(), config.text.vocab_size);
    if known > rows {
        return wrong(format!("tokenizer.json has {known} ids, the embedding {rows} rows"));
    }
    for (token, by_config, by_tokenizer) in [
        ("<|image_pad|>", config.image_token_id, special.image_pad),
        ("<|video_pad|>", config.video_token_id, special.video_pad),
    ] {
        if by_config != by_tokenizer {
            return wrong(format!(
                "{token} is {by_config} in config.json and {by_tokenizer} in tokenizer.json"
            ));
        }
    }
    let (merge, patch) = (config.vision.spatial_merge_size, config.vision.patch_size);
    let settings = words.processor().settings();
    if (settings.merge_size, settings.patch_size) != (merge, patch) {
        return wrong(format!(
            "preprocessor_config.json has patches of {} merged by {}, config.json {patch} by {merge}",
            settings.patch_size, settings.merge_size
        ));
    }
    Ok(())
}

fn read_settings(folder: &Path) -> Result<Settings> {
    let path = folder.join(SETTINGS);
    if !path.exists() {
        return Ok(Settings::default());
    }
    serde_json::from_str(&read_text(&path)?).map_err(|error| Error::Format {
        path,
        source_name: "settings of a model",
        reason: error.to_string(),
    })
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let failed =
        |error: serde_json::Error| Error::Write { path: path.to_owned(), source: error.into() };
    write_text(path, &(serde_json::to_string_pretty(value).map_err(failed)? + "\n"))
}

fn name_of(folder: &Path) -> String {
    let whole: PathBuf = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let last = whole.components().next_back();
    last.map_or_else(String::new, |last| last.as_os_str().to_string_lossy().into_owned())
}
