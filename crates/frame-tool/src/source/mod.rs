//! Where pictures come from. A [`Source`] knows what it holds; its [`Reader`]s decode.

pub(crate) mod media; // bytes
pub(crate) mod picture; // what a decoder gives
pub(crate) mod sniff; // which source a file needs
#[cfg(test)]
mod exact;
mod animation;
mod avi;
#[cfg(feature = "ffmpeg")]
mod ffmpeg;
mod h264;
mod images;
mod memory;
mod mp4;
mod y4m;

pub use picture::Orientation;

pub(crate) use memory::MemorySource;

use std::fmt;

use crate::{Result, Timeline};
use picture::Picture;

/// What a video file is, and what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Description {
    /// Container, such as `MP4` or `image folder`.
    pub container: String,
    /// Codec with its profile where known, such as `H.264 High`.
    pub codec: String,
    /// Pixels across as shown, after rotation and cropping.
    pub width: u32,
    /// Pixels down as shown, after rotation and cropping.
    pub height: u32,
    /// How the stored picture is turned before it is shown.
    pub orientation: Orientation,
    /// Damage that was found; the frames that are listed can be read all the same.
    pub warnings: Vec<String>,
}

/// An opened video, shared between threads.
pub(crate) trait Source: Send + Sync + fmt::Debug {
    fn description(&self) -> &Description;

    fn timeline(&self) -> &Timeline;

    /// A decoder of its own.
    fn reader(&self) -> Result<Box<dyn Reader>>;

    /// Frames of different groups can be decoded apart at no extra cost: each begins at its own key frame.
    fn group(&self, frame_idx: usize) -> usize;
}

/// What takes a decoded picture: its frame and the pixels.
pub(crate) type Emit<'a> = dyn FnMut(usize, Picture) -> Result<()> + 'a;

/// A decoder with a position: going on is cheaper than going back.
pub(crate) trait Reader: Send {
    /// Decodes `frames`, which ascend strictly and exist, and hands each to `emit` once, in any order.
    fn read(&mut self, frames: &[usize], emit: &mut Emit<'_>) -> Result<()>;
}
