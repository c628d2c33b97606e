use std::path::{Path, PathBuf};

/// What the crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a caller's own [`Policy`](crate::Policy), [`Environment`](crate::Environment) or
/// [`Reward`](crate::Reward).
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a trajectory, a reward, a training step or a checkpoint was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A prompt or a turn needs at least one token.
    #[error("{0} has no tokens")]
    NoTokens(&'static str),
    /// Per-token values that do not run beside the tokens.
    #[error("{num_tokens} tokens with {found} {what}")]
    Beside {
        /// What the values are.
        what: &'static str,
        /// Tokens they should run beside.
        num_tokens: usize,
        /// Values found.
        found: usize,
    },
    /// A picture or clip outside its segment, or out of order.
    #[error("media {media_idx} covers tokens {start}..{end}; expected within {from}..{to}")]
    MediaRange {
        /// Which media of the segment.
        media_idx: usize,
        /// First token covered.
        start: usize,
        /// One past the last.
        end: usize,
        /// First token it may cover: the end of the media before it.
        from: usize,
        /// The segment's length.
        to: usize,
    },
    /// A grid that makes another number of tokens than the media covers.
    #[error(
        "media {media_idx} covers {found} tokens, but its grid {grid_thw:?} makes {expected:?}"
    )]
    MediaTokens {
        /// Which media of the segment.
        media_idx: usize,
        /// Patches: time, height, width.
        grid_thw: [u32; 3],
        /// Tokens of that grid; `None` if its sides do not divide by the merge size.
        expected: Option<usize>,
        /// Tokens it covers.
        found: usize,
    },
    /// A placeholder outside all media, or another token inside one.
    #[error("token {token} at place {idx} of the segment: {problem}")]
    Placeholder {
        /// The token.
        token: u32,
        /// Its place in the segment.
        idx: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A log-probability must be finite and not above 0.
    #[error("the log-probability of token {idx} of the turn is {value}")]
    Logp {
        /// Place in the turn.
        idx: usize,
        /// What was found.
        value: f32,
    },
    /// Positions given for some segments and not for others.
    #[error("a segment {found} positions in a trajectory that {expected} them")]
    Positions {
        /// "has" or "lacks".
        found: &'static str,
        /// "has" or "lacks".
        expected: &'static str,
    },
    /// More tokens than the trajectory may hold. Nothing was appended.
    #[error("{num_tokens} more tokens where {room} fit")]
    TooLong {
        /// Tokens to append.
        num_tokens: usize,
        /// Tokens that still fit.
        room: usize,
    },
    /// A value outside its domain: a NaN reward, an accuracy of 2, a probability of -1.
    #[error("{what} is {value}; expected {expected}")]
    Value {
        /// The value's name.
        what: String,
        /// What was found.
        value: f64,
        /// The domain.
        expected: &'static str,
    },
    /// Lists that must be equally long are not.
    #[error("{what}: {found} given, {expected} expected")]
    Count {
        /// What is counted.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A setting that makes no sense.
    #[error("setting {setting} is {value}; {fix}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        fix: &'static str,
    },
    /// The difficulty reward met a task without the base model's result.
    #[error("the outcome says nothing of the base model: set `base_model_fails` from the data set")]
    NoDifficulty,
    /// The loss or a gradient is not finite. The weights are those before the step.
    #[error("{what} is {value} in step {step}")]
    NotFinite {
        /// "the loss" or "the gradient norm".
        what: &'static str,
        /// What it is.
        value: f64,
        /// The training step.
        step: u64,
    },
    /// The policy failed.
    #[error("the policy failed")]
    Policy(#[source] Cause),
    /// The environment failed.
    #[error("the environment failed")]
    Environment(#[source] Cause),
    /// A reward failed.
    #[error("reward `{name}` failed")]
    Reward {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A file could not be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A checkpoint where one was to be written. It was left as it is.
    #[error("{}: there is a checkpoint already; resume from it or choose another folder", .0.display())]
    Exists(PathBuf),
    /// No complete checkpoint where one was to be resumed.
    #[error("{}: no complete checkpoint", .0.display())]
    NoCheckpoint(PathBuf),
    /// A checkpoint whose file is not what its manifest says.
    #[error("{}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What differs.
        problem: String,
    },
    /// A checkpoint was made with other settings.
    #[error("{}: made with other settings of {}", path.display(), fields.join(", "))]
    OtherSettings {
        /// The checkpoint.
        path: PathBuf,
        /// The settings that differ.
        fields: Vec<String>,
    },
}

impl Error {
    /// Wraps what a [`Policy`](crate::Policy) ran into.
    pub fn policy(cause: impl Into<Cause>) -> Self {
        Self::Policy(cause.into())
    }

    /// Wraps what an [`Environment`](crate::Environment) ran into.
    pub fn environment(cause: impl Into<Cause>) -> Self {
        Self::Environment(cause.into())
    }

    /// For `map_err`: names the file of an input/output or format error.
    pub(crate) fn file<C: Into<Cause>>(path: &Path) -> impl FnOnce(C) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source: source.into() }
    }
}

/// `value` if it is finite, else an error that names it.
pub(crate) fn finite(what: impl Into<String>, value: f64) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::Value { what: what.into(), value, expected: "a finite number" })
}
