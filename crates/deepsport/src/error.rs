//! Why something could not be done.

use std::path::PathBuf;

use crate::ServiceProblem;

/// Result with this crate's [`Error`] unless another is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be done. File errors hold their `path`; what lies below is the `source`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("{}: cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Frames could not be had.
    #[error(transparent)]
    Video(#[from] frame_tool::Error),
    /// A setting that makes no sense.
    #[error("{name} is {value}; expected: {expected}")]
    InvalidSetting {
        /// Which one.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is possible.
        expected: String,
    },
    /// A file that is not what it should be as a whole; single bad rows are reported apart, see
    /// [`BadRow`](crate::data::BadRow).
    #[error("{}: not a file of {source_name}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The kind of file that was expected.
        source_name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A JSON document that is not what it should be.
    #[error("not a valid {what}")]
    Json {
        /// What was expected.
        what: &'static str,
        /// Where and why reading stopped.
        source: serde_json::Error,
    },
    /// A model behind a server gave no answer.
    #[error("{endpoint}: {problem}")]
    Service {
        /// Its address.
        endpoint: String,
        /// What went wrong.
        problem: ServiceProblem,
    },
    /// A folder is no model.
    #[error(
        "{}: no model, for it lacks {missing}; a folder as `train` writes it or the hub keeps it is needed",
        path.display()
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Files that are not there.
        missing: String,
    },
    /// A model in a folder cannot be read, written or run.
    #[cfg(feature = "local")]
    #[error("the model in {}", path.display())]
    Model {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        source: deepsport_model::Error,
    },
    /// A conversation has outgrown what the model can read.
    #[error(
        "{speaker}: the conversation takes {length} tokens of a context of {context}; show fewer or smaller frames"
    )]
    ContextLength {
        /// Who.
        speaker: String,
        /// Tokens of the conversation so far.
        length: usize,
        /// Tokens that it can read.
        context: usize,
    },
    /// Something else that speaks gave no answer.
    #[error("{speaker} says nothing: {reason}")]
    Speaker {
        /// Who.
        speaker: String,
        /// Why.
        reason: String,
    },
    /// Frames changed since a trajectory was recorded.
    #[error(
        "turn {turn}, frame {frame_idx}: other pixels than on record; is it the same video, opened in the same size?"
    )]
    Replay {
        /// 0-based turn.
        turn: usize,
        /// 0-based frame of the video.
        frame_idx: usize,
    },
    /// The same video is in two parts of a data set.
    #[error("video {video_id:?} is in both {first} and {second}; split by video")]
    Leak {
        /// The video.
        video_id: String,
        /// A part that holds it.
        first: String,
        /// Another one.
        second: String,
    },
    /// There is nothing to compute from.
    #[error("{what}: {reason}")]
    TooFew {
        /// What was to be computed.
        what: &'static str,
        /// What is missing.
        reason: String,
    },
    /// A page could not be written.
    #[error("the page cannot be rendered")]
    Page(#[from] askama::Error),
    /// Training stopped.
    #[cfg(feature = "local")]
    #[error(transparent)]
    Training(#[from] grpo::Error),
    /// A model, its tokenizer or its sizes.
    #[cfg(feature = "local")]
    #[error(transparent)]
    Network(#[from] deepsport_model::Error),
}
