use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use ureq::Agent;

use crate::fusion::{diversify, word_set};
use crate::schema::StoredChunk;
use crate::{Chunking, Document, Error, Hit, Query, Ranks, Result, Retriever, ServiceProblem};

mod records; // documents and the index as Quickwit takes them
mod request; // a query as Quickwit takes it

/// How many bytes of documents go into one request; Quickwit's own limit is 10 MB.
const BATCH_BYTES: usize = 4_000_000;
/// How many passages are asked for at most while documents are collapsed.
const DEEPEST: usize = 10_000;
/// How much of a server's message is kept, in characters.
const MESSAGE_CHARS: usize = 300;

/// Passages in a Quickwit index: the same documents, terms and questions as a local [`Store`](crate::Store), spread
/// over as many machines as needed.
///
/// Words are cut and stemmed here, by the code that a store uses, and sent as finished terms that Quickwit only splits
/// at spaces; so every language works there that works here. Quickwit fixes BM25's k1 at 1.2 and b at 0.75, keeps
/// statistics per split, and has no vectors: rankings are alike, not equal, and [`Query::fuzzy`], [`Query::explain`]
/// and every [`Fusion`](crate::Fusion) but the lexical one are refused.
///
/// ```no_run
/// use sports_rag::{Query, Quickwit, Retriever, shipped_cards};
/// // docker run --rm -p 127.0.0.1:7280:7280 quickwit/quickwit:0.9.0 run
/// let quickwit = Quickwit::new("http://127.0.0.1:7280", "coaching")?;
/// quickwit.create_index()?;
/// quickwit.ingest(&shipped_cards())?;
/// let hits = quickwit.search(&Query::new("knees cave in").with_filter("event", ["squat"]))?;
/// # Ok::<(), sports_rag::Error>(())
/// ```
///
/// # Sources
///
/// Written after Quickwit's documentation and source at commit 9fd0143 (2026-08-21): `docs/reference/es_compatible_api.md`,
/// `docs/reference/rest-api.md`, `docs/configuration/index-config.md`, `quickwit-serve/src/elasticsearch_api`.
#[derive(Debug, Clone)]
pub struct Quickwit {
    endpoint: String,
    index: String,
    chunking: Chunking,
    agent: Agent,
}

/// What the server is for, in errors.
const SERVICE: &str = "quickwit";

impl Quickwit {
    /// The index named `index` of the server at `endpoint`, such as `http://127.0.0.1:7280`. Sends nothing yet.
    ///
    /// Plain http only: over open networks, put a proxy that speaks https beside each end.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if the endpoint is no http address or the name is none that Quickwit takes: 3 to 255
    /// letters, digits, `-` and `_`, the first a letter.
    pub fn new(endpoint: impl Into<String>, index: impl Into<String>) -> Result<Self> {
        let endpoint = endpoint.into().trim().trim_end_matches('/').to_string();
        let index = index.into();
        openai_service::check_endpoint(&endpoint)?;
        if endpoint.starts_with("https://") {
            let (name, reason) = ("endpoint", "https is not built in: use http, or a local proxy");
            return Err(Error::InvalidSetting { name, value: endpoint, reason: reason.into() });
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !((3..=255).contains(&index.len())
            && index.starts_with(|c: char| c.is_ascii_alphabetic())
            && index.chars().all(plain))
        {
            let (name, reason) =
                ("index", "needs 3 to 255 letters, digits, - and _, a letter first");
            return Err(Error::InvalidSetting { name, value: index, reason: reason.into() });
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(Duration::from_secs(60)));
        if ["http://127.", "http://localhost", "http://[::1]"]
            .iter()
            .any(|s| endpoint.starts_with(s))
        {
            config = config.proxy(None);
        }
        let agent = config.build().new_agent();
        Ok(Self { endpoint, index, chunking: Chunking::default(), agent })
    }

    /// Sets how long passages are; the default is a store's.
    #[must_use]
    pub fn with_chunking(mut self, chunking: Chunking) -> Self {
        self.chunking = chunking;
        self
    }

    /// Sets how long one request may take; 60 s by default.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        let proxy = self.agent.config().proxy().cloned();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(proxy)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(timeout));
        self.agent = config.build().new_agent();
        self
    }

    /// The index's configuration as JSON, for `POST /api/v1/indexes` or `quickwit index create --index-config FILE`.
    #[must_use]
    pub fn index_config(&self) -> Value {
        records::index_config(&self.index)
    }

