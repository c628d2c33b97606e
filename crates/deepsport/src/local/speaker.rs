//! A model on this machine that thinks with videos.

use std::collections::HashSet;
use std::ops::ControlFlow;

use deepsport_model::generate::{
    Completion, FeatureCache, Session, SessionSettings, Writer, generate,
};
use deepsport_model::sampling::{CallPattern, Sampler, SamplingSettings, ToolCallGrammar};
use deepsport_model::{Error as ModelError, Sequence};
use frame_tool::{Syntax, TOOL_NAME};
use grpo::Segment;

use super::Model;
use crate::agent::{Chorus, Message, Part, Role, Speaker, Utterance, Waiting, Wording};
use crate::{Error, Result};

/// Tags behind which a turn says nothing more.
const STOPS: [&str; 3] = ["</tool_call>", "</action>", "</answer>"];
/// Feature rows that are remembered: frames of 640 x 360 take 299 each.
const REMEMBERED_CELLS: usize = 40 * 299;
/// Prompt tokens that go through the network at once.
const CHUNK: usize = 512;

/// Lets a [`Model`] speak: one conversation as a [`Speaker`], many side by side as a [`Chorus`].
///
/// The most probable word is taken unless [sampling](Self::with_sampling) is asked for. A turn ends at `<|im_end|>`, behind
/// `</tool_call>`, `</action>` or `</answer>`, or where its tokens are used up. What was read is kept from turn to turn while
/// a conversation only grows, and what was written stays as it was sampled, token by token, as in training; a conversation that
/// was changed is read anew. Frames that were seen before do not go through the vision tower again.
///
/// A conversation that the model's context cannot hold is [`Error::ContextLength`].
#[derive(Debug)]
pub struct NetworkSpeaker<'a> {
    model: &'a Model,
    sampling: SamplingSettings,
    seed: u64,
    max_turn_tokens: usize,
    grammar: Option<ToolCallGrammar>,
    /// Words it never writes, beside those that no model may.
    avoided: Vec<u32>,
    features: FeatureCache,
    held: Option<Held<'a>>,
}

/// Conversations as the network has read them, one a row.
#[derive(Debug)]
struct Held<'a> {
    session: Session<'a>,
    /// Of each row: what was said, the turn that was written last included.
    said: Vec<Vec<Message>>,
}

impl<'a> NetworkSpeaker<'a> {
    /// Speaks greedily, in turns of up to 2048 tokens.
    #[must_use]
    pub fn new(model: &'a Model) -> Self {
        Self {
            model,
            sampling: SamplingSettings::greedy(),
            seed: 0,
            max_turn_tokens: 2048,
            grammar: None,
            avoided: Vec::new(),
            features: FeatureCache::new(REMEMBERED_CELLS),
            held: None,
        }
    }

    /// Draws words at this temperature among the most probable ones that reach `top_p` together. Draws depend on the seed, the
    /// turn and the place in a chorus alone.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if one is out of its range.
    pub fn with_sampling(mut self, temperature: f32, top_p: f32, seed: u64) -> Result<Self> {
        let settings = SamplingSettings { temperature, top_p, ..SamplingSettings::default() };
        Sampler::new(settings.clone(), seed, 0).map_err(|error| Error::InvalidSetting {
            name: "sampling",
            value: format!("temperature {temperature}, top-p {top_p}"),
            expected: error.to_string(),
        })?;
        (self.sampling, self.seed) = (settings, seed);
        Ok(self)
    }

    /// Limits a single turn.
    #[must_use]
    pub fn with_max_turn_tokens(mut self, max_turn_tokens: usize) -> Self {
        self.max_turn_tokens = max_turn_tokens;
        self
    }

