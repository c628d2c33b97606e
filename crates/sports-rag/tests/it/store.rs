use std::time::{Duration, Instant};

use proptest::prelude::*;
use sports_rag::{Chunking, Config, Document, Error, Query, Store, SyncReport};

fn doc(id: &str, text: &str) -> Document {
    Document::new(id, id, text)
}

#[test]
fn changes_are_visible_after_the_commit_and_survive_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::create(dir.path(), Config::new()).unwrap();
    store.upsert(&[doc("a", "knee"), doc("b", "hip")]).unwrap();
    assert!(store.search(&Query::new("knee")).unwrap().is_empty());
    store.set_watermark("batch 1");
    store.commit().unwrap();
    store.upsert(&[doc("a", "ankle")]).unwrap();
    store.delete(["b"]).unwrap();
    store.rollback().unwrap();
    drop(store);
    let store = Store::open(dir.path(), Config::new()).unwrap();
    assert_eq!(store.watermark(), Some("batch 1"));
    assert_eq!(store.document("a").unwrap(), Some(doc("a", "knee")));
    assert_eq!(store.reader().ids(), ["a", "b"]);
}

#[test]
fn an_upsert_replaces_and_a_deletion_removes() {
    let mut store = Store::in_memory(Config::new()).unwrap();
    store.upsert(&[doc("a", "knee"), doc("a", "hip"), doc("b", "hip")]).unwrap();
    store.commit().unwrap();
    assert!(store.search(&Query::new("knee")).unwrap().is_empty());
    store.delete(["b", "unknown"]).unwrap();
    store.commit().unwrap();
    let hits = store.search(&Query::new("hip")).unwrap();
    assert_eq!(hits.iter().map(|hit| hit.doc_id.as_str()).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn sync_writes_only_what_differs() {
    let mut store = Store::in_memory(Config::new()).unwrap();
    let first = [doc("a", "one"), doc("b", "two"), doc("c", "three")];
    assert_eq!(
        store.sync(first.clone()).unwrap(),
        SyncReport { added: 3, ..SyncReport::default() }
    );
    assert_eq!(store.sync(first).unwrap(), SyncReport { unchanged: 3, ..SyncReport::default() });
    let report = store.sync([doc("a", "one"), doc("b", "changed"), doc("d", "new")]).unwrap();
    assert_eq!(report, SyncReport { added: 1, changed: 1, removed: 1, unchanged: 1 });
    assert_eq!(store.reader().ids(), ["a", "b", "d"]);
    assert_eq!(store.document("b").unwrap().unwrap().text(), "changed");
}

#[test]
fn other_settings_ask_for_a_rebuild_and_a_rebuild_keeps_every_document() {
    let dir = tempfile::tempdir().unwrap();
    let documents: Vec<Document> =
        (0..20).map(|n| doc(&format!("d{n}"), &"knee hip ".repeat(n + 1))).collect();
    let mut store = Store::create(dir.path(), Config::new()).unwrap();
    store.upsert(&documents).unwrap();
    store.set_watermark("w");
    store.commit().unwrap();
    drop(store);
    let small = Config::new().with_chunking(Chunking { max_chars: 40, overlap_chars: 0 });
    let error = Store::open(dir.path(), small.clone()).unwrap_err();
    assert!(matches!(error, Error::RebuildNeeded { what: "config", .. }), "{error}");
    assert!(error.to_string().contains("Store::rebuild"), "{error}");
    let store = Store::rebuild(dir.path(), small.clone()).unwrap();
    assert!(store.stats().num_passages > 20);
    drop(store);
    let store = Store::open(dir.path(), small).unwrap();
    assert_eq!(store.watermark(), Some("w"));
    let mut expected = documents;
    expected.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(store.documents().collect::<Result<Vec<_>, _>>().unwrap(), expected);
    assert!(matches!(Store::open(dir.path(), Config::new()), Err(Error::RebuildNeeded { .. })));
}

#[test]
fn an_index_of_another_format_asks_for_a_rebuild_and_is_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::create(dir.path(), Config::new()).unwrap();
    store.upsert(&[doc("a", "knee"), doc("b", "hip")]).unwrap();
    store.commit().unwrap();
    drop(store);
    // The commit's payload is JSON inside the JSON of meta.json.
    let meta = dir.path().join("index-1/meta.json");
    let text = std::fs::read_to_string(&meta).unwrap();
    let older = text.replace(r#"\"format\":2"#, r#"\"format\":1"#);
    assert_ne!(older, text);
    std::fs::write(&meta, older).unwrap();
    let error = Store::open(dir.path(), Config::new()).unwrap_err();
    assert!(matches!(error, Error::RebuildNeeded { what: "format", .. }), "{error}");
    let store = Store::rebuild(dir.path(), Config::new()).unwrap();
    assert_eq!(store.reader().ids(), ["a", "b"]);
    assert_eq!(store.search(&Query::new("knee")).unwrap()[0].doc_id, "a");
    drop(store);
    assert!(Store::open(dir.path(), Config::new()).is_ok());
}

#[test]
fn a_document_is_replaced_whether_committed_or_not() {
    let mut store = Store::in_memory(Config::new()).unwrap();
    let found = |store: &Store, word: &str| store.search(&Query::new(word)).unwrap().len();
    store.upsert(&[doc("a", "knee")]).unwrap();
    store.upsert(&[doc("a", "hip")]).unwrap();
    store.commit().unwrap();
    assert_eq!((found(&store, "knee"), found(&store, "hip")), (0, 1));
    store.upsert(&[doc("a", "ankle")]).unwrap();
    store.rollback().unwrap();
    store.upsert(&[doc("a", "trunk"), doc("b", "trunk")]).unwrap();
    store.delete(["b"]).unwrap();
    store.upsert(&[doc("b", "shoulder")]).unwrap();
    store.commit().unwrap();
    let words = ["hip", "ankle", "trunk", "shoulder"].map(|word| found(&store, word));
    assert_eq!(words, [0, 0, 1, 1]);
}

#[test]
fn a_hit_is_whole_wherever_its_text_is_kept() {
    let mut store = Store::in_memory(Config::new()).unwrap();
    let mut blank_first =
        doc("blank", "  \n").with_section(["Drill"], "knee raise").with_lang("en");
    blank_first.title = "Blank".into();
    let two = doc("two", "knee bend").with_section(["Drill"], "knee hold");
    store.upsert(&[doc("one", "knee"), blank_first, two, doc("knee", "")]).unwrap();
    store.commit().unwrap();
    let hits = store.search(&Query::new("knee").with_collapse(false)).unwrap();
    assert_eq!(hits.len(), 5);
    for hit in hits {
        let document = store.document(&hit.doc_id).unwrap().unwrap();
        assert_eq!(&document.text()[hit.byte_range.clone()], hit.text);
        assert_eq!((&hit.title, &hit.lang), (&document.title, &document.lang));
        let drill = hit.text == "knee raise" || hit.text == "knee hold";
        assert_eq!(hit.heading_path, if drill { vec!["Drill"] } else { vec![] });
    }
}

#[test]
fn a_store_has_one_writer_and_any_number_of_readers() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Store::create(dir.path(), Config::new()).unwrap();
    first.upsert(&[doc("a", "knee")]).unwrap();
    let mut second = Store::open(dir.path(), Config::new()).unwrap();
    assert!(matches!(second.upsert(&[doc("b", "hip")]), Err(Error::Locked { .. })));
    first.commit().unwrap();
    assert!(second.search(&Query::new("knee")).unwrap().is_empty());
    second.reader().reload().unwrap();
    assert_eq!(second.search(&Query::new("knee")).unwrap().len(), 1);
    drop(first);
    second.upsert(&[doc("b", "hip")]).unwrap();
    second.commit().unwrap();
    assert_eq!(second.reader().ids(), ["a", "b"]);
}

#[cfg(unix)]
#[test]
fn a_program_that_is_being_started_does_not_lock_the_store() {
    use std::sync::atomic::{AtomicBool, Ordering};
    // Until it becomes another program, a child holds whatever files its parent had open, the lock among them.
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::process::Command::new("true").status().unwrap();
                }
            });
        }
        let mut outcome = Ok(());
        for _ in 0..NUM_REOPENED {
            let dir = tempfile::tempdir().unwrap();
            outcome = Store::create(dir.path(), Config::new())
                .and_then(|mut store| store.upsert(&[doc("a", "knee")]));
            if outcome.is_err() {
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
        outcome.unwrap();
    });
}

