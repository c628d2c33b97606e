use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{Document, Error, Result, Section, Source, wger};

/// Reads documents from a file, or from every document file in a folder and below it, in path order.
///
/// - `.md`: optional TOML front matter between lines of `+++`, then Markdown; `#` headings make sections.
/// - `.txt`: one document; its id is the path below the folder, its title the file's name.
/// - `.jsonl`: one object a line; `.json`: one object or an array of them. Fields: `id` or `_id`; `title`; `text`,
///   `sections`, or `question` and `answer`; `lang`; `citation`, `url`, `licence` or `license`, `page`; every other
///   text, number or list of texts becomes a facet.
/// - Exercise collections as their projects publish them: free-exercise-db's `.json` files (`name`, `instructions`,
///   `primaryMuscles`, ...) and the folder `wger/exercises/fixtures` of wger, one document per exercise and language.
///
/// Other files are passed over, as are files and folders whose name starts with a dot.
///
/// # Errors
///
/// [`Error::Parse`] naming file, line and field; [`Error::NoDocuments`] if there is nothing to read;
/// [`Error::Io`]; [`Error::InvalidDocument`] if two documents share an id.
pub fn read_documents(path: impl AsRef<Path>) -> Result<Vec<Document>> {
    let root = path.as_ref();
    let mut files = Vec::new();
    let meta = std::fs::metadata(root).map_err(Error::io(root))?;
    if meta.is_dir() {
        collect(root, &mut files, 0)?
    } else {
        files.push(root.to_path_buf())
    }
    let mut documents = Vec::new();
    for file in &files {
        let id = file
            .strip_prefix(root)
            .ok()
            .filter(|rest| !rest.as_os_str().is_empty())
            .unwrap_or(file);
        let id = id.with_extension("").to_string_lossy().replace('\\', "/");
        let id =
            if meta.is_dir() { id } else { id.rsplit('/').next().unwrap_or_default().to_string() };
        documents.extend(read_file(file, &id)?);
    }
    if documents.is_empty() {
        return Err(Error::NoDocuments { path: root.into() });
    }
    let mut ids = std::collections::HashSet::new();
    for document in &documents {
        document.check()?;
        if !ids.insert(&document.id) {
            let reason = format!("is used by two documents below {}", root.display());
            return Err(Error::InvalidDocument { id: document.id.clone(), field: "id", reason });
        }
    }
    Ok(documents)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>, depth: usize) -> Result<()> {
    let entries = std::fs::read_dir(folder).map_err(Error::io(folder))?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()
        .map_err(Error::io(folder))?;
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        // A link that points to a folder above it would never end.
        if hidden || depth > 32 {
            continue;
        }
        if path.is_dir() {
            collect(&path, files, depth + 1)?;
        } else if matches!(extension(&path).as_str(), "md" | "markdown" | "txt" | "jsonl" | "json")
        {
            files.push(path);
        }
    }
    Ok(())
}

fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

fn read_file(path: &Path, id: &str) -> Result<Vec<Document>> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count();
        parse_error(path, line, "text", "is not UTF-8; convert the file to UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    match extension(path).as_str() {
        "md" | "markdown" => Ok(vec![markdown(text, id, path)?]),
        "txt" => {
            let title = id.rsplit('/').next().unwrap_or(id).replace(['_', '-'], " ");
            Ok(vec![Document::new(id, title, text.trim())])
        }
        "json" => json_documents(text, path),
        _ => {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            lines.map(|(idx, line)| row(&parse_json(line, path, idx + 1)?, path, idx + 1)).collect()
        }
    }
}

fn parse_error(path: &Path, line: usize, field: &str, reason: impl Into<String>) -> Error {
    Error::Parse { path: path.into(), line, field: field.into(), reason: reason.into() }
}

/// What may stand between the two `+++` lines.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    id: Option<String>,
    title: Option<String>,
    lang: Option<String>,
    kind: Option<String>,
    url: Option<String>,
    licence: Option<String>,
    page: Option<String>,
    #[serde(default)]
    events: Vec<String>,
    #[serde(default)]
    issues: Vec<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    facets: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    source: Vec<CitedSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CitedSource {
    cite: String,
    doi: Option<String>,
    url: Option<String>,
    /// Whether somebody compared the text with the work itself.
    #[serde(default)]
    checked: bool,
}

