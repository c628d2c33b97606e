//! Frames that are already there: for tests and made-up worlds.

use std::sync::Arc;

use super::picture::{Orientation, Picture, Rgb};
use super::{Description, Emit, Reader, Source};
use crate::{Error, Result, Timeline};

/// RGB8 pictures of one size at a constant rate.
#[derive(Debug)]
pub(crate) struct MemorySource {
    description: Description,
    timeline: Timeline,
    pictures: Arc<Vec<Rgb>>,
}

impl MemorySource {
    /// # Shapes
    ///
    /// - each of `frames`: `[height, width, 3]`
    pub(crate) fn new(width: u32, height: u32, frames: Vec<Vec<u8>>, fps: f64) -> Result<Self> {
        let num_bytes = width as usize * height as usize * 3;
        if num_bytes == 0 || frames.is_empty() {
            let reason = format!(
                "a video needs frames with pixels, this is {} of {width}x{height}",
                frames.len()
            );
            return Err(Error::InvalidFrame { frame_idx: 0, reason });
        }
        if let Some(frame_idx) = frames.iter().position(|rgb| rgb.len() != num_bytes) {
            let reason = format!(
                "{} bytes; {width}x{height} RGB8 takes {num_bytes}",
                frames[frame_idx].len()
            );
            return Err(Error::InvalidFrame { frame_idx, reason });
        }
        let timeline = Timeline::constant(frames.len(), fps);
        let pictures = frames.into_iter().map(|pixels| Rgb { width, height, pixels }).collect();
        let description = Description {
            container: "memory".into(),
            codec: "RGB8".into(),
            width,
            height,
            orientation: Orientation::UPRIGHT,
            warnings: Vec::new(),
        };
        Ok(Self { description, timeline, pictures: Arc::new(pictures) })
    }
}

impl Source for MemorySource {
    fn description(&self) -> &Description {
        &self.description
    }

    fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(MemoryReader(self.pictures.clone())))
    }

    fn group(&self, frame_idx: usize) -> usize {
        frame_idx
    }
}

struct MemoryReader(Arc<Vec<Rgb>>);

impl Reader for MemoryReader {
    fn read(&mut self, frames: &[usize], emit: &mut Emit<'_>) -> Result<()> {
        frames.iter().try_for_each(|&i| emit(i, Picture::Rgb(self.0[i].clone())))
    }
}
