//! Pictures and clips against transformers, Pillow and qwen-vl-utils.

use std::path::Path;

use deepsport_model::Error;
use deepsport_model::processor::{
    ClipBudget, FrameRule, Picture, Pixels, Processor, ProcessorSettings, smart_resize,
};
use serde_json::Value;

use crate::fixtures::{Golden, find, own, own_json};

/// The stored rows are f32 of the same operations in another order.
const ROW_TOLERANCE: f32 = 1e-5;
/// Sums are stored in f64 over f32 rows.
const SUM_TOLERANCE: f64 = 1e-6;
/// One level of 255 over the smallest deviation: as far as torchvision's resize, which made the clips, is from Pillow's.
const ONE_LEVEL: f32 = 0.0151;

fn load(path: impl AsRef<Path>) -> Picture {
    use image::DynamicImage;
    let path = path.as_ref();
    let picture = image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (width, height) = (picture.width(), picture.height());
    match picture {
        DynamicImage::ImageLuma8(grey) => Picture::from_grey8(width, height, &grey),
        DynamicImage::ImageLumaA8(grey) => Picture::from_grey_alpha8(width, height, &grey),
        DynamicImage::ImageRgba8(rgba) => Picture::from_rgba8(width, height, &rgba),
        other => Picture::from_rgb8(width, height, other.into_rgb8().into_raw()),
    }
    .unwrap()
}

fn picture(name: &str) -> Picture {
    load(own(&format!("processor/in/{name}.png")))
}

fn settings(case: &Value) -> ProcessorSettings {
    ProcessorSettings {
        min_pixels: case["min_pixels"].as_u64().unwrap_or(3136) as usize,
        max_pixels: case["max_pixels"].as_u64().unwrap_or(12_845_056) as usize,
        ..ProcessorSettings::default()
    }
}

fn grid(value: &Value) -> [usize; 3] {
    serde_json::from_value(value.clone()).unwrap()
}

/// Compares sums over all patches. `index_weighted_mean` would notice rows in another order.
#[track_caller]
fn check_sums(case: &str, pixels: &Pixels, expected: &Value, tolerance: f64) {
    let values = || pixels.patches.iter().map(|&value| f64::from(value));
    let num = pixels.patches.len() as f64;
    assert_eq!(pixels.patches.len(), pixels.num_patches() * 1176);
    let sum: f64 = values().sum();
    let sum_sq: f64 = values().map(|value| value * value).sum();
    let weighted: f64 = values().enumerate().map(|(i, value)| (i + 1) as f64 * value).sum::<f64>()
        / (num * (num + 1.0) / 2.0);
    let near = |name: &str, found: f64, scale: f64| {
        let expected = expected[name].as_f64().unwrap();
        let is_near = (found - expected).abs() <= tolerance * scale;
        assert!(is_near, "{case} {name}: {found} is not {expected}");
    };
    let scale = values().map(f64::abs).sum::<f64>().max(1.0);
    near("sum", sum, scale);
    near("sum_sq", sum_sq, sum_sq);
    near("index_weighted_mean", weighted, scale / num);
}

fn largest_difference(pixels: &Pixels, golden: &Golden, name: &str, rows: &str) -> f32 {
    let rows = golden.floats(&format!("{name}.{rows}"));
    let idxs = golden.ints(&format!("{name}.row_index"));
    assert_eq!(rows.len(), idxs.len() * 1176);
    let pairs = idxs.iter().zip(rows.chunks_exact(1176)).flat_map(|(&idx, expected)| {
        pixels.patches[idx as usize * 1176..][..1176].iter().zip(expected)
    });
    pairs.map(|(found, expected)| (found - expected).abs()).fold(0.0, f32::max)
}

#[test]
fn pictures_are_those_of_transformers() {
    let index = own_json("processor/pictures.json");
    let golden = Golden::own("processor/pictures.safetensors");
    let cases =
        index["pictures"].as_array().unwrap().iter().chain(index["modes"].as_array().unwrap());
    let mut num_cases = 0;
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let pixels = Processor::new(settings(case)).unwrap().picture(&picture(name)).unwrap();
        assert_eq!(pixels.grid, grid(&case["image_grid_thw"]), "{name}");
        assert_eq!(pixels.seconds_per_grid, None);
        let difference = largest_difference(&pixels, &golden, name, "pil_rows");
        assert!(difference <= ROW_TOLERANCE, "{name}: {difference}");
        check_sums(name, &pixels, &case["pixel_values_pil"], SUM_TOLERANCE);
        num_cases += 1;
    }
    assert_eq!(num_cases, 15);
}

