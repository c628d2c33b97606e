use std::collections::HashSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::guide::Reference;

/// Quoted words in a row that make a quotation worth checking. Ours.
const MIN_QUOTED_WORDS: usize = 3;

/// Something a text says that neither facts nor sources bear out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsupportedClaim {
    /// What kind of claim.
    pub kind: ClaimKind,
    /// The claim as it stands in the text.
    pub claim: String,
    /// Where it stands, in bytes of the text.
    pub byte_range: Range<usize>,
    /// Why it is not borne out.
    pub reason: String,
}

/// Kinds of checkable claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClaimKind {
    /// A number in digits.
    Number,
    /// A citation such as `[3]`.
    Citation,
    /// Words in quotation marks.
    Quote,
}

/// Checks every number, citation and quotation of a text.
///
/// - A number must occur in the facts, or in a passage: in one of those its sentence cites, or in any if its sentence
///   cites none. `1,000` equals `1000`, `2.50` equals `2.5`; a unit or sign does not matter, nor do digits inside
///   words (`L5`).
/// - A citation must name a reference.
/// - Three or more words in quotation marks must occur in a passage or fact, but for spaces, case and marks of
///   quotation.
///
/// What is not in digits is not checked: `three sets` passes, and a sentence without numbers may still be wrong.
/// Results are in the order of the text.
///
/// ```
/// use sports_rag::{Reference, verify};
/// let source = Reference { number: 1, quote: "Box squat, 3 sets x 6.".into(), ..Reference::default() };
/// assert!(verify("Do 3 sets of 6 [1].", &[source.clone()], &[]).is_empty());
/// let claims = verify("Do 5 sets of 6 [2].", &[source], &[]);
/// assert_eq!(claims.iter().map(|claim| claim.claim.as_str()).collect::<Vec<_>>(), ["5", "[2]"]);
/// ```
#[must_use]
pub fn verify(text: &str, references: &[Reference], facts: &[String]) -> Vec<UnsupportedClaim> {
    let known: HashSet<String> = facts.iter().flat_map(|fact| number_keys(fact)).collect();
    let by_reference: Vec<(usize, HashSet<String>)> = references
        .iter()
        .map(|reference| (reference.number, number_keys(&reference.quote).collect()))
        .collect();
    let mut claims = Vec::new();
    for sentence in sentences(text) {
        let citations: Vec<Citation> = citations(text, sentence.clone()).collect();
        let cited: Vec<&HashSet<String>> = by_reference
            .iter()
            .filter(|(number, _)| {
                citations.iter().any(|citation| citation.numbers.contains(number))
            })
            .map(|(_, numbers)| numbers)
            .collect();
        for citation in &citations {
            let unknown = citation
                .numbers
                .iter()
                .find(|number| references.iter().all(|r| r.number != **number));
            if let Some(number) = unknown {
                let reason = format!("there is no reference {number}");
                claims.push(claim(ClaimKind::Citation, text, citation.byte_range.clone(), reason));
            }
        }
        for range in numbers(&text[sentence.clone()]) {
            let range = sentence.start + range.start..sentence.start + range.end;
            if citations.iter().any(|citation| overlap(&citation.byte_range, &range)) {
                continue;
            }
            let key = number_key(&text[range.clone()]);
            let in_passages = if cited.is_empty() {
                by_reference.iter().any(|(_, numbers)| numbers.contains(&key))
            } else {
                cited.iter().any(|numbers| numbers.contains(&key))
            };
            if !known.contains(&key) && !in_passages {
                let place =
                    if cited.is_empty() { "any passage" } else { "the passages cited here" };
                claims.push(claim(
                    ClaimKind::Number,
                    text,
                    range,
                    format!("not in the facts nor in {place}"),
                ));
            }
        }
    }
    let sources: Vec<String> = references
        .iter()
        .map(|reference| plain(&reference.quote))
        .chain(facts.iter().map(|fact| plain(fact)))
        .collect();
    for range in quotations(text) {
        let quoted = plain(&text[range.clone()]);
        // A cut-off quotation is checked piece by piece.
        let mut pieces = quoted.split(['…']).flat_map(|piece| piece.split("...")).map(str::trim);
        let long =
            quoted.split_whitespace().count() >= MIN_QUOTED_WORDS || quoted.chars().count() >= 12;
        if long && !pieces.all(|piece| sources.iter().any(|source| source.contains(piece))) {
            claims.push(claim(ClaimKind::Quote, text, range, "not in any passage or fact".into()));
        }
    }
    claims.sort_by_key(|claim| (claim.byte_range.start, claim.byte_range.end));
    claims
}

