//! FineDiving: dives with number, sub-actions, judges' scores and the frames where sub-actions change.
//!
//! Its annotation comes as Python pickles, which can run code when they are read; so it is read as JSON, a list of
//! `{"video", "clip", "action_type", "difficulty", "dive_score", "judge_scores", "sub_actions", "transit_frames",
//! "start_frame", "end_frame"}`, which `json.dump` writes from the two dictionaries in a few lines.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::data::record::{Answer, Dimension, Media, Record};
use crate::data::rows::{Loaded, find, frame, number, optional_text, read_rows, text, texts};
use crate::data::templates;

/// Points that a predicted total may be off. The standard deviation of a judge's mark is about half a point, which times three
/// judges and a usual difficulty of 3 gives this; ours.
const SCORE_TOLERANCE: f64 = 5.0;

pub(super) fn load(path: &Path) -> Result<Loaded> {
    let rows = read_rows(path, "FineDiving", "")?;
    Ok(Loaded::from_rows(path, rows, |_, row| {
        let (video, clip) = (text(row, "video")?, text(row, "clip")?);
        let dive = Dive::parse(&text(row, "action_type")?)?;
        let (start, end) = (frame(row, "start_frame")?, frame(row, "end_frame")?);
        if start >= end {
            return Err(format!("`end_frame` is {end}, not after `start_frame` {start}"));
        }
        let record = |task: &str, dimension: Dimension| {
            let id = format!("finediving-{video}-{clip}-{task}");
            let mut record = Record::new("finediving", &id, &video, "");
            record.sport = "diving".to_owned();
            record.media = Media::Video(PathBuf::from(format!("{video}/{clip}")));
            record.num_frames = Some(end - start);
            record.task = Some(task.to_owned());
            record.dimension = dimension;
            record.licence = "by agreement with the authors".to_owned();
            record
        };
        let label = |record: Record, question: &str, right: &str, labels: &[&str]| Record {
            question: question.to_owned(),
            answer: Answer::Label(right.to_owned()),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            ..record
        };
        let mut records = vec![
            label(
                record("group", Dimension::Recognition),
                "From which group is the dive: forward, back, reverse, inward, twisting or armstand?",
                dive.group,
                &GROUPS,
            ),
            label(
                record("position", Dimension::Recognition),
                "In which position is the dive done: straight, pike, tuck or free?",
                dive.position,
                &POSITIONS,
            ),
            templates::how_much(
                record("somersaults", Dimension::Recognition),
                "How many somersaults does the diver turn? Count halves as 0.5.",
                f64::from(dive.half_somersaults) / 2.0,
                0.0,
            ),
        ];
        if find(row, "dive_score").is_some() {
            let score = number(row, "dive_score")?;
            let question = "Which total score did the judges give?";
            records.push(templates::how_much(
                record("score", Dimension::Coaching),
                question,
                score,
                SCORE_TOLERANCE,
            ));
        }
        let steps = texts(row, "sub_actions")?;
        if !steps.is_empty() {
            let question = "Describe the dive phase by phase, from take-off to entry.";
            let mut phases = templates::describe(
                record("phases", Dimension::Commentary),
                question,
                Dimension::Commentary,
                &steps.join(", then "),
            );
            phases.rationale = optional_text(row, "action_type")?;
            records.push(phases);
        }
        Ok(records)
    }))
}

const GROUPS: [&str; 6] = ["forward", "back", "reverse", "inward", "twisting", "armstand"];
const POSITIONS: [&str; 4] = ["straight", "pike", "tuck", "free"];

/// A dive's number taken apart (World Aquatics, Diving Rules: dive numbers).
struct Dive {
    group: &'static str,
    position: &'static str,
    half_somersaults: u32,
}

impl Dive {
    /// `107B` is forward, 3 1/2 somersaults, pike; `5253B` is twisting backwards, 2 1/2 somersaults and 1 1/2 twists.
    fn parse(code: &str) -> Result<Self, String> {
        let wrong = || format!("`action_type` is {code:?}, expected a dive number such as 107B");
        let (digits, letter) =
            code.split_at_checked(code.len().wrapping_sub(1)).ok_or_else(wrong)?;
        let digits: Vec<u32> =
            digits.chars().map(|c| c.to_digit(10)).collect::<Option<_>>().ok_or_else(wrong)?;
        let &[group, _, half_somersaults, ..] = digits.as_slice() else { return Err(wrong()) };
        let fits = match group {
            1..=4 => digits.len() == 3,
            5 | 6 => (3..=4).contains(&digits.len()),
            _ => false,
        };
        let position = match letter {
            "A" => "straight",
            "B" => "pike",
            "C" => "tuck",
            "D" => "free",
            _ => return Err(wrong()),
        };
        if !fits {
            return Err(wrong());
        }
        Ok(Self { group: GROUPS[group as usize - 1], position, half_somersaults })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dive_numbers_are_taken_apart() {
        for (code, group, position, halves) in [
            ("107B", "forward", "pike", 7),
            ("207C", "back", "tuck", 7),
            ("5253B", "twisting", "pike", 5),
            ("612B", "armstand", "pike", 2),
            ("6245D", "armstand", "free", 4),
            ("403A", "inward", "straight", 3),
        ] {
            let dive = Dive::parse(code).unwrap();
            assert_eq!(
                (dive.group, dive.position, dive.half_somersaults),
                (group, position, halves),
                "{code}"
            );
        }
        for code in ["", "B", "10B", "1075B", "907B", "107", "107E", "1x7B", "é"] {
            assert!(Dive::parse(code).is_err(), "{code}");
        }
    }
}
