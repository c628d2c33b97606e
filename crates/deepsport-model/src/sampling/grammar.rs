//! Tool calls that cannot be malformed.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Constraint;
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};

const OPEN: &[u8] = b"<tool_call>";
const CLOSE: &str = "</tool_call>";

/// What may stand between `<tool_call>` and `</tool_call>`: text with whole numbers in it.
///
/// ```
/// use deepsport_model::sampling::CallPattern;
/// // frame_extraction_tool(S, E) with 0 <= S < E <= 299
/// let function = CallPattern::new()
///     .text("frame_extraction_tool(").number(0..=298).text(", ").larger_number(299).text(")");
/// let json = CallPattern::new()
///     .text(r#"{"action":"choose_frames","frame_range":["#).number(0..=298).text(",").larger_number(299).text("]}");
/// # let _ = (function, json);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallPattern {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Number { range: RangeInclusive<u64>, is_larger: bool },
}

impl CallPattern {
    /// A pattern of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Then this text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.pieces.push(Piece::Text(text.into().into_bytes()));
        self
    }

    /// Then a whole number in this range, without leading zeros.
    #[must_use]
    pub fn number(mut self, range: RangeInclusive<u64>) -> Self {
        self.pieces.push(Piece::Number { range, is_larger: false });
        self
    }

    /// Then a whole number above the number before it, up to `max`.
    #[must_use]
    pub fn larger_number(mut self, max: u64) -> Self {
        self.pieces.push(Piece::Number { range: 0..=max, is_larger: true });
        self
    }
}

/// A pattern as people write it: `{0..298}` is a number, both ends included, `{>..299}` one above the number before it, `{{` and
/// `}}` are braces, and everything else is text.
///
/// ```
/// use deepsport_model::sampling::CallPattern;
/// let written: CallPattern = "frame_extraction_tool({0..298}, {>..299})".parse()?;
/// let built = CallPattern::new()
///     .text("frame_extraction_tool(").number(0..=298).text(", ").larger_number(299).text(")");
/// assert_eq!(written, built);
/// # Ok::<(), deepsport_model::Error>(())
/// ```
impl std::str::FromStr for CallPattern {
    type Err = Error;

    fn from_str(written: &str) -> Result<Self> {
        let invalid = |at: usize| {
            let problem = format!(
                "{:?} is neither a number's range like {{0..298}} or {{>..299}} nor an escaped brace",
                written[at..].chars().take(20).collect::<String>()
            );
            Error::Request { field: "pattern", problem }
        };
        let (mut pattern, mut text, mut at) = (Self::new(), String::new(), 0);
        while let Some(next) = written[at..].chars().next() {
            let is_doubled = written[at + next.len_utf8()..].starts_with(next);
            match next {
                '{' | '}' if is_doubled => {
                    text.push(next);
                    at += 2;
                }
                '{' => {
                    let end = written[at..].find('}').ok_or_else(|| invalid(at))? + at;
                    let (from, to) =
                        written[at + 1..end].split_once("..").ok_or_else(|| invalid(at))?;
                    let to = to.trim().parse().map_err(|_| invalid(at))?;
                    pattern = pattern.text(std::mem::take(&mut text));
                    pattern = match from.trim() {
                        ">" => pattern.larger_number(to),
                        from => pattern.number(from.parse().map_err(|_| invalid(at))?..=to),
                    };
                    at = end + 1;
                }
                '}' => return Err(invalid(at)),
                _ => {
                    text.push(next);
                    at += next.len_utf8();
                }
            }
        }
        pattern = pattern.text(text);
        pattern.pieces.retain(|piece| *piece != Piece::Text(Vec::new()));
        Ok(pattern)
    }
}

/// Keeps tool calls well-formed by masking tokens: free text everywhere else, and inside the tags one of the patterns.
///
/// Works on bytes, so it does not matter how a tokenizer cuts names and numbers, nor whether the tags are tokens.
#[derive(Debug, Clone)]
pub struct ToolCallGrammar {
    rules: Arc<Rules>,
    state: State,
}

#[derive(Debug)]
struct Rules {
    patterns: Vec<CallPattern>,
    tokens: Tokens,
}

/// Where the text is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Outside a call, the last bytes being this many of `<tool_call>`.
    Free(usize),
    /// Inside, at a place of each pattern that still fits.
    Call(Vec<Place>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    pattern: usize,
    piece: usize,
    /// Bytes of a text read.
    offset: usize,
    /// The number that is being read.
    number: Option<u64>,
    /// The number read last.
    before: Option<u64>,
}

