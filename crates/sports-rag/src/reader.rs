use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tantivy::schema::Value;
use tantivy::{DocAddress, IndexReader, TantivyDocument};

use crate::config::Config;
use crate::embed::embed_unit;
use crate::fusion;
use crate::rank::{Plan, Scored};
use crate::schema::{Fields, StoredChunk};
use crate::snapshot::Snapshot;
use crate::{Document, Error, Hit, Query, Ranks, Reranker, Result};

/// Searches a store's last commit; cheap to clone, and to send to other threads.
///
/// Every search runs on one snapshot, so a commit in between is seen wholly or not at all.
#[derive(Clone)]
pub struct Reader {
    inner: IndexReader,
    snapshot: Arc<RwLock<Arc<Snapshot>>>,
    fields: Fields,
    config: Config,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("num_passages", &self.num_passages()).finish_non_exhaustive()
    }
}

impl Reader {
    pub(crate) fn new(inner: IndexReader, fields: Fields, config: Config) -> Result<Self> {
        let snapshot = Arc::new(Snapshot::new(inner.searcher(), fields, &HashMap::new())?);
        Ok(Self { inner, snapshot: Arc::new(RwLock::new(snapshot)), fields, config })
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes notice of commits by other processes; a store's own commits are seen without it.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] if the index cannot be read.
    pub fn reload(&self) -> Result<()> {
        self.inner.reload()?;
        let known = self.snapshot().rows_by_segment();
        let fresh = Arc::new(Snapshot::new(self.inner.searcher(), self.fields, &known)?);
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Living passages.
    #[must_use]
    pub fn num_passages(&self) -> usize {
        self.snapshot().searcher.num_docs() as usize
    }

    /// Living documents' ids, sorted.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.snapshot().documents().into_keys().map(str::to_string).collect()
    }

    /// The stored document with this id.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] or [`Error::Index`] if its record cannot be read.
    pub fn document(&self, id: &str) -> Result<Option<Document>> {
        let snapshot = self.snapshot();
        for (segment_idx, segment) in snapshot.segments.iter().enumerate() {
            let Ok(place) = segment.rows.ids.binary_search_by(|found| found.as_str().cmp(id))
            else {
                continue;
            };
            let row = segment.living().find(|doc| {
                segment.rows.id_of[*doc as usize] == place as u32
                    && segment.rows.ord[*doc as usize] == 0
            });
            if let Some(doc) = row {
                return Ok(Some(read_document(&snapshot, segment_idx, doc)?));
            }
        }
        Ok(None)
    }

    /// The best passages for a query.
    ///
    /// Lexical scores are BM25 (Robertson) summed over title, heading and body, each with weight 1. Equal scores are
    /// ordered by document id. Costs grow with the posting lists of the query's words.
    ///
    /// # Errors
    ///
    /// [`Error::NoEmbedder`] if the query asks for vectors the store does not have; [`Error::InvalidSetting`] for
    /// weights that are not finite; [`Error::Index`] if the index cannot be read.
    pub fn search(&self, query: &Query) -> Result<Vec<Hit>> {
        self.search_with(query, None)
    }

    /// As [`search`](Self::search), with the candidates judged again by `reranker` before variety and collapsing.
    ///
    /// # Errors
    ///
    /// As `search`, and whatever the reranker reports.
    pub fn search_with(&self, query: &Query, reranker: Option<&dyn Reranker>) -> Result<Vec<Hit>> {
        if query.top_k == 0 {
            return Ok(Vec::new());
        }
        let snapshot = self.snapshot();
        let plan = Plan::new(&snapshot, query, self.config.k1, self.config.b)?;
        let vector = self.query_vector(query)?;
        let mut depth = query.candidates.max(query.top_k);
        if reranker.is_none() && query.mmr.is_none() && query.fusion.needs_dense().is_none() {
            depth = query.top_k.saturating_mul(2); // nothing but collapsing follows
        }
        loop {
            let mut complete = true;
            let mut rank = |wanted: bool, vector: Option<&[f32]>| -> Result<Vec<Scored>> {
                if !wanted {
                    return Ok(Vec::new());
                }
                let (mut list, total) = match vector {
                    Some(vector) => {
                        plan.dense(&snapshot, vector, depth, self.config.graph_above)?
                    }
                    None => plan.lexical(&snapshot, depth)?,
                };
                list.truncate(depth);
                complete &= total <= depth;
                Ok(list)
            };
            let lexical = rank(query.fusion.needs_lexical(), None)?;
            let dense = rank(vector.is_some(), vector.as_deref())?;
            let mut ranked = fusion::join(query.fusion, &lexical, &dense, |scored| {
                let segment = &snapshot.segments[scored.segment];
                (segment.id(scored.doc).to_string(), segment.rows.ord[scored.doc as usize])
            });
            let mut scores = HashMap::new();
            if let Some(reranker) = reranker {
                let hits: Result<Vec<Hit>> =
                    ranked.iter().map(|(at, ranks)| hit(&snapshot, *at, *ranks)).collect();
                scores = rerank(reranker, query, &hits?, &mut ranked)?;
            }
            if let Some(lambda) = query.mmr {
                ranked = diversify(&snapshot, ranked, lambda, query)?;
            }
            if query.collapse {
                let mut seen = std::collections::HashSet::new();
                ranked.retain(|(at, _)| {
                    seen.insert(snapshot.segments[at.segment].id(at.doc).to_string())
                });
            }
            if ranked.len() < query.top_k && !complete {
                depth = depth.saturating_mul(4);
                continue;
            }
            ranked.truncate(query.top_k);
            return ranked
                .into_iter()
                .map(|(at, ranks)| {
                    let mut hit = hit(&snapshot, at, ranks)?;
                    hit.ranks.rerank_score = scores.get(&(at.segment, at.doc)).copied();
                    if query.explain {
                        hit.explanation = plan.explain(&snapshot, at)?;
                    }
                    Ok(hit)
                })
                .collect();
        }
    }

    fn query_vector(&self, query: &Query) -> Result<Option<Vec<f32>>> {
        let Some(what) = query.fusion.needs_dense() else { return Ok(None) };
        let embedder = self.config.embedder.as_ref().ok_or(Error::NoEmbedder(what))?;
        let texts = std::iter::once(query.text.as_str())
            .chain(query.extra.iter().map(|(text, _)| text.as_str()));
        let text = texts.collect::<Vec<_>>().join(" ");
        Ok(embed_unit(embedder.as_ref(), &[&text])?.pop())
    }
}

/// Spreads the candidates; with collapsing, a document is picked once.
fn diversify(
    snapshot: &Snapshot,
    ranked: Vec<(Scored, Ranks)>,
    lambda: f32,
    query: &Query,
) -> Result<Vec<(Scored, Ranks)>> {
    let words: Result<Vec<_>> = ranked
        .iter()
        .map(|(at, ranks)| Ok(fusion::word_set(&query.lang, &hit(snapshot, *at, *ranks)?.text)))
        .collect();
    let scores: Vec<f32> = ranked.iter().map(|(at, _)| at.score).collect();
    let id = |idx: usize| snapshot.segments[ranked[idx].0.segment].id(ranked[idx].0.doc);
    let picked = fusion::diversify(&scores, &words?, lambda, query.top_k, |a, b| {
        query.collapse && id(a) == id(b)
    })?;
    Ok(picked.into_iter().map(|idx| ranked[idx]).collect())
}

/// Orders the candidates by the reranker's scores; ties keep their order. Gives the scores by place.
fn rerank(
    reranker: &dyn Reranker,
    query: &Query,
    hits: &[Hit],
    ranked: &mut [(Scored, Ranks)],
) -> Result<HashMap<(usize, u32), f32>> {
    let scores = reranker.score(&query.text, hits)?;
    if scores.len() != hits.len() || scores.iter().any(|score| score.is_nan()) {
        let reason = format!(
            "gave {} scores for {} hits, or a score that is not a number",
            scores.len(),
            hits.len()
        );
        return Err(Error::Remote { service: "reranker".into(), reason });
    }
    let by_place: HashMap<_, _> =
        ranked.iter().zip(scores).map(|((at, _), score)| ((at.segment, at.doc), score)).collect();
    for (at, _) in ranked.iter_mut() {
        at.score = by_place[&(at.segment, at.doc)];
    }
    ranked.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score));
    Ok(by_place)
}

