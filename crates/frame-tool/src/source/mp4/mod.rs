//! MP4 and QuickTime: from boxes to a timeline of H.264 pictures.
//!
//! Ours rather than a library's: the readers that exist either index tables with what a file claims (and panic, or
//! allocate by the claim), or refuse a file that is cut off although most of its frames are there.

mod boxes;
mod edits;
mod samples;

pub(crate) use edits::Shown;
pub(crate) use samples::Sample;

use super::Opened;
use super::h264::{H264Source, H264Track};
use super::media::Media;
use super::picture::Orientation;
use super::sniff::unsupported;
use crate::{Error, Result, VideoOptions};
use boxes::{Fields, boxes, damaged, find, find_path, shown};
use samples::Defaults;

/// Opens the first video track of an MP4 or QuickTime file.
///
/// # Errors
///
/// [`Error::Damaged`] if the index is unusable, [`Error::NoVideo`] without a track of pictures,
/// [`Error::Unsupported`] for any codec but H.264.
pub(super) fn open(media: Media, options: &VideoOptions) -> Result<Opened> {
    let top = boxes::read_top_level(&media)?;
    let moov = top.moov.as_deref().ok_or_else(|| {
        media.damaged(
            "moov",
            "the file holds no index; it was cut off, or its recording never finished",
        )
    })?;
    let track = find_track(&media, moov)?;
    let mut warnings = top.warnings.clone();

    let mut samples = samples::from_tables(track.stbl, media.len())
        .map_err(|(table, reason)| media.damaged(table, reason))?;
    let defaults = Defaults::of_track(moov, track.id);
    let mut next_dts =
        samples.iter().map(|sample| i64::from(sample.duration)).fold(0, i64::saturating_add);
    for (offset, moof) in &top.moofs {
        let known = (track.id, defaults, media.len());
        if samples::append_fragment(&mut samples, &mut next_dts, (*offset, moof), known).is_none() {
            warnings
                .push(format!("the fragment at byte {offset} is cut off or contradicts itself"));
        }
    }
    if samples.is_empty() {
        return Err(Error::NoVideo {
            path: media.path().to_owned(),
            found: "a video track without pictures".into(),
        });
    }
    warnings.extend(spread_equal_times(&mut samples, track.duration));
    warnings.extend(drop_unreadable(&mut samples, media.len()));
    let mut shown =
        edits::apply(&track.edits, &samples).map_err(|reason| media.damaged("elst", reason))?;
    if shown.is_empty() && !samples.is_empty() {
        warnings.push("the edit list shows nothing; it is ignored".into());
        shown = edits::apply(&[], &samples).unwrap_or_default();
    }
    if shown.is_empty() {
        return Err(media.damaged("stco", "none of the pictures lies inside the file"));
    }

    let (avcc, colour) = match &track.entry_name {
        b"avc1" | b"avc3" => (
            find(track.entry, b"avcC").ok_or_else(damaged(&media, "avcC"))?,
            colour_tag(track.entry),
        ),
        other => return Err(unsupported(&media, codec_name(*other))),
    };
    let container = if find_path(moov, &[b"mvex"]).is_some() { "fragmented MP4" } else { "MP4" };
    let h264 = H264Track {
        avcc: avcc.to_vec(),
        container_colour: colour,
        timescale: track.timescale,
        orientation: track.orientation,
        samples,
        shown,
        warnings,
        container,
    };
    H264Source::open(media.clone(), h264, options)
}

/// What the index says of the chosen track.
struct Track<'a> {
    id: u32,
    timescale: u32,
    /// Ticks.
    duration: u64,
    orientation: Orientation,
    edits: Vec<edits::Edit>,
    stbl: &'a [u8],
    entry_name: [u8; 4],
    /// Child boxes of the sample description.
    entry: &'a [u8],
}

