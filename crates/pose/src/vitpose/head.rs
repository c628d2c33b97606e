//! From the features of the patches to one heatmap a keypoint.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor};

use super::config::VitPoseConfig;

/// Channels between the classic decoder's layers; fixed by the published network.
const CLASSIC_CHANNELS: usize = 256;

/// One of the two published decoders.
///
/// # Shapes
///
/// - input: `[batch, hidden_size, rows, columns]`
/// - output: `[batch, num_keypoints, height, width]`
#[expect(clippy::large_enum_variant, reason = "a network has one head")]
#[derive(Module, Debug)]
pub(super) enum Head {
    Simple(SimpleDecoder),
    Classic(ClassicDecoder),
}

impl Head {
    pub(super) fn new(config: &VitPoseConfig, device: &Device) -> Self {
        if config.use_simple_decoder {
            Self::Simple(SimpleDecoder::new(config, device))
        } else {
            Self::Classic(ClassicDecoder::new(config, device))
        }
    }

    pub(super) fn forward(&self, features: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Simple(decoder) => decoder.forward(features),
            Self::Classic(decoder) => decoder.forward(features),
        }
    }
}

/// Rectified, enlarged, and one convolution.
///
/// Checkpoint keys: `head.conv`.
#[derive(Module, Debug)]
pub(super) struct SimpleDecoder {
    conv: Conv2d,
    scale_factor: usize,
}

impl SimpleDecoder {
    fn new(config: &VitPoseConfig, device: &Device) -> Self {
        let channels = [config.backbone_config.hidden_size, config.labels.len()];
        let conv = Conv2dConfig::new(channels, [3, 3])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init(device);
        Self { conv, scale_factor: config.scale_factor }
    }

    fn forward(&self, features: Tensor<4>) -> Tensor<4> {
        let [_, _, rows, columns] = features.dims();
        let options = InterpolateOptions::new(InterpolateMode::Bilinear)
            .with_output_size([rows * self.scale_factor, columns * self.scale_factor])
            .with_align_corners(false);
        self.conv.forward(interpolate(relu(features), options))
    }
}

/// Twice a transposed convolution that doubles the size, then a mixture of the channels.
///
/// Checkpoint keys: `head.{deconv1, batchnorm1, deconv2, batchnorm2, conv}`.
#[derive(Module, Debug)]
pub(super) struct ClassicDecoder {
    deconv1: ConvTranspose2d,
    batchnorm1: BatchNorm,
    deconv2: ConvTranspose2d,
    batchnorm2: BatchNorm,
    conv: Conv2d,
}

impl ClassicDecoder {
    fn new(config: &VitPoseConfig, device: &Device) -> Self {
        let doubling = |channels_in| {
            ConvTranspose2dConfig::new([channels_in, CLASSIC_CHANNELS], [4, 4])
                .with_stride([2, 2])
                .with_padding([1, 1])
                .with_bias(false)
                .init(device)
        };
        let norm = || BatchNormConfig::new(CLASSIC_CHANNELS).init(device);
        Self {
            deconv1: doubling(config.backbone_config.hidden_size),
            batchnorm1: norm(),
            deconv2: doubling(CLASSIC_CHANNELS),
            batchnorm2: norm(),
            conv: Conv2dConfig::new([CLASSIC_CHANNELS, config.labels.len()], [1, 1]).init(device),
        }
    }

    fn forward(&self, features: Tensor<4>) -> Tensor<4> {
        let features = relu(self.batchnorm1.forward(self.deconv1.forward(features)));
        let features = relu(self.batchnorm2.forward(self.deconv2.forward(features)));
        self.conv.forward(features)
    }
}
