//! Exercises of the wger project (<https://github.com/wger-project/wger>), as the files below
//! `wger/exercises/fixtures` hold them: lists of `{"model": ..., "pk": ..., "fields": {...}}`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::{Document, Error, Result, Section, Source};

/// The kinds of rows that carry words: what is called a translation today, and its two older names.
const WRITTEN: [&str; 3] =
    ["exercises.translation", "exercises.exercise", "exercises.exercisetranslation"];

#[derive(Debug, Deserialize)]
struct Row {
    model: String,
    pk: u64,
    fields: Value,
}

/// What a row with words has in its fields.
#[derive(Debug, Deserialize)]
struct Written {
    name: String,
    description: String,
    language: u64,
    uuid: String,
    #[serde(default)]
    license_author: String,
    /// The exercise it belongs to.
    #[serde(alias = "exercise_base")]
    exercise: Option<u64>,
}

/// What a row about an exercise has, whatever its language.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Exercise {
    category: Option<u64>,
    muscles: Vec<u64>,
    muscles_secondary: Vec<u64>,
    equipment: Vec<u64>,
}

/// The files beside the words: names by number.
#[derive(Debug, Default)]
struct Tables {
    exercises: HashMap<u64, Exercise>,
    languages: HashMap<u64, String>,
    categories: HashMap<u64, String>,
    muscles: HashMap<u64, String>,
    equipment: HashMap<u64, String>,
}

/// Whether a list of JSON values is such a file.
pub(crate) fn is_fixture(rows: &[Value]) -> bool {
    !rows.is_empty()
        && rows.iter().all(|row| row.get("model").is_some() && row.get("fields").is_some())
}

/// The documents of one file: those with words of at least a few characters; files of names give none.
pub(crate) fn documents(rows: &[Value], path: &Path) -> Result<Vec<Document>> {
    let mut tables = None;
    let mut documents = Vec::new();
    for (idx, row) in rows.iter().enumerate() {
        let row = read::<Row>(row, path, idx)?;
        if !WRITTEN.contains(&row.model.as_str()) || row.fields.get("description").is_none() {
            continue;
        }
        let written: Written = read(&row.fields, path, idx)?;
        let text = plain_text(&written.description);
        // Many entries hold a full stop or nothing.
        if text.chars().filter(|c| c.is_alphanumeric()).count() < 3 {
            continue;
        }
        let tables = match &mut tables {
            Some(tables) => tables,
            none => none.insert(Tables::beside(path)?),
        };
        documents.push(tables.document(written, text, path, idx)?);
    }
    Ok(documents)
}

fn read<'a, T: Deserialize<'a>>(value: &'a Value, path: &Path, idx: usize) -> Result<T> {
    T::deserialize(value).map_err(|error| fail(path, idx, error.to_string()))
}

fn fail(path: &Path, idx: usize, reason: String) -> Error {
    Error::Parse { path: path.into(), line: 1, field: format!("row {}", idx + 1), reason }
}

impl Tables {
    /// Reads the files of names that lie in the same folder, as far as they are there.
    fn beside(path: &Path) -> Result<Self> {
        let mut tables = Self::default();
        for file in [
            "languages.json",
            "categories.json",
            "muscles.json",
            "equipment.json",
            "exercise-base-data.json",
        ] {
            let path = path.with_file_name(file);
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io(&path)(error)),
            };
            let rows: Vec<Row> =
                serde_json::from_str(&text).map_err(|error| fail(&path, 0, error.to_string()))?;
            for row in rows {
                tables.take(row);
            }
        }
        Ok(tables)
    }

    fn take(&mut self, row: Row) {
        let text = |field: &str| row.fields[field].as_str().filter(|name| !name.is_empty());
        let names = match row.model.as_str() {
            "core.language" => &mut self.languages,
            "exercises.exercisecategory" => &mut self.categories,
            "exercises.muscle" => &mut self.muscles,
            "exercises.equipment" => &mut self.equipment,
            _ => {
                if let Ok(exercise) = Exercise::deserialize(&row.fields) {
                    self.exercises.insert(row.pk, exercise);
                }
                return;
            }
        };
        if let Some(name) = text("short_name").or(text("name_en")).or(text("name")) {
            names.insert(row.pk, name.to_string());
        }
    }

    fn document(
        &self,
        written: Written,
        text: String,
        path: &Path,
        idx: usize,
    ) -> Result<Document> {
        let number = written.language;
        let lang = self.languages.get(&number).ok_or_else(|| {
            let reason =
                format!("language {number} is not in a languages.json beside this file; add it");
            fail(path, idx, reason)
        })?;
        let mut facets: BTreeMap<String, Vec<String>> = BTreeMap::new();
        if let Some(number) = written.exercise {
            facets.insert("exercise".into(), vec![number.to_string()]);
            if let Some(exercise) = self.exercises.get(&number) {
                let category: Vec<u64> = exercise.category.into_iter().collect();
                for (facet, numbers, names) in [
                    ("category", &category, &self.categories),
                    ("muscles", &exercise.muscles, &self.muscles),
                    ("muscles_secondary", &exercise.muscles_secondary, &self.muscles),
                    ("equipment", &exercise.equipment, &self.equipment),
                ] {
                    let names = numbers.iter().filter_map(|number| names.get(number).cloned());
                    facets.insert(facet.into(), names.collect());
                }
            }
        }
        facets.retain(|_, values| !values.is_empty());
        let author = written.license_author.trim();
        let by = if author.is_empty() { String::new() } else { format!(", by {author}") };
        let source = Source {
            citation: format!("wger exercise database, {}{by}", written.name),
            url: Some("https://wger.de".into()),
            ..Source::default()
        };
        let sections = vec![Section { heading_path: Vec::new(), text }];
        let Written { uuid: id, name: title, .. } = written;
        Ok(Document { id, title, sections, lang: lang.clone(), facets, source })
    }
}

/// Text out of simple HTML: paragraphs and list items become lines, other tags go, entities become characters.
fn plain_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        let Some(length) = rest[start..].find('>') else { break };
        let tag = rest[start + 1..start + length].trim_start_matches('/').to_ascii_lowercase();
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if matches!(name, "p" | "br" | "li" | "ul" | "ol" | "div" | "h1" | "h2" | "h3") {
            text.push('\n');
        }
        rest = &rest[start + length + 1..];
    }
    if !rest.contains('<') {
        text.push_str(rest);
    }
    for (entity, character) in [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::plain_text;

    #[test]
    fn tags_and_entities_become_lines_and_characters() {
        let html = "<p>Lie  down\u{a0}&amp; <em>relax</em>.</p><ul><li>knees &lt; 90</li>\n<li>feet</li></ul><p>.";
        assert_eq!(plain_text(html), "Lie down & relax.\nknees < 90\nfeet\n.");
        assert_eq!(plain_text("cut <off"), "cut");
        assert_eq!(plain_text(""), "");
    }
}
