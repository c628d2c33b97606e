//! Fixtures: tiny checkpoints with random weights, and what transformers 5.23 gives for them.

use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use pose::vitpose::VitPose;
use safetensors::SafeTensors;

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

/// A safetensors file of goldens.
pub(super) struct Goldens {
    bytes: Vec<u8>,
}

impl Goldens {
    pub(super) fn read(path: impl AsRef<Path>) -> Self {
        Self { bytes: std::fs::read(fixtures().join(path)).unwrap() }
    }

    /// Shape and values of an f32 tensor.
    pub(super) fn values(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), safetensors::Dtype::F32);
        let values = tensor.data().chunks_exact(4);
        let values = values.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        (tensor.shape().to_vec(), values)
    }

    pub(super) fn tensor<const D: usize>(&self, name: &str) -> Tensor<D> {
        let (shape, values) = self.values(name);
        Tensor::from_data(TensorData::new(values, shape), (&device(), DType::F32))
    }

    pub(super) fn integers(&self, name: &str) -> Vec<usize> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), safetensors::Dtype::I64);
        let values = tensor.data().chunks_exact(8);
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
