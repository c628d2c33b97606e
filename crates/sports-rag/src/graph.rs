//! Nearest vectors through a graph instead of one by one (HNSW; Malkov & Yashunin 2018, arXiv:1603.09320).

use hnsw_rs::prelude::{Distance, FilterT, Hnsw};

/// Neighbours per vector and layer; the paper finds 16 good from low to high dimensions.
const NEIGHBOURS: usize = 16;
/// Candidates kept while a vector is put in. Ours: twice hnswlib's default, for better recall.
const BUILD_CANDIDATES: usize = 400;
/// Least number of candidates kept while searching. Ours.
const SEARCH_CANDIDATES: usize = 200;
/// Layers at most; hnsw_rs's own limit.
const MAX_LAYERS: usize = 16;

/// 1 - cosine of vectors of length 1. hnsw_rs's own version panics where rounding makes it negative.
#[derive(Clone, Copy, Default)]
struct OneMinusCosine;

impl Distance<f32> for OneMinusCosine {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        (1.0 - a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>()).max(0.0)
    }
}

/// A graph over the vectors of one segment.
pub(crate) struct Graph(Hnsw<'static, f32, OneMinusCosine>);

struct Allowed<'a>(&'a dyn Fn(u32) -> bool);

impl FilterT for Allowed<'_> {
    fn hnsw_filter(&self, row: &usize) -> bool {
        (self.0)(*row as u32)
    }
}

impl Graph {
    /// Takes a copy of the vectors; about as long as comparing each with a few thousand others.
    pub(crate) fn build(vectors: &[(u32, &[f32])]) -> Self {
        let graph =
            Hnsw::new(NEIGHBOURS, vectors.len(), MAX_LAYERS, BUILD_CANDIDATES, OneMinusCosine);
        let rows: Vec<(&[f32], usize)> =
            vectors.iter().map(|(row, vector)| (*vector, *row as usize)).collect();
        graph.parallel_insert_slice(&rows);
        Self(graph)
    }

    /// Rows of about the nearest `limit` vectors among those allowed.
    pub(crate) fn nearest(
        &self,
        vector: &[f32],
        limit: usize,
        allowed: &dyn Fn(u32) -> bool,
    ) -> Vec<u32> {
        let candidates = limit.saturating_mul(2).max(SEARCH_CANDIDATES);
        let filter = Allowed(allowed);
        let found = self.0.search_filter(vector, limit, candidates, Some(&filter));
        found.into_iter().map(|neighbour| neighbour.d_id as u32).collect()
    }
}
