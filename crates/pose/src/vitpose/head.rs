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

/// Rectified, enlarged, and one convolution of 3 x 3.
///
/// What enlarges the picture treats every channel alike and every channel alone, so it may as well come behind the mixing of
/// channels. Each of the convolution's nine taps mixes them in the small picture; what the taps see there is enlarged,
/// moved by a pixel, and added up. For 768 channels and 17 keypoints that is a sixteenth of the convolution's products,
/// and the same heatmap.
///
/// Checkpoint keys: `head.conv`.
#[derive(Module, Debug)]
pub(super) struct SimpleDecoder {
    conv: Conv2d,
    scale_factor: usize,
}

/// Side of the simple decoder's kernel.
const SIDE: usize = 3;

impl SimpleDecoder {
    fn new(config: &VitPoseConfig, device: &Device) -> Self {
        let channels = [config.backbone_config.hidden_size, config.labels.len()];
        let conv = Conv2dConfig::new(channels, [SIDE, SIDE])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init(device);
        Self { conv, scale_factor: config.scale_factor }
    }

    fn forward(&self, features: Tensor<4>) -> Tensor<4> {
        let [batch, channels, rows, columns] = features.dims();
        let (height, width) = (rows * self.scale_factor, columns * self.scale_factor);
        let weight = self.conv.weight.val(); // [num_keypoints, channels, SIDE, SIDE]
        let [num_keypoints, ..] = weight.dims();
        let taps: Tensor<3> =
            weight.permute([2, 3, 0, 1]).reshape([1, SIDE * SIDE * num_keypoints, channels]);
        let features = relu(features).reshape([batch, channels, rows * columns]);
        let seen =
            taps.matmul(features).reshape([batch, SIDE * SIDE * num_keypoints, rows, columns]);
        let options = InterpolateOptions::new(InterpolateMode::Bilinear)
            .with_output_size([height, width])
            .with_align_corners(false);
        let seen = interpolate(seen, options).pad((1, 1, 1, 1), 0.0);
        let tap = |index: usize| {
            let (down, right) = (index / SIDE, index % SIDE);
            seen.clone()
                .narrow(1, index * num_keypoints, num_keypoints)
                .narrow(2, down, height)
                .narrow(3, right, width)
        };
        let heat = (1..SIDE * SIDE).fold(tap(0), |heat, index| heat + tap(index));
        match &self.conv.bias {
            None => heat,
            Some(bias) => heat + bias.val().reshape([1, num_keypoints, 1, 1]),
        }
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
