//! The model on this machine as the policy that `grpo` trains: one network samples and is scored.

use burn::module::Module;
use deepsport_model::generate::{Choice, Session, SessionSettings, generate};
use deepsport_model::training::ScoreSettings;
use deepsport_model::{Network, Sequence};
use grpo::{Error, MediaItem, MediaRule, Result, SampleRequest, Scores, Trajectory, Turn, draw};

use super::SeenPixels;

/// Qwen2.5-VL as a [`grpo::Policy`].
///
/// A group that shares its prompt has it read once. Tokens are drawn among those the policy may write (no placeholders, no
/// rows of the embedding behind the tokenizer's ids), but their log-probabilities are those of the whole distribution, which is
/// what [`score`](grpo::Policy::score) gives.
#[derive(Module, Debug)]
pub struct NetworkPolicy {
    network: Network,
    #[module(skip)]
    end_token: u32,
    /// Never drawn.
    #[module(skip)]
    forbidden: Vec<u32>,
    #[module(skip)]
    scoring: ScoreSettings,
}

impl NetworkPolicy {
    /// `end_token` ends a turn (`<|im_end|>`); `forbidden` are never written, see
    /// [`Tokenizer::forbidden`](deepsport_model::tokenizer::Tokenizer::forbidden). The placeholders of pictures and clips are
    /// forbidden in any case.
    #[must_use]
    pub fn new(network: Network, end_token: u32, mut forbidden: Vec<u32>) -> Self {
        forbidden.extend([network.config().image_token_id, network.config().video_token_id]);
        Self { network, end_token, forbidden, scoring: ScoreSettings::default() }
    }

    /// Changes what the forward pass keeps for the backward one. A small model learns faster if it keeps everything
    /// ([`Keep::Everything`](deepsport_model::language::Keep)). The temperature is not taken from here.
    #[must_use]
    pub fn with_scoring(mut self, scoring: ScoreSettings) -> Self {
        self.scoring = scoring;
        self
    }

    /// The same policy, which will never write these tokens either. Log-probabilities stay those of the whole distribution.
    #[must_use]
    pub fn with_forbidden(mut self, ids: impl IntoIterator<Item = u32>) -> Self {
        self.forbidden.extend(ids);
        self
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Which ids stand for pictures and clips, for [`Trajectory::new`].
    #[must_use]
    pub fn media_rule(&self) -> MediaRule {
        let config = self.network.config();
        MediaRule {
            placeholder_ids: vec![config.image_token_id, config.video_token_id],
            merge_size: config.vision.spatial_merge_size as u32,
        }
    }

    fn sequence(&self, trajectory: &Trajectory<SeenPixels>) -> Result<Sequence> {
        let media = trajectory.media().iter().map(|item| item.payload.pixels());
        let media = media.collect::<std::result::Result<Vec<_>, _>>().map_err(Error::policy)?;
        Sequence::new(trajectory.ids(), &media, self.network.config()).map_err(Error::policy)
    }

    /// A session with a row for each request, those with the same past side by side and read once.
    fn session(&self, shared: &[Shared<'_>], room: usize) -> Result<Session<'_>> {
        let sequences: Vec<_> =
            shared.iter().map(|one| self.sequence(one.trajectory)).collect::<Result<_>>()?;
        let settings = SessionSettings { room, ..SessionSettings::default() };
        let mut session =
            Session::new(&self.network, sequences, settings).map_err(Error::policy)?;
        session.read().map_err(Error::policy)?;
        let forks = shared[0].requests.len();
        if shared.iter().all(|one| one.requests.len() == forks) {
            return session.fork(forks).map_err(Error::policy);
        }
        let copies =
            |(row, one): (usize, &Shared<'_>)| std::iter::repeat_n(row, one.requests.len());
        let rows: Vec<usize> = shared.iter().enumerate().flat_map(copies).collect();
        session.keep_rows(&rows).map_err(Error::policy)?;
        Ok(session)
    }
}

/// Requests with the same past.
struct Shared<'a> {
    trajectory: &'a Trajectory<SeenPixels>,
    requests: Vec<usize>,
}

fn shared<'a>(requests: &[SampleRequest<'a, SeenPixels>]) -> Vec<Shared<'a>> {
    let mut all: Vec<Shared<'_>> = Vec::new();
    for (idx, request) in requests.iter().enumerate() {
        let trajectory = request.trajectory;
        match all.iter_mut().find(|one| same_past(one.trajectory, trajectory)) {
            Some(one) => one.requests.push(idx),
            None => all.push(Shared { trajectory, requests: vec![idx] }),
        }
    }
    all
}

