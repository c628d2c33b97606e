use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use sports_rag::{
    Config, Error, IssueQuery, LanguageModel, ModelGuide, OpenAi, Prompt, ServiceProblem, Store,
    retrieve, shipped_cards,
};

use openai_service::test_server::{Reply, Server};

const KEY: &str = "sk-very-secret";

fn prompt() -> Prompt {
    Prompt { system: "You coach.".into(), user: "Squat?".into(), references: Vec::new() }
}

fn model(server: &Server) -> OpenAi {
    OpenAi::new(format!("{}/v1", server.address), "tiny").unwrap().with_key(KEY).unwrap()
}

/// An answer as llama.cpp's server gives it, reduced to the fields that matter.
fn answer(content: &str, finish_reason: &str) -> Reply {
    let choice = serde_json::json!({
        "index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish_reason,
    });
    Reply::new(
        200,
        serde_json::json!({"object": "chat.completion", "choices": [choice]}).to_string(),
    )
}

fn piece(content: &str) -> String {
    let delta = serde_json::json!({"choices": [{"index": 0, "delta": {"content": content}}]});
    format!("data: {delta}\n\n")
}

#[track_caller]
fn problem(found: Result<String, Error>) -> ServiceProblem {
    match found {
        Err(error @ Error::Service { .. }) => {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(KEY), "the key is shown: {shown}");
            let Error::Service { service, endpoint, problem } = error else { unreachable!() };
            assert_eq!(service, "language model");
            assert!(endpoint.starts_with("http://127.0.0.1:") && endpoint.ends_with("/v1"));
            problem
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_question_is_sent_with_model_key_and_both_messages() {
    let server = Server::start([answer("Sit back.", "stop")]);
    let model = model(&server).with_temperature(0.0).with_max_tokens(64);
    assert_eq!(model.complete(&prompt()).unwrap(), "Sit back.");
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /v1/chat/completions HTTP/1.1");
    assert!(request.headers.contains(&format!("authorization: Bearer {KEY}")));
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    let expected = serde_json::json!({
        "model": "tiny", "stream": false, "temperature": 0.0, "max_tokens": 64,
        "messages": [
            {"role": "system", "content": "You coach."}, {"role": "user", "content": "Squat?"},
        ],
    });
    assert_eq!(body, expected);
    assert!(!format!("{model:?}").contains(KEY));
}

#[test]
fn a_server_that_stumbles_is_asked_again() {
    let server = Server::start([
        Reply::new(500, "oops"),
        Reply::new(503, "<html>loading model</html>"),
        answer("Fine.", "stop"),
    ]);
    assert_eq!(model(&server).complete(&prompt()).unwrap(), "Fine.");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_wait_that_the_server_asks_for_is_kept() {
    let busy = Reply::new(429, r#"{"error": {"message": "slow down"}}"#);
    let server = Server::start([busy.with_header("retry-after", "1"), answer("Fine.", "stop")]);
    let started = Instant::now();
    assert_eq!(model(&server).complete(&prompt()).unwrap(), "Fine.");
    assert!(started.elapsed() >= Duration::from_secs(1));
}

/// An answer, what it must be called, and how often it is asked for.
type Case = (Reply, fn(&ServiceProblem) -> bool, usize);

#[test]
fn what_does_not_pass_is_named() {
    // The server repeats the key; the message must not.
    let wrong_key = format!(r#"{{"error": {{"message": "Incorrect API key provided: {KEY}"}}}}"#);
    let cases: Vec<Case> = vec![
        (
            Reply::new(401, wrong_key),
            |p| matches!(p, ServiceProblem::Unauthorized { status: 401, message } if message.contains("[key]")),
            1,
        ),
        (
            Reply::new(403, "<html>no</html>"),
            |p| matches!(p, ServiceProblem::Unauthorized { status: 403, .. }),
            1,
        ),
        (
            Reply::new(404, r#"{"error": {"message": "model `tiny` not found"}}"#),
            |p| matches!(p, ServiceProblem::NotFound { message } if message.contains("tiny")),
            1,
        ),
        (
            Reply::new(429, "busy"),
            |p| matches!(p, ServiceProblem::RateLimited { message } if message == "busy"),
            2,
        ),
        (
            Reply::new(429, r#"{"error": {"message": "pay", "type": "insufficient_quota"}}"#),
            |p| matches!(p, ServiceProblem::RateLimited { .. }),
            1,
        ),
        (Reply::new(500, "oops"), |p| matches!(p, ServiceProblem::Status { status: 500, .. }), 2),
        (Reply::new(200, "{\"choices\": [{"), |p| matches!(p, ServiceProblem::Malformed { .. }), 1),
        (
            Reply::new(200, "<html>a router's page</html>"),
            |p| matches!(p, ServiceProblem::Malformed { .. }),
            1,
        ),
        (
            Reply::new(200, "{\"choices\": []}"),
            |p| matches!(p, ServiceProblem::Malformed { .. }),
            1,
        ),
        (answer(" ", "stop"), |p| matches!(p, ServiceProblem::Malformed { .. }), 1),
        (answer("half a sen", "length"), |p| *p == ServiceProblem::CutShort, 1),
        (answer("", "content_filter"), |p| matches!(p, ServiceProblem::Refused { .. }), 1),
        (
            Reply::new(
                200,
                r#"{"choices": [{"message": {"refusal": "I will not."}, "finish_reason": "stop"}]}"#,
            ),
            |p| matches!(p, ServiceProblem::Refused { reason } if reason == "I will not."),
            1,
        ),
    ];
    for (reply, expected, tries) in cases {
        let server = Server::start([reply.clone()]);
        let found = problem(model(&server).with_retries(1).complete(&prompt()));
        assert!(expected(&found), "{reply:?}: {found}");
        assert_eq!(server.requests().len(), tries, "{reply:?}");
    }
}

#[test]
fn a_server_that_is_not_there_or_never_ends_is_given_up() {
    // A port that was free a moment ago.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = OpenAi::new(format!("http://{closed}/v1"), "tiny").unwrap().with_retries(0);
    assert!(matches!(
        problem(nobody.complete(&prompt())),
        ServiceProblem::Unreachable { reason } if reason.contains("refused")
    ));
    let slow = Server::start([answer("late", "stop").with_pause(Duration::from_secs(20))]);
    let limit = Duration::from_millis(200);
    // The body comes at once, but the connection stays open: without a length only its end ends the answer.
    let found = problem(model(&slow).with_timeout(limit).complete(&prompt()));
    assert_eq!(found, ServiceProblem::TimedOut { after: limit });
}

#[test]
fn a_stream_arrives_piece_by_piece_and_can_be_stopped() {
    let pieces =
        [piece("Sit "), ": a comment\n\n".into(), piece("back."), "data: [DONE]\n\n".into()];
    let reply = Reply::pieces(pieces)
        .with_header("content-type", "text/event-stream")
        .with_pause(Duration::from_millis(20));
    let server = Server::start([Reply::new(500, "oops"), reply.clone()]);
    let mut seen = Vec::new();
    let whole = model(&server).stream(&prompt(), |text| {
        seen.push(text.to_string());
        ControlFlow::Continue(())
    });
    assert_eq!(whole.unwrap(), "Sit back.");
    assert_eq!(seen, ["Sit ", "back."]);
    assert!(server.requests()[1].body.contains("\"stream\":true"));
    let server = Server::start([reply]);
    let stopped = model(&server).stream(&prompt(), |_| ControlFlow::Break(()));
    assert_eq!(stopped.unwrap(), "Sit ");
}

#[test]
fn a_stream_that_breaks_is_an_error() {
    let stream = |pieces: &[&str]| {
        Reply::pieces(pieces.iter().copied()).with_header("content-type", "text/event-stream")
    };
    let go_on = |_: &str| ControlFlow::Continue(());
    let server = Server::start([stream(&[&piece("Sit "), "data: {oops\n\n"])]);
    assert!(matches!(
        problem(model(&server).stream(&prompt(), go_on)),
        ServiceProblem::Malformed { .. }
    ));
    let server =
        Server::start([stream(&["data: {\"error\": {\"message\": \"out of memory\"}}\n\n"])]);
    assert!(matches!(
        problem(model(&server).stream(&prompt(), go_on)),
        ServiceProblem::Refused { reason } if reason.contains("out of memory")
    ));
    let server = Server::start([stream(&["data: [DONE]\n\n"])]);
    assert!(matches!(
        problem(model(&server).stream(&prompt(), go_on)),
        ServiceProblem::Malformed { .. }
    ));
}

#[test]
fn it_works_inside_an_asynchronous_program_too() {
    let server = Server::start([answer("Fine.", "stop")]);
    let model = model(&server);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        assert_eq!(model.complete(&prompt()).unwrap(), "Fine.");
        assert_eq!(model.complete_async(&prompt()).await.unwrap(), "Fine.");
    });
}

#[test]
fn settings_that_cannot_work_are_named_without_secrets() {
    for endpoint in ["", "127.0.0.1:8080/v1", "ftp://host", "http:///v1", "http://me:pw@host/v1"] {
        let error = OpenAi::new(endpoint, "tiny").unwrap_err();
        assert!(matches!(error, Error::InvalidSetting { name: "endpoint", .. }), "{error}");
        assert!(!error.to_string().contains("pw"));
    }
    assert!(matches!(
        OpenAi::new("http://host/v1", " "),
        Err(Error::InvalidSetting { name: "model", .. })
    ));
    let with_break = format!("{KEY}\nX-Other: 1");
    let error = OpenAi::new("http://host/v1", "tiny").unwrap().with_key(with_break).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(KEY));
    assert!(OpenAi::new("http://host/v1", "tiny").unwrap().with_key(format!(" {KEY}\n")).is_ok());
}

#[test]
fn guidance_from_a_server_is_checked_against_the_passages() {
    let text = r#"[{"issue": "shallow_squat", "cause": "", "correction": "Sit back [1].",
        "drill": "Box squat, 17 sets [3].", "progression": "", "caution": ""}]"#;
    let server = Server::start([answer(text, "stop")]);
    let mut store = Store::in_memory(Config::new()).unwrap();
    store.sync(shipped_cards()).unwrap();
    let issue = IssueQuery {
        id: "shallow_squat".into(),
        name: "Shallow squat".into(),
        event: "squat".into(),
        ..IssueQuery::default()
    };
    let found = retrieve(&store, std::slice::from_ref(&issue), 2).unwrap();
    let checked = ModelGuide::new(model(&server)).checked(&[issue], &found).unwrap();
    let claims: Vec<&str> =
        checked.unsupported.iter().map(|(_, claim)| claim.claim.as_str()).collect();
    assert_eq!(claims, ["17"]);
}
