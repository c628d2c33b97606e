//! What the program says and the files that it leaves.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use motion_dtw::{MotionMatch, Tier};
use serde::Serialize;

use crate::input::Recording;
use crate::picture::Rendered;

/// The result in plain values; field names are the JSON's.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    query: String,
    reference: String,
    tier: &'static str,
    found: bool,
    cost: f64,
    margin: f64,
    coverage: f64,
    tempo: (f64, f64),
    interval_frames: (usize, usize),
    keyframes: Vec<Moment>,
}

#[derive(Debug, Serialize)]
struct Moment {
    name: String,
    frame: f64,
    time_s: f64,
    sigma_frames: f64,
    reference_frame: f64,
}

impl Summary {
    pub(crate) fn new(query: &Recording, reference: &Recording, found: &MotionMatch) -> Self {
        let quality = found.quality;
        Self {
            query: query.name.clone(),
            reference: reference.name.clone(),
            tier: tier_name(quality.tier),
            found: quality.tier.is_found(),
            cost: quality.cost,
            margin: quality.margin,
            coverage: quality.coverage,
            tempo: quality.slope,
            interval_frames: (found.interval.start, found.interval.end),
            keyframes: found
                .keyframes
                .iter()
                .map(|keyframe| Moment {
                    name: keyframe.name.clone(),
                    frame: keyframe.frame,
                    time_s: keyframe.time_s,
                    sigma_frames: keyframe.sigma_frames,
                    reference_frame: keyframe.reference_frame,
                })
                .collect(),
        }
    }

    pub(crate) fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!("{} in {}: {}", self.reference, self.query, self.tier);
        let _ = write!(
            text,
            "\ncost {:.3} (0 same, 0.5 unrelated), {:.0} % cheaper than elsewhere, {:.0} % measured, tempo {:.2} to {:.2}",
            self.cost,
            100.0 * self.margin,
            100.0 * self.coverage,
            self.tempo.0,
            self.tempo.1
        );
        let width = self.keyframes.iter().map(|k| k.name.len()).max().unwrap_or(0).max(8);
        let _ = write!(
            text,
            "\n\n{:width$} {:>9} {:>10} {:>7}",
            "keyframe", "second", "frame", "sigma"
        );
        for k in &self.keyframes {
            let _ = write!(
                text,
                "\n{:width$} {:>9.3} {:>10.2} {:>7.2}",
                k.name, k.time_s, k.frame, k.sigma_frames
            );
        }
        if !self.found {
            text.push_str("\n\nThe movement is probably not there: do not use these keyframes.");
        }
        text
    }
}

pub(crate) fn tier_name(tier: Tier) -> &'static str {
    match tier {
        Tier::Good => "good",
        Tier::Fair => "fair",
        Tier::Poor => "poor",
        Tier::NotFound => "not found",
    }
}

/// Writes every picture as SVG and PNG, each whole or not at all.
pub(crate) fn write_all(dir: &Path, pictures: &[(&str, Rendered)]) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let mut written = Vec::new();
    for (name, rendered) in pictures {
        for (ending, bytes) in [("svg", rendered.svg.as_bytes()), ("png", &rendered.png)] {
            let path = dir.join(format!("{name}.{ending}"));
            let mut file = temporary(dir)
                .with_context(|| format!("{} cannot be written to", dir.display()))?;
            file.write_all(bytes)
                .with_context(|| format!("{} cannot be written", path.display()))?;
            file.persist(&path).with_context(|| format!("{} cannot be written", path.display()))?;
            written.push(path);
        }
    }
    Ok(written)
}

/// A file without a name yet, with the permissions that a new file would have.
fn temporary(dir: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666)); // less the umask
    }
    builder.prefix(".align-").tempfile_in(dir)
}
