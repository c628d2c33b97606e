//! Rows of a source: the good ones become records, the bad ones are named, and no row takes another with it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::record::Record;
use crate::{Error, Result};

/// A row that gave no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// The file.
    pub path: PathBuf,
    /// 1-based: the line in files of lines, the entry in lists.
    pub row: usize,
    /// What is wrong with it, naming the field.
    pub reason: String,
}

impl std::fmt::Display for BadRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: row {}: {}", self.path.display(), self.row, self.reason)
    }
}

/// What a file gave.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Loaded {
    /// In the order of the file.
    pub records: Vec<Record>,
    /// Rows that are left out.
    pub bad_rows: Vec<BadRow>,
}

impl Loaded {
    /// Turns every row into records. Each record is checked; ids that come twice are bad rows.
    pub(super) fn from_rows(
        path: &Path,
        rows: impl IntoIterator<Item = (usize, Result<Value, String>)>,
        records_of: impl Fn(usize, &Value) -> Result<Vec<Record>, String>,
    ) -> Self {
        let mut loaded = Self::default();
        let mut ids = std::collections::HashSet::new();
        for (row, value) in rows {
            let bad = |reason: String| BadRow { path: path.to_owned(), row, reason };
            match value.and_then(|value| records_of(row, &value)) {
                Err(reason) => loaded.bad_rows.push(bad(reason)),
                Ok(records) => {
                    for record in records {
                        if let Err(reason) = record.check() {
                            loaded.bad_rows.push(bad(reason));
                        } else if ids.insert(record.id.clone()) {
                            loaded.records.push(record);
                        } else {
                            loaded.bad_rows.push(bad(format!("`id` {:?} comes twice", record.id)));
                        }
                    }
                }
            }
        }
        loaded
    }

    /// Puts another file's behind this one's.
    pub(super) fn extend(&mut self, other: Self) {
        self.records.extend(other.records);
        self.bad_rows.extend(other.bad_rows);
    }
}

/// The rows of a file: a JSON list (at the dotted path `at`, if it lies inside an object), JSON lines, or CSV with a header.
pub(super) fn read_rows(
    path: &Path,
    source_name: &'static str,
    at: &str,
) -> Result<Vec<(usize, Result<Value, String>)>> {
    let bytes =
        std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let text = String::from_utf8_lossy(&bytes); // a broken byte spoils its row, not the file
    let text = text.trim_start_matches('\u{feff}');
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if extension.eq_ignore_ascii_case("csv") {
        return Ok(csv_rows(text));
    }
    if extension.eq_ignore_ascii_case("jsonl") {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        return Ok(lines
            .map(|(row, line)| {
                (row, serde_json::from_str(line).map_err(|error| format!("not JSON: {error}")))
            })
            .collect());
    }
    let wrong = |reason: String| Error::Format { path: path.to_owned(), source_name, reason };
    let document: Value =
        serde_json::from_str(text).map_err(|error| wrong(format!("not JSON: {error}")))?;
    let list = if at.is_empty() { Some(&document) } else { find(&document, at) };
    match list {
        Some(Value::Array(list)) => Ok((1..).zip(list.iter().cloned().map(Ok)).collect()),
        // Objects by id are lists, too; the key becomes the field `key`.
        Some(Value::Object(entries)) => Ok((1..)
            .zip(entries.iter().map(|(key, value)| {
                let mut value = value.clone();
                if let Value::Object(fields) = &mut value {
                    fields.entry("key").or_insert_with(|| key.clone().into());
                }
                Ok(value)
            }))
            .collect()),
        _ => Err(wrong(format!("no list of rows at {at:?}"))),
    }
}

fn csv_rows(text: &str) -> Vec<(usize, Result<Value, String>)> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().cloned();
    let mut rows = Vec::new();
    for (number, row) in (2..).zip(reader.records()) {
        let line = row
            .as_ref()
            .ok()
            .and_then(|row| row.position())
            .map_or(number, |at| at.line() as usize);
        let value = match (&header, row) {
            (Ok(header), Ok(row)) => {
                let fields = header
                    .iter()
                    .zip(row.iter())
                    .map(|(name, field)| (name.to_owned(), field.into()));
                Ok(Value::Object(fields.collect()))
            }
            (Err(error), _) => Err(format!("not CSV: {error}")),
            (_, Err(error)) => Err(format!("not CSV: {error}")),
        };
        rows.push((line, value));
    }
    rows
}

/// The value at a dotted path: names of fields, and 0-based numbers of entries.
pub(super) fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    // Names may hold dots and spaces themselves: the whole path is tried as one name first.
    if let Some(found) = value.get(path) {
        return Some(found);
    }
    path.split('.').try_fold(value, |value, name| match value {
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        _ => value.get(name),
    })
}

/// Text at a path; numbers count as text, for sources mix both.
pub(super) fn text(row: &Value, path: &str) -> Result<String, String> {
    optional_text(row, path)?.ok_or_else(|| format!("`{path}` is missing"))
}

/// Text at a path, trimmed; `None` where there is nothing.
pub(super) fn optional_text(row: &Value, path: &str) -> Result<Option<String>, String> {
    match find(row, path) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
        }
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Bool(truth)) => Ok(Some(if *truth { "yes" } else { "no" }.to_owned())),
        Some(other) => Err(format!("`{path}` is {}, expected a text", kind(other))),
    }
}

/// A finite number at a path; texts that are numbers count.
pub(super) fn number(row: &Value, path: &str) -> Result<f64, String> {
    let text = text(row, path)?;
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
    value.ok_or_else(|| format!("`{path}` is {text:?}, expected a number"))
}

/// A 0-based frame at a path.
pub(super) fn frame(row: &Value, path: &str) -> Result<usize, String> {
    let value = number(row, path)?;
    if value >= 0.0 && value.fract() == 0.0 && value <= 1e9 {
        return Ok(value as usize);
    }
    Err(format!("`{path}` is {value}, expected a frame"))
}

/// Texts of the list at a path; nothing where there is none.
pub(super) fn texts(row: &Value, path: &str) -> Result<Vec<String>, String> {
    match find(row, path) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => {
            (0..list.len()).map(|i| text(row, &format!("{path}.{i}"))).collect()
        }
        Some(_) => Ok(vec![text(row, path)?]),
    }
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A sport as records name it: lower case, one word.
pub(super) fn sport_name(text: &str) -> String {
    let name = text.trim().to_lowercase().replace([' ', '-'], "_");
    match name.as_str() {
        "football" | "soccer" => "soccer".to_owned(),
        "hockey" | "icehockey" => "ice_hockey".to_owned(),
        "tabletennis" | "ping_pong" => "table_tennis".to_owned(),
        _ => name,
    }
}
