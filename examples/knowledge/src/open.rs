//! Where documents are kept, and who writes guidance from them.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use sports_rag::{Config, Document, Guide, Retriever, Store, TemplateGuide, shipped_cards};

/// Where the documents are.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The store's folder; made by `ingest` and `sync`. Without it the shipped cards are used.
    #[arg(long, global = true)]
    pub(crate) store: Option<PathBuf>,
    /// A Quickwit server in place of a store, such as http://127.0.0.1:7280. Needs `--features quickwit`.
    #[arg(long, global = true, conflicts_with = "store")]
    pub(crate) quickwit: Option<String>,
    /// Name of the index on that server.
    #[arg(long, global = true, default_value = "coaching")]
    pub(crate) index: String,
}

impl Place {
    pub(crate) fn writable(&self) -> anyhow::Result<Store> {
        let Some(dir) = &self.store else { bail!("name the store with --store DIR") };
        Ok(Store::open_or_create(dir, Config::new())?)
    }

    pub(crate) fn readable(&self) -> anyhow::Result<Store> {
        if let Some(dir) = &self.store {
            return Ok(Store::open(dir, Config::new())?);
        }
        let mut store = Store::in_memory(Config::new())?;
        store.sync(shipped_cards())?;
        Ok(store)
    }

    pub(crate) fn retriever(&self) -> anyhow::Result<Box<dyn Retriever>> {
        match &self.quickwit {
            Some(_) => Ok(Box::new(quickwit(self)?)),
            None => Ok(Box::new(self.readable()?)),
        }
    }
}

/// Adds what to do next where the library's error can only name its function.
pub(crate) fn explained(error: anyhow::Error, place: &Place) -> anyhow::Error {
    let rebuild = matches!(error.downcast_ref(), Some(sports_rag::Error::RebuildNeeded { .. }));
    match &place.store {
        Some(dir) if rebuild => {
            error.context(format!("run: knowledge --store {} rebuild", dir.display()))
        }
        _ => error,
    }
}

#[cfg(feature = "quickwit")]
fn quickwit(place: &Place) -> anyhow::Result<sports_rag::Quickwit> {
    let url = place.quickwit.as_deref().unwrap_or("http://127.0.0.1:7280");
    Ok(sports_rag::Quickwit::new(url, &place.index)?)
}

#[cfg(not(feature = "quickwit"))]
fn quickwit(_: &Place) -> anyhow::Result<Store> {
    bail!("this build has no Quickwit client: build with --features quickwit")
}

#[cfg(feature = "quickwit")]
pub(crate) fn quickwit_config(place: &Place) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(&quickwit(place)?.index_config())?)
}

#[cfg(not(feature = "quickwit"))]
pub(crate) fn quickwit_config(place: &Place) -> anyhow::Result<String> {
    quickwit(place).map(|_| String::new())
}

/// Sends documents to a Quickwit index, which must be there.
#[cfg(feature = "quickwit")]
pub(crate) fn ingest_remotely(place: &Place, documents: &[Document]) -> anyhow::Result<()> {
    Ok(quickwit(place)?.ingest(documents)?)
}

#[cfg(not(feature = "quickwit"))]
pub(crate) fn ingest_remotely(place: &Place, _: &[Document]) -> anyhow::Result<()> {
    quickwit(place).map(drop)
}

/// The template, or a language model if a server is named.
pub(crate) fn guide(
    server: Option<String>,
    model: Option<String>,
) -> anyhow::Result<Box<dyn Guide>> {
    match server.zip(model) {
        None => Ok(Box::new(TemplateGuide::new())),
        Some((server, model)) => model_guide(server, model),
    }
}

#[cfg(feature = "openai")]
fn model_guide(server: String, model: String) -> anyhow::Result<Box<dyn Guide>> {
    let key = std::env::var("OPENAI_API_KEY").unwrap_or_default();
    let model = sports_rag::OpenAi::new(server, model)?.with_key(key)?;
    Ok(Box::new(sports_rag::ModelGuide::new(model)))
}

#[cfg(not(feature = "openai"))]
fn model_guide(_: String, _: String) -> anyhow::Result<Box<dyn Guide>> {
    bail!("this build has no client for language models: build with --features openai")
}
