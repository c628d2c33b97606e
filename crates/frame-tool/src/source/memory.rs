//! Frames that are already there, or drawn when they are wanted: for tests and made-up worlds.

use std::fmt;
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
        check_some(width, height, frames.len())?;
        let num_frames = frames.len();
        let pictures = frames.into_iter().enumerate();
        let pictures = pictures.map(|(frame_idx, rgb)| picture(width, height, frame_idx, rgb));
        let source = Self(Arc::new(pictures.collect::<Result<_>>()?));
        Ok(opened(width, height, num_frames, fps, source))
    }
}

fn check_some(width: u32, height: u32, num_frames: usize) -> Result<()> {
    if width == 0 || height == 0 || num_frames == 0 {
        let reason =
            format!("a video needs frames with pixels, this is {num_frames} of {width}x{height}");
        return Err(Error::InvalidFrame { frame_idx: 0, reason });
    }
    Ok(())
}

fn picture(width: u32, height: u32, frame_idx: usize, pixels: Vec<u8>) -> Result<Rgb> {
    let num_bytes = width as usize * height as usize * 3;
    if pixels.len() != num_bytes {
        let reason = format!("{} bytes; {width}x{height} RGB8 takes {num_bytes}", pixels.len());
        return Err(Error::InvalidFrame { frame_idx, reason });
    }
    Ok(Rgb { width, height, pixels })
}

fn opened(
    width: u32,
    height: u32,
    num_frames: usize,
    fps: f64,
    source: impl Source + 'static,
) -> Opened {
    let description = Description {
        container: "memory".into(),
        codec: "RGB8".into(),
        width,
        height,
        orientation: Orientation::UPRIGHT,
        warnings: Vec::new(),
    };
    Opened { description, timeline: Timeline::constant(num_frames, fps), source: Box::new(source) }
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

type Draw = dyn Fn(usize) -> Vec<u8> + Send + Sync;

/// RGB8 pictures of one size at a constant rate, none of which exists before it is asked for.
#[derive(Clone)]
pub(crate) struct DrawnSource {
    width: u32,
    height: u32,
    draw: Arc<Draw>,
}

impl DrawnSource {
    /// # Shapes
    ///
    /// - what `draw` gives: `[height, width, 3]`
    pub(crate) fn open(
        width: u32,
        height: u32,
        num_frames: usize,
        fps: f64,
        draw: Arc<Draw>,
    ) -> Result<Opened> {
        check_some(width, height, num_frames)?;
        Ok(opened(width, height, num_frames, fps, Self { width, height, draw }))
    }
}

impl fmt::Debug for DrawnSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrawnSource")
            .field("width", &self.width)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}

impl Source for DrawnSource {
    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(self.clone()))
    }
}

impl Reader for DrawnSource {
    fn read(&mut self, frames: &[usize], emit: &mut Emit<'_>) -> Result<()> {
        frames.iter().try_for_each(|&frame_idx| {
            let rgb = picture(self.width, self.height, frame_idx, (self.draw)(frame_idx))?;
            emit(frame_idx, Picture::Rgb(rgb))
        })
    }
}
