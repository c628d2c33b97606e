use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{Query, Source, analysis};

/// A passage that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The document the passage belongs to.
    pub doc_id: String,
    /// Which of its passages, from 0.
    pub ord: usize,
    /// The document's title.
    pub title: String,
    /// Headings above the passage.
    pub heading_path: Vec<String>,
    /// The passage.
    pub text: String,
    /// Where the passage stands in [`Document::text`](crate::Document::text).
    pub byte_range: Range<usize>,
    /// Higher is better; comparable within one result only.
    pub score: f32,
    /// Places and scores in the rankings that were joined.
    pub ranks: Ranks,
    /// How to cite the document, ready to print.
    pub citation: String,
    /// Where the document comes from.
    pub source: Source,
    /// The document's facets.
    pub facets: BTreeMap<String, Vec<String>>,
    /// The document's language.
    pub lang: String,
    /// What the lexical score is made of, if the query asked for it: the parts add up to `ranks.lexical_score`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explanation: Vec<Contribution>,
}

impl Hit {
    /// Parts of the passage, in bytes of `text`, that hold a word of the query.
    #[must_use]
    pub fn highlights(&self, query: &Query) -> Vec<Range<usize>> {
        let lang = analysis::base_lang(&query.lang);
        let texts = std::iter::once(&query.text).chain(query.extra.iter().map(|(text, _)| text));
        let wanted: HashSet<String> =
            texts.flat_map(|text| analysis::terms(&lang, text)).map(|term| term.text).collect();
        let found = analysis::terms(&lang, &self.text)
            .into_iter()
            .filter(|term| wanted.contains(&term.text));
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for term in found {
            match ranges.last_mut() {
                Some(last) if term.start <= last.end => last.end = last.end.max(term.end),
                _ => ranges.push(term.start..term.end),
            }
        }
        ranges
    }
}

/// Where a passage stood in each ranking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Ranks {
    /// Place among the passages by words, from 1.
    pub lexical: Option<usize>,
    /// BM25 score with facet and phrase bonuses.
    pub lexical_score: Option<f32>,
    /// Place among the passages by vectors, from 1.
    pub dense: Option<usize>,
    /// Cosine of query and passage.
    pub dense_score: Option<f32>,
    /// The reranker's score.
    pub rerank_score: Option<f32>,
}

/// One part of a lexical score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// `title`, `heading`, `body`, `facet` or `phrase`.
    pub field: String,
    /// The index term, facet (`name=value`) or phrase.
    pub term: String,
    /// How often the passage's field holds the term.
    pub term_frequency: u32,
    /// How many passages hold the term in this field.
    pub doc_frequency: u64,
    /// Inverse document frequency.
    pub idf: f32,
    /// How often (and how weighted) the query holds the term.
    pub query_weight: f32,
    /// What it adds to the score.
    pub score: f32,
}
