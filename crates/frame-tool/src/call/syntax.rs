//! What stands inside the tags of a call.

use serde_json::{Map, Value};

use super::{Action, Malformed, TOOL_NAME, Tolerance, ToolCall};

/// Contents of `<tool_call>`: a function call or JSON.
pub(super) fn parse_call(text: &str, tolerance: Tolerance) -> Result<Action, Malformed> {
    let lenient = tolerance == Tolerance::Lenient;
    let text = if lenient { without_fence(text) } else { text };
    if text.starts_with('{') {
        return json(text, lenient);
    }
    if let Some((name, arguments)) = text.split_once('(') {
        let name = name.trim();
        let is_ours =
            if lenient { name.eq_ignore_ascii_case(TOOL_NAME) } else { name == TOOL_NAME };
        if !is_ours {
            return Err(Malformed::UnknownTool { name: beginning(name) });
        }
        let arguments = match arguments.rsplit_once(')') {
            Some((arguments, rest)) if lenient || rest.trim().is_empty() => arguments,
            None if lenient => arguments,
            _ => return Err(Malformed::UnknownSyntax { text: beginning(text) }),
        };
        return arguments_of(arguments, lenient);
    }
    if lenient {
        parse_action(text, tolerance)
    } else {
        Err(Malformed::UnknownSyntax { text: beginning(text) })
    }
}

/// Contents of `<action>`: a sentence of FrameThinker's.
pub(super) fn parse_action(text: &str, tolerance: Tolerance) -> Result<Action, Malformed> {
    let lenient = tolerance == Tolerance::Lenient;
    let starts = |prefix: &str| {
        let head = text.get(..prefix.len())?;
        let same = if lenient { head.eq_ignore_ascii_case(prefix) } else { head == prefix };
        same.then(|| text[prefix.len()..].trim())
    };
    if let Some(window) = starts("choose frames between ") {
        return match window.split_once(" and ") {
            Some((start, end)) => frames(start, end, lenient),
            None => Err(Malformed::ArgumentCount { found: 1 }),
        };
    }
    if lenient
        && let Some(window) = starts("choose frames from ")
        && let Some((start, end)) = window.split_once(" to ")
    {
        return frames(start, end, lenient);
    }
    if let Some(time) = starts("get frame number at time ") {
        return clock(time)
            .map(Action::FrameAt)
            .ok_or_else(|| Malformed::NotATime { found: beginning(time) });
    }
    match starts("output answer:") {
        Some("") => Err(Malformed::Empty { tag: "action".into() }),
        Some(answer) => Ok(Action::Answer(answer.to_owned())),
        None => Err(Malformed::UnknownSyntax { text: beginning(text) }),
    }
}

fn arguments_of(arguments: &str, lenient: bool) -> Result<Action, Malformed> {
    let parts: Vec<&str> = arguments.split(',').map(str::trim).collect();
    let &[first, second] = parts.as_slice() else {
        let found = if arguments.trim().is_empty() { 0 } else { parts.len() };
        return Err(Malformed::ArgumentCount { found });
    };
    if lenient && let (Some((key, a)), Some((other_key, b))) = (named(first), named(second)) {
        return if is_end(key) && !is_end(other_key) {
            frames(b, a, lenient)
        } else {
            frames(a, b, lenient)
        };
    }
    frames(first, second, lenient)
}

/// `start_frame=12` or `start: 12`.
fn named(argument: &str) -> Option<(&str, &str)> {
    argument.split_once(['=', ':']).map(|(key, value)| (key.trim(), value.trim()))
}

fn is_end(key: &str) -> bool {
    key.trim_matches('"').to_ascii_lowercase().starts_with("end")
}

fn frames(start: &str, end: &str, lenient: bool) -> Result<Action, Malformed> {
    Ok(Action::Frames(ToolCall { start: number(start, lenient)?, end: number(end, lenient)? }))
}

