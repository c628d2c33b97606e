use std::fmt::Debug;
use std::ops::ControlFlow;
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use futures_util::StreamExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::transport::{self, CONNECT_TIMEOUT, Transport};
use crate::{Problem, Setting};

/// The connection to one server. Cheap to clone.
///
/// A failed connection, status 429 and every 5xx are tried again, after 0.25 s, 0.5 s, 1 s and so on or after what the
/// server asks for in `Retry-After`; nothing is tried again once the first piece of a stream has arrived. The key is sent to
/// the server and never printed, not even when the server repeats it in a message.
#[derive(Clone)]
pub struct Service {
    endpoint: String,
    key: String,
    timeout: Duration,
    retries: u32,
}

impl Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("endpoint", &self.endpoint)
            .field("key", &if self.key.is_empty() { "none" } else { "set" })
            .field("timeout", &self.timeout)
            .field("retries", &self.retries)
            .finish()
    }
}

impl Service {
    /// The server at `endpoint`, the address up to and with `/v1`, without a key. A bare host means its `/v1`.
    ///
    /// # Errors
    ///
    /// [`Setting`] if the endpoint is no `http` address (or `https`, with the feature `tls`), or holds a name or password.
    pub fn new(endpoint: &str) -> Result<Self, Setting> {
        let mut endpoint = endpoint.trim().trim_end_matches('/').to_owned();
        crate::check_endpoint(&endpoint)?;
        if endpoint.starts_with("https://") && !cfg!(feature = "tls") {
            return Err(Setting::endpoint(
                &endpoint,
                "an http address; https needs the feature `tls` of openai-service",
            ));
        }
        if endpoint.matches('/').count() == 2 {
            endpoint.push_str("/v1");
        }
        Ok(Self { endpoint, key: String::new(), timeout: Duration::from_secs(300), retries: 3 })
    }

