//! A model behind a server, played by one on this machine.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deepsport::agent::{Agent, Message, Progress, Role, Speaker as _, Stop};
use deepsport::{Error, OpenAi, ServiceProblem};
use frame_tool::{Video, VideoOptions};
use serde_json::{Value, json};

use openai_service::test_server::{Reply, Server};

const KEY: &str = "sk-very-secret";

fn model(server: &Server) -> OpenAi {
    OpenAi::new(format!("{}/v1", server.address), "tiny").unwrap().with_key(KEY).unwrap()
}

fn piece(content: &str) -> String {
    format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": content}}]}))
}

/// A streamed answer in two halves, with the counts at the end.
pub(crate) fn answer(text: &str) -> Reply {
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 900, "completion_tokens": 20}});
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let pieces = [piece(&text[..middle]), piece(&text[middle..]), format!("data: {end}\n\n")];
    let tail = [format!("data: {usage}\n\n"), "data: [DONE]\n\n".to_owned()];
    Reply::pieces(pieces.into_iter().chain(tail)).with_header("content-type", "text/event-stream")
}

fn ask(model: &mut OpenAi) -> Result<String, Error> {
    let messages = [Message::text(Role::User, "Who?")];
    let go_on = &mut |_: &str| std::ops::ControlFlow::Continue(());
    model.speak(&messages, 64, go_on).map(|utterance| utterance.text)
}

#[track_caller]
fn problem(found: Result<String, Error>) -> ServiceProblem {
    let error = found.unwrap_err();
    assert!(!format!("{error} {error:?}").contains(KEY), "the key is shown: {error}");
    let Error::Service { endpoint, problem } = error else { panic!("{error}") };
    assert!(endpoint.starts_with("http://127.0.0.1:") && endpoint.ends_with("/v1"));
    problem
}

