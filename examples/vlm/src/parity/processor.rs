//! A folder of pictures and clips with what the libraries make of them.

use std::path::Path;

use anyhow::{Context as _, Result};
use deepsport_model::Error;
use deepsport_model::processor::{
    FrameRule, Picture, Pixels, Processor, ProcessorSettings, smart_resize,
};
use serde_json::Value;

use super::golden::{Golden, field, json};
use super::report::Stages;
use crate::media;

/// Rows are stored in f32; the reference takes the same steps in another order. Advised.
const ROW: f64 = 1e-5;
/// Clips were resized by torchvision, which is up to one level of 255 off Pillow's bytes. Advised.
const CLIP_ROW: f64 = 0.0151;
/// Sums over all values of a picture, relative. Advised.
const SUM: f64 = 1e-6;
/// The same of clips, of which some 0.02 % of values are a level off either way.
const CLIP_SUM: f64 = 1e-5;

/// Whether a folder is such a one.
pub(crate) fn is_one(dir: &Path) -> bool {
    ["pictures.json", "clips.json", "resize.json", "frame_sampling.json"]
        .iter()
        .any(|name| dir.join(name).is_file())
}

pub(crate) fn compare(dir: &Path, stages: &mut Stages) {
    stages.group("pictures", |stages| pictures(dir, stages));
    stages.group("clips", |stages| clips(dir, stages));
    stages.group("resize", |stages| target_sizes(dir, stages));
    stages.group("frame_sampling", |stages| frame_choices(dir, stages));
}

fn list<'a>(file: &'a Value, name: &str) -> &'a [Value] {
    file[name].as_array().map_or(&[], Vec::as_slice)
}

fn settings(case: &Value) -> Result<ProcessorSettings> {
    let mut settings = ProcessorSettings::default();
    for (name, limit) in
        [("min_pixels", &mut settings.min_pixels), ("max_pixels", &mut settings.max_pixels)]
    {
        if !case[name].is_null() {
            *limit = field(case, name)?;
        }
    }
    Ok(settings)
}

fn pictures(dir: &Path, stages: &mut Stages) -> Result<()> {
    let Some(index) = json(&dir.join("pictures.json"))? else { return Ok(()) };
    let golden = Golden::open(&dir.join("pictures.safetensors"))?;
    for case in list(&index, "pictures").iter().chain(list(&index, "modes")) {
        let name: String = field(case, "name")?;
        let path = dir.join(format!("in/{name}.png"));
        if !path.exists() {
            continue;
        }
        stages.group(&format!("pictures/{name}"), |stages| {
            let pixels = Processor::new(settings(case)?)?.picture(&media::picture(&path)?)?;
            grid(&format!("pictures/{name}"), case, "image_grid_thw", &pixels, stages)?;
            if let Some(golden) = &golden {
                rows(&format!("pictures/{name}"), golden, &name, "pil_rows", &pixels, ROW, stages)?;
            }
            let stage = format!("pictures/{name}/sums");
            sums(&stage, &pixels, &case["pixel_values_pil"], SUM, stages)?;
            let resized = dir.join(format!("resized_pil/{name}.png"));
            if resized.exists() {
                // a picture of the target size is not resized, so equal patches mean equal bytes
                let as_is =
                    ProcessorSettings { min_pixels: 1, max_pixels: usize::MAX, ..settings(case)? };
                let same = Processor::new(as_is)?.picture(&media::picture(&resized)?)?;
                stages.same(
                    &format!("pictures/{name}/resized_bytes"),
                    &pixels.patches,
                    &same.patches,
                );
            }
            Ok(())
        });
    }
    Ok(())
}

fn clips(dir: &Path, stages: &mut Stages) -> Result<()> {
    let Some(index) = json(&dir.join("clips.json"))? else { return Ok(()) };
    let golden = Golden::open(&dir.join("clips.safetensors"))?;
    for case in list(&index, "clips") {
        let (name, from): (String, String) = (field(case, "name")?, field(case, "frames_from")?);
        let num_frames: usize = field(case, "frames")?;
        let paths: Vec<_> = match num_frames {
            1 => vec![dir.join(format!("in/{from}.png"))],
            _ => (0..num_frames).map(|i| dir.join(format!("in/{from}_{i}.png"))).collect(),
        };
        if !paths.iter().all(|path| path.exists()) {
            continue;
        }
        stages.group(&format!("clips/{name}"), |stages| {
            let frames: Vec<Picture> =
                paths.iter().map(|path| media::picture(path)).collect::<Result<_>>()?;
            let pixels = Processor::new(settings(case)?)?.clip(&frames, field(case, "fps")?)?;
            let stage = format!("clips/{name}");
            grid(&stage, case, "video_grid_thw", &pixels, stages)?;
            let seconds: f64 = field(case, "second_per_grid_ts")?;
            stages.same(
                &format!("{stage}/second_per_grid"),
                &[pixels.seconds_per_grid],
                &[Some(seconds)],
            );
            if let Some(golden) = &golden {
                rows(&stage, golden, &name, "rows", &pixels, CLIP_ROW, stages)?;
            }
            sums(&format!("{stage}/sums"), &pixels, &case["pixel_values_videos"], CLIP_SUM, stages)
        });
    }
    Ok(())
}