pub(crate) fn read_document(snapshot: &Snapshot, segment: usize, doc: u32) -> Result<Document> {
    let record: TantivyDocument = snapshot.searcher.doc(DocAddress::new(segment as u32, doc))?;
    let text = record.get_first(snapshot.fields.document).and_then(|value| value.as_str());
    Ok(serde_json::from_str(text.unwrap_or_default())?)
}

fn hit(snapshot: &Snapshot, at: Scored, ranks: Ranks) -> Result<Hit> {
    let record: TantivyDocument =
        snapshot.searcher.doc(DocAddress::new(at.segment as u32, at.doc))?;
    let stored = |field| record.get_first(field).and_then(|value| value.as_str());
    let chunk = match stored(snapshot.fields.chunk) {
        Some(chunk) => serde_json::from_str(chunk)?,
        None => {
            let text = stored(snapshot.fields.document).unwrap_or_default();
            StoredChunk::only(serde_json::from_str(text)?)
                .ok_or_else(|| serde::de::Error::custom("the record of a passage has no text"))
                .map_err(Error::Corrupt)?
        }
    };
    let segment = &snapshot.segments[at.segment];
    let ord = segment.rows.ord[at.doc as usize] as usize;
    Ok(chunk.hit(segment.id(at.doc).to_string(), ord, at.score, ranks))
}
