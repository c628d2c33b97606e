use std::num::NonZeroUsize;
use std::path::Path;

use burn::tensor::{DType, Device, Tensor, TensorData};
use ndarray::{Array2, Array3, ArrayView4, Axis};

use super::config::{Normalisation, VitPoseConfig};
use super::crop::{Region, normalise, warp};
use super::keypoints::{Blur, locate};
use super::load;
use super::network::Network;
use crate::{Error, Joint, JointSet, Keypoint, PersonBox, Picture, Result, SkeletonSeries, Unit};

/// Cells of the blur before refinement, transformers' default.
const BLUR_KERNEL: usize = 11;
/// Pictures that go through the network together (ours: enough to keep the processor busy, a few hundred MB).
const BATCH_SIZE: usize = 8;

/// A pose network with its weights, ready to look at pictures.
#[derive(Debug)]
pub struct VitPose {
    config: VitPoseConfig,
    normalisation: Normalisation,
    network: Network,
    device: Device,
    precision: Precision,
    joints: Vec<Option<Joint>>,
    /// What each keypoint is in a mirror; `None` without a flip test.
    mirror: Option<Vec<usize>>,
    expert: usize,
    batch_size: NonZeroUsize,
    blur: Blur,
}

/// Numbers the network computes with, whatever its file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// 32 bits: the reference, and the fastest on processors.
    #[default]
    F32,
    /// 16 bits with the range of 32 (bfloat16): half the memory, keypoints a fraction of a pixel off.
    Bf16,
}

impl Precision {
    fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
        }
    }
}

impl VitPose {
    /// Loads a checkpoint's folder as published: `config.json`, `preprocessor_config.json`, and `model.safetensors` or
    /// its parts with their index.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] for a missing file, [`Error::Json`] and [`Error::Checkpoint`] for settings, [`Error::WeightFile`]
    /// for a broken file, [`Error::Weights`] if weights are missing, unused or of another shape, [`Error::BadWeight`] if
    /// one is not finite.
    pub fn load(dir: &Path, device: &Device) -> Result<Self> {
        Self::load_with(dir, Precision::F32, device)
    }

