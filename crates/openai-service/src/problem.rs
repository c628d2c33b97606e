use std::time::Duration;

/// What goes wrong with a server, in words that say what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nobody answers at the address.
    #[error("cannot be reached ({reason}); start the server or correct the address")]
    Unreachable {
        /// What the system said.
        reason: String,
    },
    /// The key is missing, wrong, or not allowed to do this (status 401 or 403).
    #[error("the key is not accepted (status {status}: {message}); set a key that is valid there")]
    Unauthorized {
        /// 401 or 403.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// The server does not know what was asked for, such as the model (status 404).
    #[error(
        "not found (status 404: {message}); check the address and the name of what was asked for"
    )]
    NotFound {
        /// The server's words.
        message: String,
    },
    /// Too many requests, or the quota is used up (status 429).
    #[error("too many requests (status 429: {message}); wait, or raise the quota there")]
    RateLimited {
        /// The server's words.
        message: String,
    },
    /// Any other status than success.
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
    #[error("the answer cannot be read ({reason}); is this the right kind of server?")]
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
    /// The model stopped at its limit of tokens.
    #[error("the answer was cut short at the limit of tokens; allow more or ask for less")]
    CutShort,
}

impl Problem {
    /// What a status other than 2xx means.
    #[must_use]
    pub fn of_status(status: u16, message: String) -> Self {
        match status {
            401 | 403 => Self::Unauthorized { status, message },
            404 => Self::NotFound { message },
            429 => Self::RateLimited { message },
            _ => Self::Status { status, message },
        }
    }

    /// The same with `secret` blotted out wherever a server repeated it.
    #[must_use]
    pub fn without(mut self, secret: &str) -> Self {
        if let Some(text) = self.words_mut().filter(|_| !secret.is_empty()) {
            *text = text.replace(secret, "[key]");
        }
        self
    }

    /// What the server or the system said.
    fn words_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Unreachable { reason: text }
            | Self::Malformed { reason: text }
            | Self::Refused { reason: text }
            | Self::Unauthorized { message: text, .. }
            | Self::NotFound { message: text }
            | Self::RateLimited { message: text }
            | Self::Status { message: text, .. } => Some(text),
            Self::TimedOut { .. } | Self::CutShort => None,
        }
    }
}

/// What to do about a status that has no name of its own.
fn hint(status: u16) -> &'static str {
    match status {
        400 | 413 | 422 => "does the model take what is sent, and as much of it?",
        _ => "see the server's log",
    }
}
