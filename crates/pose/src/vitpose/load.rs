//! Weights from a checkpoint's safetensors files, as published.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleVisitor, Param};
use burn::store::{
    ApplyError, ApplyResult, FloatCastAdapter, ModuleAdapter, ModuleSnapshot, PyTorchToBurnAdapter,
    SafetensorsStore,
};
use burn::tensor::{DType, Device, Tensor};
use serde::Deserialize;

use super::config::VitPoseConfig;
use super::network::Network;
use crate::{Error, Result};

/// The network of a checkpoint's folder, its weights converted to `dtype`.
///
/// Names are those of the file, but for what burn calls otherwise: the scale and shift of norms.
pub(super) fn load(
    dir: &Path,
    config: &VitPoseConfig,
    dtype: DType,
    device: &Device,
) -> Result<Network> {
    let mut network = Network::new(config, device);
    let mut report = Report::default();
    for path in files(dir)? {
        let mut store = SafetensorsStore::from_file(&path)
            .with_from_adapter(PyTorchToBurnAdapter.chain(FloatCastAdapter::to(dtype)))
            .skip_enum_variants(true)
            .allow_partial(true)
            .validate(false);
        let result = network.load_from(&mut store).map_err(|error| Error::WeightFile {
            path: path.clone(),
            problem: error.to_string(),
        })?;
        report.add(result);
    }
    report.check(dir)?;
    check_finite(dir, &network)?;
    Ok(network)
}

/// `model.safetensors`, or the parts that `model.safetensors.index.json` lists.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let whole = dir.join("model.safetensors");
    let index = dir.join("model.safetensors.index.json");
    if whole.exists() || !index.exists() {
        std::fs::metadata(&whole).map_err(|source| Error::io(&whole, source))?;
        return Ok(vec![whole]);
    }
    #[derive(Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let text = std::fs::read_to_string(&index).map_err(|source| Error::io(&index, source))?;
    let parts: Index = serde_json::from_str(&text)
        .map_err(|source| Error::Json { path: index.clone(), source })?;
    let names: BTreeSet<String> = parts.weight_map.into_values().collect();
    let mut paths = Vec::new();
    for name in names {
        if Path::new(&name).file_name() != Some(name.as_ref()) {
            let problem = format!("names the file {name:?}; parts lie in the same folder");
            return Err(Error::Checkpoint { path: index, field: "weight_map".into(), problem });
        }
        let path = dir.join(name);
        std::fs::metadata(&path).map_err(|source| Error::io(&path, source))?;
        paths.push(path);
    }
    Ok(paths)
}

/// What fitted and what did not, over all files.
#[derive(Default)]
struct Report {
    applied: BTreeSet<String>,
    missing: BTreeSet<String>,
    unused: Vec<String>,
    misshaped: Vec<String>,
}

impl Report {
    fn add(&mut self, result: ApplyResult) {
        self.applied.extend(result.applied);
        self.missing.extend(result.missing.into_iter().map(|(name, _)| name));
        // How many batches a batch norm was trained on; nothing is computed from it.
        let counts = |name: &String| name.ends_with(".num_batches_tracked");
        self.unused.extend(result.unused.into_iter().filter(|name| !counts(name)));
        for error in result.errors {
            self.misshaped.push(match error {
                ApplyError::ShapeMismatch { path, expected, found } => {
                    let (expected, found) = (as_in_file(&expected), as_in_file(&found));
                    format!("{} is {found:?}, expected {expected:?}", name_in_file(&path))
                }
                ApplyError::DTypeMismatch { path, expected, found } => {
                    format!("{} is of {found:?}, expected {expected:?}", name_in_file(&path))
                }
                other => other.to_string(),
            });
        }
    }

    fn check(self, dir: &Path) -> Result<()> {
        let missing: Vec<String> =
            self.missing.difference(&self.applied).map(|name| name_in_file(name)).collect();
        if missing.is_empty() && self.unused.is_empty() && self.misshaped.is_empty() {
            return Ok(());
        }
        let (unused, misshaped) = (self.unused, self.misshaped);
        Err(Error::Weights { path: dir.to_owned(), missing, unused, misshaped })
    }
}

/// burn calls a norm's `weight` and `bias` gamma and beta.
fn name_in_file(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((module, "gamma")) => format!("{module}.weight"),
        Some((module, "beta")) => format!("{module}.bias"),
        _ => name.to_owned(),
    }
}

/// The matrices of this network are all of linear layers, which burn holds transposed.
fn as_in_file(shape: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    if shape.len() == 2 {
        shape.reverse();
    }
    shape
}

/// One weight that is not a number spoils every picture, so none is let in.
fn check_finite(dir: &Path, network: &Network) -> Result<()> {
    let mut search = Search::default();
    network.visit(&mut search);
    match search.found {
        None => Ok(()),
        Some(name) => Err(Error::BadWeight { path: dir.to_owned(), name: name_in_file(&name) }),
    }
}

#[derive(Default)]
struct Search {
    path: Vec<String>,
    found: Option<String>,
}

impl ModuleVisitor for Search {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        if !container_type.starts_with("Enum:") {
            self.path.push(name.to_owned());
        }
    }

    fn exit_module(&mut self, _name: &str, container_type: &str) {
        if !container_type.starts_with("Enum:") {
            self.path.pop();
        }
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let all_finite = || param.val().is_finite().all().into_scalar::<bool>();
        if self.found.is_none() && !all_finite() {
            self.found = Some(self.path.join("."));
        }
    }
}
