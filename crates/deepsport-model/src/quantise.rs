//! Weights in 8 or 4 bits.

use burn::module::{Module, ParamGroup, Quantizer};
use burn::tensor::Device;
use burn::tensor::quantization::{Calibration, QuantStore, QuantValue, ScaleDtype};

use crate::network::Network;
use crate::training::LoraSettings;
use crate::{Error, Result};

/// Numbers that share a scale, down a column of the weight: neighbours in the sum that makes one output.
const BLOCK: u8 = 32;

/// Bits of a packed weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// -127 to 127.
    Eight,
    /// -7 to 7.
    Four,
}

impl Bits {
    fn quantizer(self, network: &Network) -> Quantizer {
        let value = match self {
            Self::Eight => QuantValue::Q8S,
            Self::Four => QuantValue::Q4S,
        };
        let device = network.device();
        let settings = device.settings().quantization.scheme;
        let scheme = settings.with_value(value).per_block([BLOCK, 1], ScaleDtype::F32);
        let scheme = if is_flex(&device) { scheme.with_store(QuantStore::Native) } else { scheme };
        let mut quantizer = Quantizer::new(Calibration::MinMax, scheme);
        quantizer.set_param_group(ParamGroup::from_paths(packable(network)));
        quantizer
    }
}

/// The pure-Rust backend unpacks what it is given into one byte per weight anyway. Asked of the device, since a program may
/// be built with several.
#[cfg(feature = "flex")]
fn is_flex(device: &Device) -> bool {
    *device == Device::flex() // whether with gradients or not
}

#[cfg(not(feature = "flex"))]
fn is_flex(_: &Device) -> bool {
    false
}

/// Matrices of the decoder layers whose columns are whole blocks. The tower, the embedding and the head stay as they are:
/// together they are a tenth of the published 7B, and the most sensitive part.
fn packable(network: &Network) -> Vec<String> {
    let in_layers = |(path, shape): &(String, [usize; 2])| {
        path.starts_with("model.layers.") && shape[0] % usize::from(BLOCK) == 0
    };
    network.matrices().into_iter().filter(in_layers).map(|(path, _)| path).collect()
}

impl Network {
    /// The network for inference with the weights of its decoder layers packed, in blocks of 32 with a scale each.
    ///
    /// On flex a packed weight takes one byte whatever its bits, and every product unpacks it first: it saves memory and
    /// costs time. CubeCL devices read packed weights in their kernels.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if no matrix divides into blocks.
    pub fn quantised(self, bits: Bits) -> Result<Self> {
        let mut quantizer = bits.quantizer(&self);
        if packable(&self).is_empty() {
            let problem =
                format!("no weight of the decoder layers has a multiple of {BLOCK} inputs");
            return Err(Error::Request { field: "bits", problem });
        }
        Ok(self.quantize_weights(&mut quantizer))
    }

    /// Adapters over packed weights (QLoRA): what is trained stays in full precision. The layers between unpack their
    /// weights one at a time; train with [`Keep::Layers`](crate::language::Keep::Layers), or all of them stay for the
    /// backward pass.
    ///
    /// # Errors
    ///
    /// Those of [`quantised`](Self::quantised) and [`with_lora`](Self::with_lora).
    pub fn with_qlora(self, bits: Bits, settings: &LoraSettings) -> Result<Self> {
        self.quantised(bits)?.with_lora(settings)
    }
}
