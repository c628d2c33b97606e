//! Checkpoint folders: reading and writing weights in the hub's layout.
//!
//! ```no_run
//! use burn::tensor::Device;
//! use deepsport_model::{Init, checkpoint::Checkpoint};
//! let checkpoint = Checkpoint::open("Qwen2.5-VL-3B-Instruct")?;
//! let network = checkpoint.load(&Init::new(&Device::flex()), &mut |progress| {
//!     eprintln!("{} of {} bytes", progress.bytes_done, progress.bytes);
//! })?;
//! # Ok::<(), deepsport_model::Error>(())
//! ```

mod adapter;
mod decode;
mod export;
mod file;
mod load;
mod names;
mod report;
mod save;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::ModelConfig;
use crate::{Error, Result};

pub use export::NamedTensor;
pub use load::Progress;
pub use names::{Layout, canonical_name};
pub use report::Report;
pub use save::SaveSettings;
pub(crate) use save::write_whole;

use file::Stored;

/// The weights of one file.
const SINGLE: &str = "model.safetensors";
/// Which shard holds which tensor.
const INDEX: &str = "model.safetensors.index.json";

/// A folder with `config.json` and weights, opened but not read: only names, shapes and places are known.
#[derive(Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    config: ModelConfig,
    layout: Layout,
    /// By canonical name.
    tensors: BTreeMap<String, Stored>,
}

impl Checkpoint {
    /// Opens a folder: `config.json`, and `model.safetensors` or the shards of `model.safetensors.index.json`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for what is not there, [`Error::Json`], [`Error::Config`], [`Error::Safetensors`] for a truncated
    /// or damaged file, [`Error::TensorType`], and [`Error::Tensors`] if the index names tensors that its shards lack.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref().to_owned();
        let config = ModelConfig::read(&folder)?;
        let index = folder.join(INDEX);
        let found = if index.exists() {
            shards(&folder, &index)?
        } else {
            file::tensors(&folder.join(SINGLE))?
        };
        let nested = found.iter().any(|(name, _)| name.starts_with("model.language_model."));
        let layout = if nested { Layout::Nested } else { Layout::Hub };
        let tensors =
            found.into_iter().map(|(name, stored)| (canonical_name(&name), stored)).collect();
        Ok(Self { folder, config, layout, tensors })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What `config.json` says.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// How the file spells its names.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Name (as published) and shape of every tensor.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors.iter().map(|(name, stored)| (name.as_str(), stored.shape.as_slice()))
    }

    /// Numbers in all tensors.
    #[must_use]
    pub fn num_parameters(&self) -> usize {
        self.tensors.values().map(|stored| stored.shape.iter().product::<usize>()).sum()
    }

    /// Bytes of all tensors in the files.
    #[must_use]
    pub fn num_bytes(&self) -> u64 {
        self.tensors.values().map(Stored::num_bytes).sum()
    }
}

/// The tensors of all shards, checked against the index.
fn shards(folder: &Path, index: &Path) -> Result<Vec<(String, Stored)>> {
    let text = std::fs::read_to_string(index).map_err(Error::file("read", index))?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|source| Error::Json { path: index.to_owned(), source })?;
    let map = value.get("weight_map").and_then(Value::as_object);
    let map = map.ok_or_else(|| Error::Config {
        field: format!("{INDEX}: weight_map"),
        problem: "an object from tensor names to file names is needed".into(),
    })?;
    let mut by_shard = BTreeMap::<&str, Vec<&str>>::new();
    for (name, shard) in map {
        let shard = shard.as_str().filter(|shard| Path::new(shard).components().count() == 1);
        let shard = shard.ok_or_else(|| Error::Config {
            field: format!("{INDEX}: weight_map.{name}"),
            problem: "the name of a file in the same folder is needed".into(),
        })?;
        by_shard.entry(shard).or_default().push(name);
    }
    let mut found = Vec::new();
    let mut report = Report::default();
    for (shard, names) in by_shard {
        let tensors = file::tensors(&folder.join(shard))?;
        let lacks = |name: &&&str| !tensors.iter().any(|(found, _)| found == **name);
        report
            .missing
            .extend(names.iter().filter(lacks).map(|name| format!("{name} (in {shard})")));
        found.extend(tensors);
    }
    if report.is_clean() { Ok(found) } else { Err(Error::Tensors(Box::new(report))) }
}
