//! Features of pictures and clips that were computed before.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use burn::tensor::Tensor;

use crate::language::Keep;
use crate::network::Network;
use crate::observe::Observer;
use crate::processor::Pixels;

/// Remembers the tower's features by the content of a picture or clip and its grid.
///
/// They belong to the weights that made them: after a training step that changed the tower, start a new one.
#[derive(Debug, Default)]
pub struct FeatureCache {
    features: HashMap<u128, Remembered>,
    max_cells: usize,
    clock: u64,
    hits: u64,
    misses: u64,
}

#[derive(Debug)]
struct Remembered {
    features: Tensor<2>,
    last_use: u64,
}

impl FeatureCache {
    /// Remembers up to `max_cells` feature rows (the published 7B: 14 KB each in single precision), the latest used ones.
    #[must_use]
    pub fn new(max_cells: usize) -> Self {
        Self { max_cells, ..Self::default() }
    }

    /// How often a picture or clip was known, and how often not.
    #[must_use]
    pub fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits, self.misses)
    }

    /// Features of all `media`, one after the other; those not known are computed together.
    pub(crate) fn features(
        &mut self,
        network: &Network,
        media: &[Arc<Pixels>],
    ) -> Option<Tensor<2>> {
        if media.is_empty() {
            return None;
        }
        let keys: Vec<u128> = media.iter().map(|pixels| key(pixels)).collect();
        let mut unknown: Vec<usize> = vec![];
        for (index, key) in keys.iter().enumerate() {
            if self.features.contains_key(key) || unknown.iter().any(|other| keys[*other] == *key) {
                self.hits += 1;
            } else {
                self.misses += 1;
                unknown.push(index);
            }
        }
        let pictures: Vec<Arc<Pixels>> =
            unknown.iter().map(|index| Arc::clone(&media[*index])).collect();
        if let Some(computed) = network.features(&pictures, Keep::Everything, &mut Observer::none())
        {
            let per_cell = network.config().vision.patches_per_cell();
            let mut start = 0;
            for (index, pixels) in unknown.iter().zip(&pictures) {
                let cells = pixels.grid.iter().product::<usize>() / per_cell;
                let features = computed.clone().narrow(0, start, cells);
                self.features.insert(keys[*index], Remembered { features, last_use: self.clock });
                start += cells;
            }
        }
        self.clock += 1;
        let all = keys.iter().map(|key| {
            let remembered = self.features.get_mut(key).expect("known or just computed");
            remembered.last_use = self.clock;
            remembered.features.clone()
        });
        let all = Tensor::cat(all.collect(), 0);
        self.forget();
        Some(all)
    }

    fn forget(&mut self) {
        let cells = |of: &Remembered| of.features.dims()[0];
        let mut total: usize = self.features.values().map(cells).sum();
        while total > self.max_cells {
            let Some((&oldest, remembered)) =
                self.features.iter().min_by_key(|(_, of)| of.last_use)
            else {
                return;
            };
            total -= cells(remembered);
            self.features.remove(&oldest);
        }
    }
}

/// 128 bits of the content.
fn key(pixels: &Pixels) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        pixels.grid.hash(&mut hasher);
        for value in &pixels.patches {
            hasher.write_u32(value.to_bits());
        }
        hasher.finish()
    };
    u128::from(half(0)) << 64 | u128::from(half(1))
}
