//! Position ids by both rules.

use deepsport_model::{ModelConfig, PositionRule, Positions};
use serde_json::Value;

use crate::fixtures::{json, path};

fn ints(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()
}

fn grids(value: &Value) -> Vec<[usize; 3]> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|g| [0, 1, 2].map(|axis| g[axis].as_u64().unwrap() as usize))
        .collect()
}

/// Compares the live places of one stored table `[3][batch][len]` with ours.
fn check(
    case: &Value,
    expected: &Value,
    rule: PositionRule,
    config: &ModelConfig,
    next: Option<&[i64]>,
) {
    let name = case["name"].as_str().unwrap();
    let seconds =
        case["second_per_grid_ts"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32);
    let mut pictures = grids(&case["image_grid_thw"]).into_iter();
    let mut clips = grids(&case["video_grid_thw"]).into_iter().zip(seconds);
    for (row, ids) in case["input_ids"].as_array().unwrap().iter().enumerate() {
        let mask = ints(&case["attention_mask"][row]);
        let live: Vec<usize> = (0..mask.len()).filter(|column| mask[*column] == 1).collect();
        let ids: Vec<u32> = live.iter().map(|column| ints(ids)[*column] as u32).collect();
        let mut media = vec![];
        let mut place = 0;
        while place < ids.len() {
            let next = match ids[place] {
                id if id == config.image_token_id => (pictures.next().unwrap(), None),
                id if id == config.video_token_id => {
                    clips.next().map(|(grid, seconds)| (grid, Some(seconds))).unwrap()
                }
                _ => {
                    place += 1;
                    continue;
                }
            };
            place += next.0.iter().product::<usize>() / config.vision.patches_per_cell();
            media.push(next);
        }
        let positions = Positions::new(&ids, &media, config, rule).unwrap();
        for axis in 0..3 {
            let table = ints(&expected[axis][row]);
            let expected: Vec<i64> = live.iter().map(|column| table[*column]).collect();
            let found: Vec<i64> =
                positions.ids.iter().map(|place| i64::from(place[axis])).collect();
            assert_eq!(found, expected, "{name}, row {row}, axis {axis}");
        }
        if let Some(next) = next {
            assert_eq!(i64::from(positions.next), next[row], "{name}, row {row}");
        }
    }
}

#[test]
fn text_pictures_clips_mixed_and_padded() {
    let (Some(goldens), Some(folder)) = (json("goldens/positions.json"), path("untied_f32")) else {
        return;
    };
    let mut config = ModelConfig::read(folder).unwrap();
    config.vision.tokens_per_second = goldens["tokens_per_second"].as_f64().unwrap();
    let mut transformers_5 = 0;
    for case in goldens["cases"].as_array().unwrap() {
        check(
            case,
            &case["position_ids"],
            PositionRule::Trained,
            &config,
            Some(&ints(&case["next_position"])),
        );
        if case["transformers_5_23_same"] == false {
            transformers_5 += 1;
            check(
                case,
                &case["transformers_5_23_position_ids"],
                PositionRule::Transformers5,
                &config,
                None,
            );
        }
    }
    assert!(transformers_5 > 5);
}
