//! Keeps a folder of documents searchable.
//!
//! ```text
//! knowledge --store DIR ingest FOLDER...     add or replace documents (Markdown, text, JSONL, JSON)
//! knowledge --store DIR sync FOLDER          make the store equal to the folder
//! knowledge --store DIR search "knees cave in" --event squat
//! knowledge --store DIR show squat/knee_valgus
//! knowledge ask squat knee_valgus --fact "knee 16 deg inward, target below 8"
//! knowledge --store DIR stats
//! ```
//!
//! Without `--store` the cards that ship with sports-rag are searched. Built with `--features openai`, `ask` takes
//! `--server URL --model NAME`; built with `--features quickwit`, `--quickwit URL` names a server in place of a store.
//! Interrupted at any moment, a store stays at its last commit; the same command goes on from there.

mod open;
mod show;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressIterator as _};
use sports_rag::{
    Config, Document, IssueQuery, Query, Store, SyncReport, read_documents, retrieve, shipped_cards,
};

use open::{Place, explained};

/// Documents between two steps of the progress bar.
const STEP: usize = 200;

/// Keeps a folder of documents searchable.
#[derive(Debug, Parser)]
struct Args {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Adds documents, each replacing the one with the same id.
    Ingest {
        /// Files or folders with .md, .txt, .jsonl or .json documents; `cards` stands for the shipped cards.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Makes the store hold exactly the documents of a folder.
    Sync {
        /// The folder.
        path: PathBuf,
    },
    /// Rebuilds the index from the documents it keeps, after an upgrade or a change of settings.
    Rebuild,
    /// Looks for passages.
    Search {
        /// Plain words.
        words: Vec<String>,
        /// How many documents.
        #[arg(long, short = 'k', default_value_t = 5)]
        top_k: usize,
        /// Language of the words.
        #[arg(long, default_value = "en")]
        lang: String,
        /// Only documents for this event.
        #[arg(long)]
        event: Option<String>,
        /// Further filters, NAME=VALUE.
        #[arg(long = "facet")]
        facets: Vec<String>,
        /// Tolerate one typing error in unknown words.
        #[arg(long)]
        fuzzy: bool,
        /// Say how each score came about.
        #[arg(long)]
        explain: bool,
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Prints a document.
    Show {
        /// Its id.
        id: String,
    },
    /// Writes guidance for one issue from what is found, with sources.
    Ask {
        /// The motion, such as `squat`.
        event: String,
        /// The issue's id, such as `knee_valgus`, or words for it.
        issue: String,
        /// What was measured, one sentence each.
        #[arg(long = "fact")]
        facts: Vec<String>,
        /// Put it to the language model of this OpenAI-compatible server (up to and with /v1); the key is read from
        /// OPENAI_API_KEY. Needs `--features openai`.
        #[arg(long, requires = "model")]
        server: Option<String>,
        /// The model's name on that server.
        #[arg(long)]
        model: Option<String>,
    },
    /// Counts documents and passages.
    Stats,
    /// Prints the configuration of a Quickwit index for these documents. Needs `--features quickwit`.
    QuickwitConfig,
}

fn main() -> anyhow::Result<()> {
    let Args { place, command } = Args::parse();
    run(&place, command).map_err(|error| explained(error, &place))
}

fn run(place: &Place, command: Command) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match command {
        Command::Ingest { paths } => {
            let mut documents = Vec::new();
            for path in paths {
                // Everything is read before anything is written.
                documents.extend(match path.as_os_str() == "cards" {
                    true => shipped_cards(),
                    false => read_documents(&path)?,
                });
            }
            if place.quickwit.is_some() {
                open::ingest_remotely(place, &documents)?;
                writeln!(out, "{} documents sent", documents.len())?;
                return Ok(());
            }
            let mut store = place.writable()?;
            ingest(&mut store, &documents)?;
            let kept = store.stats().num_documents;
            writeln!(out, "{} documents taken, {kept} in the store", documents.len())?;
        }
        Command::Sync { path } => {
            let documents = read_documents(&path)?;
            let report = place.writable()?.sync(documents)?;
            let SyncReport { added, changed, removed, unchanged } = report;
            writeln!(
                out,
                "{added} added, {changed} changed, {removed} removed, {unchanged} unchanged"
            )?;
        }
        Command::Rebuild => {
            let Some(dir) = &place.store else { bail!("name the store with --store DIR") };
            let store = Store::rebuild(dir, Config::new())?;
            writeln!(out, "{} documents indexed anew", store.stats().num_documents)?;
        }
        Command::Search { words, top_k, lang, event, facets, fuzzy, explain, json } => {
            let mut query = Query::new(words.join(" ")).with_lang(lang).with_top_k(top_k);
            query = query.with_fuzzy(fuzzy).with_explain(explain);
            if let Some(event) = event {
                query = query.with_filter("event", [event]);
            }
            for facet in facets {
                let (name, value) =
                    facet.split_once('=').with_context(|| format!("{facet}: write NAME=VALUE"))?;
                query = query.with_filter(name, [value]);
            }
            let hits = place.retriever()?.search(&query)?;
            match json {
                true => writeln!(out, "{}", serde_json::to_string_pretty(&hits)?)?,
                false => show::hits(&mut out, &hits)?,
            }
        }
        Command::Show { id } => {
            let found = place.retriever()?.document(&id)?;
            show::document(&mut out, &found.with_context(|| format!("no document `{id}`"))?)?;
        }
        Command::Ask { event, issue, facts, server, model } => {
            let name = issue.replace('_', " ");
            let issues = [IssueQuery { id: issue, name, event, facts, ..IssueQuery::default() }];
            let found = retrieve(place.retriever()?.as_ref(), &issues, 3)?;
            let guide = open::guide(server, model)?;
            show::guidance(&mut out, &guide.guidance(&issues, &found)?)?;
        }
        Command::Stats => {
            let stats = place.readable()?.stats();
            writeln!(out, "{}", serde_json::to_string_pretty(&stats)?)?;
        }
        Command::QuickwitConfig => writeln!(out, "{}", open::quickwit_config(place)?)?,
    }
    Ok(())
}

/// Adds documents with a progress bar on the terminal, and commits them together.
fn ingest(store: &mut Store, documents: &[Document]) -> anyhow::Result<()> {
    let bar = if documents.len() > STEP {
        ProgressBar::new(documents.len().div_ceil(STEP) as u64)
    } else {
        ProgressBar::hidden()
    };
    for step in documents.chunks(STEP).progress_with(bar) {
        store.upsert(step)?;
    }
    Ok(store.commit()?)
}
