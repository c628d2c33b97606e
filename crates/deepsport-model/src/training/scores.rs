//! Log-probabilities of given tokens without the scores of all words of all tokens.

use burn::tensor::{Int, Tensor, TensorData};
use fused_ops::score;

use crate::batch::Batch;
use crate::language::Keep;
use crate::network::{Head, Network, Pass};
use crate::observe::Observer;
use crate::recompute::recompute;
use crate::sequence::Sequence;
use crate::{Error, Padding, Result};

/// How tokens are scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreSettings {
    /// What the forward keeps for the backward pass.
    pub keep: Keep,
    /// What scores are divided by: that of sampling, or the log-probabilities are of another distribution.
    pub temperature: f64,
    /// Tokens whose scores of all words exist at once; a word takes 4 bytes. The backward pass makes them again, unless
    /// everything is kept.
    pub head_chunk: usize,
}

impl Default for ScoreSettings {
    fn default() -> Self {
        Self { keep: Keep::Layers, temperature: 1.0, head_chunk: 128 }
    }
}

/// What the network says of the tokens behind each prompt.
///
/// # Shapes
///
/// Both `[sequences, tokens]`: column `t` belongs to token `from + t` of the sequence; `tokens` is the largest such count.
/// Behind a shorter sequence stand zeros.
#[derive(Debug, Clone)]
pub struct TokenScores {
    /// Log-probability of the token, given everything before it.
    pub log_probs: Tensor<2>,
    /// Entropy of the distribution it is drawn from, in nats.
    pub entropy: Tensor<2>,
}

impl Network {
    /// Scores the tokens from place `from[i]` on of each sequence, with gradients on an autodiff device. Any loss can be
    /// put behind it.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if there is no sequence, an empty one, `from` names a place that has no token before it or is
    /// behind the end, or a setting is out of range.
    pub fn token_scores(
        &self,
        sequences: &[&Sequence],
        from: &[usize],
        settings: &ScoreSettings,
    ) -> Result<TokenScores> {
        let batch = Batch::new(sequences, self.config(), Padding::Right)?;
        if settings.head_chunk == 0
            || !(settings.temperature > 0.0 && settings.temperature.is_finite())
        {
            let problem =
                format!("{settings:?}: a temperature above 0 and a chunk of at least 1 are needed");
            return Err(Error::Request { field: "settings", problem });
        }
        let is_place = |(from, sequence): (&usize, &&Sequence)| (1..=sequence.len()).contains(from);
        if from.len() != sequences.len() || !from.iter().zip(sequences).all(is_place) {
            let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.len()).collect();
            let problem = format!(
                "{from:?} are not places behind the first token of sequences of {lengths:?} tokens"
            );
            return Err(Error::Request { field: "from", problem });
        }
        let pass = Pass { padding: Padding::Right, keep: settings.keep };
        let states = self.hidden_states_of(&batch, sequences, pass, &mut Observer::none());
        let device = states.device().without_autodiff();
        let [rows, width, hidden] = states.dims();

        // the state before a token predicts it
        let (mut before, mut targets, mut places) = (vec![], vec![], vec![]);
        let columns = from
            .iter()
            .zip(sequences)
            .map(|(from, sequence)| sequence.len() - from)
            .max()
            .unwrap_or(0);
        for (row, (&from, sequence)) in from.iter().zip(sequences).enumerate() {
            for token in from..sequence.len() {
                places.push((row * columns + token - from, before.len()));
                before.push(batch.place(row, token - 1) as i64);
                targets.push(i64::from(sequence.input_ids()[token]));
            }
        }
        if before.is_empty() {
            let none = || Tensor::zeros([rows, 0], &states.device());
            return Ok(TokenScores { log_probs: none(), entropy: none() });
        }
        let ints = |values: Vec<i64>| -> Tensor<1, Int> {
            let len = values.len();
            Tensor::from_data(TensorData::new(values, [len]), &device)
        };
        let count = before.len();
        let states = states.reshape([rows * width, hidden]).select(0, ints(before));
        let targets = ints(targets);
        let head = self.head();
        let mut scores = Vec::with_capacity(count.div_ceil(settings.head_chunk) + 1);
        for start in (0..count).step_by(settings.head_chunk) {
            let len = (count - start).min(settings.head_chunk);
            let (targets, temperature) =
                (targets.clone().narrow(0, start, len), settings.temperature);
            let inputs = [states.clone().narrow(0, start, len)];
            let of_chunk = move |head: &Head, [states]: [Tensor<2>; 1]| {
                score(head.forward(states), targets.clone(), temperature)
            };
            scores.push(match settings.keep {
                Keep::Everything => of_chunk(&head, inputs),
                Keep::Layers => recompute(&head, inputs, of_chunk),
            });
        }
        // what stands behind a shorter sequence: one more line, of zeros
        scores.push(Tensor::zeros([1, 2], &device));
        let mut sources = vec![count as i64; rows * columns];
        for (column, line) in places {
            sources[column] = line as i64;
        }
        let all = Tensor::cat(scores, 0).select(0, ints(sources)); // [rows * columns, 2]
        let column = |index: usize| all.clone().narrow(1, index, 1).reshape([rows, columns]);
        Ok(TokenScores { log_probs: column(0), entropy: column(1) })
    }
}
