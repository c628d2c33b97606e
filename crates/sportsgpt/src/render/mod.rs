//! The report for people: a few lines of text, JSON, or one page that needs nothing else.

mod text;
mod page;

pub use page::{highlights, html, html_with_photos};
pub use text::text;

use crate::{Error, Report, Result};

/// The report as indented JSON.
///
/// # Errors
///
/// [`Error::Json`] if it cannot be serialised.
pub fn json(report: &Report) -> Result<String> {
    serde_json::to_string_pretty(report).map_err(Error::Json)
}
