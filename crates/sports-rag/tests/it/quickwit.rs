//! One contract for every [`Retriever`]: a local store, recorded answers of a Quickwit server, and a live one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sports_rag::{
    Config, Document, Error, Fusion, IssueQuery, Query, Quickwit, Retriever, ServiceProblem, Store,
    retrieve,
};

use openai_service::test_server::{Reply, Server};

const RECORDED: &str = include_str!("../fixtures/quickwit.json");

fn documents() -> Vec<Document> {
    let cited = |document: Document| document.with_citation("Handbook, p. 7");
    let mut land = Document::new("c", "Land", "")
        .with_section(["Cause"], "stiff knee")
        .with_section(["Drill"], "soft knee 3 x 6")
        .with_facet("event", "drop_jump")
        .with_facet("event", "squat");
    land.sections.remove(0);
    let kick = "the knee bends far back and then the foot is fast";
    vec![
        cited(Document::new("a", "Squat", "knee over toe knee out").with_facet("event", "squat")),
        cited(Document::new("b", "Kick", kick).with_facet("event", "kick")),
        cited(land),
    ]
}

#[track_caller]
fn ids(retriever: &dyn Retriever, query: &Query) -> Vec<String> {
    retriever.search(query).unwrap().into_iter().map(|hit| hit.doc_id).collect()
}

/// What holds for every retriever that has been given [`documents`].
fn contract(retriever: &dyn Retriever) {
    let knee = Query::new("knee").with_top_k(5);
    let hits = retriever.search(&knee).unwrap();
    let found: Vec<&str> = hits.iter().map(|hit| hit.doc_id.as_str()).collect();
    assert_eq!(found, ["a", "c", "b"], "twice in five words, once in two, once in eleven");
    assert!(hits.is_sorted_by(|a, b| a.score >= b.score) && hits[2].score > 0.0);
    for hit in &hits {
        let document = documents().into_iter().find(|document| document.id == hit.doc_id).unwrap();
        assert_eq!(&document.text()[hit.byte_range.clone()], hit.text);
        assert_eq!((&hit.facets, &hit.citation), (&document.facets, &document.source.citation));
    }
    let passages = retriever.search(&knee.clone().with_collapse(false)).unwrap();
    let places: Vec<(&str, usize)> =
        passages.iter().map(|hit| (hit.doc_id.as_str(), hit.ord)).collect();
    assert_eq!(places, [("a", 0), ("c", 0), ("c", 1), ("b", 0)]);
    assert_eq!(passages[2].heading_path, ["Drill"]);

    assert_eq!(ids(retriever, &knee.clone().with_filter("event", ["kick"])), ["b"]);
    let both =
        knee.clone().with_filter("event", ["kick", "drop_jump"]).with_filter("event", ["squat"]);
    assert_eq!(ids(retriever, &both), ["c"]);
    assert_eq!(ids(retriever, &Query::new("").with_top_k(5).with_filter("event", ["kick"])), ["b"]);
    assert_eq!(ids(retriever, &knee.clone().with_boost("event", "kick", 50.0)), ["b", "a", "c"]);
    let phrase = Query::new("knee stiff").with_top_k(5).with_phrase("stiff knee");
    assert_eq!(ids(retriever, &phrase)[0], "c");
    assert_eq!(ids(retriever, &Query::new("zzz").with_top_k(5)), [""; 0]);
    assert_eq!(ids(retriever, &Query::new("").with_top_k(5)), [""; 0]);
    assert_eq!(ids(retriever, &knee.clone().with_top_k(0)), [""; 0]);
    assert_eq!(ids(retriever, &knee.with_top_k(1)), ["a"]);

    let [squat, _, land] = &documents()[..] else { unreachable!() };
    assert_eq!(retriever.document("a").unwrap().as_ref(), Some(squat));
    assert_eq!(retriever.document("c").unwrap().as_ref(), Some(land));
    assert_eq!(retriever.document("nobody").unwrap(), None);
}

