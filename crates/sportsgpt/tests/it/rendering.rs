//! The report as text, JSON, page and pictures.

use sportsgpt::figure::{CurveFigure, Figure, SkeletonFigure, sheet_png};
use sportsgpt::simulation::StandingLongJump;
use sportsgpt::{Report, render};

fn sample() -> Report {
    super::simulated::report(&StandingLongJump::club_athlete(), &StandingLongJump::elite())
}

#[test]
fn json_holds_what_scripts_are_promised() {
    let json: serde_json::Value = serde_json::from_str(&render::json(&sample()).unwrap()).unwrap();
    assert_eq!(json["event"], "standing_long_jump");
    for field in ["start_frame", "end_frame", "start_s", "end_s"] {
        assert!(json["interval"][field].is_number(), "interval.{field}");
    }
    for field in ["frame", "time_s", "reference_frame", "sigma_frames"] {
        assert!(json["keyframes"][0][field].is_number(), "keyframes.{field}");
    }
    assert!(json["keyframes"][0]["name"].is_string());
    for field in ["probability", "severity", "confidence"] {
        assert!(json["issues"][0][field].is_number(), "issues.{field}");
    }
    assert_eq!(json["issues"][0]["verdict"], "present");
    assert!(json["issues"][0]["evidence"][0]["value"].is_number());
    for field in ["not_assessable", "strengths", "guidance"] {
        assert!(json[field].is_array(), "{field}");
    }
    assert!(json["guidance"][0]["citations"][0].is_number());
    for field in ["knowledge_version", "knowledge_hash", "input_hash", "generator"] {
        assert!(json["provenance"][field].is_string(), "provenance.{field}");
    }
}

#[test]
fn json_comes_back_as_the_same_report() {
    let report = sample();
    let again: Report = serde_json::from_str(&render::json(&report).unwrap()).unwrap();
    assert_eq!(again, report);
}

#[test]
fn the_page_needs_nothing_else_and_keeps_strangers_text_as_text() {
    let mut report = sample();
    report.athlete.name = "<script>alert(1)</script>.csv".to_owned();
    let page = render::html(&report).unwrap();
    assert!(!page.contains("<script"), "a file's name became markup");
    for outside in ["src=\"http", "href=\"http", "@import", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert!(page.matches("<svg").count() >= report.keyframes.len());
    for issue in &report.issues {
        assert!(page.contains(&issue.name.en), "{}", issue.id);
    }
}

#[test]
fn text_names_every_issue_and_source() {
    let report = sample();
    let text = render::text(&report);
    for issue in &report.issues {
        assert!(text.contains(&issue.name.en));
    }
    for reference in &report.references {
        assert!(text.contains(&format!("[{}]", reference.number)));
    }
}

#[test]
fn pictures_have_their_stated_size() {
    let report = sample();
    let still = SkeletonFigure::new(&report.keyframes[0], Vec::new());
    let (width, height) = still.size();
    let png = still.png().unwrap();
    assert_eq!(size_of_png(&png), (width, height));
    let stills: Vec<_> =
        report.keyframes.iter().map(|k| SkeletonFigure::new(k, Vec::new()).with_title()).collect();
    assert_eq!(size_of_png(&sheet_png(&stills, 3).unwrap()), (3 * width, 2 * height));
    let svg = CurveFigure::new(&report.curves[0], &report.keyframes).svg().unwrap();
    assert!(svg.contains("polyline"), "a curve is drawn");
}

/// From the header: PNG (ISO/IEC 15948), IHDR is the first chunk.
fn size_of_png(png: &[u8]) -> (u32, u32) {
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}
