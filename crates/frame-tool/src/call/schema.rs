//! What the tool is, for those who call it by JSON.

use serde_json::{Value, json};

use super::TOOL_NAME;

const DESCRIPTION: &str = "Looks at the video again: shows frames spread evenly over the stretch from frame `start` to \
    frame `end`. Ask for a stretch that was not shown before, and no longer than needed: shorter stretches show more \
    detail. Frames are counted from 0.";

/// JSON schema (2020-12) of the arguments, for a video of `num_frames` frames.
fn arguments(num_frames: usize) -> Value {
    let last = num_frames.saturating_sub(1);
    let frame = |text: &str| json!({ "type": "integer", "minimum": 0, "maximum": last, "description": text });
    json!({
        "type": "object",
        "properties": {
            "start": frame("first frame of the stretch"),
            "end": frame("last frame of the stretch, greater than start"),
        },
        "required": ["start", "end"],
        "additionalProperties": false,
    })
}

/// The tool as chat-completion servers want it (`tools` of the OpenAI protocol).
#[must_use]
pub fn function_schema(num_frames: usize) -> Value {
    let function = json!({ "name": TOOL_NAME, "description": DESCRIPTION, "parameters": arguments(num_frames) });
    json!({ "type": "function", "function": function })
}

/// The tool as a Model Context Protocol server lists it (`tools/list`, revision 2025-06-18).
#[must_use]
pub fn mcp_tool(num_frames: usize) -> Value {
    json!({
        "name": TOOL_NAME,
        "title": "Look at the video again",
        "description": DESCRIPTION,
        "inputSchema": arguments(num_frames),
        "annotations": { "readOnlyHint": true, "idempotentHint": true, "openWorldHint": false },
    })
}
