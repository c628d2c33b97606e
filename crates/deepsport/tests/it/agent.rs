//! The loop: what is shown, what is heard, when it ends.

use std::ops::ControlFlow;

use deepsport::Error;
use deepsport::agent::{
    Agent, Dialogue, Message, Mode, Part, Progress, Recorded, Role, Stop, Trajectory, Utterance,
};
use frame_tool::{Level, Policy, Refusal, Syntax, ToolCall, Video, VideoOptions};
use proptest::prelude::*;

fn video() -> Video {
    let frames = (0..100_u8).map(|i| vec![2 * i; 8 * 6 * 3]).collect();
    Video::from_frames(8, 6, frames, 25.0, &VideoOptions::new()).unwrap()
}

fn call(start: i64, end: i64) -> String {
    let call = ToolCall { start, end }.to_text(Syntax::Function);
    format!("<think>I look at {start} to {end}</think>{call}")
}

const ANSWER: &str = "<think>I see it.</think><answer>red</answer>";

#[track_caller]
fn run<const N: usize>(agent: &Agent, turns: [&str; N]) -> Trajectory {
    agent.run(&video(), "Who?", &mut Recorded::new(turns)).unwrap()
}

#[test]
fn frames_are_shown_under_their_numbers_and_the_record_says_which() {
    let (video, agent) = (video(), Agent::new());
    let mut dialogue = Dialogue::start(&agent, &video, "Who?").unwrap();
    let [system, user] = dialogue.messages() else { panic!() };
    assert_eq!((system.role, user.role), (Role::System, Role::User));
    let shown: Vec<usize> = user.frames().map(|frame| frame.index()).collect();
    assert_eq!(shown, [0, 14, 28, 42, 56, 70, 84, 99]);
    let [Part::Text(label), Part::Frame(_), ..] = user.parts.as_slice() else { panic!() };
    assert_eq!(label, "Frame 0 (0.00 s)");
    assert!(matches!(user.parts.last(), Some(Part::Text(question)) if question == "Who?"));

    assert_eq!(dialogue.hear(&Utterance::new(call(80, 99))).unwrap(), None);
    let [.., assistant, user] = dialogue.messages() else { panic!() };
    assert_eq!(assistant.role, Role::Assistant);
    let shown: Vec<usize> = user.frames().map(|frame| frame.index()).collect();
    assert_eq!(shown, [80, 82, 85, 88, 90, 93, 96, 99]);
    assert_eq!(dialogue.hear(&Utterance::new(ANSWER)).unwrap(), Some(Stop::Answered));

    let trajectory = dialogue.into_trajectory();
    let [first, second] = trajectory.turns.as_slice() else { panic!() };
    assert_eq!((first.window, second.window), (Some([0, 99]), Some([80, 99])));
    assert_eq!(first.call, Some(ToolCall { start: 80, end: 99 }));
    assert_eq!(
        (first.thought.as_str(), second.thought.as_str()),
        ("I look at 80 to 99", "I see it.")
    );
    assert_eq!(second.frames[1].index, 82);
    assert_eq!(second.frames[1].time_s, 82.0 / 25.0);
    assert_eq!(second.frames[1].sha256, video.frame(82).unwrap().sha256());
    assert_eq!(trajectory.answer.as_deref(), Some("red"));
    assert!(trajectory.is_well_formed());
    assert_eq!(trajectory.metrics(85..95).recall, 1.0);
    assert_eq!(trajectory.replay(&video).unwrap().len(), 2);
}

#[test]
fn a_record_is_read_as_it_was_written_and_other_pixels_are_noticed() {
    let trajectory = run(&Agent::new(), [&call(10, 30), ANSWER]);
    let read = Trajectory::from_json(&trajectory.to_json()).unwrap();
    assert_eq!(read, trajectory);
    let other =
        Video::from_frames(8, 6, vec![vec![7; 144]; 100], 25.0, &VideoOptions::new()).unwrap();
    assert!(matches!(read.replay(&other), Err(Error::Replay { turn: 0, frame_idx: 0 })));
    assert!(matches!(Trajectory::from_json("{}"), Err(Error::Json { .. })));
}

#[test]
fn all_three_ways_to_write_a_call_lead_to_the_same_frames() {
    for syntax in Syntax::ALL {
        let agent = Agent::training().with_syntax(syntax);
        let text =
            format!("<think>10 30</think>{}", ToolCall { start: 10, end: 30 }.to_text(syntax));
        let trajectory = run(&agent, [&text, ANSWER]);
        assert_eq!(trajectory.turns[1].window, Some([10, 30]), "{syntax:?}");
        // The model is told the way that is asked for.
        let (video, agent) = (video(), agent);
        let dialogue = Dialogue::start(&agent, &video, "Who?").unwrap();
        let Part::Text(rules) = &dialogue.messages()[0].parts[0] else { panic!() };
        assert!(rules.contains(&ToolCall { start: 40, end: 80 }.to_text(syntax)), "{rules}");
    }
}

