//! From pictures and boxes to points, by nothing but a checkpoint's folder, against transformers doing the same.

use std::path::Path;

use pose::vitpose::VitPose;
use pose::{Joint, Keypoint, Picture, Side};
use serde_json::Value;

use super::crops::person;
use super::support::{device, picture};

/// Heatmaps differ in the sixth digit; a summit among noise, as random weights paint it, moves by more. The promise is 0.1.
const PIXELS: f64 = 0.05;
/// Sums in another order, through a network.
const SCORE: f64 = 1e-5;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
}

#[test]
fn points_equal_transformers_for_checkpoints_of_every_shape() {
    let text = std::fs::read_to_string(folder().join("vitpose_shapes/whole.json")).unwrap();
    let goldens: Value = serde_json::from_str(&text).unwrap();
    let (width, height, bytes) = picture("frame.png");
    let frame = Picture::new(width, height, &bytes).unwrap();
    let boxes = goldens["boxes"].as_array().unwrap();
    let people: Vec<_> = boxes.iter().map(|value| (frame, person(value))).collect();
    for case in goldens["cases"].as_array().unwrap() {
        let name = case["checkpoint"].as_str().unwrap();
        let mut model = VitPose::load(&folder().join(name), &device()).unwrap();
        model = model.with_expert(case["expert"].as_u64().unwrap() as usize).unwrap();
        if case["flip"].as_bool().unwrap() {
            model = model.with_flip_test().unwrap();
        }
        let found = model.estimate(&people).unwrap();
        for (i, (keypoints, golden)) in
            found.iter().zip(case["people"].as_array().unwrap()).enumerate()
        {
            assert_eq!(keypoints.len(), golden["scores"].as_array().unwrap().len());
            for (joint, keypoint) in keypoints.iter().enumerate() {
                let at = format!("{name}, box {i}, joint {joint}");
                let score = golden["scores"][joint].as_f64().unwrap();
                assert!((keypoint.score - score).abs() < SCORE, "{at}: {keypoint:?}, {score}");
                let Some(position) = keypoint.position else {
                    assert!(score < SCORE, "{at} was not found");
                    continue;
                };
                for axis in [0, 1] {
                    let expected = golden["keypoints"][joint][axis].as_f64().unwrap();
                    assert!(
                        (position[axis] - expected).abs() < PIXELS,
                        "{at}: {position:?}, {}",
                        golden["keypoints"][joint]
                    );
                }
            }
        }
    }
}

#[test]
fn joints_are_told_by_their_labels() {
    let model = VitPose::load(&folder().join("vitpose_shapes/wide"), &device()).unwrap();
    let named = [
        Joint::Nose,
        Joint::Wrist(Side::Left),
        Joint::Wrist(Side::Right),
        Joint::Ankle(Side::Right),
        Joint::Ankle(Side::Left),
    ];
    assert_eq!(model.joints(), named.map(Some));
    // Seventeen nameless ones are COCO's.
    let nameless = VitPose::load(&folder().join("vitpose_tiny/simple_f32"), &device()).unwrap();
    assert_eq!(nameless.joints()[0], Some(Joint::Nose));
    assert_eq!(nameless.joints()[9], Some(Joint::Wrist(Side::Left)));
    assert_eq!(nameless.joints()[16], Some(Joint::Ankle(Side::Right)));
}

#[test]
fn batches_give_what_single_pictures_give() {
    let model = VitPose::load(&folder().join("vitpose_tiny/simple_f32"), &device()).unwrap();
    let (width, height, bytes) = picture("frame.png");
    let frame = Picture::new(width, height, &bytes).unwrap();
    let whole = pose::PersonBox::whole(width, height).unwrap();
    let people: Vec<_> = (0..5).map(|i| (frame, whole.grown(1.0 - 0.1 * f64::from(i)))).collect();
    let one_by_one: Vec<_> =
        people.iter().map(|one| model.estimate(&[*one]).unwrap().remove(0)).collect();
    let model = model.with_batch_size(std::num::NonZeroUsize::new(3).unwrap());
    let batched = model.estimate(&people).unwrap();
    for (a, b) in batched.iter().flatten().zip(one_by_one.iter().flatten()) {
        assert!((a.score - b.score).abs() < 1e-5, "{a:?}, {b:?}"); // sums in another order
    }
}

#[test]
fn keypoints_of_a_video_become_a_series_with_y_up() {
    let model = VitPose::load(&folder().join("vitpose_shapes/wide"), &device()).unwrap();
    let at = |x: f64, y: f64, score| Keypoint { position: Some([x, y]), score };
    let nothing = Keypoint { position: None, score: -0.1 };
    let frames = [
        vec![at(1.0, 2.0, 0.5), at(3.0, 4.0, 1.3), nothing, nothing, at(5.0, 6.0, 0.9)],
        vec![nothing; 5],
    ];
    let series = model.series(&frames, 25.0).unwrap();
    assert_eq!((series.num_frames(), series.num_dims(), series.fps()), (2, 2, 25.0));
    assert_eq!(series.position(0, Joint::Nose), Some([1.0, -2.0, 0.0]));
    assert_eq!(series.position(0, Joint::Ankle(Side::Left)), Some([5.0, -6.0, 0.0]));
    assert_eq!(series.position(0, Joint::Wrist(Side::Right)), None);
    assert_eq!(series.confidence().row(0).to_vec(), [0.5, 1.0, 0.0, 0.0, 0.9]);
    assert_eq!(series.missing_share(Joint::Nose), 0.5);
    assert!(model.series(&[], 25.0).is_err() && model.series(&frames, 0.0).is_err());
}
