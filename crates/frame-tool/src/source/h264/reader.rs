//! Decodes just the pictures that are needed, in decoding order.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rust_h264::decoder::{ChromaFormat, Decoder, Frame as Decoded};
use rust_h264::error::DecodeError;
use rust_h264::nal::{NalUnit, NalUnitType, parse_avcc, parse_avcc_config, parse_sps_info};

use super::access::{Entry, entry, is_disposable, is_slice};
use super::{Shared, check_sps};
use crate::source::picture::{Chroma, Colour, Picture, Yuv};
use crate::source::sniff::unsupported;
use crate::source::{Emit, Reader};
use crate::{Error, Result};

/// Decoded pictures that are shown after what was asked for are kept for the next call: as many as H.264 can reorder.
const MAX_AHEAD: usize = 16;

pub(super) struct H264Reader {
    shared: Arc<Shared>,
    length_size: usize,
    decoder: Decoder,
    colour: Colour,
    /// The next sample to feed.
    next_sample: usize,
    /// Pictures shown before this moment come out wrong in the present run, which began at a recovery point.
    valid_from_cts: i64,
    /// By sample.
    ahead: BTreeMap<usize, Picture>,
    /// What the samples say about entering there, as far as it was needed.
    entries: HashMap<usize, Entry>,
}

impl H264Reader {
    pub(super) fn new(shared: Arc<Shared>) -> Result<Self> {
        let length_size = parse_avcc_config(&shared.avcc)
            .map_err(|e| shared.media.damaged("avcC", e))?
            .length_size;
        let mut reader = Self {
            shared,
            length_size,
            decoder: Decoder::new(),
            colour: Colour::UNTAGGED,
            next_sample: 0,
            valid_from_cts: i64::MIN,
            ahead: BTreeMap::new(),
            entries: HashMap::new(),
        };
        reader.restart(0, i64::MIN)?;
        Ok(reader)
    }

    /// Begins a new run at `sample_idx`.
    fn restart(&mut self, sample_idx: usize, valid_from_cts: i64) -> Result<()> {
        self.decoder = Decoder::new();
        self.next_sample = sample_idx;
        self.valid_from_cts = valid_from_cts;
        self.ahead.clear();
        let shared = self.shared.clone();
        let config = parse_avcc_config(&shared.avcc)
            .map_err(|reason| shared.media.damaged("avcC", reason))?;
        for nal in config.sps_nals.iter().chain(&config.pps_nals) {
            self.feed(nal, 0)?;
        }
        Ok(())
    }

    /// Where decoding has to begin for `sample_idx`, and from which moment on pictures come out right.
    fn entry_for(&mut self, sample_idx: usize) -> Result<(usize, i64)> {
        let cts = self.shared.samples[sample_idx].cts;
        let mut sync = self.shared.sync_before(sample_idx);
        while sync > 0 {
            let known = match self.entries.get(&sync) {
                Some(&known) => known,
                None => {
                    let bytes = self.shared.sample_bytes(sync)?;
                    *self
                        .entries
                        .entry(sync)
                        .or_insert(entry(&parse_avcc(&bytes, self.length_size)))
                }
            };
            let sync_cts = self.shared.samples[sync].cts;
            match known {
                Entry::Idr => return Ok((sync, i64::MIN)),
                Entry::Recovery if sync_cts <= cts => return Ok((sync, sync_cts)),
                _ => sync = self.shared.sync_before(sync - 1),
            }
        }
        Ok((0, i64::MIN))
    }

    /// Feeds one NAL unit; the decoder's own panics, should there be any, stay inside.
    fn feed(&mut self, nal: &NalUnit<'_>, sample_idx: usize) -> Result<()> {
        if nal.nal_unit_type == NalUnitType::Sps
            && let Ok(info) = parse_sps_info(nal)
        {
            check_sps(&self.shared.media, &info, self.shared.max_pixels)?;
            self.colour = self.shared.colour(&info);
        }
        match guarded(|| self.decoder.decode_nal(nal).map(drop)) {
            Ok(Err(DecodeError::Unsupported(what))) => {
                Err(unsupported(&self.shared.media, format!("H.264 with {what}")))
            }
            Ok(_) => Ok(()), // a damaged slice leaves its picture incomplete, which shows when the picture is taken
            Err(reason) => Err(self.broken(sample_idx, reason)),
        }
    }

