//! The few words that the toy world knows, and a tokenizer that takes each for one token.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::WorldConfig;
use super::question::{MAX_SCORE, Question};

/// Words of the loop: tags, roles, what the expert writes and what the agent says in [`Wording::Toy`](crate::agent::Wording::Toy).
const LOOP: [&str; 22] = [
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<answer>",
    "</answer>",
    "system",
    "user",
    "assistant",
    "frame_extraction_tool(",
    ")",
    ",",
    ":",
    "?",
    "seen",
    "from",
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
            texts.extend(sport.outcomes().iter().map(|outcome| (*outcome).to_owned()));
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

    /// A `tokenizer.json` for a small Qwen2.5-VL: one token for each word of the [`vocabulary`](Self::vocabulary), whatever white
    /// space stands before it; Qwen's control tokens; and a token for every byte, so that any text can be read.
    ///
    /// It is byte-level BPE without merges, as far as libraries can tell, so that whatever reads Qwen's own reads it, too. White
    /// space counts as one blank before the next word and is lost elsewhere.
    #[must_use]
    pub fn tokenizer_json(&self) -> String {
        let words = self.vocabulary();
        let (tags, words): (Vec<&String>, Vec<&String>) =
            words.iter().partition(|word| word.starts_with('<'));
        let mut vocab = Map::new();
        // GPT-2's characters stand for bytes; the blank's is the first letter of every word.
        let bytes = (0..=255_u8).map(|byte| byte_char(byte).to_string());
        let blank = byte_char(b' ');
        for token in bytes.chain(words.iter().map(|word| format!("{blank}{word}"))) {
            let id = vocab.len();
            vocab.entry(token).or_insert(id.into());
        }
        let first = vocab.len();
        let control = CONTROL.into_iter().map(|content| (content, true));
        let added = control.chain(tags.iter().map(|tag| (tag.as_str(), false)));
        let added: Vec<Value> = (first..)
            .zip(added)
            .map(|(id, (content, special))| {
                json!({ "id": id, "content": content, "special": special, "single_word": false,
                    "lstrip": false, "rstrip": false, "normalized": false })
            })
            .collect();
        let byte_level = json!({ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": false });
        let tokenizer = json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": added,
            "normalizer": { "type": "Replace", "pattern": { "Regex": "\\s+" }, "content": " " },
            "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
                { "type": "Split", "pattern": { "Regex": " ?\\S+" }, "behavior": "Removed", "invert": true },
                byte_level,
            ] },
            "post_processor": null,
            "decoder": byte_level,
            "model": { "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": true,
                "vocab": vocab, "merges": [] },
        });
        tokenizer.to_string()
    }
}

/// Qwen2.5-VL's control tokens, as its tokenizer spells them.
const CONTROL: [&str; 8] = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
];

/// The character that stands for a byte in byte-level vocabularies (GPT-2's `bytes_to_unicode`): itself where it can be seen,
/// else one from U+0100 on, in order.
fn byte_char(byte: u8) -> char {
    let is_seen = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    if is_seen(byte) {
        return char::from(byte);
    }
    let num_before = (0..byte).filter(|&other| !is_seen(other)).count() as u32;
    char::from_u32(0x100 + num_before).unwrap_or('\u{FFFD}') // below 0x200: always a character
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_spelt_as_in_gpt_2() {
        for (byte, expected) in [
            (b' ', 'Ġ'),
            (b'\n', 'Ċ'),
            (b'a', 'a'),
            (0, 'Ā'),
            (0xAD, 'Ń'),
            (0xFF, 'ÿ'),
            (0x7F, 'ġ'),
        ] {
            assert_eq!(byte_char(byte), expected, "{byte}");
        }
    }
}
