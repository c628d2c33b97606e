use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tantivy::directory::error::LockError;
use tantivy::indexer::UserOperation;
use tantivy::{Index, IndexWriter, ReloadPolicy, TantivyDocument, TantivyError, Term};

use crate::config::Config;
use crate::embed::embed_unit;
use crate::reader::{Reader, read_document};
use crate::schema::{FORMAT, Fields};
use crate::{Document, Error, Hit, Query, Reranker, Result};

/// Names the folder of the index in use; replaced in one step, so that a rebuild is seen wholly or not at all.
const CURRENT: &str = "CURRENT";

/// A durable, searchable collection of documents.
///
/// Changes gather until [`commit`](Self::commit) makes them durable and visible together; a process that dies before
/// leaves the last commit untouched. One store may write at a time, any number may read.
///
/// ```
/// use sports_rag::{Config, Document, Query, Store};
/// let mut store = Store::in_memory(Config::new())?;
/// store.upsert(&[Document::new("box-squat", "Box squat", "Sit back to a box, pause, stand up.")])?;
/// store.commit()?;
/// let hits = store.search(&Query::new("squatting to a box"))?;
/// assert_eq!(hits[0].doc_id, "box-squat");
/// # Ok::<(), sports_rag::Error>(())
/// ```
pub struct Store {
    index: Index,
    /// The folder that holds `CURRENT`; none in memory.
    dir: Option<PathBuf>,
    config: Config,
    fields: Fields,
    reader: Reader,
    writer: Option<IndexWriter>,
    /// Ids written since the last commit.
    pending: HashSet<String>,
    watermark: Option<String>,
}

/// What [`Store::sync`] did, by number of documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReport {
    /// New ids.
    pub added: usize,
    /// Known ids with other content.
    pub changed: usize,
    /// Ids that are gone.
    pub removed: usize,
    /// Known ids with the same content; nothing was written for them.
    pub unchanged: usize,
}