/// The first video track that is switched on, else the first.
fn find_track<'a>(media: &Media, moov: &'a [u8]) -> Result<Track<'a>> {
    let mut others = Vec::new();
    let mut videos = Vec::new();
    for trak in boxes(moov).filter(|b| &b.name == b"trak").map(|b| b.body) {
        let handler = find_path(trak, &[b"mdia", b"hdlr"]).and_then(|hdlr| {
            let mut fields = Fields::new(hdlr);
            fields.skip(8)?;
            fields.name()
        });
        match handler {
            Some(name) if &name == b"vide" => videos.push(trak),
            Some(name) => others.push(match &name {
                b"soun" => "audio".to_owned(),
                _ => shown(name),
            }),
            None => {}
        }
    }
    let is_enabled = |trak: &&&[u8]| {
        find(trak, b"tkhd")
            .and_then(|tkhd| Fields::new(tkhd).version_and_flags())
            .is_some_and(|(_, flags)| flags & 1 != 0)
    };
    let Some(&trak) = videos.iter().find(is_enabled).or_else(|| videos.first()) else {
        let found = if others.is_empty() {
            "no track at all".to_owned()
        } else {
            format!("only {}", others.join(", "))
        };
        return Err(Error::NoVideo { path: media.path().to_owned(), found });
    };

    let mdhd = find_path(trak, &[b"mdia", b"mdhd"]).ok_or_else(damaged(media, "mdhd"))?;
    let (timescale, duration) = times(mdhd).ok_or_else(damaged(media, "mdhd"))?;
    if timescale == 0 {
        return Err(media.damaged("mdhd", "a timescale of 0 ticks a second"));
    }
    let (id, matrix) =
        find(trak, b"tkhd").and_then(track_header).ok_or_else(damaged(media, "tkhd"))?;
    let stbl = find_path(trak, &[b"mdia", b"minf", b"stbl"]).ok_or_else(damaged(media, "stbl"))?;
    let stsd =
        find(stbl, b"stsd").and_then(|stsd| stsd.get(8..)).ok_or_else(damaged(media, "stsd"))?;
    let entry = boxes(stsd).next().ok_or_else(damaged(media, "stsd"))?;
    let movie_timescale = find(moov, b"mvhd").and_then(times).map_or(0, |(timescale, _)| timescale);
    let edits = find_path(trak, &[b"edts", b"elst"])
        .and_then(|elst| edits::read(elst, timescale, movie_timescale))
        .unwrap_or_default();
    /// Fields of a visual sample entry before its child boxes.
    const ENTRY_FIELDS: usize = 78;
    Ok(Track {
        id,
        timescale,
        duration,
        orientation: Orientation::from_matrix(matrix).unwrap_or(Orientation::UPRIGHT),
        edits,
        stbl,
        entry_name: entry.name,
        entry: entry.body.get(ENTRY_FIELDS..).unwrap_or(&[]),
    })
}

/// Timescale and duration of an `mdhd` or `mvhd` body.
fn times(body: &[u8]) -> Option<(u32, u64)> {
    let mut fields = Fields::new(body);
    let (version, _) = fields.version_and_flags()?;
    fields.skip(if version == 1 { 16 } else { 8 })?; // created, changed
    Some((fields.u32()?, fields.versioned(version)?))
}

/// Track id and the upper left 2 x 2 of the matrix.
fn track_header(tkhd: &[u8]) -> Option<(u32, [i32; 4])> {
    let mut fields = Fields::new(tkhd);
    let (version, _) = fields.version_and_flags()?;
    fields.skip(if version == 1 { 16 } else { 8 })?;
    let id = fields.u32()?;
    fields.u32()?;
    fields.versioned(version)?; // duration
    fields.skip(16)?; // reserved, layer, group, volume
    let (a, b, _, c, d) =
        (fields.i32()?, fields.i32()?, fields.i32()?, fields.i32()?, fields.i32()?);
    Some((id, [a, b, c, d]))
}

/// `matrix_coefficients` and full range of a `colr` box.
fn colour_tag(entry: &[u8]) -> Option<(u32, bool)> {
    let mut fields = Fields::new(find(entry, b"colr")?);
    let kind = fields.name()?;
    fields.skip(4)?; // primaries, transfer
    let matrix = u32::from(fields.u16()?);
    match &kind {
        b"nclx" => Some((matrix, fields.rest().first()? & 0x80 != 0)),
        b"nclc" => Some((matrix, false)),
        _ => None,
    }
}

/// Where all pictures claim the same moment, spreads them over the track's duration.
fn spread_equal_times(samples: &mut [Sample], duration: u64) -> Option<String> {
    let num = samples.len() as u64;
    if num < 2 || samples.iter().any(|sample| sample.duration != 0) {
        return None;
    }
    let step = (duration / num).max(1);
    for (i, sample) in samples.iter_mut().enumerate() {
        sample.duration = u32::try_from(step).unwrap_or(u32::MAX);
        sample.cts = sample
            .cts
            .saturating_add(i64::try_from(step).unwrap_or(i64::MAX).saturating_mul(i as i64));
    }
    Some("stts gives every picture a duration of 0; they are spread evenly over the track".into())
}

/// Drops pictures whose bytes are not in the file, and those that build on them.
fn drop_unreadable(samples: &mut Vec<Sample>, media_len: u64) -> Option<String> {
    let before = samples.len();
    let mut chain_is_whole = true; // decoding may begin at the first picture whatever its flag says
    samples.retain(|sample| {
        if sample.size == 0 {
            return false; // a writer's way to say "as before": nothing to decode, nothing that builds on it
        }
        let is_there =
            sample.offset.checked_add(sample.size.into()).is_some_and(|end| end <= media_len);
        chain_is_whole = is_there && (chain_is_whole || sample.is_sync);
        chain_is_whole
    });
    let lost = before - samples.len();
    (lost > 0).then(|| {
        format!("{lost} of {before} pictures lie outside the file or build on one that does")
    })
}

/// What people call a codec, from the name of its sample description.
fn codec_name(entry: [u8; 4]) -> String {
    let known = match &entry {
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => "HEVC",
        b"av01" => "AV1",
        b"vp08" => "VP8",
        b"vp09" => "VP9",
        b"mp4v" => "MPEG-4 part 2",
        b"jpeg" | b"mjpa" | b"mjpb" => "motion JPEG in MP4",
        b"apch" | b"apcn" | b"apcs" | b"apco" | b"ap4h" | b"ap4x" => "ProRes",
        b"encv" => "encrypted video",
        b"s263" | b"h263" => "H.263",
        _ => "video",
    };
    format!("{known} ({})", shown(entry))
}
