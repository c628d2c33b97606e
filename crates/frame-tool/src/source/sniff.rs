//! Tells from its first bytes what a file is. Names of files lie; bytes rarely do.

use std::path::Path;

use super::media::Media;
use super::{Opened, animation, avi, guarded, images, mp4, y4m};
use crate::video::Decoder;
use crate::{Error, Result, VideoOptions};

/// What the first bytes say.
#[derive(Debug, PartialEq)]
enum Kind {
    Mp4,
    Avi,
    Y4m,
    Animation(animation::Format),
    /// A container that only feature `ffmpeg` opens.
    Other(&'static str),
    /// Something that no decoder opens.
    Not(String),
    Unknown,
}

/// Opens a file or a folder of images.
pub(crate) fn open_path(path: &Path, options: &VideoOptions) -> Result<Opened> {
    if path.is_dir() {
        return images::open(path, options);
    }
    open(Media::open(path)?, options)
}

/// Opens whatever `media` holds, with the decoder that the options allow.
pub(crate) fn open(media: Media, options: &VideoOptions) -> Result<Opened> {
    let kind = kind(&media.read_up_to(0, 4096)?);
    if let Kind::Not(what) = kind {
        return Err(Error::NotVideo { path: media.path().to_owned(), what });
    }
    if options.decoder == Decoder::Ffmpeg {
        return open_elsewhere(media, options, None);
    }
    let damaged = |reason| media.damaged("file", reason);
    let opened = guarded(|| open_embedded(&media, kind, options)).map_err(damaged)?;
    match opened {
        Err(error @ Error::Unsupported { .. }) if options.decoder == Decoder::Automatic => {
            open_elsewhere(media, options, Some(error))
        }
        opened => opened,
    }
}

fn open_embedded(media: &Media, kind: Kind, options: &VideoOptions) -> Result<Opened> {
    match kind {
        Kind::Mp4 => mp4::open(media.clone(), options),
        Kind::Avi => avi::open(media.clone(), options),
        Kind::Y4m => y4m::open(media.clone(), options),
        Kind::Animation(format) => animation::open(media.clone(), format, options),
        Kind::Other(container) => Err(unsupported(media, container.to_owned())),
        Kind::Unknown | Kind::Not(_) => Err(Error::NotVideo {
            path: media.path().to_owned(),
            what: "no known kind of video begins like this".into(),
        }),
    }
}

/// Tries FFmpeg where the crate was built with it; else `otherwise` stands.
#[cfg(feature = "ffmpeg")]
fn open_elsewhere(
    media: Media,
    options: &VideoOptions,
    _otherwise: Option<Error>,
) -> Result<Opened> {
    super::ffmpeg::open(media, options)
}

#[cfg(not(feature = "ffmpeg"))]
fn open_elsewhere(media: Media, _: &VideoOptions, otherwise: Option<Error>) -> Result<Opened> {
    Err(otherwise.unwrap_or_else(|| unsupported(&media, "anything through FFmpeg".into())))
}

/// The error for a codec or container that the embedded decoders lack, with the ways out.
pub(crate) fn unsupported(media: &Media, codec: String) -> Error {
    let convert = "convert it: ffmpeg -i IN -c:v libx264 -pix_fmt yuv420p OUT.mp4";
    let fix = if cfg!(feature = "ffmpeg") {
        convert.to_owned()
    } else {
        format!("build with feature `ffmpeg` of frame-tool, or {convert}")
    };
    Error::Unsupported { path: media.path().to_owned(), codec, fix }
}

fn kind(head: &[u8]) -> Kind {
    let starts = |magic: &[u8]| head.starts_with(magic);
    let at = |offset: usize, magic: &[u8]| {
        head.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    let mp4_boxes: [&[u8; 4]; 8] =
        [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp", b"moof"];
    if head.is_empty() {
        Kind::Not("the file is empty".into())
    } else if starts(b"version https://git-lfs") {
        Kind::Not("a Git LFS pointer; fetch the file itself with `git lfs pull`".into())
    } else if mp4_boxes.iter().any(|name| at(4, *name)) {
        Kind::Mp4
    } else if starts(b"RIFF") && at(8, b"AVI ") {
        Kind::Avi
    } else if starts(b"YUV4MPEG2") {
        Kind::Y4m
    } else if starts(b"GIF8") {
        Kind::Animation(animation::Format::Gif)
    } else if starts(b"\x89PNG") {
        Kind::Animation(animation::Format::Png)
    } else if starts(b"RIFF") && at(8, b"WEBP") {
        Kind::Animation(animation::Format::WebP)
    } else if starts(&[0x1a, 0x45, 0xdf, 0xa3]) {
        Kind::Other("Matroska or WebM")
    } else if starts(&[0x47]) && at(188, &[0x47]) {
        Kind::Other("an MPEG transport stream")
    } else if starts(&[0, 0, 1, 0xba]) {
        Kind::Other("an MPEG program stream")
    } else if starts(&[0, 0, 0, 1]) || starts(&[0, 0, 1]) {
        Kind::Other("a bare stream without a container")
    } else if starts(b"OggS") {
        Kind::Other("Ogg")
    } else if starts(b"FLV\x01") {
        Kind::Other("Flash video")
    } else if starts(&[0x30, 0x26, 0xb2, 0x75]) {
        Kind::Other("Windows media (ASF)")
    } else if starts(&[0xff, 0xd8, 0xff]) {
        Kind::Not("a single picture (JPEG); open its folder to read pictures as a video".into())
    } else if head.iter().all(|&byte| byte == 0) {
        Kind::Not("nothing but zeros".into())
    } else if std::str::from_utf8(head)
        .is_ok_and(|text| !text.contains(|c: char| c.is_control() && !c.is_whitespace()))
    {
        Kind::Not("a text file".into())
    } else {
        Kind::Unknown
    }
}
