use proptest::prelude::*;
use serde::Deserialize;
use sports_rag::{Chunking, Config, Document, Query, Store};

/// f32 sums of up to ten terms on both sides.
const SCORE_TOLERANCE: f32 = 1e-4;

fn store(documents: &[Document]) -> Store {
    let mut store = Store::in_memory(Config::new()).unwrap();
    store.upsert(documents).unwrap();
    store.commit().unwrap();
    store
}

fn ids(store: &Store, query: &Query) -> Vec<String> {
    store.search(query).unwrap().into_iter().map(|hit| hit.doc_id).collect()
}

#[derive(Deserialize)]
struct Golden {
    docs: Vec<String>,
    queries: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    k1: f32,
    b: f32,
    scores: Vec<Vec<f32>>,
}

#[test]
fn scores_equal_an_independent_bm25() {
    let golden: Golden =
        serde_json::from_str(include_str!("../fixtures/bm25_golden.json")).unwrap();
    // A language without a stemmer, so that both sides see the same words.
    let document = |(idx, text): (usize, &String)| {
        Document::new(format!("{idx:02}"), "", text).with_lang("xx")
    };
    let documents: Vec<Document> = golden.docs.iter().enumerate().map(document).collect();
    for case in &golden.cases {
        let mut store = Store::in_memory(Config::new().with_bm25(case.k1, case.b)).unwrap();
        store.upsert(&documents).unwrap();
        store.commit().unwrap();
        for (query, expected) in golden.queries.iter().zip(&case.scores) {
            let hits = store.search(&Query::new(query).with_lang("xx").with_top_k(100)).unwrap();
            let mut found = vec![0.0f32; expected.len()];
            hits.iter().for_each(|hit| found[hit.doc_id.parse::<usize>().unwrap()] = hit.score);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < SCORE_TOLERANCE, "{query}: {found} {expected}");
            }
        }
    }
}

#[test]
fn a_word_that_occurs_twice_in_the_query_counts_twice() {
    let store = store(&[Document::new("a", "", "knee one"), Document::new("b", "", "hip two")]);
    assert_eq!(ids(&store, &Query::new("hip knee knee"))[0], "a");
    assert_eq!(ids(&store, &Query::new("hip hip knee"))[0], "b");
}

#[test]
fn filters_hold_before_ranking_and_boosts_only_prefer() {
    let doc =
        |id: &str, event: &str, text: &str| Document::new(id, "", text).with_facet("event", event);
    let store = store(&[
        doc("a", "squat", "knee knee knee"),
        doc("b", "kick", "knee and a much longer text about other things"),
        doc("c", "squat", "hip"),
    ]);
    assert_eq!(ids(&store, &Query::new("knee").with_filter("event", ["kick"])), ["b"]);
    assert_eq!(
        ids(&store, &Query::new("knee").with_filter("event", ["kick", "squat"])),
        ["a", "b", "c"]
    );
    assert_eq!(ids(&store, &Query::new("knee").with_filter("event", ["swim"])), [""; 0]);
    assert_eq!(ids(&store, &Query::new("knee").with_boost("event", "kick", 9.0)), ["b", "a"]);
    let both = Query::new("knee").with_filter("event", ["squat"]).with_filter("event", ["kick"]);
    assert_eq!(ids(&store, &both), [""; 0]);
}

#[test]
fn a_phrase_prefers_words_side_by_side() {
    let store = store(&[
        Document::new("apart", "", "extension of triple kind extension"),
        Document::new("together", "", "the triple extension of hip knee ankle and more words"),
    ]);
    assert_eq!(ids(&store, &Query::new("triple extension"))[0], "apart");
    assert_eq!(
        ids(&store, &Query::new("triple extension").with_phrase("triple extension"))[0],
        "together"
    );
}

#[test]
fn fuzzy_finds_a_misspelt_word_and_exact_search_does_not() {
    let store = store(&[
        Document::new("a", "", "dorsiflexion of the ankle"),
        Document::new("b", "", "hip"),
    ]);
    assert_eq!(ids(&store, &Query::new("dorsiflexoin")), [""; 0]);
    assert_eq!(ids(&store, &Query::new("dorsiflexoin").with_fuzzy(true)), ["a"]);
}

#[test]
fn languages_never_mix() {
    let store = store(&[
        Document::new("de", "Kniebeuge", "Die Knie zeigen nach vorn.").with_lang("de"),
        Document::new("zh", "深蹲", "膝关节向前移动。").with_lang("zh-CN"),
        Document::new("en", "Squat", "The die is cast."),
    ]);
    assert_eq!(ids(&store, &Query::new("die")), ["en"]);
    assert_eq!(ids(&store, &Query::new("die Knie").with_lang("de")), ["de"]);
    assert_eq!(ids(&store, &Query::new("膝关节").with_lang("zh")), ["zh"]);
}

