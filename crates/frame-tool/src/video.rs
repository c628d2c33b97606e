//! A video: what it is, and any of its frames.

mod access; // decoding in parallel, through the cache
mod cache;
mod frames; // one frame after the other

pub use frames::Frames;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::source::media::Media;
use crate::source::{Description, DrawnSource, MemorySource, Opened, Reader, sniff};
use crate::{Error, Fit, Frame, Result, Timeline};
use cache::Cache;

/// Which decoder opens a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Decoder {
    /// The embedded ones (with feature `ffmpeg-link` H.264 by libavcodec), then FFmpeg where feature `ffmpeg` is on.
    #[default]
    Automatic,
    /// Only the embedded ones.
    Embedded,
    /// Only the programs of FFmpeg (feature `ffmpeg`).
    Ffmpeg,
}

/// How a video is opened. `Video::open` takes the defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoOptions {
    pub(crate) fit: Option<Fit>,
    pub(crate) decoder: Decoder,
    pub(crate) untimed_fps: f64,
    pub(crate) cache_bytes: usize,
    pub(crate) max_pixels: u64,
}

impl Default for VideoOptions {
    /// Frames fit in 640 x 360 (DeepSport and FrameThinker); the rest is ours.
    fn default() -> Self {
        Self {
            fit: Some(Fit::default()),
            decoder: Decoder::Automatic,
            untimed_fps: 25.0, // what FFmpeg assumes of a folder of images
            cache_bytes: 128 << 20,
            max_pixels: 64 << 20, // 8K has 33 million
        }
    }
}

impl VideoOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shrinks frames into a box; `None` leaves them as they are.
    #[must_use]
    pub fn with_fit(mut self, fit: impl Into<Option<Fit>>) -> Self {
        self.fit = fit.into();
        self
    }

    /// Chooses the decoder.
    #[must_use]
    pub fn with_decoder(mut self, decoder: Decoder) -> Self {
        self.decoder = decoder;
        self
    }

    /// Frames per second where the source states none, as in a folder of images; 25 by default.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] unless the rate is positive and finite.
    pub fn with_untimed_fps(mut self, fps: f64) -> Result<Self> {
        self.untimed_fps = checked_fps(fps)?;
        Ok(self)
    }

    /// Bytes of finished frames that are kept for the next call; 128 MiB by default.
    #[must_use]
    pub fn with_cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// The largest picture that is decoded; 64 Mi pixels by default. Files that claim more are refused before
    /// anything is allocated for them.
    #[must_use]
    pub fn with_max_pixels(mut self, max_pixels: u64) -> Self {
        self.max_pixels = max_pixels;
        self
    }
}

fn checked_fps(fps: f64) -> Result<f64> {
    if fps.is_finite() && fps > 0.0 {
        return Ok(fps);
    }
    Err(Error::InvalidSetting {
        name: "fps",
        value: fps.to_string(),
        expected: "frames per second are positive and finite",
    })
}

/// An opened video. Frames are decoded when they are asked for, exactly those, whatever the order.
///
/// The file stays on disk: what is held is an index of a few dozen bytes a frame, up to four decoders that wait where they
/// stopped, and a bounded cache of finished frames, so that a match of three hours costs little more than a clip.
///
/// Shared between threads by reference.
pub struct Video {
    opened: Opened,
    fit: Option<Fit>,
    cache: Mutex<Cache>,
    /// Decoders of earlier calls where they stopped, the one used last at the end.
    idle: Mutex<Vec<Box<dyn Reader>>>,
}

