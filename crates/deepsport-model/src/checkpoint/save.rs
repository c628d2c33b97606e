//! Writing a network as a checkpoint that transformers and vLLM read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{FloatDType, Tensor};
use half::{bf16, f16};
use safetensors::View;
use safetensors::tensor::Dtype;
use serde_json::{Map, Value, json};

use super::export::{published_shape, values};
use super::load::is_transposed;
use super::names::name_of_path;
use super::{INDEX, Layout, SINGLE};
use crate::network::Network;
use crate::{Error, Result};

/// How weights are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SaveSettings {
    /// Precision in the file; that of the network if not given.
    pub dtype: Option<FloatDType>,
    /// Spelling of the names.
    pub layout: Layout,
    /// Bytes after which a new shard begins.
    pub max_shard_bytes: u64,
}

/// The published layout in shards of 5 GB.
impl Default for SaveSettings {
    fn default() -> Self {
        Self { dtype: None, layout: Layout::Hub, max_shard_bytes: 5_000_000_000 }
    }
}

/// A tensor that is fetched and converted when its turn to be written comes.
pub(super) struct Pending {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) dtype: Dtype,
    pub(super) values: Box<dyn Fn() -> Vec<f32>>,
}

impl View for &Pending {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let values = (self.values)();
        Cow::Owned(match self.dtype {
            Dtype::BF16 => {
                values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect()
            }
            Dtype::F16 => {
                values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
            }
            _ => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        })
    }

    fn data_len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.bitsize() / 8
    }
}

impl Network {
    /// Writes `config.json` and the weights into `folder`, each file whole or not at all, the index last. Packed weights are
    /// written unpacked; adapters are not part of it (merge them first, or [save them apart](Self::save_adapter)).
    ///
    /// What else a checkpoint folder has (tokenizer, processor settings, chat template) is not touched.
    ///
    /// # Errors
    ///
    /// [`Error::File`] and [`Error::Safetensors`] if a file cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>, settings: &SaveSettings) -> Result<()> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        let dtype = file_dtype(settings.dtype.unwrap_or(self.dtype()));
        let mut collect =
            Collect { network: self, path: vec![], dtype, layout: settings.layout, found: vec![] };
        self.visit(&mut collect);

        let mut shards: Vec<Vec<Pending>> = vec![vec![]];
        let mut size = 0;
        let mut total = 0;
        for tensor in collect.found {
            let len = (&tensor).data_len() as u64;
            if size > 0 && size + len > settings.max_shard_bytes {
                shards.push(vec![]);
                size = 0;
            }
            size += len;
            total += len;
            if let Some(shard) = shards.last_mut() {
                shard.push(tensor);
            }
        }
        let count = shards.len();
        let mut places = BTreeMap::new();
        for (index, shard) in shards.iter().enumerate() {
            let file = if count == 1 {
                SINGLE.into()
            } else {
                format!("model-{:05}-of-{count:05}.safetensors", index + 1)
            };
            places.extend(
                shard.iter().map(|tensor| (tensor.name.clone(), Value::String(file.clone()))),
            );
            write_tensors(&folder.join(file), shard)?;
        }
        if count > 1 {
            let map: Map<String, Value> = places.into_iter().collect();
            write_json(
                &folder.join(INDEX),
                &json!({ "metadata": { "total_size": total }, "weight_map": map }),
            )?;
        } else {
            // a reader that finds an old index would look for its shards
            let old = folder.join(INDEX);
            if old.exists() {
                std::fs::remove_file(&old).map_err(Error::file("remove", &old))?;
            }
        }
        let mut config = self.config().to_json();
        config["torch_dtype"] = json!(match dtype {
            Dtype::BF16 => "bfloat16",
            Dtype::F16 => "float16",
            _ => "float32",
        });
        write_json(&folder.join("config.json"), &config)
    }
}

pub(super) fn file_dtype(dtype: FloatDType) -> Dtype {
    match dtype {
        FloatDType::BF16 => Dtype::BF16,
        FloatDType::F16 => Dtype::F16,
        _ => Dtype::F32,
    }
}

/// Collects the weights of a network without fetching them.
struct Collect<'a> {
    network: &'a Network,
    path: Vec<String>,
    dtype: Dtype,
    layout: Layout,
    found: Vec<Pending>,
}

impl ModuleVisitor for Collect<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.path.iter().any(|part| part == "lora") {
            return;
        }
        let name = name_of_path(&self.path);
        let tensor = param.base();
        let transposed = is_transposed(&name, D);
        self.found.push(Pending {
            shape: published_shape(&name, &tensor.dims(), self.network),
            name: self.layout.spell(&name),
            dtype: self.dtype,
            values: Box::new(move || values(tensor.clone(), transposed)),
        });
    }
}

/// Writes beside the target and renames, so that a reader never sees half a file.
fn atomically(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let beside = path.with_extension("part");
    write(&beside)?;
    let file = std::fs::File::open(&beside).map_err(Error::file("write", &beside))?;
    file.sync_all().map_err(Error::file("write", &beside))?;
    std::fs::rename(&beside, path).map_err(Error::file("write", path))
}

pub(super) fn write_tensors(path: &Path, tensors: &[Pending]) -> Result<()> {
    let metadata = Some(std::collections::HashMap::from([("format".to_owned(), "pt".to_owned())]));
    atomically(path, |beside| {
        // safetensors writes a file that is its owner's alone; this becomes a result, with the rights that new files get here.
        let usual = std::fs::File::create(beside).and_then(|file| file.metadata());
        let usual = usual.map_err(Error::file("write", path))?.permissions();
        let named = tensors.iter().map(|tensor| (tensor.name.clone(), tensor));
        safetensors::serialize_to_file(named, metadata, beside)
            .map_err(|source| Error::Safetensors { path: path.to_owned(), source })?;
        std::fs::set_permissions(beside, usual).map_err(Error::file("write", path))
    })
}

pub(super) fn write_json(path: &Path, value: &Value) -> Result<()> {
    write_whole(path, format!("{value:#}\n").as_bytes())
}

/// A small file of a checkpoint folder.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    atomically(path, |beside| std::fs::write(beside, bytes).map_err(Error::file("write", path)))
}