/// Reads one Markdown document; `path` only serves messages.
pub(crate) fn markdown(text: &str, default_id: &str, path: &Path) -> Result<Document> {
    let (front, body, body_line) = match text
        .strip_prefix("+++")
        .and_then(|rest| rest.split_once("\n+++"))
    {
        Some((front, body)) => (front, body.split_once('\n').map_or("", |(_, rest)| rest), true),
        None if text.starts_with("+++") => {
            return Err(parse_error(
                path,
                1,
                "front matter",
                "starts with +++ and has no closing +++ line",
            ));
        }
        None => ("", text, false),
    };
    let front: FrontMatter = toml::from_str(front).map_err(|error| {
        let before = error
            .span()
            .map_or(0, |span| front[..span.start.min(front.len())].matches('\n').count());
        parse_error(path, 1 + before, "front matter", error.message().trim())
    })?;
    let mut sections = sections(body);
    let heading = sections.first().and_then(|section| section.heading_path.first()).cloned();
    let title = front.title.or(heading).unwrap_or_else(|| default_id.replace(['_', '-'], " "));
    // A first heading that repeats the title tells nothing more.
    for section in &mut sections {
        if section.heading_path.first() == Some(&title) {
            section.heading_path.remove(0);
        }
    }
    if sections.is_empty() && !body_line && title.is_empty() {
        return Err(parse_error(path, 1, "text", "is empty"));
    }
    let mut facets = front.facets;
    for (name, values) in
        [("event", front.events), ("issue", front.issues), ("alias", front.aliases)]
    {
        facets.entry(name.into()).or_default().extend(values);
    }
    facets.entry("kind".into()).or_default().extend(front.kind);
    facets.retain(|_, values| !values.is_empty());
    let citations: Vec<String> = front.source.iter().map(CitedSource::citation).collect();
    let checked =
        (!front.source.is_empty()).then(|| front.source.iter().all(|source| source.checked));
    let first_url = front.source.iter().find_map(CitedSource::link);
    let source = Source {
        citation: citations.join("; "),
        url: front.url.or(first_url),
        licence: front.licence,
        page: front.page,
        checked,
    };
    let lang = front.lang.unwrap_or_else(|| "en".into());
    Ok(Document {
        id: front.id.unwrap_or_else(|| default_id.into()),
        title,
        sections,
        lang,
        facets,
        source,
    })
}

impl CitedSource {
    fn citation(&self) -> String {
        match &self.doi {
            Some(doi) => format!("{}. doi:{doi}", self.cite.trim_end_matches('.')),
            None => self.cite.clone(),
        }
    }

    fn link(&self) -> Option<String> {
        self.url.clone().or_else(|| Some(format!("https://doi.org/{}", self.doi.as_ref()?)))
    }
}

/// Cuts Markdown at its `#` headings, leaving fenced code alone; empty sections are dropped.
pub(crate) fn sections(text: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut current = String::new();
    let mut fence: Option<&str> = None;
    let mut close = |path: &[(usize, String)], text: &mut String| {
        let trimmed = text.trim_matches(['\n', '\r']).trim_end();
        if !trimmed.trim().is_empty() {
            let heading_path = path.iter().map(|(_, heading)| heading.clone()).collect();
            sections.push(Section { heading_path, text: trimmed.to_string() });
        }
        text.clear();
    };
    for line in text.lines() {
        let start = line.trim_start();
        if let Some(mark) = ["```", "~~~"].into_iter().find(|mark| start.starts_with(mark)) {
            fence = match fence {
                None => Some(mark),
                Some(open) if open == mark => None,
                open => open,
            };
        }
        match heading(line).filter(|_| fence.is_none()) {
            Some((level, heading)) => {
                close(&path, &mut current);
                path.retain(|(above, _)| *above < level);
                path.push((level, heading.to_string()));
            }
            None => {
                current.push_str(line);
                current.push('\n');
            }
        }
    }
    close(&path, &mut current);
    sections
}

/// Level and text of a heading line: one to six `#`, a space, the text.
fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let rest = line.get(level..)?.strip_prefix(' ')?;
    let text = rest.trim().trim_end_matches('#').trim_end();
    ((1..=6).contains(&level) && !text.is_empty()).then_some((level, text))
}

fn parse_json(text: &str, path: &Path, line: usize) -> Result<serde_json::Value> {
    serde_json::from_str(text).map_err(|error| {
        let line = if error.line() > 1 { error.line() } else { line };
        parse_error(path, line, "line", format!("is not JSON: {error}"))
    })
}

fn json_documents(text: &str, path: &Path) -> Result<Vec<Document>> {
    match parse_json(text, path, 1)? {
        serde_json::Value::Array(rows) if wger::is_fixture(&rows) => wger::documents(&rows, path),
        serde_json::Value::Array(rows) => rows.iter().map(|value| row(value, path, 1)).collect(),
        value => Ok(vec![row(&value, path, 1)?]),
    }
}