/// Enough to meet a child in its first moment: without patience, six of six runs did before the hundredth.
const NUM_REOPENED: usize = 100;

#[test]
fn bad_folders_and_documents_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Store::open(dir.path().join("none"), Config::new()).unwrap_err();
    assert!(matches!(missing, Error::NotAStore { .. }), "{missing}");
    std::fs::write(dir.path().join("CURRENT"), "../../elsewhere").unwrap();
    assert!(matches!(Store::open(dir.path(), Config::new()), Err(Error::NotAStore { .. })));
    std::fs::write(dir.path().join("CURRENT"), "index-7").unwrap();
    assert!(matches!(Store::open(dir.path(), Config::new()), Err(Error::NotAStore { .. })));
    assert!(matches!(Store::create(dir.path(), Config::new()), Err(Error::AlreadyExists { .. })));
    let mut store = Store::in_memory(Config::new()).unwrap();
    for (document, field) in [
        (doc(" ", "x"), "id"),
        (doc("a\nb", "x"), "id"),
        (doc(&"x".repeat(600), "x"), "id"),
        (doc("a", "x").with_lang("not a code"), "lang"),
        (doc("a", "x").with_facet("event", "x".repeat(2000)), "facets"),
    ] {
        let error = store.upsert(&[document]).unwrap_err();
        assert!(
            matches!(error, Error::InvalidDocument { field: found, .. } if found == field),
            "{error}"
        );
    }
    for config in [
        Config::new().with_bm25(f32::NAN, 0.5),
        Config::new().with_bm25(1.0, 1.5),
        Config::new().with_writer(0, 64_000_000),
        Config::new().with_writer(2, 1_000),
        Config::new().with_chunking(Chunking { max_chars: 5, overlap_chars: 0 }),
    ] {
        assert!(matches!(Store::in_memory(config), Err(Error::InvalidSetting { .. })));
    }
}

