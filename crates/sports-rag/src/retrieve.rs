use std::collections::HashSet;
use std::fmt::Debug;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{Document, Hit, Query, Reader, Result, Store, analysis};

/// Weight of a document that names the issue, in units of BM25; above any sum of words in practice. Ours.
const ISSUE_BOOST: f32 = 40.0;
/// Weight of a document for the same event. Ours.
const EVENT_BOOST: f32 = 5.0;
/// How much of an issue's name a passage must hold to serve it without naming it. Ours.
const NAME_SHARE: f64 = 0.66;

/// Something that finds passages: a local [`Store`], or a service elsewhere.
pub trait Retriever: Debug {
    /// The best passages for a query.
    ///
    /// # Errors
    ///
    /// Whatever keeps the search from being answered.
    fn search(&self, query: &Query) -> Result<Vec<Hit>>;

    /// The whole document with this id.
    ///
    /// # Errors
    ///
    /// Whatever keeps the document from being read.
    fn document(&self, id: &str) -> Result<Option<Document>>;
}

impl Retriever for Reader {
    fn search(&self, query: &Query) -> Result<Vec<Hit>> {
        Reader::search(self, query)
    }

    fn document(&self, id: &str) -> Result<Option<Document>> {
        Reader::document(self, id)
    }
}

impl Retriever for Store {
    fn search(&self, query: &Query) -> Result<Vec<Hit>> {
        Store::search(self, query)
    }

    fn document(&self, id: &str) -> Result<Option<Document>> {
        Store::document(self, id)
    }
}

/// A finding of an assessment, put as a question to the knowledge base.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct IssueQuery {
    /// The issue's id, as in the facet `issue` of documents about it.
    pub id: String,
    /// Its name in words.
    pub name: String,
    /// Other names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The motion, as in the facet `event`.
    pub event: String,
    /// Keyframe of the strongest evidence.
    #[serde(default)]
    pub phase: Option<String>,
    /// Which way the measure is off: `above`, `below`, `asymmetry`.
    #[serde(default)]
    pub direction: Option<String>,
    /// 0 (none) to 1 (worst); decides the order of the guidance.
    pub severity: f64,
    /// What was measured, one sentence each.
    #[serde(default)]
    pub facts: Vec<String>,
}

/// What was found for each issue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Retrieval {
    /// Passages by issue, in the order of the issues, best first within an issue.
    pub hits: Vec<IssueHit>,
    /// Ids of issues for which nothing suitable was found.
    pub nothing_found: Vec<String>,
}

/// A passage and the issue it serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IssueHit {
    /// The issue's id.
    pub issue: String,
    /// Whether the document names the issue; otherwise the words of its name were found.
    pub names_issue: bool,
    /// The passage that was found.
    pub hit: Hit,
    /// All passages of the document, in reading order.
    pub passages: Vec<Passage>,
}

/// A section of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// Headings above it.
    pub heading_path: Vec<String>,
    /// Its text.
    pub text: String,
    /// Where it stands in [`Document::text`].
    pub byte_range: Range<usize>,
}

impl Retrieval {
    /// What was found for one issue, best first.
    pub fn for_issue<'a>(&'a self, issue: &'a str) -> impl Iterator<Item = &'a IssueHit> {
        self.hits.iter().filter(move |hit| hit.issue == issue)
    }
}

/// Looks up each issue on its own and keeps up to `per_issue` documents for each, so that no issue crowds out another.
///
/// Documents that name the issue in their facet `issue` come first, then those of the same event, then by words. A
/// document that does not name the issue only counts if it is not about other events and holds the words of the
/// issue's name or of one of its aliases; if none is left, the issue is listed in `nothing_found`.
///
/// # Errors
///
/// As [`Retriever::search`] and [`Retriever::document`].
pub fn retrieve<R: Retriever + ?Sized>(
    retriever: &R,
    issues: &[IssueQuery],
    per_issue: usize,
) -> Result<Retrieval> {
    let mut retrieval = Retrieval::default();
    let mut done = HashSet::new();
    for issue in issues.iter().filter(|issue| done.insert(issue.id.as_str())) {
        let query = issue.query(per_issue);
        let mut kept = 0;
        for hit in retriever.search(&query)? {
            let names_issue = has(&hit, "issue", &issue.id) && issue.fits_event(&hit);
            if kept == per_issue || !(names_issue || issue.is_served_by(&hit)) {
                continue;
            }
            kept += 1;
            let passages = retriever
                .document(&hit.doc_id)?
                .map_or_else(Vec::new, |document| passages(&document));
            retrieval.hits.push(IssueHit { issue: issue.id.clone(), names_issue, hit, passages });
        }
        if kept == 0 {
            retrieval.nothing_found.push(issue.id.clone());
        }
    }
    Ok(retrieval)
}

fn passages(document: &Document) -> Vec<Passage> {
    let sections = document.sections.iter().enumerate();
    let passage = |(idx, section): (usize, &crate::Section)| {
        let byte_range = document.section_range(idx)?;
        Some(Passage {
            heading_path: section.heading_path.clone(),
            text: section.text.clone(),
            byte_range,
        })
    };
    sections.filter_map(passage).collect()
}

fn has(hit: &Hit, facet: &str, value: &str) -> bool {
    hit.facets.get(facet).is_some_and(|values| values.iter().any(|found| found == value))
}

impl IssueQuery {
    /// The query behind [`retrieve`]: name, aliases at half weight, event, phase and direction at a quarter, and a
    /// boost for documents that name the issue or its event.
    #[must_use]
    pub fn query(&self, per_issue: usize) -> Query {
        let context = [Some(self.event.as_str()), self.phase.as_deref(), self.direction.as_deref()];
        let context: Vec<String> =
            context.into_iter().flatten().map(|text| text.replace('_', " ")).collect();
        let aliases: Vec<String> =
            self.aliases.iter().map(|alias| alias.replace('_', " ")).collect();
        Query::new(format!("{} {}", self.name, self.id.replace('_', " ")))
            .with_extra(aliases.join(" "), 0.5)
            .with_extra(context.join(" "), 0.25)
            .with_boost("issue", &self.id, ISSUE_BOOST)
            .with_boost("event", &self.event, EVENT_BOOST)
            .with_top_k(per_issue.saturating_mul(4).max(12))
    }

    /// A document that names no event fits every event.
    fn fits_event(&self, hit: &Hit) -> bool {
        hit.facets
            .get("event")
            .is_none_or(|events| events.is_empty() || events.contains(&self.event))
    }

    fn is_served_by(&self, hit: &Hit) -> bool {
        // A document that names other issues is about those.
        if hit.facets.get("issue").is_some_and(|issues| !issues.is_empty()) || !self.fits_event(hit)
        {
            return false;
        }
        let words = |text: &str| -> HashSet<String> {
            analysis::terms(&hit.lang, text)
                .into_iter()
                .map(|term| term.text)
                .filter(|w| w.chars().count() > 2)
                .collect()
        };
        let content =
            words(&format!("{}\n{}\n{}", hit.title, hit.heading_path.join("\n"), hit.text));
        let names = std::iter::once(&self.name).chain(&self.aliases);
        names.map(|name| words(name)).filter(|name| !name.is_empty()).any(|name| {
            let found = name.intersection(&content).count();
            found as f64 / name.len() as f64 >= if name.len() <= 2 { 1.0 } else { NAME_SHARE }
        })
    }
}
