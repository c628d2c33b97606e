//! Scores closed answers by rules, without a judge.

use std::collections::BTreeSet;

use crate::data::{Answer, Record};

/// What rules make of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// It is right (1) or wrong (0).
    Score(f64),
    /// It names nothing that rules can compare: a judge may know better.
    Unread,
    /// The question is an open one.
    Open,
}

/// Compares an answer with the right one.
///
/// Upper case, punctuation and white space do not count. Several letters are right only all together. An answer that names
/// more than one option, label or number, where one is asked for, is not read: guessing both is not knowing.
#[must_use]
pub fn read_answer(record: &Record, answer: &str) -> Reading {
    let score = |is_right: bool| Reading::Score(f64::from(u8::from(is_right)));
    match &record.answer {
        Answer::Letters(right) => match letters(answer, &record.options) {
            Some(named) => score(named == *right),
            None => Reading::Unread,
        },
        Answer::Number { value, tolerance } => match number(answer) {
            Some(named) => score((named - value).abs() <= *tolerance),
            None => Reading::Unread,
        },
        Answer::Label(right) => match label(answer, right, &record.labels) {
            Some(named) => score(named == plain(right)),
            None => Reading::Unread,
        },
        Answer::Text(_) => Reading::Open,
    }
}

/// Words in lower case without punctuation at their ends.
fn plain(text: &str) -> String {
    let word = |word: &str| word.trim_matches(|c: char| c.is_ascii_punctuation()).to_lowercase();
    text.split_whitespace().map(word).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether the words of `part` stand in `text` side by side; both are plain.
fn holds(text: &str, part: &str) -> bool {
    !part.is_empty() && format!(" {text} ").contains(&format!(" {part} "))
}

/// Letters of the options that an answer names.
fn letters(answer: &str, options: &[String]) -> Option<BTreeSet<char>> {
    let known = |letter: char| ('A'..='Z').take(options.len()).any(|option| option == letter);
    // The whole answer is letters: "B", "(b).", "A and C", "A, C".
    let tokens: Vec<&str> = answer
        .split(|c: char| !c.is_alphanumeric())
        .filter(|token| !token.is_empty() && !token.eq_ignore_ascii_case("and"))
        .collect();
    let single = |token: &&str| {
        let mut chars = token.chars();
        let letter = chars.next()?.to_ascii_uppercase();
        (chars.next().is_none() && known(letter)).then_some(letter)
    };
    let all: Option<BTreeSet<char>> = tokens.iter().map(single).collect();
    if let Some(all) = all.filter(|all| !all.is_empty()) {
        return Some(all);
    }
    // It begins with a letter that is set apart: "B. Red", "(B) Red", "B: red".
    let trimmed = answer.trim().trim_start_matches(['(', '[', '*', '"']);
    let mut chars = trimmed.chars();
    if let (Some(first), Some(next)) = (chars.next(), chars.next())
        && known(first)
        && [')', '.', ':', ']', '*', '"'].contains(&next)
    {
        return Some(BTreeSet::from([first]));
    }
    // It says so: "The answer is B", "Option C is right".
    let mut said = BTreeSet::new();
    for pair in tokens.windows(2) {
        let leads = ["answer", "option", "is", "choose"]
            .iter()
            .any(|word| pair[0].eq_ignore_ascii_case(word));
        // "is a" is English, "is A" is an option.
        if leads
            && let Some(letter) = single(&pair[1]).filter(|_| pair[1] == pair[1].to_uppercase())
        {
            said.insert(letter);
        }
    }
    if said.len() == 1 {
        return Some(said);
    }
    // It repeats the words of one option, and of no other.
    let text = plain(answer);
    let exact = ('A'..='Z').zip(options).filter(|(_, option)| plain(option) == text);
    let exact: BTreeSet<char> = exact.map(|(letter, _)| letter).collect();
    if exact.len() == 1 {
        return Some(exact);
    }
    let named = ('A'..='Z').zip(options).filter(|(_, option)| holds(&text, &plain(option)));
    let named: BTreeSet<char> = named.map(|(letter, _)| letter).collect();
    (named.len() == 1).then_some(named)
}

const NUMBER_WORDS: [&str; 13] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
];