/// Facets under another name than the field's: those of free-exercise-db.
const RENAMED: [(&str, &str); 3] = [
    ("primaryMuscles", "primary_muscles"),
    ("secondaryMuscles", "secondary_muscles"),
    ("alternateNames", "alias"),
];

/// Fields that are not facets.
const PLAIN_FIELDS: [&str; 18] = [
    "id",
    "_id",
    "title",
    "name",
    "instructions",
    "images",
    "text",
    "sections",
    "question",
    "answer",
    "lang",
    "language",
    "citation",
    "url",
    "licence",
    "license",
    "page",
    "facets",
];

/// One document out of one JSON object.
fn row(value: &serde_json::Value, path: &Path, line: usize) -> Result<Document> {
    let fail = |field: &str, reason: &str| parse_error(path, line, field, reason);
    let object = value
        .as_object()
        .ok_or_else(|| fail("line", "is not an object; write {\"id\": ..., \"text\": ...}"))?;
    let text_of = |names: &[&str]| -> Result<Option<String>> {
        for name in names {
            match object.get(*name) {
                None | Some(serde_json::Value::Null) => {}
                Some(serde_json::Value::String(text)) => return Ok(Some(text.clone())),
                Some(serde_json::Value::Number(number)) => return Ok(Some(number.to_string())),
                Some(_) => return Err(fail(name, "must be a text")),
            }
        }
        Ok(None)
    };
    let id = text_of(&["id", "_id"])?
        .ok_or_else(|| fail("id", "is missing; give every row an `id` or `_id`"))?;
    let mut title = text_of(&["title", "name"])?.unwrap_or_default();
    let found = if let Some(listed) = object.get("sections") {
        serde_json::from_value(listed.clone()).map_err(|_| {
            fail("sections", "must be a list of {\"heading_path\": [...], \"text\": ...}")
        })?
    } else if let Some(text) = text_of(&["text"])? {
        sections(&text)
    } else if let Some(answer) = text_of(&["answer"])? {
        let question = text_of(&["question"])?
            .ok_or_else(|| fail("question", "is missing beside `answer`"))?;
        if title.is_empty() {
            title.clone_from(&question);
        }
        vec![Section { heading_path: vec![question], text: answer }]
    } else if let Some(steps) = object.get("instructions") {
        let steps: Vec<String> = serde_json::from_value(steps.clone())
            .map_err(|_| fail("instructions", "must be a list of texts"))?;
        vec![Section { heading_path: Vec::new(), text: steps.join("\n") }]
    } else {
        return Err(fail(
            "text",
            "is missing; give `text`, `sections`, or `question` and `answer`",
        ));
    };
    let mut facets: BTreeMap<String, Vec<String>> = match object.get("facets") {
        None => BTreeMap::new(),
        Some(listed) => serde_json::from_value(listed.clone())
            .map_err(|_| fail("facets", "must be an object of lists of texts"))?,
    };
    for (name, value) in object.iter().filter(|(name, _)| !PLAIN_FIELDS.contains(&name.as_str())) {
        let values: Vec<String> = match value {
            serde_json::Value::String(text) => vec![text.clone()],
            serde_json::Value::Number(number) => vec![number.to_string()],
            serde_json::Value::Array(list) => {
                list.iter().filter_map(|v| Some(v.as_str()?.to_string())).collect()
            }
            _ => Vec::new(),
        };
        let renamed = RENAMED.iter().find(|(field, _)| field == name).map(|(_, facet)| *facet);
        // Long texts are content somebody named unusually, not something to filter by.
        facets
            .entry(renamed.unwrap_or(name).to_string())
            .or_default()
            .extend(values.into_iter().filter(|text| text.len() <= 256));
    }
    facets.retain(|_, values| !values.is_empty());
    let source = Source {
        citation: text_of(&["citation"])?.unwrap_or_default(),
        url: text_of(&["url"])?,
        licence: text_of(&["licence", "license"])?,
        page: text_of(&["page"])?,
        checked: None,
    };
    let lang = text_of(&["lang", "language"])?.unwrap_or_else(|| "en".into());
    Ok(Document { id, title, sections: found, lang, facets, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_nest_and_fenced_code_is_left_alone() {
        let found =
            sections("lead\n# A\na\n## B\nb\n```\n# not a heading\n```\n# C\nc\n#hash tag\n");
        let flat: Vec<(String, &str)> =
            found.iter().map(|s| (s.heading_path.join("/"), s.text.as_str())).collect();
        assert_eq!(
            flat,
            [
                (String::new(), "lead"),
                ("A".into(), "a"),
                ("A/B".into(), "b\n```\n# not a heading\n```"),
                ("C".into(), "c\n#hash tag"),
            ]
        );
    }
}
