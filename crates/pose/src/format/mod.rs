//! Pose files in and out. A format is one module that turns a path into rows, and a series into text or bytes; the rest
//! is shared here.

mod csv;
mod trc;
mod c3d;
mod bvh;
mod openpose;
mod coco;
mod alphapose;
mod mmpose;
mod mediapipe;
mod gaitlab;
mod people; // one athlete out of several
mod pixels;
mod times;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
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
    /// AlphaPose's result list, COCO-17 or Halpe-26, one file.
    AlphaPose,
    /// Biovision hierarchy: bones turned by Euler angles, in space.
    Bvh,
    /// Binary marker tracks of motion capture laboratories, in space.
    C3d,
    /// COCO keypoint results (a list) or annotations (an object), 17 joints, one file.
    Coco,
    /// `gaitlab.pose/v1` of the running-gait-analysis project, one file; read only.
    Gaitlab,
    /// MediaPipe's 33 landmarks dumped to JSON, one file.
    MediaPipe,
    /// JSON of MMPose's inferencer and demo scripts, one file.
    MmPose,
    /// A folder with one OpenPose JSON file a frame, BODY_25 or COCO-18.
    OpenPose,
    /// Marker tracks as OpenSim, Pose2Sim and Sports2D write them.
    Trc,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 10] = [
        Format::Csv,
        Format::AlphaPose,
        Format::Bvh,
        Format::C3d,
        Format::Coco,
        Format::Gaitlab,
        Format::MediaPipe,
        Format::MmPose,
        Format::OpenPose,
        Format::Trc,
    ];

    /// `csv`, `alphapose`, `bvh`, `c3d`, `coco`, `gaitlab`, `mediapipe`, `mmpose`, `openpose` or `trc`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::AlphaPose => "alphapose",
            Format::Bvh => "bvh",
            Format::C3d => "c3d",
            Format::Coco => "coco",
            Format::Gaitlab => "gaitlab",
            Format::MediaPipe => "mediapipe",
            Format::MmPose => "mmpose",
            Format::OpenPose => "openpose",
            Format::Trc => "trc",
        }
    }

    /// Tells the format from a path: folders are OpenPose, files go by their ending (`csv`, `trc`, `c3d`, `bvh`); which
    /// kind of JSON it is by its words, in whatever order they come, COCO where they do not tell.
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
            "c3d" => Ok(Format::C3d),
            "bvh" => Ok(Format::Bvh),
            "json" if openpose::is_frame_file(path) => Ok(Format::OpenPose),
            "json" => Ok(kind_of_json(path)),
            _ => Err(Error::UnknownFormat { path: path.to_owned() }),
        }
    }
}