#[track_caller]
fn last_words(messages: &[Message]) -> String {
    match messages.last().unwrap().parts.first() {
        Some(Part::Text(text)) => text.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_repeated_call_is_corrected_once_and_ends_the_looking_the_second_time() {
    let (video, agent) = (video(), Agent::new());
    let mut dialogue = Dialogue::start(&agent, &video, "Who?").unwrap();
    for text in [call(10, 30), call(10, 30)] {
        assert_eq!(dialogue.hear(&Utterance::new(text)).unwrap(), None);
    }
    assert!(last_words(dialogue.messages()).starts_with("Frames 10 to 30 were shown already"));
    assert!(dialogue.messages().last().unwrap().frames().next().is_none());
    assert_eq!(dialogue.hear(&Utterance::new(call(0, 99))).unwrap(), None); // the whole video is a repetition, too
    assert!(last_words(dialogue.messages()).ends_with("answer now."));
    assert_eq!(dialogue.hear(&Utterance::new(call(40, 50))).unwrap(), Some(Stop::Repeated));
    let trajectory = dialogue.into_trajectory();
    assert!(matches!(trajectory.turns[1].refusal, Some(Refusal::Repeated { .. })));
    assert!(matches!(trajectory.turns[2].refusal, Some(Refusal::WholeVideo { .. })));
    assert_eq!((trajectory.num_calls(), trajectory.answer.as_deref()), (1, None));
    assert!(!trajectory.is_well_formed());
    // Who answers after the correction is heard.
    let trajectory = run(&Agent::new(), [&call(10, 30), &call(10, 30), &call(10, 30), ANSWER]);
    assert_eq!((trajectory.stop, trajectory.answer.as_deref()), (Stop::Answered, Some("red")));
}

#[test]
fn strict_consistency_wants_what_was_said_to_be_done() {
    let mut policy = Policy::deepsport();
    policy.level = Level::Strict;
    let agent = Agent::new().with_policy(policy);
    let text =
        "<think>Between 20 and 40.</think><tool_call>frame_extraction_tool(10, 30)</tool_call>";
    let trajectory = run(&agent, [text, ANSWER]);
    assert!(matches!(trajectory.turns[0].refusal, Some(Refusal::SaidOtherwise { .. })));
    let basic = run(&Agent::new(), [text, ANSWER]);
    assert_eq!(basic.turns[0].refusal, None);
}

#[test]
fn budgets_of_turns_calls_frames_and_tokens_end_it() {
    let calls: Vec<String> = (0..6).map(|i| call(10 * i, 10 * i + 15)).collect();
    let trajectory = Agent::new().run(&video(), "Who?", &mut Recorded::new(calls.clone())).unwrap();
    assert_eq!((trajectory.stop, trajectory.turns.len()), (Stop::MaxTurns, 5));
    assert_eq!((trajectory.num_calls(), trajectory.num_frames()), (4, 40));

    let mut policy = Policy::deepsport();
    policy.max_frames = 16;
    let agent = Agent::new().with_policy(policy);
    let trajectory = run(&agent, [&calls[0], &calls[1], ANSWER]);
    assert_eq!(trajectory.turns[1].refusal, Some(Refusal::NoFramesLeft { max_frames: 16 }));
    assert_eq!(trajectory.num_frames(), 16);

    let agent = Agent::new().with_max_response_tokens(10);
    let trajectory = run(&agent, [&calls[0], ANSWER]);
    assert_eq!((trajectory.stop, trajectory.turns.len()), (Stop::MaxTokens, 1));
}

#[test]
fn what_cannot_be_read_is_answered_with_the_form_and_ends_training_at_once() {
    let trajectory = run(&Agent::new(), ["red, I think", ANSWER]);
    assert!(trajectory.turns[0].malformed.is_some());
    assert_eq!(trajectory.answer.as_deref(), Some("red"));
    let trajectory = run(&Agent::new(), ["red", "red", "red"]);
    assert_eq!((trajectory.stop, trajectory.turns.len()), (Stop::Malformed, 2));
    let trajectory = run(&Agent::training(), ["<answer>red</answer>"]); // no thought
    assert_eq!((trajectory.stop, trajectory.answer), (Stop::Malformed, None));
}

#[test]
fn without_the_tool_there_is_one_turn() {
    let direct = Agent::new().with_mode(Mode::Direct);
    for text in ["red", " red\n", "<answer>red</answer>"] {
        assert_eq!(run(&direct, [text]).answer.as_deref(), Some("red"), "{text}");
    }
    let think = Agent::new().with_mode(Mode::Think);
    assert_eq!(run(&think, [ANSWER]).answer.as_deref(), Some("red"));
    let trajectory = run(&think, [&call(10, 30)]);
    assert_eq!((trajectory.stop, trajectory.num_calls()), (Stop::MaxTurns, 0));
}

#[test]
fn progress_tells_everything_in_order_and_can_stop_it() {
    let mut told = Vec::new();
    let mut turns = Recorded::new([call(10, 30), ANSWER.to_owned()]);
    let trajectory = Agent::new().run_watched(&video(), "Who?", &mut turns, &mut |progress| {
        told.push(match progress {
            Progress::Shown { turn, window, frames } => {
                format!("{turn} {window:?} {}", frames.len())
            }
            Progress::Text(text) => text.len().to_string(),
            Progress::Turn(turn) => format!("{:?}", turn.answer),
            _ => unreachable!(),
        });
        ControlFlow::Continue(())
    });
    let expected = [
        "0 [0, 99] 8".into(),
        call(10, 30).len().to_string(),
        "None".into(),
        "1 [10, 30] 8".into(),
    ];
    assert_eq!(told[..4], expected);
    assert_eq!(told[4..], [ANSWER.len().to_string(), "Some(\"red\")".into()]);
    assert_eq!(trajectory.unwrap().stop, Stop::Answered);

    let mut turns = Recorded::new([ANSWER]);
    let stopped =
        Agent::new().run_watched(&video(), "Who?", &mut turns, &mut |_| ControlFlow::Break(()));
    assert_eq!(stopped.unwrap().stop, Stop::Interrupted);
}

#[test]
fn a_dialogue_is_nothing_but_its_turns() {
    let (video, agent) = (video(), Agent::new());
    let turns = [call(10, 30), call(10, 30), call(20, 28)].map(Utterance::new);
    let mut whole = Dialogue::start(&agent, &video, "Who?").unwrap();
    for heard in 0..turns.len() {
        whole.hear(&turns[heard]).unwrap();
        let again = Dialogue::resume(&agent, &video, "Who?", &turns[..=heard]).unwrap();
        let told = |dialogue: &Dialogue<'_>| format!("{:?}", dialogue.messages());
        assert_eq!(told(&again), told(&whole));
        assert_eq!((again.turns(), again.stop()), (whole.turns(), whole.stop()));
    }
    let trajectory = whole.into_trajectory();
    // The frames of the last call were seen by no turn.
    assert_eq!((trajectory.num_calls(), trajectory.num_refused()), (1, 1));
}

#[test]
fn a_record_that_ends_too_early_is_an_error() {
    let error = Agent::new().run(&video(), "Who?", &mut Recorded::new([call(10, 30)])).unwrap_err();
    assert_eq!(error.to_string(), "recorded says nothing: the record has no further turn");
}

#[test]
fn settings_come_from_toml_and_unknown_ones_are_named() {
    let agent: Agent =
        toml::from_str("mode = \"think\"\nmax_turns = 3\n[policy]\ninitial_frames = 4").unwrap();
    assert_eq!((agent.mode, agent.max_turns, agent.policy.initial_frames), (Mode::Think, 3, 4));
    assert!(toml::from_str::<Agent>("max_turn = 3").unwrap_err().to_string().contains("max_turn"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever a model writes, the loop ends by its budgets and the record adds up.
    #[test]
    fn whatever_is_written_the_loop_ends(turns in prop::collection::vec(
        prop_oneof![
            any::<String>(),
            "(<think>|</think>|<tool_call>|</tool_call>|<answer>|</answer>|frame_extraction_tool|\\(|\\)|,|[0-9]{1,3}| |\\{|\"){0,12}",
            (-200_i64..200, -200_i64..200).prop_map(|(start, end)| call(start, end)),
        ], 6..8), training in any::<bool>()) {
        let agent = if training { Agent::training() } else { Agent::new() };
        let video = video();
        let trajectory = agent.run(&video, "Who?", &mut Recorded::new(turns)).unwrap();
        prop_assert!(trajectory.turns.len() <= agent.max_turns);
        prop_assert!(trajectory.num_frames() <= agent.policy.max_frames);
        prop_assert_eq!(trajectory.stop == Stop::Answered, trajectory.answer.is_some());
        for turn in &trajectory.turns {
            let inside = |index: usize| turn.window.is_some_and(|[start, end]| (start..=end).contains(&index));
            prop_assert!(turn.frames.iter().all(|seen| inside(seen.index)));
        }
        let again = Trajectory::from_json(&trajectory.to_json()).unwrap();
        prop_assert_eq!(again, trajectory);
    }
}
