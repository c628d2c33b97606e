//! Text to token ids and back, as the checkpoint's `tokenizer.json` says.

use std::path::Path;

use crate::checkpoint::write_whole;
use crate::{Error, Result};

/// Byte-level BPE of Qwen2 and Qwen2.5.
#[derive(Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    special: SpecialIds,
    /// Bytes of each id; empty for ids without a token.
    bytes: Vec<Box<[u8]>>,
}

/// Ids of the tokens that the chat format and the grids stand on, found by their text, since checkpoints number them
/// differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialIds {
    /// `<|endoftext|>`: padding, and the end of a text.
    pub end_of_text: u32,
    /// `<|im_start|>`: a turn begins.
    pub im_start: u32,
    /// `<|im_end|>`: a turn ends.
    pub im_end: u32,
    /// `<|vision_start|>`, before the placeholders of a picture or clip.
    pub vision_start: u32,
    /// `<|vision_end|>`, after them.
    pub vision_end: u32,
    /// `<|image_pad|>`, one for each token of a picture.
    pub image_pad: u32,
    /// `<|video_pad|>`, one for each token of a clip.
    pub video_pad: u32,
    /// `<|vision_pad|>`, which stands in no prompt.
    pub vision_pad: Option<u32>,
    /// `<tool_call>`; added, but not special, so that decoding keeps it.
    pub tool_call_start: Option<u32>,
    /// `</tool_call>`.
    pub tool_call_end: Option<u32>,
}

impl SpecialIds {
    /// Ids that stand for pictures and clips. A policy that samples one breaks the count of features.
    #[must_use]
    pub fn vision(&self) -> Vec<u32> {
        let ids = [self.vision_start, self.vision_end, self.image_pad, self.video_pad];
        ids.into_iter().chain(self.vision_pad).collect()
    }

    /// Whether these are the ids that a model's `config.json` names; a tokenizer of another model would put words in the place
    /// of pictures.
    ///
    /// # Errors
    ///
    /// [`Error::SpecialId`] naming the first that differs.
    pub fn check(&self, config: &crate::ModelConfig) -> Result<()> {
        for (token, tokenizer, config) in [
            ("<|image_pad|>", self.image_pad, config.image_token_id),
            ("<|video_pad|>", self.video_pad, config.video_token_id),
        ] {
            if tokenizer != config {
                return Err(Error::SpecialId { token, tokenizer, config });
            }
        }
        Ok(())
    }

    /// Ids that end a reply: `<|im_end|>` and `<|endoftext|>`.
    #[must_use]
    pub fn ends(&self) -> [u32; 2] {
        [self.im_end, self.end_of_text]
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("num_tokens", &self.len())
            .field("special", &self.special)
            .finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// The tokenizer of a checkpoint folder, from its `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// Those of [`Tokenizer::from_file`].
    pub fn from_dir(dir: impl AsRef<Path>) -> Result<Self> {
        Self::from_file(dir.as_ref().join("tokenizer.json"))
    }

    /// Reads a `tokenizer.json`, with merges spelt `"a b"` or `["a", "b"]`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be read, and the errors of [`Tokenizer::from_json`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let json = std::fs::read(path).map_err(Error::file("read", path))?;
        Self::from_json(&json).map_err(|error| match error {
            Error::Tokenizer { problem, .. } => {
                Error::Tokenizer { path: Some(path.into()), problem }
            }
            other => other,
        })
    }

