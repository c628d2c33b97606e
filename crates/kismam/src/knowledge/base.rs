//! Reading a knowledge file, and finding things in it.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{Event, Evidence, Feature, Header, Issue, Reference, Source};
use crate::{Error, Result};

/// A knowledge file in memory: events, features, references, issues and the evidence that links them.
///
/// Reading checks the layout only; what the rows say of each other is checked by [`KnowledgeBase::lint`], so
/// that a file with mistakes can be shown with all of them. An [`crate::Assessor`] refuses a base with errors.
#[derive(Debug, Clone)]
pub struct KnowledgeBase {
    header: Header,
    pub(super) rows: Rows,
    pub(super) lines: Lines,
    origin: String,
    hash: String,
}

/// All rows of a file.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Rows {
    pub(super) source: Vec<Source>,
    pub(super) event: Vec<Event>,
    pub(super) feature: Vec<Feature>,
    pub(super) reference: Vec<Reference>,
    pub(super) issue: Vec<Issue>,
    pub(super) evidence: Vec<Evidence>,
}

/// The line on which each row starts, from 1; same order as [`Rows`].
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    pub(super) header: usize,
    pub(super) source: Vec<usize>,
    pub(super) event: Vec<usize>,
    pub(super) feature: Vec<usize>,
    pub(super) reference: Vec<usize>,
    pub(super) issue: Vec<usize>,
    pub(super) evidence: Vec<usize>,
}

impl KnowledgeBase {
    /// Reads TOML. `origin` names the text in messages, usually its file.
    ///
    /// # Errors
    ///
    /// [`Error::Syntax`] with the line, if the text is not TOML or a row has unknown, missing or mistyped fields.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self> {
        let syntax = |error: toml::de::Error| Error::Syntax {
            origin: origin.to_owned(),
            line: error.span().map_or(0, |span| line_of(text, span.start)),
            message: error.message().replace('\n', ", "),
        };
        let file: TomlFile = toml::from_str(text).map_err(syntax)?;
        let (mut rows, mut lines) = (Rows::default(), Lines::default());
        lines.header = line_of(text, file.kb.span().start);
        unspan(text, file.source, &mut rows.source, &mut lines.source);
        unspan(text, file.event, &mut rows.event, &mut lines.event);
        unspan(text, file.feature, &mut rows.feature, &mut lines.feature);
        unspan(text, file.reference, &mut rows.reference, &mut lines.reference);
        unspan(text, file.issue, &mut rows.issue, &mut lines.issue);
        unspan(text, file.evidence, &mut rows.evidence, &mut lines.evidence);
        Ok(Self::assemble(file.kb.into_inner(), rows, lines, origin))
    }

    /// Reads JSON: one object with the members `kb`, `source`, `event`, `feature`, `reference`, `issue`, `evidence`.
    ///
    /// # Errors
    ///
    /// [`Error::Syntax`] with the line, if the text is not JSON or a row has unknown, missing or mistyped fields.
    pub fn from_json(text: &str, origin: &str) -> Result<Self> {
        let syntax = |first_line: usize, error: &serde_json::Error| Error::Syntax {
            origin: origin.to_owned(),
            line: first_line + error.line().saturating_sub(1),
            // Its own line counts from the row, not from the file.
            message: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
        };
        let file: JsonFile<'_> = serde_json::from_str(text).map_err(|error| syntax(1, &error))?;
        // A raw value borrows from `text`, so its address tells where in the text it stands.
        let line =
            |raw: &RawValue| line_of(text, raw.get().as_ptr() as usize - text.as_ptr() as usize);
        fn read<T: DeserializeOwned>(
            raw: &[&RawValue],
            line: impl Fn(&RawValue) -> usize,
            syntax: impl Fn(usize, &serde_json::Error) -> Error,
        ) -> Result<(Vec<T>, Vec<usize>)> {
            let mut found = (Vec::with_capacity(raw.len()), Vec::with_capacity(raw.len()));
            for &value in raw {
                found.1.push(line(value));
                found.0.push(
                    serde_json::from_str(value.get())
                        .map_err(|error| syntax(line(value), &error))?,
                );
            }
            Ok(found)
        }
        let kb: Header =
            serde_json::from_str(file.kb.get()).map_err(|error| syntax(line(file.kb), &error))?;
        let (mut rows, mut lines) =
            (Rows::default(), Lines { header: line(file.kb), ..Lines::default() });
        (rows.source, lines.source) = read(&file.source, line, syntax)?;
        (rows.event, lines.event) = read(&file.event, line, syntax)?;
        (rows.feature, lines.feature) = read(&file.feature, line, syntax)?;
        (rows.reference, lines.reference) = read(&file.reference, line, syntax)?;
        (rows.issue, lines.issue) = read(&file.issue, line, syntax)?;
        (rows.evidence, lines.evidence) = read(&file.evidence, line, syntax)?;
        Ok(Self::assemble(kb, rows, lines, origin))
    }

    /// Reads a file: JSON if its name ends in `.json`, TOML otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if the file cannot be read, otherwise as [`KnowledgeBase::from_toml`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let origin = path.display().to_string();
        match path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            true => Self::from_json(&text, &origin),
            false => Self::from_toml(&text, &origin),
        }
    }

    /// Reads every `*.toml` of a folder, in order of file name.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if the folder or a file cannot be read or the folder holds no such file, otherwise as
    /// [`KnowledgeBase::from_toml`].
    pub fn read_dir(dir: impl AsRef<Path>) -> Result<Vec<Self>> {
        let dir = dir.as_ref();
        let failed = |source| Error::Read { path: dir.to_owned(), source };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return Err(failed(std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "no *.toml file in this folder",
            )));
        }
        paths.sort();
        paths.iter().map(Self::read).collect()
    }

    fn assemble(header: Header, mut rows: Rows, lines: Lines, origin: &str) -> Self {
        // In a file with one event, rows need not repeat it.
        if let [event] = rows.event.as_slice() {
            let id = event.id.clone();
            let fields = (rows.feature.iter_mut().map(|row| &mut row.event))
                .chain(rows.reference.iter_mut().map(|row| &mut row.event))
                .chain(rows.issue.iter_mut().map(|row| &mut row.event))
                .chain(rows.evidence.iter_mut().map(|row| &mut row.event));
            for field in fields.filter(|field| field.is_empty()) {
                field.clone_from(&id);
            }
        }
        let hash = canonical_hash(&header, &rows);
        Self { header, rows, lines, origin: origin.to_owned(), hash }
    }

    /// Name of the knowledge base.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.header.id
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.header.version
    }

    /// The `[kb]` table.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// SHA-256 of the content, in lower-case hex: comments, layout and row order do not change it.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The file, or the name that the caller gave to the text.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The events, in file order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.rows.event
    }

    /// The event with this id or alias; case, spaces and hyphens do not matter.
    ///
    /// ```
    /// let squat = kismam::KnowledgeBase::shipped().into_iter().find_map(|kb| kb.event("Bodyweight squat").cloned());
    /// assert_eq!(squat.unwrap().id, "squat");
    /// ```
    #[must_use]
    pub fn event(&self, name_or_alias: &str) -> Option<&Event> {
        let wanted = normalised(name_or_alias);
        self.rows.event.iter().find(|event| normalised(&event.id) == wanted).or_else(|| {
            self.rows
                .event
                .iter()
                .find(|event| event.aliases.iter().any(|alias| normalised(alias) == wanted))
        })
    }

    /// The features of an event, in file order.
    pub fn features<'a>(&'a self, event: &'a str) -> impl Iterator<Item = &'a Feature> {
        self.rows.feature.iter().filter(move |row| row.event == event)
    }

    /// The references of an event's features, in file order.
    pub fn references<'a>(&'a self, event: &'a str) -> impl Iterator<Item = &'a Reference> {
        self.rows.reference.iter().filter(move |row| row.event == event)
    }

    /// The issues of an event, in file order.
    pub fn issues<'a>(&'a self, event: &'a str) -> impl Iterator<Item = &'a Issue> {
        self.rows.issue.iter().filter(move |row| row.event == event)
    }

    /// The evidence rows of an event, in file order.
    pub fn evidence<'a>(&'a self, event: &'a str) -> impl Iterator<Item = &'a Evidence> {
        self.rows.evidence.iter().filter(move |row| row.event == event)
    }

    /// All sources, in file order.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.rows.source
    }

    /// The source with this id.
    #[must_use]
    pub fn source(&self, id: &str) -> Option<&Source> {
        self.rows.source.iter().find(|source| source.id == id)
    }
}

