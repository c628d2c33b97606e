use std::ops::Range;

use serde::{Deserialize, Serialize};
use text_splitter::{ChunkConfig, TextSplitter};

use crate::{Document, Error, Result};

/// How long passages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunking {
    /// A passage holds at most this many characters.
    pub max_chars: usize,
    /// A passage repeats up to this many characters of the one before.
    pub overlap_chars: usize,
}

impl Default for Chunking {
    /// 2400 characters, about 400 to 550 tokens of English, and an overlap of 200. Ours; the SportsGPT paper does not
    /// say.
    fn default() -> Self {
        Self { max_chars: 2400, overlap_chars: 200 }
    }
}

/// A passage: the unit that is indexed and found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Running number in the document, from 0.
    pub ord: usize,
    /// Where the text stands in [`Document::text`].
    pub byte_range: Range<usize>,
    /// Headings above it.
    pub heading_path: Vec<String>,
    /// The text, equal to the byte range's slice.
    pub text: String,
}

/// Headings above lists of works.
const BIBLIOGRAPHIES: [&str; 5] =
    ["sources", "references", "bibliography", "literature", "参考文献"];

impl Chunk {
    /// Whether the passage lists works. Such lists name topics without saying anything about them, so their words
    /// are not searched.
    pub(crate) fn is_bibliography(&self) -> bool {
        let heading = self.heading_path.last().map(|heading| heading.trim().to_lowercase());
        heading.is_some_and(|heading| BIBLIOGRAPHIES.contains(&heading.as_str()))
    }
}

impl Chunking {
    pub(crate) fn check(self) -> Result<()> {
        if self.max_chars < 16 {
            return Err(Error::InvalidSetting {
                name: "max_chars",
                value: self.max_chars.to_string(),
                reason: "must be at least 16".into(),
            });
        }
        if self.overlap_chars >= self.max_chars {
            return Err(Error::InvalidSetting {
                name: "overlap_chars",
                value: self.overlap_chars.to_string(),
                reason: "must be smaller than max_chars".into(),
            });
        }
        Ok(())
    }

    /// Cuts a document into passages that never cross a section's end.
    ///
    /// A section that fits is one passage; a longer one is cut at paragraph, sentence or word ends. A document
    /// without text gives one empty passage, so that its title can be found.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if `max_chars` is below 16 or not above `overlap_chars`.
    pub fn split(self, document: &Document) -> Result<Vec<Chunk>> {
        self.check()?;
        let mut chunks = Vec::new();
        for (idx, section) in document.sections.iter().enumerate() {
            let Some(range) = document.section_range(idx) else { continue };
            let mut push = |offset: usize, text: &str| {
                let start = range.start + offset;
                chunks.push(Chunk {
                    ord: chunks.len(),
                    byte_range: start..start + text.len(),
                    heading_path: section.heading_path.clone(),
                    text: text.to_string(),
                });
            };
            // Counting characters is only worth it where bytes do not already fit.
            if section.text.trim().is_empty() {
                continue;
            } else if section.text.len() <= self.max_chars
                || section.text.chars().count() <= self.max_chars
            {
                push(0, &section.text);
            } else {
                let config = ChunkConfig::new(self.max_chars)
                    .with_overlap(self.overlap_chars)
                    .map_err(|_| Error::InvalidSetting {
                        name: "overlap_chars",
                        value: self.overlap_chars.to_string(),
                        reason: "must be smaller than max_chars".into(),
                    })?;
                for (offset, text) in TextSplitter::new(config).chunk_indices(&section.text) {
                    push(offset, text);
                }
            }
        }
        if chunks.is_empty() {
            chunks.push(Chunk {
                ord: 0,
                byte_range: 0..0,
                heading_path: Vec::new(),
                text: String::new(),
            });
        }
        Ok(chunks)
    }
}
