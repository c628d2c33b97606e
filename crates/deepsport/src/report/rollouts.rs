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
    rollouts: Vec<Told<'a>>,
}

struct Told<'a> {
    record: &'a RolloutRecord,
    /// The rewards by name.
    terms: String,
    num_written: usize,
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
        Self {
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
        let parts = said.iter().zip(&record.parts).map(|(said, (role, ..))| Part {
            role: match role {
                Role::Prompt => "the task",
                Role::Policy => "the policy",
                Role::Environment => "the tool",
            },
            text: said["text"].as_str().unwrap_or_default().to_owned(),
        });
        Self {
            record,
            terms: terms.collect::<Vec<_>>().join(", "),
            num_written: written.map(|(_, start, end)| end - start).sum(),
            parts: parts.collect(),
        }
    }
}
