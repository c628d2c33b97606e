//! What the network reads: token ids, the pictures and clips between them, and the positions of all.

use std::sync::Arc;

use crate::config::ModelConfig;
use crate::positions::{PositionRule, Positions};
use crate::processor::Pixels;
use crate::{Error, Result};

/// One checked sequence.
///
/// Ids hold one placeholder for each merged cell of their pictures and clips. Positions are made when tokens are appended
/// and stored, because they depend on everything before.
#[derive(Debug, Clone)]
pub struct Sequence {
    input_ids: Vec<u32>,
    media: Vec<Arc<Pixels>>,
    positions: Positions,
    rule: PositionRule,
}

impl Sequence {
    /// A sequence of `input_ids` with `media` in the order of their placeholders.
    ///
    /// # Errors
    ///
    /// - [`Error::TokenId`] for an id outside the vocabulary
    /// - [`Error::Placeholders`] if placeholders and cells do not match in number
    /// - [`Error::Pixels`] if patches and grid contradict each other or the model, or a value is not finite
    /// - [`Error::ContextLength`] if it is longer than the model's context
    pub fn new(input_ids: &[u32], media: &[Arc<Pixels>], config: &ModelConfig) -> Result<Self> {
        Self::with_rule(input_ids, media, config, PositionRule::default())
    }

    /// The same with positions by another rule.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn with_rule(
        input_ids: &[u32],
        media: &[Arc<Pixels>],
        config: &ModelConfig,
        rule: PositionRule,
    ) -> Result<Self> {
        let mut sequence =
            Self { input_ids: vec![], media: vec![], positions: Positions::default(), rule };
        sequence.extend(input_ids, media, config)?;
        Ok(sequence)
    }

    /// Appends tokens and their pictures and clips, both or (on an error) neither.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn extend(
        &mut self,
        input_ids: &[u32],
        media: &[Arc<Pixels>],
        config: &ModelConfig,
    ) -> Result<()> {
        let length = self.len() + input_ids.len();
        let context = config.text.max_position_embeddings;
        if length > context {
            return Err(Error::ContextLength { sequence: 0, length, context });
        }
        let vocab_size = config.text.vocab_size;
        if let Some((place, &id)) =
            input_ids.iter().enumerate().find(|(_, id)| **id as usize >= vocab_size)
        {
            return Err(Error::TokenId { sequence: 0, place: self.len() + place, id, vocab_size });
        }
        let patch_len = config.vision.patch_len();
        for (index, pixels) in media.iter().enumerate() {
            let index = self.media.len() + index;
            check_pixels(pixels, patch_len).map_err(|problem| Error::Pixels { index, problem })?;
        }
        let grids: Vec<_> =
            media.iter().map(|p| (p.grid, p.seconds_per_grid.map(|s| s as f32))).collect();
        self.positions.extend(input_ids, &grids, config, self.rule)?;
        self.input_ids.extend_from_slice(input_ids);
        self.media.extend_from_slice(media);
        Ok(())
    }

    /// Appends a token that was sampled. Placeholder ids must not be sampled: nothing would stand behind them.
    pub(crate) fn push(&mut self, id: u32) {
        self.input_ids.push(id);
        self.positions.extend_text(1);
    }

    /// Tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.input_ids.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.input_ids.is_empty()
    }

    /// The token ids.
    #[must_use]
    pub fn input_ids(&self) -> &[u32] {
        &self.input_ids
    }

    /// Pictures and clips in order.
    #[must_use]
    pub fn media(&self) -> &[Arc<Pixels>] {
        &self.media
    }

    /// Positions of all tokens, and where the next one continues.
    #[must_use]
    pub fn positions(&self) -> &Positions {
        &self.positions
    }
}

fn check_pixels(pixels: &Pixels, patch_len: usize) -> std::result::Result<(), String> {
    let patches: usize = pixels.grid.iter().product();
    if pixels.patches.len() != patches * patch_len {
        let [t, h, w] = pixels.grid;
        let found = pixels.patches.len();
        return Err(format!(
            "grid {t} x {h} x {w} of patches of {patch_len} needs {} numbers, found {found}",
            patches * patch_len
        ));
    }
    match pixels.patches.iter().position(|value| !value.is_finite()) {
        Some(place) => Err(format!("value {} at {place} is not finite", pixels.patches[place])),
        None => Ok(()),
    }
}
