//! Stage by stage against golden tensors of transformers.
//!
//! Which stages there are comes from the folder: a model's folder has checkpoints and `goldens/`; what a file does not hold is
//! no stage. Names and shapes come from the files and from `config.json`, so any model of the family can be compared.

mod checkpoints;
mod forward;
mod generation;
mod golden;
mod inputs;
mod model;
mod positions;
mod report;
mod training;
mod vision;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use burn::tensor::Device;

pub(crate) use report::Report;

use model::Model;
use report::Stages;

/// Compares all that `dir` holds, a model's folder or a folder of such.
pub(crate) fn compare(dir: &Path, device: Device) -> Result<Report> {
    let mut folders = vec![dir.to_owned()];
    let listed =
        std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let mut inner: Vec<PathBuf> = listed.filter_map(Result::ok).map(|entry| entry.path()).collect();
    inner.sort();
    folders.extend(inner);
    folders.retain(|folder| folder.join("goldens").is_dir());

    let mut stages = Stages::default();
    for folder in &folders {
        if folders.len() > 1 {
            stages
                .set_prefix(folder.file_name().map(|name| format!("{}/", name.to_string_lossy())));
        }
        let model = Model::open(folder, &device)?;
        stages.group("checkpoints", |stages| checkpoints::compare(&model, stages));
        stages.group("inputs", |stages| inputs::compare(&model, stages));
        stages.group("positions", |stages| positions::compare(&model, stages));
        stages.group("vision", |stages| vision::compare(&model, stages));
        stages.group("forward", |stages| forward::compare(&model, stages));
        stages.group("generation", |stages| generation::compare(&model, stages));
        stages.group("training", |stages| training::compare(&model, stages));
    }
    let report = stages.finish();
    ensure!(
        !report.stages.is_empty(),
        "{} holds nothing to compare: a folder with checkpoints and `goldens/`, or a folder of such, is needed",
        dir.display()
    );
    Ok(report)
}

#[cfg(test)]
mod tests;
