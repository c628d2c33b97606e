//! The whole network: pictures in, heatmaps out.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, assert_shape};

use super::backbone::Backbone;
use super::config::VitPoseConfig;
use super::head::Head;

/// ViTPose: a plain vision transformer and a decoder that paints one heatmap a keypoint.
#[derive(Module, Debug)]
pub struct Network {
    backbone: Backbone,
    head: Head,
    grid_size: [usize; 2],
    image_size: [usize; 2],
    num_channels: usize,
}

impl Network {
    /// A network of this shape with the weights that training starts from.
    pub(super) fn new(config: &VitPoseConfig, device: &Device) -> Self {
        Self {
            backbone: Backbone::new(&config.backbone_config, device),
            head: Head::new(config, device),
            grid_size: config.backbone_config.grid_size(),
            image_size: config.backbone_config.image_size,
            num_channels: config.backbone_config.num_channels,
        }
    }

    /// The transformer.
    #[must_use]
    pub fn backbone(&self) -> &Backbone {
        &self.backbone
    }

    /// One heatmap a keypoint. The network's own height is about 1 where it is sure, but nothing bounds it.
    ///
    /// `experts` names, for each picture, the training data set whose expert is asked (ViTPose+); not read by a network
    /// without experts.
    ///
    /// # Shapes
    ///
    /// - `pixel_values`: `[batch, 3, height, width]`, normalised
    /// - output: `[batch, num_keypoints, heatmap_height, heatmap_width]`
    ///
    /// # Panics
    ///
    /// On pictures of another size, and on an expert that is not there.
    pub fn forward(&self, pixel_values: Tensor<4>, experts: &[usize]) -> Tensor<4> {
        let [height, width] = self.image_size;
        assert_shape!(pixel_values, [_, self.num_channels, height, width]);
        let features = self.backbone.forward(pixel_values, experts);
        let [batch, _, hidden_size] = features.dims();
        let [rows, columns] = self.grid_size;
        self.head.forward(features.swap_dims(1, 2).reshape([batch, hidden_size, rows, columns]))
    }

    /// Heatmaps of the mirrored pictures, mirrored back: the other half of a flip test.
    ///
    /// `mirror[k]` is the keypoint that keypoint `k` becomes in a mirror, such as left and right wrist.
    ///
    /// # Shapes
    ///
    /// As [`forward`](Self::forward); `mirror`: `[num_keypoints]`.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn forward_mirrored(
        &self,
        pixel_values: Tensor<4>,
        experts: &[usize],
        mirror: &[usize],
    ) -> Tensor<4> {
        let device = pixel_values.device();
        let heatmaps = self.forward(pixel_values.flip([3]), experts);
        let mirror: Vec<i64> = mirror.iter().map(|&keypoint| keypoint as i64).collect();
        let mirror = Tensor::<1, Int>::from_data(mirror.as_slice(), &device);
        heatmaps.select(1, mirror).flip([3])
    }
}
