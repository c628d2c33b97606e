use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;
use sports_rag::{Document, read_documents};

/// A judged collection in BEIR's layout: `corpus.jsonl`, `queries.jsonl`, `qrels.tsv`.
pub(crate) struct Collection {
    pub(crate) documents: Vec<Document>,
    pub(crate) queries: Vec<JudgedQuery>,
}

/// A query with the documents that answer it.
pub(crate) struct JudgedQuery {
    pub(crate) id: String,
    pub(crate) text: String,
    /// Facets an answer must have, if the collection gives any.
    pub(crate) filter: BTreeMap<String, String>,
    /// Gain by document id; only gains above 0.
    pub(crate) gains: HashMap<String, f64>,
}

#[derive(Deserialize)]
struct QueryRow {
    #[serde(rename = "_id")]
    id: String,
    text: String,
    #[serde(default)]
    filter: BTreeMap<String, String>,
}

impl Collection {
    pub(crate) fn read(dir: &Path, lang: &str) -> anyhow::Result<Self> {
        let mut documents = read_documents(dir.join("corpus.jsonl"))?;
        documents.iter_mut().for_each(|document| document.lang = lang.into());
        let mut gains = read_gains(&dir.join("qrels.tsv"))?;
        let path = dir.join("queries.jsonl");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let mut queries = Vec::new();
        for (idx, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let row: QueryRow = serde_json::from_str(line)
                .with_context(|| format!("{}:{}", path.display(), idx + 1))?;
            // Queries without any judgement cannot be scored.
            if let Some(gains) = gains.remove(&row.id) {
                queries.push(JudgedQuery { id: row.id, text: row.text, filter: row.filter, gains });
            }
        }
        if queries.is_empty() {
            bail!("{}: no query has a judgement in qrels.tsv", path.display());
        }
        Ok(Self { documents, queries })
    }
}

fn read_gains(path: &Path) -> anyhow::Result<HashMap<String, HashMap<String, f64>>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut gains: HashMap<String, HashMap<String, f64>> = HashMap::new();
    for (idx, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty())
    {
        let fields: Vec<&str> = line.split('\t').collect();
        let [query, document, gain] = fields[..] else {
            bail!("{}:{}: expected query-id, corpus-id and score", path.display(), idx + 1);
        };
        let gain: f64 = gain
            .trim()
            .parse()
            .with_context(|| format!("{}:{}: score", path.display(), idx + 1))?;
        if gain > 0.0 {
            gains.entry(query.into()).or_default().insert(document.into(), gain);
        }
    }
    Ok(gains)
}
