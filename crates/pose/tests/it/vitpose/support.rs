//! Fixtures: tiny checkpoints with random weights, and what transformers 5.23 gives for them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use pose::vitpose::VitPose;
use serde_json::{Map, Value, json};

/// Red, green and blue of ImageNet, which the fixtures are normalised with.
pub(super) const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
pub(super) const STD: [f32; 3] = [0.229, 0.224, 0.225];

pub(super) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/vitpose_tiny")
}

pub(super) fn device() -> Device {
    Device::flex()
}

pub(super) fn model(name: &str) -> VitPose {
    VitPose::load(&fixtures().join(name), &device()).unwrap()
}

/// A tensor of a safetensors file: kind, shape, bytes.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) dtype: String,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

/// The tensors of a safetensors file: the header's length in 8 bytes, a JSON header, the tensors.
pub(super) fn read_tensors(path: &Path) -> BTreeMap<String, Stored> {
    let file = std::fs::read(path).unwrap();
    let (length, rest) = file.split_at(8);
    let (header, data) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
    let mut header: Map<String, Value> = serde_json::from_slice(header).unwrap();
    header.remove("__metadata__");
    let integers = |value: &Value| -> Vec<usize> {
        value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect()
    };
    let stored = |(name, entry): (String, Value)| {
        let range = integers(&entry["data_offsets"]);
        let (dtype, shape) = (entry["dtype"].as_str().unwrap(), integers(&entry["shape"]));
        let bytes = data[range[0]..range[1]].to_vec();
        (name, Stored { dtype: dtype.to_owned(), shape, bytes })
    };
    header.into_iter().map(stored).collect()
}

pub(super) fn write_tensors(path: &Path, tensors: &BTreeMap<String, Stored>) {
    let (mut header, mut data) = (Map::new(), Vec::new());
    for (name, Stored { dtype, shape, bytes }) in tensors {
        let offsets = [data.len(), data.len() + bytes.len()];
        data.extend_from_slice(bytes);
        let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": offsets });
        header.insert(name.clone(), entry);
    }
    let header = Value::Object(header).to_string().into_bytes();
    let length = (header.len() as u64).to_le_bytes();
    std::fs::write(path, [length.as_slice(), &header, &data].concat()).unwrap();
}

/// A safetensors file of goldens.
pub(super) struct Goldens(BTreeMap<String, Stored>);

impl Goldens {
    pub(super) fn read(path: impl AsRef<Path>) -> Self {
        Self(read_tensors(&fixtures().join(path)))
    }

    /// Shape and values of an f32 tensor.
    pub(super) fn values(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let Stored { dtype, shape, bytes } = &self.0[name];
        assert_eq!(dtype, "F32");
        let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        (shape.clone(), values.collect())
    }

    pub(super) fn tensor<const D: usize>(&self, name: &str) -> Tensor<D> {
        let (shape, values) = self.values(name);
        Tensor::from_data(TensorData::new(values, shape), (&device(), DType::F32))
    }

    pub(super) fn integers(&self, name: &str) -> Vec<usize> {
        let Stored { dtype, bytes, .. } = &self.0[name];
        assert_eq!(dtype, "I64");
        let values = bytes.chunks_exact(8);
        values.map(|b| i64::from_le_bytes(b.try_into().unwrap()) as usize).collect()
    }
}

pub(super) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert_dtype(DType::F32).try_into_vec().unwrap()
}

pub(super) fn integers<const D: usize>(tensor: Tensor<D, Int>) -> Vec<usize> {
    let integers = tensor.into_data().convert_dtype(DType::I64).try_into_vec::<i64>().unwrap();
    integers.into_iter().map(|value| value as usize).collect()
}

#[track_caller]
pub(super) fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let far = |(a, b): (&f32, &f32)| (a - b).abs();
    let worst = found.iter().zip(expected).map(far).fold(0.0, f32::max);
    assert!(found.iter().all(|value| value.is_finite()), "{what}: not finite");
    assert!(worst <= tolerance, "{what}: {worst} off, allowed {tolerance}");
}

/// Width, height and bytes of a picture among the fixtures.
pub(super) fn picture(name: &str) -> (usize, usize, Vec<u8>) {
    let file = std::fs::File::open(fixtures().join(name)).unwrap();
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);
    bytes.truncate(info.buffer_size());
    (info.width as usize, info.height as usize, bytes)
}

/// Crops as the network takes them, `[names, 3, height, width]`: the plain way.
pub(super) fn normalised(names: &[&str]) -> Tensor<4> {
    let mut all = Vec::new();
    let mut size = (0, 0);
    for name in names {
        let (width, height, bytes) = picture(name);
        size = (width, height);
        for colour in 0..3 {
            for pixel in bytes.chunks_exact(3) {
                all.push((f32::from(pixel[colour]) / 255.0 - MEAN[colour]) / STD[colour]);
            }
        }
    }
    let data = TensorData::new(all, [names.len(), 3, size.1, size.0]);
    Tensor::from_data(data, (&device(), DType::F32))
}
