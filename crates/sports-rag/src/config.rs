use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::document::hex;
use crate::{Chunking, Embedder, Error, Result};

/// Settings of a [`Store`](crate::Store).
///
/// Chunking and embedder are part of the index: a store written with others must be rebuilt. The rest may change at
/// every opening.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) chunking: Chunking,
    pub(crate) k1: f32,
    pub(crate) b: f32,
    pub(crate) writer_threads: usize,
    pub(crate) writer_memory_bytes: usize,
    pub(crate) embedder: Option<Arc<dyn Embedder>>,
    /// Vectors in a segment above which a graph is asked; never reached without the feature `hnsw`.
    pub(crate) graph_above: usize,
}

/// Up to here comparing every vector takes a few milliseconds. Ours.
#[cfg(feature = "hnsw")]
const GRAPH_ABOVE: usize = 50_000;
#[cfg(not(feature = "hnsw"))]
const GRAPH_ABOVE: usize = usize::MAX;

impl Default for Config {
    /// k1 = 1.2, b = 0.4 (short passages of similar length want a b below the usual 0.75), one writer thread with 64 MB, no embedder.
    fn default() -> Self {
        Self {
            chunking: Chunking::default(),
            k1: 1.2,
            b: 0.4,
            writer_threads: 1,
            writer_memory_bytes: 64_000_000,
            embedder: None,
            graph_above: GRAPH_ABOVE,
        }
    }
}

impl Config {
    /// The default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long passages are.
    #[must_use]
    pub fn with_chunking(mut self, chunking: Chunking) -> Self {
        self.chunking = chunking;
        self
    }

    /// Sets BM25's `k1` (how soon repetition stops counting, default 1.2) and `b` (how much length counts, 0..1,
    /// default 0.4). Both act at search time, so they can be tuned without a rebuild.
    #[must_use]
    pub fn with_bm25(mut self, k1: f32, b: f32) -> Self {
        (self.k1, self.b) = (k1, b);
        self
    }

    /// Sets indexing threads (default 1) and their memory together (default 64 MB; at least 15 MB each).
    #[must_use]
    pub fn with_writer(mut self, threads: usize, memory_bytes: usize) -> Self {
        (self.writer_threads, self.writer_memory_bytes) = (threads, memory_bytes);
        self
    }

    /// Adds vectors to every passage, for dense and fused rankings.
    #[must_use]
    pub fn with_embedder(mut self, embedder: Arc<dyn Embedder>) -> Self {
        self.embedder = Some(embedder);
        self
    }

    /// Sets above how many vectors in a segment, after filters, the nearest are looked up in a graph (HNSW) instead of
    /// one by one; 50,000 by default.
    ///
    /// The graph is built by the first search that needs it, and again for every new segment. It finds nearly all of
    /// the nearest vectors, not always all, and not the same ones in every run. `usize::MAX` turns it off.
    #[cfg(feature = "hnsw")]
    #[must_use]
    pub fn with_graph_above(mut self, num_vectors: usize) -> Self {
        self.graph_above = num_vectors;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.chunking.check()?;
        let invalid = |name, value: String, reason: &'static str| {
            Err(Error::InvalidSetting { name, value, reason: reason.into() })
        };
        if !(self.k1.is_finite() && self.k1 >= 0.0) {
            return invalid("k1", self.k1.to_string(), "must be a finite number of at least 0");
        }
        if !(0.0..=1.0).contains(&self.b) {
            return invalid("b", self.b.to_string(), "must lie in 0..=1");
        }
        if !(1..=8).contains(&self.writer_threads) {
            return invalid("writer_threads", self.writer_threads.to_string(), "must lie in 1..=8");
        }
        if self.writer_memory_bytes / self.writer_threads < 15_000_000 {
            return invalid(
                "writer_memory_bytes",
                self.writer_memory_bytes.to_string(),
                "needs 15 MB per thread",
            );
        }
        Ok(())
    }

    /// Names everything that is baked into an index.
    pub(crate) fn hash(&self) -> String {
        let embedder =
            self.embedder.as_ref().map_or_else(String::new, |e| format!("{}/{}", e.id(), e.dim()));
        let Chunking { max_chars, overlap_chars } = self.chunking;
        let text = format!("chunks {max_chars}/{overlap_chars}; vectors {embedder}");
        hex(&Sha256::digest(text.as_bytes()))[..16].to_string()
    }
}
