//! Finds cited coaching guidance for named technique issues.
//!
//! Documents go in (coaching cards, articles, book sections, questions with answers); ranked passages come out, each
//! with its source and the exact span it was taken from. An assessment's issues are looked up one by one, and a
//! template turns what was found into guidance in which every statement carries a citation.
//!
//! ```
//! use sports_rag::{Config, Guide, IssueQuery, Store, TemplateGuide, retrieve, shipped_cards};
//!
//! let mut store = Store::in_memory(Config::new())?;
//! store.upsert(&shipped_cards())?;
//! store.commit()?;
//!
//! let issue = IssueQuery {
//!     id: "shallow_squat".into(),
//!     name: "Shallow squat".into(),
//!     event: "squat".into(),
//!     severity: 0.7,
//!     facts: vec!["knee@bottom 98 deg, target 78-86, 12 deg above".into()],
//!     ..IssueQuery::default()
//! };
//! let found = retrieve(&store, std::slice::from_ref(&issue), 3)?;
//! let guidance = TemplateGuide::new().guidance(&[issue], &found)?;
//! assert!(guidance.items[0].text.contains("Drill:"));
//! assert_eq!(guidance.references[0].doc_id, "squat/shallow_squat");
//! # Ok::<(), sports_rag::Error>(())
//! ```
//!
//! # Sources, and where we differ
//!
//! - The idea of retrieval from a named diagnosis: SportsRAG in Tian et al. (2025), arXiv:2512.14121. Chunking, ranking
//!   and the form of the guidance are ours; the paper does not fix them.
//! - Ranking: BM25 (Robertson & Zaragoza 2009) over tantivy's posting lists, summed over title, heading and body. Ours:
//!   a word that occurs twice in the query counts twice, statistics cover the living passages of one language, and
//!   contributions are added in one order, so that an updated store ranks exactly as a rebuilt one.
//! - Fusion: reciprocal rank fusion (Cormack et al. 2009); variety: maximal marginal relevance (Carbonell & Goldstein
//!   1998). [`Lsi`]: Deerwester et al. (1990), computed after Halko et al. (2011).
//!
//! # What it leaves out
//!
//! The network, clocks, printing and language models: a model or a search service is reached through
//! [`LanguageModel`], [`Embedder`], [`Reranker`] and [`Retriever`]. Features add implementations of these:
//!
//! - `openai`: `OpenAi`, a language model behind any OpenAI-compatible server; `openai-tls` speaks https as well.
//! - `quickwit`: `Quickwit`, the same retrieval from a Quickwit server.
//! - `model2vec`: `Model2Vec`, static embeddings read from a folder.
//! - `hnsw`: a graph finds the nearest of very many vectors; see `Config::with_graph_above`.

mod document; // what goes in
mod read;
mod wger;
mod cards;
mod chunk;
mod analysis; // text to terms
mod config;
mod store; // what keeps it
mod schema;
mod snapshot;
mod reader; // what finds it
mod query;
mod wanted;
mod rank;
mod fusion;
mod embed;
mod lsi;
#[cfg(feature = "model2vec")]
mod model2vec;
#[cfg(feature = "hnsw")]
mod graph;
mod hit;
#[cfg(feature = "quickwit")]
mod quickwit;
mod retrieve; // from findings to passages
mod guide; // from passages to guidance
mod prompt;
#[cfg(feature = "openai")]
mod openai;
mod verify;
mod error;

pub use cards::shipped_cards;
pub use chunk::{Chunk, Chunking};
pub use config::Config;
pub use document::{Document, Section, Source};
pub use embed::{Embedder, Reranker};
pub use error::{Error, Result};
pub use guide::{Advice, Guidance, GuidanceItem, Guide, Reference, Sections, TemplateGuide};
pub use hit::{Contribution, Hit, Ranks};
pub use lsi::Lsi;
#[cfg(feature = "model2vec")]
pub use model2vec::Model2Vec;
#[cfg(feature = "openai")]
pub use openai::OpenAi;
pub use openai_service::Problem as ServiceProblem;
pub use prompt::{CheckedGuidance, LanguageModel, ModelGuide, Prompt};
pub use query::{Boost, Fusion, Query};
#[cfg(feature = "quickwit")]
pub use quickwit::Quickwit;
pub use read::read_documents;
pub use reader::Reader;
pub use retrieve::{IssueHit, IssueQuery, Passage, Retrieval, Retriever, retrieve};
pub use store::{Stats, Store, SyncReport};
pub use verify::{ClaimKind, UnsupportedClaim, verify};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