#[test]
fn compacting_changes_no_score() {
    let mut store = Store::in_memory(Config::new()).unwrap();
    for round in 0..5 {
        let batch: Vec<Document> =
            (0..10).map(|n| doc(&format!("d{n}"), &"knee hip ".repeat(n + round))).collect();
        store.upsert(&batch).unwrap();
        store.commit().unwrap();
    }
    let before = store.search(&Query::new("knee")).unwrap();
    store.compact().unwrap();
    assert_eq!(store.stats().num_segments, 1);
    assert_eq!(store.search(&Query::new("knee")).unwrap(), before);
}

#[derive(Debug, Clone)]
enum Step {
    Upsert(u8, Vec<u8>),
    Delete(u8),
    Commit,
}

const WORDS: [&str; 8] = ["squat", "knee", "hips", "trunk", "ankles", "box", "jumping", "land"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_history_of_changes_ranks_bit_for_bit_as_a_rebuild(
        steps in prop::collection::vec(
            prop_oneof![
                6 => (0u8..12, prop::collection::vec(0u8..8, 0..60)).prop_map(|(id, words)| Step::Upsert(id, words)),
                2 => (0u8..12).prop_map(Step::Delete),
                2 => Just(Step::Commit),
            ],
            1..30,
        )
    ) {
        let config = Config::new().with_chunking(Chunking { max_chars: 60, overlap_chars: 10 });
        let mut store = Store::in_memory(config.clone()).unwrap();
        for step in steps {
            match step {
                Step::Upsert(id, words) => {
                    let text: Vec<&str> = words.iter().map(|word| WORDS[*word as usize]).collect();
                    let title = text.first().copied().unwrap_or_default();
                    store.upsert(&[Document::new(format!("d{id}"), title, text.join(" "))]).unwrap();
                }
                Step::Delete(id) => store.delete([format!("d{id}")]).unwrap(),
                Step::Commit => store.commit().unwrap(),
            }
        }
        store.commit().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let twin = store.rebuild_into(dir.path(), config).unwrap();
        for query in ["knee", "squat knee knee box", "jump landing ankle trunk hip"] {
            for collapse in [false, true] {
                let query = Query::new(query).with_top_k(7).with_collapse(collapse);
                let key = |store: &Store| -> Vec<(String, usize, u32)> {
                    let hits = store.search(&query).unwrap();
                    hits.into_iter().map(|hit| (hit.doc_id, hit.ord, hit.score.to_bits())).collect()
                };
                prop_assert_eq!(key(&store), key(&twin));
            }
        }
    }
}

/// Eight readers while one writer replaces every document again and again: each result must come from one commit.
///
/// Two seconds by default; `SPORTS_RAG_SOAK_S=60` for longer.
#[test]
fn readers_never_see_a_mix_of_two_commits() {
    let seconds =
        std::env::var("SPORTS_RAG_SOAK_S").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::create(dir.path(), Config::new()).unwrap();
    let generation = |n: usize| -> Vec<Document> {
        (0..30)
            .map(|id| doc(&format!("d{id}"), &format!("everywhere generation{n} {id}")))
            .collect()
    };
    store.upsert(&generation(0)).unwrap();
    store.commit().unwrap();
    let end = Instant::now() + Duration::from_secs(seconds);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..8)
            .map(|_| {
                let reader = store.reader();
                scope.spawn(move || {
                    let mut searches = 0;
                    let mut last = 0;
                    while Instant::now() < end {
                        let hits =
                            reader.search(&Query::new("everywhere").with_top_k(100)).unwrap();
                        assert_eq!(hits.len(), 30);
                        let generations: std::collections::BTreeSet<&str> =
                            hits.iter().filter_map(|hit| hit.text.split(' ').nth(1)).collect();
                        assert_eq!(generations.len(), 1, "{generations:?}");
                        let found: usize =
                            generations.first().unwrap()["generation".len()..].parse().unwrap();
                        assert!(found >= last, "time went backwards");
                        last = found;
                        searches += 1;
                    }
                    searches
                })
            })
            .collect();
        let mut commits = 0;
        while Instant::now() < end {
            commits += 1;
            store.upsert(&generation(commits)).unwrap();
            store.commit().unwrap();
        }
        let searches: usize = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        assert!(commits > 0 && searches > 0);
        eprintln!("{commits} commits, {searches} searches");
    });
}