impl ToolCallGrammar {
    /// A grammar whose calls follow one of `patterns`. Making it looks at the whole vocabulary; clone it for each sequence.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if there is no pattern, or the numbers of one leave nothing to write.
    pub fn new(
        tokenizer: &Tokenizer,
        patterns: impl IntoIterator<Item = CallPattern>,
    ) -> Result<Self> {
        let invalid =
            |problem: &str| Err(Error::Request { field: "patterns", problem: problem.to_owned() });
        let mut patterns: Vec<_> = patterns.into_iter().collect();
        if patterns.is_empty() {
            return invalid("a grammar needs one at least");
        }
        for pattern in &mut patterns {
            pattern.pieces.retain(|piece| *piece != Piece::Text(Vec::new()));
            let mut most_before = None; // the largest number that may stand before
            for (i, piece) in pattern.pieces.iter().enumerate() {
                let Piece::Number { range, is_larger } = piece else { continue };
                match pattern.pieces.get(i + 1) {
                    Some(Piece::Text(text)) if !text.first().is_some_and(u8::is_ascii_digit) => {}
                    None => {} // the closing tag follows
                    _ => return invalid("a number needs text behind it that begins with no digit"),
                }
                if range.is_empty() {
                    return invalid("the range of a number is empty");
                }
                match (is_larger, most_before) {
                    (true, None) => return invalid("larger_number needs a number before it"),
                    (true, Some(most)) if most >= *range.end() => {
                        return invalid("a number may leave no larger one: lower its range");
                    }
                    _ => most_before = Some(*range.end()),
                }
            }
            pattern.pieces.push(Piece::Text(CLOSE.into()));
        }
        let tokens = Tokens::new(tokenizer);
        Ok(Self { rules: Arc::new(Rules { patterns, tokens }), state: State::Free(0) })
    }

    /// Whether a call has begun and is not closed.
    #[must_use]
    pub fn is_inside_call(&self) -> bool {
        matches!(self.state, State::Call(_))
    }
}

impl Constraint for ToolCallGrammar {
    fn mask(&self, logits: &mut [f32]) {
        let Rules { tokens, .. } = &*self.rules;
        let fits = |id: u32| self.rules.read(&self.state, tokens.bytes(id)).is_some();
        if let State::Free(_) = self.state {
            // Only what runs on behind the opening tag can be wrong.
            for &id in tokens.over_opening.iter().filter(|&&id| !fits(id)) {
                if let Some(logit) = logits.get_mut(id as usize) {
                    *logit = f32::NEG_INFINITY;
                }
            }
            return;
        }
        let first_bytes = (0..=255u8).filter(|&byte| self.rules.step(&self.state, byte).is_some());
        let kept: Vec<(usize, f32)> = first_bytes
            .flat_map(|byte| &tokens.by_first_byte[usize::from(byte)])
            .filter(|&&id| (id as usize) < logits.len() && fits(id))
            .map(|&id| (id as usize, logits[id as usize]))
            .collect();
        logits.fill(f32::NEG_INFINITY);
        kept.into_iter().for_each(|(id, logit)| logits[id] = logit);
    }

    fn accept(&mut self, id: u32) -> Result<()> {
        let bytes = self.rules.tokens.bytes(id);
        if bytes.is_empty() && self.is_inside_call() {
            let problem = format!("token {id} has no text, which no tool call allows");
            return Err(Error::Request { field: "grammar", problem });
        }
        self.state = self.rules.read(&self.state, bytes).ok_or_else(|| Error::Request {
            field: "grammar",
            problem: format!(
                "token {id} ({:?}) breaks the tool call",
                String::from_utf8_lossy(bytes)
            ),
        })?;
        Ok(())
    }
}

impl Rules {
    fn read(&self, state: &State, bytes: &[u8]) -> Option<State> {
        bytes.iter().try_fold(state.clone(), |state, &byte| self.step(&state, byte))
    }