fn claim(
    kind: ClaimKind,
    text: &str,
    byte_range: Range<usize>,
    reason: String,
) -> UnsupportedClaim {
    UnsupportedClaim { kind, claim: text[byte_range.clone()].to_string(), byte_range, reason }
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Sentences: cut after `.`, `!`, `?` before a space, after their Chinese forms, and at line ends; a citation that
/// follows the full stop still belongs to the sentence before it.
fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut chars) = (0, text.char_indices().peekable());
    while let Some((at, c)) = chars.next() {
        let end = at + c.len_utf8();
        let next = text[end..].chars().next();
        let stop = match c {
            '.' | '!' | '?' => next.is_none_or(char::is_whitespace),
            '。' | '！' | '？' | '\n' => true,
            _ => false,
        };
        if !stop {
            continue;
        }
        let mut end = end;
        while let Some(length) = leading_citation(&text[end..]) {
            end += length;
        }
        while chars.peek().is_some_and(|(next, _)| *next < end) {
            chars.next();
        }
        ranges.push(start..end);
        start = end;
    }
    if start < text.len() {
        ranges.push(start..text.len());
    }
    ranges
}

/// Length of `[n]` at the front, with spaces before it.
fn leading_citation(text: &str) -> Option<usize> {
    let trimmed = text.trim_start_matches([' ', '\u{a0}']);
    let inner = trimmed.strip_prefix('[')?;
    let close = inner.find(']')?;
    citation_numbers(&inner[..close])?;
    Some(text.len() - trimmed.len() + close + 2)
}

struct Citation {
    numbers: Vec<usize>,
    byte_range: Range<usize>,
}

/// `[2]`, `[1, 3]` and `[1-3]` within a range of the text.
fn citations(text: &str, range: Range<usize>) -> impl Iterator<Item = Citation> {
    let starts = text[range.clone()].match_indices('[').map(move |(at, _)| range.start + at);
    starts.filter_map(move |start| {
        let inner = &text[start + 1..];
        let close = inner.find(']')?;
        Some(Citation {
            numbers: citation_numbers(&inner[..close])?,
            byte_range: start..start + close + 2,
        })
    })
}

fn citation_numbers(inner: &str) -> Option<Vec<usize>> {
    let mut numbers = Vec::new();
    for part in inner.split([',', ';']) {
        match part.trim().split_once(['-', '–']) {
            Some((first, last)) => {
                let (first, last): (usize, usize) =
                    (first.trim().parse().ok()?, last.trim().parse().ok()?);
                // A range of a thousand references is a number in brackets, not a citation.
                if first > last || last - first > 1000 {
                    return None;
                }
                numbers.extend(first..=last);
            }
            None => numbers.push(part.trim().parse().ok()?),
        }
    }
    Some(numbers)
}

/// Digits with inner points and commas, not inside a word.
fn numbers(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len()
            && (bytes[at].is_ascii_digit()
                || (matches!(bytes[at], b'.' | b',')
                    && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)))
        {
            at += 1;
        }
        // `L5` and `2D` are names; `3x8` and `10cm` are a number with something behind it.
        let in_word = text[..start]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphabetic() && c.is_ascii() && c != 'x');
        let behind = &text[at..];
        let dimension = behind.starts_with(['D', 'd'])
            && !behind[1..].starts_with(|c: char| c.is_alphanumeric());
        if !in_word && !dimension {
            ranges.push(start..at);
        }
    }
    ranges
}

