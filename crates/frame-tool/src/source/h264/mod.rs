//! H.264 in MP4: which pictures to decode for the frames that are asked for.

mod access; // what an access unit says about itself
mod reader; // which pictures to decode
mod decode; // what decodes them
mod embedded;
#[cfg(feature = "ffmpeg-link")]
mod linked;

use std::sync::Arc;

use rust_h264::nal::{SpsInfo, parse_avcc_config, parse_sps_info};

use super::colour::{Colour, Matrix};
use super::media::Media;
use super::mp4::{Sample, Shown};
use super::picture::Orientation;
use super::sniff::unsupported;
use super::{Description, Opened, Reader, Source, check_size};
use crate::video::Decoder;
use crate::{Result, Timeline, VideoOptions};
use decode::Decode;
use reader::H264Reader;

/// What a container knows of its H.264 track.
#[derive(Debug)]
pub(crate) struct H264Track {
    /// Body of the `avcC` box.
    pub(crate) avcc: Vec<u8>,
    /// `matrix_coefficients` and full range from the container.
    pub(crate) container_colour: Option<(u32, bool)>,
    /// Ticks a second.
    pub(crate) timescale: u32,
    pub(crate) orientation: Orientation,
    /// In decoding order.
    pub(crate) samples: Vec<Sample>,
    /// In presentation order.
    pub(crate) shown: Vec<Shown>,
    pub(crate) warnings: Vec<String>,
    pub(crate) container: &'static str,
}

/// An H.264 track.
#[derive(Debug)]
pub(crate) struct H264Source(Arc<Shared>);

/// What all readers of a source need.
#[derive(Debug)]
struct Shared {
    media: Media,
    avcc: Vec<u8>,
    /// Bytes of the length before each NAL unit.
    length_size: usize,
    /// Colours that the first pictures have.
    first_colour: Colour,
    /// Whether a linked library may decode; it knows 8 bits here.
    may_link: bool,
    samples: Vec<Sample>,
    shown: Vec<Shown>,
    container_colour: Option<(u32, bool)>,
    max_pixels: u64,
    /// Samples where the container lets decoding begin, ascending; always holds 0.
    syncs: Vec<usize>,
}

impl H264Source {
    pub(super) fn open(media: Media, track: H264Track, options: &VideoOptions) -> Result<Opened> {
        let config =
            parse_avcc_config(&track.avcc).map_err(|reason| media.damaged("avcC", reason))?;
        let info = match config.sps_nals.first() {
            Some(sps) => {
                parse_sps_info(sps).map_err(|error| media.damaged("SPS", error.to_string()))?
            }
            None => sps_in_band(&media, &track, config.length_size)?,
        };
        let length_size = config.length_size;
        drop(config);
        check_sps(&media, &info, options.max_pixels)?;
        let codec = format!("H.264 {}", profile_name(&info));
        if info.chroma_format == 3
            || !matches!(info.bit_depth_luma, 8 | 10)
            || info.bit_depth_chroma != info.bit_depth_luma && info.chroma_format != 0
        {
            return Err(unsupported(&media, codec));
        }

        let seconds = |ticks: i64| ticks as f64 / f64::from(track.timescale);
        let end_s = track.shown.last().map_or(0.0, |last| {
            seconds(last.pts.saturating_add(track.samples[last.sample_idx].duration.into()))
        });
        let timeline =
            Timeline::new(track.shown.iter().map(|frame| seconds(frame.pts)).collect(), end_s);
        let (width, height) = track.orientation.size(info.width, info.height);
        let description = Description {
            container: track.container.to_owned(),
            codec,
            width,
            height,
            orientation: track.orientation,
            warnings: track.warnings,
        };
        let mut syncs: Vec<_> =
            (0..track.samples.len()).filter(|&i| i == 0 || track.samples[i].is_sync).collect();
        syncs.shrink_to_fit();
        let mut shared = Shared {
            media,
            avcc: track.avcc,
            length_size,
            first_colour: Colour::UNTAGGED,
            may_link: options.decoder == Decoder::Automatic
                && info.bit_depth_luma == 8
                && matches!(info.chroma_format, 1 | 2),
            samples: track.samples,
            shown: track.shown,
            container_colour: track.container_colour,
            max_pixels: options.max_pixels,
            syncs,
        };
        shared.first_colour = shared.colour(&info);
        let source = Self(Arc::new(shared));
        // Lossless coding hides in this profile, and only a picture tells.
        const HIGH_444_PREDICTIVE: u32 = 244;
        if u32::from(info.profile) == HIGH_444_PREDICTIVE {
            source.reader()?.read(&[0], &mut |_, _| Ok(()))?;
        }
        Ok(Opened { description, timeline, source: Box::new(source) })
    }
}

