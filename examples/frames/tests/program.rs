//! The program as a user calls it.

use std::process::{Command, Output};

use serde_json::Value;

fn clip(name: &str) -> String {
    format!("{}/../../crates/frame-tool/tests/fixtures/clips/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn frames(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_frames")).args(args).output().unwrap()
}

#[track_caller]
fn json(args: &[&str]) -> Value {
    let output = frames(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn info_and_frames_as_json() {
    let clip = clip("rotated_90.mp4");
    let info = json(&["info", &clip, "--json"]);
    assert_eq!((info["width"].as_u64(), info["height"].as_u64()), (Some(48), Some(64)));
    assert_eq!((info["num_frames"].as_u64(), info["rotation_deg"].as_u64()), (Some(24), Some(270))); // 90 the other way
    let sampled = json(&["sample", &clip, "-k", "4", "--json"]);
    let indices: Vec<_> =
        sampled.as_array().unwrap().iter().map(|frame| frame["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, [0, 7, 15, 23]);
    let window = json(&["window", &clip, "--start", "7", "--end", "15", "-k", "2", "--json"]);
    assert_eq!(window[0], sampled[1]);
    assert_eq!(window[1]["sha256"], sampled[2]["sha256"]);
    let by_time = json(&["window", &clip, "--start-s", "0.6", "--end-s", "0.6", "--json"]);
    assert_eq!(by_time[0]["index"], 7);
}

#[test]
fn frames_and_sheets_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new");
    let listed = json(&[
        "frames",
        &clip("b_frames.mp4"),
        "--indices",
        "9,3",
        "--json",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(listed[0]["index"], 9);
    let png = image::open(out.join("frame_000003.png")).unwrap().into_rgb8();
    assert_eq!((png.width(), png.height()), (64, 48));
    let sheet = folder.path().join("sheet.png");
    assert!(
        frames(&["sheet", &clip("b_frames.mp4"), "--out", sheet.to_str().unwrap()])
            .status
            .success()
    );
    assert!(image::open(sheet).is_ok());
}

#[test]
fn calls_are_answered_or_refused() {
    let clip = clip("b_frames.mp4");
    let answer = json(&[
        "call",
        &clip,
        "--text",
        "<tool_call>frame_extraction_tool(3, 9)</tool_call>",
        "--json",
    ]);
    assert_eq!(
        (answer["outcome"].as_str(), answer["frames"].as_array().unwrap().len()),
        (Some("shown"), 7)
    );
    let refused = json(&[
        "call",
        &clip,
        "--text",
        "<tool_call>frame_extraction_tool(9, 3)</tool_call>",
        "--json",
    ]);
    assert_eq!(refused["outcome"], "refused");
}

#[test]
fn errors_name_the_file_and_the_way_out() {
    let output = frames(&["info", &clip("hevc.mp4"), "--decoder", "embedded"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("hevc.mp4") && said.contains("HEVC") && said.contains("libx264"),
        "{said}"
    );
    assert_eq!(
        frames(&["window", &clip("b_frames.mp4"), "--start", "3", "--end", "99"]).status.code(),
        Some(1)
    );
}
