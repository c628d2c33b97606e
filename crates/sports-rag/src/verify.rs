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
///   cites none. `1,000` equals `1000`, `2.50` equals `2.5`, `５` equals `5`; a unit or sign does not matter, nor do
///   digits in names (`L5`, `VO2`, `3D`).
/// - A dose, `3 x 8` or `3 sets x 8`, must occur with its numbers in this order.
/// - A citation must name a reference.
/// - Three or more words in quotation marks must occur in a fact or a passage (one that its sentence cites, if it
///   cites any), but for spaces, case and marks of quotation. A quotation that is never closed ends with its line.
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
    let known: HashSet<String> = facts.iter().flat_map(|fact| keys(fact)).collect();
    let by_reference: Vec<(usize, HashSet<String>)> = references
        .iter()
        .map(|reference| (reference.number, keys(&reference.quote).collect()))
        .collect();
    let sentences = sentences(text);
    let mut claims = Vec::new();
    for sentence in &sentences {
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
        let supported = |key: &String| {
            let in_passages = if cited.is_empty() {
                by_reference.iter().any(|(_, numbers)| numbers.contains(key))
            } else {
                cited.iter().any(|numbers| numbers.contains(key))
            };
            known.contains(key) || in_passages
        };
        let place = if cited.is_empty() { "any passage" } else { "the passages cited here" };
        let sentence_text = &text[sentence.clone()];
        let mut wrong: Vec<Range<usize>> = numbers(sentence_text)
            .into_iter()
            .filter(|range| !supported(&number_key(&sentence_text[range.clone()])))
            .collect();
        for (range, key) in doses(sentence_text) {
            // A dose with a wrong number is that number's claim already.
            if !supported(&key) && !wrong.iter().any(|number| overlap(number, &range)) {
                wrong.push(range);
            }
        }
        for range in wrong {
            let range = sentence.start + range.start..sentence.start + range.end;
            if !citations.iter().any(|citation| overlap(&citation.byte_range, &range)) {
                let reason = format!("not in the facts nor in {place}");
                claims.push(claim(ClaimKind::Number, text, range, reason));
            }
        }
    }
    let passages: Vec<(usize, String)> =
        references.iter().map(|reference| (reference.number, plain(&reference.quote))).collect();
    let facts: Vec<String> = facts.iter().map(|fact| plain(fact)).collect();
    for range in quotations(text) {
        let around = sentences.iter().filter(|sentence| overlap(sentence, &range)).cloned();
        let cited: Vec<usize> =
            around.flat_map(|s| citations(text, s)).flat_map(|c| c.numbers).collect();
        let sources: Vec<&String> = passages
            .iter()
            .filter(|(number, _)| cited.is_empty() || cited.contains(number))
            .map(|(_, passage)| passage)
            .chain(&facts)
            .collect();
        let quoted = plain(&text[range.clone()]);
        // A cut-off quotation is checked piece by piece.
        let mut pieces = quoted.split(['…']).flat_map(|piece| piece.split("...")).map(str::trim);
        let long =
            quoted.split_whitespace().count() >= MIN_QUOTED_WORDS || quoted.chars().count() >= 12;
        if long && !pieces.all(|piece| sources.iter().any(|source| source.contains(piece))) {
            let place = if cited.is_empty() { "any passage" } else { "the passages cited here" };
            claims.push(claim(
                ClaimKind::Quote,
                text,
                range,
                format!("not in the facts nor in {place}"),
            ));
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

/// Code points of the digit zero whose nine followers are the other digits: ASCII, Arabic, Persian, Devanagari,
/// Bengali, Thai, full width.
const ZEROS: [u32; 7] = [0x30, 0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0xFF10];

/// The value of a decimal digit in any of the scripts of [`ZEROS`].
fn digit(c: char) -> Option<u32> {
    ZEROS.iter().find_map(|zero| (c as u32).checked_sub(*zero).filter(|value| *value < 10))
}

/// Whether a character is a number by itself: `½`, `⅔`.
fn is_fraction(c: char) -> bool {
    matches!(c as u32, 0xBC..=0xBE | 0x2150..=0x215E)
}

/// Digits with inner points and commas and an exponent, not in names.
fn numbers(text: &str) -> Vec<Range<usize>> {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let char_at = |idx: usize| chars.get(idx).map_or('\0', |(_, c)| *c);
    let is_digit = |idx: usize| digit(char_at(idx)).is_some();
    let byte_at = |idx: usize| chars.get(idx).map_or(text.len(), |(at, _)| *at);
    let mut ranges = Vec::new();
    let mut idx = 0;
    while idx < chars.len() {
        if is_fraction(char_at(idx)) {
            ranges.push(byte_at(idx)..byte_at(idx + 1));
        }
        if !is_digit(idx) {
            idx += 1;
            continue;
        }
        let start = idx;
        while is_digit(idx) || (matches!(char_at(idx), '.' | ',' | '٫') && is_digit(idx + 1)) {
            idx += 1;
        }
        let signed = usize::from(matches!(char_at(idx + 1), '+' | '-'));
        if matches!(char_at(idx), 'e' | 'E') && is_digit(idx + 1 + signed) {
            idx += 1 + signed;
            while is_digit(idx) {
                idx += 1;
            }
        }
        // `L5`, `VO2` and `3D` are names; `week12`, `3x8` and `10cm` hold a number.
        let before = chars[..start].iter().rev().map(|(_, c)| *c);
        let letters: Vec<char> = before.take_while(|c| c.is_alphabetic()).take(3).collect();
        let named =
            (1..=2).contains(&letters.len()) && letters.iter().all(char::is_ascii_uppercase);
        let dimension = char_at(idx) == 'D' && !char_at(idx + 1).is_alphanumeric();
        if !named && !dimension {
            ranges.push(byte_at(start)..byte_at(idx));
        }
    }
    ranges
}

/// Places and keys of doses: two numbers with `x` or `×` between them, the first perhaps followed by `sets`.
fn doses(text: &str) -> Vec<(Range<usize>, String)> {
    let numbers = numbers(text);
    let pairs = numbers.iter().zip(numbers.iter().skip(1));
    let dose = |(sets, repetitions): (&Range<usize>, &Range<usize>)| {
        let between = text[sets.end..repetitions.start].trim();
        let between =
            between.strip_prefix("sets").or(between.strip_prefix("set")).unwrap_or(between);
        let [first, second] = [sets, repetitions].map(|range| number_key(&text[range.clone()]));
        matches!(between.trim(), "x" | "X" | "×")
            .then(|| (sets.start..repetitions.end, format!("{first}x{second}")))
    };
    pairs.filter_map(dose).collect()
}

/// What a text bears out: its numbers and its doses.
fn keys(text: &str) -> impl Iterator<Item = String> {
    let numbers = numbers(text).into_iter().map(|range| number_key(&text[range]));
    numbers.chain(doses(text).into_iter().map(|(_, key)| key))
}

/// One spelling per value: ASCII digits, no thousands commas, no zeros at either end.
fn number_key(number: &str) -> String {
    let plain = |c: char| digit(c).and_then(|value| char::from_digit(value, 10)).unwrap_or(c);
    let number: String = number.chars().map(plain).collect::<String>().replace('٫', ".");
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

/// Insides of “…”, „…“, ‘…’, "…", «…», 「…」 and 『…』; all but "…" end with the line at the latest.
fn quotations(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut open: Option<(usize, &[char])> = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map_or(' ', |(_, next)| *next);
        match open {
            Some((start, close)) => {
                let apostrophe = c == '’' && next.is_alphabetic();
                if (close.contains(&c) && !apostrophe) || (c == '\n' && close != ['"']) {
                    ranges.push(start..at);
                    open = None;
                }
            }
            None => {
                let close: &[char] = match c {
                    '“' => &['”'],
                    '„' => &['“', '”'],
                    '‘' => &['’'],
                    '"' => &['"'],
                    '«' => &['»'],
                    '「' => &['」'],
                    '『' => &['』'],
                    _ => continue,
                };
                open = Some((at + c.len_utf8(), close));
            }
        }
    }
    if let Some((start, close)) = open
        && close != ['"']
    {
        ranges.push(start..text.len());
    }
    ranges
}

/// Lower case, single spaces, no list marks: what two spellings of one passage share.
fn plain(text: &str) -> String {
    let lines =
        text.lines().map(|line| line.trim().trim_start_matches("- ").trim_start_matches("* "));
    let words: Vec<String> = lines.flat_map(str::split_whitespace).map(str::to_lowercase).collect();
    words.join(" ").replace(['“', '”', '"', '„', '‘', '’'], "")
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
        check("The L5 vertebra, VO2 and 3D pictures.", &[]);
        check("In week19 rest 17s, 4d a week, RPE8.", &["19", "17", "4", "8"]);
    }

    #[test]
    fn a_dose_keeps_its_order() {
        check("Do 3 x 6, or 3 sets × 6 [1].", &[]);
        check("Do 6 x 3 [1].", &["6 x 3"]);
        check("Do 6 sets x 3.", &["6 sets x 3"]);
        check("Do 5 x 6 [1].", &["5"]);
    }

    #[test]
    fn other_writings_of_a_number_hide_nothing() {
        check("Rest ９０ s, not ٩١ or ९२ s [1].", &["٩١", "९२"]);
        check("Rest 3e1 s, then ½ min.", &["3e1", "½"]);
        check("Hold (98), ~12: =78/86; not(99),~13.", &["99", "13"]);
        check("3,5 sets; 3.0 is fine.", &["3,5"]);
    }

    #[test]
    fn no_mark_hides_a_quotation() {
        let made_up = "always lock the knee";
        for text in [
            format!("„{made_up}“"),
            format!("‘{made_up}’"),
            format!("\"{made_up}\""),
            format!("«{made_up}»"),
            format!("『{made_up}』"),
            format!("It says “{made_up}"),
        ] {
            check(&text, &[made_up]);
        }
        check("It says “always lock the knee\nand more.", &[made_up]);
        check("膝关节「always lock the knee」。", &[made_up]);
    }

    #[test]
    fn a_quotation_must_be_in_the_passage_it_cites() {
        check("“Sit back to a box” [2].", &[]);
        check("“Sit back to a box” [1].", &["Sit back to a box"]);
        check("“target 78-86, 12.0 deg above” [1].", &[]);
    }
}
