//! Any video in, exactly the frames that were asked for out.

mod source; // where pictures come from
mod resize;
mod frame;
mod timeline;
mod video; // what is opened
mod error;

pub use error::{Error, Result};
pub use frame::Frame;
pub use resize::{Filter, Fit, resize};
pub use source::{Description, Orientation};
pub use timeline::Timeline;
pub use video::{Decoder, Frames, Video, VideoOptions};
