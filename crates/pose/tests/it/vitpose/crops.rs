//! Boxes to pixels, against transformers' image processor (SciPy's affine transform).

use pose::{PersonBox, Picture};
use serde_json::Value;

use super::support::{Goldens, assert_close, fixtures, model, picture, values};

/// Rounding of a subtraction and a division in f32.
const ROUNDING: f32 = 1e-6;

fn crops() -> Vec<Value> {
    let text = std::fs::read_to_string(fixtures().join("crops.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["crops"].as_array().unwrap().clone()
}

pub(super) fn person(value: &Value) -> PersonBox {
    let numbers: Vec<f64> =
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect();
    PersonBox::new(numbers[0], numbers[1], numbers[2], numbers[3]).unwrap()
}

#[test]
fn crops_equal_transformers_byte_for_byte() {
    let model = model("simple_f32");
    let (width, height, bytes) = picture("frame.png");
    let frame = Picture::new(width, height, &bytes).unwrap();
    for (i, crop) in crops().iter().enumerate() {
        let name = format!("crop_{i}.png");
        if !fixtures().join(&name).exists() {
            continue; // its rows are compared below
        }
        let found = model.crop(frame, &person(&crop["box"])).unwrap();
        let (_, _, expected) = picture(&name);
        assert!(found == expected, "{name} differs");
    }
}

#[test]
fn normalised_rows_and_sums_equal_transformers() {
    let model = model("simple_f32");
    let (width, height, bytes) = picture("frame.png");
    let frame = Picture::new(width, height, &bytes).unwrap();
    let goldens = Goldens::read("crops.safetensors");
    for (i, crop) in crops().iter().enumerate() {
        let pixels = model.pixel_values(&[(frame, person(&crop["box"]))]).unwrap();
        let rows = values(pixels.clone().narrow(2, 100, 3));
        let expected = goldens.values(&format!("crop_{i}.rows")).1;
        assert_close(&format!("crop {i}"), &rows, &expected, ROUNDING);
        let all: Vec<f64> = values(pixels).into_iter().map(f64::from).collect();
        let said = |key: &str| crop["pixel_values"][key].as_f64().unwrap();
        let squares: f64 = all.iter().map(|v| v * v).sum();
        assert!((squares / said("sum_sq") - 1.0).abs() < 1e-6, "crop {i}: {squares}");
        let lowest = all.iter().copied().fold(f64::INFINITY, f64::min);
        assert!((lowest - said("min")).abs() < f64::from(ROUNDING), "crop {i}: {lowest}");
    }
}
