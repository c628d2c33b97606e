use std::sync::Arc;

use sports_rag::{
    Config, Document, Embedder, Error, Fusion, Hit, Lsi, Query, Reranker, Result, Store,
};

const TEXTS: [(&str, &str); 5] = [
    ("squat", "squat knee hip bend"),
    ("lunge", "lunge knee hip bend step"),
    ("throw", "throw ball arm release"),
    ("pass", "pass ball arm quick"),
    ("run", "run stride step"),
];

fn documents() -> Vec<Document> {
    TEXTS.iter().map(|(id, text)| Document::new(*id, "", *text)).collect()
}

fn store() -> Store {
    let lsi = Lsi::fit("en", &TEXTS.map(|(_, text)| text), 3).unwrap();
    let mut store = Store::in_memory(Config::new().with_embedder(Arc::new(lsi))).unwrap();
    store.upsert(&documents()).unwrap();
    store.commit().unwrap();
    store
}

fn ids(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.doc_id.as_str()).collect()
}

#[test]
fn vectors_find_what_shares_no_word_with_the_query() {
    let store = store();
    // "squat" and "lunge" never meet, but they keep the same company.
    let lexical = store.search(&Query::new("squat")).unwrap();
    assert_eq!(ids(&lexical), ["squat"]);
    let dense =
        store.search(&Query::new("squat").with_fusion(Fusion::Dense).with_top_k(2)).unwrap();
    assert_eq!(ids(&dense), ["squat", "lunge"]);
    assert!(dense[0].ranks.dense == Some(1) && dense[0].ranks.lexical.is_none());
}

#[test]
fn fusion_joins_both_rankings_and_says_so() {
    let store = store();
    let hits = store.search(&Query::new("squat").with_fusion(Fusion::rrf())).unwrap();
    assert_eq!(ids(&hits)[..2], ["squat", "lunge"]);
    assert_eq!((hits[0].ranks.lexical, hits[0].ranks.dense), (Some(1), Some(1)));
    assert!((hits[0].score - 2.0 / 61.0).abs() < 1e-7, "f32 rounding");
    let linear = Fusion::Linear { lexical: 1.0, dense: 0.0 };
    assert_eq!(store.search(&Query::new("squat").with_fusion(linear)).unwrap()[0].doc_id, "squat");
}

#[test]
fn vectors_follow_updates_deletions_and_rebuilds() {
    let mut store = store();
    store.delete(["squat"]).unwrap();
    store.upsert(&[Document::new("run", "", "squat knee hip bend")]).unwrap();
    store.commit().unwrap();
    let query = Query::new("squat").with_fusion(Fusion::Dense).with_top_k(10);
    let hits = store.search(&query).unwrap();
    assert_eq!(ids(&hits)[..2], ["run", "lunge"]);
    assert_eq!(hits.len(), 4);
    let lsi = Lsi::fit("en", &TEXTS.map(|(_, text)| text), 3).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let twin = store.rebuild_into(dir.path(), Config::new().with_embedder(Arc::new(lsi))).unwrap();
    assert_eq!(twin.search(&query).unwrap(), hits);
    assert!(matches!(Store::open(dir.path(), Config::new()), Err(Error::RebuildNeeded { .. })));
}

#[test]
fn a_saved_embedder_comes_back_the_same() {
    let lsi = Lsi::fit("en", &TEXTS.map(|(_, text)| text), 3).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lsi.json");
    lsi.save(&path).unwrap();
    let back = Lsi::load(&path).unwrap();
    assert_eq!(back.id(), lsi.id());
    assert_eq!(back.embed(&["knee ball"]).unwrap(), lsi.embed(&["knee ball"]).unwrap());
    std::fs::write(&path, "{}").unwrap();
    assert!(matches!(Lsi::load(&path), Err(Error::Parse { .. })));
}

#[test]
fn a_store_without_vectors_says_what_is_missing() {
    let mut store = Store::in_memory(Config::new()).unwrap();
    store.upsert(&documents()).unwrap();
    store.commit().unwrap();
    let error = store.search(&Query::new("squat").with_fusion(Fusion::rrf())).unwrap_err();
    assert!(matches!(error, Error::NoEmbedder("rrf")), "{error}");
}

#[test]
fn variety_pushes_near_copies_down() {
    let mut store = Store::in_memory(Config::new()).unwrap();
    let copy = "landing knee bend soft quiet landing";
    store.upsert(&[Document::new("a", "", copy), Document::new("b", "", copy)]).unwrap();
    store
        .upsert(&[Document::new("c", "", "landing on sand in summer with friends and shoes")])
        .unwrap();
    store.commit().unwrap();
    let query = Query::new("landing");
    assert_eq!(ids(&store.search(&query).unwrap()), ["a", "b", "c"]);
    assert_eq!(ids(&store.search(&query.clone().with_mmr(0.3)).unwrap()), ["a", "c", "b"]);
    assert_eq!(ids(&store.search(&query.with_mmr(1.0)).unwrap()), ["a", "b", "c"]);
}

#[derive(Debug)]
struct ByLength;

impl Reranker for ByLength {
    fn score(&self, _: &str, hits: &[Hit]) -> Result<Vec<f32>> {
        Ok(hits.iter().map(|hit| hit.text.len() as f32).collect())
    }
}

#[test]
fn a_reranker_has_the_last_word() {
    let store = store();
    let hits = store.search_with(&Query::new("knee"), Some(&ByLength)).unwrap();
    assert_eq!(ids(&hits), ["lunge", "squat"]);
    assert_eq!(hits[0].ranks.rerank_score, Some("lunge knee hip bend step".len() as f32));
}

#[derive(Debug)]
struct Broken;

impl Embedder for Broken {
    fn id(&self) -> String {
        "broken".into()
    }

    fn dim(&self) -> usize {
        2
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        Ok(texts
            .iter()
            .map(|text| vec![0.0, if text.contains("nan") { f32::NAN } else { 1.0 }])
            .collect())
    }
}

#[test]
fn vectors_that_are_not_numbers_are_refused() {
    let mut store = Store::in_memory(Config::new().with_embedder(Arc::new(Broken))).unwrap();
    store.upsert(&[Document::new("a", "", "fine")]).unwrap();
    let error = store.upsert(&[Document::new("b", "", "nan")]).unwrap_err();
    assert!(matches!(error, Error::Embedding { .. }), "{error}");
}