    /// As [`load`](Self::load), computing with other numbers.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_with(dir: &Path, precision: Precision, device: &Device) -> Result<Self> {
        let config = VitPoseConfig::read(dir)?;
        let normalisation = Normalisation::read(dir)?;
        let device = device.clone().without_autodiff(); // nothing is trained here
        let network = load::load(dir, &config, precision.dtype(), &device)?;
        Ok(Self {
            joints: joints(&config.labels),
            config,
            normalisation,
            network,
            device,
            precision,
            mirror: None,
            expert: 0,
            batch_size: NonZeroUsize::new(BATCH_SIZE).unwrap_or(NonZeroUsize::MIN),
            blur: Blur::new(BLUR_KERNEL),
        })
    }

    /// Looks at each picture twice, the second time in a mirror, and takes the mean of the heatmaps: half as fast, a
    /// little more exact.
    ///
    /// # Errors
    ///
    /// [`Error::Labels`] if it is not known which keypoints are left and right of each other.
    pub fn with_flip_test(mut self) -> Result<Self> {
        let place = |joint: Joint| self.joints.iter().position(|other| *other == Some(joint));
        let mirror: Option<Vec<usize>> = self
            .joints
            .iter()
            .map(|joint| joint.and_then(|joint| place(joint.mirrored())))
            .collect();
        self.mirror = Some(mirror.ok_or_else(|| self.unknown_labels("a flip test"))?);
        Ok(self)
    }

    /// Asks the experts of another training data set (ViTPose+): 0 is COCO, and the default; 1 AiC, 2 MPII, 3 AP-10K,
    /// 4 APT-36K, 5 COCO-WholeBody in the published checkpoints.
    ///
    /// # Errors
    ///
    /// [`Error::Expert`] if the network has no such expert.
    pub fn with_expert(mut self, expert: usize) -> Result<Self> {
        let num_experts = self.config.backbone_config.num_experts;
        if expert >= num_experts {
            return Err(Error::Expert { expert, num_experts });
        }
        self.expert = expert;
        Ok(self)
    }

    /// Pictures that go through the network together; 8 by default.
    #[must_use]
    pub fn with_batch_size(mut self, batch_size: NonZeroUsize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Cells of the blur before a keypoint is refined; 11 by default, as in transformers.
    #[must_use]
    pub fn with_blur_kernel(mut self, cells: NonZeroUsize) -> Self {
        self.blur = Blur::new(cells.get());
        self
    }

    /// Shape of the network.
    #[must_use]
    pub fn config(&self) -> &VitPoseConfig {
        &self.config
    }

    /// The network itself, for heatmaps and what lies before them.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Joint of each keypoint, by its label; `None` for a label that names none. Seventeen keypoints without a single
    /// known label are taken for those of COCO, on which all published checkpoints are trained.
    #[must_use]
    pub fn joints(&self) -> &[Option<Joint>] {
        &self.joints
    }

    /// Keypoints of each person, in the order of the labels.
    ///
    /// # Shapes
    ///
    /// - output: `[people][num_keypoints]`
    ///
    /// # Errors
    ///
    /// [`Error::PersonBox`] for a box outside its picture, [`Error::NotFinite`] if the network's numbers overflow.
    pub fn estimate(&self, people: &[(Picture<'_>, PersonBox)]) -> Result<Vec<Vec<Keypoint>>> {
        let mut found = Vec::with_capacity(people.len());
        for batch in people.chunks(self.batch_size.get()) {
            let heatmaps = self.heatmaps(self.pixel_values(batch)?);
            let values = heatmaps.clone().into_data();
            let values = values.convert_dtype(DType::F32);
            let values: &[f32] = values.as_slice().map_err(|_| Error::NotFinite)?;
            let heatmaps =
                ArrayView4::from_shape(heatmaps.dims(), values).map_err(|_| Error::NotFinite)?;
            for ((_, person), heatmaps) in batch.iter().zip(heatmaps.outer_iter()) {
                found.push(self.decode(heatmaps, person)?);
            }
        }
        Ok(found)
    }

    /// The network's input for each person.
    ///
    /// # Shapes
    ///
    /// - output: `[people, 3, height, width]`
    ///
    /// # Errors
    ///
    /// [`Error::PersonBox`] for a box outside its picture.
    pub fn pixel_values(&self, people: &[(Picture<'_>, PersonBox)]) -> Result<Tensor<4>> {
        let [height, width] = self.config.backbone_config.image_size;
        let mut values = Vec::with_capacity(people.len() * 3 * height * width);
        for (picture, person) in people {
            normalise(&self.crop(*picture, person)?, &self.normalisation, &mut values);
        }
        let data = TensorData::new(values, [people.len(), 3, height, width]);
        Ok(Tensor::from_data(data, (&self.device, DType::F32)))
    }

    /// The pixels that the network is shown of a person: the box grown by a quarter and to the network's aspect, black
    /// outside the picture.
    ///
    /// # Shapes
    ///
    /// - output: `[height, width, 3]`
    ///
    /// # Errors
    ///
    /// [`Error::PersonBox`] for a box outside the picture.
    pub fn crop(&self, picture: Picture<'_>, person: &PersonBox) -> Result<Vec<u8>> {
        let (width, height) = (picture.width(), picture.height());
        if person.within(width, height).is_none() {
            return Err(person.refused(format!("lies outside the picture of {width} x {height}")));
        }
        let size = self.config.backbone_config.image_size;
        Ok(warp(picture, &Region::around(person, size), size))
    }

    /// Heatmaps in 32 bits, the mean of both looks with a flip test.
    ///
    /// # Shapes
    ///
    /// - `pixel_values`: `[batch, 3, height, width]`
    /// - output: `[batch, num_keypoints, heatmap_height, heatmap_width]`
    ///
    /// # Panics
    ///
    /// On pictures of another size.
    #[must_use]
    pub fn heatmaps(&self, pixel_values: Tensor<4>) -> Tensor<4> {
        let experts = vec![self.expert; pixel_values.dims()[0]];
        let pixel_values = pixel_values.cast(self.precision.dtype());
        let heatmaps = self.network.forward(pixel_values.clone(), &experts).cast(DType::F32);
        let Some(mirror) = &self.mirror else { return heatmaps };
        let mirrored = self.network.forward_mirrored(pixel_values, &experts, mirror);
        (heatmaps + mirrored.cast(DType::F32)) * 0.5
    }

    /// Keypoints in the picture from the heatmaps of one person.
    ///
    /// # Shapes
    ///
    /// - `heatmaps`: `[num_keypoints, height, width]`
    ///
    /// # Errors
    ///
    /// [`Error::NotFinite`] for heat that is no number.
    pub fn decode(
        &self,
        heatmaps: ndarray::ArrayView3<'_, f32>,
        person: &PersonBox,
    ) -> Result<Vec<Keypoint>> {
        if heatmaps.iter().any(|heat| !heat.is_finite()) {
            return Err(Error::NotFinite);
        }
        let region = Region::around(person, self.config.backbone_config.image_size);
        let maps = heatmaps.axis_iter(Axis(0));
        Ok(maps.map(|heatmap| locate(heatmap, &region, &self.blur)).collect())
    }

    /// The keypoints of one person in every frame of a video as a series, y up, in pixels.
    ///
    /// Keypoints whose labels name no joint are left out. Points that were not found are missing; a score is the
    /// confidence, no higher than 1.
    ///
    /// # Shapes
    ///
    /// - `frames`: `[num_frames][num_keypoints]`
    ///
    /// # Errors
    ///
    /// [`Error::Labels`] if no label names a joint, and as [`SkeletonSeries::new`].
    pub fn series(&self, frames: &[Vec<Keypoint>], fps: f64) -> Result<SkeletonSeries> {
        let named = self.joints.iter().enumerate();
        let (places, joints): (Vec<usize>, Vec<Joint>) =
            named.filter_map(|(place, joint)| Some((place, (*joint)?))).unzip();
        if joints.is_empty() {
            return Err(self.unknown_labels("a series of skeletons"));
        }
        let shape = (frames.len(), joints.len());
        let keypoint = |frame: usize, joint: usize| frames[frame].get(places[joint]);
        let positions = Array3::from_shape_fn((shape.0, shape.1, 2), |(frame, joint, axis)| {
            let position = keypoint(frame, joint).and_then(|keypoint| keypoint.position);
            position.map_or(f64::NAN, |[x, y]| if axis == 0 { x } else { -y })
        });
        let confidence = Array2::from_shape_fn(shape, |(frame, joint)| {
            keypoint(frame, joint).map_or(0.0, |keypoint| keypoint.score.clamp(0.0, 1.0))
        });
        SkeletonSeries::new(joints, positions, confidence, fps, Unit::Pixel)
    }

    fn unknown_labels(&self, needed_for: &'static str) -> Error {
        Error::Labels { needed_for, labels: self.config.labels.clone() }
    }
}

/// The joint that each label names.
fn joints(labels: &[String]) -> Vec<Option<Joint>> {
    let named: Vec<Option<Joint>> = labels.iter().map(|label| label.parse().ok()).collect();
    let coco = JointSet::Coco17.joints();
    if named.iter().all(Option::is_none) && labels.len() == coco.len() {
        return coco.iter().copied().map(Some).collect();
    }
    named
}
