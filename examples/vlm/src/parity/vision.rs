//! The vision tower, block by block.

use anyhow::{Context as _, Result};
use deepsport_model::language::Keep;
use deepsport_model::vision::{WindowPlan, patch_places};
use deepsport_model::{Network, Observer, Stage};
use serde_json::Value;

use super::golden::{Golden, field};
use super::model::{Model, values};
use super::report::Stages;

/// Advised; two independent implementations in single precision differ by 2e-5.
const LIMIT: f64 = 1e-4;

pub(crate) fn compare(model: &Model, stages: &mut Stages) -> Result<()> {
    let Some(report) = model.json("report")? else { return Ok(()) };
    let Some(traces) = report["vision"].as_object() else { return Ok(()) };
    if !model.has(&model.main) {
        return Ok(());
    }
    let network = model.network(&model.main)?;
    for (case, trace) in traces {
        let Some(golden) = model.golden(&format!("vision_{case}"))? else { continue };
        stages.group(&format!("vision/{case}"), |stages| {
            one(model, &network, case, trace, &golden, stages)
        });
    }
    Ok(())
}

fn one(
    model: &Model,
    network: &Network,
    case: &str,
    trace: &Value,
    golden: &Golden,
    stages: &mut Stages,
) -> Result<()> {
    let names: Vec<String> = field(trace, "media")?;
    let media: Option<Vec<_>> =
        names.iter().map(|name| model.pixels(name, Some(1.0))).collect::<Result<_>>()?;
    let Some(media) = media else { return Ok(()) };
    let config = &network.config().vision;
    let grids = golden.grids("grid_thw")?;
    let plan = WindowPlan::new(&grids, config);
    let ints = |list: &[usize]| list.iter().map(|value| *value as i64).collect::<Vec<_>>();
    let name = |stage: &str| format!("vision/{case}/{stage}");
    let places = patch_places(&grids, config.spatial_merge_size);
    for (stage, found) in [
        ("window_index", ints(&plan.published_order)),
        ("cu_window_seqlens", ints(&plan.published_edges)),
        ("patch_row_col", ints(places.as_flattened())),
        ("cu_seqlens", ints(&frame_edges(&plan))),
    ] {
        if golden.has(stage) {
            stages.same(&name(stage), &found, &golden.ints(stage)?);
        }
    }
    let rope = network.visual().rotary(&grids, &network.device());
    for (stage, table) in [("rotary_cos", &rope.cos), ("rotary_sin", &rope.sin)] {
        if golden.has(stage) {
            // stored for whole heads, whose two halves turn alike
            let half = config.head_dim() / 2;
            let found: Vec<f32> =
                values(table)?.chunks(half).flat_map(|row| [row, row].concat()).collect();
            stages.close(&name(stage), &found, &golden.floats(stage)?, LIMIT);
        }
    }
    let mut seen = Vec::new();
    let mut look = |stage: Stage, value: burn::tensor::Tensor<2>| {
        let stage = match stage {
            Stage::PatchEmbed => "patch_embed".to_owned(),
            Stage::VisionBlock(i) => format!("block.{i}"),
            Stage::Merger => "merger".to_owned(),
            Stage::VisionOutput => "output".to_owned(),
            _ => return,
        };
        seen.push((stage, values(&value)));
    };
    network
        .features(&media, Keep::Everything, &mut Observer::new(&mut look))
        .context("no features")?;
    for (stage, found) in seen {
        let found = found?;
        if golden.has(&stage) {
            stages.close(&name(&stage), &found, &golden.floats(&stage)?, LIMIT);
        }
        if stage == "output" && golden.has("output_f64") {
            stages.close(&name("output_f64"), &found, &golden.floats("output_f64")?, LIMIT);
        }
    }
    Ok(())
}

/// Edges of the frames, in patches, from 0.
fn frame_edges(plan: &WindowPlan) -> Vec<usize> {
    let mut edges = vec![0];
    for run in &plan.runs {
        let frame_len = run.patches.len() / run.num_frames.max(1);
        edges.extend((1..=run.num_frames).map(|frame| run.patches.start + frame * frame_len));
    }
    edges
}
