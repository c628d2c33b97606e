use std::path::PathBuf;

use crate::{Format, Joint, JointSet};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a recording could not be read, cleaned, measured or edited.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file or folder could not be opened, read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file has nothing in it, or a header and no frames.
    #[error("{}: no frames in it", path.display())]
    Empty {
        /// The file or folder.
        path: PathBuf,
    },
    /// Larger than this crate is willing to load at once.
    #[error("{}: {found} {what}, more than the limit of {limit}", path.display())]
    TooLarge {
        /// The file or folder.
        path: PathBuf,
        /// What was counted: `bytes`, `files`, `people in a frame`.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// The format could not be told from the path.
    #[error("{}: cannot tell the format; pass one of {}", path.display(), format_names())]
    UnknownFormat {
        /// The file or folder.
        path: PathBuf,
    },
    /// A format name that is not one of [`Format::ALL`].
    #[error("unknown format {name:?}; expected one of {}", format_names())]
    FormatName {
        /// The name found.
        name: String,
    },
    /// A name of a joint set that is not one of [`JointSet::ALL`].
    #[error("unknown joint set {name:?}; expected one of {}", joint_set_names())]
    JointSetName {
        /// The name found.
        name: String,
    },
    /// A format that has no place for such a recording.
    #[error("{format} cannot hold this recording: {problem}")]
    CannotHold {
        /// The format.
        format: Format,
        /// What it holds and what this is.
        problem: String,
    },
    /// The file's own clock runs at another pace than its frame rate says.
    #[error(
        "{}: the file states {stated_fps} frames a second, but its frames are {step_s:.4} s apart; pass --fps",
        path.display()
    )]
    RateMismatch {
        /// The file.
        path: PathBuf,
        /// The frame rate it states.
        stated_fps: f64,
        /// Median time between its frames, in seconds.
        step_s: f64,
    },
    /// Frames that do not follow one another evenly: a variable frame rate, or two recordings in one file.
    #[error(
        "{}: frame {frame} comes {step_s:.4} s after the one before it, not {expected_s:.4} s; \
         cut or resample the recording, or pass --fps to take its frames as even",
        path.display()
    )]
    UnevenTime {
        /// The file.
        path: PathBuf,
        /// Number of the frame, in the file's counting.
        frame: u64,
        /// Time since the frame before it, in seconds.
        step_s: f64,
        /// What the frame rate says.
        expected_s: f64,
    },
    /// A line of a text file has a wrong field.
    #[error("{}, line {line}, field {field}: {problem}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: u64,
        /// Column or header key.
        field: String,
        /// What is wrong, with the value found, and what would be right.
        problem: String,
    },
    /// A row has more or fewer cells than the header.
    #[error("{}, line {line}: {found} cells, but the header has {expected}", path.display())]
    RowLength {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: u64,
        /// Cells in this row.
        found: usize,
        /// Cells in the header.
        expected: usize,
    },
    /// The file's header lacks something or has it wrong.
    #[error("{}: header field {field}: {problem}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// The key or column.
        field: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The file is not the JSON it should be.
    #[error("{}: not valid JSON of this format", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why, by line and column.
        source: serde_json::Error,
    },
    /// A JSON entry has a wrong field.
    #[error("{}, entry {entry}, field {field}: {problem}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// Entry (annotation or person), counted from 0.
        entry: usize,
        /// The field.
        field: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// Neither the file nor the caller says how many frames a second there are.
    #[error("{}: the file does not say its frame rate; pass --fps", path.display())]
    MissingFps {
        /// The file or folder.
        path: PathBuf,
    },
    /// A frame rate that is zero, negative, not a number, or beyond any camera.
    #[error(
        "fps is {fps}; it must be a positive number of frames a second, at most 100000 (pass --fps)"
    )]
    BadFps {
        /// The value found.
        fps: f64,
    },
    /// A motion needs at least two frames.
    #[error("{}: {found} frame(s); a motion needs at least 2", path.display())]
    TooFewFrames {
        /// The file or folder.
        path: PathBuf,
        /// Frames found.
        found: usize,
    },
    /// Frame numbers leap so far that this cannot be one recording.
    #[error("{}: frame numbers leap from {before} to {after}; is this one recording?", path.display())]
    FrameLeap {
        /// The file or folder.
        path: PathBuf,
        /// Frame number before the leap.
        before: u64,
        /// Frame number after it.
        after: u64,
    },
    /// Nobody was detected in any frame.
    #[error("{}: no person in any frame", path.display())]
    Nobody {
        /// The file or folder.
        path: PathBuf,
    },
    /// A joint name this crate does not know.
    #[error(
        "unknown joint {name:?}; expected names such as nose, mid_hip, knee_r, l_ankle, RBigToe"
    )]
    UnknownJoint {
        /// The name found.
        name: String,
    },
    /// A measure name this crate does not know.
    #[error("unknown measure {name:?}; expected one of {expected}")]
    UnknownMeasure {
        /// The name found.
        name: String,
        /// The names there are.
        expected: String,
    },
    /// A measure that exists on both sides was named without one.
    #[error("measure {name:?} needs a side, left or right")]
    MeasureNeedsSide {
        /// The measure.
        name: &'static str,
    },
    /// Arrays, joints and dimensions that do not fit together.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// Which array or axis.
        what: &'static str,
        /// What would fit.
        expected: String,
        /// What there is.
        found: String,
    },
    /// A joint occurs twice in one series.
    #[error("joint {joint} occurs twice")]
    DuplicateJoint {
        /// The joint.
        joint: Joint,
    },
    /// A coordinate or confidence that no sensor gives (infinite; negative or not-a-number confidence).
    #[error("frame {frame_idx}, joint {joint}: {what} is {value}")]
    BadValue {
        /// Frame, counted from 0.
        frame_idx: usize,
        /// The joint.
        joint: Joint,
        /// `position` or `confidence`.
        what: &'static str,
        /// The value found.
        value: f64,
    },
    /// A setting outside its range.
    #[error("{name} is {value}; it must be {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// The value found.
        value: f64,
        /// The range.
        expected: String,
    },
    /// A frame range outside the series, or empty.
    #[error("frames {start}..{end} of a series of {num_frames}")]
    FrameRange {
        /// First frame asked for.
        start: usize,
        /// One past the last frame asked for.
        end: usize,
        /// Frames there are.
        num_frames: usize,
    },
    /// A picture that could not be drawn or encoded.
    #[error("cannot draw: {problem}")]
    Picture {
        /// What went wrong.
        problem: String,
    },
    /// Two joints that are never seen together, or lie on one another: nothing to measure a length by.
    #[error("{from} and {to} are never seen apart and together in one frame")]
    NoSegment {
        /// One end.
        from: Joint,
        /// The other.
        to: Joint,
    },
    /// A header key, header value or keyframe name that a table cannot hold.
    #[error("{text:?} cannot be written: empty, padded, or with a line break or separator in it")]
    Label {
        /// The text found.
        text: String,
    },
    /// A joint that does not bend as a hinge between two recorded segments.
    #[error(
        "cannot change the flexion of {joint}: it is not a hinge, or a joint beside it is not recorded"
    )]
    NotAHinge {
        /// The joint.
        joint: Joint,
    },
    /// A person's box with nothing in it, or outside the picture.
    #[error("person box {left}, {top}, {width} x {height}: {problem}")]
    PersonBox {
        /// x of the left edge, pixels.
        left: f64,
        /// y of the upper edge, pixels, y down.
        top: f64,
        /// Pixels across.
        width: f64,
        /// Pixels down.
        height: f64,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A person's box that was not written as four numbers.
    #[error("box {text:?}: expected four numbers, left,top,width,height")]
    BoxText {
        /// What was written.
        text: String,
    },
    /// A setting of a pose network's checkpoint that no network can be made of.
    #[error("{}: field {field}: {problem}", path.display())]
    Checkpoint {
        /// The settings file.
        path: PathBuf,
        /// The field, with dots between levels.
        field: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A file of weights that is not one.
    #[error("{}: not a usable safetensors file: {problem}", path.display())]
    WeightFile {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        problem: String,
    },
    /// The weights are not those of the network that the settings describe.
    #[error(
        "{}: the weights do not fit config.json: {}{}{}", path.display(),
        listed("missing", missing), listed("unused", unused), listed("of another shape", misshaped)
    )]
    Weights {
        /// The checkpoint's folder.
        path: PathBuf,
        /// Tensors that the network needs and no file has.
        missing: Vec<String>,
        /// Tensors of the files that the network has no place for.
        unused: Vec<String>,
        /// Tensors of another shape or kind, with both shapes.
        misshaped: Vec<String>,
    },
    /// A weight that is infinite or not a number.
    #[error("{}: tensor {name} holds a value that is not finite", path.display())]
    BadWeight {
        /// The checkpoint's folder.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// The network's output is infinite or not a number, so its weights are broken or too large for the precision.
    #[error("the pose network gives heatmaps that are not finite; its weights overflow")]
    NotFinite,
    /// An expert that the network does not have.
    #[error("expert {expert} of a network with {num_experts}; they count from 0")]
    Expert {
        /// The expert asked for.
        expert: usize,
        /// Experts there are.
        num_experts: usize,
    },
    /// Keypoints whose labels name no joints.
    #[error("{needed_for} needs to know the joints, but the checkpoint's id2label says {labels:?}")]
    Labels {
        /// What cannot be done.
        needed_for: &'static str,
        /// The labels.
        labels: Vec<String>,
    },
}

impl Error {
    pub(crate) fn io(path: &std::path::Path, source: std::io::Error) -> Error {
        Error::Io { path: path.to_owned(), source }
    }
}

/// `2 missing (a, b); `: the first few of a list by name.
fn listed(what: &str, names: &[String]) -> String {
    const SHOWN: usize = 3;
    match names.len() {
        0 => String::new(),
        n => {
            let more = if n > SHOWN { ", ..." } else { "" };
            format!("{n} {what} ({}{more}); ", names[..n.min(SHOWN)].join(", "))
        }
    }
}

fn format_names() -> String {
    Format::ALL.map(Format::name).join(", ")
}

fn joint_set_names() -> String {
    JointSet::ALL.map(JointSet::name).join(", ")
}
