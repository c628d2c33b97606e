//! The validator: what rows say of each other, each finding with its row and the fix.

mod features; // features and references
mod issues; // issues and evidence

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::base::KnowledgeBase;
use super::{Event, Feature, FeatureSide, Issue, KeyframeDef, Source, SourceKind, Text};
use crate::vocabulary;

/// Participants below which a study is called small.
const SMALL_N: u32 = 10;
/// Layout version that this crate reads.
const SCHEMA: u32 = 1;
/// No figure of a movement is larger; keeps squares and products finite.
const LARGEST: f64 = 1e6;
const VIEWS: [&str; 3] = ["side", "front", "3d"];

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The base cannot be applied.
    Error,
    /// The base can be applied; a reviewer should look.
    Warning,
}

/// One thing that the validator found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Line of the file on which the row starts, from 1.
    pub row: usize,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and how to mend it.
    pub text: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = if self.severity == Severity::Error { "error" } else { "warning" };
        write!(f, "{}: {severity}: {}", self.row, self.text)
    }
}

/// What the evidence rows rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LintSummary {
    /// Evidence rows.
    pub rows: usize,
    /// Of them, rows with a published source that somebody has checked.
    pub checked: usize,
    /// Of the others, rows that state what the issue's name means.
    pub by_definition: usize,
    /// The rest: rows from memory.
    pub unchecked: usize,
}

impl KnowledgeBase {
    /// Everything that is wrong or doubtful, in order of line, errors before warnings on the same line.
    #[must_use]
    pub fn lint(&self) -> Vec<Finding> {
        let mut linter = Linter::new(self);
        linter.header();
        linter.sources();
        linter.events();
        linter.features();
        linter.references();
        linter.issues();
        linter.evidence();
        linter.unused();
        linter.findings.sort_by_key(|finding| (finding.row, finding.severity));
        linter.findings
    }

    /// How many evidence rows rest on checked sources.
    #[must_use]
    pub fn lint_summary(&self) -> LintSummary {
        let mut summary = LintSummary { rows: self.rows.evidence.len(), ..LintSummary::default() };
        for row in &self.rows.evidence {
            let sources: Vec<&Source> =
                row.source.iter().filter_map(|id| self.source(id)).collect();
            if sources.iter().any(|source| source.checked && source.kind != SourceKind::Definition)
            {
                summary.checked += 1;
            } else if sources.iter().any(|source| source.kind == SourceKind::Definition) {
                summary.by_definition += 1;
            } else {
                summary.unchecked += 1;
            }
        }
        summary
    }
}

struct Linter<'a> {
    kb: &'a KnowledgeBase,
    findings: Vec<Finding>,
    sources: HashMap<&'a str, &'a Source>,
    events: HashMap<&'a str, &'a Event>,
    features: HashMap<(&'a str, &'a str), &'a Feature>,
    issues: HashMap<(&'a str, &'a str), &'a Issue>,
}

impl<'a> Linter<'a> {
    fn new(kb: &'a KnowledgeBase) -> Self {
        let rows = &kb.rows;
        Self {
            kb,
            findings: Vec::new(),
            sources: rows.source.iter().map(|row| (row.id.as_str(), row)).collect(),
            events: rows.event.iter().map(|row| (row.id.as_str(), row)).collect(),
            features: rows
                .feature
                .iter()
                .map(|row| ((row.event.as_str(), row.id.as_str()), row))
                .collect(),
            issues: rows
                .issue
                .iter()
                .map(|row| ((row.event.as_str(), row.id.as_str()), row))
                .collect(),
        }
    }

    fn error(&mut self, row: usize, text: impl Into<String>) {
        self.findings.push(Finding { row, severity: Severity::Error, text: text.into() });
    }

    fn warn(&mut self, row: usize, text: impl Into<String>) {
        self.findings.push(Finding { row, severity: Severity::Warning, text: text.into() });
    }

    /// An error unless `value` is a number of a size that can be computed with and `holds`.
    fn number(&mut self, line: usize, what: &str, value: f64, holds: bool, expected: &str) {
        if !(value.abs() <= LARGEST && holds) {
            self.error(line, format!("{what} is {value}, expected {expected}"));
        }
    }

    fn filled(&mut self, line: usize, what: &str, text: &Text) {
        for (lang, text) in [("en", &text.en), ("zh", &text.zh)] {
            if text.trim().is_empty() {
                self.error(line, format!("{what} has no text in `{lang}`: write it"));
            }
        }
    }

    fn unique<K: std::hash::Hash + Eq>(
        &mut self,
        seen: &mut HashMap<K, usize>,
        key: K,
        line: usize,
        what: &str,
    ) {
        if let Some(first) = seen.insert(key, line) {
            self.error(line, format!("{what} repeats the row on line {first}: merge the two"));
        }
    }

    fn views(&mut self, line: usize, what: &str, views: &[String]) {
        for view in views.iter().filter(|view| !VIEWS.contains(&view.as_str())) {
            self.error(line, format!("{what} names the view `{view}`: use {}", VIEWS.join(", ")));
        }
    }

    fn cites(&mut self, line: usize, what: &str, ids: &[String]) {
        for id in
            ids.iter().filter(|id| !self.sources.contains_key(id.as_str())).collect::<Vec<_>>()
        {
            self.error(
                line,
                format!(
                    "{what} cites the unknown source `{id}`: add a [[source]] or correct the id"
                ),
            );
        }
    }