#[test]
fn resized_bytes_are_those_of_pillow() {
    let Some(resized) = find("processor/resized_pil") else { return };
    let index = own_json("processor/pictures.json");
    for case in index["pictures"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let processor = Processor::new(settings(case)).unwrap();
        let pixels = processor.picture(&picture(name)).unwrap();
        let expected = load(resized.join(format!("{name}.png")));
        // A picture of the target size is not resized, so equal patches mean equal bytes.
        let as_is = ProcessorSettings { min_pixels: 1, max_pixels: usize::MAX, ..settings(case) };
        let same = Processor::new(as_is).unwrap().picture(&expected).unwrap();
        let difference = |i: usize| (pixels.patches[i] - same.patches[i]).abs();
        let differing = (0..pixels.patches.len()).filter(|&i| difference(i) > 0.0).count();
        assert_eq!((pixels.grid, differing), (same.grid, 0), "{name}");
    }
}

#[test]
fn clips_are_within_one_level_of_transformers() {
    let index = own_json("processor/clips.json");
    let golden = Golden::own("processor/clips.safetensors");
    for case in index["clips"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let (num_frames, from) =
            (case["frames"].as_u64().unwrap(), case["frames_from"].as_str().unwrap());
        let frames: Vec<Picture> = if num_frames == 1 {
            vec![picture(from)]
        } else {
            (0..num_frames).map(|i| picture(&format!("{from}_{i}"))).collect()
        };
        let processor = Processor::new(settings(case)).unwrap();
        let pixels = processor.clip(&frames, case["fps"].as_f64().unwrap()).unwrap();
        assert_eq!(pixels.grid, grid(&case["video_grid_thw"]), "{name}");
        assert_eq!(pixels.seconds_per_grid, case["second_per_grid_ts"].as_f64(), "{name}");
        let difference = largest_difference(&pixels, &golden, name, "rows");
        assert!(difference <= ONE_LEVEL, "{name}: {difference}");
        // Some 0.02 % of values are one level off either way: that leaves sums alike to 1e-5 of all magnitudes.
        check_sums(name, &pixels, &case["pixel_values_videos"], 1e-5);
    }
}

#[test]
fn target_sizes_are_those_of_transformers() {
    let table = own_json("processor/resize.json");
    let rows = table["rows"].as_array().unwrap();
    for row in rows {
        let number = |name: &str| row[name].as_u64().unwrap() as usize;
        let found = smart_resize(
            number("height"),
            number("width"),
            28,
            number("min_pixels"),
            number("max_pixels"),
        );
        let expected = row["resized"].as_array();
        match (&found, expected) {
            (Ok((height, width)), Some(expected)) => {
                assert_eq!(expected, &[Value::from(*height), Value::from(*width)], "{row}");
            }
            (Err(Error::AspectRatio { .. }), None) => {}
            _ => panic!("{row}: {found:?}"),
        }
    }
    assert!(rows.len() > 200);
}

#[test]
fn frames_are_those_of_each_library() {
    for row in own_json("processor/frame_sampling.json")["rows"].as_array().unwrap() {
        let (num_frames, fps, wanted) = (
            row["total_frames"].as_u64().unwrap() as usize,
            row["video_fps"].as_f64().unwrap(),
            row["wanted_fps"].as_f64().unwrap(),
        );
        for (rule, name) in
            [(FrameRule::EqualSteps, "transformers"), (FrameRule::FirstToLast, "qwen_vl_utils")]
        {
            let choice = rule.choose(num_frames, fps, wanted).unwrap();
            let idxs = Value::from(choice.frame_idxs.clone());
            match &row[name] {
                Value::Array(_) => assert_eq!(idxs, row[name], "{row}"),
                long => {
                    let num = choice.frame_idxs.len();
                    assert_eq!(long["count"], num);
                    assert_eq!(long["first"], Value::from(&choice.frame_idxs[..8]), "{row}");
                    assert_eq!(long["last"], Value::from(&choice.frame_idxs[num - 8..]), "{row}");
                }
            }
            // Both count seconds by the mean rate of what they chose.
            let expected = row["qwen_vl_utils_sample_fps"].as_f64().unwrap();
            assert!((choice.fps - expected).abs() <= 1e-12 * expected, "{row}");
            let seconds = row["second_per_grid"].as_f64().unwrap();
            assert!((2.0 / choice.fps - seconds).abs() <= 1e-12 * seconds, "{row}");
        }
    }
}

