//! Features that enter behind the first layers.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{FloatDType, Tensor};
use deepsport_model::language::{DeepStack, Keep, LanguageModel};
use deepsport_model::{Init, KvCache, ModelConfig, Observer, Stage, TextConfig};
use serde_json::json;

use crate::fixtures::{assert_close, device, values};

fn config() -> TextConfig {
    let config = json!({
        "hidden_size": 4, "intermediate_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2,
        "num_key_value_heads": 1, "vocab_size": 10, "rope_scaling": {"mrope_section": [1, 0, 0]},
        "vision_config": {"depth": 1, "hidden_size": 8, "num_heads": 2, "intermediate_size": 8,
            "out_hidden_size": 4, "fullatt_block_indexes": [0]},
    });
    ModelConfig::from_json(&config).unwrap().text
}

/// Makes every layer `x + 0`.
struct Nothing;

impl ModuleMapper for Nothing {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|weight| weight.zeros_like())
    }
}

/// Two sequences of three tokens; of the first the second token is a picture's, of the second the last.
fn embeds() -> Tensor<3> {
    Tensor::from_data(
        [
            [[1., 2., 3., 4.], [5., 6., 7., 8.], [9., 10., 11., 12.]],
            [[-1., -2., -3., -4.], [-5., -6., -7., -8.], [-9., -10., -11., -12.]],
        ],
        &device(),
    )
}

const PLACES: [usize; 2] = [1, 5];

fn features() -> Vec<Tensor<2>> {
    let of_layer = |rows: [[f32; 4]; 2]| Tensor::from_data(rows, &device());
    vec![
        of_layer([[10., 20., 30., 40.], [1., 1., 1., 1.]]),
        of_layer([[0.5, 0.5, 0.5, 0.5], [100., 0., 0., -100.]]),
    ]
}

fn positions() -> Vec<Vec<[u32; 3]>> {
    vec![(0..3).map(|i| [i; 3]).collect(); 2]
}

#[test]
fn each_of_the_first_layers_adds_its_features_at_their_places() {
    let network = LanguageModel::init(&config(), &Init::new(&device())).map(&mut Nothing);
    let positions = positions();
    let positions: Vec<&[[u32; 3]]> = positions.iter().map(Vec::as_slice).collect();
    let rope = network.rope(&positions, &device());
    for keep in [Keep::Everything, Keep::Layers] {
        let mut seen = Vec::new();
        let mut look = |stage: Stage, value: Tensor<2>| {
            if matches!(stage, Stage::Layer(_)) {
                seen.push(values(&value));
            }
        };
        let deep = DeepStack::new(&PLACES, features());
        let _ = network.forward(
            embeds(),
            &rope,
            None,
            Some(&deep),
            keep,
            &mut Observer::new(&mut look),
        );
        let behind = |picture: [f32; 4], other: [f32; 4]| {
            let rows = [
                [1., 2., 3., 4.],
                picture,
                [9., 10., 11., 12.],
                [-1., -2., -3., -4.],
                [-5., -6., -7., -8.],
                other,
            ];
            rows.concat()
        };
        let first = behind([15., 26., 37., 48.], [-8., -9., -10., -11.]);
        let second = behind([15.5, 26.5, 37.5, 48.5], [92., -9., -10., -111.]);
        assert_eq!(seen, [first, second.clone(), second], "{keep:?}"); // the third layer has none
    }
}

#[test]
fn read_in_chunks_they_change_the_same() {
    let config = config();
    let network = LanguageModel::init(&config, &Init::new(&device()));
    let positions = positions();
    let whole: Vec<&[[u32; 3]]> = positions.iter().map(Vec::as_slice).collect();
    let deep = DeepStack::new(&PLACES, features());
    let forward = |deep: Option<&DeepStack>| {
        let rope = network.rope(&whole, &device());
        let none = &mut Observer::none();
        values(&network.forward(embeds(), &rope, None, deep, Keep::Everything, none))
    };
    let expected = forward(Some(&deep));
    let plain = forward(None);
    let far = expected.iter().zip(&plain).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far > 0.1, "features changed nothing");

    let mut cache = KvCache::new(&config, 2, 3, FloatDType::F32, &device());
    let mut chunk = |start: usize, len: usize, place: usize, row: usize| {
        let positions: Vec<&[[u32; 3]]> =
            positions.iter().map(|row| &row[start..start + len]).collect();
        let rope = network.rope(&positions, &device());
        let of_row = features().into_iter().map(|of_layer| of_layer.narrow(0, row, 1)).collect();
        let deep = DeepStack::new(&[place], of_row);
        let embeds = embeds().narrow(1, start, len);
        let live = vec![vec![true; len]; 2];
        network.forward_cached(embeds, &rope, &live, Some(&deep), &mut cache)
    };
    // the first two tokens of both, then the last
    let (first, second) = (chunk(0, 2, 1, 0), chunk(2, 1, 1, 1));
    let found = values(&Tensor::cat(vec![first, second], 1));
    assert_close("in chunks", &found, &expected, 1e-5);
}

#[test]
fn gradients_reach_the_features() {
    let autodiff = device().autodiff();
    let network = LanguageModel::init(&config(), &Init::new(&autodiff)).map(&mut Nothing);
    let positions = positions();
    let positions: Vec<&[[u32; 3]]> = positions.iter().map(Vec::as_slice).collect();
    let rope = network.rope(&positions, &device());
    let features: Vec<Tensor<2>> = features()
        .into_iter()
        .map(|of_layer| Tensor::from_data(of_layer.into_data(), &autodiff).require_grad())
        .collect();
    let deep = DeepStack::new(&PLACES, features.clone());
    let mut last = None;
    let mut look = |stage: Stage, value: Tensor<2>| {
        if stage == Stage::Layer(2) {
            last = Some(value);
        }
    };
    let embeds = Tensor::from_data(embeds().into_data(), &autodiff);
    let mut observer = Observer::new(&mut look);
    let _ = network.forward(embeds, &rope, None, Some(&deep), Keep::Layers, &mut observer);
    let last: Tensor<2> = last.unwrap();
    let gradients = last.clone().powi_scalar(2).sum().backward(); // d(x^2) = 2 x
    let last = values(&last);
    for of_layer in &features {
        let found = values(&of_layer.grad(&gradients).unwrap());
        let expected: Vec<f32> =
            PLACES.iter().flat_map(|place| &last[place * 4..][..4]).map(|x| 2.0 * x).collect();
        assert_close("gradient", &found, &expected, 1e-3);
    }
}
