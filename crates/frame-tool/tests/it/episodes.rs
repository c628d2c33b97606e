//! What may be asked for, what comes back, and the record of it.

use frame_tool::{
    Episode, Error, Metrics, Outcome, Policy, RangePolicy, Refusal, Tolerance, ToolCall, Trace,
    Turn, Video, VideoOptions, contact_sheet, t_iou, timeline_png,
};

use crate::support::{indices, made_up};

fn video(num_frames: usize) -> Video {
    let frames = (0..num_frames).map(|i| made_up(i, 6, 4)).collect();
    Video::from_frames(6, 4, frames, 10.0, &VideoOptions::new()).unwrap()
}

fn call(episode: &mut Episode<'_>, start: i64, end: i64) -> Outcome {
    episode.call(ToolCall { start, end }).unwrap()
}

#[track_caller]
fn shown(outcome: Outcome) -> Vec<usize> {
    match outcome {
        Outcome::Shown(observation) => indices(&observation.frames),
        other => panic!("{other}"),
    }
}

#[track_caller]
fn refused(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused { refusal, .. } => refusal,
        other => panic!("{other}"),
    }
}

#[test]
fn deepsport_shows_8_frames_and_8_more_a_call() {
    let video = video(100);
    let (mut episode, first) = Episode::start(&video, Policy::deepsport()).unwrap();
    assert_eq!(indices(&first.frames), [0, 14, 28, 42, 56, 70, 84, 99]);
    assert_eq!(shown(call(&mut episode, 20, 34)), [20, 22, 24, 26, 28, 30, 32, 34]);
    assert_eq!(shown(call(&mut episode, 40, 43)), [40, 41, 42, 43]); // all there is
    assert_eq!((episode.num_calls(), episode.num_frames()), (2, 20));
}

#[test]
fn each_rule_has_its_reason() {
    let video = video(100);
    let (mut episode, _) = Episode::start(&video, Policy::deepsport()).unwrap();
    assert!(matches!(refused(call(&mut episode, 30, 20)), Refusal::Backwards { .. }));
    assert!(matches!(
        refused(call(&mut episode, 200, 300)),
        Refusal::OutOfRange { last_frame: 99, .. }
    ));
    assert!(matches!(refused(call(&mut episode, i64::MIN, -1)), Refusal::OutOfRange { .. }));
    assert_eq!(shown(call(&mut episode, 90, i64::MAX)), [90, 91, 92, 93, 95, 96, 97, 99]); // clamped
    assert!(matches!(refused(call(&mut episode, 90, 99)), Refusal::Repeated { .. }));
    let last = call(&mut episode, 0, 99);
    assert!(last.to_string().ends_with("No more frames will be shown."), "{last}"); // the second repeat
    assert!(episode.is_over());
    assert_eq!(refused(call(&mut episode, 1, 50)), Refusal::Over);
}

#[test]
fn budgets_end_the_looking() {
    let video = video(100);
    let mut policy = Policy::deepsport();
    (policy.max_calls, policy.max_frames) = (2, 18);
    let (mut episode, _) = Episode::start(&video, policy.clone()).unwrap();
    assert_eq!(shown(call(&mut episode, 10, 30)).len(), 8);
    assert_eq!(shown(call(&mut episode, 40, 60)), [40, 60]); // two frames are left
    assert!(matches!(refused(call(&mut episode, 70, 80)), Refusal::NoCallsLeft { max_calls: 2 }));
    policy.max_calls = 9;
    let (mut episode, _) = Episode::start(&video, policy).unwrap();
    let _ = (call(&mut episode, 10, 30), call(&mut episode, 40, 60));
    assert!(matches!(
        refused(call(&mut episode, 70, 80)),
        Refusal::NoFramesLeft { max_frames: 18 }
    ));
}

#[test]
fn windows_can_be_cut_down_and_near_repeats_caught() {
    let video = video(100);
    let mut policy = Policy::deepsport();
    (policy.range_policy, policy.max_span, policy.near_frames) = (RangePolicy::Shrink, 11, 1);
    let (mut episode, _) = Episode::start(&video, policy).unwrap();
    let Outcome::Shown(observation) = call(&mut episode, 20, 60) else { panic!() };
    assert_eq!(observation.window, 35..=45);
    assert!(
        observation.to_string().starts_with("Frames 20 to 60 reach too far; shown is 35 to 45.")
    );
    assert!(matches!(refused(call(&mut episode, 36, 44)), Refusal::Repeated { .. }));
}

