//! Where pictures come from. A [`Source`] knows what it holds; its [`Reader`]s decode.

pub(crate) mod media; // bytes
pub(crate) mod picture; // what a decoder gives
mod colour; // and what it shows
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

pub(crate) use memory::{DrawnSource, MemorySource};

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::{Error, Result, Timeline};
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

/// A video that was opened: what it is, when its frames are shown, and where its decoders come from.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) description: Description,
    pub(crate) timeline: Timeline,
    pub(crate) source: Box<dyn Source>,
}

/// Gives decoders of one video; shared between threads.
pub(crate) trait Source: Send + Sync + fmt::Debug {
    /// A decoder of its own.
    fn reader(&self) -> Result<Box<dyn Reader>>;

    /// Frames of different groups can be decoded apart at no extra cost: each begins at its own key frame. Every frame is
    /// one by default.
    fn group(&self, frame_idx: usize) -> usize {
        frame_idx
    }
}

/// Runs foreign decoders on foreign data: a panic of theirs becomes a reason, and never reaches the user.
pub(crate) fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run))
        .map_err(|_| "the decoder gave up on damaged data".to_owned())
}

/// Refuses pictures that are larger than the limit, before anything is allocated for them.
fn check_size(path: &Path, width: u32, height: u32, max_pixels: u64) -> Result<()> {
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(Error::TooLarge { path: path.to_owned(), width, height, max_pixels });
    }
    Ok(())
}

/// What takes a decoded picture: its frame and the pixels.
pub(crate) type Emit<'a> = dyn FnMut(usize, Picture) -> Result<()> + 'a;

/// A decoder with a position: going on is cheaper than going back.
pub(crate) trait Reader: Send {
    /// Decodes `frames`, which ascend strictly and exist, and hands each to `emit` once, in any order.
    fn read(&mut self, frames: &[usize], emit: &mut Emit<'_>) -> Result<()>;

    /// How many pictures have to be decoded from where it stands before `frame_idx` comes out; `None` if it would have to
    /// start over. Nothing by default.
    fn distance(&self, _frame_idx: usize) -> Option<usize> {
        Some(0)
    }
}
