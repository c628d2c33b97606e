//! C3D, the file of motion capture laboratories: marker positions in a binary table.
//!
//! Read here and not by `c3dio`, the live crate for it, because that one panics on damaged files (it indexes what the
//! file says without a check); the tests read what is written here with it.

mod bytes;
mod markers;
mod parameters;
mod write;

use std::collections::BTreeMap;
use std::path::Path;

use super::{Recording, Row, assemble, known_fps, read_bytes};
use crate::series::check_fps;
use crate::{Error, Joint, Result, Unit};

use bytes::Processor;
use parameters::Parameters;

pub(super) use write::to_bytes;

const BLOCK: usize = 512;

/// Which way a laboratory's axes point.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Up {
    Y,
    Z,
}

/// Where the samples are and what they mean.
#[derive(Debug)]
struct Layout {
    processor: Processor,
    first_frame: u64,
    num_frames: usize,
    num_points: usize,
    /// Analog values between the points of two frames.
    num_analog: usize,
    data_at: usize,
    /// Units of one count; `None` if the samples are floats.
    scale: Option<f64>,
}

/// Reads the markers that are joints, y up.
///
/// `POINT:Y_SCREEN` says which axis is up; without it z is, as in laboratories. A negative residual is a missing sample.
/// Markers that are no joint are listed in `meta["ignored_markers"]`.
pub(super) fn read(path: &Path, fps: Option<f64>) -> Result<Recording> {
    let bytes = read_bytes(path)?;
    let header = |field: &str, problem: &str| Error::Header {
        path: path.to_owned(),
        field: field.to_owned(),
        problem: problem.to_owned(),
    };
    if bytes.get(1) != Some(&80) || bytes.len() < 2 * BLOCK {
        return Err(header(
            "first block",
            "a C3D file has 80 in its second byte and 1024 bytes at least",
        ));
    }
    let parameters_at = (usize::from(bytes[0]).max(1) - 1) * BLOCK;
    let processor = bytes.get(parameters_at + 3).and_then(|byte| Processor::of(*byte));
    let processor = processor
        .ok_or_else(|| header("processor", "neither Intel (84), DEC (85) nor MIPS (86)"))?;
    let parameters = Parameters::parse(&bytes, parameters_at, processor)
        .map_err(|problem| header("parameters", problem))?;
    let (layout, rate) = layout(&bytes, processor, &parameters)
        .map_err(|(field, problem)| header(field, problem))?;
    let fps = known_fps(path, fps, rate.filter(|rate| check_fps(*rate).is_ok()))?;
    let unit = match parameters.strings("POINT:UNITS").first().map(String::as_str) {
        Some("mm") => Unit::Millimetre,
        Some("cm") => Unit::Centimetre,
        Some("m") => Unit::Metre,
        None | Some("") => Unit::Unknown,
        Some(found) => {
            return Err(header("POINT:UNITS", &format!("{found:?} is not mm, cm or m")));
        }
    };
    let up = match parameters.strings("POINT:Y_SCREEN").first().map(String::as_str) {
        Some("+Y") => Up::Y,
        Some("+Z") | None | Some("") => Up::Z,
        Some(found) => {
            let problem = format!("{found:?} is up; +Y and +Z are understood");
            return Err(header("POINT:Y_SCREEN", &problem));
        }
    };
    let (joints, ignored) = joints(&parameters, layout.num_points);
    if joints.is_empty() {
        let problem = format!("no marker is a joint; found {}", ignored.join(" "));
        return Err(header("POINT:LABELS", &problem));
    }
    let rows = rows(&bytes, &layout, &joints, up).map_err(|problem| header("data", &problem))?;
    let mut meta = BTreeMap::new();
    super::note_first_frame(&mut meta, &rows);
    if !ignored.is_empty() {
        meta.insert("ignored_markers".to_owned(), ignored.join(" "));
    }
    let names = joints.iter().map(|(joint, _)| *joint).collect();
    let series = assemble(path, names, 3, &rows, fps, unit)?;
    Ok(Recording { series, meta, keyframes: Vec::new() })
}

