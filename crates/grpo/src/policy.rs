use burn::Tensor;
use burn::module::{Module, ParamGroup};
use rand_pcg::rand_core::Rng as _;

use crate::{Error, Media, Result, Trajectory, Turn};

/// The generator each rollout has to itself, seeded from the run's seed, the prompt's number and the rollout's number.
///
/// So what a rollout draws depends neither on the batch it is sampled in nor on what was drawn before it.
pub type Rng = rand_pcg::Pcg64;

/// What is trained: a network that can write a turn and can tell how likely a trajectory's tokens are.
///
/// Both go through the same weights. Where they also go through the same code, the sampled and the trained
/// log-probabilities agree to rounding, and no importance correction is needed; [`Mismatch`](crate::loss::Mismatch) tells.
/// Implementors derive burn's `Module`, fields that are not weights carry `#[module(skip)]`. The trainer samples from and scores
/// references with [`valid`](Module::valid), the copy without gradients.
pub trait Policy: Module + 'static {
    /// Pictures and clips it can read; `()` for text.
    type Media: Media;

    /// Writes one turn for each request, at `temperature` and without top-k, top-p or penalties.
    ///
    /// Those change the distribution sampled from, and the log-probabilities would no longer be those that
    /// [`score`](Self::score) gives. A turn ends with the end token or after `max_new_tokens`; then it is `truncated`.
    ///
    /// A policy that reads media must never write their placeholders: it gives them a logit of -1e9, in sampling and scoring alike
    /// (minus infinity would make the entropy NaN). A turn that has one is refused, and the step with it.
    ///
    /// # Errors
    ///
    /// Whatever stops it, as [`Error::policy`].
    fn sample(
        &self,
        requests: &mut [SampleRequest<'_, Self::Media>],
        temperature: f64,
    ) -> Result<Vec<Turn>>;

    /// Log-probabilities of the tokens after each prompt, with gradients on an autodiff device.
    ///
    /// # Errors
    ///
    /// Whatever stops it, as [`Error::policy`].
    fn score(&self, rows: &[&Trajectory<Self::Media>], temperature: f64) -> Result<Scores>;

    /// Itself without its low-rank adapter: the reference policy that costs no memory. `None` if it has no adapter.
    fn without_adapter(&self) -> Option<Self> {
        None
    }

    /// The parameters a checkpoint holds; all by default. A policy with an adapter names the adapter's alone.
    fn saved_params(&self) -> ParamGroup {
        ParamGroup::all()
    }
}

/// A turn to be sampled.
#[derive(Debug)]
pub struct SampleRequest<'a, M: Media> {
    /// What was said so far.
    pub trajectory: &'a Trajectory<M>,
    /// Most tokens the turn may have; at least 1.
    pub max_new_tokens: usize,
    /// Where its chance comes from.
    pub rng: &'a mut Rng,
}

/// What a policy says of a batch of trajectories.
///
/// # Shapes
///
/// All `[rows, tokens]`: column `t` belongs to the `t`-th token of [`Trajectory::completion`], tool answers included. `tokens` is
/// the longest completion of the batch; what stands behind a shorter one must be finite and is ignored.
#[derive(Clone, Debug)]
pub struct Scores {
    /// Log-probability of the token, given everything before it.
    pub logps: Tensor<2>,
    /// Entropy of the distribution the token was drawn from, in nats.
    pub entropy: Tensor<2>,
}

impl Scores {
    /// Reads both from logits.
    ///
    /// # Shapes
    ///
    /// - `logits`: `[rows, tokens, vocab]`, those that predict each completion token; `ids`: `[rows, tokens]`
    #[must_use]
    pub fn from_logits(
        logits: Tensor<3>,
        ids: Tensor<2, burn::tensor::Int>,
        temperature: f64,
    ) -> Self {
        let all = burn::tensor::activation::log_softmax(logits.div_scalar(temperature), 2);
        let logps = all.clone().gather(2, ids.unsqueeze_dim::<3>(2)).squeeze_dim::<2>(2);
        let entropy = (all.clone().exp() * all).sum_dim(2).squeeze_dim::<2>(2).neg();
        Self { logps, entropy }
    }
}

/// Draws an index from a distribution given by log-probabilities, by inverting its cumulative sum.
///
/// # Errors
///
/// [`Error::Value`] if a log-probability is NaN or none is above minus infinity.
pub fn draw(logps: &[f32], rng: &mut Rng) -> Result<usize> {
    let weights = logps.iter().map(|logp| f64::from(*logp).exp());
    let total: f64 = weights.clone().sum();
    if !(total.is_finite() && total > 0.0) {
        return Err(Error::Value {
            what: "the sum of probabilities".into(),
            value: total,
            expected: "about 1",
        });
    }
    let mut left = unit(rng) * total;
    let mut last = 0;
    for (idx, weight) in weights.enumerate().filter(|(_, weight)| *weight > 0.0) {
        last = idx;
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    Ok(last)
}

/// A number in `[0, 1)`, with the 53 bits a float can hold.
pub(crate) fn unit(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// The generator number `stream` of the run's `part`.
pub(crate) fn rng(seed: u64, part: u64, stream: u64) -> Rng {
    let mut rng = Rng::new(u128::from(seed) << 64 | u128::from(part), u128::from(stream));
    rng.next_u64(); // the first outputs of near seeds are alike
    rng.next_u64();
    rng
}

/// Puts `items` in an order that `rng` draws (Fisher and Yates).
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, (unit(rng) * (last + 1) as f64) as usize);
    }
}