fn same_past(a: &Trajectory<SeenPixels>, b: &Trajectory<SeenPixels>) -> bool {
    let (left, right) = (a.media(), b.media());
    let same = |(a, b): (&MediaItem<SeenPixels>, &MediaItem<SeenPixels>)| a.payload.is(&b.payload);
    a.ids() == b.ids() && left.len() == right.len() && left.iter().zip(right).all(same)
}

impl grpo::Policy for NetworkPolicy {
    type Media = SeenPixels;

    fn sample(
        &self,
        requests: &mut [SampleRequest<'_, SeenPixels>],
        temperature: f64,
    ) -> Result<Vec<Turn>> {
        let Some(longest) = requests.iter().map(|request| request.max_new_tokens).max() else {
            return Ok(Vec::new());
        };
        let shared = shared(requests);
        let mut session = self.session(&shared, longest)?;
        let rows: Vec<usize> = shared.into_iter().flat_map(|one| one.requests).collect();

        let mut failed = None;
        let mut written = vec![0; rows.len()];
        let completions = generate(&mut session, longest, &mut |row, logits, _| {
            let request = &mut requests[rows[row]];
            let logps = log_softmax(logits, temperature);
            let mut allowed = logps.clone();
            for id in &self.forbidden {
                if let Some(logp) = allowed.get_mut(*id as usize) {
                    *logp = f32::NEG_INFINITY;
                }
            }
            // What is left may be unlikely beyond what a probability can hold.
            let likeliest = allowed.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            if likeliest.is_finite() {
                allowed.iter_mut().for_each(|logp| *logp -= likeliest);
            }
            let id = draw(&allowed, request.rng).map_err(|error| {
                let problem = error.to_string();
                failed = Some(error);
                deepsport_model::Error::Logits { problem }
            })?;
            written[row] += 1;
            let is_last = id as u32 == self.end_token || written[row] == request.max_new_tokens;
            Ok(Choice { id: id as u32, log_prob: logps[id].min(0.0), is_last })
        });
        let completions = match (failed, completions) {
            (Some(error), _) => return Err(error),
            (None, completions) => completions.map_err(Error::policy)?,
        };
        let mut turns: Vec<_> = rows.into_iter().zip(completions).collect();
        turns.sort_unstable_by_key(|(request, _)| *request);
        let turn = |(_, completion): (usize, deepsport_model::generate::Completion)| Turn {
            truncated: completion.ids.last() != Some(&self.end_token),
            ids: completion.ids,
            logps: completion.log_probs,
        };
        Ok(turns.into_iter().map(turn).collect())
    }

    fn score(&self, rows: &[&Trajectory<SeenPixels>], temperature: f64) -> Result<Scores> {
        let sequences: Vec<_> = rows.iter().map(|row| self.sequence(row)).collect::<Result<_>>()?;
        let prompts: Vec<_> = rows.iter().map(|row| row.prompt_len()).collect();
        let settings = ScoreSettings { temperature, ..self.scoring };
        let scores = self
            .network
            .token_scores(&sequences.iter().collect::<Vec<_>>(), &prompts, &settings)
            .map_err(Error::policy)?;
        Ok(Scores { logps: scores.log_probs, entropy: scores.entropy })
    }

    fn without_adapter(&self) -> Option<Self> {
        self.network.lora()?;
        Some(Self { network: self.network.without_adapter(), ..self.clone() })
    }
}

/// Summed in double precision.
fn log_softmax(logits: &[f32], temperature: f64) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scaled = |logit: &f32| f64::from(logit - largest) / temperature;
    let log_sum = logits.iter().map(|logit| scaled(logit).exp()).sum::<f64>().ln();
    logits.iter().map(|logit| (scaled(logit) - log_sum) as f32).collect()
}