/// By hand: each frame has at most `max` pixels, and less where many share `total`, but 1.05 `min` at least.
#[test]
fn the_frames_of_a_long_clip_share_a_budget() {
    let cells = 28 * 28;
    let (min, max, total) = (4 * cells, 24 * cells, 120 * cells);
    let settings = ProcessorSettings {
        clip_budget: ClipBudget::Shared { min, max, total },
        ..ProcessorSettings::default()
    };
    let processor = Processor::new(settings).unwrap();
    let tokens_per_step = |num_frames: usize| {
        let frame = Picture::from_grey8(640, 360, &vec![7; 640 * 360]).unwrap();
        let pixels = processor.clip(&vec![frame; num_frames], 2.0).unwrap();
        pixels.num_tokens(2) / pixels.grid[0]
    };
    assert_eq!(tokens_per_step(2), 3 * 6); // 24 cells of 16:9: 3.7 x 6.5
    assert_eq!(tokens_per_step(20), 2 * 4); // 120 / 20 * 2 = 12 cells: 2.6 x 4.6
    assert_eq!(tokens_per_step(100), 2); // 2.4 cells, lifted to 4.2: 1.5 x 2.7
}

#[test]
fn what_cannot_be_a_picture_or_clip_is_named() {
    let processor = Processor::default();
    let grey = |width: u32, height: u32| {
        Picture::from_grey8(width, height, &vec![0; (width * height) as usize]).unwrap()
    };
    let message = |error: Error| error.to_string();
    assert_eq!(
        message(Picture::from_rgb8(4, 3, vec![0; 12]).unwrap_err()),
        "a picture of 4 x 3 with 3 channels cannot have 12 bytes"
    );
    assert_eq!(
        message(Picture::from_rgba8(0, 3, &[]).unwrap_err()),
        "a picture of 0 x 3 has no pixels"
    );
    assert_eq!(
        message(processor.picture(&grey(201, 1)).unwrap_err()),
        "a picture of 201 x 1 has a side over 200 times the other; crop it or add a border"
    );
    assert!(processor.picture(&grey(200, 1)).is_ok());
    assert_eq!(processor.picture(&grey(1, 1)).unwrap().grid, [1, 4, 4]);
    assert_eq!(message(processor.clip(&[], 2.0).unwrap_err()), "the clip has no frames");
    assert_eq!(
        message(processor.clip(&[grey(30, 30), grey(30, 31)], 2.0).unwrap_err()),
        "frame 1 is 30 x 31, those before it are 30 x 30"
    );
    for fps in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            processor.clip(&[grey(30, 30)], fps),
            Err(Error::Request { field: "fps", .. })
        ));
    }
    assert!(matches!(
        FrameRule::FirstToLast.choose(1, 30.0, 2.0),
        Err(Error::TooFewFrames { found: 1, needed: 2 })
    ));
}

#[test]
fn settings_come_from_the_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let from = |text: &str| {
        std::fs::write(dir.path().join("preprocessor_config.json"), text).unwrap();
        Processor::from_dir(dir.path()).map(|processor| processor.settings().clone())
    };
    let published = r#"{"min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14, "temporal_patch_size": 2,
        "merge_size": 2, "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711], "image_processor_type": "Qwen2_5_VLImageProcessor"}"#;
    assert_eq!(from(published).unwrap(), ProcessorSettings::default());
    let newer = r#"{"size": {"shortest_edge": 784, "longest_edge": 7840}, "rescale_factor": 0.5}"#;
    let settings = from(newer).unwrap();
    assert_eq!((settings.min_pixels, settings.max_pixels), (784, 7840));
    assert_eq!(settings.rescale_factor, 0.5);
    assert_eq!(
        from(r#"{"image_std": [0.1, 0, 0.1]}"#).unwrap_err().to_string(),
        "image_std: found 0, needs numbers above 0"
    );
    assert!(matches!(from("{"), Err(Error::Json { .. })));
    assert!(matches!(Processor::from_dir("/nowhere"), Err(Error::File { .. })));
}