    /// The state after one more byte, if it may stand there.
    fn step(&self, state: &State, byte: u8) -> Option<State> {
        match state {
            State::Free(matched) => {
                // No beginning of "<tool_call>" comes again inside it, so a mismatch starts anew.
                let matched = match byte {
                    byte if byte == OPEN[*matched] => matched + 1,
                    byte if byte == OPEN[0] => 1,
                    _ => 0,
                };
                Some(if matched == OPEN.len() {
                    State::Call(self.begin())
                } else {
                    State::Free(matched)
                })
            }
            State::Call(places) => {
                let mut next = Vec::new();
                for place in places {
                    match self.step_place(place, byte) {
                        Some(Step::To(place)) => next.push(place),
                        Some(Step::Closed) => return Some(State::Free(0)),
                        None => {}
                    }
                }
                (!next.is_empty()).then_some(State::Call(next))
            }
        }
    }

    fn begin(&self) -> Vec<Place> {
        (0..self.patterns.len())
            .map(|pattern| Place { pattern, piece: 0, offset: 0, number: None, before: None })
            .collect()
    }

    fn step_place(&self, place: &Place, byte: u8) -> Option<Step> {
        let pieces = &self.patterns[place.pattern].pieces;
        match &pieces[place.piece] {
            Piece::Text(text) => {
                if text[place.offset] != byte {
                    return None;
                }
                let mut place = Place { offset: place.offset + 1, ..place.clone() };
                if place.offset == text.len() {
                    (place.piece, place.offset) = (place.piece + 1, 0);
                }
                Some(if place.piece == pieces.len() { Step::Closed } else { Step::To(place) })
            }
            Piece::Number { range, is_larger } => {
                let least = match place.before {
                    Some(before) if *is_larger => before + 1,
                    _ => *range.start(),
                };
                let range = least..=*range.end();
                if byte.is_ascii_digit() {
                    let digit = u64::from(byte - b'0');
                    let number = match place.number {
                        Some(0) => return None, // no leading zeros
                        Some(number) => number.checked_mul(10)?.checked_add(digit)?,
                        None => digit,
                    };
                    let place = Place { number: Some(number), ..place.clone() };
                    return can_become(number, &range).then_some(Step::To(place));
                }
                let number = place.number.filter(|number| range.contains(number))?;
                let after = Place {
                    piece: place.piece + 1,
                    number: None,
                    before: Some(number),
                    ..place.clone()
                };
                self.step_place(&after, byte)
            }
        }
    }
}

enum Step {
    To(Place),
    Closed,
}

/// Whether more digits, or none, make a number of the range.
fn can_become(number: u64, range: &RangeInclusive<u64>) -> bool {
    let (mut least, mut most) = (number, number);
    loop {
        if least > *range.end() {
            return false;
        }
        if most >= *range.start() {
            return true;
        }
        let (Some(longer_least), Some(longer_most)) =
            (least.checked_mul(10), most.checked_mul(10).and_then(|most| most.checked_add(9)))
        else {
            return false;
        };
        if number == 0 {
            return false; // nothing may follow a leading zero
        }
        (least, most) = (longer_least, longer_most);
    }
}

/// The vocabulary in the orders that masks need.
#[derive(Debug)]
struct Tokens {
    bytes: Vec<Box<[u8]>>,
    by_first_byte: Vec<Vec<u32>>,
    /// Tokens that go on after a byte that may end the opening tag.
    over_opening: Vec<u32>,
}

impl Tokens {
    fn new(tokenizer: &Tokenizer) -> Self {
        let bytes: Vec<Box<[u8]>> = (0..tokenizer.len() as u32)
            .map(|id| tokenizer.bytes_of(id).unwrap_or_default().into())
            .collect();
        let mut by_first_byte = vec![Vec::new(); 256];
        let mut over_opening = Vec::new();
        for (id, bytes) in (0u32..).zip(&bytes) {
            let [first, ..] = **bytes else { continue };
            by_first_byte[usize::from(first)].push(id);
            if bytes[..bytes.len() - 1].contains(&OPEN[OPEN.len() - 1]) {
                over_opening.push(id);
            }
        }
        Self { bytes, by_first_byte, over_opening }
    }

    fn bytes(&self, id: u32) -> &[u8] {
        self.bytes.get(id as usize).map(AsRef::as_ref).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_allowed_as_long_as_the_number_can_be_reached() {
        for (number, range, expected) in [
            (1, 15..=19, true),
            (2, 15..=19, false),
            (2, 15..=200, true),
            (0, 0..=5, true),
            (0, 1..=5, false),
            (19, 15..=19, true),
            (3, 100..=299, false),
            (3, 100..=3000, true),
            (u64::MAX, 0..=u64::MAX, true),
        ] {
            assert_eq!(can_become(number, &range), expected, "{number} {range:?}");
        }
    }
}