    /// Sets the key that is sent as `Authorization: Bearer`; spaces and line ends around it are cut.
    ///
    /// # Errors
    ///
    /// [`Setting`] if it holds anything but visible ASCII characters; the key is not repeated.
    pub fn with_key(mut self, key: &str) -> Result<Self, Setting> {
        let key = key.trim();
        if !key.chars().all(|c| c.is_ascii_graphic()) {
            return Err(Setting {
                name: "key",
                value: "not shown".into(),
                expected: "visible ASCII without spaces",
            });
        }
        self.key = key.to_owned();
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

    /// The address.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// `POST /chat/completions`: the whole answer.
    ///
    /// `request` and answer are the caller's types: servers leave fields out or know other reasons for stopping than OpenAI.
    ///
    /// # Errors
    ///
    /// [`Problem`].
    pub async fn chat<R, A>(&self, request: R) -> Result<A, Problem>
    where
        R: Serialize,
        A: DeserializeOwned,
    {
        let asking = async { self.client()?.chat().create_byot(request).await };
        self.in_time(async { asking.await.map_err(transport::problem) }).await
    }

    /// As [`chat`](Self::chat), handing pieces of the answer to `on_piece` as they come. It may end the answer early with
    /// [`ControlFlow::Break`].
    ///
    /// # Errors
    ///
    /// [`Problem`], be it `on_piece`'s own.
    pub async fn stream<R, P>(
        &self,
        request: R,
        mut on_piece: impl FnMut(P) -> Result<ControlFlow<()>, Problem>,
    ) -> Result<(), Problem>
    where
        R: Serialize,
        P: DeserializeOwned + Send + 'static,
    {
        let asking = async {
            let client = self.client().map_err(transport::problem)?;
            let pieces = client.chat().create_stream_byot::<R, P>(request).await;
            let mut pieces = pieces.map_err(transport::problem)?;
            while let Some(piece) = pieces.next().await {
                if on_piece(piece.map_err(transport::problem)?)?.is_break() {
                    break;
                }
            }
            Ok(())
        };
        self.in_time(asking).await
    }

    /// As [`stream`](Self::stream) for programs that are not asynchronous: waits, and calls `on_piece` on this thread.
    ///
    /// # Errors
    ///
    /// As [`stream`](Self::stream).
    pub fn stream_here<R, P>(
        &self,
        request: R,
        mut on_piece: impl FnMut(P) -> Result<ControlFlow<()>, Problem>,
    ) -> Result<(), Problem>
    where
        R: Serialize + Send,
        P: DeserializeOwned + Send + 'static,
    {
        let (sender, pieces) = std::sync::mpsc::channel::<P>();
        std::thread::scope(|scope| {
            let asking = scope.spawn(move || {
                let hand_on = |piece| {
                    let is_wanted = sender.send(piece).is_ok();
                    Ok(if is_wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
                };
                in_runtime(self.stream(request, hand_on))
            });
            let mut heard = Ok(());
            for piece in pieces {
                match on_piece(piece) {
                    Ok(ControlFlow::Continue(())) => {}
                    Ok(ControlFlow::Break(())) => break,
                    Err(problem) => {
                        heard = Err(problem.without(&self.key));
                        break;
                    }
                }
            } // the receiver goes here, and the server's next piece ends the asking
            match asking.join() {
                Ok(asked) => heard.and(asked),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// `GET /models`: the first model that the server offers; `None` where it does not say.
    ///
    /// # Errors
    ///
    /// [`Problem::Unreachable`] if nobody answers at the address.
    pub async fn first_model(&self) -> Result<Option<String>, Problem> {
        #[derive(serde::Deserialize)]
        struct Offer {
            data: Vec<Offered>,
        }
        #[derive(serde::Deserialize)]
        struct Offered {
            id: String,
        }
        let http = transport::client(&self.endpoint).map_err(transport::problem)?;
        let asking = http.get(format!("{}/models", self.endpoint)).bearer_auth(&self.key);
        let offer = match asking.timeout(CONNECT_TIMEOUT).send().await {
            Ok(answer) => answer.json::<Offer>().await.ok(),
            Err(error) if error.is_connect() => return Err(transport::problem(error.into())),
            Err(_) => None, // a server without a list
        };
        let first = offer.and_then(|offer| offer.data.into_iter().next()).map(|first| first.id);
        Ok(first.filter(|id| !id.trim().is_empty()))
    }

    fn client(&self) -> Result<Client<OpenAIConfig>, async_openai::error::OpenAIError> {
        // Organisation and project would be taken from the environment and sent anywhere.
        let config = OpenAIConfig::new().with_org_id("").with_project_id("");
        let config = config.with_api_base(&self.endpoint).with_api_key(&self.key);
        let transport = Transport::new(&self.endpoint, self.retries)?;
        Ok(Client::with_config(config).with_http_service(transport.service()))
    }

    async fn in_time<T>(
        &self,
        asking: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let answer = tokio::time::timeout(self.timeout, asking).await;
        let answer = answer.unwrap_or(Err(Problem::TimedOut { after: self.timeout }));
        answer.map_err(|problem| problem.without(&self.key))
    }
}

/// Runs to the end on a thread of its own, so that it neither meets nor needs a runtime of the caller's.
///
/// # Errors
///
/// Those of `asking`; [`Problem::Unreachable`] if the system gives no runtime.
///
/// # Panics
///
/// If `asking` does.
pub fn block_on<T: Send>(
    asking: impl Future<Output = Result<T, Problem>> + Send,
) -> Result<T, Problem> {
    std::thread::scope(|scope| match scope.spawn(|| in_runtime(asking)).join() {
        Ok(answer) => answer,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// Runs to the end on this thread, which must not belong to a runtime already.
fn in_runtime<T>(asking: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let unreachable = |error: std::io::Error| Problem::Unreachable { reason: error.to_string() };
    runtime.map_err(unreachable)?.block_on(asking)
}
