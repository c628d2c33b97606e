//! The folder of one model: checkpoints of the same weights in several layouts, media, goldens.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use burn::tensor::{Device, Tensor};
use deepsport_model::checkpoint::Checkpoint;
use deepsport_model::processor::Pixels;
use deepsport_model::{Init, ModelConfig, Network, Sequence};
use serde_json::Value;

use super::golden::{Golden, field, json};

/// The advised limit of log-probabilities, whatever the layers.
pub(crate) const LOG_PROB: f64 = 2e-4;

pub(crate) struct Model {
    folder: PathBuf,
    /// Names of the folders that have a `config.json`.
    pub(crate) checkpoints: Vec<String>,
    /// The checkpoint whose numbers have no prefix, `untied_f32`; what stands before its `_` is its kind.
    pub(crate) main: String,
    /// `goldens/cases.json`, or null.
    pub(crate) cases: Value,
    pub(crate) device: Device,
}

/// One row of a case: its tokens without padding, and its share of the media.
pub(crate) struct Row {
    pub(crate) sequence: Sequence,
    /// Columns of the case's rectangle that are not padding.
    pub(crate) columns: Vec<usize>,
}

impl Model {
    pub(crate) fn open(folder: &Path, device: &Device) -> Result<Self> {
        let entries = std::fs::read_dir(folder)
            .with_context(|| format!("cannot list {}", folder.display()))?;
        let mut checkpoints: Vec<String> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("config.json").exists())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        checkpoints.sort_by_key(|name| {
            (!name.starts_with("untied"), !name.ends_with("_f32"), name.clone())
        });
        let cases = json(&folder.join("goldens/cases.json"))?.unwrap_or_default();
        let named = cases["weights"].as_str().map(str::to_owned);
        let main = named.or_else(|| checkpoints.first().cloned()).unwrap_or_default();
        Ok(Self { folder: folder.to_owned(), checkpoints, main, cases, device: device.clone() })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn has(&self, checkpoint: &str) -> bool {
        self.checkpoints.iter().any(|name| name == checkpoint)
    }

    /// `untied` or `tied`: the weights whose numbers have no prefix.
    pub(crate) fn main_kind(&self) -> &str {
        kind_of(&self.main)
    }

