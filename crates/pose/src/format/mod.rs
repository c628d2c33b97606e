//! Pose files in and out. A format is one module that turns a path into rows; the rest is shared here.

mod csv;
mod trc;
mod openpose;
mod coco;
mod layout;
mod people;

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use ndarray::{Array2, Array3};

use crate::series::check_fps;
use crate::{Error, Joint, Result, SkeletonSeries, Unit};

pub use csv::{to_csv, write_csv};

/// A pose file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The house's own table, as in the shared motion data; see [`write_csv`].
    Csv,
    /// COCO keypoint results (a list) or annotations (an object), 17 joints, one file.
    Coco,
    /// A folder with one OpenPose JSON file a frame, BODY_25 or COCO-18.
    OpenPose,
    /// Marker tracks as OpenSim, Pose2Sim and Sports2D write them.
    Trc,
}

impl Format {
    /// Tells the format from a path: folders are OpenPose, files go by their ending (`csv`, `trc`, `json`).
    ///
    /// # Errors
    ///
    /// [`Error::UnknownFormat`] for any other ending.
    pub fn detect(path: &Path) -> Result<Format> {
        if path.is_dir() {
            return Ok(Format::OpenPose);
        }
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Ok(Format::Csv),
            "trc" => Ok(Format::Trc),
            "json" if openpose::is_frame_file(path) => Ok(Format::OpenPose),
            "json" => Ok(Format::Coco),
            _ => Err(Error::UnknownFormat { path: path.to_owned() }),
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Format> {
        match name.to_ascii_lowercase().as_str() {
            "csv" => Ok(Format::Csv),
            "coco" => Ok(Format::Coco),
            "openpose" => Ok(Format::OpenPose),
            "trc" => Ok(Format::Trc),
            _ => Err(Error::FormatName { name: name.to_owned() }),
        }
    }
}

/// One athlete's recording with what its file says besides.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The skeleton over time, at least 2 frames.
    pub series: SkeletonSeries,
    /// Header fields such as `action`, `subject`, `trial`, and the reader's own notes (`first_frame`, `people`,
    /// `ignored_markers`).
    pub meta: BTreeMap<String, String>,
    /// Named moments in sub-frames of `series`, in the file's order.
    pub keyframes: Vec<(String, f64)>,
}

/// Reads one athlete's recording.
///
/// `format` is told from the path if `None`. `fps`, where given, wins over the file's own; JSON formats have none.
/// Joints the file does not record are absent; samples it marks as unseen are missing. Missing frame numbers become
/// missing frames. With several people in the picture the one with the most confidence over the longest track is kept,
/// and `meta["people"]` says so.
///
/// # Errors
///
/// Names the file and the line, entry or field: [`Error::Io`], [`Error::Empty`], [`Error::Header`], [`Error::Field`],
/// [`Error::RowLength`], [`Error::Json`], [`Error::Entry`], [`Error::MissingFps`], [`Error::BadFps`],
/// [`Error::TooFewFrames`], [`Error::FrameLeap`], [`Error::Nobody`], [`Error::TooLarge`], [`Error::UnknownFormat`].
pub fn read(path: &Path, format: Option<Format>, fps: Option<f64>) -> Result<Recording> {
    if let Some(fps) = fps {
        check_fps(fps)?;
    }
    std::fs::metadata(path).map_err(|source| Error::io(path, source))?;
    let format = format.map_or_else(|| Format::detect(path), Ok)?;
    let recording = match format {
        Format::Csv => csv::read(path, fps),
        Format::Coco => coco::read(path, fps),
        Format::OpenPose => openpose::read(path, fps),
        Format::Trc => trc::read(path, fps),
    }?;
    match recording.series.num_frames() {
        found @ 0..2 => Err(Error::TooFewFrames { path: path.to_owned(), found }),
        _ => Ok(recording),
    }
}

/// Largest file read at once (ours: a day of 60 Hz capture is smaller).
const MAX_BYTES: u64 = 512 << 20;

/// The text of a file of bearable size.
fn read_text(path: &Path) -> Result<String> {
    let metadata = std::fs::metadata(path).map_err(|source| Error::io(path, source))?;
    if metadata.len() > MAX_BYTES {
        return Err(Error::TooLarge {
            path: path.to_owned(),
            what: "bytes",
            found: metadata.len(),
            limit: MAX_BYTES,
        });
    }
    let text = std::fs::read_to_string(path).map_err(|source| Error::io(path, source))?;
    if text.trim().is_empty() {
        return Err(Error::Empty { path: path.to_owned() });
    }
    Ok(text)
}

/// One frame as a file gives it.
#[derive(Debug, Clone)]
struct Row {
    /// Frame number in the file's own counting.
    number: u64,
    /// `joints * dims` coordinates, y up, NaN where missing.
    coordinates: Vec<f64>,
    /// One a joint.
    confidence: Vec<f64>,
}

/// Rows in rising frame order become a series; frames between them that the file lacks are missing.
fn assemble(
    path: &Path,
    joints: Vec<Joint>,
    num_dims: usize,
    rows: &[Row],
    fps: f64,
    unit: Unit,
) -> Result<SkeletonSeries> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Err(Error::Empty { path: path.to_owned() });
    };
    // Half of a recording may be missing, but a leap beyond that is another recording, and an allocation to refuse.
    let longest_leap = 1000 + rows.len() as u64;
    for pair in rows.windows(2) {
        if pair[1].number - pair[0].number > longest_leap {
            return Err(Error::FrameLeap {
                path: path.to_owned(),
                before: pair[0].number,
                after: pair[1].number,
            });
        }
    }
    let num_frames = last.number - first.number + 1;
    let limit = (20 * rows.len() as u64).max(longest_leap);
    if num_frames > limit {
        return Err(Error::TooLarge {
            path: path.to_owned(),
            what: "frames, most of them missing,",
            found: num_frames,
            limit,
        });
    }
    let shape = (num_frames as usize, joints.len(), num_dims);
    let mut positions = Array3::from_elem(shape, f64::NAN);
    let mut confidence = Array2::zeros((shape.0, shape.1));
    for row in rows {
        let frame_idx = (row.number - first.number) as usize;
        positions
            .index_axis_mut(ndarray::Axis(0), frame_idx)
            .iter_mut()
            .zip(&row.coordinates)
            .for_each(|(to, v)| *to = *v);
        confidence.row_mut(frame_idx).iter_mut().zip(&row.confidence).for_each(|(to, v)| *to = *v);
    }
    SkeletonSeries::new(joints, positions, confidence, fps, unit)
}

fn known_fps(path: &Path, given: Option<f64>, in_file: Option<f64>) -> Result<f64> {
    given.or(in_file).ok_or_else(|| Error::MissingFps { path: path.to_owned() })
}

/// A number, NaN for an empty cell or `NaN`; infinity and anything else is a problem.
fn parse_cell(cell: &str) -> std::result::Result<f64, String> {
    let cell = cell.trim();
    if cell.is_empty() {
        return Ok(f64::NAN);
    }
    match cell.parse::<f64>() {
        Ok(value) if value.is_infinite() => {
            Err(format!("{cell:?} is infinite; leave the cell empty if not measured"))
        }
        Ok(value) => Ok(value),
        Err(_) => Err(format!("{cell:?} is not a number; leave the cell empty if not measured")),
    }
}
