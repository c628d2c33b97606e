//! Why a video, a window or a setting could not be used.

use std::path::PathBuf;

/// Result with this crate's [`Error`] unless another is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why frames could not be had.
///
/// Every error about a file holds its `path`; a video that was given as bytes goes by the name it was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    #[error("{}: cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("{}: not a video: {what}", path.display())]
    NotVideo {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: String,
    },
    /// The file is a container with nothing to look at.
    #[error("{}: no video track: {found}", path.display())]
    NoVideo {
        /// The file.
        path: PathBuf,
        /// What the container holds instead.
        found: String,
    },
    /// The file is well formed, but nothing here decodes it.
    #[error("{}: {codec} is not decoded here: {fix}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Codec or container, with its profile where that is the reason.
        codec: String,
        /// The way out: a feature to enable or a command to run.
        fix: String,
    },
    /// The file's own description contradicts itself or is cut off.
    #[error("{}: damaged: {field}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Box, chunk or header that is wrong.
        field: String,
        /// What is wrong with it, with the values found.
        reason: String,
    },
    /// One picture could not be decoded.
    #[error("{}: frame {frame_idx} cannot be decoded: {reason}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// 0-based frame.
        frame_idx: usize,
        /// What the decoder said.
        reason: String,
    },
    /// Pictures are larger than the limit, see [`VideoOptions::with_max_pixels`](crate::VideoOptions::with_max_pixels).
    #[error("{}: pictures of {width}x{height} exceed the limit of {max_pixels} pixels", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// The limit.
        max_pixels: u64,
    },
    /// The program that feature `ffmpeg` runs is missing or failed.
    #[error("{}: {program}: {reason}", path.display())]
    Program {
        /// The video.
        path: PathBuf,
        /// `ffmpeg` or `ffprobe`.
        program: &'static str,
        /// What it said.
        reason: String,
    },
    /// A frame beyond the end.
    #[error("frame {frame_idx} does not exist: the video has {num_frames} frames, 0 to {}", num_frames.saturating_sub(1))]
    FrameOutOfRange {
        /// The frame that was asked for.
        frame_idx: usize,
        /// How many there are.
        num_frames: usize,
    },
    /// A setting or an argument that makes no sense.
    #[error("{name} is {value}; {expected}")]
    InvalidSetting {
        /// Which one.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is possible.
        expected: &'static str,
    },
    /// Pictures given in memory do not fit together.
    #[error("frame {frame_idx}: {reason}")]
    InvalidFrame {
        /// 0-based frame.
        frame_idx: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A trace does not belong to this video, or frames changed since it was made.
    #[error("trace, step {step}, frame {frame_idx}: {reason}")]
    Replay {
        /// 0-based step of the trace.
        step: usize,
        /// 0-based frame of the video.
        frame_idx: usize,
        /// What differs.
        reason: String,
    },
    /// A JSON document that is not what it should be.
    #[error("not a valid {what}")]
    Json {
        /// What was expected.
        what: &'static str,
        /// Where and why reading stopped.
        source: serde_json::Error,
    },
}

#[cfg(feature = "ffmpeg")]
impl Error {
    /// The same about a file by the name that the user gave it.
    pub(crate) fn renamed(mut self, name: &std::path::Path) -> Self {
        if let Self::Io { path, .. }
        | Self::NotVideo { path, .. }
        | Self::NoVideo { path, .. }
        | Self::Unsupported { path, .. }
        | Self::Damaged { path, .. }
        | Self::Decode { path, .. }
        | Self::TooLarge { path, .. }
        | Self::Program { path, .. } = &mut self
        {
            name.clone_into(path);
        }
        self
    }
}
