//! A toy clip: what is shown when, as frames, as a video, as files.

use std::ops::Range;
use std::path::Path;

use frame_tool::{Video, VideoOptions};
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

use super::files;
use super::scene::{Look, MAX_SHIFT, Moment, draw};
use super::sport::{Outcome, Sport};
use crate::{Error, Result};

/// A made-up clip with one decisive event. Frames are drawn when they are asked for, each in the same way every time.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    pub(super) sport: Sport,
    pub(super) outcome: Outcome,
    pub(super) num_frames: usize,
    pub(super) event: Range<usize>,
    pub(super) size: u32,
    pub(super) fps: u32,
    pub(super) noise: u8,
    pub(super) look: Look,
    pub(super) noise_seed: u64,
}

impl Look {
    /// Draws a look at random; it knows nothing of the outcome.
    pub(super) fn random(rng: &mut impl Rng) -> Self {
        Self {
            shift: [
                rng.random_range(-MAX_SHIFT..MAX_SHIFT),
                rng.random_range(-MAX_SHIFT..MAX_SHIFT),
            ],
            brightness: rng.random_range(-15..=15),
            swing: [rng.random_range(0.15..0.45), rng.random_range(0.0..std::f32::consts::TAU)],
            score: rng.random_range(0..=super::question::MAX_SCORE),
        }
    }
}

impl Clip {
    /// What is played.
    #[must_use]
    pub fn sport(&self) -> Sport {
        self.sport
    }

    /// What the decisive event shows.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Points on the board before the event, in sports that have one.
    #[must_use]
    pub fn score(&self) -> Option<u8> {
        (self.sport == Sport::Basketball).then_some(self.look.score)
    }

    /// Frames of the clip.
    #[must_use]
    pub fn num_frames(&self) -> usize {
        self.num_frames
    }

    /// Frames that show the decisive event, half-open. Every one of them alone tells the outcome; no other does.
    #[must_use]
    pub fn event(&self) -> Range<usize> {
        self.event.clone()
    }

    /// Pixels across and down.
    #[must_use]
    pub fn frame_size(&self) -> u32 {
        self.size
    }

    /// Frames a second.
    #[must_use]
    pub fn fps(&self) -> u32 {
        self.fps
    }

    /// Whether play is over at a frame, as the strip at the bottom shows.
    #[must_use]
    pub fn is_over_at(&self, frame_idx: usize) -> bool {
        frame_idx >= self.event.end
    }

    /// The same clip, but with another outcome: they differ in the frames of the event and nowhere else.
    #[must_use]
    pub fn twin(&self, outcome: Outcome) -> Self {
        Self { outcome, ..self.clone() }
    }

    /// Draws one frame.
    ///
    /// # Shapes
    ///
    /// - output: `[frame_size, frame_size, 3]`, RGB8 rows
    #[must_use]
    pub fn rgb(&self, frame_idx: usize) -> Vec<u8> {
        let moment = if frame_idx < self.event.start {
            Moment::Before
        } else if self.event.contains(&frame_idx) {
            Moment::Event(self.outcome)
        } else {
            Moment::After
        };
        let mut rgb = draw(self.size, self.sport, moment, &self.look, frame_idx);
        if self.noise > 0 {
            let seed = self.noise_seed ^ (frame_idx as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mut rng = Pcg64Mcg::seed_from_u64(seed);
            let span = u64::from(self.noise) * 2 + 1;
            let mut bits = 0_u64;
            for (i, level) in rgb.iter_mut().enumerate() {
                // Eight levels from each draw: noise costs more than the picture otherwise.
                bits = if i % 8 == 0 { rng.next_u64() } else { bits >> 8 };
                let noise = (((bits & 0xff) * span) >> 8) as i16 - i16::from(self.noise);
                *level = (i16::from(*level) + noise).clamp(0, 255) as u8;
            }
        }
        rgb
    }

    /// The clip as the frame tool sees it; frames are drawn when they are asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Video`]; does not happen with clips of a [`World`](super::World).
    pub fn video(&self) -> Result<Video> {
        let options = VideoOptions::new().with_fit(None);
        let (size, fps, clip) = (self.size, f64::from(self.fps), self.clone());
        let draw = move |frame_idx| clip.rgb(frame_idx);
        Ok(Video::from_fn(size, size, self.num_frames, fps, draw, &options)?)
    }

    /// Writes an animated PNG, which loses nothing: read again, the frames are bit-equal.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn write_png(&self, path: &Path) -> Result<()> {
        let bytes = files::animated_png(self)
            .map_err(|reason| Error::Write { path: path.to_owned(), source: reason })?;
        crate::files::write_atomically(path, &bytes)
    }

    /// Writes raw video, YUV4MPEG2 with 4:4:4 planes of 8 bits: read again, levels differ by the rounding of the colour
    /// space alone, 3 at most.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn write_y4m(&self, path: &Path) -> Result<()> {
        crate::files::write_atomically(path, &files::y4m(self))
    }
}
