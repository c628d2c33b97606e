//! Every stage of the network against transformers' eager attention in f32.

use burn::tensor::{DType, Tensor};
use pose::vitpose::{Precision, VitPose};

use super::support::{
    Goldens, assert_close, device, fixtures, integers, model, normalised, values,
};

/// Two independent f32 implementations of these models were 2e-6 apart; the fixtures advise 1e-4.
const STAGE_TOLERANCE: f32 = 1e-4;
/// Sums of 48 heatmap values.
const ROW_SUM_TOLERANCE: f32 = 48.0 * STAGE_TOLERANCE;
/// Arithmetic with 8 bits of mantissa, through 2 layers and a decoder: share of the heatmaps' spread, root mean square.
const BF16_SHARE: f32 = 0.05;

#[track_caller]
fn check_stages(model: &VitPose, goldens: &Goldens, pixels: Tensor<4>, experts: &[usize]) {
    let backbone = model.network().backbone();
    // The goldens of the hidden states may hold fewer pictures than those of the heatmaps.
    let [num_golden, _, _] = goldens.tensor::<3>("backbone").dims();
    let first = |tensor: Tensor<3>| values(tensor.narrow(0, 0, num_golden));
    for (i, states) in backbone.hidden_states(pixels.clone(), experts).into_iter().enumerate() {
        let name = if i == 0 { "embeddings".to_owned() } else { format!("layer.{}", i - 1) };
        assert_close(&name, &first(states), &goldens.values(&name).1, STAGE_TOLERANCE);
    }
    let features = backbone.forward(pixels.clone(), experts);
    assert_close("backbone", &first(features), &goldens.values("backbone").1, STAGE_TOLERANCE);
    let (shape, expected) = goldens.values("heatmaps");
    let heatmaps = model.network().forward(pixels, experts);
    assert_eq!(heatmaps.dims().to_vec(), shape);
    assert_eq!(shape[2..], model.config().heatmap_size());
    assert_close("heatmaps", &values(heatmaps), &expected, STAGE_TOLERANCE);
}

#[test]
fn the_simple_decoder_equals_transformers_at_every_stage() {
    let pixels = normalised(&["crop_0.png", "crop_1.png"]);
    check_stages(&model("simple_f32"), &Goldens::read("simple_f32.safetensors"), pixels, &[0, 0]);
}

#[test]
fn the_classic_decoder_with_bf16_weights_equals_transformers_at_every_stage() {
    let pixels = normalised(&["crop_0.png"]);
    check_stages(&model("classic_bf16"), &Goldens::read("classic_bf16.safetensors"), pixels, &[0]);
}

#[test]
fn experts_equal_transformers_at_every_stage() {
    let goldens = Goldens::read("experts_f32.safetensors");
    let experts = goldens.integers("dataset_index");
    assert_eq!(experts, [0, 2]);
    let pixels = goldens.tensor("pixel_values");
    check_stages(&model("experts_f32"), &goldens, pixels, &experts);
}

#[test]
fn experts_of_one_data_set_are_chosen_for_all_pictures() {
    let goldens = Goldens::read("experts_f32.safetensors");
    let (_, expected) = goldens.values("heatmaps");
    let model = model("experts_f32").with_expert(2).unwrap();
    let found = values(model.heatmaps(goldens.tensor("pixel_values")));
    let half = expected.len() / 2;
    assert_close("expert 2", &found[half..], &expected[half..], STAGE_TOLERANCE);
    let worst = found[..half].iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst > 0.01, "expert 2 is not expert 0");
}

#[track_caller]
fn check_flip(name: &str, pixels: Tensor<4>) {
    let goldens = Goldens::read(format!("{name}.safetensors"));
    let mirror = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15];
    let model = model(name);
    let back = model.network().forward_mirrored(pixels.clone(), &[0], &mirror);
    let sums = values(back.sum_dim(3));
    assert_close(name, &sums, &goldens.values("flipped_back_row_sums").1, ROW_SUM_TOLERANCE);
    // The keypoints' own labels name no joints; seventeen of them are COCO's, which gives the same pairs.
    let mean = model.with_flip_test().unwrap().heatmaps(pixels);
    let [batch, num_keypoints, height, width] = mean.dims();
    let hottest = mean.reshape([batch, num_keypoints, height * width]).argmax(2);
    assert_eq!(integers(hottest), goldens.integers("flip_average_argmax"));
}

#[test]
fn flip_tests_equal_transformers() {
    check_flip("simple_f32", normalised(&["crop_0.png"]));
    check_flip("classic_bf16", normalised(&["crop_0.png"]));
}

#[test]
fn sixteen_bits_stay_near_thirty_two() {
    for name in ["simple_f32", "classic_bf16"] {
        let pixels = normalised(&["crop_0.png"]);
        let dir = fixtures().join(name);
        let model = VitPose::load_with(&dir, Precision::Bf16, &device()).unwrap();
        let features = model.network().backbone();
        let states = features.hidden_states(pixels.clone().cast(DType::BF16), &[0]);
        assert!(states.iter().all(|states| states.dtype() == DType::BF16));
        let found = values(model.heatmaps(pixels));
        let (_, expected) = Goldens::read(format!("{name}.safetensors")).values("heatmaps");
        let expected = &expected[..found.len()];
        let rms = |of: &mut dyn Iterator<Item = f32>| {
            (of.map(|v| v * v).sum::<f32>() / expected.len() as f32).sqrt()
        };
        let mean = expected.iter().sum::<f32>() / expected.len() as f32;
        let spread = rms(&mut expected.iter().map(|v| v - mean));
        let off = rms(&mut found.iter().zip(expected).map(|(a, b)| a - b));
        assert!(off < BF16_SHARE * spread, "{name}: {off} of {spread}");
        assert!(off > 0.0, "{name} was not computed in 16 bits");
    }
}
