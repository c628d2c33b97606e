//! LoRA adapters in the files and names of PEFT.
//!
//! PEFT's `lora_A` `[rank, d_in]` and `lora_B` `[d_out, rank]` are the transposes of burn's `a` and `b`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use serde_json::{Value, json};

use super::decode::decode;
use super::export::values;
use super::file::{self, Stored};
use super::names::name_of_path;
use super::save::{Pending, file_dtype, write_json, write_tensors};
use super::{Layout, Report, canonical_name};
use crate::network::Network;
use crate::training::LoraSettings;
use crate::{Error, Result};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
const PREFIX: &str = "base_model.model.";

impl Network {
    /// Writes the adapters into `folder` as PEFT does: `adapter_model.safetensors` and `adapter_config.json`. `layout` is that of
    /// the model they will be loaded into: [`Layout::Nested`] for transformers 4.52 and later.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if the network has no adapters; [`Error::File`] and [`Error::Safetensors`].
    pub fn save_adapter(
        &self,
        folder: impl AsRef<Path>,
        base_model: &str,
        layout: Layout,
    ) -> Result<()> {
        let folder = folder.as_ref();
        let mut found = Factors { layout, ..Factors::default() };
        self.visit(&mut found);
        let Some(LoraSettings { rank, alpha, .. }) = self.lora() else {
            return Err(Error::Request {
                field: "adapter",
                problem: "the network has none".into(),
            });
        };
        std::fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        write_tensors(&folder.join(WEIGHTS), &found.tensors)?;
        let targets = found.targets.into_iter().collect::<Vec<_>>().join("|");
        let parts = if found.vision { "(layers|blocks)" } else { "layers" };
        let config = json!({
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": base_model,
            "r": rank,
            "lora_alpha": alpha,
            "lora_dropout": 0.0,
            "bias": "none",
            "fan_in_fan_out": false,
            "inference_mode": true,
            "init_lora_weights": true,
            // a pattern, because layers of the vision tower share names with those of the language model
            "target_modules": format!(r".*\.{parts}\.\d+\.(self_attn|attn|mlp)\.({targets})"),
        });
        write_json(&folder.join(CONFIG), &config)
    }

    /// The network with the adapters of a PEFT folder; those that it had are replaced.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::Json`], [`Error::Config`] for settings that change what an adapter computes and are not
    /// built, [`Error::Safetensors`], and [`Error::Tensors`] if factors are missing, left over or of another shape.
    pub fn with_adapter_from(self, folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let (rank, alpha) = read_config(&folder.join(CONFIG))?;
        let mut factors: BTreeMap<(String, char), Stored> = BTreeMap::new();
        let mut report = Report::default();
        for (name, stored) in file::tensors(&folder.join(WEIGHTS))? {
            match layer_and_factor(&name) {
                Some(key) => drop(factors.insert(key, stored)),
                None => report.unused.push(name),
            }
        }
        let layers: BTreeSet<String> = factors.keys().map(|(layer, _)| layer.clone()).collect();
        let targets: BTreeSet<String> =
            layers.iter().filter_map(|layer| layer.rsplit('.').next()).map(String::from).collect();
        let vision = layers.iter().any(|layer| layer.starts_with("visual."));
        let target_modules = targets.into_iter().collect();
        let network = self.with_lora(&LoraSettings { rank, alpha, target_modules, vision })?;
        let mut fill = Fill { factors, path: vec![], report, failed: None };
        let network = network.map(&mut fill);
        if let Some(error) = fill.failed {
            return Err(error);
        }
        fill.report.unused.extend(fill.factors.into_values().map(|stored| stored.name));
        if fill.report.is_clean() {
            Ok(network)
        } else {
            Err(Error::Tensors(Box::new(fill.report)))
        }
    }
}

