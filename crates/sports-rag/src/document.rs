use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Between two sections in [`Document::text`].
const SECTION_GAP: &str = "\n\n";

/// Something worth citing: a protocol card, an article, a book section, a question with its answer.
///
/// Documents are the source of truth; a store is a cache that can be rebuilt from them.
///
/// ```
/// use sports_rag::{Document, Section};
/// let document = Document::new("squat-depth", "Squat depth", "Sit between the heels.")
///     .with_facet("event", "squat")
///     .with_section(["Drill"], "Box squat, 3 x 6.");
/// assert_eq!(document.text(), "Sit between the heels.\n\nBox squat, 3 x 6.");
/// assert_eq!(document.section_range(1), Some(24..41));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Unique in a store; an upsert replaces the document that has the same id.
    pub id: String,
    /// May be empty.
    pub title: String,
    /// The content, in reading order.
    pub sections: Vec<Section>,
    /// Language as an ISO 639-1 code (`en`, `zh`); it chooses the analyser. Empty counts as `en`.
    #[serde(default)]
    pub lang: String,
    /// Named values to filter and boost by: `event`, `issue`, `kind`, `muscle` and so on.
    #[serde(default)]
    pub facets: BTreeMap<String, Vec<String>>,
    /// Where the content comes from.
    #[serde(default)]
    pub source: Source,
}

/// A part of a document under one heading.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Headings from the outermost to the innermost; empty for text before the first heading.
    #[serde(default)]
    pub heading_path: Vec<String>,
    /// The text under the heading.
    pub text: String,
}

/// Where a document comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// How to cite it, ready to print.
    #[serde(default)]
    pub citation: String,
    /// Where to find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Under which terms it may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Page or page range in print.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Whether somebody compared the text with the cited works; unknown for most documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<bool>,
}

impl Document {
    /// A document of one untitled section, in English, without facets.
    #[must_use]
    pub fn new(id: impl Into<String>, title: impl Into<String>, text: impl Into<String>) -> Self {
        let section = Section { heading_path: Vec::new(), text: text.into() };
        Self {
            id: id.into(),
            title: title.into(),
            sections: vec![section],
            lang: "en".into(),
            ..Self::default()
        }
    }

    /// Adds a section at the end.
    #[must_use]
    pub fn with_section<H: Into<String>>(
        mut self,
        heading_path: impl IntoIterator<Item = H>,
        text: impl Into<String>,
    ) -> Self {
        let heading_path = heading_path.into_iter().map(Into::into).collect();
        self.sections.push(Section { heading_path, text: text.into() });
        self
    }

    /// Adds one facet value.
    #[must_use]
    pub fn with_facet(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facets.entry(name.into()).or_default().push(value.into());
        self
    }

    /// Sets the language.
    #[must_use]
    pub fn with_lang(mut self, lang: impl Into<String>) -> Self {
        self.lang = lang.into();
        self
    }

    /// Sets the citation.
    #[must_use]
    pub fn with_citation(mut self, citation: impl Into<String>) -> Self {
        self.source.citation = citation.into();
        self
    }

    /// The whole text: sections joined by an empty line, headings left out.
    ///
    /// Every byte range this crate reports for the document indexes this string.
    #[must_use]
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.sections.iter().map(|section| section.text.as_str()).collect();
        texts.join(SECTION_GAP)
    }

    /// Bytes of section `idx` in [`Document::text`].
    #[must_use]
    pub fn section_range(&self, idx: usize) -> Option<Range<usize>> {
        let text = &self.sections.get(idx)?.text;
        let start: usize =
            self.sections[..idx].iter().map(|before| before.text.len() + SECTION_GAP.len()).sum();
        Some(start..start + text.len())
    }

    /// How to cite the document: its source's citation, else its title, else its id.
    #[must_use]
    pub fn citation(&self) -> String {
        let candidates = [&self.source.citation, &self.title, &self.id];
        candidates.into_iter().find(|text| !text.trim().is_empty()).cloned().unwrap_or_default()
    }

    /// SHA-256 of the content as 64 hex digits; equal documents have equal versions.
    #[must_use]
    pub fn version(&self) -> String {
        // Maps are ordered and fields written in order, so equal documents give equal bytes.
        version_of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// Checks what a store needs: an id that is no longer than 512 bytes and free of control characters.
    pub(crate) fn check(&self) -> Result<()> {
        let invalid = |field, reason: &str| {
            Err(Error::InvalidDocument {
                id: self.id.chars().take(80).collect(),
                field,
                reason: reason.into(),
            })
        };
        if self.id.trim().is_empty() {
            return invalid("id", "is empty; give every document a unique id");
        }
        if self.id.len() > 512 {
            return invalid("id", "is longer than 512 bytes");
        }
        if self.id.chars().any(char::is_control) {
            return invalid("id", "holds a control character");
        }
        if self.lang.len() > 16
            || self.lang.chars().any(|c| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
        {
            return invalid("lang", "is not a language code such as `en` or `zh`");
        }
        let facet_texts =
            self.facets.iter().flat_map(|(name, values)| std::iter::once(name).chain(values));
        for text in facet_texts {
            if text.len() > 1024 || text.contains('\u{1f}') {
                return invalid(
                    "facets",
                    "has a name or value longer than 1024 bytes or with a unit separator (U+001F)",
                );
            }
        }
        Ok(())
    }

    /// Whether any value of facet `name` equals `value`.
    #[must_use]
    pub fn has_facet(&self, name: &str, value: &str) -> bool {
        self.facets.get(name).is_some_and(|values| values.iter().any(|found| found == value))
    }
}

/// [`Document::version`] of a document's JSON.
pub(crate) fn version_of(json: &[u8]) -> String {
    hex(&Sha256::digest(json))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