#[test]
fn a_local_store_keeps_the_contract() {
    let mut store = Store::in_memory(Config::new()).unwrap();
    store.sync(documents()).unwrap();
    contract(&store);
    contract(&store.reader());
}

/// Answers a recorded request with the recorded answer, and every other with status 400.
fn replay() -> String {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let recorded = Arc::new(recorded["exchanges"].as_array().unwrap().clone());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let recorded = Arc::clone(&recorded);
            std::thread::spawn(move || replay_one(&stream, &recorded));
        }
    });
    address
}

fn replay_one(mut stream: &TcpStream, recorded: &[Value]) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let same = |exchange: &&Value| {
        first == format!("POST {} HTTP/1.1\r\n", exchange["path"].as_str().unwrap())
            && exchange["request"] == asked
    };
    let (status, answer) = match recorded.iter().find(same) {
        Some(exchange) => (200, exchange["answer"].to_string()),
        None => (400, format!("not recorded: {first}{asked}")),
    };
    let length = answer.len();
    write!(
        stream,
        "HTTP/1.1 {status} S\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}"
    )
    .ok()
}

#[test]
fn recorded_answers_keep_the_contract() {
    contract(&Quickwit::new(replay(), "coaching").unwrap());
}

/// `SPORTS_RAG_QUICKWIT_URL=http://127.0.0.1:7280 cargo test -p sports-rag --features quickwit quickwit`
#[test]
fn a_live_server_keeps_the_contract() {
    let Ok(url) = std::env::var("SPORTS_RAG_QUICKWIT_URL") else {
        eprintln!("skipped: SPORTS_RAG_QUICKWIT_URL names no Quickwit server");
        return;
    };
    let quickwit = Quickwit::new(url, "sports-rag-contract").unwrap();
    let _ = quickwit.delete_index();
    quickwit.create_index().unwrap();
    quickwit.ingest(&documents()).unwrap();
    contract(&quickwit);
    quickwit.delete_index().unwrap();
}

#[test]
fn passages_are_sent_as_the_lines_that_were_recorded() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    // Stored records are JSON inside JSON: compared as values.
    let plain = |line: &Value| {
        let mut line = line.clone();
        for field in ["chunk", "document"] {
            if let Some(text) = line[field].as_str() {
                line[field] = serde_json::from_str(text).unwrap();
            }
        }
        line
    };
    let quickwit = Quickwit::new("http://127.0.0.1:1", "coaching").unwrap();
    let sent: String =
        documents().iter().map(|document| quickwit.lines(document).unwrap()).collect();
    let sent: Vec<Value> =
        sent.lines().map(|line| plain(&serde_json::from_str(line).unwrap())).collect();
    let expected: Vec<Value> = recorded["lines"].as_array().unwrap().iter().map(plain).collect();
    assert_eq!(sent, expected);
}