#[test]
fn an_explanation_adds_up_to_the_score() {
    let store = store(&[
        Document::new("a", "Deep squat", "squat down to the box; the knee bends")
            .with_facet("event", "squat"),
        Document::new("b", "Jump", "jump from the box"),
    ]);
    let query =
        Query::new("deep squat box box").with_boost("event", "squat", 3.0).with_phrase("the box");
    for hit in store.search(&query.with_explain(true)).unwrap() {
        let sum: f32 = hit.explanation.iter().map(|part| part.score).sum();
        assert!((sum - hit.score).abs() < SCORE_TOLERANCE, "{hit:?}");
        assert_eq!(hit.ranks.lexical_score, Some(hit.score));
    }
}

#[test]
fn highlights_mark_the_words_of_the_query() {
    let store = store(&[Document::new("a", "", "Squatting: the knees bend.")]);
    let query = Query::new("squat knee");
    let hit = &store.search(&query).unwrap()[0];
    let marked: Vec<&str> =
        hit.highlights(&query).into_iter().map(|range| &hit.text[range]).collect();
    assert_eq!(marked, ["Squatting", "knees"]);
}

#[test]
fn a_long_document_is_found_once_with_its_best_passage() {
    let filler = "Nothing to see here, only words that fill the page. ".repeat(80);
    let document = Document::new("long", "", filler.clone())
        .with_section(["Landing"], format!("{filler} plyometric"));
    let store = store(std::slice::from_ref(&document));
    let hits = store.search(&Query::new("plyometric words")).unwrap();
    assert_eq!(hits.len(), 1);
    assert!(hits[0].text.contains("plyometric"));
    assert_eq!(hits[0].heading_path, ["Landing"]);
    assert_eq!(&document.text()[hits[0].byte_range.clone()], hits[0].text);
    assert!(store.search(&Query::new("words").with_collapse(false)).unwrap().len() > 1);
}

#[test]
fn nothing_to_look_for_finds_nothing() {
    let store = store(&[Document::new("a", "", "knee")]);
    for query in [
        Query::new(""),
        Query::new("   "),
        Query::new("knee").with_top_k(0),
        Query::new("knee").with_lang("zz"),
    ] {
        assert!(store.search(&query).unwrap().is_empty(), "{query:?}");
    }
    assert!(store.search(&Query::new("knee").with_boost("event", "squat", f32::NAN)).is_err());
    assert!(store.search(&Query::new("knee").with_mmr(2.0)).is_err());
}

proptest! {
    // Three tests share the store's set-up cost; the fuzzed one is cheap per case.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_passage_equals_its_byte_range(
        texts in prop::collection::vec("(?s)[ a-zé膝กा\\n.。!?#-]{0,400}", 1..5),
        max_chars in 16usize..120,
        overlap in 0usize..15,
    ) {
        let mut document = Document { id: "d".into(), ..Document::default() };
        for text in &texts {
            document = document.with_section(["H"], text);
        }
        let chunks = Chunking { max_chars, overlap_chars: overlap }.split(&document).unwrap();
        let whole = document.text();
        for chunk in &chunks {
            prop_assert_eq!(&whole[chunk.byte_range.clone()], chunk.text.as_str());
            prop_assert!(chunk.text.chars().count() <= max_chars);
        }
        // Whatever is not blank is in some passage.
        for (at, c) in whole.char_indices().filter(|(_, c)| !c.is_whitespace()) {
            prop_assert!(chunks.iter().any(|chunk| chunk.byte_range.contains(&at)), "{} at {} is lost", c, at);
        }
    }
}

#[test]
fn ten_thousand_wild_queries_do_no_harm() {
    let store = store(&[
        Document::new(
            "a",
            "Squat: depth & knees",
            "squat +knee -hip title:foo \"quoted\" (bracket) 膝关节 กระโดด",
        ),
        Document::new("b", "", "AND OR NOT * ? ~ ^ \\ / [ ] { }").with_facet("event", "x"),
    ]);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(10_000));
    let langs = prop::sample::select(vec!["en", "zh", "th", "ar", "tr", "", "x-\u{1f}", "de"]);
    let text = prop_oneof!["\\PC{0,60}", "[ +\\-&|!(){}\\[\\]^\"~*?:/\\\\a-z膝ก็\u{1f}\u{0}]{0,60}"];
    runner
        .run(&(text, langs, any::<bool>(), 0usize..4), |(text, lang, fuzzy, top_k)| {
            let query = Query::new(&text)
                .with_lang(lang)
                .with_phrase(&text)
                .with_filter(
                    "event",
                    if top_k == 3 { vec![text.clone()] } else { vec!["x".into(), text.clone()] },
                )
                .with_boost(&text, &text, 1.0)
                .with_fuzzy(fuzzy)
                .with_top_k(top_k)
                .with_explain(fuzzy);
            let hits = store.search(&query).unwrap();
            prop_assert!(hits.len() <= top_k);
            prop_assert!(hits.iter().all(|hit| hit.score.is_finite()));
            Ok(())
        })
        .unwrap();
}
