//! What users rely on.

mod cards;
mod hybrid;
mod kill;
mod models;
#[cfg(feature = "openai")]
mod openai;
#[cfg(feature = "quickwit")]
mod quickwit;
mod reading;
mod search;
mod store;
#[cfg(any(feature = "model2vec", feature = "hnsw"))]
mod vectors;
