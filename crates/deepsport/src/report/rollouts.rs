//! What a training run sampled, as a page: the rollouts of a group side by side, with what each was worth.

use askama::Template;
use grpo::Role;
use grpo::metrics::RolloutRecord;

use crate::{Error, Result};

/// Rollouts that are told; of more, the last ones.
const MAX_TOLD: usize = 400;

#[derive(Template)]
#[template(path = "rollouts.html")]
struct Page<'a> {
    style: &'static str,
    title: &'a str,
    groups: Vec<Group<'a>>,
    num_rollouts: usize,
    num_left_out: usize,
}

struct Group<'a> {
    step: u64,
    task: &'a str,
    mean_reward: f64,
    /// What all of them were asked, if the environment tells it.
    prompt: Option<String>,
    rollouts: Vec<Told<'a>>,
}

struct Told<'a> {
    record: &'a RolloutRecord,
    /// The rewards by name.
    terms: String,
    num_written: usize,
    /// With weights of earlier steps than the one before.
    is_stale: bool,
    parts: Vec<Part>,
}

struct Part {
    role: &'static str,
    text: String,
}

/// Reads the log that [`TrajectoryLog`](grpo::metrics::TrajectoryLog) writes, a JSON line for each rollout.
///
/// # Errors
///
/// [`Error::Json`] names the line and column of the first that is not a rollout.
pub fn rollout_log(lines: &str) -> Result<Vec<RolloutRecord>> {
    let records = serde_json::Deserializer::from_str(lines).into_iter();
    let records: Result<_, _> = records.collect();
    records.map_err(|source| Error::Json { what: "log of rollouts", source })
}

/// The page of a log of rollouts, with the words of the environment's
/// [`transcript`](grpo::Environment::transcript) where there are some.
///
/// # Errors
///
/// [`Error::Page`](crate::Error::Page); does not happen with values of this crate.
pub fn rollouts_page(title: &str, log: &[RolloutRecord]) -> Result<String> {
    let num_left_out = log.len().saturating_sub(MAX_TOLD);
    let group_of = |record: &RolloutRecord| (record.step, record.prompt_idx);
    let groups = log[num_left_out..].chunk_by(|a, b| group_of(a) == group_of(b)).map(Group::of);
    let page = Page {
        style: super::STYLE,
        title,
        groups: groups.collect(),
        num_rollouts: log.len() - num_left_out,
        num_left_out,
    };
    Ok(page.render()?)
}

impl<'a> Group<'a> {
    fn of(records: &'a [RolloutRecord]) -> Self {
        let rewards: f64 = records.iter().map(|record| record.reward).sum();
        let asked = records[0].parts.iter().position(|(role, ..)| *role == Role::Prompt);
        let prompt = asked.and_then(|place| records[0].transcript[place]["text"].as_str());
        Self {
            prompt: prompt.map(told),
            step: records[0].step,
            task: &records[0].task,
            mean_reward: rewards / records.len() as f64,
            rollouts: records.iter().map(Told::of).collect(),
        }
    }
}

impl<'a> Told<'a> {
    fn of(record: &'a RolloutRecord) -> Self {
        let terms = record.rewards.iter().map(|(name, value)| format!("{name} {value:.3}"));
        let written = record.parts.iter().filter(|(role, ..)| *role == Role::Policy);
        let said = record.transcript.as_array().map_or(&[][..], Vec::as_slice);
        let parts = said.iter().zip(&record.parts).filter_map(|(said, (role, ..))| {
            let role = match role {
                Role::Prompt => return None, // the group's
                Role::Policy => "the policy",
                Role::Environment => "the tool",
            };
            Some(Part { role, text: told(said["text"].as_str().unwrap_or_default()) })
        });
        Self {
            record,
            terms: terms.collect::<Vec<_>>().join(", "),
            is_stale: record.sampled_at_step + 1 < record.step,
            num_written: written.map(|(_, start, end)| end - start).sum(),
            parts: parts.collect(),
        }
    }
}

/// A text with a sign for each picture or clip, of whose placeholders there can be thousands.
fn told(text: &str) -> String {
    let mut text = text.to_owned();
    for pad in ["<|image_pad|>", "<|video_pad|>"] {
        let twice = pad.repeat(2);
        while text.contains(&twice) {
            text = text.replace(&twice, pad);
        }
        text = text.replace(&format!("<|vision_start|>{pad}<|vision_end|>"), " \u{25a3}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_one_sign() {
        let pads = "<|image_pad|>".repeat(299);
        let text = format!(
            "a<|vision_start|>{pads}<|vision_end|> 3<|vision_start|><|video_pad|><|vision_end|>"
        );
        assert_eq!(told(&text), "a \u{25a3} 3 \u{25a3}");
    }
}
