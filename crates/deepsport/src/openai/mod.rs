//! A model behind an OpenAI-compatible server.

mod answer; // what goes over the wire

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use openai_service::{Problem, Service, Setting, block_on};

use crate::agent::{Message, Speaker, Utterance};
use crate::{Error, Result};
use answer::{Answer, Request};

/// A vision-language model behind a server that speaks OpenAI's chat completion protocol: vLLM, SGLang, llama.cpp, or a
/// hosted one. Frames go as PNG in data URLs; answers stream.
///
/// ```no_run
/// use deepsport::{OpenAi, agent::Agent};
/// // vllm serve Qwen/Qwen2.5-VL-7B-Instruct
/// let mut model = OpenAi::new("http://127.0.0.1:8000/v1", "Qwen/Qwen2.5-VL-7B-Instruct")?;
/// let video = frame_tool::Video::open("match.mp4")?;
/// let trajectory = Agent::new().run(&video, "Who touched the ball last?", &mut model)?;
/// # Ok::<(), deepsport::Error>(())
/// ```
///
/// A failed connection, status 429 and every 5xx are tried again, after 0.25 s, 0.5 s, 1 s and so on or after what the
/// server asks for in `Retry-After`. The key is sent to the server and never printed. Calls block; clones share the
/// [rate](Self::with_max_rate) and can be used from many threads at once.
#[derive(Debug, Clone)]
pub struct OpenAi {
    service: Service,
    model: String,
    temperature: Option<f32>,
    seed: Option<u64>,
    pace: Option<Arc<Pace>>,
}

/// Lets requests through at equal distances.
#[derive(Debug)]
struct Pace {
    step: Duration,
    /// When the next one may go.
    next: Mutex<Instant>,
}

impl Pace {
    /// How long to wait for one's turn, which is taken by asking.
    fn wait(&self) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let turn = (*next).max(now);
        *next = turn + self.step;
        turn - now
    }
}

impl OpenAi {
    /// Asks `model` at `endpoint`, the address up to and with `/v1`, without a key. A bare host means its `/v1`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if the endpoint is no `http` address (or `https`, with the feature `openai-tls`), or
    /// the model has no name.
    pub fn new(endpoint: impl AsRef<str>, model: impl Into<String>) -> Result<Self> {
        let model = model.into();
        if model.trim().is_empty() {
            let expected = "the name of a model that the server offers".into();
            return Err(Error::InvalidSetting { name: "model", value: "empty".into(), expected });
        }
        let service = Service::new(endpoint.as_ref())?;
        Ok(Self { service, model, temperature: None, seed: None, pace: None })
    }

    /// Asks `model`, or without a name the first that the server offers, with this key; none if it is empty.
    ///
    /// # Errors
    ///
    /// As [`with_first_model`](Self::with_first_model).
    pub fn connect(endpoint: impl AsRef<str>, model: Option<&str>, key: &str) -> Result<Self> {
        match model.filter(|model| !model.trim().is_empty()) {
            Some(model) => Self::new(endpoint, model)?.with_key(key),
            None => Self::with_first_model(endpoint, key),
        }
    }

    /// Asks the first model that a server offers, or `default` where it does not say: llama.cpp does not look at the name.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new) and [`with_key`](Self::with_key); [`Error::Service`] if nobody answers at the address.
    pub fn with_first_model(endpoint: impl AsRef<str>, key: &str) -> Result<Self> {
        let mut client = Self::new(endpoint, "default")?.with_key(key)?;
        let offered = block_on(client.service.first_model()).map_err(|p| client.failed(p))?;
        if let Some(first) = offered {
            client.model = first;
        }
        Ok(client)
    }

    fn failed(&self, problem: Problem) -> Error {
        Error::Service { endpoint: self.service.endpoint().to_owned(), problem }
    }

    /// Sets the key that is sent as `Authorization: Bearer`; spaces and line ends around it are cut.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if it holds anything but visible ASCII characters; the key is not repeated.
    pub fn with_key(mut self, key: &str) -> Result<Self> {
        self.service = self.service.with_key(key)?;
        Ok(self)
    }

    /// Sets how long one turn may take from request to last word; 300 s by default.
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

    /// Sets the seed of sampling, for servers that keep one.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Lets at most `per_minute` requests go out in a minute, of all clones together; unlimited by default.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] unless the rate is positive and finite.
    pub fn with_max_rate(mut self, per_minute: f64) -> Result<Self> {
        let step = Duration::try_from_secs_f64(60.0 / per_minute).ok().filter(|_| per_minute > 0.0);
        let Some(step) = step else {
            let expected = "a positive number of requests a minute".into();
            return Err(Error::InvalidSetting {
                name: "rate",
                value: per_minute.to_string(),
                expected,
            });
        };
        self.pace = Some(Arc::new(Pace { step, next: Mutex::new(Instant::now()) }));
        Ok(self)
    }
}

impl Speaker for OpenAi {
    fn name(&self) -> String {
        self.model.clone()
    }

    fn speak(
        &mut self,
        messages: &[Message],
        max_tokens: usize,
        on_piece: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Utterance> {
        let request = Request::new(&self.model, messages, max_tokens, self.temperature, self.seed)
            .map_err(|reason| self.failed(Problem::Malformed { reason }))?;
        if let Some(pace) = &self.pace {
            std::thread::sleep(pace.wait());
        }
        let mut answer = Answer::default();
        let hear = |piece| {
            let text = answer.add(piece)?;
            Ok(text.map_or(ControlFlow::Continue(()), |text| on_piece(&text)))
        };
        self.service
            .stream_here(request, hear)
            .and_then(|()| answer.into_utterance())
            .map_err(|problem| self.failed(problem))
    }
}

impl From<Setting> for Error {
    fn from(setting: Setting) -> Self {
        let Setting { name, value, expected } = setting;
        Self::InvalidSetting { name, value, expected: expected.into() }
    }
}
