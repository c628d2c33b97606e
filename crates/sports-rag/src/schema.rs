//! How documents lie in the index: one record per passage, the first of which also keeps the whole document.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, NumericOptions, STORED, STRING, Schema,
    TextFieldIndexing, TextOptions,
};
use tantivy::{Index, TantivyDocument};

use crate::analysis::{self, ByLanguage};
use crate::{Chunk, Document, Hit, Ranks, Section, Source};

/// Rises whenever an index written before cannot be searched any more.
pub(crate) const FORMAT: u32 = 2;
const TOKENIZER: &str = "by_language";
/// Joins facet name and value in a term.
const FACET_MARK: char = '\u{1f}';

/// The text fields, in the order in which scores are added.
pub(crate) const TEXT_FIELDS: [&str; 3] = ["title", "heading", "body"];

#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    /// `title`, `heading`, `body`.
    pub(crate) text: [Field; 3],
    pub(crate) facet: Field,
    pub(crate) doc_id: Field,
    pub(crate) ord: Field,
    pub(crate) lang: Field,
    /// The document's version, on its first passage only.
    pub(crate) version: Field,
    pub(crate) vector: Field,
    /// [`StoredChunk`] as JSON; left out where it can be told from `document`.
    pub(crate) chunk: Field,
    /// The whole [`Document`] as JSON, on its first passage only.
    pub(crate) document: Field,
}

/// What a hit needs without touching the whole document.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredChunk {
    pub(crate) title: String,
    pub(crate) heading_path: Vec<String>,
    pub(crate) text: String,
    pub(crate) byte_range: Range<usize>,
    pub(crate) citation: String,
    pub(crate) source: Source,
    pub(crate) facets: BTreeMap<String, Vec<String>>,
    pub(crate) lang: String,
}

impl StoredChunk {
    pub(crate) fn of(document: &Document, chunk: &Chunk) -> Self {
        Self {
            title: document.title.clone(),
            heading_path: chunk.heading_path.clone(),
            text: chunk.text.clone(),
            byte_range: chunk.byte_range.clone(),
            citation: document.citation(),
            source: document.source.clone(),
            facets: document.facets.clone(),
            lang: document.lang.clone(),
        }
    }

    /// The only passage of a document that is one section; most documents are.
    pub(crate) fn only(document: Document) -> Option<Self> {
        let written = |section: &Section| !section.text.trim().is_empty();
        let idx = document.sections.iter().position(written)?;
        if document.sections[idx + 1..].iter().any(written) {
            return None;
        }
        let (citation, byte_range) = (document.citation(), document.section_range(idx)?);
        let Document { title, mut sections, lang, facets, source, .. } = document;
        let Section { heading_path, text } = sections.swap_remove(idx);
        Some(Self { title, heading_path, text, byte_range, citation, source, facets, lang })
    }

    /// Whether [`only`](Self::only) would give this passage again.
    fn is_only(document: &Document, chunk: &Chunk) -> bool {
        let mut written =
            document.sections.iter().filter(|section| !section.text.trim().is_empty());
        let first = written.next().map(|section| section.text.as_str());
        first == Some(chunk.text.as_str()) && written.next().is_none()
    }

    pub(crate) fn hit(self, doc_id: String, ord: usize, score: f32, ranks: Ranks) -> Hit {
        let Self { title, heading_path, text, byte_range, citation, source, facets, lang } = self;
        let explanation = Vec::new();
        Hit {
            doc_id,
            ord,
            title,
            heading_path,
            text,
            byte_range,
            score,
            ranks,
            citation,
            source,
            facets,
            lang,
            explanation,
        }
    }
}

impl Fields {
    pub(crate) fn schema() -> (Schema, Self) {
        let mut builder = Schema::builder();
        let indexed = |record| {
            TextOptions::default().set_indexing_options(
                TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_index_option(record),
            )
        };
        let text = [
            builder.add_text_field(TEXT_FIELDS[0], indexed(IndexRecordOption::WithFreqs)),
            builder.add_text_field(TEXT_FIELDS[1], indexed(IndexRecordOption::WithFreqs)),
            builder
                .add_text_field(TEXT_FIELDS[2], indexed(IndexRecordOption::WithFreqsAndPositions)),
        ];
        let raw_fast = || STRING.set_fast("raw");
        let fields = Self {
            text,
            facet: builder.add_text_field("facet", STRING),
            doc_id: builder.add_text_field("doc_id", raw_fast()),
            ord: builder.add_u64_field("ord", NumericOptions::default().set_fast()),
            lang: builder.add_text_field("lang", TextOptions::default().set_fast("raw")),
            version: builder.add_text_field("version", TextOptions::default().set_fast("raw")),
            vector: builder.add_bytes_field("vector", BytesOptions::default().set_fast()),
            chunk: builder.add_text_field("chunk", STORED),
            document: builder.add_text_field("document", STORED),
        };
        (builder.build(), fields)
    }

    pub(crate) fn register(index: &Index) {
        index.tokenizers().register(TOKENIZER, ByLanguage::default());
    }

    /// The record of one passage.
    pub(crate) fn record(
        &self,
        document: &Document,
        chunk: &Chunk,
        vector: Option<&[f32]>,
    ) -> Result<TantivyDocument, serde_json::Error> {
        let lang = analysis::base_lang(&document.lang);
        let mut record = TantivyDocument::default();
        for (field, text) in self.text.iter().zip(searched_texts(document, chunk)) {
            if !text.is_empty() {
                record.add_text(*field, analysis::marked(&lang, &text));
            }
        }
        for term in facet_terms(document) {
            record.add_text(self.facet, term);
        }
        record.add_text(self.doc_id, &document.id);
        record.add_u64(self.ord, chunk.ord as u64);
        record.add_text(self.lang, &lang);
        if let Some(vector) = vector {
            let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
            record.add_bytes(self.vector, &bytes);
        }
        if !StoredChunk::is_only(document, chunk) {
            record.add_text(self.chunk, serde_json::to_string(&StoredChunk::of(document, chunk))?);
        }
        if chunk.ord == 0 {
            let json = serde_json::to_string(document)?;
            record.add_text(self.version, crate::document::version_of(json.as_bytes()));
            record.add_text(self.document, json);
        }
        Ok(record)
    }
}

/// What is searched of a passage, in the order of [`TEXT_FIELDS`].
pub(crate) fn searched_texts<'a>(document: &'a Document, chunk: &'a Chunk) -> [Cow<'a, str>; 3] {
    // Other names of the same thing are searched like the title.
    let title = match document.facets.get("alias") {
        Some(aliases) => format!("{}\n{}", document.title, aliases.join("\n")).into(),
        None => document.title.as_str().into(),
    };
    let body = if chunk.is_bibliography() { "" } else { chunk.text.as_str() };
    [title, chunk.heading_path.join("\n").into(), body.into()]
}

/// Every facet of a document as a term.
pub(crate) fn facet_terms(document: &Document) -> impl Iterator<Item = String> {
    let facets = document.facets.iter();
    facets.flat_map(|(name, values)| values.iter().map(move |value| facet_term(name, value)))
}

pub(crate) fn facet_term(name: &str, value: &str) -> String {
    format!("{name}{FACET_MARK}{value}")
}
