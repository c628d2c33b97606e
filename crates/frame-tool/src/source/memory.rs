//! Frames that are already there: for tests and made-up worlds.

use std::sync::Arc;

use super::picture::{Orientation, Picture, Rgb};
use super::{Description, Emit, Opened, Reader, Source};
use crate::{Error, Result, Timeline};

/// RGB8 pictures of one size at a constant rate.
#[derive(Debug)]
pub(crate) struct MemorySource(Arc<Vec<Rgb>>);

impl MemorySource {
    /// # Shapes
    ///
    /// - each of `frames`: `[height, width, 3]`
    pub(crate) fn open(width: u32, height: u32, frames: Vec<Vec<u8>>, fps: f64) -> Result<Opened> {
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
        Ok(Opened { description, timeline, source: Box::new(Self(Arc::new(pictures))) })
    }
}

impl Source for MemorySource {
    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(MemoryReader(self.0.clone())))
    }
}

struct MemoryReader(Arc<Vec<Rgb>>);

impl Reader for MemoryReader {
    fn read(&mut self, frames: &[usize], emit: &mut Emit<'_>) -> Result<()> {
        frames.iter().try_for_each(|&i| emit(i, Picture::Rgb(self.0[i].clone())))
    }
}