#[test]
fn a_server_thinks_with_the_video_and_gets_the_very_frames() {
    let first =
        "<think>Late, 80 to 99.</think><tool_call>frame_extraction_tool(80, 99)</tool_call>";
    let server = Server::start([answer(first), answer("<think>Red.</think><answer>red</answer>")]);
    let frames = (0..100_u8).map(|i| vec![2 * i; 8 * 6 * 3]).collect();
    let video = Video::from_frames(8, 6, frames, 25.0, &VideoOptions::new()).unwrap();
    let mut model = model(&server).with_temperature(0.5).with_seed(7);
    let mut written = String::new();
    let trajectory = Agent::new()
        .run_watched(&video, "Who?", &mut model, &mut |progress| {
            if let Progress::Text(text) = progress {
                written.push_str(text);
            }
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!((trajectory.answer.as_deref(), trajectory.stop), (Some("red"), Stop::Answered));
    assert_eq!(trajectory.speaker, "tiny");
    assert!(written.starts_with(first));
    assert_eq!(trajectory.turns[0].prompt_tokens, Some(900));
    assert_eq!(trajectory.num_tokens(), 40);

    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].line, "POST /v1/chat/completions HTTP/1.1");
    assert!(requests[0].headers.contains(&format!("authorization: Bearer {KEY}")));
    let body: Value = serde_json::from_str(&requests[1].body).unwrap();
    assert_eq!(
        (&body["model"], &body["stream"], &body["seed"]),
        (&json!("tiny"), &json!(true), &json!(7))
    );
    assert_eq!(body["max_tokens"], json!(12_800 - 20));
    let messages = body["messages"].as_array().unwrap();
    let roles: Vec<&str> = messages.iter().map(|m| m["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(messages[2]["content"], json!(first));
    // The frames of the second look, decoded as the server would.
    let parts = messages[3]["content"].as_array().unwrap();
    let urls: Vec<&str> =
        parts.iter().filter_map(|part| part["image_url"]["url"].as_str()).collect();
    assert_eq!(urls.len(), 8);
    for (url, seen) in urls.iter().zip(&trajectory.turns[1].frames) {
        let png = STANDARD.decode(url.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut rgb).unwrap();
        assert_eq!(rgb, video.frame(seen.index).unwrap().rgb());
    }
}

#[test]
fn reasoning_in_a_field_of_its_own_becomes_a_thought() {
    let delta = |delta: Value| format!("data: {}\n\n", json!({"choices": [{"delta": delta}]}));
    let pieces = [
        delta(json!({"reasoning_content": "I see "})),
        delta(json!({"reasoning_content": "red."})),
        delta(json!({"content": "<answer>red</answer>"})),
    ];
    let server =
        Server::start([Reply::pieces(pieces).with_header("content-type", "text/event-stream")]);
    assert_eq!(ask(&mut model(&server)).unwrap(), "<think>I see red.</think><answer>red</answer>");
}

#[test]
fn a_server_that_stumbles_is_asked_again_and_a_wait_is_kept() {
    let busy =
        Reply::new(429, r#"{"error": {"message": "slow down"}}"#).with_header("retry-after", "1");
    let server = Server::start([Reply::new(503, "<html>loading</html>"), busy, answer("Fine.")]);
    let started = Instant::now();
    assert_eq!(ask(&mut model(&server)).unwrap(), "Fine.");
    assert_eq!(server.requests().len(), 3);
    assert!(started.elapsed() >= Duration::from_millis(1250));
}

/// An answer, what it must be called, and how often it is asked for.
type Case = (Reply, fn(&ServiceProblem) -> bool, usize);

#[test]
fn what_does_not_pass_is_named() {
    let stream =
        |text: &str| Reply::pieces([text]).with_header("content-type", "text/event-stream");
    // The server repeats the key; the message must not.
    let wrong_key = format!(r#"{{"error": {{"message": "Incorrect API key provided: {KEY}"}}}}"#);
    let cases: Vec<Case> = vec![
        (
            Reply::new(401, wrong_key),
            |p| matches!(p, ServiceProblem::Unauthorized { status: 401, message } if message.contains("[key]")),
            1,
        ),
        (
            Reply::new(404, r#"{"error": {"message": "no model `tiny`"}}"#),
            |p| matches!(p, ServiceProblem::NotFound { message } if message.contains("tiny")),
            1,
        ),
        (Reply::new(413, "too large"), |p| p.to_string().contains("as much of it"), 1),
        (
            Reply::new(429, r#"{"error": {"message": "pay", "type": "insufficient_quota"}}"#),
            |p| matches!(p, ServiceProblem::RateLimited { .. }),
            1,
        ),
        (Reply::new(500, "oops"), |p| matches!(p, ServiceProblem::Status { status: 500, .. }), 2),
        (stream("data: {oops\n\n"), |p| matches!(p, ServiceProblem::Malformed { .. }), 1),
        (stream("data: [DONE]\n\n"), |p| matches!(p, ServiceProblem::Malformed { .. }), 1),
        (
            stream("data: {\"error\": {\"message\": \"out of memory\"}}\n\n"),
            |p| matches!(p, ServiceProblem::Refused { reason } if reason.contains("out of memory")),
            1,
        ),
        (
            stream("data: {\"choices\": [{\"delta\": {\"refusal\": \"I will not.\"}}]}\n\n"),
            |p| matches!(p, ServiceProblem::Refused { reason } if reason == "I will not."),
            1,
        ),
        (
            stream(
                "data: {\"choices\": [{\"delta\": {}, \"finish_reason\": \"content_filter\"}]}\n\n",
            ),
            |p| matches!(p, ServiceProblem::Refused { .. }),
            1,
        ),
    ];
    for (reply, expected, tries) in cases {
        let server = Server::start([reply.clone()]);
        let found = problem(ask(&mut model(&server).with_retries(1)));
        assert!(expected(&found), "{reply:?}: {found}");
        assert_eq!(server.requests().len(), tries, "{reply:?}");
    }
}

#[test]
fn a_server_that_is_not_there_or_never_ends_is_given_up() {
    // A port that was free a moment ago.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut nobody = OpenAi::new(format!("http://{closed}/v1"), "tiny").unwrap().with_retries(0);
    assert!(matches!(problem(ask(&mut nobody)), ServiceProblem::Unreachable { .. }));
    let slow = Server::start([answer("late").with_pause(Duration::from_secs(20))]);
    let limit = Duration::from_millis(200);
    let found = problem(ask(&mut model(&slow).with_timeout(limit)));
    assert_eq!(found, ServiceProblem::TimedOut { after: limit });
}

#[test]
fn clones_share_one_pace() {
    let server = Server::start([answer("Fine.")]);
    let model = model(&server).with_max_rate(1200.0).unwrap(); // a request every 50 ms
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mut model = model.clone();
            scope.spawn(move || ask(&mut model).unwrap());
        }
    });
    assert!(started.elapsed() >= Duration::from_millis(150), "{:?}", started.elapsed());
    for rate in [0.0, -1.0, f64::NAN] {
        assert!(matches!(
            model.clone().with_max_rate(rate),
            Err(Error::InvalidSetting { name: "rate", .. })
        ));
    }
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
    let error = OpenAi::new("http://host/v1", "tiny").unwrap().with_key("two words").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("two words"));
    let model = OpenAi::new("http://host/v1", "tiny").unwrap().with_key(KEY).unwrap();
    assert!(!format!("{model:?}").contains(KEY));
}