    /// A row that rests on small studies and nothing else published; a small study beside a larger one is no doubt.
    fn small_studies(&mut self, line: usize, what: &str, ids: &[String]) {
        let published = ids.iter().filter_map(|id| self.sources.get(id.as_str()));
        let published = published.filter(|source| source.kind != SourceKind::Definition);
        let largest = published.map(|source| source.n.unwrap_or(u32::MAX)).max();
        if let Some(n) = largest.filter(|&n| n < SMALL_N) {
            self.warn(
                line,
                format!(
                    "{what} rests on {n} participants, fewer than {SMALL_N}: cite a larger study"
                ),
            );
        }
    }

    /// The event of a row, or an error.
    fn event_of(&mut self, line: usize, what: &str, event: &str) -> Option<&'a Event> {
        let found = self.events.get(event).copied();
        if found.is_none() {
            let fix = if event.is_empty() {
                "say `event = ...`, the file has several or none"
            } else {
                "correct the id"
            };
            self.error(line, format!("{what} belongs to the unknown event `{event}`: {fix}"));
        }
        found
    }

    fn header(&mut self) {
        let (line, header) = (self.kb.lines.header, self.kb.header());
        if header.schema != SCHEMA {
            self.error(
                line,
                format!(
                    "schema {} is not {SCHEMA}, the layout that this program reads",
                    header.schema
                ),
            );
        }
        for (field, value) in
            [("id", &header.id), ("version", &header.version), ("licence", &header.licence)]
        {
            if value.trim().is_empty() {
                self.error(line, format!("[kb] {field} is empty: fill it in"));
            }
        }
    }

    fn sources(&mut self) {
        let mut seen = HashMap::new();
        for (row, &line) in self.kb.rows.source.iter().zip(&self.kb.lines.source) {
            let what = format!("source `{}`", row.id);
            self.unique(&mut seen, row.id.as_str(), line, &what);
            let given =
                |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
            if row.kind != SourceKind::Definition {
                if !given(&row.doi) && !given(&row.url) {
                    self.error(
                        line,
                        format!("{what} has neither doi nor url: give one so that it can be found"),
                    );
                }
                if !row.checked {
                    self.warn(
                        line,
                        format!("{what} is unchecked: read it, then set checked = true"),
                    );
                }
            }
            if row.cite.trim().is_empty() {
                self.error(line, format!("{what} has no citation: write `cite`"));
            }
        }
    }

    fn events(&mut self) {
        let mut seen = HashMap::new();
        for (row, &line) in self.kb.rows.event.iter().zip(&self.kb.lines.event) {
            let what = format!("event `{}`", row.id);
            for name in std::iter::once(&row.id).chain(&row.aliases) {
                self.unique(
                    &mut seen,
                    name.as_str(),
                    line,
                    &format!("the name `{name}` of {what}"),
                );
            }
            self.filled(line, &what, &row.name);
            self.views(line, &what, &row.views);
            if row.views.is_empty() {
                self.error(
                    line,
                    format!("{what} has no views: say which of {} can show it", VIEWS.join(", ")),
                );
            }
            if row.keyframes.is_empty() {
                self.error(line, format!("{what} has no keyframes: list them in time order"));
            }
            let mut names = HashSet::new();
            for keyframe in &row.keyframes {
                self.snap(line, &what, keyframe);
                self.filled(
                    line,
                    &format!("keyframe `{}` of {what}", keyframe.name),
                    &keyframe.label,
                );
                if !names.insert(&keyframe.name) {
                    self.error(
                        line,
                        format!("{what} has two keyframes `{}`: rename one", keyframe.name),
                    );
                }
            }
            for channel in row.channels.iter().filter(|channel| vocabulary::find(channel).is_none())
            {
                self.error(line, format!("{what} aligns on the unknown measure `{channel}`: use one of the vocabulary"));
            }
            if let Some(rule) = row
                .dominant
                .as_deref()
                .filter(|rule| !["wrist", "ankle", "ahead", "left", "right"].contains(rule))
            {
                self.error(
                    line,
                    format!(
                        "{what} has dominant = `{rule}`: use wrist, ankle, ahead, left or right"
                    ),
                );
            }
        }
    }

    fn snap(&mut self, line: usize, what: &str, keyframe: &KeyframeDef) {
        let Some(snap) = &keyframe.snap else { return };
        let what = format!("snap rule of keyframe `{}` of {what}", keyframe.name);
        self.number(
            line,
            &format!("within_ms of the {what}"),
            snap.within_ms,
            snap.within_ms > 0.0,
            "a time above 0",
        );
        self.number(line, &format!("level of the {what}"), snap.level, true, "a finite number");
        match vocabulary::find(&snap.measure) {
            None => self.error(
                line,
                format!(
                    "{what} uses the unknown measure `{}`: use one of the vocabulary",
                    snap.measure
                ),
            ),
            Some(measure) if measure.sided == (snap.side == FeatureSide::None) => {
                self.error(
                    line,
                    format!(
                        "{what}: `{}` has {} sides: correct `side`",
                        snap.measure,
                        if measure.sided { "two" } else { "no" }
                    ),
                );
            }
            Some(_) => {}
        }
    }
}
