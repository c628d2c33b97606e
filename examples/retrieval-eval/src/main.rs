//! Measures retrieval quality and speed on a judged collection (`corpus.jsonl`, `queries.jsonl`, `qrels.tsv`).
//!
//! `cargo run --release -p retrieval-eval -- COLLECTION_DIR --lang en --json` prints one object; `--fusion rrf` ranks by
//! words and vectors together. `benches/peers/sports-rag/run.sh` sets the speeds beside a peer's.

mod collection;
mod metrics;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use serde::Serialize;
use sports_rag::{Chunking, Config, Document, Fusion, Lsi, Query, Store};

use collection::{Collection, JudgedQuery};

/// How deep rankings are judged, as usual for recall and average precision.
const DEPTH: usize = 100;

/// Measures retrieval quality and speed on a judged collection.
#[derive(Debug, Parser)]
struct Args {
    /// Folder with corpus.jsonl, queries.jsonl and qrels.tsv.
    collection: PathBuf,
    /// Language of the collection (ISO 639-1); read off the folder's name if that is a two-letter code, else `en`.
    #[arg(long)]
    lang: Option<String>,
    /// Which rankings to use; the dense one is latent semantic indexing learnt from the collection itself.
    #[arg(long, value_enum, default_value_t = Ranking::Lexical)]
    fusion: Ranking,
    /// Length of the vectors.
    #[arg(long, default_value_t = 200)]
    lsi_dim: usize,
    /// Weight of the dense ranking beside 1 for the lexical one.
    #[arg(long, default_value_t = 1.0)]
    dense_weight: f32,
    /// Apply each query's facet filter, where the collection gives one.
    #[arg(long)]
    facets: bool,
    /// Index on disk in this folder, which must not hold a store yet; in memory by default.
    #[arg(long)]
    store: Option<PathBuf>,
    /// BM25's k1.
    #[arg(long, default_value_t = 1.2)]
    k1: f32,
    /// BM25's b.
    #[arg(long, default_value_t = 0.4)]
    b: f32,
    /// Longest passage, in characters.
    #[arg(long)]
    chunk_chars: Option<usize>,
    /// Print one JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Ranking {
    /// BM25.
    Lexical,
    /// Vectors only.
    Dense,
    /// Both, by reciprocal rank (k = 60).
    Rrf,
    /// Both, by weighted sum of scaled scores.
    Linear,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    collection: String,
    lang: String,
    num_docs: usize,
    num_passages: usize,
    num_queries: usize,
    ndcg_at_10: f64,
    recall_at_100: f64,
    map: f64,
    /// Indexing with commit, reading the files not counted.
    docs_per_s: f64,
    /// Top 10 with passages and citations, one thread.
    queries_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Processor time of all threads; none where the system does not tell.
    index_cpu_s: Option<f64>,
    query_cpu_s: Option<f64>,
}

/// Processor time of this process so far, in seconds.
fn cpu_s() -> Option<f64> {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
    }
    #[cfg(not(unix))]
    None
}

/// Processor time since `started`.
fn cpu_since(started: Option<f64>) -> Option<f64> {
    Some(cpu_s()? - started?)
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let measured = measure(&args)?;
    let mut out = std::io::stdout().lock();
    use std::io::Write as _;
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&measured)?)?;
    } else {
        let Measured { collection, num_docs, num_queries, ndcg_at_10, recall_at_100, map, .. } =
            &measured;
        writeln!(out, "{collection}: {num_docs} documents, {num_queries} queries")?;
        writeln!(out, "nDCG@10 {ndcg_at_10:.4}  Recall@100 {recall_at_100:.4}  MAP {map:.4}")?;
        let Measured { docs_per_s, queries_per_s, p50_ms, p99_ms, .. } = &measured;
        writeln!(
            out,
            "{docs_per_s:.0} docs/s  {queries_per_s:.0} queries/s  p50 {p50_ms:.3} ms  p99 {p99_ms:.3} ms"
        )?;
    }
    Ok(())
}

fn measure(args: &Args) -> anyhow::Result<Measured> {
    let name = args
        .collection
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let lang = args
        .lang
        .clone()
        .unwrap_or_else(|| if name.len() == 2 { name.clone() } else { "en".into() });
    let collection = Collection::read(&args.collection, &lang)?;
    let mut config = Config::new().with_bm25(args.k1, args.b);
    if let Some(max_chars) = args.chunk_chars {
        config = config.with_chunking(Chunking { max_chars, overlap_chars: max_chars / 9 });
    }
    if args.fusion != Ranking::Lexical {
        let text = |document: &Document| format!("{}\n{}", document.title, document.text());
        let texts: Vec<String> = collection.documents.iter().map(text).collect();
        config = config.with_embedder(Arc::new(Lsi::fit(&lang, &texts, args.lsi_dim)?));
    }

    let (started, cpu_started) = (Instant::now(), cpu_s());
    let mut store = match &args.store {
        Some(dir) => Store::create(dir, config)?,
        None => Store::in_memory(config)?,
    };
    store.upsert(&collection.documents)?;
    store.commit().context("cannot commit")?;
    let docs_per_s = collection.documents.len() as f64 / started.elapsed().as_secs_f64();
    let index_cpu_s = cpu_since(cpu_started);

    let mut sums = [0.0; 3];
    for judged in &collection.queries {
        let hits = store.search(&query(args, &lang, judged).with_top_k(DEPTH))?;
        let ranked: Vec<String> = hits.into_iter().map(|hit| hit.doc_id).collect();
        sums[0] += metrics::ndcg(&ranked, &judged.gains, 10);
        sums[1] += metrics::recall(&ranked, &judged.gains, DEPTH);
        sums[2] += metrics::average_precision(&ranked, &judged.gains);
    }
    let mut times_ms = Vec::with_capacity(collection.queries.len());
    let cpu_started = cpu_s();
    for judged in &collection.queries {
        let query = query(args, &lang, judged);
        let started = Instant::now();
        let hits = store.search(&query).with_context(|| format!("query {}", judged.id))?;
        std::hint::black_box(hits);
        times_ms.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let query_cpu_s = cpu_since(cpu_started);
    let queries_per_s = times_ms.len() as f64 * 1e3 / times_ms.iter().sum::<f64>();
    times_ms.sort_by(f64::total_cmp);
    let num_queries = collection.queries.len();
    let [ndcg_at_10, recall_at_100, map] = sums.map(|sum| sum / num_queries as f64);
    Ok(Measured {
        collection: name,
        lang,
        num_docs: collection.documents.len(),
        num_passages: store.stats().num_passages,
        num_queries,
        ndcg_at_10,
        recall_at_100,
        map,
        docs_per_s,
        queries_per_s,
        p50_ms: metrics::percentile(&times_ms, 0.5),
        p99_ms: metrics::percentile(&times_ms, 0.99),
        index_cpu_s,
        query_cpu_s,
    })
}

fn query(args: &Args, lang: &str, judged: &JudgedQuery) -> Query {
    let (lexical, dense) = (1.0, args.dense_weight);
    let fusion = match args.fusion {
        Ranking::Lexical => Fusion::Lexical,
        Ranking::Dense => Fusion::Dense,
        Ranking::Rrf => Fusion::Rrf { k: 60.0, lexical, dense },
        Ranking::Linear => Fusion::Linear { lexical, dense },
    };
    let query = Query::new(&judged.text).with_lang(lang).with_fusion(fusion);
    if !args.facets {
        return query;
    }
    judged.filter.iter().fold(query, |query, (facet, value)| query.with_filter(facet, [value]))
}