/// The layout and the frame rate, if there is one; or the field that is wrong and why.
fn layout(
    bytes: &[u8],
    processor: Processor,
    parameters: &Parameters,
) -> std::result::Result<(Layout, Option<f64>), (&'static str, &'static str)> {
    let word = |i: usize| processor.u16(bytes, 2 * i).unwrap_or(0);
    let float = |i: usize| f64::from(processor.f32(bytes, 2 * i).unwrap_or(0.0));
    let scale = parameters.number("POINT:SCALE").unwrap_or_else(|| float(6));
    if !scale.is_finite() || scale == 0.0 {
        return Err(("POINT:SCALE", "it must be a number other than 0"));
    }
    let (first, last) = (u64::from(word(3)), u64::from(word(4)));
    // The header counts to 65535 only; longer recordings say so in a pair of 16-bit words.
    let field = |name: &str| match parameters.numbers(name)[..] {
        [low, high] => {
            let unsigned = |v: f64| if v < 0.0 { v + 65536.0 } else { v };
            Some((unsigned(low) + 65536.0 * unsigned(high)) as u64)
        }
        _ => None,
    };
    let (first, last) = match (field("TRIAL:ACTUAL_START_FIELD"), field("TRIAL:ACTUAL_END_FIELD")) {
        (Some(start), Some(end)) if start <= end => (start, end),
        _ => (first, last),
    };
    if last < first {
        return Err(("frames", "the last frame comes before the first"));
    }
    let data_block = usize::from(word(8)).max(1);
    let rate = parameters.number("POINT:RATE").filter(|r| *r > 0.0).unwrap_or_else(|| float(10));
    let layout = Layout {
        processor,
        first_frame: first,
        num_frames: (last - first)
            .checked_add(1)
            .and_then(|count| usize::try_from(count).ok())
            .ok_or(("frames", "there are too many"))?,
        num_points: usize::from(word(1)),
        num_analog: usize::from(word(2)),
        data_at: (data_block - 1) * BLOCK,
        scale: (scale > 0.0).then_some(scale),
    };
    Ok((layout, Some(rate)))
}

/// Joints with the place of their marker, centres before markers on the skin; and the labels that are none.
fn joints(parameters: &Parameters, num_points: usize) -> (Vec<(Joint, usize)>, Vec<String>) {
    let mut labels = parameters.strings("POINT:LABELS");
    for i in 2..100 {
        match parameters.strings(&format!("POINT:LABELS{i}")) {
            more if more.is_empty() => break,
            more => labels.extend(more),
        }
    }
    labels.truncate(num_points);
    let mut joints: Vec<(Joint, usize)> = Vec::new();
    for rank in 0..=1 {
        for (i, label) in labels.iter().enumerate() {
            if let Some((joint, _)) = markers::joint_of(label).filter(|(_, r)| *r == rank)
                && joints.iter().all(|(known, _)| *known != joint)
            {
                joints.push((joint, i));
            }
        }
    }
    let is_used = |i: usize| joints.iter().any(|(_, used)| *used == i);
    let ignored =
        labels.iter().enumerate().filter(|(i, _)| !is_used(*i)).map(|(_, l)| l.clone()).collect();
    (joints, ignored)
}

fn rows(
    bytes: &[u8],
    layout: &Layout,
    joints: &[(Joint, usize)],
    up: Up,
) -> std::result::Result<Vec<Row>, String> {
    let width = if layout.scale.is_some() { 2 } else { 4 };
    let frame_bytes = width * (4 * layout.num_points + layout.num_analog);
    let there = bytes.len().saturating_sub(layout.data_at) / frame_bytes.max(1);
    if there < layout.num_frames {
        let num_frames = layout.num_frames;
        return Err(format!("{there} frames of the {num_frames} that the header counts"));
    }
    let value = |at: usize| match layout.scale {
        Some(_) => layout.processor.i16(bytes, at).map(f64::from),
        None => layout.processor.f32(bytes, at).map(f64::from),
    };
    let mut rows = Vec::with_capacity(layout.num_frames);
    for f in 0..layout.num_frames {
        let mut row = Row {
            number: layout.first_frame + f as u64,
            coordinates: Vec::with_capacity(3 * joints.len()),
            confidence: Vec::with_capacity(joints.len()),
        };
        for (_, marker) in joints {
            let at = layout.data_at + f * frame_bytes + 4 * width * marker;
            let [x, y, z, residual] =
                [0, 1, 2, 3].map(|i| value(at + i * width).unwrap_or(f64::NAN));
            let scale = layout.scale.unwrap_or(1.0);
            let [x, y, z] = [x, y, z].map(|v| v * scale);
            // Some writers mark an unseen marker by zeros alone, some by numbers that are none.
            let seen =
                residual >= 0.0 && [x, y, z].iter().all(|v| v.is_finite()) && [x, y, z] != [0.0; 3];
            let place = if up == Up::Y { [x, y, z] } else { [x, z, 0.0 - y] };
            row.coordinates.extend(if seen { place } else { [f64::NAN; 3] });
            row.confidence.push(if seen { 1.0 } else { 0.0 });
        }
        rows.push(row);
    }
    Ok(rows)
}
