use std::path::{Path, PathBuf};

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why documents could not be read, stored or searched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("cannot access {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A document file does not have the expected shape.
    #[error("{}:{line}: field `{field}`: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1; 1 where the whole file is meant.
        line: usize,
        /// The field at fault.
        field: String,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// A folder holds no file that this crate reads.
    #[error("{} holds no document: expected .md, .txt, .jsonl or .json files", path.display())]
    NoDocuments {
        /// The folder or file.
        path: PathBuf,
    },
    /// A document cannot be stored as it is.
    #[error("document `{id}`: field `{field}`: {reason}")]
    InvalidDocument {
        /// The document's id.
        id: String,
        /// The field at fault.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A setting is outside its range.
    #[error("setting `{name}` is {value}: {reason}")]
    InvalidSetting {
        /// The setting.
        name: &'static str,
        /// The value found.
        value: String,
        /// What it must be.
        reason: &'static str,
    },
    /// A folder is not a store.
    #[error("{} is not a store: {reason}", path.display())]
    NotAStore {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// A store already exists where a new one was asked for.
    #[error("{} already holds a store: open it, or choose another folder", path.display())]
    AlreadyExists {
        /// The folder.
        path: PathBuf,
    },
    /// The index was written with another format or other settings; its documents are safe.
    #[error(
        "{}: the index needs a rebuild, {what} is `{found}` and this build expects `{expected}`: call Store::rebuild", path.display()
    )]
    RebuildNeeded {
        /// The store's folder.
        path: PathBuf,
        /// Which part differs: `format` or `config`.
        what: &'static str,
        /// The value in the store.
        found: String,
        /// The value expected.
        expected: String,
    },
    /// Another process or handle is writing to this store, and did so for longer than starting a process takes.
    #[error("{} is locked by another writer: close it first", path.display())]
    Locked {
        /// The store's folder.
        path: PathBuf,
    },
    /// A dense or fused query was sent to a store without an embedder.
    #[error("the query asks for {0} ranking, but the store was opened without an embedder")]
    NoEmbedder(&'static str),
    /// An embedder gave vectors that cannot be stored.
    #[error("embedder `{embedder}`: {reason}")]
    Embedding {
        /// The embedder's id.
        embedder: String,
        /// What is wrong.
        reason: String,
    },
    /// The search engine failed.
    #[error("the index reported a failure")]
    Index(#[from] tantivy::TantivyError),
    /// A stored record cannot be decoded.
    #[error("a stored record cannot be decoded; rebuild the store from its documents")]
    Corrupt(#[from] serde_json::Error),
    /// A language model or reranker answered with something that cannot be used.
    #[error("{service}: {reason}")]
    Remote {
        /// Which service.
        service: String,
        /// What it answered.
        reason: String,
    },
    /// A server could not be reached, or did not do what it was asked.
    #[error("{service} at {endpoint}: {problem}")]
    Service {
        /// What the server is for: `language model` or `quickwit`.
        service: String,
        /// Its address.
        endpoint: String,
        /// What went wrong.
        problem: ServiceProblem,
    },
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
    /// The key is missing, wrong, or not allowed to do this (status 401 or 403).
    #[error("the key is not accepted (status {status}: {message}); set a key that is valid there")]
    Unauthorized {
        /// 401 or 403.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// The server does not know what was asked for, such as the model or the index (status 404).
    #[error("not found (status 404: {message}); check the address and the name of model or index")]
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
    /// No complete answer in time.
    #[error("no complete answer within {after:?}; allow more time or ask for less")]
    TimedOut {
        /// The time allowed.
        after: std::time::Duration,
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
    /// This kind of search service cannot do what the query asks for.
    #[error("{what} is not possible here; {instead}")]
    Unsupported {
        /// What the query asks for.
        what: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// Any other status.
    #[error("answered with status {status}: {message}; see the server's log")]
    Status {
        /// The status.
        status: u16,
        /// The server's words.
        message: String,
    },
}

#[cfg(any(feature = "openai", feature = "quickwit"))]
impl ServiceProblem {
    /// What a status other than 2xx means.
    pub(crate) fn of_status(status: u16, message: String) -> Self {
        match status {
            401 | 403 => Self::Unauthorized { status, message },
            404 => Self::NotFound { message },
            429 => Self::RateLimited { message },
            _ => Self::Status { status, message },
        }
    }

    /// The same with `secret` blotted out wherever a server repeated it.
    #[cfg(feature = "openai")]
    #[must_use]
    pub(crate) fn without(mut self, secret: &str) -> Self {
        if secret.is_empty() {
            return self;
        }
        if let Self::Unreachable { reason: text }
        | Self::Malformed { reason: text }
        | Self::Refused { reason: text }
        | Self::Unauthorized { message: text, .. }
        | Self::NotFound { message: text }
        | Self::RateLimited { message: text }
        | Self::Status { message: text, .. } = &mut self
        {
            *text = text.replace(secret, "[key]");
        }
        self
    }
}

/// An address that can be printed: `http` or `https`, without a name or password in it.
#[cfg(any(feature = "openai", feature = "quickwit"))]
pub(crate) fn check_endpoint(endpoint: &str) -> Result<()> {
    let invalid = |value: &str, reason| {
        Err(Error::InvalidSetting { name: "endpoint", value: value.into(), reason })
    };
    let Some(rest) = ["http://", "https://"].iter().find_map(|start| endpoint.strip_prefix(start))
    else {
        return invalid(endpoint, "must start with http:// or https://");
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return invalid("not shown", "holds a name or password; set a key instead");
    }
    if host.is_empty() || endpoint.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return invalid(endpoint, "must name a host, such as http://127.0.0.1:8080/v1");
    }
    Ok(())
}

impl Error {
    pub(crate) fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { path, source }
    }
}
