//! SoccerReplay-1988 in the shape of UniSoccer: a JSON list of clips of 30 s with `video`, `caption` (the event) and
//! `comments_text` or `comments_text_anonymized` (what the commentator said).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::data::record::{Dimension, Media, Record};
use crate::data::rows::{Loaded, optional_text, read_rows, text};
use crate::data::templates;

pub(super) fn load(path: &Path) -> Result<Loaded> {
    let rows = read_rows(path, "SoccerReplay-1988", "")?;
    let events: BTreeSet<String> =
        rows.iter().filter_map(|(_, row)| text(row.as_ref().ok()?, "caption").ok()).collect();
    Ok(Loaded::from_rows(path, rows, |_, row| {
        let video = text(row, "video")?;
        let record = |task: &str| {
            let mut record =
                Record::new("soccerreplay", &format!("soccerreplay-{video}-{task}"), &video, "");
            record.sport = "soccer".to_owned();
            record.media = Media::Video(PathBuf::from(&video));
            record.task = Some(task.to_owned());
            record.licence = "by agreement with SoccerNet".to_owned();
            record
        };
        let event = text(row, "caption")?;
        let mut records = vec![templates::which(
            record("event"),
            "Which event does the clip show?",
            &event,
            &events,
        )];
        // Names of players cannot be seen in a clip; the text without them is preferred.
        let said = optional_text(row, "comments_text_anonymized")?;
        if let Some(said) =
            said.map_or_else(|| optional_text(row, "comments_text"), |said| Ok(Some(said)))?
        {
            let question = "Commentate what happens, in a sentence or two.";
            records.push(templates::describe(
                record("commentary"),
                question,
                Dimension::Commentary,
                &said,
            ));
        }
        Ok(records)
    }))
}
