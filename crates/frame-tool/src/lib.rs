//! Any video in, exactly the frames that were asked for out; and a tool that lets a model ask, with a trace to score.
//!
//! ```
//! use frame_tool::{Episode, Outcome, Policy, Tolerance, Turn, Video, VideoOptions};
//!
//! // A made-up video: 100 frames of 8 x 6 pixels that turn from black to white.
//! let frames = (0..100_u8).map(|i| vec![2 * i; 8 * 6 * 3]).collect();
//! let video = Video::from_frames(8, 6, frames, 25.0, &VideoOptions::new())?;
//! assert_eq!(video.frame(50)?.timestamp_s(), 2.0);
//!
//! // A model sees 8 frames, thinks, and looks again.
//! let (mut episode, first_look) = Episode::start(&video, Policy::deepsport())?;
//! assert_eq!(first_look.frames.len(), 8);
//! let text = "<think>It gets bright near the end.</think><tool_call>frame_extraction_tool(80, 99)</tool_call>";
//! let Outcome::Shown(shown) = episode.turn(&Turn::parse(text, Tolerance::Strict))? else { panic!() };
//! assert_eq!(shown.frames.iter().map(|frame| frame.index()).collect::<Vec<_>>(), [80, 82, 85, 88, 90, 93, 96, 99]);
//!
//! // Was the event, frames 85 to 94, found?
//! let metrics = episode.trace().metrics(85..95);
//! assert_eq!((metrics.recall, metrics.t_iou), (1.0, 0.5));
//! # Ok::<(), frame_tool::Error>(())
//! ```
//!
//! - [`Video`]: open a file, a folder or bytes; frames by index, with times and hashes. Frame-exact, bounded memory.
//! - [`Rule`], [`Window`]: which frames stand for a stretch, by index or by time.
//! - [`Fit`], [`Filter`]: shrinking, equal to Pillow bit for bit (`pillow-resize`).
//! - [`Turn`], [`StreamParser`], [`ToolCall`]: what models write, strictly or leniently read, whole or as it comes.
//! - [`Episode`], [`Trace`], [`Metrics`]: rules, budgets, evidence, scores; [`contact_sheet`], [`timeline_png`].
//!
//! What this crate leaves out: language models, rewards, and encoding.
//!
//! # Features
//!
//! - `ffmpeg`: HEVC, VP9, AV1, Matroska, WebM and the rest, through the programs `ffmpeg` and `ffprobe` (5.1 or newer)
//!   on PATH. Links nothing. Without it such files give [`Error::Unsupported`], which names codec and way out.
//! - `ffmpeg-link`: H.264 in MP4 and QuickTime by a linked libavcodec (5.1 or newer), in a third to a half of the processor time;
//!   frames, times and pixels stay the same. The only feature that needs something installed to build: `apt-get install
//!   libavcodec-dev libavformat-dev libclang-dev clang pkg-config`.
//!
//! # Sources, and where we differ
//!
//! - MP4: ISO/IEC 14496-12 and -15; H.264: ITU-T H.264, decoded by `rust_h264`. Edit lists as FFmpeg reads them.
//! - Episodes: DeepSport (arXiv:2511.12908), FrameThinker (arXiv:2509.24304); what neither states is marked ours at
//!   [`Policy`].
//! - RGB from YUV: as FFmpeg's swscale with default settings does it on x86, bit for bit, which is what decord, PyAV and
//!   torchcodec hand to models.
//! - Ours: a frame whose data are damaged is an error, where FFmpeg paints something plausible over it, and frames that
//!   may build on it say so ([`Frame::builds_on_damage`]).

mod video; // what is opened
mod source; // where pictures come from
mod timeline;
mod frame;
mod fit;
mod sampling; // which frames stand for a stretch
mod window;
mod call; // what a model writes
mod episode; // what it may see
mod trace; // what it saw
mod metrics;
mod sheet;
mod error;

pub use call::{
    Action, Event, Malformed, StreamParser, Syntax, TOOL_NAME, Tolerance, ToolCall, Turn,
    function_schema, mcp_tool,
};
pub use episode::{
    Adjustment, Episode, Level, Observation, Outcome, Policy, RangePolicy, Refusal, frame_label,
};
pub use error::{Error, Result};
pub use fit::Fit;
pub use frame::Frame;
pub use metrics::{Metrics, t_iou};
pub use pillow_resize::Filter;
pub use sampling::{Rule, pick_at_fps};
pub use sheet::{contact_sheet, timeline_png};
pub use source::{Description, Orientation};
pub use timeline::Timeline;
pub use trace::{Seen, Step, Trace};
pub use video::{Decoder, Frames, Video, VideoOptions};
pub use window::{Ends, Window};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
