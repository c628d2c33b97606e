use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sports_rag::{Config, Document, Query, Store};

const FOLDER: &str = "SPORTS_RAG_KILL_DIR";

/// The process that gets killed: replaces all documents and commits, again and again.
#[test]
#[ignore = "runs as the child of the test below"]
fn child_that_writes_until_it_is_killed() {
    let Ok(dir) = std::env::var(FOLDER) else { return };
    let mut store = Store::open(&dir, Config::new()).unwrap();
    let start: usize = store.watermark().map_or(0, |mark| mark.parse().unwrap());
    for generation in start + 1.. {
        let documents: Vec<Document> = (0..40)
            .map(|id| {
                Document::new(
                    format!("d{id}"),
                    "",
                    format!("everywhere generation{generation} {id}"),
                )
            })
            .collect();
        store.upsert(&documents).unwrap();
        // A document that comes and goes, so that deletions are at stake as well.
        if generation % 2 == 0 {
            store.delete(["guest"]).unwrap();
        } else {
            store.upsert(&[Document::new("guest", "", "everywhere guest")]).unwrap();
        }
        store.set_watermark(generation.to_string());
        store.commit().unwrap();
        eprintln!("committed {generation}");
    }
}

/// Kills a writing process 100 times at random moments; the store must open each time and equal one commit, which is
/// never older than the last one reported.
#[test]
fn a_killed_writer_leaves_the_last_commit() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::create(dir.path(), Config::new()).unwrap());
    let mut random = 0x9e37_79b9_u64;
    let (mut last, mut total) = (0, 0);
    for round in 0..100 {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Every other time it may live to commit; otherwise it dies while it starts, opens or writes.
        let after = Duration::from_millis(random >> 58);
        let reported = run_and_kill(dir.path(), round % 2 == 0, after);
        let found = check(dir.path());
        let oldest = reported.unwrap_or(last);
        assert!(
            found >= oldest && found >= last,
            "reported {oldest}, before {last}, found {found}"
        );
        total += found - last;
        last = found;
    }
    assert!(total >= 50, "the child was killed before it committed anything: {total} commits");
}

/// Starts the child, kills it some time later (or some time after its first commit), and gives the last commit it
/// reported.
fn run_and_kill(dir: &Path, wait_for_commit: bool, after: Duration) -> Option<usize> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kill::child_that_writes_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, dir)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut said = String::new();
    let mut reports = std::iter::from_fn(|| {
        let line = lines.next()?;
        said.push_str(&line);
        said.push('\n');
        Some(line)
    })
    .filter_map(|line| line.strip_prefix("committed ")?.parse().ok());
    let first = if wait_for_commit { reports.next() } else { None };
    std::thread::sleep(after);
    child.kill().unwrap(); // SIGKILL where there are signals
    let last = reports.last().or(first);
    child.wait().unwrap();
    assert!(!said.contains("panicked"), "the child failed by itself:\n{said}");
    last
}

/// Opens the store and gives its generation after checking that everything in it belongs to that one.
fn check(dir: &Path) -> usize {
    let store = Store::open(dir, Config::new()).unwrap();
    let generation: usize = store.watermark().map_or(0, |mark| mark.parse().unwrap());
    let expected = match generation {
        0 => 0,
        n if n % 2 == 0 => 40,
        _ => 41,
    };
    assert_eq!(store.stats().num_documents, expected);
    let hits = store.search(&Query::new("everywhere").with_top_k(100)).unwrap();
    assert_eq!(hits.len(), expected);
    let word = format!("generation{generation}");
    for hit in hits.iter().filter(|hit| hit.doc_id != "guest") {
        assert_eq!(hit.text.split(' ').nth(1), Some(word.as_str()));
    }
    generation
}
