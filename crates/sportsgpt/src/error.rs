use std::path::PathBuf;

/// Why no report could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No knowledge covers the event.
    #[error("there is no event {event:?} in the knowledge; it has: {known}")]
    UnknownEvent {
        /// The name that was asked for.
        event: String,
        /// The names that would have been understood.
        known: String,
    },
    /// A reference without keyframes cannot say what to look at.
    #[error(
        "the reference {name} has no keyframes: add a line `# keyframes: NAME=FRAME, ...` to it, or an entry in a \
         labels.json beside it"
    )]
    NoKeyframes {
        /// Name of the reference.
        name: String,
    },
    /// The reference lacks every keyframe that the event's knowledge speaks of.
    #[error(
        "the reference {name} has the keyframes {found}, but {event} needs at least one of: {expected}"
    )]
    WrongKeyframes {
        /// Name of the reference.
        name: String,
        /// The event.
        event: String,
        /// Keyframes of the reference.
        found: String,
        /// Keyframes of the event.
        expected: String,
    },
    /// A sidecar file with keyframes could not be used.
    #[error("{}: {message}", path.display())]
    Labels {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the field and the fix.
        message: String,
    },
    /// The motion does not occur in the recording.
    #[error(
        "no {event} like the reference was found in {name} (best place: {start_s:.2} s to {end_s:.2} s, cost {cost:.2}, \
         {:.0} % of the angles seen); check the event and the reference", 100.0 * coverage
    )]
    NotFound {
        /// The event.
        event: String,
        /// Name of the athlete's recording.
        name: String,
        /// Start of the least unlikely place, in seconds.
        start_s: f64,
        /// Its end, in seconds.
        end_s: f64,
        /// Its cost, see [`motion_dtw::Quality::cost`].
        cost: f64,
        /// Share of the compared angles that could be measured there, 0 to 1.
        coverage: f64,
    },
    /// The recordings cannot be aligned.
    #[error("{athlete} cannot be aligned with the reference {reference}")]
    Alignment {
        /// Name of the athlete's recording.
        athlete: String,
        /// Name of the reference recording.
        reference: String,
        /// What is wrong.
        source: motion_dtw::Error,
    },
    /// Not one of the angles that are compared could be measured.
    #[error(
        "{name} shows none of the joint angles that are compared: too many joints are missing, or the camera hides them"
    )]
    NothingSeen {
        /// Name of the recording.
        name: String,
    },
    /// A recording cannot be used.
    #[error("the recording {name} cannot be used")]
    Recording {
        /// Name of the recording.
        name: String,
        /// What is wrong.
        source: pose::Error,
    },
    /// The knowledge cannot be used.
    #[error("the knowledge cannot be used")]
    Knowledge(#[source] kismam::Error),
    /// The documents cannot be used.
    #[error("the guidance documents cannot be used")]
    Documents(#[source] sports_rag::Error),
    /// A file or folder could not be read or written.
    #[error("{}: cannot be read or written", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A picture could not be drawn.
    #[error("a picture could not be drawn: {0}")]
    Figure(String),
    /// The page could not be rendered.
    #[error("the page could not be rendered")]
    Page(#[source] askama::Error),
    /// The report could not be written as JSON.
    #[error("the report could not be written as JSON")]
    Json(#[source] serde_json::Error),
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
