//! The vision tower, block by block.

use std::collections::HashMap;

use burn::tensor::Tensor;
use deepsport_model::language::Keep;
use deepsport_model::vision::{WindowPlan, patch_places};
use deepsport_model::{Observer, Stage};

use crate::fixtures::{Golden, assert_close, json, network, pixels, values};

/// Advised by the fixtures; two independent implementations in single precision differ by 2e-5.
const LIMIT: f32 = 1e-4;

fn check(case: &str) {
    let Some(golden) = Golden::open(&format!("vision_{case}")) else { return };
    let Some(report) = json("goldens/report.json") else { return };
    let Some(network) = network("untied_f32") else { return };
    let media = report["vision"][case]["media"].as_array().unwrap().iter();
    let Some(media) =
        media.map(|name| pixels(name.as_str().unwrap(), Some(1.0))).collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let config = network.config().vision.clone();
    let grids = golden.grids("grid_thw");
    let plan = WindowPlan::new(&grids, &config);
    let as_ints = |list: &[usize]| list.iter().map(|value| *value as i64).collect::<Vec<_>>();
    assert_eq!(as_ints(&plan.published_order), golden.ints("window_index"));
    assert_eq!(as_ints(&plan.published_edges), golden.ints("cu_window_seqlens"));
    let places = patch_places(&grids, config.spatial_merge_size);
    assert_eq!(as_ints(places.as_flattened()), golden.ints("patch_row_col"));

    for keep in [Keep::Everything, Keep::Layers] {
        let mut seen = HashMap::new();
        let mut look = |stage: Stage, value: Tensor<2>| {
            seen.insert(stage, values(&value));
        };
        let output = network.features(&media, keep, &mut Observer::new(&mut look)).unwrap();
        assert_close(
            "patch_embed",
            &seen[&Stage::PatchEmbed],
            &golden.floats("patch_embed"),
            LIMIT,
        );
        for block in 0..config.depth {
            let name = format!("block.{block}");
            assert_close(&name, &seen[&Stage::VisionBlock(block)], &golden.floats(&name), LIMIT);
        }
        assert_close("merger", &seen[&Stage::Merger], &golden.floats("merger"), LIMIT);
        assert_close("output", &values(&output), &golden.floats("output"), LIMIT);
        assert_close(
            "output in double precision",
            &values(&output),
            &golden.floats("output_f64"),
            LIMIT,
        );
    }
}

#[test]
fn one_picture() {
    check("one_picture");
}

#[test]
fn two_pictures_of_different_sizes() {
    check("two_pictures");
}

#[test]
fn a_clip_keeps_its_frames_apart() {
    check("clip");
}
