//! Stage by stage against golden tensors of transformers.
//!
//! Which stages there are comes from the folder: a model's folder has checkpoints and `goldens/`, others hold pictures, rendered
//! conversations or texts with their ids. What a file does not hold is no stage. Names and shapes come from the files and
//! from `config.json`, so any model of the family can be compared.

mod chat;
mod checkpoints;
mod forward;
mod generation;
mod golden;
mod inputs;
mod model;
mod positions;
mod processor;
mod report;
mod rounding;
mod tokenizer;
mod training;
mod vision;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use burn::tensor::Device;

pub(crate) use report::Report;

use model::Model;
use report::Stages;

/// What a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Model,
    Processor,
    Chat,
    Tokenizer,
}

impl Kind {
    fn of(dir: &Path) -> Option<Self> {
        if dir.join("goldens").is_dir() {
            return Some(Self::Model);
        }
        [
            (processor::is_one as fn(&Path) -> bool, Self::Processor),
            (chat::is_one, Self::Chat),
            (tokenizer::is_one, Self::Tokenizer),
        ]
        .into_iter()
        .find_map(|(is_one, kind)| is_one(dir).then_some(kind))
    }
}

/// Compares all that `dir` holds: a model's folder, one of pictures, conversations or texts, or a folder of such.
pub(crate) fn compare(dir: &Path, device: Device) -> Result<Report> {
    let folders = folders(dir)?;
    let checkpoints = checkpoints_beside(dir, &folders);
    let mut stages = Stages::default();
    for (folder, kind) in &folders {
        if folders.len() > 1 || folder != dir {
            stages
                .set_prefix(folder.file_name().map(|name| format!("{}/", name.to_string_lossy())));
        }
        match kind {
            Kind::Model => stages.group("model", |stages| model(folder, &device, stages)),
            Kind::Processor => processor::compare(folder, &mut stages),
            Kind::Chat => chat::compare(folder, &checkpoints, &mut stages),
            Kind::Tokenizer => {
                stages.group("tokenizer", |stages| tokenizer::compare(folder, stages));
            }
        }
    }
    let report = stages.finish();
    ensure!(
        !report.stages.is_empty(),
        "{} holds nothing to compare: a folder with checkpoints and `goldens/`, with pictures.json, chat.json or \
         tokenizer_cases.json, or a folder of such, is needed",
        dir.display()
    );
    Ok(report)
}

/// `dir` and the folders in it that hold something to compare.
fn folders(dir: &Path) -> Result<Vec<(PathBuf, Kind)>> {
    let listed =
        std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let mut folders: Vec<PathBuf> = listed
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders.insert(0, dir.to_owned());
    Ok(folders
        .into_iter()
        .filter_map(|folder| Kind::of(&folder).map(|kind| (folder, kind)))
        .collect())
}

/// Folders with a `tokenizer.json` of the models that are compared, or that lie beside `dir`.
fn checkpoints_beside(dir: &Path, folders: &[(PathBuf, Kind)]) -> Vec<PathBuf> {
    let mut models: Vec<PathBuf> = folders
        .iter()
        .filter(|(_, kind)| *kind == Kind::Model)
        .map(|(folder, _)| folder.clone())
        .collect();
    if models.is_empty()
        && let Some(parent) = dir.canonicalize().ok().as_deref().and_then(Path::parent)
        && let Ok(beside) = self::folders(parent)
    {
        models = beside
            .into_iter()
            .filter(|(_, kind)| *kind == Kind::Model)
            .map(|(folder, _)| folder)
            .collect();
    }
    let inside = |model: PathBuf| {
        let listed = std::fs::read_dir(model).into_iter().flatten();
        listed.filter_map(Result::ok).map(|entry| entry.path())
    };
    // the checkpoints of a model share their tokenizer
    let first = |model: PathBuf| {
        let mut found: Vec<PathBuf> =
            inside(model).filter(|path| path.join("tokenizer.json").is_file()).collect();
        found.sort();
        found.into_iter().next()
    };
    models.into_iter().filter_map(first).collect()
}

fn model(folder: &Path, device: &Device, stages: &mut Stages) -> Result<()> {
    let model = Model::open(folder, device)?;
    stages.group("checkpoints", |stages| checkpoints::compare(&model, stages));
    stages.group("inputs", |stages| inputs::compare(&model, stages));
    stages.group("positions", |stages| positions::compare(&model, stages));
    stages.group("vision", |stages| vision::compare(&model, stages));
    stages.group("forward", |stages| forward::compare(&model, stages));
    stages.group("generation", |stages| generation::compare(&model, stages));
    stages.group("training", |stages| training::compare(&model, stages));
    Ok(())
}

#[cfg(test)]
mod tests;