/// By the keys that only one tool writes.
fn kind_of_json(path: &Path) -> Format {
    // A file that cannot be opened, or is too large, is reported when it is read.
    let text = read_bytes(path).unwrap_or_default();
    let text: String = String::from_utf8_lossy(&text).split_whitespace().collect();
    let has = |word: &str| text.contains(word);
    if has("\"gaitlab.pose/") {
        Format::Gaitlab
    } else if has("andmarks\":") {
        Format::MediaPipe
    } else if has("\"keypoint_scores\":") || has("\"instance_info\":") || has("\"instances\":") {
        Format::MmPose
    } else if has("\"image_id\":\"") {
        Format::AlphaPose
    } else {
        Format::Coco
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Format> {
        let known = Format::ALL.into_iter().find(|f| f.name() == name.to_ascii_lowercase());
        known.ok_or_else(|| Error::FormatName { name: name.to_owned() })
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
/// `format` is told from the path if `None`. `fps`, where given, wins over the file's own; most JSON formats have none.
/// A clock in the file that contradicts its frame rate, or jumps, is refused unless `fps` is given.
/// Joints the file does not record are absent; samples it marks as unseen are missing. Missing frame numbers become
/// missing frames. With several people in the picture the one with the most confidence over the longest track is kept,
/// and `meta["people"]` says so.
///
/// # Errors
///
/// Names the file and the line, entry or field: [`Error::Io`], [`Error::Empty`], [`Error::Header`], [`Error::Field`],
/// [`Error::RowLength`], [`Error::Json`], [`Error::Entry`], [`Error::MissingFps`], [`Error::BadFps`],
/// [`Error::TooFewFrames`], [`Error::FrameLeap`], [`Error::RateMismatch`], [`Error::UnevenTime`], [`Error::Nobody`],
/// [`Error::TooLarge`], [`Error::UnknownFormat`].
pub fn read(path: &Path, format: Option<Format>, fps: Option<f64>) -> Result<Recording> {
    if let Some(fps) = fps {
        check_fps(fps)?;
    }
    std::fs::metadata(path).map_err(|source| Error::io(path, source))?;
    let format = format.map_or_else(|| Format::detect(path), Ok)?;
    let recording = match format {
        Format::Csv => csv::read(path, fps),
        Format::AlphaPose => alphapose::read(path, fps),
        Format::Bvh => bvh::read(path, fps),
        Format::C3d => c3d::read(path, fps),
        Format::Coco => coco::read(path, fps),
        Format::Gaitlab => gaitlab::read(path, fps),
        Format::MediaPipe => mediapipe::read(path, fps),
        Format::MmPose => mmpose::read(path, fps),
        Format::OpenPose => openpose::read(path, fps),
        Format::Trc => trc::read(path, fps),
    }?;
    match recording.series.num_frames() {
        found @ 0..2 => Err(Error::TooFewFrames { path: path.to_owned(), found }),
        _ => Ok(recording),
    }
}

/// Writes one athlete's recording; [`read`] gives it back as far as the format holds it.
///
/// `format` is told from the path if `None`; a name without an ending is an OpenPose folder. Pixel formats get exactly
/// their own joints ([`JointSet`](crate::JointSet): BODY_25, COCO-17, Halpe-26, BlazePose-33), y down. Only
/// [`Format::Csv`] keeps everything. A file appears whole or not at all; an OpenPose folder frame by frame.
///
/// # Errors
///
/// [`Error::CannotHold`] where the format has no place for such a recording, and says why; [`Error::Io`];
/// [`Error::UnknownFormat`]; [`Error::Label`] as [`write_csv`].
pub fn write(path: &Path, format: Option<Format>, recording: &Recording) -> Result<()> {
    let Recording { series, meta, keyframes } = recording;
    let format = match format {
        Some(format) => format,
        None if path.extension().is_none() => Format::OpenPose,
        None => Format::detect(path)?,
    };
    // A number near the end of its range would run over it; such a recording counts from 0.
    let first_frame = meta.get("first_frame").and_then(|v| v.parse::<u64>().ok());
    let first_frame = first_frame.filter(|number| *number <= u64::from(u32::MAX)).unwrap_or(0);
    let bytes = match format {
        Format::Csv => to_csv(series, meta, keyframes)?.into_bytes(),
        Format::AlphaPose => alphapose::to_json(series, first_frame)?.into_bytes(),
        Format::Bvh => bvh::to_text(series)?.into_bytes(),
        Format::C3d => c3d::to_bytes(series, first_frame)?,
        Format::Coco => coco::to_json(series, first_frame)?.into_bytes(),
        Format::MediaPipe => {
            let side = |key: &str| meta.get(key)?.parse().ok().filter(|side| *side >= 1.0);
            let size = side("width").zip(side("height")).map(|(width, height)| [width, height]);
            mediapipe::to_json(series, size, first_frame)?.into_bytes()
        }
        Format::MmPose => mmpose::to_json(series, first_frame)?.into_bytes(),
        Format::OpenPose => return openpose::write(path, series, first_frame),
        Format::Trc => trc::to_text(series, first_frame)?.into_bytes(),
        Format::Gaitlab => {
            let problem = "it is read only; write csv, which keeps everything".to_owned();
            return Err(Error::CannotHold { format, problem });
        }
    };
    write_whole(path, &bytes)
}

/// Writes a file beside its place and renames it, so that it appears whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let io = |source| Error::io(path, source);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less the umask, as for any file
    let mut file = builder.tempfile_in(folder).map_err(io)?;
    file.write_all(bytes).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist(path).map_err(|error| io(error.error))?;
    Ok(())
}

/// Largest file read at once (ours: a day of 60 Hz capture is smaller).
const MAX_BYTES: u64 = 512 << 20;

/// The text of a file of bearable size.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let bytes = read_bytes(path)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        Error::io(path, std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error()))
    })?;
    if text.trim().is_empty() {
        return Err(Error::Empty { path: path.to_owned() });
    }
    Ok(text)
}

/// The bytes of a file of bearable size.
fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let io = |source| Error::io(path, source);
    let found = std::fs::metadata(path).map_err(io)?.len();
    if found > MAX_BYTES {
        let (path, limit) = (path.to_owned(), MAX_BYTES);
        return Err(Error::TooLarge { path, what: "bytes", found, limit });
    }
    std::fs::read(path).map_err(io)
}

/// Notes the number of the first frame where the file does not count from 0.
fn note_first_frame(meta: &mut BTreeMap<String, String>, rows: &[Row]) {
    if let Some(first) = rows.first().map(|row| row.number).filter(|first| *first != 0) {
        meta.insert("first_frame".into(), first.to_string());
    }
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
pub(crate) fn parse_cell(cell: &str) -> std::result::Result<f64, String> {
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
