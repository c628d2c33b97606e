//! The bytes of a video: a file that is read piece by piece, or memory.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Error, Result};

/// Random access to the bytes of a video, with the name that errors use.
#[derive(Clone)]
pub(crate) struct Media {
    path: PathBuf,
    len: u64,
    bytes: Bytes,
}

#[derive(Clone)]
enum Bytes {
    File(Arc<Mutex<File>>),
    Memory(Arc<[u8]>),
}

impl Media {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            // A pipe would block for ever, and cannot be sought in.
            return Err(Error::NotVideo {
                path: path.to_owned(),
                what: "neither a file nor a folder".into(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            len: metadata.len(),
            bytes: Bytes::File(Arc::new(Mutex::new(file))),
        })
    }

    pub(crate) fn from_bytes(name: &Path, bytes: Arc<[u8]>) -> Self {
        Self { path: name.to_owned(), len: bytes.len() as u64, bytes: Bytes::Memory(bytes) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Whether the bytes lie in memory only, so that no other program could read them.
    #[cfg(feature = "ffmpeg")]
    pub(crate) fn in_memory(&self) -> Option<&Arc<[u8]>> {
        match &self.bytes {
            Bytes::File(_) => None,
            Bytes::Memory(bytes) => Some(bytes),
        }
    }

    /// Reads exactly `len` bytes from `offset`. Allocates nothing for a range that the file does not have.
    pub(crate) fn read(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        let io = |source| Error::Io { path: self.path.clone(), source };
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(io(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)));
        }
        match &self.bytes {
            Bytes::Memory(bytes) => Ok(bytes[offset as usize..(offset + len) as usize].to_vec()),
            Bytes::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let mut buffer = vec![0; len as usize];
                file.seek(SeekFrom::Start(offset)).map_err(io)?;
                file.read_exact(&mut buffer).map_err(io)?;
                Ok(buffer)
            }
        }
    }

    /// Reads up to `len` bytes from `offset`: fewer at the end of the file.
    pub(crate) fn read_up_to(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.read(offset.min(self.len), len.min(self.len.saturating_sub(offset)))
    }

    pub(crate) fn damaged(&self, field: &str, reason: impl Into<String>) -> Error {
        Error::Damaged { path: self.path.clone(), field: field.to_owned(), reason: reason.into() }
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media")
            .field("path", &self.path)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
