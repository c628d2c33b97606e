//! Keeps a folder of documents searchable.
//!
//! ```text
//! knowledge --store DIR ingest FOLDER...     add or replace documents (Markdown, text, JSONL)
//! knowledge --store DIR sync FOLDER          make the store equal to the folder
//! knowledge --store DIR search "knees cave in" --event squat
//! knowledge --store DIR show squat/knee_valgus
//! knowledge --store DIR stats
//! ```
//!
//! Without `--store` the cards that ship with sports-rag are searched.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use sports_rag::{Config, Query, Store, read_documents, shipped_cards};

/// Keeps a folder of documents searchable.
#[derive(Debug, Parser)]
struct Args {
    /// The store's folder; made by `ingest` and `sync`. Without it the shipped cards are used.
    #[arg(long, global = true)]
    store: Option<PathBuf>,
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
    /// Counts documents and passages.
    Stats,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut out = std::io::stdout().lock();
    match args.command {
        Command::Ingest { paths } => {
            let mut store = writable(args.store)?;
            let mut total = 0;
            for path in paths {
                let documents = if path.as_os_str() == "cards" {
                    shipped_cards()
                } else {
                    read_documents(&path)?
                };
                store.upsert(&documents)?;
                total += documents.len();
            }
            store.commit()?;
            writeln!(out, "{total} documents taken, {} in the store", store.stats().num_documents)?;
        }
        Command::Sync { path } => {
            let report = writable(args.store)?.sync(read_documents(&path)?)?;
            let sports_rag::SyncReport { added, changed, removed, unchanged } = report;
            writeln!(
                out,
                "{added} added, {changed} changed, {removed} removed, {unchanged} unchanged"
            )?;
        }
        Command::Rebuild => {
            let Some(dir) = args.store else { bail!("name the store with --store DIR") };
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
            let hits = readable(args.store)?.search(&query)?;
            if json {
                writeln!(out, "{}", serde_json::to_string_pretty(&hits)?)?;
                return Ok(());
            }
            if hits.is_empty() {
                writeln!(out, "nothing found")?;
            }
            for (idx, hit) in hits.iter().enumerate() {
                let heading = hit.heading_path.join(" > ");
                writeln!(
                    out,
                    "{}. {} [{}] {heading}  ({:.2})",
                    idx + 1,
                    hit.title,
                    hit.doc_id,
                    hit.score
                )?;
                writeln!(out, "   {}", hit.text.replace('\n', "\n   "))?;
                writeln!(out, "   -- {} (bytes {:?})", hit.citation, hit.byte_range)?;
                for part in &hit.explanation {
                    let sports_rag::Contribution {
                        field, term, score, idf, term_frequency, ..
                    } = part;
                    writeln!(
                        out,
                        "      {score:6.3}  {field}:{term}  tf {term_frequency}, idf {idf:.3}"
                    )?;
                }
            }
        }
        Command::Show { id } => {
            let document = readable(args.store)?
                .document(&id)?
                .with_context(|| format!("no document `{id}`"))?;
            writeln!(out, "# {}\n\n{}\n", document.title, document.citation())?;
            for section in &document.sections {
                if let Some(heading) = section.heading_path.last() {
                    writeln!(out, "{} {heading}\n", "#".repeat(section.heading_path.len() + 1))?;
                }
                writeln!(out, "{}\n", section.text)?;
            }
        }
        Command::Stats => {
            writeln!(out, "{}", serde_json::to_string_pretty(&readable(args.store)?.stats())?)?
        }
    }
    Ok(())
}

fn writable(dir: Option<PathBuf>) -> anyhow::Result<Store> {
    let Some(dir) = dir else { bail!("name the store with --store DIR") };
    Ok(Store::open_or_create(dir, Config::new())?)
}

fn readable(dir: Option<PathBuf>) -> anyhow::Result<Store> {
    if let Some(dir) = dir {
        return Ok(Store::open(dir, Config::new())?);
    }
    let mut store = Store::in_memory(Config::new())?;
    store.upsert(&shipped_cards())?;
    store.commit()?;
    Ok(store)
}