/// The one number that an answer names, in digits or as a word up to twelve.
fn number(answer: &str) -> Option<f64> {
    let mut named: Vec<f64> = Vec::new();
    let is_part = |c: char| c.is_alphanumeric() || c == '.' || c == '-' || c == ',';
    for token in answer.split(|c: char| !is_part(c)) {
        let token = token.trim_end_matches(['.', ',', '-']);
        // The unit may stand right behind: "25m", "3rd".
        let digits = token.trim_end_matches(|c: char| c.is_alphabetic());
        let value = match digits.replace(',', "").parse::<f64>() {
            Ok(value) => Some(value),
            Err(_) => {
                let word = token.to_lowercase();
                (0_u8..)
                    .zip(NUMBER_WORDS)
                    .find(|(_, known)| *known == word)
                    .map(|(i, _)| f64::from(i))
            }
        };
        if let Some(value) = value.filter(|value| value.is_finite() && !named.contains(value)) {
            named.push(value);
        }
    }
    (named.len() == 1).then(|| named[0])
}

/// The label that an answer names, plain.
fn label(answer: &str, right: &str, labels: &[String]) -> Option<String> {
    let text = plain(answer);
    if text.is_empty() {
        return None;
    }
    let mut known: BTreeSet<String> = labels.iter().map(|label| plain(label)).collect();
    known.insert(plain(right));
    if known.contains(&text) {
        return Some(text);
    }
    let named: Vec<String> = known.into_iter().filter(|label| holds(&text, label)).collect();
    // "not in" holds "in": a label inside a longer one that is named, too, does not count.
    let is_inside =
        |label: &String| named.iter().any(|other| other != label && holds(other, label));
    let mut named = named.iter().filter(|label| !is_inside(label));
    match (named.next(), named.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(num: usize, right: &str) -> Record {
        let mut record = Record::new("test", "1", "v", "Which?");
        let options = ["Red card", "Yellow card", "No card", "Penalty"];
        record.options = options[..num].iter().map(|option| (*option).to_owned()).collect();
        record.answer = Answer::Letters(right.chars().collect());
        record
    }

    fn named(answer: &str) -> Option<String> {
        letters(answer, &choice(4, "B").options).map(|letters| letters.into_iter().collect())
    }

    #[test]
    fn letters_are_found_as_people_write_them() {
        for (answer, expected) in [
            ("B", "B"),
            (" (b). ", "B"),
            ("B. Yellow card", "B"),
            ("**B** because of the tackle", "B"),
            ("The answer is C.", "C"),
            ("Option D is right", "D"),
            ("A and C", "AC"),
            ("A, c", "AC"),
            ("yellow card!", "B"),
            ("It was a yellow card, I think", "B"),
        ] {
            assert_eq!(named(answer).as_deref(), Some(expected), "{answer}");
        }
        for answer in ["", "A player fell", "is a foul", "red card or yellow card", "E", "?"] {
            assert_eq!(named(answer), None, "{answer}");
        }
    }

    #[test]
    fn sets_of_letters_are_right_only_as_a_whole() {
        let record = choice(4, "AC");
        assert_eq!(read_answer(&record, "C and A"), Reading::Score(1.0));
        assert_eq!(read_answer(&record, "A"), Reading::Score(0.0));
        assert_eq!(read_answer(&record, "A, B, C"), Reading::Score(0.0));
        assert_eq!(read_answer(&choice(2, "A"), "C"), Reading::Unread); // there is no C
    }

    #[test]
    fn numbers_are_found_in_digits_and_words() {
        for (answer, expected) in [
            ("3", Some(3.0)),
            ("three bounces", Some(3.0)),
            ("It is -2.5 degrees.", Some(-2.5)),
            ("1,250 m", Some(1250.0)),
            ("25m", Some(25.0)),
            ("3, yes 3", Some(3.0)),
            ("2 or 3", None),
            ("many", None),
            ("NaN", None),
            ("inf", None),
        ] {
            assert_eq!(number(answer), expected, "{answer}");
        }
    }

    #[test]
    fn labels_are_one_of_those_that_are_possible() {
        let labels: Vec<String> =
            ["in", "not in", "wide"].iter().map(|label| (*label).to_owned()).collect();
        for (answer, expected) in [
            ("In.", Some("in")),
            ("It was not in", Some("not in")),
            ("clearly wide", Some("wide")),
            ("in or wide", None),
            ("inside", None),
        ] {
            assert_eq!(label(answer, "in", &labels).as_deref(), expected, "{answer}");
        }
    }
}
