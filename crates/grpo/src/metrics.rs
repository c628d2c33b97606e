//! What a training run tells the world.

mod jsonl;
mod memory;
mod tensorboard;
mod trajectories;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

pub use jsonl::JsonlLog;
pub use memory::peak_memory_bytes;
pub use tensorboard::TensorBoardLog;
pub use trajectories::{RolloutRecord, TrajectoryLog};

use crate::Result;

/// Named numbers of one step, in the order of their names. All are finite.
pub type Metrics = BTreeMap<String, f64>;

/// What happened in a run, for progress bars and logs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Rollouts of the present step that are over.
    Rollouts {
        /// So far.
        done: usize,
        /// Of how many.
        of: usize,
    },
    /// Optimiser updates of the present step.
    Updates {
        /// So far.
        done: usize,
        /// Of how many.
        of: usize,
    },
    /// A step is over.
    Step {
        /// Steps so far.
        step: u64,
        /// Of how many.
        of: u64,
        /// Its numbers.
        metrics: &'a Metrics,
        /// Its rollouts; none in supervised training.
        rollouts: &'a [RolloutRecord],
    },
    /// A checkpoint was written.
    Saved(&'a Path),
}

/// Hears of events. Closures do: `&mut |event: &Event<'_>| Ok(())`.
pub trait Observer {
    /// # Errors
    ///
    /// Whatever stops it; it stops the run.
    fn event(&mut self, event: &Event<'_>) -> Result<()>;
}

impl<F: FnMut(&Event<'_>) -> Result<()>> Observer for F {
    fn event(&mut self, event: &Event<'_>) -> Result<()> {
        self(event)
    }
}

/// Observers one after the other.
impl Observer for Vec<Box<dyn Observer>> {
    fn event(&mut self, event: &Event<'_>) -> Result<()> {
        self.iter_mut().try_for_each(|observer| observer.event(event))
    }
}

/// How long the parts of a step took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phases(BTreeMap<&'static str, Duration>);

impl Phases {
    pub(crate) fn time<T>(&mut self, phase: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        *self.0.entry(phase).or_default() += start.elapsed();
        result
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (phase, time) in other.0 {
            *self.0.entry(phase).or_default() += time;
        }
    }

    pub(crate) fn seconds(&self, phase: &str) -> f64 {
        self.0.get(phase).map_or(0.0, Duration::as_secs_f64)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.0.iter().map(|(phase, time)| (*phase, time.as_secs_f64()))
    }
}
