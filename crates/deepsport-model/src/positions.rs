//! Three-axis position ids of whole sequences.
//!
//! Positions depend on everything before a token, so they are made once for a whole trajectory and stored with it;
//! chunks, forks and continued turns slice what is stored.

use crate::config::ModelConfig;
use crate::{Error, Result};

/// Which released rule gives the position ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PositionRule {
    /// The rule of training: what follows a picture or clip continues after the largest position on any axis; the time of
    /// a clip's frame is `trunc(frame * seconds_per_grid * tokens_per_second)`.
    #[default]
    Trained,
    /// transformers 5.3 and later: what follows a picture or clip continues `max(rows, columns)` after its start, so
    /// that a long clip's time axis overlaps the text behind it.
    Transformers5,
}

/// Position ids of one sequence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Positions {
    /// Time, row and column of every token.
    pub ids: Vec<[u32; 3]>,
    /// Where text that follows continues, on all axes.
    pub next: u32,
}

impl Positions {
    /// Positions of a whole sequence; see [`extend`](Self::extend).
    ///
    /// # Errors
    ///
    /// Those of `extend`.
    pub fn new(
        input_ids: &[u32],
        media: &[([usize; 3], Option<f32>)],
        config: &ModelConfig,
        rule: PositionRule,
    ) -> Result<Self> {
        let mut positions = Self::default();
        positions.extend(input_ids, media, config, rule)?;
        Ok(positions)
    }

    /// Appends tokens, whose pictures and clips have `media` grids (`[time, height, width]` in patches) and, for clips,
    /// seconds per time step, in the order of their placeholders.
    ///
    /// # Errors
    ///
    /// [`Error::Placeholders`] if placeholder tokens and grids do not match in number, and [`Error::Pixels`] if a grid
    /// is empty, does not divide into cells, or a clip lacks its seconds. Nothing is appended then.
    pub fn extend(
        &mut self,
        input_ids: &[u32],
        media: &[([usize; 3], Option<f32>)],
        config: &ModelConfig,
        rule: PositionRule,
    ) -> Result<()> {
        let merge = config.vision.spatial_merge_size;
        for (index, ([frames, height, width], _)) in media.iter().enumerate() {
            if [*frames, *height, *width].contains(&0) || height % merge != 0 || width % merge != 0
            {
                let problem = format!(
                    "grid {frames} x {height} x {width} does not divide into cells of {merge} x {merge}"
                );
                return Err(Error::Pixels { index, problem });
            }
        }
        let is_placeholder = |id: u32| id == config.image_token_id || id == config.video_token_id;
        let features = media.iter().map(|([t, h, w], _)| t * h * w / (merge * merge)).sum();
        let placeholders = input_ids.iter().filter(|id| is_placeholder(**id)).count();
        if placeholders != features {
            return Err(Error::Placeholders { sequence: 0, placeholders, features });
        }
        let mut longer = self.clone();
        let mut media = media.iter().enumerate();
        let mut place = 0;
        while let Some(&id) = input_ids.get(place) {
            if !is_placeholder(id) {
                longer.extend_text(1);
                place += 1;
                continue;
            }
            let Some((index, &([frames, height, width], seconds))) = media.next() else {
                return Err(Error::Placeholders { sequence: 0, placeholders, features });
            };
            let step = match (id == config.video_token_id, seconds) {
                (false, _) => 0.0,
                (true, Some(seconds)) if seconds.is_finite() && seconds >= 0.0 => seconds,
                (true, found) => {
                    let problem =
                        format!("a clip needs its seconds per time step, found {found:?}");
                    return Err(Error::Pixels { index, problem });
                }
            };
            let (rows, cols) = (height / merge, width / merge);
            let cells = frames * rows * cols;
            let run = input_ids[place..].iter().take(cells).take_while(|next| **next == id).count();
            if run != cells {
                return Err(Error::Placeholders {
                    sequence: 0,
                    placeholders: run,
                    features: cells,
                });
            }
            longer.append([frames, rows, cols], step, config.vision.tokens_per_second, rule);
            place += cells;
        }
        *self = longer;
        Ok(())
    }

    /// A picture or clip of `rows` x `cols` cells.
    fn append(
        &mut self,
        [frames, rows, cols]: [usize; 3],
        seconds_per_step: f32,
        tokens_per_second: f64,
        rule: PositionRule,
    ) {
        let start = self.next;
        let mut largest = start;
        for frame in 0..frames {
            // multiplied in single precision and cut only then, as the training code does
            let time = start + (frame as f32 * seconds_per_step * tokens_per_second as f32) as u32;
            for (row, col) in
                (0..rows as u32).flat_map(|row| (0..cols as u32).map(move |col| (row, col)))
            {
                self.ids.push([time, start + row, start + col]);
                largest = largest.max(time).max(start + row).max(start + col);
            }
        }
        self.next = match rule {
            PositionRule::Trained => largest + 1,
            PositionRule::Transformers5 => start + rows.max(cols) as u32,
        };
    }

    /// Appends `count` tokens of text (or generated ones).
    pub fn extend_text(&mut self, count: usize) {
        for _ in 0..count {
            self.ids.push([self.next; 3]);
            self.next += 1;
        }
    }
}
