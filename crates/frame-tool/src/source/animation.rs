//! Animated GIF, PNG and WebP: pictures that build on each other, with delays of their own.

use std::io::{BufRead, Read, Seek, SeekFrom};
use std::sync::Arc;

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, Frames, ImageDecoder, ImageError, Limits, Rgba};

use super::media::Media;
use super::picture::{Orientation, Picture, Rgb};
use super::{Description, Emit, Opened, Reader, Source, check_size};
use crate::{Error, Result, Timeline, VideoOptions};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Gif,
    Png,
    WebP,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Gif => "GIF",
            Self::Png => "PNG",
            Self::WebP => "WebP",
        }
    }
}

#[derive(Debug)]
struct Animation(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    media: Media,
    format: Format,
}

pub(super) fn open(media: Media, format: Format, options: &VideoOptions) -> Result<Opened> {
    let shared = Shared { media, format };
    let (width, height) =
        shared.size().map_err(|error| shared.media.damaged(format.name(), error.to_string()))?;
    let path = || shared.media.path().to_owned();
    check_size(shared.media.path(), width, height, options.max_pixels)?;
    // Delays stand between the pictures, so that only decoding finds them all.
    let mut warnings = Vec::new();
    let mut times = Vec::new();
    let mut end_s = 0.0;
    if let Some(frames) =
        shared.frames().map_err(|error| shared.media.damaged(format.name(), error.to_string()))?
    {
        for frame in frames {
            match frame {
                Ok(frame) => {
                    times.push(end_s);
                    let (num_ms, den) = frame.delay().numer_denom_ms();
                    end_s += delay_s(f64::from(num_ms) / f64::from(den.max(1)) / 1000.0);
                }
                Err(error) => {
                    warnings.push(format!(
                        "the picture after {} others is damaged: {error}",
                        times.len()
                    ));
                    break;
                }
            }
        }
    }
    if times.is_empty() && warnings.is_empty() {
        let what = format!(
            "a single picture ({}); open its folder to read pictures as a video",
            format.name()
        );
        return Err(Error::NotVideo { path: path(), what });
    }
    if times.is_empty() {
        return Err(shared.media.damaged(format.name(), warnings.remove(0)));
    }
    let description = Description {
        container: format!("animated {}", format.name()),
        codec: format.name().into(),
        width,
        height,
        orientation: Orientation::UPRIGHT,
        warnings,
    };
    Ok(Opened {
        description,
        timeline: Timeline::new(times, end_s),
        source: Box::new(Animation(Arc::new(shared))),
    })
}

/// Room for a few canvases and what else a file holds. A picture that claims to be larger than its canvas is an error so, not a
/// few gigabytes of memory.
fn limits((width, height): (u32, u32)) -> Limits {
    let canvas = 4 * u64::from(width) * u64::from(height);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(canvas.saturating_mul(4).saturating_add(64 << 20));
    limits
}

/// Delays below 20 ms mean "unknown" to every browser and to FFmpeg's reader, which show such pictures for 100 ms.
fn delay_s(stated_s: f64) -> f64 {
    if stated_s < 0.02 { 0.1 } else { stated_s }
}

impl Shared {
    /// The file as a stream; it is read in pieces, never as a whole.
    fn stream(&self) -> MediaStream {
        MediaStream { media: self.media.clone(), at: 0, buffer: Vec::new(), buffer_at: 0 }
    }

    fn size(&self) -> Result<(u32, u32), ImageError> {
        Ok(match self.format {
            Format::Gif => GifDecoder::new(self.stream())?.dimensions(),
            Format::Png => PngDecoder::with_limits(self.stream(), limits((0, 0)))?.dimensions(),
            Format::WebP => WebPDecoder::new(self.stream())?.dimensions(),
        })
    }

    /// The pictures from the start; `None` if the file holds just one that is not animated.
    fn frames(&self) -> Result<Option<Frames<'static>>, ImageError> {
        Ok(match self.format {
            Format::Gif => {
                let mut decoder = GifDecoder::new(self.stream())?;
                decoder.set_limits(limits(decoder.dimensions()))?;
                Some(decoder.into_frames())
            }
            Format::Png => {
                let decoder = PngDecoder::with_limits(self.stream(), limits(self.size()?))?;
                if decoder.is_apng()? { Some(decoder.apng()?.into_frames()) } else { None }
            }
            Format::WebP => {
                let mut decoder = WebPDecoder::new(self.stream())?;
                if decoder.has_animation() {
                    decoder.set_background_color(Rgba([0; 4]))?; // else it disposes of no frame
                    Some(decoder.into_frames())
                } else {
                    None
                }
            }
        })
    }
}

impl Source for Animation {
    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(AnimationReader(self.0.clone())))
    }

    fn group(&self, _: usize) -> usize {
        0
    }
}

/// Starts over at every call: the library's iterator cannot move between threads, and animations are short.
struct AnimationReader(Arc<Shared>);

impl Reader for AnimationReader {
    fn read(&mut self, wanted: &[usize], emit: &mut Emit<'_>) -> Result<()> {
        let Shared { media, format } = &*self.0;
        let Some(&last) = wanted.last() else { return Ok(()) };
        let decode = |frame_idx: usize, reason: String| Error::Decode {
            path: media.path().to_owned(),
            frame_idx,
            reason,
        };
        let frames = self.0.frames().map_err(|error| decode(0, error.to_string()))?;
        let mut frames =
            frames.ok_or_else(|| media.damaged(format.name(), "no longer animated"))?;
        let mut wanted = wanted.iter().copied().peekable();
        for frame_idx in 0..=last {
            let frame =
                frames.next().ok_or_else(|| decode(frame_idx, "the file ends before it".into()))?;
            let frame = frame.map_err(|error| decode(frame_idx, error.to_string()))?;
            if wanted.next_if_eq(&frame_idx).is_some() {
                let (width, height) = frame.buffer().dimensions();
                emit(
                    frame_idx,
                    Picture::Rgb(Rgb { width, height, pixels: on_black(frame.buffer().as_raw()) }),
                )?;
            }
        }
        Ok(())
    }
}

/// Lays RGBA pixels over black, as a player without a page behind it does.
fn on_black(rgba: &[u8]) -> Vec<u8> {
    let blend = |value: u8, alpha: u8| ((u32::from(value) * u32::from(alpha) + 127) / 255) as u8;
    rgba.as_chunks::<4>()
        .0
        .iter()
        .flat_map(|&[r, g, b, a]| [r, g, b].map(|value| blend(value, a)))
        .collect()
}

/// A [`Media`] as the stream that image decoders want.
struct MediaStream {
    media: Media,
    at: u64,
    buffer: Vec<u8>,
    /// Where `buffer` begins in the file.
    buffer_at: u64,
}

impl BufRead for MediaStream {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        const PIECE: u64 = 1 << 16;
        let is_inside =
            (self.buffer_at..self.buffer_at + self.buffer.len() as u64).contains(&self.at);
        if !is_inside {
            self.buffer = self.media.read_up_to(self.at, PIECE).map_err(std::io::Error::other)?;
            self.buffer_at = self.at;
        }
        Ok(&self.buffer[(self.at - self.buffer_at) as usize..])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount as u64;
    }
}

impl Read for MediaStream {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let mut ready = self.fill_buf()?;
        let num = ready.read(into)?;
        self.consume(num);
        Ok(num)
    }
}

impl Seek for MediaStream {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.media.len().checked_add_signed(by),
        };
        self.at = target.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