    /// Reads the bytes of a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] if they are none, [`Error::MissingToken`] if a token of the chat format is absent.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let inner = tokenizers::Tokenizer::from_bytes(json).map_err(problem)?;
        let optional = |content: &str| inner.token_to_id(content);
        let id = |content: &'static str| optional(content).ok_or(Error::MissingToken { content });
        let special = SpecialIds {
            end_of_text: id("<|endoftext|>")?,
            im_start: id("<|im_start|>")?,
            im_end: id("<|im_end|>")?,
            vision_start: id("<|vision_start|>")?,
            vision_end: id("<|vision_end|>")?,
            image_pad: id("<|image_pad|>")?,
            video_pad: id("<|video_pad|>")?,
            vision_pad: optional("<|vision_pad|>"),
            tool_call_start: optional("<tool_call>"),
            tool_call_end: optional("</tool_call>"),
        };
        let bytes = byte_table(&inner);
        Ok(Self { inner, special, bytes })
    }

    /// Writes `tokenizer.json` into a checkpoint folder, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be written.
    pub fn save(&self, dir: impl AsRef<Path>) -> Result<()> {
        let json = self.inner.to_string(true).map_err(problem)?;
        write_whole(&dir.as_ref().join("tokenizer.json"), json.as_bytes())
    }

    /// Ids of a text; tokens such as `<|im_end|>` that stand in it become their ids.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] if the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.inner.encode_fast(text, false).map_err(problem)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of ids, special tokens included. Ids without a token are left out, bytes that are no UTF-8 become U+FFFD.
    #[must_use]
    pub fn decode(&self, ids: &[u32]) -> String {
        self.lossy(ids, |_| true)
    }

    /// The text of ids without special tokens such as `<|im_end|>`. `<tool_call>` stays: it is added, not special.
    #[must_use]
    pub fn decode_skip_special(&self, ids: &[u32]) -> String {
        self.lossy(ids, |id| !self.is_special(id))
    }

    /// Whether an id is left out by [`Tokenizer::decode_skip_special`].
    #[must_use]
    pub fn is_special(&self, id: u32) -> bool {
        self.inner.get_added_tokens_decoder().get(&id).is_some_and(|token| token.special)
    }

    /// Bytes that an id stands for, which alone need not be UTF-8; `None` for an id without a token.
    #[must_use]
    pub fn bytes_of(&self, id: u32) -> Option<&[u8]> {
        self.bytes.get(id as usize).filter(|bytes| !bytes.is_empty()).map(AsRef::as_ref)
    }

    /// Number of ids, one above the largest: at most the rows of the model's embedding, which is padded.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has no tokens. It always has those of the chat format.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Ids that the chat format stands on.
    #[must_use]
    pub fn special(&self) -> &SpecialIds {
        &self.special
    }

    /// Ids that a policy must not sample: those of pictures and clips, and rows of a padded vocabulary (`vocab_size` rows of
    /// the head) that have no token.
    #[must_use]
    pub fn forbidden(&self, vocab_size: usize) -> Vec<u32> {
        let no_token = (0..vocab_size as u32).filter(|&id| self.bytes_of(id).is_none());
        let mut ids: Vec<u32> = no_token.chain(self.special.vision()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn lossy(&self, ids: &[u32], keep: impl Fn(u32) -> bool) -> String {
        let bytes = ids.iter().filter(|&&id| keep(id)).filter_map(|&id| self.bytes_of(id));
        String::from_utf8_lossy(&bytes.flatten().copied().collect::<Vec<_>>()).into_owned()
    }
}

/// Text of ids that arrive one by one; the bytes of an unfinished character are withheld until it is whole.
///
/// The pieces together are what [`Tokenizer::decode`] gives of all ids.
#[derive(Debug, Clone, Default)]
pub struct StreamDecoder {
    pending: Vec<u8>,
}

impl StreamDecoder {
    /// Text that becomes certain with this id, perhaps none.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> String {
        self.pending.extend(tokenizer.bytes_of(id).unwrap_or_default());
        let unfinished = unfinished_tail(&self.pending);
        let rest = self.pending.split_off(self.pending.len() - unfinished);
        let whole = std::mem::replace(&mut self.pending, rest);
        String::from_utf8_lossy(&whole).into_owned()
    }

    /// What was withheld, as U+FFFD.
    #[must_use]
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }
}

/// Number of bytes at the end that may be the beginning of a character.
fn unfinished_tail(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last();
    let invalid = last.map_or(&[][..], |chunk| chunk.invalid());
    let needed = match invalid.first() {
        Some(0xC2..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF4) => 4,
        _ => 0,
    };
    // `utf8_chunks` ends an invalid part before the byte that breaks it, so a shorter one at the very end lacks bytes.
    if invalid.len() < needed { invalid.len() } else { 0 }
}

/// Bytes of each token. A byte-level vocabulary spells each byte as a printable character; added tokens stand as they are.
fn byte_table(tokenizer: &tokenizers::Tokenizer) -> Vec<Box<[u8]>> {
    let vocab = tokenizer.get_vocab(true);
    let len = vocab.values().max().map_or(0, |&id| id as usize + 1);
    let mut table = vec![Box::default(); len];
    let added = tokenizer.get_added_tokens_decoder();
    for (token, id) in vocab {
        let spelt = token.chars().map(byte_of).collect::<Option<Vec<u8>>>();
        let bytes = match spelt {
            Some(bytes) if !added.contains_key(&id) => bytes,
            _ => token.into_bytes(),
        };
        table[id as usize] = bytes.into_boxed_slice();
    }
    table
}

/// The byte that a character of a byte-level vocabulary stands for: printable Latin-1 for itself, the other bytes in order
/// from U+0100 on (GPT-2).
fn byte_of(letter: char) -> Option<u8> {
    let code = u32::from(letter);
    match code {
        0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => u8::try_from(code).ok(),
        0x100..=0x120 => u8::try_from(code - 0x100).ok(), // 0x00..=0x20
        0x121..=0x142 => u8::try_from(code - 0x121 + 0x7F).ok(), // 0x7F..=0xA0
        0x143 => Some(0xAD),
        _ => None,
    }
}

fn problem(error: tokenizers::Error) -> Error {
    Error::Tokenizer { path: None, problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_letter() {
        let mut letters = vec![0; 256];
        for byte in (0..0x400).filter_map(char::from_u32).filter_map(byte_of) {
            letters[usize::from(byte)] += 1;
        }
        assert_eq!(letters, vec![1; 256]);
    }

    #[test]
    fn only_what_can_become_a_character_is_unfinished() {
        for (bytes, expected) in [
            (&b"abc"[..], 0),
            (b"a\xE2", 1),
            (b"a\xE2\x82", 2),
            ("a€".as_bytes(), 0),
            (b"a\xF0\x9F\x8F", 3),
            (b"a\xFF", 0),
            (b"a\xE2a", 0),
            (b"\x80", 0),
            (b"\xE2\x82\xE2", 1),
        ] {
            assert_eq!(unfinished_tail(bytes), expected, "{bytes:?}");
        }
    }
}