    /// Makes the index.
    ///
    /// # Errors
    ///
    /// [`Error::Service`]; with [`ServiceProblem::Status`] 400 if the index is already there.
    pub fn create_index(&self) -> Result<()> {
        let body = self.index_config().to_string();
        self.send("POST", "/api/v1/indexes", &body, "application/json").map(drop)
    }

    /// Removes the index with everything in it.
    ///
    /// # Errors
    ///
    /// [`Error::Service`].
    pub fn delete_index(&self) -> Result<()> {
        self.send("DELETE", &format!("/api/v1/indexes/{}", self.index), "", "").map(drop)
    }

    /// The lines of newline-delimited JSON that stand for a document's passages, for `quickwit index ingest`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidDocument`] as [`Store::upsert`](crate::Store::upsert).
    pub fn lines(&self, document: &Document) -> Result<String> {
        document.check()?;
        records::lines(document, self.chunking)
    }

    /// Adds documents and waits until they can be found.
    ///
    /// Quickwit only ever adds: a document that is there already is found twice until it is [deleted](Self::delete).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidDocument`] before anything is sent; [`Error::Service`], also if Quickwit turns lines down. Then
    /// the batches before are in the index.
    pub fn ingest(&self, documents: &[Document]) -> Result<()> {
        documents.iter().try_for_each(Document::check)?;
        let mut batch = String::new();
        for (idx, document) in documents.iter().enumerate() {
            batch.push_str(&records::lines(document, self.chunking)?);
            let last = idx + 1 == documents.len();
            if last || batch.len() >= BATCH_BYTES {
                self.send_batch(&batch, last)?;
                batch.clear();
            }
        }
        Ok(())
    }

    /// Asks Quickwit to remove documents; it does so in its own time, minutes later. Unknown ids are ignored.
    ///
    /// To replace documents, delete them, wait until [`document`](Retriever::document) finds them no more, then
    /// [`ingest`](Self::ingest): a task removes what came before it, but takes its time.
    ///
    /// # Errors
    ///
    /// [`Error::Service`].
    pub fn delete<I: AsRef<str>>(&self, ids: impl IntoIterator<Item = I>) -> Result<()> {
        let path = format!("/api/v1/{}/delete-tasks", self.index);
        for id in ids {
            let quoted = id.as_ref().replace('\\', "\\\\").replace('"', "\\\"");
            let body = json!({ "query": format!("doc_id:\"{quoted}\"") }).to_string();
            self.send("POST", &path, &body, "application/json")?;
        }
        Ok(())
    }

    fn send_batch(&self, batch: &str, last: bool) -> Result<()> {
        #[derive(Deserialize)]
        struct Taken {
            #[serde(default)]
            num_rejected_docs: Option<u64>,
        }
        let commit = if last { "force" } else { "auto" };
        let path = format!("/api/v1/{}/ingest?commit={commit}", self.index);
        let taken: Taken =
            self.read(&self.send("POST", &path, batch, "application/x-ndjson")?)?;
        match taken.num_rejected_docs {
            Some(rejected @ 1..) => {
                let reason = format!("it turned {rejected} of the passages down");
                Err(self.error(ServiceProblem::Malformed { reason }))
            }
            _ => Ok(()),
        }
    }

    /// Passages, best first, at most `size`.
    fn passages(&self, body: &Value) -> Result<Vec<Hit>> {
        // Without the parameter, a split that fails is left out in silence.
        let path =
            format!("/api/v1/_elastic/{}/_search?allow_partial_search_results=false", self.index);
        let text = self.send("POST", &path, &body.to_string(), "application/json")?;
        let found: Found = self.read(&text)?;
        if found.shards.failed > 0 {
            let message = format!("{} splits could not be searched", found.shards.failed);
            return Err(self.error(ServiceProblem::Status { status: 200, message }));
        }
        let mut hits = Vec::new();
        for (rank, FoundHit { source, sort }) in found.hits.hits.into_iter().enumerate() {
            // The score is given as what was sorted by; the field `_score` stays empty.
            let score = sort.first().and_then(Value::as_f64).unwrap_or_default() as f32;
            let chunk: StoredChunk = self.read(&source.chunk)?;
            let ranks =
                Ranks { lexical: Some(rank + 1), lexical_score: Some(score), ..Ranks::default() };
            hits.push(chunk.hit(source.doc_id, source.ord, score, ranks));
        }
        hits.sort_by(|a, b| {
            b.score.total_cmp(&a.score).then_with(|| (&a.doc_id, a.ord).cmp(&(&b.doc_id, b.ord)))
        });
        Ok(hits)
    }

