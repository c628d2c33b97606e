//! One question about one video, whatever data set it comes from.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a question is about: DeepSport's four dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Fine-grained recognition: what happened.
    Recognition,
    /// Rules and procedural logic: what follows from it.
    Rules,
    /// Assessment and coaching: how well it was done, and what to change.
    Coaching,
    /// Live commentary and reporting.
    Commentary,
}

impl Dimension {
    /// All four, in the paper's order.
    pub const ALL: [Self; 4] = [Self::Recognition, Self::Rules, Self::Coaching, Self::Commentary];

    /// In a word, as tables print it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Recognition => "recognition",
            Self::Rules => "rules",
            Self::Coaching => "coaching",
            Self::Commentary => "commentary",
        }
    }
}

/// The paper's twelve sports, as records name them. Records of other sports are as welcome.
pub const SPORTS: [&str; 12] = [
    "american_football",
    "badminton",
    "baseball",
    "basketball",
    "boxing",
    "diving",
    "fencing",
    "gymnastics",
    "ice_hockey",
    "soccer",
    "table_tennis",
    "volleyball",
];

/// How hard a question is, as its source says; in the toy world, whether the first look shows the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difficulty {
    /// Easy.
    Easy,
    /// In between.
    Medium,
    /// Hard.
    Hard,
}

impl Difficulty {
    /// All of them, ascending.
    pub const ALL: [Self; 3] = [Self::Easy, Self::Medium, Self::Hard];

    /// In a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Easy => "easy",
            Self::Medium => "medium",
            Self::Hard => "hard",
        }
    }
}

/// Where a video is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Media {
    /// Not known.
    #[default]
    None,
    /// A video file, or a folder of images, relative to the data set's folder.
    Video(PathBuf),
    /// A stretch of a video file: frames, half-open.
    Clip(PathBuf, Range<usize>),
    /// Single images in order, relative to the data set's folder.
    Images(Vec<PathBuf>),
}

/// The right answer, in the form that decides how answers are scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Letters of the right options.
    Letters(BTreeSet<char>),
    /// A number, compared with a tolerance.
    Number {
        /// The value.
        value: f64,
        /// How far off counts as right.
        tolerance: f64,
    },
    /// One of a few words, compared as text.
    Label(String),
    /// A free text, which takes a judge.
    Text(String),
}

impl Answer {
    /// Whether rules can score it.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !matches!(self, Self::Text(_))
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Letters(letters) => {
                let letters: Vec<String> = letters.iter().map(char::to_string).collect();
                f.write_str(&letters.join(", "))
            }
            Self::Number { value, .. } => write!(f, "{value}"),
            Self::Label(text) | Self::Text(text) => f.write_str(text),
        }
    }
}

/// A question about a video with its right answer. One line of JSON in a data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Record {
    /// Unique in a data set: the source's own number with the source's name before it.
    pub id: String,
    /// The data set it comes from, such as `sportu`.
    pub source: String,
    /// Lower case, such as `table_tennis`.
    pub sport: String,
    /// The video; all questions of one video stay in one part of a split.
    pub video_id: String,
    /// Where the video is.
    #[serde(default)]
    pub media: Media,
    /// Frames a second, where the source says.
    #[serde(default)]
    pub fps: Option<f64>,
    /// Frames, where the source says.
    #[serde(default)]
    pub num_frames: Option<usize>,
    /// What is asked, without options.
    pub question: String,
    /// Options by letter, A first; empty where there are none.
    #[serde(default)]
    pub options: Vec<String>,
    /// Words that a label may be, for closed questions that show no options.
    #[serde(default)]
    pub labels: Vec<String>,
    /// What is right.
    pub answer: Answer,
    /// Why, in the source's words.
    #[serde(default)]
    pub rationale: Option<String>,
    /// Frames that show it, half-open.
    #[serde(default)]
    pub evidence: Vec<Range<usize>>,
    /// What it is about.
    pub dimension: Dimension,
    /// How hard it is.
    #[serde(default)]
    pub difficulty: Option<Difficulty>,
    /// What the source calls this kind of question.
    #[serde(default)]
    pub task: Option<String>,
    /// Licence of the annotation, or `unknown`.
    pub licence: String,
}

impl Record {
    /// A record of which only the question is known; the rest is there to be filled in.
    #[must_use]
    pub fn new(source: &str, id: &str, video_id: &str, question: &str) -> Self {
        Self {
            id: id.to_owned(),
            source: source.to_owned(),
            sport: String::new(),
            video_id: video_id.to_owned(),
            media: Media::None,
            fps: None,
            num_frames: None,
            question: question.to_owned(),
            options: Vec::new(),
            labels: Vec::new(),
            answer: Answer::Text(String::new()),
            rationale: None,
            evidence: Vec::new(),
            dimension: Dimension::Recognition,
            difficulty: None,
            task: None,
            licence: "unknown".to_owned(),
        }
    }

    /// The question as it is put to a model: with its options, a line each.
    #[must_use]
    pub fn prompt(&self) -> String {
        let mut prompt = self.question.clone();
        for (letter, option) in ('A'..='Z').zip(&self.options) {
            prompt.push_str(&format!("\n{letter}. {option}"));
        }
        if let Answer::Letters(letters) = &self.answer
            && !self.options.is_empty()
        {
            prompt.push_str(if letters.len() > 1 {
                "\nAnswer with the letters of all right options."
            } else {
                "\nAnswer with the letter of the right option."
            });
        }
        prompt
    }

    /// Why the record cannot be used, if it cannot.
    ///
    /// # Errors
    ///
    /// The reason, in words that name the field.
    pub fn check(&self) -> std::result::Result<(), String> {
        let filled = [("id", &self.id), ("video_id", &self.video_id), ("sport", &self.sport)];
        for (field, value) in filled {
            if value.trim().is_empty() {
                return Err(format!("`{field}` is empty"));
            }
        }
        if self.question.trim().is_empty() {
            return Err("`question` is empty".into());
        }
        match &self.answer {
            Answer::Letters(letters) if letters.is_empty() => {
                Err("`answer` names no option".into())
            }
            Answer::Letters(letters) => {
                let num = self.options.len();
                if !(2..=26).contains(&num) {
                    return Err(format!("`options` has {num} entries, expected 2 to 26"));
                }
                let is_there = |letter: &char| ('A'..='Z').take(num).any(|known| known == *letter);
                match letters.iter().find(|letter| !is_there(letter)) {
                    Some(letter) => {
                        Err(format!("`answer` is {letter}, but there are {num} options"))
                    }
                    None => Ok(()),
                }
            }
            Answer::Number { value, tolerance } if !(value.is_finite() && *tolerance >= 0.0) => {
                Err(format!("`answer` is {value} within {tolerance}, expected a finite number"))
            }
            Answer::Number { .. } => Ok(()),
            Answer::Label(text) | Answer::Text(text) if text.trim().is_empty() => {
                Err("`answer` is empty".into())
            }
            Answer::Label(_) | Answer::Text(_) => Ok(()),
        }?;
        match self.evidence.iter().find(|window| window.is_empty()) {
            Some(window) => Err(format!("`evidence` has the empty stretch {window:?}")),
            None => Ok(()),
        }
    }
}