    /// Kinds that have a checkpoint in single precision.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.checkpoints
            .iter()
            .filter_map(|name| name.strip_suffix("_f32"))
            .map(str::to_owned)
            .collect()
    }

    /// The advised limit of states and logits: the layers of the tied checkpoints are strong.
    pub(crate) fn limit(kind: &str) -> f64 {
        if kind == "tied" { 1e-3 } else { 2e-4 }
    }

    /// How far log-probabilities of the reference may be from double precision: as far as its scores are, for a score and the
    /// sum of all. Their advised limit is one for weak layers and strong; where it is not met, this decides.
    pub(crate) fn log_prob_rounding(&self, case: &str, kind: &str) -> Result<f64> {
        let report = self.json("report")?.unwrap_or_default();
        let far = report["forward"][case][kind]["f32_vs_f64"]["logits"].as_f64();
        Ok(2.0 * far.unwrap_or(0.0))
    }

    pub(crate) fn golden(&self, name: &str) -> Result<Option<Golden>> {
        Golden::open(&self.path(&format!("goldens/{name}.safetensors")))
    }

    pub(crate) fn json(&self, name: &str) -> Result<Option<Value>> {
        json(&self.path(&format!("goldens/{name}.json")))
    }

    pub(crate) fn network_on(&self, checkpoint: &str, device: &Device) -> Result<Network> {
        let opened =
            Checkpoint::open(self.path(checkpoint)).with_context(|| checkpoint.to_owned())?;
        opened.load(&Init::new(device), &mut |_| {}).with_context(|| checkpoint.to_owned())
    }

    pub(crate) fn network(&self, checkpoint: &str) -> Result<Network> {
        self.network_on(checkpoint, &self.device)
    }

    /// Names of the cases that have a file `goldens/forward_NAME.safetensors`.
    pub(crate) fn forward_cases(&self) -> Result<Vec<String>> {
        let names =
            std::fs::read_dir(self.path("goldens"))?.filter_map(Result::ok).filter_map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                Some(name.strip_prefix("forward_")?.strip_suffix(".safetensors")?.to_owned())
            });
        let mut names: Vec<String> = names.collect();
        names.sort();
        Ok(names)
    }

    /// Processed pixels by name; `None` if `goldens/pixels.safetensors` lacks them.
    pub(crate) fn pixels(
        &self,
        name: &str,
        seconds_per_grid: Option<f64>,
    ) -> Result<Option<Arc<Pixels>>> {
        let Some(golden) = self.golden("pixels")? else { return Ok(None) };
        let (values, grid) = (format!("{name}.pixel_values"), format!("{name}.grid_thw"));
        if !golden.has(&values) || !golden.has(&grid) {
            return Ok(None);
        }
        let grids = golden.grids(&grid)?;
        let grid = *grids.first().with_context(|| format!("{name} has no grid"))?;
        Ok(Some(Arc::new(Pixels { patches: golden.floats(&values)?, grid, seconds_per_grid })))
    }

    /// Names of a case's pictures and clips; `None` if no file tells.
    pub(crate) fn media_of(&self, case: &str) -> Result<Option<(Vec<String>, Vec<String>)>> {
        let case = &self.cases["cases"][case];
        if case.is_null() {
            return Ok(None);
        }
        Ok(Some((field(case, "pictures")?, field(case, "clips")?)))
    }

    /// The rows of a case; `None` if its media are not there.
    pub(crate) fn rows(
        &self,
        golden: &Golden,
        pictures: &[String],
        clips: &[String],
        config: &ModelConfig,
    ) -> Result<Option<Vec<Row>>> {
        let [batch, width] = golden.shape("input_ids")?;
        let (ids, mask) = (golden.ints("input_ids")?, golden.ints("attention_mask")?);
        let seconds = match golden.has("second_per_grid_ts") {
            true => golden.floats("second_per_grid_ts")?,
            false => Vec::new(),
        };
        let media = |name: &String, seconds: Option<f64>| self.pixels(name, seconds).transpose();
        let pictures: Option<Result<Vec<_>>> =
            pictures.iter().map(|name| media(name, None)).collect();
        let clips: Option<Result<Vec<_>>> =
            clips.iter().zip(&seconds).map(|(name, s)| media(name, Some(f64::from(*s)))).collect();
        let (Some(pictures), Some(clips)) = (pictures.transpose()?, clips.transpose()?) else {
            return Ok(None);
        };
        let (mut pictures, mut clips) = (pictures.into_iter(), clips.into_iter());
        let mut rows = Vec::with_capacity(batch);
        for row in 0..batch {
            let columns: Vec<usize> =
                (0..width).filter(|column| mask[row * width + column] == 1).collect();
            let ids: Vec<u32> =
                columns.iter().map(|column| ids[row * width + column] as u32).collect();
            let (mut media, mut place): (Vec<Arc<Pixels>>, _) = (Vec::new(), 0);
            while place < ids.len() {
                let next = match ids[place] {
                    id if id == config.image_token_id => pictures.next(),
                    id if id == config.video_token_id => clips.next(),
                    _ => {
                        place += 1;
                        continue;
                    }
                };
                let next = next.context("a placeholder has no picture or clip")?;
                let cells = next.grid.iter().product::<usize>() / config.vision.patches_per_cell();
                ensure!(cells > 0, "a picture or clip has no cells");
                place += cells;
                media.push(next);
            }
            rows.push(Row { sequence: Sequence::new(&ids, &media, config)?, columns });
        }
        Ok(Some(rows))
    }
}

pub(crate) fn kind_of(checkpoint: &str) -> &str {
    checkpoint.split('_').next().unwrap_or_default()
}

pub(crate) fn values<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f32>> {
    let values = tensor.to_data().convert::<f32>().try_into_vec::<f32>();
    values.map_err(|error| anyhow::anyhow!("cannot read a tensor back: {error:?}"))
}
