//! What programs ask about: a file of records, or clips of the toy world that are drawn when they are wanted.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use frame_tool::Video;

use super::lines::read_records;
use super::media::open_media;
use super::record::{Media, Record};
use super::rows::BadRow;
use crate::world::{Expert, Item, World, WorldConfig};
use crate::{Error, Result};

/// Questions, and how to come to their videos.
#[derive(Debug, Clone, Default)]
pub struct Questions {
    records: Vec<Record>,
    bad_rows: Vec<BadRow>,
    folder: PathBuf,
    /// By id; of the toy world alone.
    items: HashMap<String, Item>,
}

impl Questions {
    /// Those of a file, a record a line, whose videos lie in `folder`. Rows that cannot be used are
    /// [left out](Self::bad_rows).
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::TooFew`] if no row can be used.
    pub fn read(path: &Path, folder: &Path) -> Result<Self> {
        let loaded = read_records(path)?;
        if loaded.records.is_empty() {
            let reason = match loaded.bad_rows.first() {
                Some(bad) => format!("no usable question; {bad}"),
                None => format!("{}: no usable question", path.display()),
            };
            return Err(Error::TooFew { what: "questions", reason });
        }
        let (records, bad_rows) = (loaded.records, loaded.bad_rows);
        Ok(Self { records, bad_rows, folder: folder.to_owned(), items: HashMap::new() })
    }

    /// These items of a toy world.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] of the world.
    pub fn toy(config: WorldConfig, indices: Range<u64>) -> Result<Self> {
        let world = World::new(config)?;
        let items: Vec<Item> = world.items(indices).collect();
        let records = items.iter().map(|item| item.record(Media::None)).collect();
        let items = items.into_iter().map(|item| (item.id.clone(), item)).collect();
        Ok(Self { records, items, ..Self::default() })
    }

    /// The questions.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Rows that were left out, and why.
    #[must_use]
    pub fn bad_rows(&self) -> &[BadRow] {
        &self.bad_rows
    }

    /// The video of a record.
    ///
    /// # Errors
    ///
    /// Those of [`open_media`].
    pub fn open(&self, record: &Record) -> Result<Video> {
        match self.items.get(&record.id) {
            Some(item) => item.clip.video(),
            None => open_media(record, &self.folder),
        }
    }

    /// Who knows the answer, if the toy world does.
    #[must_use]
    pub fn expert(&self, record: &Record) -> Option<Expert> {
        self.items.get(&record.id).map(Expert::new)
    }

    /// Whether all of them are of the toy world.
    #[must_use]
    pub fn are_toys(&self) -> bool {
        self.items.len() == self.records.len()
    }
}