fn number(text: &str, lenient: bool) -> Result<i64, Malformed> {
    let text = text.trim();
    let not_a_number = || Malformed::NotANumber { found: beginning(text) };
    // Rust takes "+5", which nobody writes; the strict form has one spelling a number.
    if let Ok(number) = text.parse::<i64>()
        && (lenient || !text.starts_with('+'))
    {
        return Ok(number);
    }
    if !lenient {
        return Err(not_a_number());
    }
    let trimmed = text.trim_matches(['"', '\'', '.', '[', ']']).trim_start_matches("frame").trim();
    let value: f64 = trimmed.parse().map_err(|_| not_a_number())?;
    if value.fract() != 0.0 || value.abs() > 1e15 {
        return Err(not_a_number()); // so are NaN and infinity
    }
    Ok(value as i64)
}

fn json(text: &str, lenient: bool) -> Result<Action, Malformed> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Malformed::Json { problem: error.to_string() })?;
    let Value::Object(object) = value else {
        return Err(Malformed::UnknownSyntax { text: beginning(text) });
    };
    let field = |name: &str| Malformed::Field { field: name.to_owned() };
    match object.get("action").map(Value::as_str) {
        Some(Some("choose_frames")) => {
            let range = object
                .get("frame_range")
                .and_then(Value::as_array)
                .ok_or_else(|| field("frame_range"))?;
            let [start, end] = range.as_slice() else {
                return Err(Malformed::ArgumentCount { found: range.len() });
            };
            return pair(start, end, lenient);
        }
        Some(Some(other)) => return Err(Malformed::UnknownTool { name: beginning(other) }),
        Some(None) => return Err(field("action")),
        None if !lenient => return Err(field("action")),
        None => {}
    }
    // {"name": "frame_extraction_tool", "arguments": {"start": 1, "end": 2}}, arguments perhaps as a string.
    match object.get("name").and_then(Value::as_str) {
        Some(name) if name.eq_ignore_ascii_case(TOOL_NAME) || name == "choose_frames" => {}
        Some(name) => return Err(Malformed::UnknownTool { name: beginning(name) }),
        None => return named_frames(&object),
    }
    match object.get("arguments").or_else(|| object.get("parameters")) {
        Some(Value::Object(arguments)) => named_frames(arguments),
        Some(Value::String(arguments)) => match serde_json::from_str(arguments) {
            Ok(Value::Object(arguments)) => named_frames(&arguments),
            _ => Err(field("arguments")),
        },
        _ => Err(field("arguments")),
    }
}

fn named_frames(arguments: &Map<String, Value>) -> Result<Action, Malformed> {
    if let Some([start, end]) =
        arguments.get("frame_range").and_then(Value::as_array).map(Vec::as_slice)
    {
        return pair(start, end, true);
    }
    let find = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|name| arguments.get(*name))
            .ok_or_else(|| Malformed::Field { field: names[0].to_owned() })
    };
    pair(find(["start", "start_frame"])?, find(["end", "end_frame"])?, true)
}

fn pair(start: &Value, end: &Value, lenient: bool) -> Result<Action, Malformed> {
    let whole = |value: &Value| match value {
        Value::Number(given) if lenient || given.is_i64() || given.is_u64() => {
            number(&given.to_string(), lenient)
        }
        Value::String(text) if lenient => number(text, lenient),
        other => Err(Malformed::NotANumber { found: beginning(&other.to_string()) }),
    };
    Ok(Action::Frames(ToolCall { start: whole(start)?, end: whole(end)? }))
}

/// `MM:SS` or `HH:MM:SS`, seconds perhaps with a fraction.
fn clock(text: &str) -> Option<f64> {
    let parts: Vec<&str> = text.split(':').collect();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    let is_plain = |part: &&str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    if !parts.iter().all(is_plain) {
        return None;
    }
    let time_s = parts
        .iter()
        .try_fold(0.0, |time_s, part| Some(time_s * 60.0 + part.parse::<f64>().ok()?))?;
    time_s.is_finite().then_some(time_s)
}

/// Takes away a Markdown code fence.
fn without_fence(text: &str) -> &str {
    let Some(inside) = text.strip_prefix("```") else { return text };
    let inside = inside.strip_suffix("```").unwrap_or(inside);
    inside.trim_start_matches(|c: char| c.is_ascii_alphabetic()).trim()
}

/// Enough of a text to recognise it.
fn beginning(text: &str) -> String {
    const LEN: usize = 60;
    text.chars().take(LEN).collect()
}