/// Rank and alpha.
fn read_config(path: &Path) -> Result<(usize, f64)> {
    let text = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|source| Error::Json { path: path.to_owned(), source })?;
    let wrong = |field: &str, problem: &str| Error::Config {
        field: format!("{CONFIG}: {field}"),
        problem: problem.into(),
    };
    for field in ["use_dora", "use_rslora", "fan_in_fan_out"] {
        if value.get(field).is_some_and(|value| value == &Value::Bool(true)) {
            return Err(wrong(field, "is true, which is not built"));
        }
    }
    let rank = value.get("r").and_then(Value::as_u64).filter(|rank| *rank > 0);
    let alpha = value.get("lora_alpha").and_then(Value::as_f64);
    match (rank, alpha) {
        (None, _) => Err(wrong("r", "a rank above 0 is needed")),
        (_, None) => Err(wrong("lora_alpha", "a number is needed")),
        (Some(rank), Some(alpha)) => Ok((rank as usize, alpha)),
    }
}

/// The published name of the layer and which factor it is, `a` or `b`.
fn layer_and_factor(name: &str) -> Option<(String, char)> {
    let name = canonical_name(name.strip_prefix(PREFIX)?);
    let name = name.strip_suffix(".weight")?;
    let name = name.strip_suffix(".default").unwrap_or(name);
    let (layer, factor) = name.rsplit_once(".lora_")?;
    match factor {
        "A" => Some((layer.to_owned(), 'a')),
        "B" => Some((layer.to_owned(), 'b')),
        _ => None,
    }
}

/// The layer of a path `{layer}.weight.lora.{a, b}`.
fn adapted_layer(path: &[String]) -> Option<String> {
    let [layer @ .., weight, lora, _] = path else { return None };
    (weight == "weight" && lora == "lora").then(|| name_of_path(layer))
}

/// Collects the factors under PEFT's names.
#[derive(Default)]
struct Factors {
    path: Vec<String>,
    layout: Layout,
    tensors: Vec<Pending>,
    targets: BTreeSet<String>,
    vision: bool,
}

impl ModuleVisitor for Factors {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(layer) = adapted_layer(&self.path) else { return };
        let is_a = self.path.last().is_some_and(|factor| factor == "a");
        let tensor = param.val();
        let shape: Vec<usize> = tensor.dims().iter().rev().copied().collect();
        if is_a {
            self.vision |= layer.starts_with("visual.");
            self.targets.extend(layer.rsplit('.').next().map(String::from));
        }
        let factor = if is_a { "lora_A" } else { "lora_B" };
        self.tensors.push(Pending {
            name: format!("{PREFIX}{}.{factor}.weight", self.layout.spell(&layer)),
            shape,
            dtype: file_dtype(tensor.dtype().into()),
            values: Box::new(move || values(tensor.clone(), true)),
        });
    }
}

/// Puts stored factors in the place of new ones.
struct Fill {
    factors: BTreeMap<(String, char), Stored>,
    path: Vec<String>,
    report: Report,
    failed: Option<Error>,
}

impl ModuleMapper for Fill {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(layer) = adapted_layer(&self.path).filter(|_| self.failed.is_none()) else {
            return param;
        };
        let factor = if self.path.last().is_some_and(|factor| factor == "a") { 'a' } else { 'b' };
        let needed: Vec<usize> = param.lazy_shape().iter().rev().copied().collect();
        let name = format!("{layer}.lora_{}", factor.to_ascii_uppercase());
        let Some(stored) = self.factors.remove(&(layer, factor)) else {
            self.report.missing.push(name);
            return param;
        };
        if stored.shape != needed {
            self.report.misshaped.push((name, stored.shape, needed));
            return param;
        }
        let numbers = stored.read().and_then(|bytes| {
            decode::<f32>(&bytes, stored.dtype, Some(needed[1])).map_err(|bad| Error::NotFinite {
                tensor: stored.name.clone(),
                path: stored.path.clone(),
                element: bad.element,
                value: bad.value,
            })
        });
        match numbers {
            Ok(numbers) => param.map(|old| {
                let dtype = old.dtype();
                let new = TensorData::new(numbers, old.dims());
                Tensor::from_data(new, (&old.device(), dtype))
                    .set_require_grad(old.is_require_grad())
            }),
            Err(error) => {
                self.failed = Some(error);
                param
            }
        }
    }
}
