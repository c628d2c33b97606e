//! What models write, taken apart.

use frame_tool::{
    Action, Event, Malformed, StreamParser, Syntax, Tolerance, ToolCall, Turn, function_schema,
    mcp_tool,
};
use proptest::prelude::*;

fn strict(text: &str) -> Result<Action, Malformed> {
    Turn::parse(&format!("<think>t</think>{text}"), Tolerance::Strict).action
}

fn lenient(text: &str) -> Result<Action, Malformed> {
    Turn::parse(text, Tolerance::Lenient).action
}

fn frames(start: i64, end: i64) -> Result<Action, Malformed> {
    Ok(Action::Frames(ToolCall { start, end }))
}

#[test]
fn the_three_syntaxes() {
    assert_eq!(strict("<tool_call>frame_extraction_tool(12, 340)</tool_call>"), frames(12, 340));
    let json = r#"<tool_call> {"action": "choose_frames", "frame_range": [12, 340]} </tool_call>"#;
    assert_eq!(strict(json), frames(12, 340));
    assert_eq!(strict("<action>choose frames between 12 and 340</action>"), frames(12, 340));
    assert_eq!(
        strict("<action>get frame number at time 01:30</action>"),
        Ok(Action::FrameAt(90.0))
    );
    assert_eq!(strict("<action>output answer: B</action>"), Ok(Action::Answer("B".into())));
    assert_eq!(strict("<answer> a goal </answer>"), Ok(Action::Answer("a goal".into())));
}

#[test]
fn strict_gives_reasons() {
    let call = |inside: &str| strict(&format!("<tool_call>{inside}</tool_call>")).unwrap_err();
    assert_eq!(call(""), Malformed::Empty { tag: "tool_call".into() });
    assert_eq!(call("zoom(1, 2)"), Malformed::UnknownTool { name: "zoom".into() });
    assert_eq!(call("frame_extraction_tool(1)"), Malformed::ArgumentCount { found: 1 });
    assert_eq!(call("frame_extraction_tool()"), Malformed::ArgumentCount { found: 0 });
    assert_eq!(
        call("frame_extraction_tool(1, 2.0)"),
        Malformed::NotANumber { found: "2.0".into() }
    );
    assert_eq!(
        call("frame_extraction_tool(1, 99999999999999999999)"),
        Malformed::NotANumber { found: "99999999999999999999".into() }
    );
    assert!(matches!(call("{\"action\": \"choose_frames\""), Malformed::Json { .. }));
    assert_eq!(call("{\"action\": \"zoom\"}"), Malformed::UnknownTool { name: "zoom".into() });
    assert_eq!(
        call("{\"action\": \"choose_frames\"}"),
        Malformed::Field { field: "frame_range".into() }
    );
    assert!(matches!(call("look at 3"), Malformed::UnknownSyntax { .. }));
    assert_eq!(
        strict("<tool_call>frame_extraction_tool(1, 2)"),
        Err(Malformed::Unclosed { tag: "tool_call".into() })
    );
    assert_eq!(
        strict("<answer>A</answer><answer>B</answer>"),
        Err(Malformed::SeveralActions { num: 2 })
    );
    assert_eq!(strict("so it is"), Err(Malformed::NoAction));
    assert_eq!(
        strict("<action>get frame number at time 90</action>"),
        Err(Malformed::NotATime { found: "90".into() })
    );
    let thoughtless = Turn::parse("<answer>A</answer>", Tolerance::Strict);
    assert_eq!(thoughtless.action, Err(Malformed::NoThought));
}

