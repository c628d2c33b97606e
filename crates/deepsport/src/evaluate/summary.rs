//! A run in figures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::graded::{ErrorClass, Graded, Method};
use super::statistics::{Estimate, clustered_share};
use crate::agent::Mode;

/// The figures of one mode of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Summary {
    /// How questions could be answered.
    pub mode: Mode,
    /// Over all questions: the micro average.
    pub overall: Group,
    /// Mean of the four dimensions' accuracies, those without questions left out: a macro average.
    pub macro_dimensions: f64,
    /// Mean of the sports' accuracies: the other macro average.
    pub macro_sports: f64,
    /// By dimension, by name.
    pub dimensions: BTreeMap<String, Group>,
    /// By sport.
    pub sports: BTreeMap<String, Group>,
    /// By difficulty, where it is known.
    pub difficulties: BTreeMap<String, Group>,
    /// Who scored how many questions.
    pub methods: BTreeMap<Method, usize>,
    /// Wrong answers of each class, where evidence is known.
    pub errors: BTreeMap<ErrorClass, usize>,
}

/// The figures of some questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Group {
    /// Mean score.
    pub accuracy: Estimate,
    /// Frames shown, on average (DeepSport reports 14.39 and 9.81).
    pub mean_frames: f64,
    /// Calls that were answered, on average.
    pub mean_calls: f64,
    /// Tokens written, on average.
    pub mean_tokens: f64,
    /// Share of runs in which a turn could not be read, a call was refused, or no answer came.
    pub invalid_format_rate: f64,
    /// Share of the event inside the windows, over the questions with evidence.
    pub window_recall: Option<f64>,
    /// Overlap of the last window with the event, likewise.
    pub t_iou: Option<f64>,
    /// Share of questions whose event was seen, likewise.
    pub seen: Option<f64>,
}

impl Summary {
    /// Summarises a run mode by mode, in the order direct, think, tool.
    #[must_use]
    pub fn of(run: &[Graded]) -> Vec<Self> {
        Mode::ALL.into_iter().filter_map(|mode| Self::of_mode(run, mode)).collect()
    }

    fn of_mode(run: &[Graded], mode: Mode) -> Option<Self> {
        let run: Vec<&Graded> = run.iter().filter(|graded| graded.mode == mode).collect();
        let dimensions = groups(&run, |graded| Some(graded.dimension.name().to_owned()));
        let sports = groups(&run, |graded| Some(graded.sport.clone()));
        let mut methods = BTreeMap::new();
        let mut errors = BTreeMap::new();
        for graded in &run {
            *methods.entry(graded.method).or_insert(0) += 1;
            if let Some(class) = graded.error_class {
                *errors.entry(class).or_insert(0) += 1;
            }
        }
        Some(Self {
            mode,
            overall: Group::of(&run)?,
            macro_dimensions: mean_accuracy(&dimensions),
            macro_sports: mean_accuracy(&sports),
            dimensions,
            sports,
            difficulties: groups(&run, |graded| {
                graded.difficulty.map(|level| level.name().to_owned())
            }),
            methods,
            errors,
        })
    }
}

fn groups(run: &[&Graded], key: impl Fn(&Graded) -> Option<String>) -> BTreeMap<String, Group> {
    let mut members: BTreeMap<String, Vec<&Graded>> = BTreeMap::new();
    for &graded in run {
        if let Some(key) = key(graded) {
            members.entry(key).or_default().push(graded);
        }
    }
    members.into_iter().filter_map(|(key, run)| Some((key, Group::of(&run)?))).collect()
}

fn mean_accuracy(groups: &BTreeMap<String, Group>) -> f64 {
    groups.values().map(|group| group.accuracy.mean).sum::<f64>() / groups.len() as f64
}

impl Group {
    fn of(run: &[&Graded]) -> Option<Self> {
        let accuracy =
            clustered_share(run.iter().map(|graded| (graded.video_id.as_str(), graded.score)))?;
        let mean = |of: &dyn Fn(&Graded) -> f64| {
            run.iter().map(|graded| of(graded)).sum::<f64>() / run.len() as f64
        };
        let grounded: Vec<_> = run.iter().filter_map(|graded| graded.grounding).collect();
        let mean_grounded = |of: &dyn Fn(&super::Grounding) -> f64| {
            (!grounded.is_empty())
                .then(|| grounded.iter().map(of).sum::<f64>() / grounded.len() as f64)
        };
        Some(Self {
            accuracy,
            mean_frames: mean(&|graded| graded.trajectory.num_frames() as f64),
            mean_calls: mean(&|graded| graded.trajectory.num_calls() as f64),
            mean_tokens: mean(&|graded| graded.trajectory.num_tokens() as f64),
            invalid_format_rate: mean(&|graded| {
                f64::from(u8::from(!graded.trajectory.is_well_formed()))
            }),
            window_recall: mean_grounded(&|grounding| grounding.recall),
            t_iou: mean_grounded(&|grounding| grounding.t_iou),
            seen: mean_grounded(&|grounding| f64::from(u8::from(grounding.is_seen))),
        })
    }
}
