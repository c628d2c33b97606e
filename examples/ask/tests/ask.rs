//! The program as its users run it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use deepsport::agent::Trajectory;
use frame_tool::Video;

fn ask(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ask")).args(args).env_remove("OPENAI_MODEL").output().unwrap()
}

fn trace(folder: &Path) -> Trajectory {
    Trajectory::from_json(&std::fs::read_to_string(folder.join("trace.json")).unwrap()).unwrap()
}

/// A server that offers the model `tiny` and lets it say `turns` in order. Gives its address.
fn serve(turns: &[&str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut turns: Vec<String> = turns.iter().rev().map(|turn| (*turn).to_owned()).collect();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut line, mut length) = (String::new(), 0);
            reader.read_line(&mut line).unwrap();
            let is_post = line.starts_with("POST");
            while line.trim() != "" {
                line.clear();
                reader.read_line(&mut line).unwrap();
                let lower = line.to_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            reader.read_exact(&mut vec![0; length]).unwrap();
            let (kind, body) = if is_post {
                let delta =
                    serde_json::json!({"choices": [{"delta": {"content": turns.pop().unwrap()}}]});
                ("text/event-stream", format!("data: {delta}\n\ndata: [DONE]\n\n"))
            } else {
                ("application/json", r#"{"data": [{"id": "tiny"}]}"#.to_owned())
            };
            let head =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {kind}\r\n\r\n");
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
    });
    address
}

/// Whether every frame on record has the time and the pixels of that frame of the video, as frame-tool gives them.
#[track_caller]
fn check_frames(folder: &Path, video: &Video) {
    let json = std::fs::read_to_string(folder.join("trace.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let mut num_frames = 0;
    for turn in json["turns"].as_array().unwrap() {
        assert!(turn["thought"].is_string());
        for frame in turn["frames"].as_array().unwrap() {
            let frame_idx = frame["index"].as_u64().unwrap() as usize;
            let expected = video.timeline().timestamp_s(frame_idx).unwrap();
            assert_eq!(frame["time_s"].as_f64(), Some(expected));
            assert_eq!(frame["sha256"].as_str(), Some(video.frame(frame_idx).unwrap().sha256()));
            num_frames += 1;
        }
    }
    assert!(num_frames >= 2);
}

/// The model that comes with the program, on the clip that does: right, after a second look where the event is.
#[cfg(feature = "local")]
#[test]
fn without_arguments_the_shipped_model_answers() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !program.join("model").exists() {
        eprintln!("skipped: no model comes with this checkout");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let done = ask(&["--out", folder.path().to_str().unwrap()]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    let records = deepsport::data::read_records(&program.join("clip/question.jsonl")).unwrap();
    let record = &records.records[0];
    let answer = String::from_utf8(done.stdout).unwrap();
    assert_eq!(deepsport::data::Answer::Label(answer.trim().to_owned()), record.answer, "{said}");
    let run = trace(folder.path());
    assert!(run.is_well_formed() && run.num_calls() >= 1, "{said}");
    assert!(run.metrics(record.evidence[0].clone()).recall > 0.0, "{said}");
    check_frames(folder.path(), &Video::open(program.join("clip/clip.png")).unwrap());
}

/// A model here: a network of random weights in the published layout writes nonsense in the paper's form or in
/// none, but what it is shown is what the video holds.
#[cfg(feature = "local")]
#[test]
fn a_model_here_is_shown_the_right_frames_of_real_clips() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let model = shared.join("fixtures/qwen2_5_vl_tiny/untied_f32");
    for name in ["football_juggle.mp4", "phone_rot_90.mov"] {
        let clip = shared.join("data/video").join(name);
        if !clip.exists() || !model.exists() {
            eprintln!("skipped: {} or {} is not there", clip.display(), model.display());
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let [clip_at, model, out] =
            [&clip, &model, folder.path()].map(|path| path.to_str().unwrap().to_owned());
        let limits = ["--max-tokens", "24", "--max-turns", "2", "--frames", "2"];
        let args = [&[&clip_at, "How often?", "--model", &model, "--out", &out], &limits[..]];
        let done = ask(&args.concat());
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(matches!(done.status.code(), Some(0 | 3)), "{said}");
        let run = trace(folder.path());
        assert_eq!((run.speaker.as_str(), run.turns[0].frames.len()), ("untied_f32", 2));
        assert!(run.turns[0].completion_tokens > Some(0));
        check_frames(folder.path(), &Video::open(&clip).unwrap());
    }
}

#[test]
fn the_expert_shows_how_it_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let done = ask(&["--toy", "1", "--expert", "--out", out]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let trajectory = trace(folder.path());
    assert_eq!(
        String::from_utf8(done.stdout).unwrap().trim(),
        trajectory.answer.as_deref().unwrap()
    );
    assert_eq!((trajectory.num_calls(), trajectory.num_frames()), (1, 16));
    // The record can be told again.
    let again = tempfile::tempdir().unwrap();
    let record = folder.path().join("trace.json");
    let [record, again_at] = [&record, again.path()].map(|path| path.to_str().unwrap().to_owned());
    let done = ask(&["--toy", "1", "--replay", &record, "--out", &again_at]);
    assert!(done.status.success());
    assert_eq!(trace(again.path()).turns.len(), trajectory.turns.len());
}

#[test]
fn a_server_answers_about_a_real_clip_and_the_trace_holds_the_right_frames() {
    let clip =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/video/football_juggle.mp4");
    if !Path::new(clip).exists() {
        eprintln!("skipped: {clip} is not there");
        return;
    }
    let call = "<think>The ball is up between 60 and 120.</think><tool_call>frame_extraction_tool(60, 120)</tool_call>";
    let address = serve(&[call, "<think>I count.</think><answer>three</answer>"]);
    let folder = tempfile::tempdir().unwrap();
    let done =
        ask(&[clip, "How often?", "--server", &address, "--out", folder.path().to_str().unwrap()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(String::from_utf8(done.stdout).unwrap(), "three\n");

    let trajectory = trace(folder.path());
    assert_eq!(trajectory.speaker, "tiny");
    let video = Video::open(clip).unwrap();
    assert_eq!(trajectory.replay(&video).unwrap().len(), 2);
    let shown: Vec<usize> = trajectory.turns[1].frames.iter().map(|seen| seen.index).collect();
    // numpy.linspace(60, 120, 8).astype(int)
    assert_eq!(shown, [60, 68, 77, 85, 94, 102, 111, 120]);
    check_frames(folder.path(), &video);
    let page = std::fs::read_to_string(folder.path().join("trace.html")).unwrap();
    assert_eq!(page.matches("src=\"data:image/jpeg;base64,").count(), 16);
}

#[test]
fn what_is_wrong_is_said() {
    for (args, expected) in [
        (vec!["none.mp4", "Who?", "--server", "http://127.0.0.1:9"], "none.mp4: cannot be read"),
        (vec!["none.mp4"], "no question"),
        (vec!["--toy", "1", "--server", "127.0.0.1:9"], "starts with http://"),
        (vec!["--replay", "none.json"], "none.json"),
        #[cfg(feature = "local")]
        (vec!["--model", "/"], "/: no model, for it lacks config.json, model.safetensors"),
    ] {
        let done = ask(&args);
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.code() == Some(1) && said.contains(expected), "{args:?}: {said}");
        assert!(done.stdout.is_empty());
    }
}
