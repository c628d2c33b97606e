//! T3Set: table tennis with comments of coaches. A folder with `live_comments/*.json` and `summary_suggestions/*.json`, one file
//! for a round: a list of `{"start", "end", "comment_en", "suggestion_key", "suggestion_type"}`, times in seconds.

use std::path::{Path, PathBuf};

use crate::data::record::{Answer, Dimension, Media, Record};
use crate::data::rows::{BadRow, Loaded, number, optional_text, read_rows, text};
use crate::data::templates;
use crate::{Error, Result};

/// Frames a second of the videos, to turn the coaches' seconds into frames; ours, where the record of the camera is missing.
const FPS: f64 = 30.0;

pub(super) fn load(folder: &Path) -> Result<Loaded> {
    let mut loaded = Loaded::default();
    let mut num_files = 0;
    for part in ["live_comments", "summary_suggestions"] {
        for path in files(&folder.join(part))? {
            num_files += 1;
            match read_round(&path, part) {
                Ok(round) => loaded.extend(round),
                // A round that cannot be read takes no other with it.
                Err(error) => {
                    loaded.bad_rows.push(BadRow { path, row: 1, reason: error.to_string() })
                }
            }
        }
    }
    if num_files == 0 {
        let reason = "neither live_comments/*.json nor summary_suggestions/*.json is there".into();
        return Err(Error::Format { path: folder.to_owned(), source_name: "T3Set", reason });
    }
    Ok(loaded)
}

/// JSON files of a folder and of the folders in it, by name; none if it is not there.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(found) };
    for entry in entries {
        let failed = |source| Error::Read { path: folder.to_owned(), source };
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        // Links are not followed: they may lead round in circles.
        if entry.file_type().map_err(failed)?.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read_round(path: &Path, part: &str) -> Result<Loaded> {
    let rows = read_rows(path, "T3Set", "")?;
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    Ok(Loaded::from_rows(path, rows, |row_number, row| {
        let comment = match optional_text(row, "comment_en")? {
            Some(comment) => comment,
            None => text(row, "text")?,
        };
        let record = |task: &str| {
            let id = format!("t3set-{part}-{name}-{row_number}-{task}");
            let mut record = Record::new("t3set", &id, &name, "");
            record.sport = "table_tennis".to_owned();
            record.media = Media::Video(PathBuf::from(format!("{name}.mp4")));
            record.task = Some(task.to_owned());
            record.dimension = Dimension::Coaching;
            record.licence = "CC BY-NC-SA 4.0".to_owned();
            record
        };
        let (mut evidence, mut when) = (Vec::new(), String::from("in this round"));
        if part == "live_comments" {
            let (start_s, end_s) = (number(row, "start")?, number(row, "end")?);
            if !(0.0 <= start_s && start_s < end_s && end_s < 1e6) {
                return Err(format!(
                    "`start` and `end` are {start_s} and {end_s}, expected ascending seconds"
                ));
            }
            when = format!("between {start_s:.1} s and {end_s:.1} s");
            evidence.push((start_s * FPS) as usize..(end_s * FPS).ceil() as usize);
        }
        let question = format!("What should the player do better {when}?");
        let mut advice =
            templates::describe(record("advice"), &question, Dimension::Coaching, &comment);
        advice.evidence.clone_from(&evidence);
        let mut records = vec![advice];
        if let Some(kind) = optional_text(row, "suggestion_type")? {
            let mut about = record("about");
            about.question =
                format!("What is the most important thing to work on {when}, in a word?");
            about.answer = Answer::Label(kind);
            about.evidence = evidence;
            records.push(about);
        }
        Ok(records)
    }))
}
