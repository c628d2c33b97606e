//! Position ids.

use anyhow::{Context as _, Result};
use deepsport_model::{ModelConfig, PositionRule, Positions};
use serde_json::Value;

use super::golden::field;
use super::model::Model;
use super::report::Stages;

pub(crate) fn compare(model: &Model, stages: &mut Stages) -> Result<()> {
    let Some(goldens) = model.json("positions")? else { return Ok(()) };
    if !model.has(&model.main) {
        return Ok(());
    }
    let mut config = ModelConfig::read(model.path(&model.main))?;
    config.vision.tokens_per_second = field(&goldens, "tokens_per_second")?;
    let cases: Vec<Value> = field(&goldens, "cases")?;
    for case in &cases {
        let name: String = field(case, "name")?;
        stages.group(&format!("positions/{name}"), |stages| {
            one(case, "position_ids", PositionRule::Trained, &name, &config, stages)?;
            if case["transformers_5_23_same"] == false {
                let (field, name) =
                    ("transformers_5_23_position_ids", format!("{name}/transformers_5"));
                one(case, field, PositionRule::Transformers5, &name, &config, stages)?;
            }
            Ok(())
        });
    }
    Ok(())
}

fn one(
    case: &Value,
    table: &str,
    rule: PositionRule,
    name: &str,
    config: &ModelConfig,
    stages: &mut Stages,
) -> Result<()> {
    let ids: Vec<Vec<u32>> = field(case, "input_ids")?;
    let mask: Vec<Vec<u8>> = field(case, "attention_mask")?;
    let table: [Vec<Vec<u32>>; 3] = field(case, table)?;
    let seconds: Vec<f32> = field(case, "second_per_grid_ts")?;
    let pictures: Vec<[usize; 3]> = field(case, "image_grid_thw")?;
    let clips: Vec<[usize; 3]> = field(case, "video_grid_thw")?;
    let (mut pictures, mut clips) = (pictures.into_iter(), clips.into_iter().zip(seconds));
    let (mut found, mut expected, mut next) = (Vec::new(), Vec::new(), Vec::new());
    for (row, ids) in ids.iter().enumerate() {
        let live: Vec<usize> = (0..ids.len()).filter(|&column| mask[row][column] == 1).collect();
        let ids: Vec<u32> = live.iter().map(|&column| ids[column]).collect();
        let (mut media, mut place) = (Vec::new(), 0);
        while place < ids.len() {
            let next = match ids[place] {
                id if id == config.image_token_id => pictures.next().map(|grid| (grid, None)),
                id if id == config.video_token_id => {
                    clips.next().map(|(grid, seconds)| (grid, Some(seconds)))
                }
                _ => {
                    place += 1;
                    continue;
                }
            };
            let next = next.context("a placeholder has no grid")?;
            place += (next.0.iter().product::<usize>() / config.vision.patches_per_cell()).max(1);
            media.push(next);
        }
        let positions = Positions::new(&ids, &media, config, rule)?;
        found.extend(positions.ids);
        next.push(positions.next);
        expected.extend(
            live.iter().map(|&column| [0, 1, 2].map(|axis: usize| table[axis][row][column])),
        );
    }
    stages.same(&format!("positions/{name}"), &found, &expected);
    if rule == PositionRule::Trained {
        let expected: Vec<u32> = field(case, "next_position")?;
        stages.same(&format!("positions/{name}/next"), &next, &expected);
    }
    Ok(())
}