#[test]
fn frame_thinker_checks_what_was_said() {
    let video = video(100);
    let turn = |text: &str| Turn::parse(text, Tolerance::Strict);
    let (mut episode, _) = Episode::start(&video, Policy::frame_thinker()).unwrap();
    let mut go = |text: &str| episode.turn(&turn(text)).unwrap();
    let said_otherwise =
        go("<think>frames 10 to 30</think><action>choose frames between 10 and 40</action>");
    assert!(matches!(refused(said_otherwise), Refusal::SaidOtherwise { .. }));
    let narrow = go("<think>10 to 15</think><action>choose frames between 10 and 15</action>");
    assert!(matches!(refused(narrow), Refusal::TooNarrow { .. }));
    let looked_up =
        go("<think>where is 0:07?</think><action>get frame number at time 00:07</action>");
    assert_eq!(looked_up.to_string(), "At 7.00 s the video shows frame 70.");
    let missed = go("<think>10 to 30</think><action>choose frames between 10 and 30</action>");
    assert!(matches!(refused(missed), Refusal::MissesLocated { frame_idx: 70, .. }));
    let found = go("<think>60 to 80</think><action>choose frames between 60 and 80</action>");
    assert_eq!(shown(found), [61, 63, 66, 68, 71, 73, 76, 79]); // the ends were seen
    let inner = go("<think>61 to 79</think><action>choose frames between 61 and 79</action>");
    assert!(matches!(refused(inner), Refusal::Repeated { .. }));
    let over = go("<think>1</think><answer>B</answer>");
    assert!(matches!(over, Outcome::Answered(answer) if answer == "B"));
}

#[test]
fn unreadable_calls_are_answered_in_words() {
    let video = video(20);
    let (mut episode, _) = Episode::start(&video, Policy::deepsport()).unwrap();
    let outcome =
        episode.turn(&Turn::parse("<tool_call>zoom(1)</tool_call>", Tolerance::Lenient)).unwrap();
    assert_eq!(
        outcome.to_string(),
        "The call cannot be read: there is no tool \"zoom\"; the only one is frame_extraction_tool."
    );
}

#[test]
fn a_trace_is_written_read_and_replayed() {
    let video = video(60);
    let (mut episode, _) = Episode::start(&video, Policy::deepsport()).unwrap();
    let _ = (call(&mut episode, 10, 29), call(&mut episode, 9, 5), call(&mut episode, 20, 39));
    let trace = episode.into_trace();
    let read = Trace::from_json(&trace.to_json()).unwrap();
    assert_eq!(read, trace);
    let replayed = read.replay(&video).unwrap();
    assert_eq!(replayed.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 0, 8]);
    assert_eq!(indices(&replayed.concat()), trace.shown());

    let mut other = trace.clone();
    other.steps[1].frames[2].sha256 = "0".repeat(64);
    assert!(matches!(other.replay(&video), Err(Error::Replay { step: 1, .. })));
    assert!(matches!(trace.replay(&self::video(30)), Err(Error::Replay { .. })));
    assert!(matches!(Trace::from_json("{}"), Err(Error::Json { .. })));

    // Windows 10..30 and 20..40, event 25..45: by hand.
    let metrics = trace.metrics(25..45);
    assert_eq!((metrics.t_iou, metrics.best_t_iou), (15.0 / 25.0, 15.0 / 25.0));
    assert_eq!((metrics.recall, metrics.coverage), (15.0 / 20.0, 30.0 / 60.0));
    assert_eq!(metrics.redundancy, 1.0 - 30.0 / 40.0);
    // First look 0 8 16 25 33 42 50 59; then 10 12 15 18 20 23 26 29; then 20 22 25 28 30 33 36 39.
    assert_eq!(metrics.num_event_frames, 9); // 25 26 28 29 30 33 36 39 42
}

#[test]
fn empty_stretches_score_zero() {
    assert_eq!(t_iou(&(3..3), &(5..5)), 0.0);
    let metrics = Metrics::of(&[], &[], 0..0, 0);
    assert_eq!(
        (metrics.t_iou, metrics.recall, metrics.coverage, metrics.redundancy),
        (0.0, 0.0, 0.0, 0.0)
    );
}

#[test]
fn pictures_of_what_was_shown() {
    let video = video(30);
    let (mut episode, first) = Episode::start(&video, Policy::deepsport()).unwrap();
    let sheet =
        image::load_from_memory(&contact_sheet(&first.frames, 4).unwrap()).unwrap().into_rgb8();
    // 2 rows of 4: the first frame's first pixel stands behind the margin.
    assert_eq!(sheet.get_pixel(6, 6).0, first.frames[0].rgb()[..3]);
    assert_eq!(sheet.width(), 4 * (96 + 6) + 6);
    let _ = call(&mut episode, 10, 19);
    let timeline =
        image::load_from_memory(&timeline_png(episode.trace(), Some(12..15))).unwrap().into_rgb8();
    assert!(timeline.pixels().any(|pixel| pixel.0 == [255, 224, 170])); // the event's band
    assert!(timeline.pixels().any(|pixel| pixel.0 == [88, 140, 200])); // the window
    assert!(contact_sheet(&[], 4).is_err());
}
