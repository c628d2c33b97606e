//! The embedded decoder, `rust_h264`: gives every picture as soon as it has its data.

use std::sync::Arc;

use rust_h264::decoder::{ChromaFormat, Decoder, Frame as Decoded};
use rust_h264::error::DecodeError;
use rust_h264::nal::{NalUnit, parse_avcc, parse_avcc_config};

use super::Shared;
use super::access::is_slice;
use super::decode::{Decode, Out, Trouble};
use crate::source::colour::Colour;
use crate::source::guarded;
use crate::source::picture::{Chroma, Yuv};

pub(super) struct Embedded {
    shared: Arc<Shared>,
    decoder: Decoder,
}

impl Embedded {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, decoder: Decoder::new() }
    }

    fn feed_unit(&mut self, nal: &NalUnit<'_>) -> Result<(), Trouble> {
        match guarded(|| self.decoder.decode_nal(nal).map(drop)).map_err(Trouble::Broken)? {
            Err(DecodeError::Unsupported(what)) => Err(Trouble::Unsupported(what.to_string())),
            // A damaged slice leaves its picture incomplete, which shows when the picture is taken.
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Decode for Embedded {
    fn restart(&mut self) -> Result<(), Trouble> {
        self.decoder = Decoder::new();
        let shared = self.shared.clone();
        let config = parse_avcc_config(&shared.avcc).map_err(|e| Trouble::Broken(e.to_owned()))?;
        config.sps_nals.iter().chain(&config.pps_nals).try_for_each(|nal| self.feed_unit(nal))
    }

    fn feed(&mut self, sample_idx: usize, bytes: &[u8], out: &mut Out) -> Result<(), Trouble> {
        let nals = parse_avcc(bytes, self.shared.length_size);
        nals.iter().try_for_each(|nal| self.feed_unit(nal))?;
        if nals.iter().any(is_slice)
            && let Some(decoded) = guarded(|| self.decoder.flush()).map_err(Trouble::Broken)?
        {
            out.push((sample_idx, planes(decoded).map_err(Trouble::Broken)?));
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Out) -> Result<(), Trouble> {
        Ok(())
    }

    fn max_delay(&self) -> usize {
        0
    }
}

/// Takes over a decoded picture at 8 bits.
fn planes(decoded: Decoded) -> Result<Yuv, String> {
    let chroma = match decoded.chroma_format {
        ChromaFormat::Yuv420 => Chroma::Yuv420,
        ChromaFormat::Yuv422 => Chroma::Yuv422,
    };
    let (width, height, depth) = (decoded.width, decoded.height, decoded.bit_depth);
    let (chroma_width, chroma_height) = chroma.plane(width, height);
    let plane = |samples: Vec<u8>, width: u32, height: u32| {
        let samples = if depth == 8 { samples } else { to_8_bits(&samples, depth) };
        let expected = width as usize * height as usize;
        if samples.len() == expected {
            Ok(samples)
        } else {
            Err(format!("a plane of {} samples, not {expected}", samples.len()))
        }
    };
    let y = plane(decoded.y, width, height)?;
    let u = plane(decoded.u, chroma_width, chroma_height)?;
    let v = plane(decoded.v, chroma_width, chroma_height)?;
    let colour = Colour::UNTAGGED;
    Ok(Yuv { width, height, y, u, v, chroma, colour, builds_on_damage: false })
}

/// Rounds little-endian samples of `depth` bits to 8.
fn to_8_bits(samples: &[u8], depth: u8) -> Vec<u8> {
    let shift = u32::from(depth).saturating_sub(8);
    let half = (1_u32 << shift) / 2;
    let pairs = samples.as_chunks::<2>().0;
    pairs
        .iter()
        .map(|&pair| ((u32::from(u16::from_le_bytes(pair)) + half) >> shift).min(255) as u8)
        .collect()
}
