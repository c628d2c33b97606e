//! A policy of a few thousand weights, for tests, examples, and as a template of one's own.

use burn::Tensor;
use burn::module::Module;
use burn::nn::{
    Embedding, EmbeddingConfig, Gelu, LayerNorm, LayerNormConfig, Linear, LinearConfig,
};
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Bool, Device, Int, TensorData};

use crate::sft::{PackedModel, PackedRow};
use crate::{Policy, Result, SampleRequest, Scores, Trajectory, Turn, draw};

/// Sizes of a [`ToyPolicy`].
#[derive(burn::config::Config, Debug)]
pub struct ToyPolicyConfig {
    /// Token ids are below this.
    pub vocab_size: usize,
    /// Most tokens of a trajectory.
    pub max_tokens: usize,
    /// Ends a turn.
    pub end_token: u32,
    /// Width.
    #[config(default = 32)]
    pub hidden_size: usize,
    /// Blocks of attention and feed-forward.
    #[config(default = 1)]
    pub num_layers: usize,
}

/// A causal transformer with learned positions and a single head.
///
/// Sampling and scoring go through the same forward pass, which is why their log-probabilities agree.
#[derive(Module, Debug)]
pub struct ToyPolicy {
    tokens: Embedding,
    positions: Embedding,
    layers: Vec<Block>,
    norm: LayerNorm,
    head: Linear,
    #[module(skip)]
    end_token: u32,
}

#[derive(Module, Debug)]
struct Block {
    norm_1: LayerNorm,
    qkv: Linear,
    out: Linear,
    norm_2: LayerNorm,
    up: Linear,
    down: Linear,
}

impl ToyPolicyConfig {
    /// Random weights.
    #[must_use]
    pub fn init(&self, device: &Device) -> ToyPolicy {
        let hidden = self.hidden_size;
        let norm = || LayerNormConfig::new(hidden).init(device);
        let block = |_| Block {
            norm_1: norm(),
            qkv: LinearConfig::new(hidden, 3 * hidden).with_bias(false).init(device),
            out: LinearConfig::new(hidden, hidden).with_bias(false).init(device),
            norm_2: norm(),
            up: LinearConfig::new(hidden, 2 * hidden).init(device),
            down: LinearConfig::new(2 * hidden, hidden).init(device),
        };
        ToyPolicy {
            tokens: EmbeddingConfig::new(self.vocab_size, hidden).init(device),
            positions: EmbeddingConfig::new(self.max_tokens, hidden).init(device),
            layers: (0..self.num_layers).map(block).collect(),
            norm: norm(),
            head: LinearConfig::new(hidden, self.vocab_size).init(device),
            end_token: self.end_token,
        }
    }
}

impl Block {
    fn forward(&self, hidden: Tensor<3>, blocked: Tensor<3, Bool>) -> Tensor<3> {
        let size = hidden.dims()[2];
        let mut qkv = self.qkv.forward(self.norm_1.forward(hidden.clone())).chunk(3, 2).into_iter();
        let mut next =
            || qkv.next().expect("three chunks of a width that is three times the hidden one");
        let (query, key, value) = (next(), next(), next());
        let scores =
            query.matmul(key.transpose()).div_scalar((size as f64).sqrt()).mask_fill(blocked, -1e9);
        let hidden = hidden + self.out.forward(softmax(scores, 2).matmul(value));
        let inner = Gelu::new().forward(self.up.forward(self.norm_2.forward(hidden.clone())));
        hidden + self.down.forward(inner)
    }
}

impl ToyPolicy {
    /// Logits of the token after each token, `[rows, tokens, vocab]`. A token sees itself and those before it in its own segment.
    ///
    /// `rows` hold (id, position, segment) for each token; shorter ones are padded behind, where nothing looks.
    fn logits(&self, rows: &[Vec<(u32, usize, usize)>]) -> Tensor<3> {
        let device = self.head.weight.device();
        let (num_rows, width) = (rows.len(), rows.iter().map(Vec::len).max().unwrap_or(0));
        let padded = rows.iter().map(|row| {
            row.iter().copied().chain(std::iter::repeat((0, 0, usize::MAX))).take(width)
        });
        let flat: Vec<_> = padded.flatten().collect();
        let ints = |get: fn(&(u32, usize, usize)) -> i64| {
            let values: Vec<i64> = flat.iter().map(get).collect();
            Tensor::<2, Int>::from_data(TensorData::new(values, [num_rows, width]), &device)
        };
        let mut blocked = vec![true; num_rows * width * width];
        for row in 0..num_rows {
            for (query, key) in
                (0..width).flat_map(|query| (0..=query).map(move |key| (query, key)))
            {
                let same = flat[row * width + query].2 == flat[row * width + key].2;
                blocked[(row * width + query) * width + key] = !same;
            }
        }
        let blocked = Tensor::<3, Bool>::from_data(
            TensorData::new(blocked, [num_rows, width, width]),
            &device,
        );
        let mut hidden = self.tokens.forward(ints(|token| i64::from(token.0)))
            + self.positions.forward(ints(|token| token.1 as i64));
        for layer in &self.layers {
            hidden = layer.forward(hidden, blocked.clone());
        }
        self.head.forward(self.norm.forward(hidden))
    }
}