impl Source for H264Source {
    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(H264Reader::new(self.0.clone())))
    }

    fn group(&self, frame_idx: usize) -> usize {
        self.0.sync_before(self.0.shown[frame_idx].sample_idx)
    }
}

impl Shared {
    /// The last sample at or before `sample_idx` where the container lets decoding begin.
    fn sync_before(&self, sample_idx: usize) -> usize {
        let after = self.syncs.partition_point(|&sync| sync <= sample_idx);
        after.checked_sub(1).map_or(0, |i| self.syncs[i])
    }

    /// A linked decoder, where the crate was built with one and the options allow it.
    fn linked_decoder(self: &Arc<Self>) -> Option<Box<dyn Decode>> {
        #[cfg(feature = "ffmpeg-link")]
        if self.may_link {
            return linked::Linked::open(self.clone()).ok().map(|linked| Box::new(linked) as _);
        }
        let _ = self.may_link;
        None
    }

    /// Parameter sets of the container as they lie there (ISO/IEC 14496-15, 5.3.3.1), if it has any.
    #[cfg(feature = "ffmpeg-link")]
    fn parameter_sets(&self) -> Vec<&[u8]> {
        let mut sets = Vec::new();
        let mut rest = self.avcc.get(5..).unwrap_or(&[]);
        for count_mask in [0x1f, 0xff] {
            let Some((&count, tail)) = rest.split_first() else { break };
            rest = tail;
            for _ in 0..count & count_mask {
                let Some(set) = access::units(rest, 2).next() else { return sets };
                rest = &rest[2 + set.len()..];
                sets.push(set);
            }
        }
        sets
    }

    /// The most pictures that are decoded before one and shown after it.
    #[cfg(feature = "ffmpeg-link")]
    fn max_reordered(&self) -> usize {
        const MAX: usize = 16; // of the standard
        let cts = |i: usize| self.samples[i].cts;
        let reordered = |i: usize| {
            (i.saturating_sub(2 * MAX)..i).filter(|&before| cts(before) > cts(i)).count()
        };
        (0..self.samples.len()).map(reordered).max().unwrap_or(0).min(MAX)
    }

    fn sample_bytes(&self, sample_idx: usize) -> Result<Vec<u8>> {
        let sample = &self.samples[sample_idx];
        self.media.read(sample.offset, sample.size.into())
    }

    /// What the stream says of its colours, else the container, else what FFmpeg assumes.
    fn colour(&self, info: &SpsInfo) -> Colour {
        let container = self.container_colour;
        Colour {
            matrix: Matrix::from_h273(info.matrix.into())
                .or_else(|| container.and_then(|(matrix, _)| Matrix::from_h273(matrix)))
                .unwrap_or(Colour::UNTAGGED.matrix),
            full_range: info.full_range || container.is_some_and(|(_, full_range)| full_range),
        }
    }
}

/// The first SPS inside the pictures, where the container has none (`avc3`).
fn sps_in_band(media: &Media, track: &H264Track, length_size: usize) -> Result<SpsInfo> {
    let first = &track.samples[0];
    let bytes = media.read(first.offset, first.size.into())?;
    rust_h264::nal::parse_avcc(&bytes, length_size)
        .iter()
        .find_map(|nal| parse_sps_info(nal).ok())
        .ok_or_else(|| media.damaged("SPS", "missing"))
}

/// Refuses pictures beyond the limit before anything is allocated for them.
fn check_sps(media: &Media, info: &SpsInfo, max_pixels: u64) -> Result<()> {
    let (width, height) = (info.coded_width, info.coded_height);
    if info.width == 0 || info.height == 0 || info.width > width || info.height > height {
        return Err(media.damaged(
            "SPS",
            format!("shows {}x{} of {width}x{height} pixels", info.width, info.height),
        ));
    }
    check_size(media.path(), width, height, max_pixels)
}

/// Name of the profile (ITU-T H.264, annex A), with what makes a stream unusual.
fn profile_name(info: &SpsInfo) -> String {
    let name = match info.profile {
        66 => "Baseline",
        77 => "Main",
        88 => "Extended",
        100 => "High",
        110 => "High 10",
        122 => "High 4:2:2",
        244 => "High 4:4:4 Predictive",
        44 => "CAVLC 4:4:4 Intra",
        _ => "unknown profile",
    };
    let chroma = match info.chroma_format {
        0 => ", grey",
        2 => ", 4:2:2",
        3 => ", 4:4:4",
        _ => "",
    };
    let depth = if info.bit_depth_luma == 8 {
        String::new()
    } else {
        format!(", {} bit", info.bit_depth_luma)
    };
    format!("{name}{chroma}{depth}")
}
