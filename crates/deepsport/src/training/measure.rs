//! How well a policy answers.

use grpo::Outcome;
use serde::{Deserialize, Serialize};

use crate::local::{EVENT_RECALL, EVENT_SEEN, EVENT_T_IOU};

/// What came of a group of questions: means over them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Questions.
    pub num_questions: usize,
    /// Share that was answered rightly.
    pub accuracy: f64,
    /// Calls of the tool for a question.
    pub calls: f64,
    /// Share of rollouts whose form was wrong.
    pub invalid_format: f64,
    /// Frames that were shown for a question.
    pub frames: f64,
    /// Share of the event inside the windows that were asked for.
    pub window_recall: f64,
    /// Overlap of the last window with the event, intersection over union.
    pub t_iou: f64,
    /// Share of questions of whose event a frame was shown.
    pub event_seen: f64,
}

impl Figures {
    fn of<'a>(outcomes: impl Iterator<Item = &'a Outcome> + Clone) -> Self {
        let num_questions = outcomes.clone().count();
        let mean = |value: &dyn Fn(&Outcome) -> f64| {
            outcomes.clone().map(value).sum::<f64>() / num_questions.max(1) as f64
        };
        let fact = |name: &'static str| {
            mean(&|outcome| outcome.facts.get(name).copied().unwrap_or_default())
        };
        Self {
            num_questions,
            accuracy: mean(&|outcome| outcome.accuracy),
            calls: mean(&|outcome| outcome.num_tool_calls as f64),
            invalid_format: mean(&|outcome| f64::from(u8::from(!outcome.format_valid))),
            frames: mean(&|outcome| outcome.num_frames as f64),
            window_recall: fact(EVENT_RECALL),
            t_iou: fact(EVENT_T_IOU),
            event_seen: fact(EVENT_SEEN),
        }
    }
}

/// Figures by difficulty.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Measured {
    /// All questions.
    pub all: Figures,
    /// The first look shows the event.
    pub easy: Figures,
    /// It does not.
    pub hard: Figures,
}

impl Measured {
    /// Sums up outcomes. Those of unknown difficulty count among all alone.
    #[must_use]
    pub fn of(outcomes: &[Outcome]) -> Self {
        let fails = |wanted| {
            outcomes.iter().filter(move |outcome| outcome.base_model_fails == Some(wanted))
        };
        Self {
            all: Figures::of(outcomes.iter()),
            easy: Figures::of(fails(false)),
            hard: Figures::of(fails(true)),
        }
    }
}