fn one_segment(ids: &[u32]) -> Vec<(u32, usize, usize)> {
    ids.iter().enumerate().map(|(place, id)| (*id, place, 0)).collect()
}

impl Policy for ToyPolicy {
    type Media = ();

    fn sample(
        &self,
        requests: &mut [SampleRequest<'_, ()>],
        temperature: f64,
    ) -> Result<Vec<Turn>> {
        let mut ids: Vec<Vec<u32>> =
            requests.iter().map(|request| request.trajectory.ids().to_vec()).collect();
        let mut turns =
            vec![Turn { ids: Vec::new(), logps: Vec::new(), truncated: false }; requests.len()];
        loop {
            let unfinished = |idx: &usize| {
                let turn: &Turn = &turns[*idx];
                !turn.truncated && turn.ids.last() != Some(&self.end_token)
            };
            let going: Vec<usize> = (0..turns.len()).filter(unfinished).collect();
            if going.is_empty() {
                return Ok(turns);
            }
            let rows: Vec<_> = going.iter().map(|idx| one_segment(&ids[*idx])).collect();
            let logits = self.logits(&rows);
            let vocab = logits.dims()[2];
            for (row, idx) in going.into_iter().enumerate() {
                let last = ids[idx].len() - 1;
                let next = logits.clone().slice([row..row + 1, last..last + 1, 0..vocab]);
                let logps: Vec<f32> = log_softmax(next.div_scalar(temperature), 2)
                    .into_data()
                    .iter::<f32>()
                    .collect();
                let token = draw(&logps, requests[idx].rng)?;
                ids[idx].push(token as u32);
                turns[idx].ids.push(token as u32);
                turns[idx].logps.push(logps[token].min(0.0));
                let full = turns[idx].ids.len() == requests[idx].max_new_tokens;
                turns[idx].truncated = full && token as u32 != self.end_token;
            }
        }
    }

    fn score(&self, rows: &[&Trajectory<()>], temperature: f64) -> Result<Scores> {
        let width = rows.iter().map(|row| row.completion().len()).max().unwrap_or(0);
        let device = self.head.weight.device();
        let logits =
            self.logits(&rows.iter().map(|row| one_segment(row.ids())).collect::<Vec<_>>());
        let [_, tokens, vocab] = logits.dims();
        let mut of_rows = Vec::with_capacity(rows.len());
        let mut ids = Vec::with_capacity(rows.len() * width);
        for (idx, row) in rows.iter().enumerate() {
            // Token t is predicted at t - 1. Behind a short row the last place is repeated.
            let places: Vec<i64> =
                (0..width).map(|at| (row.prompt_len() + at - 1).min(tokens - 1) as i64).collect();
            let places = Tensor::<1, Int>::from_data(TensorData::new(places, [width]), &device);
            of_rows
                .push(logits.clone().slice([idx..idx + 1, 0..tokens, 0..vocab]).select(1, places));
            let own = row.ids()[row.completion()].iter().map(|id| i64::from(*id));
            ids.extend(own.chain(std::iter::repeat(0)).take(width));
        }
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [rows.len(), width]), &device);
        Ok(Scores::from_logits(Tensor::cat(of_rows, 0), ids, temperature))
    }
}

impl PackedModel for ToyPolicy {
    type Media = ();

    fn score_packed(&self, rows: &[PackedRow<'_, ()>]) -> Result<Tensor<2>> {
        let width = rows.iter().map(|row| row.num_tokens()).max().unwrap_or(0);
        let device = self.head.weight.device();
        let tokens = |row: &PackedRow<'_, ()>| {
            let segments = row.segments().iter().enumerate();
            let of = |(segment, one): (usize, &&Trajectory<()>)| {
                one_segment(one.ids())
                    .into_iter()
                    .map(move |(id, place, _)| (id, place, segment))
                    .collect::<Vec<_>>()
            };
            segments.flat_map(of).collect::<Vec<_>>()
        };
        let logits = self.logits(&rows.iter().map(tokens).collect::<Vec<_>>());
        let vocab = logits.dims()[2];
        let ids: Vec<i64> = rows
            .iter()
            .flat_map(|row| {
                row.ids().into_iter().map(i64::from).chain(std::iter::repeat(0)).take(width)
            })
            .collect();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [rows.len(), width]), &device);
        let next = ids.slice([0..rows.len(), 1..width]);
        let logits = logits.slice([0..rows.len(), 0..width - 1, 0..vocab]);
        let first = Tensor::zeros([rows.len(), 1], &device); // nothing predicts the first token
        Ok(Tensor::cat(vec![first, Scores::from_logits(logits, next, 1.0).logps], 1))
    }
}
