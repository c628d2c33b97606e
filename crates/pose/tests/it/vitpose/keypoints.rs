//! Heatmaps to points, against transformers' post-processing.

use std::num::NonZeroUsize;

use ndarray::ArrayView3;
use serde_json::Value;

use super::crops::person;
use super::support::{Goldens, fixtures, model};

/// Advised by the fixtures: transformers rounds to f32 on the way.
const PIXELS: f64 = 0.01;
const SCORE: f64 = 1e-6;

#[test]
fn points_equal_transformers_for_all_boxes_and_kernels() {
    let (shape, heat) = Goldens::read("keypoints.safetensors").values("heatmaps");
    let heatmaps = ArrayView3::from_shape((shape[1], shape[2], shape[3]), &heat).unwrap();
    let text = std::fs::read_to_string(fixtures().join("keypoints.json")).unwrap();
    let goldens: Value = serde_json::from_str(&text).unwrap();
    let cases = goldens["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let kernel = NonZeroUsize::new(case["kernel"].as_u64().unwrap() as usize).unwrap();
        let model = model("simple_f32").with_blur_kernel(kernel);
        let found = model.decode(heatmaps, &person(&case["box"])).unwrap();
        for (joint, keypoint) in found.iter().enumerate() {
            let score = case["scores"][joint].as_f64().unwrap();
            assert!((keypoint.score - score).abs() < SCORE, "joint {joint}: {keypoint:?}");
            match (joint, keypoint.position) {
                (14, position) => assert_eq!(position, None), // no positive heat
                (15, position) => assert!(position.is_some()), // flat: anywhere
                (_, None) => panic!("joint {joint} was not found"),
                (_, Some(position)) => {
                    for (axis, at) in position.into_iter().enumerate() {
                        let expected = case["keypoints"][joint][axis].as_f64().unwrap();
                        assert!((at - expected).abs() < PIXELS, "joint {joint}: {at}, {expected}");
                    }
                }
            }
        }
    }
}
