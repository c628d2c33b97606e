//! A toy world of sports clips, where everything about thinking with videos can be checked.
//!
//! Each item is a clip with one decisive event, and a question that only the event answers. In an *easy* item one of the
//! uniform first frames shows the event; in a *hard* one none does, and the answer can be had only by looking again. All
//! frames show whether play is over, so that the stretch to look at can be worked out: it lies between the last frame
//! before and the first frame after.
//!
//! ```
//! use deepsport::{Difficulty, world::{World, WorldConfig}};
//! let world = World::new(WorldConfig::default())?;
//! let item = world.item(7); // always the same clip and question
//! let first_look = [0, 14, 28, 42, 56, 70, 84, 99];
//! let is_seen = first_look.iter().any(|frame_idx| item.clip.event().contains(frame_idx));
//! assert_eq!(is_seen, item.difficulty == Difficulty::Easy);
//! assert_eq!(item.question.reward(&item.question.answer), 1.0);
//! # Ok::<(), deepsport::Error>(())
//! ```
//!
//! That hard items cannot be guessed is a matter of construction: the drawing of a frame gets to know the outcome only
//! during the event, and answers are drawn evenly. Two clips that differ in the outcome alone have the same first frames,
//! bit for bit, so the best reader of these is at [`Question::chance`].

mod sport; // what is played, and what can happen
mod question; // what is asked, and the rules that answer
mod scene; // how a moment looks
mod clip; // how a clip runs
mod config;
mod vocabulary; // the words of all that
mod files;
mod expert; // who knows what to do

pub use clip::Clip;
pub use config::WorldConfig;
pub use expert::Expert;
pub use question::Question;
pub use sport::{Outcome, Sport};

use std::ops::Range;

use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use sha2::{Digest as _, Sha256};

use crate::data::{Answer, Media, Record};
use crate::{Difficulty, Result};
use scene::Look;

/// Makes clips with questions, without end. Item `i` is the same whenever and wherever it is made.
///
/// Train on some indices and test on others: every index is a video of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    config: WorldConfig,
}

/// A clip and a question about it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Item {
    /// `toy-SEED-INDEX`.
    pub id: String,
    /// What can be seen.
    pub clip: Clip,
    /// What is asked.
    pub question: Question,
    /// Easy where the first look shows the event, hard where it does not.
    pub difficulty: Difficulty,
}

impl World {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`](crate::Error::InvalidSetting) names the one that cannot be kept.
    pub fn new(config: WorldConfig) -> Result<Self> {
        config.check()?;
        Ok(Self { config })
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &WorldConfig {
        &self.config
    }

    /// Makes item `index`.
    #[must_use]
    pub fn item(&self, index: u64) -> Item {
        let config = &self.config;
        let mut key = Sha256::new();
        key.update(config.seed.to_le_bytes());
        key.update(index.to_le_bytes());
        let mut rng = Pcg64Mcg::from_seed(first_half(&key.finalize()));

        let sport = config.sports[rng.random_range(0..config.sports.len())];
        let dimension = config.dimensions[rng.random_range(0..config.dimensions.len())];
        let look = Look::random(&mut rng);
        let num_frames = match config.lengths.as_slice() {
            [] => between(&mut rng, config.num_frames),
            lengths => lengths[rng.random_range(0..lengths.len())],
        };
        let event_len = between(&mut rng, config.event_frames);
        let is_hard = rng.random_bool(config.hard_share);
        let event = if is_hard {
            self.hidden_event(&mut rng, num_frames, event_len)
        } else {
            self.visible_event(&mut rng, num_frames, event_len)
        };

        // The answer comes first and evenly, so that no answer is likelier than another; then an outcome that gives it.
        let any = Question::new(sport, dimension, Outcome(0), look.score);
        let wanted = &any.options[rng.random_range(0..any.options.len())];
        let asked = |outcome| Question::new(sport, dimension, outcome, look.score);
        let fitting: Vec<Outcome> =
            sport.all_outcomes().filter(|&outcome| asked(outcome).answer == *wanted).collect();
        let outcome = fitting[rng.random_range(0..fitting.len())];

        let clip = Clip {
            sport,
            outcome,
            num_frames,
            event,
            size: config.frame_size,
            fps: config.fps,
            noise: config.noise,
            look,
            noise_seed: rng.next_u64(),
        };
        let difficulty = if is_hard { Difficulty::Hard } else { Difficulty::Easy };
        Item {
            id: format!("toy-{}-{index}", config.seed),
            clip,
            question: asked(outcome),
            difficulty,
        }
    }

    /// Makes the items of `indices`, one after the other.
    pub fn items(&self, indices: Range<u64>) -> impl Iterator<Item = Item> + '_ {
        indices.map(|index| self.item(index))
    }

    /// An event of `len` frames strictly between two frames of the first look.
    fn hidden_event(&self, rng: &mut impl Rng, num_frames: usize, len: usize) -> Range<usize> {
        let first_look = self.config.first_look(num_frames);
        let gaps: Vec<[usize; 2]> = first_look
            .array_windows()
            .filter(|[left, right]| right - left > len)
            .copied()
            .collect();
        let [left, right] = gaps[rng.random_range(0..gaps.len())];
        let start = rng.random_range(left + 1..=right - len);
        start..start + len
    }

    /// An event of `len` frames around a frame of the first look that is neither the first nor the last.
    fn visible_event(&self, rng: &mut impl Rng, num_frames: usize, len: usize) -> Range<usize> {
        let first_look = self.config.first_look(num_frames);
        let seen = first_look[rng.random_range(1..first_look.len() - 1)];
        let earliest = (seen + 1).saturating_sub(len).max(1);
        let start = rng.random_range(earliest..=seen.min(num_frames - 1 - len));
        start..start + len
    }
}

fn first_half(digest: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}

fn between(rng: &mut impl Rng, [min, max]: [usize; 2]) -> usize {
    rng.random_range(min..=max)
}

impl Item {
    /// The item as datasets keep it, with the clip at `media`.
    #[must_use]
    pub fn record(&self, media: Media) -> Record {
        let question = &self.question;
        let mut record = Record::new("toy", &self.id, &self.id, &question.text);
        record.sport = self.clip.sport().name().to_owned();
        record.media = media;
        record.fps = Some(f64::from(self.clip.fps()));
        record.num_frames = Some(self.clip.num_frames());
        record.answer = Answer::Label(question.answer.clone());
        record.labels = question.options.clone();
        record.evidence = vec![self.clip.event()];
        record.dimension = question.dimension;
        record.difficulty = Some(self.difficulty);
        record.licence = "MIT OR Apache-2.0".to_owned();
        record
    }
}
