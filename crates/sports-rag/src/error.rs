use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::ServiceProblem;

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
        reason: Cow<'static, str>,
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
    /// A server cannot do what the query asks for.
    #[error("{service} at {endpoint}: {what} is not possible here; {instead}")]
    Unsupported {
        /// What the server is for.
        service: String,
        /// Its address.
        endpoint: String,
        /// What the query asks for.
        what: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
}

#[cfg(any(feature = "openai", feature = "quickwit"))]
impl From<openai_service::Setting> for Error {
    fn from(setting: openai_service::Setting) -> Self {
        let openai_service::Setting { name, value, expected } = setting;
        Self::InvalidSetting { name, value, reason: format!("must be {expected}").into() }
    }
}

impl Error {
    pub(crate) fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { path, source }
    }
}