#[test]
fn documents_go_in_by_newline_delimited_json_and_the_last_batch_commits() {
    let taken = r#"{"num_docs_for_processing": 4, "num_ingested_docs": 4, "num_rejected_docs": 0}"#;
    let server = Server::start([Reply::new(200, taken)]);
    let quickwit = Quickwit::new(&server.address, "coaching").unwrap();
    quickwit.ingest(&documents()).unwrap();
    quickwit.delete(["it's \"a\""]).unwrap();
    quickwit.create_index().unwrap();
    let requests = server.requests();
    assert_eq!(requests[0].line, "POST /api/v1/coaching/ingest?commit=force HTTP/1.1");
    assert_eq!(requests[0].body.lines().count(), 4);
    assert_eq!(requests[1].line, "POST /api/v1/coaching/delete-tasks HTTP/1.1");
    assert_eq!(requests[1].body, r#"{"query":"doc_id:\"it's \\\"a\\\"\""}"#);
    assert_eq!(requests[2].line, "POST /api/v1/indexes HTTP/1.1");
    let config: Value = serde_json::from_str(&requests[2].body).unwrap();
    assert_eq!(config, quickwit.index_config());
    // Every field of a line is in the strict mapping.
    let fields = config["doc_mapping"]["field_mappings"].as_array().unwrap();
    let line: Value = serde_json::from_str(requests[0].body.lines().next().unwrap()).unwrap();
    for name in line.as_object().unwrap().keys() {
        assert!(fields.iter().any(|field| field["name"] == name.as_str()), "{name}");
    }
    let rejecting = Server::start([Reply::new(200, r#"{"num_rejected_docs": 2}"#)]);
    let quickwit = Quickwit::new(&rejecting.address, "coaching").unwrap();
    assert!(quickwit.ingest(&documents()).unwrap_err().to_string().contains("2 of the passages"));
}

#[track_caller]
fn problem<T: std::fmt::Debug>(found: Result<T, Error>) -> ServiceProblem {
    match found.unwrap_err() {
        Error::Service { service, problem, .. } if service == "quickwit" => problem,
        other => panic!("{other}"),
    }
}

#[test]
fn what_the_server_cannot_do_is_named() {
    let knee = Query::new("knee");
    let ask = |reply: Reply| {
        let server = Server::start([reply]);
        let quickwit = Quickwit::new(&server.address, "coaching").unwrap();
        problem(quickwit.with_timeout(Duration::from_millis(400)).search(&knee))
    };
    let missing = r#"{"status": 404, "error": {"reason": "index `coaching` not found"}}"#;
    assert!(matches!(
        ask(Reply::new(404, missing)),
        ServiceProblem::NotFound { message } if message.contains("coaching")
    ));
    assert!(matches!(ask(Reply::new(500, "oops")), ServiceProblem::Status { status: 500, .. }));
    for broken in ["{\"hits\"", "{}", r#"{"hits": {"hits": [{"_source": {"doc_id": "a"}}]}}"#] {
        assert!(
            matches!(ask(Reply::new(200, broken)), ServiceProblem::Malformed { .. }),
            "{broken}"
        );
    }
    let partial = r#"{"_shards": {"failed": 1}, "hits": {"hits": []}}"#;
    assert!(matches!(
        ask(Reply::new(200, partial)),
        ServiceProblem::Status { message, .. } if message.contains("1 splits")
    ));
    assert!(matches!(
        ask(Reply::new(200, partial).with_pause(Duration::from_secs(5))),
        ServiceProblem::TimedOut { .. }
    ));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Quickwit::new(format!("http://{closed}"), "coaching").unwrap();
    assert!(matches!(problem(nobody.search(&knee)), ServiceProblem::Unreachable { .. }));
    for query in [
        knee.clone().with_fusion(Fusion::Dense),
        knee.clone().with_fusion(Fusion::rrf()),
        knee.clone().with_fuzzy(true),
        knee.clone().with_explain(true),
    ] {
        assert!(matches!(nobody.search(&query), Err(Error::Unsupported { .. })));
    }
    for (endpoint, index) in [
        ("127.0.0.1:7280", "coaching"),
        ("https://host", "coaching"),
        ("http://host", "a"),
        ("http://host", "a/b"),
        ("http://host", "1st"),
    ] {
        assert!(matches!(Quickwit::new(endpoint, index), Err(Error::InvalidSetting { .. })));
    }
}

#[test]
fn issues_are_looked_up_on_any_retriever() {
    // The trait is what `retrieve` takes; answers that are not recorded are errors, not panics.
    let issue = IssueQuery { id: "stiff".into(), event: "squat".into(), ..IssueQuery::default() };
    let quickwit = Quickwit::new(replay(), "coaching").unwrap();
    let error = retrieve(&quickwit as &dyn Retriever, &[issue], 2).unwrap_err();
    assert!(error.to_string().contains("not recorded"), "{error}");
}
