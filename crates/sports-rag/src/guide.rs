use std::collections::HashMap;
use std::fmt::Debug;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::retrieve::{IssueHit, IssueQuery, Passage, Retrieval};

/// Longest excerpt from a document that is not a card, in characters. Ours.
const EXCERPT_CHARS: usize = 320;

/// Writes guidance from findings and what was retrieved for them.
pub trait Guide: Debug {
    /// Guidance for every issue, worst first.
    ///
    /// # Errors
    ///
    /// Whatever keeps the guide from answering; the template guide never fails.
    fn guidance(&self, issues: &[IssueQuery], retrieval: &Retrieval) -> Result<Guidance>;
}

/// Coaching guidance with its sources.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Guidance {
    /// One item per issue, worst first.
    pub items: Vec<GuidanceItem>,
    /// The numbered sources that the items cite, from 1.
    pub references: Vec<Reference>,
}

/// Guidance for one issue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GuidanceItem {
    /// The issue's id.
    pub issue: String,
    /// One paragraph; `[n]` cites reference number n.
    pub text: String,
    /// Numbers of the references the text cites, in order.
    pub citations: Vec<usize>,
    /// Whether the knowledge base had anything on the issue.
    pub found: bool,
    /// The same advice part by part.
    pub sections: Sections,
}

/// The parts of an item; a part the sources do not give is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sections {
    /// Why it happens and what it costs.
    pub cause: Option<Advice>,
    /// What to do differently.
    pub correction: Option<Advice>,
    /// How to practise it: sets, repetitions, tempo, rest.
    pub drill: Option<Advice>,
    /// How to go on once it works.
    pub progression: Option<Advice>,
    /// What to watch out for.
    pub caution: Option<Advice>,
}

/// A piece of advice with its source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// The advice, in the source's words.
    pub text: String,
    /// Numbers of the references it is taken from.
    pub citations: Vec<usize>,
}

/// A numbered source: one passage of one document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Its number in the text, from 1.
    pub number: usize,
    /// How to cite the document.
    pub citation: String,
    /// The document's title.
    pub title: String,
    /// Headings above the passage.
    pub heading_path: Vec<String>,
    /// The document's id.
    pub doc_id: String,
    /// Where the passage stands in [`Document::text`](crate::Document::text).
    pub byte_range: Range<usize>,
    /// The passage.
    pub quote: String,
    /// Where to find the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether somebody compared the document with the works it cites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<bool>,
}

/// Puts retrieved passages into a fixed form; the same input always gives the same text, and nothing is made up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TemplateGuide;

/// The parts of a card, in the order they are told: heading (any of), words in front.
const PARTS: [(&[&str], &str); 5] = [
    (&["cause", "why", "原因"], "Why: "),
    (&["correction", "fix", "纠正"], "What to change: "),
    (&["drill", "drills", "exercise", "练习"], "Drill: "),
    (&["progression", "progress", "进阶"], "Next: "),
    (&["caution", "safety", "注意"], "Take care: "),
];

impl TemplateGuide {
    /// The template guide.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Guide for TemplateGuide {
    fn guidance(&self, issues: &[IssueQuery], retrieval: &Retrieval) -> Result<Guidance> {
        let mut references = References::default();
        let items = worst_first(issues)
            .into_iter()
            .map(|issue| item(issue, retrieval, &mut references))
            .collect();
        Ok(Guidance { items, references: references.list })
    }
}

/// Issues by falling severity; equals keep their order, and a severity that is not a number comes last.
pub(crate) fn worst_first(issues: &[IssueQuery]) -> Vec<&IssueQuery> {
    let mut ordered: Vec<&IssueQuery> = issues.iter().collect();
    let key = |issue: &IssueQuery| {
        if issue.severity.is_nan() { f64::NEG_INFINITY } else { issue.severity }
    };
    ordered.sort_by(|a, b| key(b).total_cmp(&key(a)));
    ordered
}

