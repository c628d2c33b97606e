//! AVI with motion JPEG: RIFF chunks, every picture on its own.

use std::sync::Arc;

use image::codecs::jpeg::JpegDecoder;
use image::{DynamicImage, ImageDecoder};

use super::media::Media;
use super::picture::{Orientation, Picture, Rgb};
use super::sniff::unsupported;
use super::{Description, Emit, Opened, Reader, Source, check_size};
use crate::{Error, Result, Timeline, VideoOptions};

#[derive(Debug)]
struct Avi(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    media: Media,
    /// Offset and size of each picture.
    pictures: Vec<(u64, u32)>,
    width: u32,
    height: u32,
}

/// The video stream, from the headers.
#[derive(Debug, Default)]
struct Stream {
    /// Number of the stream, which begins the names of its chunks.
    number: usize,
    codec: [u8; 4],
    width: u32,
    height: u32,
    fps: Option<f64>,
}

pub(super) fn open(media: Media, options: &VideoOptions) -> Result<Opened> {
    let mut found = Found::default();
    walk(&media, 0, media.len(), 0, &mut found)?;
    let Some(stream) = found.stream else {
        return Err(Error::NoVideo {
            path: media.path().to_owned(),
            found: format!("{} other streams", found.num_streams),
        });
    };
    if !matches!(&stream.codec, b"MJPG" | b"mjpg" | b"AVRn" | b"JPEG" | b"jpeg") {
        let name = String::from_utf8_lossy(&stream.codec).into_owned();
        return Err(unsupported(&media, format!("{name:?} in AVI")));
    }
    let Stream { width, height, .. } = stream;
    check_size(media.path(), width, height, options.max_pixels)?;
    let tags = [*b"dc", *b"db"].map(|kind| {
        format!("{:02}", stream.number).into_bytes().into_iter().chain(kind).collect::<Vec<_>>()
    });
    // An empty chunk repeats the picture before it.
    let mut pictures: Vec<(u64, u32)> = Vec::new();
    for &(name, offset, size) in &found.chunks {
        if tags.iter().any(|tag| tag[..] == name) {
            let picture = if size == 0 { pictures.last().copied() } else { Some((offset, size)) };
            pictures.extend(picture);
        }
    }
    if pictures.is_empty() {
        return Err(Error::NoVideo {
            path: media.path().to_owned(),
            found: "a video stream without pictures".into(),
        });
    }
    let description = Description {
        container: "AVI".into(),
        codec: "motion JPEG".into(),
        width,
        height,
        orientation: Orientation::UPRIGHT,
        warnings: found.warnings,
    };
    let timeline = Timeline::constant(pictures.len(), stream.fps.unwrap_or(options.untimed_fps));
    let shared = Arc::new(Shared { media, pictures, width, height });
    Ok(Opened { description, timeline, source: Box::new(Avi(shared)) })
}

/// What a walk through the chunks found.
#[derive(Debug, Default)]
struct Found {
    stream: Option<Stream>,
    num_streams: usize,
    /// Name, offset and size of every chunk of `movi`.
    chunks: Vec<([u8; 4], u64, u32)>,
    warnings: Vec<String>,
}

/// Real files nest four deep.
const MAX_DEPTH: usize = 8;

/// Visits the chunks from `at` to `end`.
fn walk(media: &Media, mut at: u64, end: u64, depth: usize, found: &mut Found) -> Result<()> {
    while at + 8 <= end {
        let header = media.read_up_to(at, 12)?;
        let Some((name, rest)) = header.split_first_chunk::<4>() else { break };
        let Some((size, kind)) = rest.split_first_chunk::<4>() else { break };
        let size = u32::from_le_bytes(*size);
        let mut chunk_end = at + 8 + u64::from(size);
        if chunk_end > end {
            found.warnings.push(format!("the file is cut off in a chunk at byte {at}"));
            chunk_end = end;
        }
        match name {
            b"RIFF" | b"LIST" if depth < MAX_DEPTH => {
                if kind == b"strl" {
                    stream(
                        &media
                            .read_up_to(at + 12, (chunk_end - at).saturating_sub(12).min(4096))?,
                        found,
                    );
                } else {
                    walk(media, at + 12, chunk_end, depth + 1, found)?;
                }
            }
            b"JUNK" | b"idx1" => {}
            _ if chunk_end == at + 8 + u64::from(size) => found.chunks.push((*name, at + 8, size)),
            _ => {}
        }
        at = chunk_end + chunk_end % 2; // chunks begin at even bytes
    }
    Ok(())
}

/// Reads a stream's header (`strh`) and format (`strf`).
fn stream(list: &[u8], found: &mut Found) {
    let number = found.num_streams;
    found.num_streams += 1;
    let chunk = |name: &[u8; 4]| {
        let mut rest = list;
        loop {
            let (head, body) = rest.split_first_chunk::<8>()?;
            let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
            let body_here = body.get(..size)?;
            if head[..4] == name[..] {
                return Some(body_here);
            }
            rest = body.get(size + size % 2..)?;
        }
    };
    let (Some(header), Some(format)) = (chunk(b"strh"), chunk(b"strf")) else { return };
    let number_at = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    };
    if !header.starts_with(b"vids") || found.stream.is_some() {
        return;
    }
    let (scale, rate) = (number_at(header, 20), number_at(header, 24));
    found.stream = Some(Stream {
        number,
        codec: format.get(16..20).and_then(|b| b.try_into().ok()).unwrap_or_default(),
        width: number_at(format, 4),
        height: (number_at(format, 8) as i32).unsigned_abs(),
        fps: (scale > 0 && rate > 0).then(|| f64::from(rate) / f64::from(scale)),
    });
}

impl Source for Avi {
    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(AviReader(self.0.clone())))
    }
}

struct AviReader(Arc<Shared>);

impl AviReader {
    fn picture(&self, frame_idx: usize) -> Result<Rgb> {
        let Shared { media, pictures, width, height } = &*self.0;
        let decode =
            |reason: String| Error::Decode { path: media.path().to_owned(), frame_idx, reason };
        let (offset, size) = pictures[frame_idx];
        let bytes = media.read(offset, size.into())?;
        let decoder = JpegDecoder::new(std::io::Cursor::new(bytes))
            .map_err(|error| decode(error.to_string()))?;
        let size = decoder.dimensions();
        if size != (*width, *height) {
            return Err(decode(format!(
                "{}x{} pixels, where the header says {width}x{height}",
                size.0, size.1
            )));
        }
        let image =
            DynamicImage::from_decoder(decoder).map_err(|error| decode(error.to_string()))?;
        Ok(Rgb { width: *width, height: *height, pixels: image.into_rgb8().into_raw() })
    }
}

impl Reader for AviReader {
    fn read(&mut self, frames: &[usize], emit: &mut Emit<'_>) -> Result<()> {
        frames
            .iter()
            .try_for_each(|&frame_idx| emit(frame_idx, Picture::Rgb(self.picture(frame_idx)?)))
    }
}
