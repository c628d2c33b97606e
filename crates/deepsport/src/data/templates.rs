//! How labels become questions. DeepSport's own templates are not public: all of them are ours.

use std::collections::BTreeSet;

use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use sha2::{Digest as _, Sha256};

use super::record::{Answer, Dimension, Record};

/// Options that a question has at most, the right one included.
const MAX_OPTIONS: usize = 4;

/// Asks which of `classes` a clip shows, among up to four in an order that depends on the record's id alone.
pub(super) fn which(
    record: Record,
    question: &str,
    right: &str,
    classes: &BTreeSet<String>,
) -> Record {
    let mut rng = rng(&record.id);
    let mut wrong: Vec<&String> = classes.iter().filter(|class| class.as_str() != right).collect();
    wrong.shuffle(&mut rng);
    let mut options: Vec<String> = wrong.into_iter().take(MAX_OPTIONS - 1).cloned().collect();
    let place = rng.random_range(0..=options.len());
    options.insert(place, right.to_owned());
    let letter = ('A'..='Z').nth(place).into_iter().collect();
    // A single class leaves nothing to choose from.
    let answer =
        if options.len() > 1 { Answer::Letters(letter) } else { Answer::Label(right.to_owned()) };
    let options = if options.len() > 1 { options } else { Vec::new() };
    Record { question: question.to_owned(), options, answer, ..record }
}

/// Asks for a number, right within `tolerance`.
pub(super) fn how_much(record: Record, question: &str, value: f64, tolerance: f64) -> Record {
    Record { question: question.to_owned(), answer: Answer::Number { value, tolerance }, ..record }
}

/// Asks for a free text.
pub(super) fn describe(
    record: Record,
    question: &str,
    dimension: Dimension,
    right: &str,
) -> Record {
    let answer = Answer::Text(right.to_owned());
    Record { question: question.to_owned(), dimension, answer, ..record }
}

fn rng(id: &str) -> Pcg64Mcg {
    let digest = Sha256::digest(id.as_bytes());
    let mut seed = [0; 16];
    seed.copy_from_slice(&digest[..16]);
    Pcg64Mcg::from_seed(seed)
}
