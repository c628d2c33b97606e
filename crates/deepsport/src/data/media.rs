//! The video of a record.

use std::path::Path;

use frame_tool::{Video, VideoOptions};

use super::record::{Media, Record};
use crate::{Error, Result};

/// Opens the video of a record, in the data set's folder.
///
/// A stretch of a video is decoded into memory at once, made to fit in 640 x 360, as are single images; frames count from its
/// beginning then.
///
/// # Errors
///
/// [`Error::Video`]; [`Error::InvalidSetting`] if the record names no media.
pub fn open_media(record: &Record, folder: &Path) -> Result<Video> {
    match &record.media {
        Media::None => Err(Error::InvalidSetting {
            name: "media",
            value: format!("none in record {}", record.id),
            expected: "a video, a clip or images".into(),
        }),
        Media::Video(path) => Ok(Video::open(folder.join(path))?),
        Media::Clip(path, range) => {
            let video = Video::open(folder.join(path))?;
            let frames: Vec<_> =
                video.frames_in(range.clone())?.collect::<frame_tool::Result<_>>()?;
            in_memory(&frames, video.fps())
        }
        Media::Images(paths) => {
            // A folder of its own for each image would be read as a video of one frame; so they are decoded one by one.
            let mut frames = Vec::with_capacity(paths.len());
            for path in paths {
                let path = folder.join(path);
                let picture = image::open(&path)
                    .map_err(|error| Error::Read { path, source: std::io::Error::other(error) })?;
                frames.push(picture.into_rgb8());
            }
            let (width, height) = frames.first().map_or((0, 0), image::RgbImage::dimensions);
            let frames = frames.into_iter().map(image::RgbImage::into_raw).collect();
            let fps = record.fps.unwrap_or(1.0);
            Ok(Video::from_frames(width, height, frames, fps, &VideoOptions::new())?)
        }
    }
}

fn in_memory(frames: &[frame_tool::Frame], fps: f64) -> Result<Video> {
    let (width, height) = frames.first().map_or((0, 0), |frame| (frame.width(), frame.height()));
    let frames = frames.iter().map(|frame| frame.rgb().to_vec()).collect();
    Ok(Video::from_frames(width, height, frames, fps, &VideoOptions::new())?)
}