/// What every commit says about itself.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    format: u32,
    config: String,
    #[serde(default)]
    watermark: Option<String>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("dir", &self.dir)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// An empty store that lives as long as the value.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] for settings out of range.
    pub fn in_memory(config: Config) -> Result<Self> {
        config.check()?;
        let (schema, fields) = Fields::schema();
        Self::with_index(Index::create_in_ram(schema), fields, None, config)
    }

    /// An empty store in `dir`, which is made if needed.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`] if `dir` holds a store; [`Error::Io`] if it cannot be written.
    pub fn create(dir: impl AsRef<Path>, config: Config) -> Result<Self> {
        config.check()?;
        let dir = dir.as_ref();
        if dir.join(CURRENT).exists() {
            return Err(Error::AlreadyExists { path: dir.into() });
        }
        std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
        let name = create_index(dir, &config)?;
        point_to(dir, &name)?;
        Self::open(dir, config)
    }

    /// Opens the store in `dir`. Takes no lock: that happens at the first change.
    ///
    /// # Errors
    ///
    /// [`Error::NotAStore`] if there is none; [`Error::RebuildNeeded`] if it was written with another format,
    /// chunking or embedder.
    pub fn open(dir: impl AsRef<Path>, config: Config) -> Result<Self> {
        config.check()?;
        let dir = dir.as_ref();
        let (index, fields, payload) = open_index(dir)?;
        payload.check(dir, &config)?;
        let mut store = Self::with_index(index, fields, Some(dir.into()), config)?;
        store.watermark = payload.watermark;
        Ok(store)
    }

    /// Opens the store in `dir`, or makes it.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(dir: impl AsRef<Path>, config: Config) -> Result<Self> {
        if dir.as_ref().join(CURRENT).exists() {
            Self::open(dir, config)
        } else {
            Self::create(dir, config)
        }
    }

    /// Rebuilds the index in `dir` with `config` from the documents it keeps, then switches to it in one step.
    ///
    /// This is the way out of [`Error::RebuildNeeded`]. Whoever still reads the old index keeps it until they open
    /// the store again; its files are removed as far as the system allows.
    ///
    /// # Errors
    ///
    /// [`Error::NotAStore`] if the stored documents cannot be read; [`Error::Locked`] while somebody writes.
    pub fn rebuild(dir: impl AsRef<Path>, config: Config) -> Result<Self> {
        config.check()?;
        let dir = dir.as_ref();
        let (index, fields, payload) = open_index(dir)?;
        let mut old = Self::with_index(index, fields, Some(dir.into()), config.clone())?;
        old.watermark = payload.watermark;
        let old_name = current(dir)?;
        old.writer()?; // holds the lock: nobody may add to the old index while it is copied
        let name = create_index(dir, &config)?;
        let index = Index::open_in_dir(dir.join(&name))?;
        let mut fresh = Self::with_index(index, Fields::schema().1, Some(dir.into()), config)?;
        old.copy_to(&mut fresh)?;
        point_to(dir, &name)?;
        drop(old);
        // Best effort: on some systems files in use cannot be removed.
        let _ = std::fs::remove_dir_all(dir.join(old_name));
        Ok(fresh)
    }

    /// Copies all committed documents into a new store at `dir`, indexed with `config`.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn rebuild_into(&self, dir: impl AsRef<Path>, config: Config) -> Result<Self> {
        let mut fresh = Self::create(dir, config)?;
        self.copy_to(&mut fresh)?;
        Ok(fresh)
    }

    fn copy_to(&self, fresh: &mut Self) -> Result<()> {
        for document in self.documents() {
            fresh.upsert(&[document?])?;
        }
        fresh.watermark.clone_from(&self.watermark);
        fresh.commit()
    }

    fn with_index(
        index: Index,
        fields: Fields,
        dir: Option<PathBuf>,
        config: Config,
    ) -> Result<Self> {
        Fields::register(&index);
        let inner = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let reader = Reader::new(inner, fields, config.clone())?;
        Ok(Self {
            index,
            dir,
            config,
            fields,
            reader,
            writer: None,
            pending: HashSet::new(),
            watermark: None,
        })
    }

    /// Adds documents, each replacing the one with the same id. Visible after [`commit`](Self::commit).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidDocument`] naming document and field, in which case none of `documents` is taken;
    /// [`Error::Locked`] if another writer is at work; [`Error::Embedding`] if the embedder fails.
    pub fn upsert(&mut self, documents: &[Document]) -> Result<()> {
        documents.iter().try_for_each(Document::check)?;
        let (fields, chunking, embedder) =
            (self.fields, self.config.chunking, self.config.embedder.clone());
        for document in documents {
            let chunks = chunking.split(document)?;
            let vectors = match &embedder {
                Some(embedder) => {
                    let texts: Vec<String> =
                        chunks.iter().map(|chunk| embedded_text(document, chunk)).collect();
                    Some(embed_unit(
                        embedder.as_ref(),
                        &texts.iter().map(String::as_str).collect::<Vec<_>>(),
                    )?)
                }
                None => None,
            };
            self.writer()?; // from here on nobody else commits, so that the snapshot tells all ids
            // One batch: the document and all its passages stay in one segment and arrive together.
            let mut batch = Vec::with_capacity(chunks.len() + 1);
            // A deletion is looked up in every segment at the commit: none is asked for where there is nothing to delete.
            if !self.pending.insert(document.id.clone())
                || self.reader.snapshot().has_id(&document.id)
            {
                let term = Term::from_field_text(fields.doc_id, &document.id);
                batch.push(UserOperation::Delete(term));
            }
            for (idx, chunk) in chunks.iter().enumerate() {
                let vector = vectors.as_ref().map(|vectors| vectors[idx].as_slice());
                batch.push(UserOperation::Add(fields.record(document, chunk, vector)?));
            }
            self.writer()?.run(batch)?;
        }
        Ok(())
    }

    /// Removes documents by id; unknown ids are ignored. Visible after [`commit`](Self::commit).
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if another writer is at work.
    pub fn delete<I: AsRef<str>>(&mut self, ids: impl IntoIterator<Item = I>) -> Result<()> {
        let field = self.fields.doc_id;
        for id in ids {
            self.writer()?.delete_term(Term::from_field_text(field, id.as_ref()));
        }
        Ok(())
    }

    /// Makes the store hold exactly `documents`: adds, replaces and removes what differs, and commits.
    ///
    /// Unchanged documents cost a comparison of hashes. The last of several documents with one id wins.
    ///
    /// # Errors
    ///
    /// As [`upsert`](Self::upsert) and [`commit`](Self::commit).
    pub fn sync(&mut self, documents: impl IntoIterator<Item = Document>) -> Result<SyncReport> {
        let wanted: BTreeMap<String, Document> =
            documents.into_iter().map(|d| (d.id.clone(), d)).collect();
        wanted.values().try_for_each(Document::check)?;
        let known = self.versions()?;
        let mut report = SyncReport::default();
        for (id, document) in &wanted {
            match known.get(id) {
                Some(version) if *version == document.version() => {
                    report.unchanged += 1;
                    continue;
                }
                Some(_) => report.changed += 1,
                None => report.added += 1,
            }
            self.upsert(std::slice::from_ref(document))?;
        }
        let gone: Vec<&String> = known.keys().filter(|id| !wanted.contains_key(*id)).collect();
        report.removed = gone.len();
        self.delete(gone)?;
        self.commit()?;
        Ok(report)
    }

    /// Remembers how far the source has been read; saved with the next commit, in the same step as its documents.
    pub fn set_watermark(&mut self, watermark: impl Into<String>) {
        self.watermark = Some(watermark.into());
    }

    /// How far the source had been read at the last commit (or what was set since).
    #[must_use]
    pub fn watermark(&self) -> Option<&str> {
        self.watermark.as_deref()
    }

    /// Makes all changes since the last commit durable and visible, together.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] if the disk refuses; the last commit then stays in force.
    pub fn commit(&mut self) -> Result<()> {
        let payload = Payload::of(&self.config, self.watermark.clone());
        let payload = serde_json::to_string(&payload)?;
        let mut commit = self.writer()?.prepare_commit()?;
        commit.set_payload(&payload);
        commit.commit()?;
        self.pending.clear();
        self.reader.reload()
    }

    /// Forgets all changes since the last commit.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] if the index cannot be read.
    pub fn rollback(&mut self) -> Result<()> {
        if let Some(writer) = &mut self.writer {
            writer.rollback()?;
        }
        self.pending.clear();
        Ok(())
    }

    /// Merges the index into one segment and drops deleted passages: smaller and faster, with the same ranking.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub fn compact(&mut self) -> Result<()> {
        self.commit()?;
        let segments = self.index.searchable_segment_ids()?;
        let has_deletes =
            self.reader.snapshot().segments.iter().any(|segment| segment.alive.is_some());
        if segments.len() > 1 || has_deletes {
            self.writer()?.merge(&segments).wait()?;
            self.writer()?.garbage_collect_files().wait()?;
        }
        self.reader.reload()
    }

    /// All committed documents, in id order.
    pub fn documents(&self) -> impl Iterator<Item = Result<Document>> + use<> {
        let snapshot = self.reader.snapshot();
        let places: Vec<(usize, u32)> = snapshot.documents().into_values().collect();
        places.into_iter().map(move |(segment, doc)| read_document(&snapshot, segment, doc))
    }

    /// A searcher to clone and send to other threads.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// The best passages for a query; see [`Reader::search`].
    ///
    /// # Errors
    ///
    /// As [`Reader::search`].
    pub fn search(&self, query: &Query) -> Result<Vec<Hit>> {
        self.reader.search(query)
    }

    /// See [`Reader::search_with`].
    ///
    /// # Errors
    ///
    /// As [`Reader::search_with`].
    pub fn search_with(&self, query: &Query, reranker: Option<&dyn Reranker>) -> Result<Vec<Hit>> {
        self.reader.search_with(query, reranker)
    }

    /// The committed document with this id.
    ///
    /// # Errors
    ///
    /// As [`Reader::document`].
    pub fn document(&self, id: &str) -> Result<Option<Document>> {
        self.reader.document(id)
    }

    /// Size, for people.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let snapshot = self.reader.snapshot();
        let documents = snapshot.documents();
        Stats {
            num_documents: documents.len(),
            num_passages: self.reader.num_passages(),
            num_segments: snapshot.segments.len(),
            passages_by_lang: snapshot
                .langs
                .iter()
                .map(|(lang, s)| (lang.clone(), s.num_chunks as usize))
                .collect(),
            watermark: self.watermark.clone(),
        }
    }

    /// Version hash by document id.
    fn versions(&self) -> Result<BTreeMap<String, String>> {
        let snapshot = self.reader.snapshot();
        let mut versions = BTreeMap::new();
        for (segment_idx, segment) in snapshot.segments.iter().enumerate() {
            let column = snapshot
                .searcher
                .segment_reader(segment_idx as u32)
                .fast_fields()
                .str("version")?;
            let Some(column) = column else { continue };
            for doc in segment.living().filter(|doc| segment.rows.ord[*doc as usize] == 0) {
                let mut version = String::new();
                if let Some(ord) = column.ords().first(doc) {
                    column.ord_to_str(ord, &mut version).map_err(TantivyError::from)?;
                }
                versions.insert(segment.id(doc).to_string(), version);
            }
        }
        Ok(versions)
    }

    fn writer(&mut self) -> Result<&mut IndexWriter> {
        if self.writer.is_none() {
            let writer = self.locked_writer()?;
            // A killed writer may leave files that no commit names; the next commit would stumble over one of the same
            // name (tantivy numbers deletion files from the last commit on).
            writer.garbage_collect_files().wait()?;
            self.writer = Some(writer);
            // What was committed between opening and taking the lock must be seen before it is changed.
            self.reader.reload()?;
        }
        self.writer
            .as_mut()
            .ok_or_else(|| Error::Locked { path: self.dir.clone().unwrap_or_default() })
    }

    /// The index's writer, with the lock that only one can hold.
    ///
    /// A lock that was given back may still be held for a moment: a child process that some other thread is starting
    /// has its parent's files open until it becomes another program. So a busy lock is asked for again before it
    /// counts as somebody's.
    fn locked_writer(&self) -> Result<IndexWriter> {
        let Config { writer_threads, writer_memory_bytes, .. } = self.config;
        let begin = Instant::now();
        loop {
            match self.index.writer_with_num_threads(writer_threads, writer_memory_bytes) {
                Err(TantivyError::LockFailure(LockError::LockBusy, _)) => {}
                other => return other.map_err(Error::Index),
            }
            if begin.elapsed() > LOCK_PATIENCE {
                return Err(Error::Locked { path: self.dir.clone().unwrap_or_default() });
            }
            std::thread::sleep(LOCK_PATIENCE / 50);
        }
    }
}

