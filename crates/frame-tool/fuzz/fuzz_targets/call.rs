//! Calls: whatever the text, an action or a reason; in pieces the same as at once.
#![no_main]

use frame_tool::{Action, StreamParser, Syntax, Tolerance, Turn};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (cut, text) = input;
    for tolerance in [Tolerance::Strict, Tolerance::Lenient] {
        let turn = Turn::parse(text, tolerance);
        if let Ok(Action::Frames(call)) = turn.action {
            for syntax in Syntax::ALL {
                let again = format!("<think></think>{}", call.to_text(syntax));
                assert_eq!(Turn::parse(&again, tolerance).action, Ok(Action::Frames(call)));
            }
        }
        let _ = turn.said_window();
        let mut at = usize::from(cut) % (text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let mut parser = StreamParser::new(tolerance);
        let mut events = parser.push(&text[..at]);
        events.extend(parser.push(&text[at..]));
        events.extend(parser.finish());
        let mut whole = StreamParser::new(tolerance);
        let mut expected = whole.push(text);
        expected.extend(whole.finish());
        assert_eq!(events, expected);
    }
});
