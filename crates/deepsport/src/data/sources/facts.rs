//! FACTS (arXiv:2412.16454): clips of fencing and boxing, an action for each. CSV with the header `path,sport,label`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::data::record::{Dimension, Media, Record};
use crate::data::rows::{Loaded, read_rows, sport_name, text};
use crate::data::templates;

pub(super) fn load(path: &Path) -> Result<Loaded> {
    let rows = read_rows(path, "FACTS", "")?;
    let label_of = |row: &serde_json::Value| {
        Some((sport_name(&text(row, "sport").ok()?), text(row, "label").ok()?))
    };
    let labels: BTreeSet<(String, String)> =
        rows.iter().filter_map(|(_, row)| label_of(row.as_ref().ok()?)).collect();
    Ok(Loaded::from_rows(path, rows, |_, row| {
        let (clip, sport, label) =
            (text(row, "path")?, sport_name(&text(row, "sport")?), text(row, "label")?);
        let mut record = Record::new("facts", &format!("facts-{clip}"), &clip, "");
        record.media = Media::Video(PathBuf::from(&clip));
        record.task = Some("action".to_owned());
        record.dimension = Dimension::Recognition;
        let of_sport = labels.iter().filter(|(of, _)| *of == sport);
        let classes = of_sport.map(|(_, label)| label.clone()).collect();
        record.sport = sport;
        let question = "Which action does the athlete perform?";
        Ok(vec![templates::which(record, question, &label, &classes)])
    }))
}
