//! Sends one request, tries again where that may help, and says what went wrong in this crate's words.
//!
//! async-openai's own retries lose the status of answers that are not JSON, as proxies give them, hence these.

use std::time::Duration;

use async_openai::error::{ApiError, ApiErrorResponse, OpenAIError};
use async_openai::middleware::HttpRequestFactory;
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;

use crate::Problem;

/// Wait before the first further try; doubled every time.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// How long a connection may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of a server's message is kept, in characters.
const MESSAGE_CHARS: usize = 300;

/// The connection to one server.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    http: reqwest::Client,
    retries: u32,
}

impl Transport {
    pub(crate) fn new(endpoint: &str, retries: u32) -> Result<Self, OpenAIError> {
        Ok(Self { http: client(endpoint)?, retries })
    }

    /// The transport as async-openai takes it.
    pub(crate) fn service(
        self,
    ) -> impl tower::Service<
        HttpRequestFactory,
        Response = reqwest::Response,
        Error = OpenAIError,
        Future = impl Future<Output = Result<reqwest::Response, OpenAIError>> + Send + 'static,
    > + Clone
    + Send
    + Sync
    + 'static {
        tower::service_fn(move |request| self.clone().send(request))
    }

    async fn send(self, request: HttpRequestFactory) -> Result<reqwest::Response, OpenAIError> {
        let mut wait = FIRST_WAIT;
        let mut tries_left = self.retries;
        loop {
            let (error, asked) = match self.http.execute(request.build().await?).await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => {
                    let seconds = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok());
                    let asked = seconds.and_then(|text| text.trim().parse().ok());
                    (refusal(response).await, asked.map(Duration::from_secs))
                }
                Err(error) => (OpenAIError::Reqwest(error), None),
            };
            if tries_left == 0 || !may_pass(&error) {
                return Err(error);
            }
            tries_left -= 1;
            tokio::time::sleep(asked.unwrap_or(wait)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// What connects to the server at `endpoint`.
pub(crate) fn client(endpoint: &str) -> Result<reqwest::Client, OpenAIError> {
    let mut http = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT);
    // A proxy of the system's cannot reach this machine's own servers.
    let host = endpoint.split("://").nth(1).unwrap_or_default();
    if ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local)) {
        http = http.no_proxy();
    }
    http.build().map_err(OpenAIError::Reqwest)
}

/// An answer other than 2xx, with what its body says.
async fn refusal(response: reqwest::Response) -> OpenAIError {
    #[derive(serde::Deserialize)]
    struct Wrapped {
        error: ApiError,
    }
    let status_code = response.status();
    let body = response.text().await.unwrap_or_default();
    let api_error = serde_json::from_str::<Wrapped>(&body).map(|wrapped| wrapped.error);
    let api_error = api_error.unwrap_or_else(|_| ApiError { message: body, ..ApiError::default() });
    OpenAIError::ApiError(ApiErrorResponse { status_code, api_error })
}

/// Whether another try may succeed.
fn may_pass(error: &OpenAIError) -> bool {
    match error {
        OpenAIError::Reqwest(error) => error.is_connect(),
        OpenAIError::ApiError(error) => {
            let spent = error.api_error.r#type.as_deref() == Some("insufficient_quota");
            error.status_code.is_server_error()
                || (error.status_code == StatusCode::TOO_MANY_REQUESTS && !spent)
        }
        _ => false,
    }
}

/// The failure in this crate's words.
pub(crate) fn problem(error: OpenAIError) -> Problem {
    match error {
        OpenAIError::Reqwest(error) if error.is_timeout() && error.is_connect() => {
            let reason = format!("no connection within {} s", CONNECT_TIMEOUT.as_secs());
            Problem::Unreachable { reason }
        }
        OpenAIError::Reqwest(error) if error.is_connect() || error.is_request() => {
            Problem::Unreachable { reason: innermost(&error) }
        }
        OpenAIError::Reqwest(error) => {
            Problem::Malformed { reason: format!("it broke off: {}", innermost(&error)) }
        }
        OpenAIError::ApiError(error) => {
            let message = shortened(&error.api_error.message);
            Problem::of_status(error.status_code.as_u16(), message)
        }
        OpenAIError::JSONDeserialize(error, content) => {
            Problem::Malformed { reason: format!("{error}, in `{}`", shortened(&content)) }
        }
        other => Problem::Malformed { reason: shortened(&other.to_string()) },
    }
}

/// The cause at the bottom, which names the address and what the system said.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn shortened(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(MESSAGE_CHARS) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.into(),
    }
}
