//! From pictures and clips to what the vision tower reads: rows of normalised patches and their grid.
//!
//! Equal to transformers' `Qwen2VLImageProcessorPil` (Pillow's bicubic on 8 bits). Its torchvision twin, which
//! transformers also uses for clips, differs from Pillow by one level in about one value of 4,000; the model was trained
//! through Pillow and torchvision alike.

mod frame_choice;
mod patches;
mod picture;
mod settings;
mod target_size;

use rayon::prelude::*;

pub use frame_choice::{FrameChoice, FrameRule};
pub use picture::Picture;
pub use settings::{ClipBudget, ProcessorSettings};
pub use target_size::smart_resize;

use crate::{Error, Result};

/// A picture or a clip as the vision tower reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pixels {
    /// `[t * h * w, channels * temporal_patch * patch * patch]`, row-major. A row is channel x time x y x x; rows run over
    /// blocks of `merge x merge` patches, so that the rows of a block, which become one token, lie together.
    pub patches: Vec<f32>,
    /// Patches along time, height and width.
    pub grid: [usize; 3],
    /// Seconds between two steps of the grid's time axis; `None` for a picture.
    pub seconds_per_grid: Option<f64>,
}

impl Pixels {
    /// Patches in all, the rows of [`Pixels::patches`].
    #[must_use]
    pub fn num_patches(&self) -> usize {
        self.grid.iter().product()
    }

    /// Tokens that the language model sees of it: one for each block of `merge x merge` patches.
    #[must_use]
    pub fn num_tokens(&self, merge_size: usize) -> usize {
        num_tokens(self.grid, merge_size)
    }
}

/// Tokens of a grid of patches: one for each block of `merge_size x merge_size`.
#[must_use]
pub fn num_tokens([t, h, w]: [usize; 3], merge_size: usize) -> usize {
    t * (h / merge_size.max(1)) * (w / merge_size.max(1))
}

/// Turns pictures and clips into [`Pixels`], in parallel over pictures, frames and rows of patches.
///
/// ```
/// use deepsport_model::processor::{Picture, Processor};
/// let processor = Processor::default();
/// let frame = Picture::from_rgb8(640, 360, vec![90; 640 * 360 * 3])?;
/// let pixels = processor.picture(&frame)?;
/// assert_eq!(pixels.grid, [1, 26, 46]); // 644 x 364 in patches of 14
/// assert_eq!(pixels.num_tokens(2), 299);
/// # Ok::<(), deepsport_model::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Processor {
    settings: ProcessorSettings,
}

impl Processor {
    /// A processor with these settings.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if a size is 0, a limit is not ordered, or a deviation is not positive.
    pub fn new(settings: ProcessorSettings) -> Result<Self> {
        settings.check()?;
        Ok(Self { settings })
    }

    /// The processor of a checkpoint folder, by its `preprocessor_config.json`.
    ///
    /// # Errors
    ///
    /// Those of [`ProcessorSettings::from_dir`].
    pub fn from_dir(dir: impl AsRef<std::path::Path>) -> Result<Self> {
        Self::new(ProcessorSettings::from_dir(dir)?)
    }

    /// What it was made with.
    #[must_use]
    pub fn settings(&self) -> &ProcessorSettings {
        &self.settings
    }

    /// One picture. Its time axis has one step: the picture is repeated to fill the temporal patch.
    ///
    /// # Errors
    ///
    /// [`Error::AspectRatio`] if one side is over 200 times the other.
    pub fn picture(&self, picture: &Picture) -> Result<Pixels> {
        let settings = &self.settings;
        let (height, width) = self.target(picture, settings.min_pixels, settings.max_pixels)?;
        let resized = picture.resized(width, height)?;
        Ok(Pixels {
            patches: patches::rows(&[resized.as_ref()], height, width, settings),
            grid: self.grid(1, height, width),
            seconds_per_grid: None,
        })
    }

    /// Several pictures, in parallel and in their order.
    ///
    /// # Errors
    ///
    /// Those of [`Processor::picture`], of the first picture that has one.
    pub fn pictures(&self, pictures: &[Picture]) -> Result<Vec<Pixels>> {
        pictures.par_iter().map(|picture| self.picture(picture)).collect()
    }

    /// One clip of frames shown at `fps` (that of the chosen frames, not of the video they came from).
    ///
    /// Frames fill the time axis in pairs (temporal patch); the last one is repeated where they do not suffice.
    ///
    /// # Errors
    ///
    /// - [`Error::NoFrames`] for none
    /// - [`Error::FrameSize`] if the frames are not of one size
    /// - [`Error::Request`] if `fps` is not positive
    /// - [`Error::AspectRatio`] if one side is over 200 times the other
    pub fn clip(&self, frames: &[Picture], fps: f64) -> Result<Pixels> {
        let settings = &self.settings;
        let first = frames.first().ok_or(Error::NoFrames)?;
        if !(fps.is_finite() && fps > 0.0) {
            let problem = format!("found {fps}, needs frames per second above 0");
            return Err(Error::Request { field: "fps", problem });
        }
        let expected = (first.width(), first.height());
        for (frame_idx, frame) in frames.iter().enumerate() {
            let found = (frame.width(), frame.height());
            if found != expected {
                return Err(Error::FrameSize { frame_idx, expected, found });
            }
        }
        let (min_pixels, max_pixels) = settings.clip_budget.per_frame(frames.len(), settings);
        let (height, width) = self.target(first, min_pixels, max_pixels)?;
        let resized = frames
            .par_iter()
            .map(|frame| frame.resized(width, height))
            .collect::<Result<Vec<_>>>()?;
        let frames: Vec<&[u8]> = resized.iter().map(AsRef::as_ref).collect();
        let steps = frames.len().div_ceil(settings.temporal_patch_size);
        Ok(Pixels {
            patches: patches::rows(&frames, height, width, settings),
            grid: self.grid(steps, height, width),
            seconds_per_grid: Some(settings.temporal_patch_size as f64 / fps),
        })
    }

    /// `(height, width)` in pixels after resizing.
    fn target(&self, picture: &Picture, min: usize, max: usize) -> Result<(usize, usize)> {
        let factor = self.settings.patch_size * self.settings.merge_size;
        smart_resize(picture.height() as usize, picture.width() as usize, factor, min, max)
    }

    fn grid(&self, steps: usize, height: usize, width: usize) -> [usize; 3] {
        [steps, height / self.settings.patch_size, width / self.settings.patch_size]
    }
}