/// Numbers passages in the order they are first cited.
#[derive(Debug, Default)]
pub(crate) struct References {
    pub(crate) list: Vec<Reference>,
    numbers: HashMap<(String, usize, usize), usize>,
}

impl References {
    pub(crate) fn number(&mut self, found: &IssueHit, passage: &Passage) -> usize {
        let key = (found.hit.doc_id.clone(), passage.byte_range.start, passage.byte_range.end);
        let next = self.list.len() + 1;
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.list.push(Reference {
                number,
                citation: found.hit.citation.clone(),
                title: found.hit.title.clone(),
                heading_path: passage.heading_path.clone(),
                doc_id: found.hit.doc_id.clone(),
                byte_range: passage.byte_range.clone(),
                quote: passage.text.clone(),
                url: found.hit.source.url.clone(),
                checked: found.hit.source.checked,
            });
        }
        number
    }
}

fn item(issue: &IssueQuery, retrieval: &Retrieval, references: &mut References) -> GuidanceItem {
    let name =
        if issue.name.trim().is_empty() { issue.id.replace('_', " ") } else { issue.name.clone() };
    let mut sentences = vec![format!("{}.", capitalised(name.trim_end_matches('.')))];
    if !issue.facts.is_empty() {
        sentences.push(sentence(&format!("Measured: {}", issue.facts.join("; "))));
    }
    let hits: Vec<&IssueHit> = retrieval.for_issue(&issue.id).collect();
    let mut sections = Sections::default();
    let mut citations = Vec::new();
    let slots = [
        &mut sections.cause,
        &mut sections.correction,
        &mut sections.drill,
        &mut sections.progression,
        &mut sections.caution,
    ];
    for ((headings, lead), slot) in PARTS.iter().zip(slots) {
        // The best document that has the part gives it.
        let Some((found, passage)) = hits.iter().find_map(|hit| Some((*hit, part(hit, headings)?)))
        else {
            continue;
        };
        let number = references.number(found, passage);
        let text = one_line(&passage.text);
        sentences.push(format!("{lead}{text} [{number}]"));
        citations.push(number);
        *slot = Some(Advice { text, citations: vec![number] });
    }
    if citations.is_empty()
        && let Some(found) = hits.first()
    {
        let Range { start, end } = found.hit.byte_range;
        let passage = Passage {
            heading_path: found.hit.heading_path.clone(),
            text: found.hit.text.clone(),
            byte_range: start..end,
        };
        let number = references.number(found, &passage);
        sentences.push(format!("From the sources: “{}” [{number}]", excerpt(&passage.text)));
        citations.push(number);
    }
    let found = !citations.is_empty();
    if !found {
        let event = issue.event.replace('_', " ");
        sentences.push(format!(
            "Nothing was found for {name} ({event}) in the knowledge base, so no advice is given."
        ));
    }
    GuidanceItem { issue: issue.id.clone(), text: sentences.join(" "), citations, found, sections }
}

fn part<'a>(found: &'a IssueHit, headings: &[&str]) -> Option<&'a Passage> {
    found.passages.iter().find(|passage| {
        let heading = passage.heading_path.last().map(|heading| heading.trim().to_lowercase());
        heading.is_some_and(|heading| headings.contains(&heading.as_str()))
    })
}

/// The text without line breaks and list marks.
fn one_line(text: &str) -> String {
    let lines =
        text.lines().map(|line| line.trim().trim_start_matches("- ").trim_start_matches("* "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The beginning of a text, cut after a sentence if one ends soon enough, else after a word.
fn excerpt(text: &str) -> String {
    let text = one_line(text);
    let Some((limit, _)) = text.char_indices().nth(EXCERPT_CHARS) else { return text };
    let head = &text[..limit];
    let end = head
        .rfind(['.', '。', '!', '?'])
        .map(|at| at + head[at..].chars().next().map_or(1, char::len_utf8));
    match end.filter(|end| *end > limit / 3) {
        Some(end) => head[..end].to_string(),
        None => format!("{} …", head.rsplit_once(' ').map_or(head, |(words, _)| words)),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) { text.into() } else { format!("{text}.") }
}