fn number_keys(text: &str) -> impl Iterator<Item = String> {
    numbers(text).into_iter().map(|range| number_key(&text[range]))
}

/// One spelling per value: no thousands commas, no zeros at either end.
fn number_key(number: &str) -> String {
    let grouped = number
        .split(',')
        .skip(1)
        .all(|group| group.split('.').next().is_some_and(|g| g.len() == 3));
    let number = if grouped { number.replace(',', "") } else { number.replace(',', ".") };
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() { whole.into() } else { format!("{whole}.{fraction}") }
}

/// Insides of “…”, "…", «…» and 「…」.
fn quotations(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut open: Option<(usize, char)> = None;
    for (at, c) in text.char_indices() {
        match (open, c) {
            (Some((start, close)), c) if c == close => {
                ranges.push(start..at);
                open = None;
            }
            (None, '“' | '"' | '«' | '「') => {
                let close = match c {
                    '“' => '”',
                    '«' => '»',
                    '「' => '」',
                    other => other,
                };
                open = Some((at + c.len_utf8(), close));
            }
            _ => {}
        }
    }
    ranges
}

/// Lower case, single spaces, no list marks: what two spellings of one passage share.
fn plain(text: &str) -> String {
    let lines =
        text.lines().map(|line| line.trim().trim_start_matches("- ").trim_start_matches("* "));
    let words: Vec<String> = lines.flat_map(str::split_whitespace).map(str::to_lowercase).collect();
    words.join(" ").replace(['“', '”', '"'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(number: usize, quote: &str) -> Reference {
        Reference { number, quote: quote.into(), ..Reference::default() }
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let references = [
            reference(1, "Do 3 sets x 6, lower for 3 seconds, rest 90 seconds."),
            reference(
                2,
                "Sit back to a box that you\nreach with good form; 1,000 jumps is too many, 2.50 m is far.",
            ),
        ];
        let facts = ["knee@bottom 98 deg, target 78-86, 12.0 deg above".to_string()];
        let found = verify(text, &references, &facts);
        assert_eq!(
            found.iter().map(|claim| claim.claim.as_str()).collect::<Vec<_>>(),
            expected,
            "{found:?}"
        );
    }

    #[test]
    fn supported_numbers_pass_in_any_spelling() {
        check(
            "The knee is at 98 deg, 12 above 78-86. Do 3x6 [1]. Not 1000 jumps of 2.5 m [2].",
            &[],
        );
        check("Rest 90 s. [1]", &[]);
    }

    #[test]
    fn an_invented_number_is_found_where_it_stands() {
        check("Do 4 sets x 6 [1].", &["4"]);
        check("Hold 98.5 deg.", &["98.5"]);
    }

    #[test]
    fn a_number_from_a_passage_that_is_not_cited_here_is_not_supported() {
        check("Do 90 jumps [2].", &["90"]);
        check("Rest 90 seconds.", &[]);
    }

    #[test]
    fn unknown_citations_are_found() {
        check("Sit back [3]. Rest [1, 9]. Go on [1-2].", &["[3]", "[1, 9]"]);
    }

    #[test]
    fn quotations_must_occur_but_for_spaces_and_case() {
        check("“sit back to a box that you reach” [2]", &[]);
        check(
            "“sit back to a high box that you reach” [2]",
            &["sit back to a high box that you reach"],
        );
        check("“Sit back to … good form” [2]", &[]);
        check("the “box squat” is fine", &[]);
    }

    #[test]
    fn names_with_digits_are_not_numbers() {
        check("The L5 vertebra and 3D pictures.", &[]);
    }
}
