//! Biovision hierarchies: bones with a length, turned by Euler angles.

mod hierarchy;
mod names;
mod write;

use std::collections::BTreeMap;
use std::path::Path;

use super::{Recording, Row, assemble, read_text};
use crate::series::check_fps;
use crate::{Error, Result, Unit};

use hierarchy::{Hierarchy, number};

pub(super) use write::to_text;

/// Leg lengths that tell the unit, in metres (ours: from a toddler to the tallest).
const LEGS_M: std::ops::Range<f64> = 0.3..1.3;
/// More frames than this are refused before anything is allocated (ours).
const MAX_FRAMES: usize = 10_000_000;

/// Reads a BVH file into joint positions in space, y up.
///
/// The frame rate is that of `Frame Time`. The format has no unit: metres, centimetres and millimetres are told by the
/// length of the legs, anything else is [`Unit::Unknown`]. Nodes that are no joint are listed in `meta["ignored_markers"]`.
pub(super) fn read(path: &Path, fps: Option<f64>) -> Result<Recording> {
    let text = read_text(path)?;
    let wrong = |line: u64, field: &str, problem: String| Error::Field {
        path: path.to_owned(),
        line,
        field: field.to_owned(),
        problem,
    };
    let mut words = (1_u64..).zip(text.lines()).flat_map(|(line, text)| {
        text.trim_start_matches('\u{feff}').split_whitespace().map(move |word| (line, word))
    });
    if words.next().is_none_or(|(_, word)| !word.eq_ignore_ascii_case("HIERARCHY")) {
        let problem = "a BVH file starts with this word".to_owned();
        return Err(Error::Header { path: path.to_owned(), field: "HIERARCHY".into(), problem });
    }
    let hierarchy = Hierarchy::parse(&mut words)
        .map_err(|(line, problem)| wrong(line, "HIERARCHY", problem))?;
    let mut key = |key: &str| -> Result<f64> {
        let mut line = 0;
        for expected in key.split(' ') {
            let (at, word) = words.next().unwrap_or((line, ""));
            line = at;
            if !word.eq_ignore_ascii_case(expected) {
                return Err(wrong(line, key, format!("expected {key:?}, found {word:?}")));
            }
        }
        let (line, word) = words.next().unwrap_or((line, ""));
        number(word).map_err(|problem| wrong(line, key, problem))
    };
    let num_frames = key("Frames:")?;
    let frame_time_s = key("Frame Time:")?;
    let fps = match fps {
        Some(fps) => fps,
        None => rounded(1.0 / frame_time_s),
    };
    check_fps(fps).map_err(|_| {
        wrong(
            0,
            "Frame Time:",
            format!("{frame_time_s} s is no frame time; correct it or pass --fps"),
        )
    })?;
    if !(num_frames >= 0.0 && num_frames <= MAX_FRAMES as f64 && num_frames.fract() == 0.0) {
        return Err(wrong(0, "Frames:", format!("{num_frames} is no number of frames")));
    }
    let mut values: Vec<f64> = Vec::new();
    for (line, word) in words {
        values.push(number(word).map_err(|problem| wrong(line, "MOTION", problem))?);
    }
    let num_frames = num_frames as usize;
    let expected = num_frames.saturating_mul(hierarchy.num_channels);
    if hierarchy.num_channels == 0 || values.len() != expected {
        let (found, channels) = (values.len(), hierarchy.num_channels);
        let problem =
            format!("{found} values; {num_frames} frames of {channels} channels need {expected}");
        return Err(wrong(0, "MOTION", problem));
    }
    recording(path, &hierarchy, &values, fps)
}

/// A rate written as a rounded frame time is the round rate that was meant: 0.0333333 s is 30 a second.
fn rounded(fps: f64) -> f64 {
    if (fps - fps.round()).abs() < 1e-4 * fps { fps.round() } else { fps }
}

fn recording(path: &Path, hierarchy: &Hierarchy, values: &[f64], fps: f64) -> Result<Recording> {
    let joints = names::joints(hierarchy);
    let is_ignored = |i: usize| joints.iter().all(|(_, node)| *node != i);
    let others: Vec<&str> = hierarchy
        .nodes
        .iter()
        .enumerate()
        .filter(|(i, node)| !node.is_end && is_ignored(*i))
        .map(|(_, node)| node.name.as_str())
        .collect();
    if joints.is_empty() {
        let problem = format!("no bone is named like a joint; found {}", others.join(" "));
        return Err(Error::Header { path: path.to_owned(), field: "JOINT".into(), problem });
    }
    let rows: Vec<Row> = (0..)
        .zip(values.chunks_exact(hierarchy.num_channels))
        .map(|(number, row)| {
            let world = hierarchy.positions(row);
            let coordinates = joints.iter().flat_map(|(_, node)| world[*node]).collect();
            Row { number, coordinates, confidence: vec![1.0; joints.len()] }
        })
        .collect();
    let mut meta = BTreeMap::new();
    if !others.is_empty() {
        meta.insert("ignored_markers".to_owned(), others.join(" "));
    }
    let names = joints.iter().map(|(joint, _)| *joint).collect();
    let series = assemble(path, names, 3, &rows, fps, Unit::Unknown)?;
    let leg = series.leg_length().unwrap_or(f64::NAN);
    let unit = [Unit::Metre, Unit::Centimetre, Unit::Millimetre]
        .into_iter()
        .find(|unit| unit.per_metre().is_some_and(|n| LEGS_M.contains(&(leg / n))));
    let series = series.with_unit(unit.unwrap_or(Unit::Unknown));
    Ok(Recording { series, meta, keyframes: Vec::new() })
}
