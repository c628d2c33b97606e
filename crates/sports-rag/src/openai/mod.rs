use std::fmt::Debug;
use std::ops::ControlFlow;
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use futures_util::StreamExt as _;

use crate::{Error, LanguageModel, Prompt, Result, ServiceProblem};

mod answer; // what goes over the wire
mod transport; // one request, its retries, its failures

use answer::{Answer, Piece, Request};
use transport::Transport;

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
#[derive(Clone)]
pub struct OpenAi {
    endpoint: String,
    model: String,
    key: String,
    timeout: Duration,
    retries: u32,
    temperature: Option<f32>,
    max_tokens: Option<u32>,
}

impl Debug for OpenAi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenAi")
            .field("endpoint", &self.endpoint)
            .field("model", &self.model)
            .field("key", &if self.key.is_empty() { "none" } else { "set" })
            .field("timeout", &self.timeout)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

impl OpenAi {
    /// Asks `model` at `endpoint`, the address up to and with `/v1`, without a key.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if the endpoint is no `http` address (or `https`, with the feature `openai-tls`), or
    /// the model has no name.
    pub fn new(endpoint: impl Into<String>, model: impl Into<String>) -> Result<Self> {
        let endpoint = endpoint.into().trim().trim_end_matches('/').to_string();
        let model = model.into();
        let invalid = |name, value: &str, reason| {
            Err(Error::InvalidSetting { name, value: value.into(), reason })
        };
        crate::error::check_endpoint(&endpoint)?;
        if endpoint.starts_with("https://") && !cfg!(feature = "openai-tls") {
            return invalid("endpoint", &endpoint, "https needs the feature `openai-tls`");
        }
        if model.trim().is_empty() {
            return invalid("model", &model, "must name a model that the server offers");
        }
        Ok(Self {
            endpoint,
            model,
            key: String::new(),
            timeout: Duration::from_secs(300),
            retries: 3,
            temperature: None,
            max_tokens: None,
        })
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
            let reason = "must name a model that the server offers";
            return Err(Error::InvalidSetting { name: "OPENAI_MODEL", value: model, reason });
        }
        Self::new(endpoint.unwrap_or_else(|| HOSTED.into()), model)?
            .with_key(read("OPENAI_API_KEY"))
    }

    /// Sets the key that is sent as `Authorization: Bearer`; spaces and line ends around it are cut.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if it holds anything but visible ASCII characters; the key is not repeated.
    pub fn with_key(mut self, key: impl Into<String>) -> Result<Self> {
        let key = key.into();
        if !key.trim().chars().all(|c| c.is_ascii_graphic()) {
            let (value, reason) = ("not shown".into(), "must be visible ASCII without spaces");
            return Err(Error::InvalidSetting { name: "key", value, reason });
        }
        self.key = key.trim().to_string();
        Ok(self)
    }

    /// Sets how long one answer may take from request to last word; 300 s by default.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how often a request is tried again; 3 times by default.
    #[must_use]
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.retries = retries;
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
        on_piece: impl FnMut(&str) -> ControlFlow<()> + Send,
    ) -> Result<String> {
        self.block_on(self.stream_async(prompt, on_piece))
    }

    /// As [`LanguageModel::complete`], for asynchronous programs on tokio.
    ///
    /// # Errors
    ///
    /// [`Error::Service`] naming the endpoint and what went wrong.
    pub async fn complete_async(&self, prompt: &Prompt) -> Result<String> {
        let asking = async {
            let answer: Answer =
                self.client()?.chat().create_byot(self.request(prompt, false)).await?;
            answer.text()
        };
        self.within_time(asking).await
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
        let asking = async {
            let client = self.client()?;
            let mut pieces =
                client.chat().create_stream_byot::<_, Piece>(self.request(prompt, true)).await?;
            let mut answer = Answer::default();
            while let Some(piece) = pieces.next().await {
                if let Some(text) = answer.add(piece?)
                    && on_piece(&text).is_break()
                {
                    return Ok(answer.so_far());
                }
            }
            answer.text()
        };
        self.within_time(asking).await
    }

    fn client(&self) -> Result<Client<OpenAIConfig>, transport::Failure> {
        // Organisation and project would be taken from the environment and sent anywhere.
        let config = OpenAIConfig::new().with_org_id("").with_project_id("");
        let config = config.with_api_base(&self.endpoint).with_api_key(&self.key);
        let transport = Transport::new(&self.endpoint, self.retries)?;
        Ok(Client::with_config(config).with_http_service(transport.service()))
    }

    fn request<'a>(&'a self, prompt: &'a Prompt, stream: bool) -> Request<'a> {
        Request::new(&self.model, prompt, stream, self.temperature, self.max_tokens)
    }

    async fn within_time(
        &self,
        asking: impl Future<Output = Result<String, transport::Failure>>,
    ) -> Result<String> {
        let problem = match tokio::time::timeout(self.timeout, asking).await {
            Ok(Ok(text)) => return Ok(text),
            Ok(Err(failure)) => failure.problem(),
            Err(_) => ServiceProblem::TimedOut { after: self.timeout },
        };
        let (service, endpoint) = ("language model".into(), self.endpoint.clone());
        Err(Error::Service { service, endpoint, problem: problem.without(&self.key) })
    }

    /// Runs on a thread of its own, so that it neither meets nor needs a runtime of the caller's.
    fn block_on(&self, asking: impl Future<Output = Result<String>> + Send) -> Result<String> {
        let failed = |reason: String| Error::Service {
            service: "language model".into(),
            endpoint: self.endpoint.clone(),
            problem: ServiceProblem::Unreachable { reason },
        };
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| failed(error.to_string()))?.block_on(asking)
        };
        std::thread::scope(|scope| match scope.spawn(run).join() {
            Ok(answer) => answer,
            // Only `on_piece` can panic in there; it is the caller's panic.
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }
}

impl LanguageModel for OpenAi {
    fn complete(&self, prompt: &Prompt) -> Result<String> {
        self.block_on(self.complete_async(prompt))
    }
}
