//! Sources that are questions already: which of their fields is what, as a file that can be read and changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::record::{Answer, Difficulty, Dimension, Media, Record};
use super::rows::{Loaded, find, kind, optional_text, read_rows, sport_name, text};
use crate::{Error, Result};

/// Says which field of a source's rows is what. Fields are dotted paths, such as `question.en` or `materials.0`.
///
/// The shipped ones lie in the crate's folder `mappings`. Where a source's schema is not public, they are a guess that its
/// users correct: copy, change, and give the copy to [`Source::load`](super::Source::load).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Mapping {
    /// Name of the source, the first part of every id.
    pub source: String,
    /// Where the list of rows lies in the file; at the top by default.
    #[serde(default)]
    pub rows: String,
    /// The row's id; its number by default.
    #[serde(default)]
    pub id: Option<String>,
    /// The question.
    pub question: String,
    /// Options: a field with a list or an object by letter, or a list of fields. None for open questions.
    #[serde(default)]
    pub options: Option<Fields>,
    /// The answer.
    pub answer: String,
    /// What the answer is.
    pub answer_form: AnswerForm,
    /// The video's name or path.
    pub video: String,
    /// Put behind the video's name, such as `.mp4`.
    #[serde(default)]
    pub video_suffix: String,
    /// Sport of all rows.
    #[serde(default)]
    pub sport: Option<String>,
    /// Field that names the sport; of an id such as `soccer_267` the part before the number.
    #[serde(default)]
    pub sport_field: Option<String>,
    /// Why the answer is right.
    #[serde(default)]
    pub rationale: Option<String>,
    /// Easy, medium or hard.
    #[serde(default)]
    pub difficulty: Option<String>,
    /// What the source calls this kind of question.
    #[serde(default)]
    pub task: Option<String>,
    /// Dimension of a task; ours.
    #[serde(default)]
    pub dimensions: BTreeMap<String, Dimension>,
    /// Dimension of all other rows; ours.
    pub dimension: Dimension,
    /// Licence of the annotation.
    pub licence: String,
}

/// One field that holds many values, or many fields with one each.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Fields {
    /// One.
    One(String),
    /// Many.
    Many(Vec<String>),
}

/// What a source writes as its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnswerForm {
    /// Letters of options, `B` or `A, C`.
    Letters,
    /// The name of the field that holds the right option, such as `O3`.
    OptionField,
    /// A few words that rules can compare.
    Label,
    /// A free text.
    Text,
}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Format`] names line and field.
    pub fn read(path: &Path) -> Result<Self> {
        let text = crate::files::read_text(path)?;
        toml::from_str(&text).map_err(|error| Error::Format {
            path: path.to_owned(),
            source_name: "mapping",
            reason: error.to_string(),
        })
    }

    /// Reads a source's file: JSON, JSON lines or CSV.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Format`] if there is no list of rows. Bad rows are no error.
    pub fn load(&self, path: &Path) -> Result<Loaded> {
        let rows = read_rows(path, "questions", &self.rows)?;
        Ok(Loaded::from_rows(path, rows, |number, row| Ok(vec![self.record(number, row)?])))
    }

    fn record(&self, number: usize, row: &Value) -> Result<Record, String> {
        let own_id = match &self.id {
            Some(field) => text(row, field)?,
            None => number.to_string(),
        };
        let video = text(row, &self.video)?;
        let id = format!("{}-{own_id}", self.source);
        let mut record = Record::new(&self.source, &id, &video, &text(row, &self.question)?);
        record.media = Media::Video(PathBuf::from(format!("{video}{}", self.video_suffix)));
        record.sport = self.sport(row)?;
        record.options = self.options(row)?;
        record.answer = self.answer(row, &record.options)?;
        record.task = self.task.as_deref().map_or(Ok(None), |field| optional_text(row, field))?;
        let of_task = record.task.as_ref().and_then(|task| self.dimensions.get(task));
        record.dimension = of_task.copied().unwrap_or(self.dimension);
        record.rationale =
            self.rationale.as_deref().map_or(Ok(None), |field| optional_text(row, field))?;
        record.difficulty = match &self.difficulty {
            Some(field) => {
                optional_text(row, field)?.map(|level| difficulty(field, &level)).transpose()?
            }
            None => None,
        };
        record.licence.clone_from(&self.licence);
        Ok(record)
    }

    fn sport(&self, row: &Value) -> Result<String, String> {
        if let Some(sport) = &self.sport {
            return Ok(sport_name(sport));
        }
        let Some(field) = &self.sport_field else {
            return Err("the mapping names no sport".into());
        };
        let value = text(row, field)?;
        let name = value.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
        Ok(sport_name(name))
    }

    fn options(&self, row: &Value) -> Result<Vec<String>, String> {
        match &self.options {
            None => Ok(Vec::new()),
            // Fields that a row leaves out are options that it does not have.
            Some(Fields::Many(fields)) => {
                let found = fields.iter().map(|field| optional_text(row, field));
                Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
            }
            Some(Fields::One(field)) => match find(row, field) {
                None | Some(Value::Null) => Err(format!("`{field}` is missing")),
                Some(Value::Array(list)) => {
                    (0..list.len()).map(|i| text(row, &format!("{field}.{i}"))).collect()
                }
                Some(Value::Object(by_letter)) => {
                    let letters = ('A'..='Z').take(by_letter.len());
                    letters.map(|letter| text(row, &format!("{field}.{letter}"))).collect()
                }
                Some(other) => Err(format!("`{field}` is {}, expected options", kind(other))),
            },
        }
    }

    fn answer(&self, row: &Value, options: &[String]) -> Result<Answer, String> {
        let value = text(row, &self.answer)?;
        match self.answer_form {
            AnswerForm::Label => Ok(Answer::Label(value)),
            AnswerForm::Text => Ok(Answer::Text(value)),
            AnswerForm::OptionField => {
                let Some(Fields::Many(fields)) = &self.options else {
                    return Err("the mapping names no fields of options".into());
                };
                let position = fields.iter().position(|field| *field == value);
                let letter = position.and_then(|position| ('A'..='Z').nth(position));
                let letter =
                    letter.ok_or_else(|| format!("`{}` is {value:?}, no option", self.answer))?;
                Ok(Answer::Letters(BTreeSet::from([letter])))
            }
            AnswerForm::Letters => {
                let same = |option: &&String| option.eq_ignore_ascii_case(&value);
                let tokens =
                    value.split(|c: char| !c.is_alphanumeric()).filter(|token| !token.is_empty());
                let letters: Option<BTreeSet<char>> = tokens
                    .map(|token| {
                        let mut chars = token.chars();
                        let letter = chars.next().filter(char::is_ascii_alphabetic)?;
                        chars.next().is_none().then(|| letter.to_ascii_uppercase())
                    })
                    .collect();
                // Some rows repeat the option's words instead.
                let by_words = || {
                    let (letter, _) = ('A'..='Z').zip(options).find(|(_, option)| same(option))?;
                    Some(BTreeSet::from([letter]))
                };
                let letters = letters.filter(|letters| !letters.is_empty()).or_else(by_words);
                let letters =
                    letters.ok_or_else(|| format!("`{}` is {value:?}, no letters", self.answer))?;
                Ok(Answer::Letters(letters))
            }
        }
    }
}

fn difficulty(field: &str, level: &str) -> Result<Difficulty, String> {
    let known = Difficulty::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(level));
    known.ok_or_else(|| format!("`{field}` is {level:?}, expected easy, medium or hard"))
}