fn grid(stage: &str, case: &Value, key: &str, pixels: &Pixels, stages: &mut Stages) -> Result<()> {
    let expected: [usize; 3] = field(case, key)?;
    stages.same(&format!("{stage}/grid"), &pixels.grid, &expected);
    Ok(())
}

/// The rows that are stored of the patches.
fn rows(
    stage: &str,
    golden: &Golden,
    name: &str,
    key: &str,
    pixels: &Pixels,
    limit: f64,
    stages: &mut Stages,
) -> Result<()> {
    let (values, places) = (format!("{name}.{key}"), format!("{name}.row_index"));
    if !golden.has(&values) {
        return Ok(());
    }
    let [_, patch_len] = golden.shape(&values)?;
    let found: Vec<f32> = golden
        .ints(&places)?
        .iter()
        .flat_map(|row| pixels.patches.iter().skip(*row as usize * patch_len).take(patch_len))
        .copied()
        .collect();
    stages.close(&format!("{stage}/rows"), &found, &golden.floats(&values)?, limit);
    Ok(())
}

/// Sums over all patches, relative to the magnitudes summed; `index_weighted_mean` notices rows in another order.
fn sums(
    stage: &str,
    pixels: &Pixels,
    expected: &Value,
    limit: f64,
    stages: &mut Stages,
) -> Result<()> {
    if expected.is_null() {
        return Ok(());
    }
    let values = || pixels.patches.iter().map(|&value| f64::from(value));
    let num = pixels.patches.len() as f64;
    let magnitude = values().map(f64::abs).sum::<f64>().max(1.0);
    let sum_sq: f64 = values().map(|value| value * value).sum();
    let weighted: f64 = values().enumerate().map(|(i, value)| (i + 1) as f64 * value).sum::<f64>()
        / (num * (num + 1.0) / 2.0);
    let mut worst: f64 = 0.0;
    for (key, found, scale) in [
        ("sum", values().sum::<f64>(), magnitude),
        ("sum_sq", sum_sq, sum_sq.max(f64::MIN_POSITIVE)),
        ("index_weighted_mean", weighted, magnitude / num.max(1.0)),
    ] {
        let expected: f64 = field(expected, key)?;
        worst = worst.max((found - expected).abs() / scale);
    }
    stages.measured(stage, worst, worst, limit);
    Ok(())
}

fn target_sizes(dir: &Path, stages: &mut Stages) -> Result<()> {
    let Some(table) = json(&dir.join("resize.json"))? else { return Ok(()) };
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    for row in list(&table, "rows") {
        let number = |name: &str| field::<usize>(row, name);
        let sides = (number("height")?, number("width")?);
        let limits = (number("min_pixels")?, number("max_pixels")?);
        found.push(match smart_resize(sides.0, sides.1, 28, limits.0, limits.1) {
            Ok((height, width)) => Some([height, width]),
            Err(Error::AspectRatio { .. }) => None,
            Err(other) => return Err(other).context(format!("{sides:?}")),
        });
        expected.push(field::<Option<[usize; 2]>>(row, "resized")?);
    }
    stages.same("resize/target_sizes", &found, &expected);
    Ok(())
}

fn frame_choices(dir: &Path, stages: &mut Stages) -> Result<()> {
    let Some(table) = json(&dir.join("frame_sampling.json"))? else { return Ok(()) };
    for (rule, name) in
        [(FrameRule::EqualSteps, "transformers"), (FrameRule::FirstToLast, "qwen_vl_utils")]
    {
        let (mut found, mut expected) = (Vec::new(), Vec::new());
        for row in list(&table, "rows").iter().filter(|row| !row[name].is_null()) {
            let choice = rule.choose(
                field(row, "total_frames")?,
                field(row, "video_fps")?,
                field(row, "wanted_fps")?,
            )?;
            let idxs = &choice.frame_idxs;
            // long choices are stored by their number and both ends
            if row[name].is_array() {
                found.push(idxs.clone());
                expected.push(field(row, name)?);
            } else {
                let end = idxs.len().saturating_sub(8);
                found.push([&[idxs.len()], &idxs[..idxs.len().min(8)], &idxs[end..]].concat());
                let long = &row[name];
                let (first, last): (Vec<usize>, Vec<usize>) =
                    (field(long, "first")?, field(long, "last")?);
                expected.push([vec![field::<usize>(long, "count")?], first, last].concat());
            }
        }
        stages.same(&format!("frame_sampling/{name}"), &found, &expected);
    }
    Ok(())
}