impl Video {
    /// Opens a file, or a folder of images, with frames made to fit in 640 x 360.
    ///
    /// # Errors
    ///
    /// As [`open_with`](Self::open_with).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, &VideoOptions::default())
    }

    /// Opens a file, or a folder of images.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read, [`Error::NotVideo`] if it is something else, [`Error::NoVideo`] without
    /// pictures, [`Error::Unsupported`] if its codec is not decoded here, [`Error::Damaged`] if its index is unusable,
    /// [`Error::TooLarge`] if its pictures exceed the limit.
    pub fn open_with(path: impl AsRef<Path>, options: &VideoOptions) -> Result<Self> {
        Ok(Self::new(sniff::open_path(path.as_ref(), options)?, options))
    }

    /// Opens a video file that lies in memory. `name` stands for it in errors.
    ///
    /// # Errors
    ///
    /// As [`open_with`](Self::open_with).
    pub fn from_bytes(
        name: &str,
        bytes: impl Into<Arc<[u8]>>,
        options: &VideoOptions,
    ) -> Result<Self> {
        Ok(Self::new(
            sniff::open(Media::from_bytes(Path::new(name), bytes.into()), options)?,
            options,
        ))
    }

    /// Makes a video of frames that are already there, the first shown at 0 s.
    ///
    /// # Shapes
    ///
    /// - each of `frames`: `[height, width, 3]`, RGB8 rows
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFrame`] if a frame has another size or there is none, [`Error::InvalidSetting`] unless `fps` is
    /// positive and finite.
    pub fn from_frames(
        width: u32,
        height: u32,
        frames: Vec<Vec<u8>>,
        fps: f64,
        options: &VideoOptions,
    ) -> Result<Self> {
        Ok(Self::new(MemorySource::open(width, height, frames, checked_fps(fps)?)?, options))
    }

    /// Makes a video of `num_frames` frames that `draw` makes when they are asked for, the first shown at 0 s. It has to draw a
    /// frame alike each time.
    ///
    /// # Shapes
    ///
    /// - what `draw` gives: `[height, width, 3]`, RGB8 rows
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFrame`] without frames or pixels, and when a frame is read that has another size;
    /// [`Error::InvalidSetting`] unless `fps` is positive and finite.
    pub fn from_fn(
        width: u32,
        height: u32,
        num_frames: usize,
        fps: f64,
        draw: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
        options: &VideoOptions,
    ) -> Result<Self> {
        let fps = checked_fps(fps)?;
        Ok(Self::new(DrawnSource::open(width, height, num_frames, fps, Arc::new(draw))?, options))
    }

    fn new(opened: Opened, options: &VideoOptions) -> Self {
        Self {
            opened,
            fit: options.fit,
            cache: Mutex::new(Cache::new(options.cache_bytes)),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Container, codec, size, orientation, and damage that was found.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.opened.description
    }

    /// When each frame is shown.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.opened.timeline
    }

    /// Number of frames that can be had. At least one.
    #[must_use]
    pub fn num_frames(&self) -> usize {
        self.timeline().num_frames()
    }

    /// Average frames per second.
    #[must_use]
    pub fn fps(&self) -> f64 {
        self.timeline().fps()
    }

    /// Seconds from the first frame to the end of the last.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        self.timeline().duration_s()
    }

    /// Width and height of the frames that are handed out, after rotation and fitting.
    #[must_use]
    pub fn frame_size(&self) -> (u32, u32) {
        let description = self.description();
        let size = (description.width, description.height);
        self.fit.map_or(size, |fit| fit.size(size.0, size.1))
    }

    /// One frame.
    ///
    /// # Errors
    ///
    /// As [`frames`](Self::frames).
    pub fn frame(&self, frame_idx: usize) -> Result<Frame> {
        let mut frames = self.frames(&[frame_idx])?;
        Ok(frames.remove(0))
    }

    /// The frames that are asked for, in that order; repeated indices give repeated frames.
    ///
    /// All of them are held at once: for long stretches see [`frames_in`](Self::frames_in).
    ///
    /// # Errors
    ///
    /// [`Error::FrameOutOfRange`] before anything is decoded, [`Error::Decode`] if the data of a frame are damaged.
    pub fn frames(&self, indices: &[usize]) -> Result<Vec<Frame>> {
        let num_frames = self.num_frames();
        if let Some(&frame_idx) = indices.iter().find(|&&frame_idx| frame_idx >= num_frames) {
            return Err(Error::FrameOutOfRange { frame_idx, num_frames });
        }
        access::frames(self, indices)
    }

    /// The frames of `frame_range` one after the other, with a few of them in memory at a time.
    ///
    /// # Errors
    ///
    /// [`Error::FrameOutOfRange`] if the range ends beyond the video. Decoding errors come with the frames.
    pub fn frames_in(&self, frame_range: Range<usize>) -> Result<Frames<'_>> {
        let num_frames = self.num_frames();
        if frame_range.end > num_frames {
            return Err(Error::FrameOutOfRange { frame_idx: frame_range.end - 1, num_frames });
        }
        Ok(Frames::new(self, frame_range))
    }
}

impl fmt::Debug for Video {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Video")
            .field("description", self.description())
            .field("num_frames", &self.num_frames())
            .field("fit", &self.fit)
            .finish_non_exhaustive()
    }
}