/// How long a lock may be held by nobody in particular (ours: a process is started within milliseconds, on a machine
/// with much else to do within tenths of a second).
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// How large a store is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Living documents.
    pub num_documents: usize,
    /// Living passages.
    pub num_passages: usize,
    /// Parts the index consists of.
    pub num_segments: usize,
    /// Living passages per language.
    pub passages_by_lang: BTreeMap<String, usize>,
    /// How far the source had been read.
    pub watermark: Option<String>,
}

impl Payload {
    fn of(config: &Config, watermark: Option<String>) -> Self {
        Self { format: FORMAT, config: config.hash(), watermark }
    }

    fn check(&self, dir: &Path, config: &Config) -> Result<()> {
        let needed = |what, found: String, expected: String| {
            Err(Error::RebuildNeeded { path: dir.into(), what, found, expected })
        };
        if self.format != FORMAT {
            return needed("format", self.format.to_string(), FORMAT.to_string());
        }
        if self.config != config.hash() {
            return needed("config", self.config.clone(), config.hash());
        }
        Ok(())
    }
}

/// What an embedder sees of a passage.
fn embedded_text(document: &Document, chunk: &crate::Chunk) -> String {
    let mut parts: Vec<&str> = vec![&document.title];
    parts.extend(chunk.heading_path.iter().map(String::as_str));
    parts.push(&chunk.text);
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// Makes the next free index folder with a first, empty commit, and gives its name.
fn create_index(dir: &Path, config: &Config) -> Result<String> {
    let taken: HashSet<String> = std::fs::read_dir(dir)
        .map_err(Error::io(dir))?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    let mut number = 1;
    while taken.contains(&format!("index-{number}")) {
        number += 1;
    }
    let name = format!("index-{number}");
    let path = dir.join(&name);
    std::fs::create_dir(&path).map_err(Error::io(&path))?;
    let index = Index::create_in_dir(&path, Fields::schema().0)?;
    Fields::register(&index);
    let mut writer: IndexWriter<TantivyDocument> = index.writer_with_num_threads(1, 15_000_000)?;
    let mut commit = writer.prepare_commit()?;
    commit.set_payload(&serde_json::to_string(&Payload::of(config, None))?);
    commit.commit()?;
    Ok(name)
}

fn current(dir: &Path) -> Result<String> {
    let path = dir.join(CURRENT);
    match std::fs::read_to_string(&path) {
        Ok(name) => {
            let name = name.trim().to_string();
            if name
                .strip_prefix("index-")
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            {
                Ok(name)
            } else {
                Err(Error::NotAStore {
                    path: dir.into(),
                    reason: format!("its file CURRENT says `{name}`"),
                })
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::NotAStore {
            path: dir.into(),
            reason: "it has no file CURRENT; use create".into(),
        }),
        Err(error) => Err(Error::io(&path)(error)),
    }
}

/// Writes `CURRENT` beside itself and renames it into place.
fn point_to(dir: &Path, name: &str) -> Result<()> {
    let (path, draft) = (dir.join(CURRENT), dir.join("CURRENT.new"));
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&draft)?;
        std::io::Write::write_all(&mut file, name.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&draft, &path)?;
        // The rename itself must reach the disk; folders cannot be opened for this everywhere.
        if let Ok(folder) = std::fs::File::open(dir) {
            let _ = folder.sync_all();
        }
        Ok(())
    };
    write().map_err(Error::io(&path))
}

fn open_index(dir: &Path) -> Result<(Index, Fields, Payload)> {
    let name = current(dir)?;
    let not_a_store = |reason: String| Error::NotAStore { path: dir.into(), reason };
    let index = Index::open_in_dir(dir.join(&name))
        .map_err(|error| not_a_store(format!("{name}: {error}")))?;
    let payload = index.load_metas()?.payload.unwrap_or_default();
    let payload: Payload = serde_json::from_str(&payload)
        .map_err(|error| not_a_store(format!("{name}: commit payload: {error}")))?;
    let (schema, fields) = Fields::schema();
    if payload.format == FORMAT && index.schema() != schema {
        return Err(not_a_store(format!(
            "{name}: the fields of the index differ from format {FORMAT}"
        )));
    }
    Ok((index, fields, payload))
}
