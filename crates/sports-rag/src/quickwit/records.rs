//! Documents as lines of JSON, and the index that takes them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::schema::{StoredChunk, TEXT_FIELDS, facet_terms, searched_texts};
use crate::{Chunking, Document, Result, analysis};

/// What comes back of a passage.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) doc_id: String,
    pub(super) ord: usize,
    /// [`StoredChunk`] as JSON.
    pub(super) chunk: String,
    /// The whole [`Document`] as JSON, on its first passage only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) document: Option<String>,
}

/// One line per passage, each with a line end.
pub(super) fn lines(document: &Document, chunking: Chunking) -> Result<String> {
    let lang = analysis::base_lang(&document.lang);
    let mut lines = String::new();
    for chunk in chunking.split(document)? {
        let whole = if chunk.ord == 0 { Some(serde_json::to_string(document)?) } else { None };
        let mut record = serde_json::to_value(Stored {
            doc_id: document.id.clone(),
            ord: chunk.ord,
            chunk: serde_json::to_string(&StoredChunk::of(document, &chunk))?,
            document: whole,
        })?;
        record["lang"] = json!(lang);
        record["facet"] = facet_terms(document).collect();
        for (field, text) in TEXT_FIELDS.iter().zip(searched_texts(document, &chunk)) {
            let terms: Vec<String> = analysis::terms(&lang, &text)
                .into_iter()
                .map(|term| analysis::index_term(&lang, &term.text))
                .collect();
            record[*field] = json!(terms.join(" "));
        }
        lines.push_str(&record.to_string());
        lines.push('\n');
    }
    Ok(lines)
}

/// Fields for finished terms, split at spaces only, and stored fields for what a hit shows.
pub(super) fn index_config(index: &str) -> Value {
    let terms = |name: &str, record: &str| {
        json!({
            "name": name, "type": "text", "tokenizer": "whitespace", "record": record,
            "fieldnorms": true, "stored": false,
        })
    };
    let raw = |name: &str, kind: &str, stored: bool| json!({ "name": name, "type": kind, "tokenizer": "raw", "record": "basic", "stored": stored });
    let shown =
        |name: &str| json!({ "name": name, "type": "text", "indexed": false, "stored": true });
    json!({
        "version": "0.7",
        "index_id": index,
        "doc_mapping": {
            "mode": "strict",
            "field_mappings": [
                terms(TEXT_FIELDS[0], "freq"),
                terms(TEXT_FIELDS[1], "freq"),
                terms(TEXT_FIELDS[2], "position"),
                raw("facet", "array<text>", false),
                raw("doc_id", "text", true),
                raw("lang", "text", false),
                { "name": "ord", "type": "u64", "stored": true, "indexed": true },
                shown("chunk"),
                shown("document"),
            ],
        },
        "search_settings": { "default_search_fields": ["body"] },
    })
}
