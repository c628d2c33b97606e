//! What `preprocessor_config.json` says.

use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use crate::checkpoint::write_whole;
use crate::{Error, Result};

/// Sizes, limits and colours of the processor; the defaults are those of the published checkpoints.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessorSettings {
    /// Side of a patch, in pixels.
    pub patch_size: usize,
    /// Frames in a patch.
    pub temporal_patch_size: usize,
    /// Side of the block of patches that becomes one token.
    pub merge_size: usize,
    /// Pixels that a picture has at least after resizing.
    pub min_pixels: usize,
    /// Pixels that a picture has at most after resizing.
    pub max_pixels: usize,
    /// How many pixels the frames of a clip get.
    pub clip_budget: ClipBudget,
    /// What a level (0..=255) is multiplied by.
    pub rescale_factor: f64,
    /// Mean of each channel, red, green, blue, after scaling.
    pub image_mean: [f32; 3],
    /// Deviation of each channel after scaling.
    pub image_std: [f32; 3],
}

impl Default for ProcessorSettings {
    fn default() -> Self {
        Self {
            patch_size: 14,
            temporal_patch_size: 2,
            merge_size: 2,
            min_pixels: 4 * 28 * 28,
            max_pixels: 16_384 * 28 * 28,
            clip_budget: ClipBudget::default(),
            rescale_factor: 1.0 / 255.0,
            image_mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
            image_std: [0.268_629_54, 0.261_302_6, 0.275_777_1],
        }
    }
}

/// How many pixels a frame of a clip gets after resizing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ClipBudget {
    /// Each frame as a picture would (transformers).
    #[default]
    AsPictures,
    /// Each frame within limits of its own.
    PerFrame {
        /// Pixels that a frame has at least.
        min: usize,
        /// Pixels that a frame has at most.
        max: usize,
    },
    /// `qwen-vl-utils`: at least `min`; at most `max`, and less the more frames share `total`, though never under 1.05 `min`.
    Shared {
        /// Pixels that a frame has at least.
        min: usize,
        /// Pixels that a frame has at most.
        max: usize,
        /// Pixels of all pairs of frames.
        total: usize,
    },
}

impl ClipBudget {
    /// The limits that `qwen-vl-utils` gives to clips: 128 to 768 tokens a frame, 115,200 tokens in all.
    pub const QWEN_VL_UTILS: Self =
        Self::Shared { min: 128 * 28 * 28, max: 768 * 28 * 28, total: 128_000 * 28 * 28 / 10 * 9 };

    /// Smallest and largest number of pixels of each of `num_frames` frames.
    pub(super) fn per_frame(
        self,
        num_frames: usize,
        settings: &ProcessorSettings,
    ) -> (usize, usize) {
        match self {
            Self::AsPictures => (settings.min_pixels, settings.max_pixels),
            Self::PerFrame { min, max } => (min, max),
            Self::Shared { min, max, total } => {
                let factor = settings.temporal_patch_size as f64;
                let share = total as f64 / num_frames as f64 * factor;
                (min, (max as f64).min(share).max((min as f64 * 1.05).trunc()) as usize)
            }
        }
    }
}

impl ProcessorSettings {
    /// Reads `preprocessor_config.json` of a checkpoint folder. Limits may stand as `min_pixels` and `max_pixels` or under
    /// `size`; what is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`Error::File`] if the file cannot be read, [`Error::Json`] if it is no such JSON
    /// - [`Error::Request`] if a value cannot be
    pub fn from_dir(dir: impl AsRef<Path>) -> Result<Self> {
        let path = dir.as_ref().join("preprocessor_config.json");
        let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        let file: File =
            serde_json::from_str(&text).map_err(|source| Error::Json { path, source })?;
        let size = file.size.unwrap_or_default();
        let defaults = Self::default();
        let settings = Self {
            patch_size: file.patch_size.unwrap_or(defaults.patch_size),
            temporal_patch_size: file.temporal_patch_size.unwrap_or(defaults.temporal_patch_size),
            merge_size: file.merge_size.unwrap_or(defaults.merge_size),
            min_pixels: file.min_pixels.or(size.shortest_edge).unwrap_or(defaults.min_pixels),
            max_pixels: file.max_pixels.or(size.longest_edge).unwrap_or(defaults.max_pixels),
            clip_budget: defaults.clip_budget,
            rescale_factor: file.rescale_factor.unwrap_or(defaults.rescale_factor),
            image_mean: file.image_mean.unwrap_or(defaults.image_mean),
            image_std: file.image_std.unwrap_or(defaults.image_std),
        };
        settings.check()?;
        Ok(settings)
    }

    /// Writes `preprocessor_config.json` into a checkpoint folder, whole or not at all, as transformers reads it. The budget of
    /// clips has no place there.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be written.
    pub fn save(&self, dir: impl AsRef<Path>) -> Result<()> {
        let file = json!({
            "image_processor_type": "Qwen2VLImageProcessor",
            "processor_class": "Qwen2_5_VLProcessor",
            "patch_size": self.patch_size,
            "temporal_patch_size": self.temporal_patch_size,
            "merge_size": self.merge_size,
            "min_pixels": self.min_pixels,
            "max_pixels": self.max_pixels,
            "rescale_factor": self.rescale_factor,
            "image_mean": self.image_mean,
            "image_std": self.image_std,
        });
        write_whole(
            &dir.as_ref().join("preprocessor_config.json"),
            format!("{file:#}\n").as_bytes(),
        )
    }

    pub(super) fn check(&self) -> Result<()> {
        let invalid = |field, value: &dyn std::fmt::Display, needed| {
            Err(Error::Request { field, problem: format!("found {value}, needs {needed}") })
        };
        for (field, value) in [
            ("patch_size", self.patch_size),
            ("temporal_patch_size", self.temporal_patch_size),
            ("merge_size", self.merge_size),
            ("max_pixels", self.max_pixels),
        ] {
            if value == 0 {
                return invalid(field, &value, "a number above 0");
            }
        }
        if self.min_pixels > self.max_pixels {
            return invalid("min_pixels", &self.min_pixels, "at most max_pixels");
        }
        if !self.rescale_factor.is_finite() {
            return invalid("rescale_factor", &self.rescale_factor, "a finite number");
        }
        for (mean, std) in self.image_mean.iter().zip(&self.image_std) {
            if !mean.is_finite() {
                return invalid("image_mean", mean, "finite numbers");
            }
            if !(std.is_finite() && *std > 0.0) {
                return invalid("image_std", std, "numbers above 0");
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct File {
    patch_size: Option<usize>,
    temporal_patch_size: Option<usize>,
    merge_size: Option<usize>,
    min_pixels: Option<usize>,
    max_pixels: Option<usize>,
    size: Option<Size>,
    rescale_factor: Option<f64>,
    image_mean: Option<[f32; 3]>,
    image_std: Option<[f32; 3]>,
}

#[derive(Deserialize, Default)]
struct Size {
    shortest_edge: Option<usize>,
    longest_edge: Option<usize>,
}
