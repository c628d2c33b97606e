//! Several sequences as one rectangle.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::config::ModelConfig;
use crate::sequence::Sequence;
use crate::{Error, Result};

/// Where shorter sequences are filled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// In front, so that all sequences end together.
    Left,
    /// Behind.
    #[default]
    Right,
}

/// A rectangle of token ids and where in it the sequences lie.
pub(crate) struct Batch {
    pub(crate) rows: usize,
    /// Length of the longest.
    pub(crate) width: usize,
    /// First place of each sequence, after its padding.
    starts: Vec<usize>,
    ids: Vec<i64>,
    /// Places of placeholders in row-major order: those that features take.
    placeholders: Vec<usize>,
    /// Three axes of every place; zero where there is padding.
    pub(crate) positions: Vec<Vec<[u32; 3]>>,
    /// Marks what is not padding.
    pub(crate) live: Vec<Vec<bool>>,
}

impl Batch {
    /// Whole sequences.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if there is none or an empty one.
    pub(crate) fn new(
        sequences: &[&Sequence],
        config: &ModelConfig,
        padding: Padding,
    ) -> Result<Self> {
        if sequences.is_empty() || sequences.iter().any(|sequence| sequence.is_empty()) {
            let problem = "needs at least one sequence, and in each at least one token".into();
            return Err(Error::Request { field: "sequences", problem });
        }
        Ok(Self::behind(sequences, &vec![0; sequences.len()], config, padding))
    }

    /// What of each sequence follows its first `skipped` tokens.
    pub(crate) fn behind(
        sequences: &[&Sequence],
        skipped: &[usize],
        config: &ModelConfig,
        padding: Padding,
    ) -> Self {
        let lengths: Vec<usize> = sequences
            .iter()
            .zip(skipped)
            .map(|(sequence, skipped)| sequence.len() - skipped)
            .collect();
        let width = lengths.iter().copied().max().unwrap_or(0);
        let rows = sequences.len();
        let mut batch = Self {
            rows,
            width,
            starts: vec![],
            ids: vec![0; rows * width],
            placeholders: vec![],
            positions: vec![vec![[0; 3]; width]; rows],
            live: vec![vec![false; width]; rows],
        };
        for (row, (sequence, skipped)) in sequences.iter().zip(skipped).enumerate() {
            let start = if padding == Padding::Left { width - lengths[row] } else { 0 };
            batch.starts.push(start);
            for (place, &id) in sequence.input_ids()[*skipped..].iter().enumerate() {
                let column = start + place;
                batch.ids[row * width + column] = i64::from(id);
                batch.live[row][column] = true;
                batch.positions[row][column] = sequence.positions().ids[skipped + place];
                if id == config.image_token_id || id == config.video_token_id {
                    batch.placeholders.push(row * width + column);
                }
            }
        }
        batch
    }

    pub(crate) fn ids(&self, device: &Device) -> Tensor<2, Int> {
        Tensor::from_data(
            TensorData::new(self.ids.clone(), [self.rows, self.width]),
            &device.clone().without_autodiff(),
        )
    }

    /// Row of the flattened rectangle of a sequence's token.
    pub(crate) fn place(&self, row: usize, token: usize) -> usize {
        row * self.width + self.starts[row] + token
    }

    pub(crate) fn is_padded(&self) -> bool {
        self.live.iter().flatten().any(|live| !live)
    }

    /// Token embeddings with features in the place of placeholders, in order.
    ///
    /// # Shapes
    ///
    /// - `embeds` and output: `[rows, width, hidden_size]`; `features`: `[cells, hidden_size]`
    pub(crate) fn merge(&self, embeds: Tensor<3>, features: Option<Tensor<2>>) -> Tensor<3> {
        let Some(features) = features else { return embeds };
        let [rows, width, hidden] = embeds.dims();
        assert_eq!(features.dims()[0], self.placeholders.len(), "features and placeholders");
        let mut sources: Vec<i64> = (0..(rows * width) as i64).collect();
        for (feature, place) in self.placeholders.iter().enumerate() {
            sources[*place] = (rows * width + feature) as i64;
        }
        let device = embeds.device().without_autodiff();
        let sources: Tensor<1, Int> =
            Tensor::from_data(TensorData::new(sources, [rows * width]), &device);
        let dtype = embeds.dtype();
        let all = Tensor::cat(
            vec![
                embeds.reshape([rows * width, hidden]),
                features.cast(burn::tensor::FloatDType::from(dtype)),
            ],
            0,
        );
        all.select(0, sources).reshape([rows, width, hidden])
    }
}