    fn send(&self, method: &str, path: &str, body: &str, content_type: &str) -> Result<String> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.endpoint))
            .header("content-type", content_type)
            .body(body.to_string())
            .map_err(|error| self.error(ServiceProblem::Malformed { reason: error.to_string() }))?;
        let mut response = self.agent.run(request).map_err(|error| self.failure(error))?;
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(256 << 20).read_to_string();
        let text = text.map_err(|error| self.failure(error))?;
        if (200..300).contains(&status) {
            return Ok(text);
        }
        let message: String = text.trim().chars().take(MESSAGE_CHARS).collect();
        Err(self.error(ServiceProblem::of_status(status, message)))
    }

    fn read<'a, T: Deserialize<'a>>(&self, text: &'a str) -> Result<T> {
        serde_json::from_str(text)
            .map_err(|error| self.error(ServiceProblem::Malformed { reason: error.to_string() }))
    }

    fn failure(&self, error: ureq::Error) -> Error {
        self.error(match error {
            ureq::Error::Timeout(_) => {
                let after = self.agent.config().timeouts().global.unwrap_or_default();
                ServiceProblem::TimedOut { after }
            }
            ureq::Error::Io(_) | ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => {
                ServiceProblem::Unreachable { reason: error.to_string() }
            }
            other => ServiceProblem::Malformed { reason: other.to_string() },
        })
    }

    fn error(&self, problem: ServiceProblem) -> Error {
        Error::Service { service: SERVICE.into(), endpoint: self.endpoint.clone(), problem }
    }
}

/// What `_search` answers, as far as it is used.
#[derive(Deserialize)]
struct Found {
    #[serde(rename = "_shards", default)]
    shards: Shards,
    hits: Hits,
}

#[derive(Default, Deserialize)]
struct Shards {
    #[serde(default)]
    failed: u64,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<FoundHit>,
}

#[derive(Deserialize)]
struct FoundHit {
    #[serde(rename = "_source")]
    source: records::Stored,
    #[serde(default)]
    sort: Vec<Value>,
}

impl Retriever for Quickwit {
    fn search(&self, query: &Query) -> Result<Vec<Hit>> {
        if let Some((what, instead)) = request::beyond(query) {
            let (service, endpoint) = (SERVICE.into(), self.endpoint.clone());
            return Err(Error::Unsupported { service, endpoint, what, instead });
        }
        let Some(mut body) = request::search(query)? else { return Ok(Vec::new()) };
        let mut size = if query.mmr.is_some() { query.candidates } else { query.top_k };
        // Several passages of one document count once.
        size = if query.collapse { size.saturating_mul(3) } else { size }.clamp(1, DEEPEST);
        loop {
            body["size"] = json!(size);
            let mut hits = self.passages(&body)?;
            let complete = hits.len() < size || size == DEEPEST;
            if let Some(lambda) = query.mmr {
                let scores: Vec<f32> = hits.iter().map(|hit| hit.score).collect();
                let words: Vec<_> =
                    hits.iter().map(|hit| word_set(&query.lang, &hit.text)).collect();
                let picked = diversify(&scores, &words, lambda, query.top_k, |a, b| {
                    query.collapse && hits[a].doc_id == hits[b].doc_id
                })?;
                hits = picked.into_iter().map(|idx| hits[idx].clone()).collect();
            }
            if query.collapse {
                let mut seen = HashSet::new();
                hits.retain(|hit| seen.insert(hit.doc_id.clone()));
            }
            if hits.len() >= query.top_k || complete {
                hits.truncate(query.top_k);
                return Ok(hits);
            }
            size = size.saturating_mul(4).min(DEEPEST);
        }
    }

    fn document(&self, id: &str) -> Result<Option<Document>> {
        let path = format!("/api/v1/_elastic/{}/_search", self.index);
        let body = request::document(id).to_string();
        let found: Found = self.read(&self.send("POST", &path, &body, "application/json")?)?;
        let Some(hit) = found.hits.hits.into_iter().next() else { return Ok(None) };
        hit.source.document.map(|document| self.read(&document)).transpose()
    }
}
