//! What the assessment and the guidance know.

use std::path::Path;

use kismam::{Event, KnowledgeBase};
use sha2::{Digest, Sha256};
use sports_rag::{Config, Document, Store};

use crate::trial::hex;
use crate::{Error, Result};

/// Knowledge bases for the assessment and documents for the guidance.
///
/// ```
/// let knowledge = sportsgpt::Knowledge::shipped()?;
/// assert!(knowledge.event_names().contains(&"squat".to_owned()));
/// # Ok::<(), sportsgpt::Error>(())
/// ```
#[derive(Debug)]
pub struct Knowledge {
    bases: Vec<KnowledgeBase>,
    store: Store,
    documents_hash: String,
}

impl Knowledge {
    /// What comes with this version: the knowledge files of `kismam` and the cards of `sports-rag`.
    ///
    /// # Errors
    ///
    /// [`Error::Documents`] if the index cannot be built in memory.
    pub fn shipped() -> Result<Self> {
        Self::new(KnowledgeBase::shipped(), sports_rag::shipped_cards())
    }

    /// What comes with this version, and what lies in `dir`: every `*.toml` is a knowledge file, whose
    /// events replace shipped ones of the same name; Markdown, text and JSON-lines files below it
    /// are documents, which replace shipped ones of the same id.
    ///
    /// # Errors
    ///
    /// [`Error::Knowledge`] or [`Error::Documents`] naming the file, [`Error::Io`] if `dir` is no folder.
    pub fn with_dir(dir: &Path) -> Result<Self> {
        if !dir.is_dir() {
            let source = std::io::Error::new(std::io::ErrorKind::NotADirectory, "not a folder");
            return Err(Error::Io { path: dir.to_path_buf(), source });
        }
        let mut bases = KnowledgeBase::read_dir(dir).map_err(Error::Knowledge)?;
        bases.extend(KnowledgeBase::shipped());
        let mut documents = sports_rag::read_documents(dir).map_err(Error::Documents)?;
        for shipped in sports_rag::shipped_cards() {
            if documents.iter().all(|document| document.id != shipped.id) {
                documents.push(shipped);
            }
        }
        Self::new(bases, documents)
    }

    /// The first base with an event wins; documents must have different ids.
    fn new(bases: Vec<KnowledgeBase>, mut documents: Vec<Document>) -> Result<Self> {
        documents.sort_by(|a, b| a.id.cmp(&b.id));
        let mut hasher = Sha256::new();
        for document in &documents {
            hasher.update(&document.id);
            hasher.update(document.version());
        }
        let mut store = Store::in_memory(Config::new()).map_err(Error::Documents)?;
        store.upsert(&documents).map_err(Error::Documents)?;
        store.commit().map_err(Error::Documents)?;
        Ok(Self { bases, store, documents_hash: hex(&hasher.finalize()) })
    }

    /// The base and event of a name or alias.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEvent`], which lists the names there are.
    pub fn event(&self, name: &str) -> Result<(&KnowledgeBase, &Event)> {
        self.bases.iter().find_map(|base| base.event(name).map(|event| (base, event))).ok_or_else(
            || Error::UnknownEvent { event: name.to_owned(), known: self.event_names().join(", ") },
        )
    }

    /// Ids of all events, sorted.
    #[must_use]
    pub fn event_names(&self) -> Vec<String> {
        let events = self.bases.iter().flat_map(KnowledgeBase::events);
        let mut names: Vec<String> = events.map(|event| event.id.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The index of documents.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn documents_hash(&self) -> &str {
        &self.documents_hash
    }
}
