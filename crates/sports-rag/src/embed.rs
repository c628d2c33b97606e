use std::fmt::Debug;

use crate::{Error, Hit, Result};

/// Turns texts into vectors whose cosine says how alike their meanings are.
pub trait Embedder: Debug + Send + Sync {
    /// Names model and settings; a store refuses vectors made by another embedder.
    fn id(&self) -> String;

    /// Length of every vector.
    fn dim(&self) -> usize;

    /// One vector per text, in order.
    ///
    /// # Errors
    ///
    /// [`Error::Embedding`] if a text cannot be embedded.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>>;
}

/// Judges passages against the query text once more, more slowly and more carefully.
pub trait Reranker: Debug + Send + Sync {
    /// One score per hit, higher is better.
    ///
    /// # Errors
    ///
    /// Whatever keeps the reranker from judging, as [`Error::Remote`].
    fn score(&self, query: &str, hits: &[Hit]) -> Result<Vec<f32>>;
}

/// Embeds and checks: one finite vector of the promised length per text, scaled to length 1.
///
/// A text without any known word may have the zero vector; it is kept as zeros and is close to nothing.
pub(crate) fn embed_unit(embedder: &dyn Embedder, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
    let fail = |reason: String| Error::Embedding { embedder: embedder.id(), reason };
    let mut vectors = embedder.embed(texts)?;
    if vectors.len() != texts.len() {
        return Err(fail(format!("gave {} vectors for {} texts", vectors.len(), texts.len())));
    }
    for vector in &mut vectors {
        if vector.len() != embedder.dim() {
            return Err(fail(format!(
                "gave a vector of length {}, promised {}",
                vector.len(),
                embedder.dim()
            )));
        }
        if vector.iter().any(|value| !value.is_finite()) {
            return Err(fail("gave a vector with a value that is not finite".into()));
        }
        let norm = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
        if norm > 0.0 {
            vector.iter_mut().for_each(|v| *v = (f64::from(*v) / norm) as f32);
        }
    }
    Ok(vectors)
}
