//! A server on this machine plays every part.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use openai_service::test_server::{Reply, Server};
use openai_service::{Problem, Service, block_on};
use serde_json::{Value, json};

const KEY: &str = "sk-very-secret";

fn service(server: &Server) -> Service {
    Service::new(&server.address).unwrap().with_key(KEY).unwrap()
}

fn ask(service: &Service) -> Result<Value, Problem> {
    block_on(service.chat(json!({ "model": "tiny" })))
}

#[test]
fn the_request_goes_out_as_it_is_and_the_answer_comes_back() {
    let server = Server::start([Reply::new(200, r#"{"said": "in"}"#)]);
    assert_eq!(ask(&service(&server)).unwrap(), json!({ "said": "in" }));
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /v1/chat/completions HTTP/1.1"); // a bare host means its /v1
    assert!(request.headers.contains(&format!("authorization: Bearer {KEY}")));
    assert_eq!(request.body, r#"{"model":"tiny"}"#);
}

#[test]
fn a_stream_is_heard_here_piece_by_piece_and_can_be_ended() {
    let pieces = || {
        let pieces = (0..20).map(|i| format!("data: {{\"i\": {i}}}\n\n"));
        Reply::pieces(pieces.chain(["data: [DONE]\n\n".to_owned()]))
            .with_header("content-type", "text/event-stream")
    };
    let server = Server::start([pieces()]);
    for last in [3, 100] {
        let mut heard = Vec::new();
        let hear = |piece: Value| {
            heard.push(piece["i"].as_u64().unwrap());
            let is_last = heard.last() == Some(&last);
            Ok(if is_last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        service(&server).stream_here(json!({ "stream": true }), hear).unwrap();
        assert_eq!(heard, (0..=last.min(19)).collect::<Vec<_>>());
    }
    let refuse = |_: Value| Err(Problem::Refused { reason: format!("not with {KEY}") });
    let found = service(&server).stream_here(json!({ "stream": true }), refuse);
    assert_eq!(found, Err(Problem::Refused { reason: "not with [key]".into() }));
}

#[test]
fn what_may_pass_is_tried_again_after_the_wait_that_was_asked_for() {
    let busy = Reply::new(429, r#"{"error": {"message": "slow"}}"#).with_header("retry-after", "1");
    let server = Server::start([Reply::new(503, "<html>"), busy, Reply::new(200, "{}")]);
    let started = Instant::now();
    ask(&service(&server)).unwrap();
    assert_eq!(server.requests().len(), 3);
    assert!(started.elapsed() >= Duration::from_millis(1250));
}

#[test]
fn problems_have_names_and_hide_the_key() {
    // The server repeats the key; the message must not.
    let wrong_key = format!(r#"{{"error": {{"message": "bad key {KEY}"}}}}"#);
    type Case = (Reply, fn(&Problem) -> bool, usize);
    let cases: Vec<Case> = vec![
        (
            Reply::new(401, wrong_key),
            |p| matches!(p, Problem::Unauthorized { status: 401, message } if message.contains("[key]")),
            1,
        ),
        (Reply::new(404, "none"), |p| matches!(p, Problem::NotFound { .. }), 1),
        (
            Reply::new(429, r#"{"error": {"message": "pay", "type": "insufficient_quota"}}"#),
            |p| matches!(p, Problem::RateLimited { .. }),
            1, // waiting does not fill a purse
        ),
        (Reply::new(500, "oops"), |p| matches!(p, Problem::Status { status: 500, .. }), 2),
        (Reply::new(200, "oops"), |p| matches!(p, Problem::Malformed { .. }), 1),
    ];
    for (reply, is_expected, tries) in cases {
        let server = Server::start([reply]);
        let problem = ask(&service(&server).with_retries(1)).unwrap_err();
        assert!(is_expected(&problem), "{problem:?}");
        assert!(!format!("{problem} {:?}", service(&server)).contains(KEY));
        assert_eq!(server.requests().len(), tries, "{problem}");
    }
    let limit = Duration::from_millis(200);
    let server = Server::start([Reply::new(200, "{}").with_pause(Duration::from_secs(2))]);
    let found = ask(&service(&server).with_timeout(limit)).unwrap_err();
    assert_eq!(found, Problem::TimedOut { after: limit });
}

#[test]
fn the_first_model_is_asked_for() {
    let server = Server::start([Reply::new(200, r#"{"data": [{"id": "a"}, {"id": "b"}]}"#)]);
    assert_eq!(block_on(service(&server).first_model()).unwrap().as_deref(), Some("a"));
    assert_eq!(server.requests()[0].line, "GET /v1/models HTTP/1.1");
    let silent = Server::start([Reply::new(404, "")]);
    assert_eq!(block_on(service(&silent).first_model()), Ok(None));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for endpoint in ["", "127.0.0.1:8080/v1", "ftp://host", "http:///v1", "http://me:pw@host/v1"] {
        let error = Service::new(endpoint).unwrap_err();
        assert!(error.name == "endpoint" && !error.to_string().contains("pw"), "{error}");
    }
    let error = Service::new("http://host").unwrap().with_key("a\nsecret").unwrap_err();
    assert!(!error.to_string().contains("secret"));
}
