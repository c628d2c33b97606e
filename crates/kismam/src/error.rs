use std::path::PathBuf;

use crate::knowledge::Finding;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why knowledge could not be read or measurements could not be assessed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A knowledge file or folder could not be read; `source` says why.
    #[error("cannot read {path}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A knowledge text is not TOML or JSON of the documented shape.
    #[error("{origin}:{line}: {message}")]
    Syntax {
        /// The file, or the name that the caller gave to the text.
        origin: String,
        /// First line of the trouble, counted from 1; 0 when the parser does not say.
        line: usize,
        /// What the parser found.
        message: String,
    },
    /// A knowledge base has rows that contradict each other; see [`crate::KnowledgeBase::lint`].
    #[error("{origin}: {} error(s) in the knowledge, first: {}", findings.len(), first(findings))]
    Knowledge {
        /// The file, or the name that the caller gave to the text.
        origin: String,
        /// The errors found, in file order.
        findings: Vec<Finding>,
    },
    /// The knowledge base has no event of that name or alias.
    #[error("{origin}: no event `{event}`; known: {}", known.join(", "))]
    UnknownEvent {
        /// The file, or the name that the caller gave to the text.
        origin: String,
        /// The name asked for.
        event: String,
        /// The ids that exist.
        known: Vec<String>,
    },
    /// A measurement names a feature that the event does not have.
    #[error("{role} {index}: event `{event}` has no feature `{feature}`")]
    UnknownFeature {
        /// Which list: `measurement` or `template`.
        role: &'static str,
        /// Position in that list, from 0.
        index: usize,
        /// The event assessed.
        event: String,
        /// The feature named.
        feature: String,
    },
    /// A number of a measurement cannot be used.
    #[error("{role} {index} (`{feature}`): {field} is {value}, expected {expected}")]
    BadNumber {
        /// Which list: `measurement` or `template`.
        role: &'static str,
        /// Position in that list, from 0.
        index: usize,
        /// The feature named.
        feature: String,
        /// The field, for example `sigma`.
        field: &'static str,
        /// The value found.
        value: f64,
        /// What would be accepted.
        expected: &'static str,
    },
    /// A measurement's side does not suit its feature.
    #[error("{role} {index} (`{feature}`): {message}")]
    BadSide {
        /// Which list: `measurement` or `template`.
        role: &'static str,
        /// Position in that list, from 0.
        index: usize,
        /// The feature named.
        feature: String,
        /// What is wrong and how to mend it.
        message: String,
    },
    /// An athlete's figure is not a finite number.
    #[error("athlete: {field} is {value}, expected a finite number")]
    BadAthlete {
        /// The field, for example `age`.
        field: &'static str,
        /// The value found.
        value: f64,
    },
    /// Labelled cases cannot be used to fit a calibration.
    #[error("calibration: {0}")]
    Calibration(String),
}

fn first(findings: &[Finding]) -> String {
    findings
        .first()
        .map_or_else(String::new, |finding| format!("row {}: {}", finding.row, finding.text))
}
