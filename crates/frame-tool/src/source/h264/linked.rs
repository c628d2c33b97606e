//! A linked libavcodec (feature `ffmpeg-link`): several times quicker than the embedded decoder, for whole pictures.
//!
//! It paints over damage, which we do not want: at its first complaint the reader goes back to the embedded decoder, so
//! that the feature changes the time that frames take and nothing else.

use std::sync::{Arc, Once};

use ffmpeg_next as ffmpeg;

use ffmpeg::codec::decoder::{Check, Video};
use ffmpeg::codec::packet::Packet;
use ffmpeg::codec::threading::{Config, Type};
use ffmpeg::codec::{Context, Flags, Id};
use ffmpeg::format::Pixel;

use super::Shared;
use super::access::{holds_slice, units};
use super::decode::{Decode, Out, Trouble};
use crate::source::colour::Colour;
use crate::source::picture::{Chroma, Yuv};

pub(super) struct Linked {
    shared: Arc<Shared>,
    decoder: Video,
    /// Whether the next sample has to bring the parameter sets along.
    is_fresh: bool,
    /// Reused from picture to picture.
    frame: ffmpeg::frame::Video,
}

/// As many pictures as H.264 can hold back, and the one that pushes the last of them out.
const MAX_DELAY: usize = 17;

impl Linked {
    pub(super) fn open(shared: Arc<Shared>) -> Result<Self, ffmpeg::Error> {
        // Complaints come back as errors; on the terminal they are noise.
        static QUIET: Once = Once::new();
        QUIET.call_once(|| ffmpeg::log::set_level(ffmpeg::log::Level::Quiet));
        let codec = ffmpeg::decoder::find(Id::H264).ok_or(ffmpeg::Error::DecoderNotFound)?;
        let mut context = Context::new_with_codec(codec);
        // One thread: stretches of a video are decoded side by side already. Damaged pictures have to come out, so
        // that none is missed; cropping has to be exact.
        context.set_threading(Config { kind: Type::None, count: 1, ..Config::default() });
        context.set_flags(Flags::OUTPUT_CORRUPT | Flags::UNALIGNED);
        let mut decoder = context.decoder();
        decoder.check(Check::EXPLODE);
        let mut options = ffmpeg::Dictionary::new();
        options.set("has_b_frames", &shared.max_reordered().to_string());
        options.set("max_pixels", &shared.max_pixels.min(i32::MAX as u64).to_string());
        let decoder = decoder.open_as_with(codec, options)?.video()?;
        Ok(Self { shared, decoder, is_fresh: true, frame: ffmpeg::frame::Video::empty() })
    }

    fn receive(&mut self, out: &mut Out) -> Result<(), Trouble> {
        loop {
            match self.decoder.receive_frame(&mut self.frame) {
                Ok(()) => out.push(planes(&self.frame)?),
                Err(ffmpeg::Error::Eof) => return Ok(()),
                Err(ffmpeg::Error::Other { errno }) if errno == ffmpeg::error::EAGAIN => {
                    return Ok(());
                }
                Err(error) => return Err(broken(error)),
            }
        }
    }
}

impl Decode for Linked {
    fn restart(&mut self) -> Result<(), Trouble> {
        self.decoder.flush();
        self.is_fresh = true;
        Ok(())
    }

    fn feed(&mut self, sample_idx: usize, bytes: &[u8], out: &mut Out) -> Result<(), Trouble> {
        if !holds_slice(bytes, self.shared.length_size) {
            return Err(Trouble::Broken("a sample without a picture".into()));
        }
        let mut stream = Vec::with_capacity(bytes.len() + 256);
        let mut append = |unit: &[u8]| {
            stream.extend_from_slice(&[0, 0, 0, 1]);
            stream.extend_from_slice(unit);
        };
        if std::mem::take(&mut self.is_fresh) {
            self.shared.parameter_sets().into_iter().for_each(&mut append);
        }
        units(bytes, self.shared.length_size).for_each(&mut append);
        if stream.len() > i32::MAX as usize / 2 {
            return Err(Trouble::Broken(format!("a picture of {} bytes", stream.len())));
        }
        let mut packet = Packet::copy(&stream);
        packet.set_pts(i64::try_from(sample_idx).ok());
        self.decoder.send_packet(&packet).map_err(broken)?;
        self.receive(out)
    }

    fn finish(&mut self, out: &mut Out) -> Result<(), Trouble> {
        self.decoder.send_eof().map_err(broken)?;
        self.receive(out)
    }

    fn max_delay(&self) -> usize {
        MAX_DELAY
    }
}

fn broken(error: ffmpeg::Error) -> Trouble {
    Trouble::Broken(format!("libavcodec: {error}"))
}

/// Copies a picture out of the decoder's buffers, without their padding.
fn planes(frame: &ffmpeg::frame::Video) -> Result<(usize, Yuv), Trouble> {
    let complaint = |reason: &str| Err(Trouble::Broken(format!("libavcodec: {reason}")));
    let Some(sample_idx) = frame.pts().and_then(|pts| usize::try_from(pts).ok()) else {
        return complaint("a picture of unknown origin");
    };
    if frame.is_corrupt() || frame.has_decode_errors() {
        return complaint("a damaged picture");
    }
    let chroma = match frame.format() {
        Pixel::YUV420P | Pixel::YUVJ420P => Chroma::Yuv420,
        Pixel::YUV422P | Pixel::YUVJ422P => Chroma::Yuv422,
        _ => return complaint("an unexpected pixel format"),
    };
    let (width, height) = (frame.width(), frame.height());
    let (chroma_width, chroma_height) = chroma.plane(width, height);
    let plane = |index: usize, width: u32, height: u32| {
        let mut samples = Vec::with_capacity(width as usize * height as usize);
        for row in frame.data(index).chunks(frame.stride(index)).take(height as usize) {
            samples.extend_from_slice(&row[..width as usize]);
        }
        samples
    };
    let y = plane(0, width, height);
    let (u, v) = (plane(1, chroma_width, chroma_height), plane(2, chroma_width, chroma_height));
    Ok((
        sample_idx,
        Yuv { width, height, y, u, v, chroma, colour: Colour::UNTAGGED, builds_on_damage: false },
    ))
}
