//! How small an event a model finds in how long a clip.

use std::io::Write as _;

use anyhow::bail;
use burn::module::Module as _;
use deepsport::agent::Mode;
use deepsport::training::{Measured, Questions, Recipe, Run};
use deepsport::world::WorldConfig;
use serde::{Deserialize, Serialize};

use crate::args::Stress;
use crate::plots;
use crate::run::write_json;

/// What came of clips of one length with events of one length, hard ones alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// Frames of the clips.
    pub(crate) num_frames: usize,
    /// Frames of the events.
    pub(crate) event_frames: usize,
    /// Questions.
    pub(crate) num_questions: usize,
    /// Share of the event inside the windows that were asked for.
    pub(crate) window_recall: f64,
    /// Overlap of the last window with the event.
    pub(crate) t_iou: f64,
    /// Share of questions of whose event a frame was shown.
    pub(crate) event_seen: f64,
    /// Share answered rightly.
    pub(crate) accuracy: f64,
    /// Calls for a question.
    pub(crate) calls: f64,
}

/// The longest event that the widest gap of the first look hides; a question about a longer one is not hard.
fn longest_hidden(num_frames: usize, world: &WorldConfig) -> usize {
    num_frames.saturating_sub(1).div_ceil(world.initial_frames - 1).saturating_sub(1)
}

/// Refuses what would leave an empty row, and numbers that the model has no words for.
fn check(args: &Stress, world: &WorldConfig) -> anyhow::Result<()> {
    let Some(shortest) = args.durations.iter().copied().min().filter(|shortest| *shortest > 0)
    else {
        bail!("--durations: events last 1 frame at least");
    };
    if args.questions == 0 {
        bail!("--questions: 1 at least");
    }
    // More than twice the first look, as the world wants it.
    let first = 2 * world.initial_frames + 1;
    let smallest = (first..).find(|length| longest_hidden(*length, world) >= shortest);
    let smallest = smallest.unwrap_or(usize::MAX);
    let largest = world.num_frames[1];
    for &length in &args.lengths {
        if length < smallest {
            bail!(
                "--lengths {length}: to hide an event of {shortest} a clip needs {smallest} frames at least"
            );
        }
        if length > largest {
            bail!(
                "--lengths {length}: the recipe's clips have {largest} frames at most, and its models no words for more"
            );
        }
    }
    Ok(())
}

pub(crate) fn stress(args: &Stress) -> anyhow::Result<()> {
    let mut recipe = Recipe::read(&args.recipe)?.started_from(args.model.clone());
    recipe.model.lora = None;
    recipe.evaluation.num_items = args.questions;
    let Questions::Toy(world) = recipe.questions.clone() else {
        bail!("only the toy world knows when its events happen");
    };
    check(args, &world)?;
    let policy = Run::new(&recipe, 0).first_policy()?.valid();
    let mut stdout = std::io::stdout();
    let mut cells = Vec::new();
    for &num_frames in &args.lengths {
        for &event_frames in &args.durations {
            if event_frames > longest_hidden(num_frames, &world) {
                writeln!(stdout, "{num_frames} frames hide no event of {event_frames}: left out")?;
                continue;
            }
            let mut world = world.clone();
            (world.num_frames, world.event_frames) = ([num_frames; 2], [event_frames; 2]);
            world.lengths.clear();
            world.hard_share = 1.0;
            recipe.questions = Questions::Toy(world);
            let run = Run::new(&recipe, 0);
            let outcomes = run.measure(&policy, &run.held_out()?, Mode::Tool)?;
            let figures = Measured::of(&outcomes).hard;
            let cell = Cell {
                num_frames,
                event_frames,
                num_questions: figures.num_questions,
                window_recall: figures.window_recall,
                t_iou: figures.t_iou,
                event_seen: figures.event_seen,
                accuracy: figures.accuracy,
                calls: figures.calls,
            };
            writeln!(
                stdout,
                "{num_frames:>5} frames, event of {event_frames:>2}: recall {:.3}  tIoU {:.3}  seen {:.3}  accuracy {:.3}  calls {:.2}",
                cell.window_recall, cell.t_iou, cell.event_seen, cell.accuracy, cell.calls
            )?;
            cells.push(cell);
        }
    }
    write_json(&args.out.join("stress.json"), &cells)?;
    plots::stress(&args.out, &cells)
}