    fn broken(&self, sample_idx: usize, reason: String) -> Error {
        let frame_idx =
            self.shared.shown.iter().position(|frame| frame.sample_idx == sample_idx).unwrap_or(0);
        Error::Decode { path: self.shared.media.path().to_owned(), frame_idx, reason }
    }

    /// Decodes the next sample; `None` if nothing came of it, or nothing was wanted.
    fn step(&mut self, skip_disposable: bool) -> Result<Option<Picture>> {
        let sample_idx = self.next_sample;
        let bytes = self.shared.sample_bytes(sample_idx)?;
        self.next_sample += 1;
        let nals = parse_avcc(&bytes, self.length_size);
        if skip_disposable && is_disposable(&nals) {
            return Ok(None);
        }
        for nal in &nals {
            self.feed(nal, sample_idx)?;
        }
        if !nals.iter().any(is_slice) {
            return Ok(None);
        }
        let decoded =
            guarded(|| self.decoder.flush()).map_err(|reason| self.broken(sample_idx, reason))?;
        decoded
            .map(|decoded| {
                to_picture(decoded, self.colour).map_err(|reason| self.broken(sample_idx, reason))
            })
            .transpose()
    }
}

impl Reader for H264Reader {
    fn read(&mut self, frames: &[usize], emit: &mut Emit<'_>) -> Result<()> {
        let shared = self.shared.clone();
        let mut wanted: Vec<(usize, usize)> =
            frames.iter().map(|&f| (shared.shown[f].sample_idx, f)).collect();
        wanted.sort_unstable();
        let is_wanted =
            |sample_idx: usize| wanted.binary_search_by_key(&sample_idx, |&(s, _)| s).is_ok();
        let last_cts = wanted.iter().map(|&(s, _)| shared.samples[s].cts).max().unwrap_or(i64::MIN);

        let mut done = 0;
        while let Some(&(target, frame_idx)) = wanted.get(done) {
            done += 1;
            let picture = match self.ahead.remove(&target) {
                Some(picture) => picture,
                None => {
                    let (start, valid_from_cts) = self.entry_for(target)?;
                    let is_on_the_way = self.next_sample <= target
                        && start <= self.next_sample
                        && self.valid_from_cts <= shared.samples[target].cts;
                    if !is_on_the_way {
                        self.restart(start, valid_from_cts)?;
                    }
                    while self.next_sample < target {
                        let sample_idx = self.next_sample;
                        let cts = shared.samples[sample_idx].cts;
                        let is_later = cts > last_cts && self.ahead.len() < MAX_AHEAD;
                        let keep =
                            (is_later && cts >= self.valid_from_cts) || is_wanted(sample_idx);
                        if let Some(picture) = self.step(!keep)?
                            && keep
                        {
                            self.ahead.insert(sample_idx, picture);
                        }
                    }
                    self.step(false)?.ok_or_else(|| Error::Decode {
                        path: shared.media.path().to_owned(),
                        frame_idx,
                        reason: "its data are damaged".into(),
                    })?
                }
            };
            emit(frame_idx, picture)?;
        }
        // What is shown before the frames just given will hardly be asked for next.
        self.ahead.retain(|&sample_idx, _| shared.samples[sample_idx].cts > last_cts);
        Ok(())
    }
}

/// Runs foreign code on foreign data; its panic becomes a reason.
fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run))
        .map_err(|_| "the decoder gave up on damaged data".to_owned())
}

/// Takes over a decoded picture at 8 bits.
fn to_picture(decoded: Decoded, colour: Colour) -> Result<Picture, String> {
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
    Ok(Picture::Yuv(Yuv { width, height, y, u, v, chroma, colour }))
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
