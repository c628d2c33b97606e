//! FineBadminton: rounds of badminton with their strokes. JSON list of `{"video", "fps", "hitting": [{"hit_frame",
//! "start_frame", "end_frame", "player", "hit_type", "quality", "comment", ...}]}`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Result;
use crate::data::record::{Dimension, Media, Record};
use crate::data::rows::{Loaded, find, frame, number, optional_text, read_rows, text};
use crate::data::templates;

/// Marks that a predicted quality may be off; ours.
const QUALITY_TOLERANCE: f64 = 1.0;

pub(super) fn load(path: &Path) -> Result<Loaded> {
    let rows = read_rows(path, "FineBadminton", "")?;
    let strokes =
        |row: &Value| find(row, "hitting").and_then(Value::as_array).cloned().unwrap_or_default();
    let types: BTreeSet<String> = rows
        .iter()
        .filter_map(|(_, row)| row.as_ref().ok())
        .flat_map(strokes)
        .filter_map(|stroke| text(&stroke, "hit_type").ok())
        .collect();
    Ok(Loaded::from_rows(path, rows, |_, row| {
        let video = text(row, "video")?;
        let fps = number(row, "fps").ok().filter(|fps| *fps > 0.0);
        let hits = find(row, "hitting").and_then(Value::as_array).ok_or("`hitting` is no list")?;
        let mut records = Vec::new();
        for (place, hit) in hits.iter().enumerate() {
            let in_hit = |reason: String| format!("`hitting.{place}`: {reason}");
            let (start, end) = stretch(hit).map_err(in_hit)?;
            let record = |task: &str, dimension: Dimension| {
                let id = format!("finebadminton-{video}-{place}-{task}");
                let mut record = Record::new("finebadminton", &id, &video, "");
                record.sport = "badminton".to_owned();
                record.media = Media::Video(PathBuf::from(&video));
                record.fps = fps;
                record.evidence.push(start..end);
                record.task = Some(task.to_owned());
                record.dimension = dimension;
                record.licence = "Apache-2.0".to_owned();
                record
            };
            let which = format!("stroke number {} of the rally", place + 1);
            let kind = text(hit, "hit_type").map_err(in_hit)?;
            let question = format!("Of which type is {which}?");
            records.push(templates::which(
                record("type", Dimension::Recognition),
                &question,
                &kind,
                &types,
            ));
            if optional_text(hit, "quality").map_err(in_hit)?.is_some() {
                let quality = number(hit, "quality").map_err(in_hit)?; // a text in some rows, a number in others
                let question = format!("How good is {which}, from 1 (poor) to 7 (excellent)?");
                let record = record("quality", Dimension::Coaching);
                records.push(templates::how_much(record, &question, quality, QUALITY_TOLERANCE));
            }
            if let Some(comment) = optional_text(hit, "comment").map_err(in_hit)? {
                let question = format!("Comment on {which}.");
                let record = record("comment", Dimension::Commentary);
                records.push(templates::describe(
                    record,
                    &question,
                    Dimension::Commentary,
                    &comment,
                ));
            }
        }
        Ok(records)
    }))
}

/// Frames of a stroke, half-open.
fn stretch(hit: &Value) -> Result<(usize, usize), String> {
    let (start, last) = (frame(hit, "start_frame")?, frame(hit, "end_frame")?);
    if last < start {
        return Err(format!("`end_frame` is {last}, before `start_frame` {start}"));
    }
    Ok((start, last + 1))
}
