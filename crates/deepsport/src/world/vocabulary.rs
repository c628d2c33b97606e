//! The few words that the toy world knows.

use std::collections::BTreeSet;

use super::WorldConfig;
use super::question::{MAX_SCORE, Question};

/// Words of the loop: what the expert writes and what the agent says in [`Wording::Toy`](crate::agent::Wording::Toy).
const LOOP: [&str; 18] = [
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<answer>",
    "</answer>",
    "frame_extraction_tool(",
    ")",
    ",",
    ":",
    "?",
    "seen",
    "at",
    "over",
    "between",
    "and",
    "no",
    "answer",
];

impl WorldConfig {
    /// Every word that can come up in a dialogue of this world, once each, split at spaces: the loop's, those of questions and
    /// answers, and a word for each frame number.
    ///
    /// The order depends on the settings alone. Whole numbers as words keep calls short and let a small model copy a frame's
    /// number in one step.
    #[must_use]
    pub fn vocabulary(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for &sport in &self.sports {
            for &dimension in &self.dimensions {
                for score in 0..=MAX_SCORE {
                    for outcome in sport.all_outcomes() {
                        let question = Question::new(sport, dimension, outcome, score);
                        texts.extend([question.text, question.answer]);
                    }
                }
            }
        }
        let numbers: Vec<String> =
            (0..self.num_frames[1]).map(|number| number.to_string()).collect();
        let is_new = |word: &&str| !LOOP.contains(word) && word.parse::<usize>().is_err();
        let words: BTreeSet<&str> =
            texts.iter().flat_map(|text| text.split_whitespace()).filter(is_new).collect();
        let words = LOOP.into_iter().chain(words).map(str::to_owned);
        words.chain(numbers).collect()
    }
}