#[test]
fn lenient_forgives_what_can_be_read() {
    for text in [
        "<tool call>frame_extraction_tool(12, 340)</tool call>",
        "<Tool_Call>Frame_Extraction_Tool(12.0, \"340\");</Tool_Call>",
        "<tool_call>frame_extraction_tool(start=12, end=340)</tool_call>",
        "<tool_call>frame_extraction_tool(end_frame: 340, start_frame: 12)</tool_call>",
        "<tool_call>```json\n{\"start\": 12, \"end\": 340}\n```</tool_call>",
        r#"<tool_call>{"name": "frame_extraction_tool", "arguments": {"start": 12, "end": 340}}</tool_call>"#,
        r#"<tool_call>{"name": "frame_extraction_tool", "arguments": "{\"start_frame\": \"12\", \"end_frame\": 340.0}"}</tool_call>"#,
        r#"<tool_call>{"action": "choose_frames", "frame_range": ["12", 340]}</tool_call>"#,
        "<action>Choose frames from 12 to 340.</action>",
        "<think>I never close this <tool_call>frame_extraction_tool(12, 340)",
        "<tool_call>frame_extraction_tool(12, 340)</tool_call><answer>B</answer>",
    ] {
        assert_eq!(lenient(text), frames(12, 340), "{text}");
        assert!(Turn::parse(text, Tolerance::Strict).action.is_err(), "{text}");
    }
    assert!(lenient("<tool_call>frame_extraction_tool(1.5, 2)</tool_call>").is_err());
    assert!(lenient("<tool_call>frame_extraction_tool(NaN, inf)</tool_call>").is_err());
}

#[test]
fn thoughts_and_what_they_say() {
    let turn = Turn::parse(
        "<think>From 3 on... so frames 40 to 55.</think><answer>B</answer>",
        Tolerance::Strict,
    );
    assert_eq!(turn.thoughts, ["From 3 on... so frames 40 to 55."]);
    assert_eq!(turn.said_window(), Some(ToolCall { start: 40, end: 55 }));
    assert_eq!(Turn::parse("<think>only 3</think>", Tolerance::Strict).said_window(), None);
}

#[test]
fn events_come_as_soon_as_they_are_whole() {
    let mut parser = StreamParser::new(Tolerance::Strict);
    assert_eq!(parser.push("Hm. <thi"), []);
    assert_eq!(parser.push("nk>a < b</think"), [Event::Text("Hm.".into())]);
    assert_eq!(
        parser.push("><answer>C</answer>"),
        [Event::Thought("a < b".into()), Event::Action(Ok(Action::Answer("C".into()))),]
    );
    assert_eq!(parser.finish(), []);
}

#[test]
fn schemas_name_the_tool_and_its_bounds() {
    let schema = function_schema(100);
    assert_eq!(schema["function"]["name"], "frame_extraction_tool");
    assert_eq!(schema["function"]["parameters"]["properties"]["end"]["maximum"], 99);
    assert_eq!(mcp_tool(100)["inputSchema"], schema["function"]["parameters"]);
}

/// Text made of what the parser looks for, and of anything.
fn tag_soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "<think>",
            "</think>",
            "<tool_call>",
            "</tool_call>",
            "<action>",
            "</action>",
            "<answer>",
            "</answer>",
            "<tool call>",
            "</Tool-Call>",
            "<",
            ">",
            "</",
            "frame_extraction_tool(",
            "1, 2",
            ")",
            "{\"action\":",
            "choose frames between 1 and 2",
            "get frame number at time 1:",
            "ü",
            " ",
            "```",
            "frame_range",
        ])
        .prop_map(str::to_owned),
        ".{0,12}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn canonical_calls_round_trip(start in any::<i64>(), end in any::<i64>()) {
        for syntax in Syntax::ALL {
            let text = format!("<think>t</think>{}", ToolCall { start, end }.to_text(syntax));
            for tolerance in [Tolerance::Strict, Tolerance::Lenient] {
                prop_assert_eq!(Turn::parse(&text, tolerance).action, frames(start, end));
            }
        }
    }

    /// Cut anywhere, streaming gives what the whole text gives.
    #[test]
    fn streaming_equals_batch(text in tag_soup(), lenient in any::<bool>()) {
        let tolerance = if lenient { Tolerance::Lenient } else { Tolerance::Strict };
        let run = |pieces: &[&str]| {
            let mut parser = StreamParser::new(tolerance);
            let mut events: Vec<Event> = pieces.iter().flat_map(|piece| parser.push(piece)).collect();
            events.extend(parser.finish());
            events
        };
        let expected = run(&[&text]);
        for at in (0..=text.len()).filter(|&at| text.is_char_boundary(at)) {
            prop_assert_eq!(&run(&[&text[..at], &text[at..]]), &expected, "cut at {}", at);
        }
        let letters: Vec<String> = text.chars().map(String::from).collect();
        prop_assert_eq!(run(&letters.iter().map(String::as_str).collect::<Vec<_>>()), expected);
    }
}
