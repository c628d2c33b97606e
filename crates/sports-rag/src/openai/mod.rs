use std::ops::ControlFlow;
use std::time::Duration;

use openai_service::{Problem, Service, block_on};

use crate::{Error, LanguageModel, Prompt, Result};

mod answer; // what goes over the wire

use answer::{Answer, Piece, Request};

/// Where OpenAI itself answers; taken if no other address is set.
const HOSTED: &str = "https://api.openai.com/v1";

/// A language model behind an OpenAI-compatible server: llama.cpp, vLLM, SGLang, or a hosted one.
///
/// ```no_run
/// use sports_rag::{ModelGuide, OpenAi};
/// // llama-server -m model.gguf --port 8080
/// let model = OpenAi::new("http://127.0.0.1:8080/v1", "qwen2.5-7b-instruct")?;
/// let guide = ModelGuide::new(model).with_athlete("beginner, 34");
/// # Ok::<(), sports_rag::Error>(())
/// ```
///
/// A failed connection, status 429 and every 5xx are tried again, after 0.25 s, 0.5 s, 1 s and so on or after what the
/// server asks for in `Retry-After`. The key is sent to the server and never printed, not even when the server repeats
/// it in a message. Works inside an asynchronous program as well as outside: the blocking calls run on a thread of
/// their own.
#[derive(Debug, Clone)]
pub struct OpenAi {
    service: Service,
    model: String,
    temperature: Option<f32>,
    max_tokens: Option<u32>,
}

impl OpenAi {
    /// Asks `model` at `endpoint`, the address up to and with `/v1`, without a key. A bare host means its `/v1`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if the endpoint is no `http` address (or `https`, with the feature `openai-tls`), or
    /// the model has no name.
    pub fn new(endpoint: impl AsRef<str>, model: impl Into<String>) -> Result<Self> {
        let (service, model) = (Service::new(endpoint.as_ref())?, model.into());
        if model.trim().is_empty() {
            let reason = "must name a model that the server offers".into();
            return Err(Error::InvalidSetting { name: "model", value: model, reason });
        }
        Ok(Self { service, model, temperature: None, max_tokens: None })
    }

    /// Reads the endpoint from `OPENAI_BASE_URL` (OpenAI's own if it is not set), the model from `OPENAI_MODEL` and the
    /// key from `OPENAI_API_KEY`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new) and [`with_key`](Self::with_key).
    pub fn from_env() -> Result<Self> {
        let read = |name: &str| std::env::var(name).unwrap_or_default();
        let endpoint = Some(read("OPENAI_BASE_URL")).filter(|endpoint| !endpoint.trim().is_empty());
        let model = read("OPENAI_MODEL");
        if model.trim().is_empty() {
            let reason = "must name a model that the server offers".into();
            return Err(Error::InvalidSetting { name: "OPENAI_MODEL", value: model, reason });
        }
        Self::new(endpoint.unwrap_or_else(|| HOSTED.into()), model)?
            .with_key(&read("OPENAI_API_KEY"))
    }

    /// Sets the key that is sent as `Authorization: Bearer`; spaces and line ends around it are cut.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if it holds anything but visible ASCII characters; the key is not repeated.
    pub fn with_key(mut self, key: impl AsRef<str>) -> Result<Self> {
        self.service = self.service.with_key(key.as_ref())?;
        Ok(self)
    }

    /// Sets how long one answer may take from request to last word; 300 s by default.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.service = self.service.with_timeout(timeout);
        self
    }

    /// Sets how often a request is tried again; 3 times by default.
    #[must_use]
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.service = self.service.with_retries(retries);
        self
    }

    /// Sets the sampling temperature; the server's own choice by default.
    #[must_use]
    pub fn with_temperature(mut self, temperature: f32) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Sets how many tokens an answer may have; the server's own choice by default.
    #[must_use]
    pub fn with_max_tokens(mut self, max_tokens: u32) -> Self {
        self.max_tokens = Some(max_tokens);
        self
    }

    /// The answer, handed to `on_piece` bit by bit while it is written; returns the whole of it.
    ///
    /// `on_piece` may end the answer early with [`ControlFlow::Break`]; what was written up to there is returned.
    /// Nothing is tried again once the first piece has arrived.
    ///
    /// # Errors
    ///
    /// As [`complete_async`](Self::complete_async).
    pub fn stream(
        &self,
        prompt: &Prompt,
        mut on_piece: impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<String> {
        let mut heard = Heard::default();
        let asked = self
            .service
            .stream_here(self.request(prompt, true), |piece| Ok(heard.take(piece, &mut on_piece)));
        asked.and_then(|()| heard.text()).map_err(|problem| self.failed(problem))
    }

    /// As [`LanguageModel::complete`], for asynchronous programs on tokio.
    ///
    /// # Errors
    ///
    /// [`Error::Service`] naming the endpoint and what went wrong.
    pub async fn complete_async(&self, prompt: &Prompt) -> Result<String> {
        let answer = self.service.chat(self.request(prompt, false)).await;
        answer.and_then(Answer::text).map_err(|problem| self.failed(problem))
    }

    /// As [`stream`](Self::stream), for asynchronous programs on tokio.
    ///
    /// # Errors
    ///
    /// As [`complete_async`](Self::complete_async).
    pub async fn stream_async(
        &self,
        prompt: &Prompt,
        mut on_piece: impl FnMut(&str) -> ControlFlow<()> + Send,
    ) -> Result<String> {
        let mut heard = Heard::default();
        let hear = |piece| Ok(heard.take(piece, &mut on_piece));
        let asked = self.service.stream(self.request(prompt, true), hear).await;
        asked.and_then(|()| heard.text()).map_err(|problem| self.failed(problem))
    }

    fn request<'a>(&'a self, prompt: &'a Prompt, stream: bool) -> Request<'a> {
        Request::new(&self.model, prompt, stream, self.temperature, self.max_tokens)
    }

    fn failed(&self, problem: Problem) -> Error {
        let (service, endpoint) = ("language model".into(), self.service.endpoint().into());
        Error::Service { service, endpoint, problem }
    }
}

/// A streamed answer, as far as it has come.
#[derive(Default)]
struct Heard {
    answer: Answer,
    is_enough: bool,
}

impl Heard {
    fn take(
        &mut self,
        piece: Piece,
        on_piece: &mut impl FnMut(&str) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let text = self.answer.add(piece);
        let next = text.map_or(ControlFlow::Continue(()), |text| on_piece(&text));
        self.is_enough = next.is_break();
        next
    }

    fn text(self) -> Result<String, Problem> {
        if self.is_enough { Ok(self.answer.so_far()) } else { self.answer.text() }
    }
}

impl LanguageModel for OpenAi {
    fn complete(&self, prompt: &Prompt) -> Result<String> {
        let asking = block_on(self.service.chat(self.request(prompt, false)));
        asking.and_then(Answer::text).map_err(|problem| self.failed(problem))
    }
}
