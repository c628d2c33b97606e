//! JSON as Python writes it.

use std::fmt::{self, Write};
use std::str::FromStr;

use minijinja::Value;
use minijinja::value::ValueKind;
use serde::{Deserialize, Serialize};

/// JSON that keeps the order of its keys, and whose text is what Python's `json.dumps(value, ensure_ascii=False)` gives:
/// `", "` and `": "` between parts, whole floats with `.0`. Models were trained on that spelling of tools and arguments.
///
/// ```
/// use deepsport_model::chat::Json;
/// let json: Json = r#"{"start_s":1.0,"note":"hüfte <ok>"}"#.parse().unwrap();
/// assert_eq!(json.to_string(), r#"{"start_s": 1.0, "note": "hüfte <ok>"}"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(pub(super) Value);

impl FromStr for Json {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(f, &self.0, None, 0)
    }
}

/// The `tojson` filter of templates, with Python's `indent`.
pub(super) fn to_json(value: &Value, indent: Option<usize>) -> Result<String, fmt::Error> {
    let mut out = String::new();
    write_value(&mut out, value, indent, 0)?;
    Ok(out)
}

fn write_value(
    out: &mut impl Write,
    value: &Value,
    indent: Option<usize>,
    depth: usize,
) -> fmt::Result {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => out.write_str("null"),
        ValueKind::Bool => write!(out, "{}", value.is_true()),
        ValueKind::Number => match i128::try_from(value.clone()) {
            Ok(whole) if value.is_integer() => write!(out, "{whole}"),
            _ => write_float(out, f64::try_from(value.clone()).unwrap_or(f64::NAN)),
        },
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<Value> = value.try_iter().map(Iterator::collect).unwrap_or_default();
            write_parts(out, ['[', ']'], &items, indent, depth, |out, item| {
                write_value(out, item, indent, depth + 1)
            })
        }
        ValueKind::Map => {
            let keys: Vec<Value> = value.try_iter().map(Iterator::collect).unwrap_or_default();
            write_parts(out, ['{', '}'], &keys, indent, depth, |out, key| {
                write_string(out, &key.to_string())?;
                out.write_str(": ")?;
                let item = value.get_item(key).unwrap_or_default();
                write_value(out, &item, indent, depth + 1)
            })
        }
        _ => write_string(out, &value.to_string()),
    }
}

fn write_parts<W: Write>(
    out: &mut W,
    [open, close]: [char; 2],
    parts: &[Value],
    indent: Option<usize>,
    depth: usize,
    mut write: impl FnMut(&mut W, &Value) -> fmt::Result,
) -> fmt::Result {
    let new_line = |out: &mut W, depth: usize| match indent {
        Some(width) => write!(out, "\n{:1$}", "", width * depth),
        None => Ok(()),
    };
    out.write_char(open)?;
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            out.write_str(if indent.is_some() { "," } else { ", " })?;
        }
        new_line(out, depth + 1)?;
        write(out, part)?;
    }
    if !parts.is_empty() {
        new_line(out, depth)?;
    }
    out.write_char(close)
}

fn write_string(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for letter in text.chars() {
        match letter {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            '\u{8}' => out.write_str("\\b")?,
            '\u{c}' => out.write_str("\\f")?,
            '\0'..='\u{1f}' => write!(out, "\\u{:04x}", u32::from(letter))?,
            _ => out.write_char(letter)?,
        }
    }
    out.write_char('"')
}

/// Python's `repr` of a float: the shortest digits that give it back; an exponent of two digits or more from 1e16 up and
/// under 1e-4.
fn write_float(out: &mut impl Write, value: f64) -> fmt::Result {
    if value.is_nan() {
        return out.write_str("NaN");
    }
    if value.is_infinite() {
        return out.write_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let magnitude = value.abs();
    if value == 0.0 || (1e-4..1e16).contains(&magnitude) {
        return write!(out, "{value:?}");
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    write!(out, "{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Json>().unwrap().to_string(), expected);
    }

    /// Right-hand sides are what Python 3.11 prints.
    #[test]
    fn numbers_are_spelt_as_in_python() {
        check(
            "[1,1.0,-0.0,0.1,1e16,1.5e300,1e-5,0.0001]",
            "[1, 1.0, -0.0, 0.1, 1e+16, 1.5e+300, 1e-05, 0.0001]",
        );
        check(
            "[123456789012345680.0,1e15,9007199254740993]",
            "[1.2345678901234568e+17, 1000000000000000.0, 9007199254740993]",
        );
        check("[true,null,18446744073709551615]", "[true, null, 18446744073709551615]");
    }

    #[test]
    fn strings_keep_all_but_controls() {
        check(r#""a\"\\\/\n\u0001\u007f é 膝 <&'>""#, "\"a\\\"\\\\/\\n\\u0001\u{7f} é 膝 <&'>\"");
    }

    #[test]
    fn keys_keep_their_order() {
        check(r#"{"b":1,"a":{"d":[],"c":{}}}"#, r#"{"b": 1, "a": {"d": [], "c": {}}}"#);
    }

    #[test]
    fn indents_as_python_does() {
        let json: Json = r#"{"b":[1,2],"a":{}}"#.parse().unwrap();
        assert_eq!(
            to_json(&json.0, Some(2)).unwrap(),
            "{\n  \"b\": [\n    1,\n    2\n  ],\n  \"a\": {}\n}"
        );
    }
}
