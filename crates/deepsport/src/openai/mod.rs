//! A model behind an OpenAI-compatible server.

mod answer; // what goes over the wire
mod transport; // one request, its retries, its failures

use std::fmt::Debug;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use futures_util::StreamExt as _;

use crate::agent::{Message, Speaker, Utterance};
use crate::{Error, Result, ServiceProblem};
use answer::{Answer, Piece, Request};
use transport::{Failure, Transport};

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
#[derive(Clone)]
pub struct OpenAi {
    endpoint: String,
    model: String,
    key: String,
    timeout: Duration,
    retries: u32,
    temperature: Option<f32>,
    seed: Option<u64>,
    pace: Option<Arc<Pace>>,
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
    pub fn new(endpoint: impl Into<String>, model: impl Into<String>) -> Result<Self> {
        let mut endpoint = endpoint.into().trim().trim_end_matches('/').to_string();
        let model = model.into();
        check_endpoint(&endpoint)?;
        if endpoint.matches('/').count() == 2 {
            endpoint.push_str("/v1");
        }
        if model.trim().is_empty() {
            let expected = "the name of a model that the server offers".into();
            return Err(Error::InvalidSetting { name: "model", value: "empty".into(), expected });
        }
        Ok(Self {
            endpoint,
            model,
            key: String::new(),
            timeout: Duration::from_secs(300),
            retries: 3,
            temperature: None,
            seed: None,
            pace: None,
        })
    }

    /// Asks `model`, or without a name the first that the server offers, with this key; none if it is empty.
    ///
    /// # Errors
    ///
    /// As [`with_first_model`](Self::with_first_model).
    pub fn connect(endpoint: impl Into<String>, model: Option<&str>, key: &str) -> Result<Self> {
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
    pub fn with_first_model(endpoint: impl Into<String>, key: &str) -> Result<Self> {
        #[derive(serde::Deserialize)]
        struct Offer {
            data: Vec<Offered>,
        }
        #[derive(serde::Deserialize)]
        struct Offered {
            id: String,
        }
        let mut client = Self::new(endpoint, "default")?.with_key(key)?;
        let asking = async {
            let http = transport::client(&client.endpoint)?;
            let address = format!("{}/models", client.endpoint);
            let answer =
                http.get(address).bearer_auth(&client.key).timeout(transport::CONNECT_TIMEOUT);
            match answer.send().await {
                Ok(answer) => Ok(answer.json::<Offer>().await.ok()),
                Err(error) if error.is_connect() => Err(Failure::from(error)),
                Err(_) => Ok(None), // a server without a list
            }
        };
        let offer = on_a_thread(asking).map_err(|failure| client.failed(failure.problem()))?;
        let first = offer.and_then(|offer| offer.data.into_iter().next());
        if let Some(first) = first.filter(|first| !first.id.trim().is_empty()) {
            client.model = first.id;
        }
        Ok(client)
    }

    fn failed(&self, problem: ServiceProblem) -> Error {
        Error::Service { endpoint: self.endpoint.clone(), problem: problem.without(&self.key) }
    }

    /// Sets the key that is sent as `Authorization: Bearer`; spaces and line ends around it are cut.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if it holds anything but visible ASCII characters; the key is not repeated.
    pub fn with_key(mut self, key: &str) -> Result<Self> {
        let key = key.trim();
        if !key.chars().all(|c| c.is_ascii_graphic()) {
            let (value, expected) = ("not shown".into(), "visible ASCII without spaces".into());
            return Err(Error::InvalidSetting { name: "key", value, expected });
        }
        self.key = key.to_owned();
        Ok(self)
    }

    /// Sets how long one turn may take from request to last word; 300 s by default.
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

    async fn ask(
        &self,
        request: Request<'_>,
        on_piece: &mut (dyn FnMut(&str) -> ControlFlow<()> + Send),
    ) -> Result<Utterance, Failure> {
        if let Some(pace) = &self.pace {
            tokio::time::sleep(pace.wait()).await;
        }
        // Organisation and project would be taken from the environment and sent anywhere.
        let config = OpenAIConfig::new().with_org_id("").with_project_id("");
        let config = config.with_api_base(&self.endpoint).with_api_key(&self.key);
        let transport = Transport::new(&self.endpoint, self.retries)?;
        let client = Client::with_config(config).with_http_service(transport.service());
        let mut pieces = client.chat().create_stream_byot::<_, Piece>(request).await?;
        let mut answer = Answer::default();
        while let Some(piece) = pieces.next().await {
            if let Some(text) = answer.add(piece?)?
                && on_piece(&text).is_break()
            {
                break;
            }
        }
        answer.into_utterance()
    }

    /// Runs on a thread of its own, so that it neither meets nor needs a runtime of the caller's; pieces come back here.
    fn block_on(
        &self,
        request: Request<'_>,
        on_piece: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Utterance, ServiceProblem> {
        let (sender, pieces) = std::sync::mpsc::channel::<String>();
        let is_stopped = std::sync::atomic::AtomicBool::new(false);
        let is_stopped = &is_stopped;
        std::thread::scope(|scope| {
            let asking = scope.spawn(move || {
                let mut hand_on = |piece: &str| {
                    let is_heard = sender.send(piece.to_owned()).is_ok();
                    if is_heard && !is_stopped.load(std::sync::atomic::Ordering::Relaxed) {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                };
                let asking = async {
                    match tokio::time::timeout(self.timeout, self.ask(request, &mut hand_on)).await
                    {
                        Ok(answer) => answer,
                        Err(_) => Err(ServiceProblem::TimedOut { after: self.timeout }.into()),
                    }
                };
                in_runtime(asking).map_err(Failure::problem)
            });
            for piece in pieces {
                if on_piece(&piece).is_break() {
                    is_stopped.store(true, std::sync::atomic::Ordering::Relaxed);
                    break;
                }
            }
            match asking.join() {
                Ok(answer) => answer,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
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
            .map_err(|reason| self.failed(ServiceProblem::Malformed { reason }))?;
        self.block_on(request, on_piece).map_err(|problem| self.failed(problem))
    }
}

/// Runs to the end on this thread, which must not belong to a runtime already.
fn in_runtime<T>(asking: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let unreachable = |reason: String| ServiceProblem::Unreachable { reason };
    runtime.map_err(|error| unreachable(error.to_string()))?.block_on(asking)
}

/// As [`in_runtime`], on a thread of its own.
fn on_a_thread<T: Send>(
    asking: impl Future<Output = Result<T, Failure>> + Send,
) -> Result<T, Failure> {
    std::thread::scope(|scope| match scope.spawn(|| in_runtime(asking)).join() {
        Ok(answer) => answer,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// An address that can be printed: `http` or `https`, without a name or password in it.
fn check_endpoint(endpoint: &str) -> Result<()> {
    let invalid = |value: &str, expected: &str| {
        let (value, expected) = (value.to_owned(), expected.to_owned());
        Err(Error::InvalidSetting { name: "endpoint", value, expected })
    };
    let rest = ["http://", "https://"].iter().find_map(|start| endpoint.strip_prefix(start));
    let Some(rest) = rest else {
        return invalid(endpoint, "an address that starts with http:// or https://");
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return invalid("not shown", "an address without name and password; set a key instead");
    }
    if host.is_empty() || endpoint.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return invalid(endpoint, "an address with a host, such as http://127.0.0.1:8000/v1");
    }
    if endpoint.starts_with("https://") && !cfg!(feature = "openai-tls") {
        return invalid(endpoint, "an http address; https needs the feature `openai-tls`");
    }
    Ok(())
}
