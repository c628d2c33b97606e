use burn::Tensor;
use burn::module::{Module, ParamGroup};

use crate::{Error, Media, MediaItem, Result, Trajectory};

/// A network that scores rows of several trajectories.
pub trait PackedModel: Module + 'static {
    /// Pictures and clips it can read; `()` for text.
    type Media: Media;

    /// The log-probability of each token given those before it in its own segment.
    ///
    /// A token attends to its own segment alone, and its position is that within the segment. What stands at tokens that carry no
    /// loss and behind short rows must be finite and is ignored.
    ///
    /// # Shapes
    ///
    /// - output: `[rows, tokens]`, `tokens` of the longest row
    ///
    /// # Errors
    ///
    /// Whatever stops it, as [`Error::policy`].
    fn score_packed(&self, rows: &[PackedRow<'_, Self::Media>]) -> Result<Tensor<2>>;

    /// The parameters a checkpoint holds, as [`Policy::saved_params`](crate::Policy::saved_params).
    fn saved_params(&self) -> ParamGroup {
        ParamGroup::all()
    }
}

/// Trajectories side by side in one row.
#[derive(Clone, Debug)]
pub struct PackedRow<'a, M: Media> {
    segments: Vec<&'a Trajectory<M>>,
}

impl<'a, M: Media> PackedRow<'a, M> {
    /// A row of trajectories.
    #[must_use]
    pub fn new(segments: Vec<&'a Trajectory<M>>) -> Self {
        Self { segments }
    }

    /// The trajectories.
    #[must_use]
    pub fn segments(&self) -> &[&'a Trajectory<M>] {
        &self.segments
    }

    /// Tokens of all segments.
    #[must_use]
    pub fn num_tokens(&self) -> usize {
        self.segments.iter().map(|segment| segment.ids().len()).sum()
    }

    /// Where segments begin, and the end: `[0, len_0, len_0 + len_1, ...]`, as kernels for packed attention want it.
    #[must_use]
    pub fn cu_seqlens(&self) -> Vec<usize> {
        let mut bounds = vec![0];
        for segment in &self.segments {
            bounds.push(bounds[bounds.len() - 1] + segment.ids().len());
        }
        bounds
    }

    /// All token ids.
    #[must_use]
    pub fn ids(&self) -> Vec<u32> {
        self.segments.iter().flat_map(|segment| segment.ids()).copied().collect()
    }

    /// The segment of each token, from 0: tokens attend within theirs.
    #[must_use]
    pub fn segment_ids(&self) -> Vec<usize> {
        let of = |(idx, segment): (usize, &&Trajectory<M>)| {
            std::iter::repeat_n(idx, segment.ids().len())
        };
        self.segments.iter().enumerate().flat_map(of).collect()
    }

    /// Positions (time, height, width), from 0 in each segment; all three the place where a trajectory has none.
    #[must_use]
    pub fn position_ids(&self) -> Vec<[u32; 3]> {
        let of = |segment: &&Trajectory<M>| match segment.positions() {
            Some(positions) => positions.to_vec(),
            None => (0..segment.ids().len() as u32).map(|place| [place; 3]).collect(),
        };
        self.segments.iter().flat_map(of).collect()
    }

    /// Which tokens carry loss.
    #[must_use]
    pub fn loss_mask(&self) -> Vec<bool> {
        self.segments.iter().flat_map(|segment| segment.policy_mask()).copied().collect()
    }

    /// Media of all segments, with ranges into the row.
    #[must_use]
    pub fn media(&self) -> Vec<MediaItem<M>> {
        let starts = self.cu_seqlens();
        let of = |(segment, start): (&&Trajectory<M>, &usize)| {
            let moved = |item: &MediaItem<M>| MediaItem {
                tokens: item.tokens.start + start..item.tokens.end + start,
                ..item.clone()
            };
            segment.media().iter().map(moved).collect::<Vec<_>>()
        };
        self.segments.iter().zip(&starts).flat_map(of).collect()
    }
}

/// Puts items of given lengths into rows of `capacity`, each into the first row it fits in (first-fit), in the order given.
///
/// # Errors
///
/// [`Error::TooLong`] if one exceeds the capacity: cutting it could cut through a picture.
pub fn pack(lengths: &[usize], capacity: usize) -> Result<Vec<Vec<usize>>> {
    let mut rows: Vec<(usize, Vec<usize>)> = Vec::new(); // room left, items
    for (idx, len) in lengths.iter().copied().enumerate() {
        if len > capacity {
            return Err(Error::TooLong { num_tokens: len, room: capacity });
        }
        match rows.iter_mut().find(|(room, _)| *room >= len) {
            Some((room, items)) => {
                *room -= len;
                items.push(idx);
            }
            None => rows.push((capacity - len, vec![idx])),
        }
    }
    Ok(rows.into_iter().map(|(_, items)| items).collect())
}