    /// Keeps tool calls well formed: inside `<tool_call>` only a call in the rules' syntax fits, with two ascending frames of a
    /// video of `num_frames`. Whether the model calls at all stays its own affair.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if the video has fewer than two frames, or the syntax writes no `<tool_call>`.
    pub fn with_grammar(mut self, num_frames: usize) -> Result<Self> {
        let agent = &self.model.settings.agent;
        let invalid = |expected: String| Error::InvalidSetting {
            name: "grammar",
            value: format!("{:?} calls into {num_frames} frames", agent.syntax),
            expected,
        };
        let [open, between, close] = match (agent.wording, agent.syntax) {
            (Wording::Toy, _) => [format!(" {TOOL_NAME}( "), " , ".into(), " ) ".into()],
            (_, Syntax::Function) => [format!("{TOOL_NAME}("), ", ".into(), ")".into()],
            (_, Syntax::Json) => {
                [r#"{"action":"choose_frames","frame_range":["#.into(), ",".into(), "]}".into()]
            }
            _ => return Err(invalid("a syntax with <tool_call>".into())),
        };
        let last = num_frames.saturating_sub(1) as u64;
        if last == 0 {
            return Err(invalid("two frames or more".into()));
        }
        let pattern = CallPattern::new().text(open).number(0..=last - 1);
        let pattern = pattern.text(between).larger_number(last).text(close);
        let grammar = ToolCallGrammar::new(self.model.words.tokenizer(), [pattern]);
        self.grammar = Some(grammar.map_err(|error| invalid(error.to_string()))?);
        Ok(self)
    }

    /// Never looks again: for the modes without the tool, as a model of few words cannot be told of them. It opens no call, and
    /// in the toy world does not think of one either (`over between ..`).
    #[must_use]
    pub fn without_tool(mut self) -> Self {
        let words = match self.model.settings.agent.wording {
            Wording::Toy => &["<tool_call>", " over"][..],
            Wording::English => &["<tool_call>"],
        };
        for word in words {
            // Where a tag is several tokens, they are wanted elsewhere; such models read the rules in words.
            if let Ok([id]) = self.model.words.tokenizer().encode(word).as_deref() {
                self.avoided.push(*id);
            }
        }
        self
    }

    /// How often a frame's features were known, and how often not.
    #[must_use]
    pub fn hits_and_misses(&self) -> (u64, u64) {
        self.features.hits_and_misses()
    }

    fn failed(&self, error: ModelError) -> Error {
        match error {
            ModelError::ContextLength { length, context, .. } => {
                Error::ContextLength { speaker: self.model.name.clone(), length, context }
            }
            error => Error::Speaker { speaker: self.model.name.clone(), reason: error.to_string() },
        }
    }

    fn context(&self) -> usize {
        self.model.network.config().text.max_position_embeddings
    }

    /// The whole conversation, unread.
    fn sequence(&self, messages: &[Message]) -> Result<Sequence, ModelError> {
        let Segment { ids, media, .. } = self.model.words.prompt(messages)?;
        let media =
            media.iter().map(|item| item.payload.pixels()).collect::<Result<Vec<_>, _>>()?;
        let sequence = Sequence::new(&ids, &media, self.model.network.config())?;
        self.check_room(sequence.len())?;
        Ok(sequence)
    }

    /// At least one word has to fit behind a prompt.
    fn check_room(&self, length: usize) -> Result<(), ModelError> {
        let context = self.context();
        let is_full = length >= context;
        if is_full {
            return Err(ModelError::ContextLength { sequence: 0, length: length + 1, context });
        }
        Ok(())
    }

    /// The rows of `waiting`, which go on where they were if all of them continue a held one, and are read anew otherwise.
    fn session(&mut self, waiting: &[Waiting<'_>], room: usize) -> Result<Session<'a>, ModelError> {
        if let Some(session) = self.held.take().and_then(|held| self.continued(held, waiting)) {
            return Ok(session);
        }
        let sequences: Result<Vec<_>, _> =
            waiting.iter().map(|one| self.sequence(one.messages)).collect();
        let settings = SessionSettings { room, chunk: CHUNK };
        Session::new(&self.model.network, sequences?, settings)
    }

    fn continued(&self, mut held: Held<'a>, waiting: &[Waiting<'_>]) -> Option<Session<'a>> {
        let mut free: HashSet<usize> = (0..held.said.len()).collect();
        let mut rows = Vec::with_capacity(waiting.len());
        for one in waiting {
            let (_, before) = one.messages.split_last()?;
            let row = *free.iter().filter(|&&row| same(&held.said[row], before)).min()?;
            free.remove(&row);
            rows.push(row);
        }
        let mut answers = Vec::with_capacity(rows.len());
        let im_end = self.model.words.tokenizer().special().im_end;
        for (one, &row) in waiting.iter().zip(&rows) {
            // A template that cannot continue refuses; then all is read anew.
            let Segment { mut ids, media, .. } =
                self.model.words.answer(one.messages.last()?).ok()?;
            let sequence = held.session.sequences()[row].input_ids();
            if sequence.last() != Some(&im_end) {
                ids.insert(0, im_end); // the turn was cut, or ended behind its tag
            }
            self.check_room(sequence.len() + ids.len()).ok()?;
            answers.push((ids, media));
        }
        held.session.keep_rows(&rows).ok()?;
        for (row, (ids, media)) in answers.into_iter().enumerate() {
            let media = media.iter().map(|item| item.payload.pixels());
            let media = media.collect::<Result<Vec<_>, _>>().ok()?;
            held.session.append(row, &ids, &media).ok()?;
        }
        Some(held.session)
    }

    /// The next turn of conversations that all fit.
    fn write(
        &mut self,
        waiting: &[Waiting<'_>],
        on_piece: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Vec<Utterance>, ModelError> {
        let most = self.max_turn_tokens;
        let wanted = |one: &Waiting<'_>| one.max_tokens.min(most);
        let longest = waiting.iter().map(wanted).max().unwrap_or(0);
        let mut session = self.session(waiting, longest)?;
        session.read_with(Some(&mut self.features))?;
        let lengths: Vec<usize> = session.sequences().iter().map(|row| row.len()).collect();
        let left = self.context() - lengths.iter().max().copied().unwrap_or(0);
        let mut writers = Vec::with_capacity(waiting.len());
        for (row, one) in waiting.iter().enumerate() {
            writers.push(self.writer(row, one.messages)?);
        }
        let limits: Vec<usize> = waiting.iter().map(wanted).collect();
        let mut written = vec![0; waiting.len()];
        let completions =
            generate(&mut session, longest.min(left), &mut |row, logits, sequence| {
                let (mut choice, mut text) = writers[row].choose(logits, sequence)?;
                written[row] += 1;
                if let Some(tag) = writers[row].stopped_at() {
                    text.push_str(STOPS[tag]); // the agent reads it
                }
                if choice.is_last || written[row] == limits[row] {
                    choice.is_last = true;
                    if writers[row].stopped_at().is_none() {
                        text.push_str(&writers[row].rest());
                    }
                }
                choice.is_last |= !text.is_empty() && on_piece(&text).is_break();
                Ok(choice)
            })?;
        let mut said = Vec::with_capacity(waiting.len());
        let mut utterances = Vec::with_capacity(waiting.len());
        for (row, (mut writer, completion)) in writers.into_iter().zip(completions).enumerate() {
            if !completion.is_finished {
                let rest = writer.rest();
                if !rest.is_empty() {
                    let _ = on_piece(&rest);
                }
            }
            let utterance = utterance(&writer, &completion, lengths[row]);
            let mut messages = waiting[row].messages.to_vec();
            messages.push(Message::text(Role::Assistant, &utterance.text));
            said.push(messages);
            utterances.push(utterance);
        }
        self.held = Some(Held { session, said });
        Ok(utterances)
    }

    fn writer(&self, row: usize, messages: &[Message]) -> Result<Writer<'a>, ModelError> {
        let model: &'a Model = self.model;
        let tokenizer = model.words.tokenizer();
        let mut forbidden = tokenizer.forbidden(model.network.config().text.vocab_size);
        forbidden.extend(&self.avoided);
        let sampling = SamplingSettings { forbidden, ..self.sampling.clone() };
        let turn = messages.iter().filter(|message| message.role == Role::Assistant).count();
        let number = (row as u64) << 16 | turn as u64;
        let writer = Writer::new(tokenizer, Sampler::new(sampling, self.seed, number)?);
        let writer = writer.with_stops(STOPS);
        Ok(match &self.grammar {
            Some(grammar) => writer.with_constraint(grammar.clone()),
            None => writer,
        })
    }
}

fn utterance(writer: &Writer<'_>, completion: &Completion, prompt_tokens: usize) -> Utterance {
    let tag = writer.stopped_at().map_or("", |tag| STOPS[tag]);
    Utterance {
        text: format!("{}{tag}", writer.text()),
        prompt_tokens: Some(prompt_tokens),
        completion_tokens: Some(completion.ids.len()),
    }
}

/// Whether two conversations say and show the same.
fn same(a: &[Message], b: &[Message]) -> bool {
    let same_part = |(a, b): (&Part, &Part)| match (a, b) {
        (Part::Text(a), Part::Text(b)) => a == b,
        (Part::Frame(a), Part::Frame(b)) => a.index() == b.index() && a.sha256() == b.sha256(),
        _ => false,
    };
    let same_message = |(a, b): (&Message, &Message)| {
        a.role == b.role
            && a.parts.len() == b.parts.len()
            && a.parts.iter().zip(&b.parts).all(same_part)
    };
    a.len() == b.len() && a.iter().zip(b).all(same_message)
}

impl Speaker for NetworkSpeaker<'_> {
    fn name(&self) -> String {
        self.model.name.clone()
    }

    fn speak(
        &mut self,
        messages: &[Message],
        max_tokens: usize,
        on_piece: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Utterance> {
        let turns = self.write(&[Waiting { messages, max_tokens }], on_piece);
        let mut turns = turns.map_err(|error| self.failed(error))?;
        Ok(turns.pop().unwrap_or_default())
    }
}

impl Chorus for NetworkSpeaker<'_> {
    fn name(&self) -> String {
        self.model.name.clone()
    }

    fn speak_all(&mut self, waiting: &[Waiting<'_>]) -> Vec<Result<Utterance>> {
        if let Ok(turns) = self.write(waiting, &mut |_| ControlFlow::Continue(())) {
            return turns.into_iter().map(Ok).collect();
        }
        // Somebody does not fit; alone, each fails for itself.
        let alone = |one: &Waiting<'_>| {
            self.speak(one.messages, one.max_tokens, &mut |_| ControlFlow::Continue(()))
        };
        waiting.iter().map(alone).collect()
    }
}
