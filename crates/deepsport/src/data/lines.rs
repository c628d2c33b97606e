//! Data sets on disk: a record a line, as JSON.

use std::path::Path;

use super::record::Record;
use super::rows::{Loaded, read_rows};
use crate::{Error, Result};

/// Reads a file of records; bad lines are reported and the rest is kept.
///
/// # Errors
///
/// [`Error::Read`].
pub fn read_records(path: &Path) -> Result<Loaded> {
    let rows = read_rows(path, "records", "")?;
    Ok(Loaded::from_rows(path, rows, |_, row| {
        let record: Record =
            serde_json::from_value(row.clone()).map_err(|error| error.to_string())?;
        Ok(vec![record])
    }))
}

/// Writes a file of records, whole or not at all.
///
/// # Errors
///
/// [`Error::Write`].
pub fn write_records<'a>(path: &Path, records: impl IntoIterator<Item = &'a Record>) -> Result<()> {
    let mut bytes = Vec::new();
    for record in records {
        serde_json::to_writer(&mut bytes, record)
            .map_err(|error| Error::Write { path: path.to_owned(), source: error.into() })?;
        bytes.push(b'\n');
    }
    crate::files::write_atomically(path, &bytes)
}
