use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Event, Observer};
use crate::{Error, Result};

/// Metrics as JSON lines, `{"step": 1, "reward/mean": 0.5, ...}`.
#[derive(Debug)]
pub struct JsonlLog {
    path: PathBuf,
    file: File,
}

impl JsonlLog {
    /// Opens a log to go on after `step`; 0 for a new run. Lines of later steps, and a last line cut short, are dropped: a run
    /// resumed from a checkpoint takes those steps again.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn open(path: impl Into<PathBuf>, step: u64) -> Result<Self> {
        let path = path.into();
        let file = keep_lines(&path, |line| line["step"].as_u64().is_some_and(|of| of <= step))?;
        Ok(Self { path, file })
    }
}

impl Observer for JsonlLog {
    fn event(&mut self, event: &Event<'_>) -> Result<()> {
        let Event::Step { step, metrics, .. } = event else { return Ok(()) };
        let mut line = json!({ "step": step });
        for (name, value) in *metrics {
            line[name] = json!(value);
        }
        write_line(&mut self.file, &self.path, &line)
    }
}

pub(super) fn write_line(file: &mut File, path: &Path, line: &Value) -> Result<()> {
    writeln!(file, "{line}").map_err(Error::file(path))
}

/// Opens a file of JSON lines for appending, without those that `keep` refuses.
pub(super) fn keep_lines(path: &Path, keep: impl Fn(&Value) -> bool) -> Result<File> {
    if path.exists() {
        let mut kept = Vec::new();
        for line in BufReader::new(File::open(path).map_err(Error::file(path))?).lines() {
            let line = line.map_err(Error::file(path))?;
            if serde_json::from_str(&line).is_ok_and(|value| keep(&value)) {
                writeln!(kept, "{line}").map_err(Error::file(path))?;
            }
        }
        let new = path.with_extension("new");
        fs::write(&new, kept).map_err(Error::file(&new))?;
        fs::rename(&new, path).map_err(Error::file(path))?;
    } else if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(Error::file(dir))?;
    }
    OpenOptions::new().create(true).append(true).open(path).map_err(Error::file(path))
}
