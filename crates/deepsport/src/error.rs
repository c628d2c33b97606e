//! Why something could not be done.

use std::path::PathBuf;
use std::time::Duration;

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
}

/// What can go wrong between this crate and a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceProblem {
    /// Nobody answers at the address.
    #[error("cannot be reached ({reason}); start the server or correct the address")]
    Unreachable {
        /// What the system said.
        reason: String,
    },
    /// Any status other than success.
    #[error("answered with status {status}: {message}; {}", hint(*status))]
    Status {
        /// The status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// No complete answer in time.
    #[error("no complete answer within {after:?}; allow more time or ask for less")]
    TimedOut {
        /// The time allowed.
        after: Duration,
    },
    /// The answer is not in the form that the protocol lays down.
    #[error("the answer cannot be read ({reason}); is this an OpenAI-compatible server?")]
    Malformed {
        /// Where it differs.
        reason: String,
    },
    /// The model refuses to answer.
    #[error("the model refuses: {reason}; ask otherwise or take another model")]
    Refused {
        /// The model's or server's words.
        reason: String,
    },
}

fn hint(status: u16) -> &'static str {
    match status {
        400 | 413 | 422 => "does the model take images, and as many as are shown?",
        401 | 403 => "set a key that is valid there",
        404 => "check the address and the name of the model",
        429 => "wait, ask more slowly, or raise the quota there",
        _ => "see the server's log",
    }
}