fn normalised(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

/// 1-based line of a byte offset.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|&&byte| byte == b'\n').count()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TomlFile {
    kb: toml::Spanned<Header>,
    #[serde(default)]
    source: Vec<toml::Spanned<Source>>,
    #[serde(default)]
    event: Vec<toml::Spanned<Event>>,
    #[serde(default)]
    feature: Vec<toml::Spanned<Feature>>,
    #[serde(default)]
    reference: Vec<toml::Spanned<Reference>>,
    #[serde(default)]
    issue: Vec<toml::Spanned<Issue>>,
    #[serde(default)]
    evidence: Vec<toml::Spanned<Evidence>>,
}

fn unspan<T>(
    text: &str,
    spanned: Vec<toml::Spanned<T>>,
    rows: &mut Vec<T>,
    lines: &mut Vec<usize>,
) {
    for row in spanned {
        lines.push(line_of(text, row.span().start));
        rows.push(row.into_inner());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonFile<'a> {
    #[serde(borrow)]
    kb: &'a RawValue,
    #[serde(borrow, default)]
    source: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    event: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    feature: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    reference: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    issue: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    evidence: Vec<&'a RawValue>,
}

fn canonical_hash(header: &Header, rows: &Rows) -> String {
    fn sorted<T: Serialize>(rows: &[T]) -> Vec<String> {
        // `Value` keeps its members in alphabetical order, so field order does not matter either.
        let text = |row| {
            serde_json::to_value(row).map_or_else(|_| String::new(), |value| value.to_string())
        };
        let mut texts: Vec<String> = rows.iter().map(text).collect();
        texts.sort();
        texts
    }
    let mut hasher = Sha256::new();
    let tables = [
        ("kb", sorted(std::slice::from_ref(header))),
        ("source", sorted(&rows.source)),
        ("event", sorted(&rows.event)),
        ("feature", sorted(&rows.feature)),
        ("reference", sorted(&rows.reference)),
        ("issue", sorted(&rows.issue)),
        ("evidence", sorted(&rows.evidence)),
    ];
    for (name, rows) in tables {
        hasher.update(format!("[{name}]\n"));
        rows.iter().for_each(|row| hasher.update(format!("{row}\n")));
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
