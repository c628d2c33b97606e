//! What was compared, and how far apart it is.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

/// All stages. `ok` only if every one is.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) stages: Vec<Stage>,
    pub(crate) ok: bool,
}

/// One comparison.
#[derive(Debug, Serialize)]
pub(crate) struct Stage {
    pub(crate) name: String,
    /// Largest difference; `null` if it could not be computed or is not a number. Of ids and text the number that differ;
    /// of gradients the relative L2 distance.
    pub(crate) max_abs: Option<f64>,
    /// The same over the largest magnitude expected.
    pub(crate) max_rel: Option<f64>,
    pub(crate) tolerance: f64,
    /// The limit that is advised, where what rounding was measured to do took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advised: Option<f64>,
    pub(crate) ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// Collects stages.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    prefix: String,
    stages: Vec<Stage>,
}

impl Stages {
    /// Begins the names of what follows.
    pub(crate) fn set_prefix(&mut self, prefix: Option<String>) {
        self.prefix = prefix.unwrap_or_default();
    }

    /// Runs a group of stages, saying so on stderr; if it breaks off, that is a stage that failed.
    pub(crate) fn group(&mut self, name: &str, run: impl FnOnce(&mut Self) -> Result<()>) {
        if !name.contains('/') {
            eprintln!("{}{name}", self.prefix);
        }
        if let Err(error) = run(self) {
            let error = Some(format!("{error:#}"));
            self.push(name, None, None, 0.0, error);
        }
    }

    /// Numbers against numbers.
    pub(crate) fn close(&mut self, name: &str, found: &[f32], expected: &[f32], tolerance: f64) {
        match differences(found, expected) {
            Ok([max_abs, max_rel]) => self.measured(name, max_abs, max_rel, tolerance),
            Err(error) => self.push(name, None, None, tolerance, Some(error)),
        }
    }

    /// Numbers against numbers. Where they are further apart than `advised`, what `rounding` measures is the limit.
    pub(crate) fn close_or(
        &mut self,
        name: &str,
        found: &[f32],
        expected: &[f32],
        advised: f64,
        rounding: impl FnOnce() -> Result<f64>,
    ) -> Result<()> {
        match differences(found, expected) {
            Ok([max_abs, max_rel]) => self.measured_or(name, max_abs, max_rel, advised, rounding),
            Err(error) => {
                self.push(name, None, None, advised, Some(error));
                Ok(())
            }
        }
    }

    /// Ids against ids: how many differ, none of which may.
    pub(crate) fn same<T: PartialEq>(&mut self, name: &str, found: &[T], expected: &[T]) {
        let differing = found.iter().zip(expected).filter(|(a, b)| a != b).count()
            + found.len().abs_diff(expected.len());
        let share = differing as f64 / expected.len().max(1) as f64;
        self.measured(name, differing as f64, share, 0.0);
    }

    /// Differences measured otherwise.
    pub(crate) fn measured(&mut self, name: &str, max_abs: f64, max_rel: f64, tolerance: f64) {
        self.push(name, Some(max_abs), Some(max_rel), tolerance, None);
    }

    /// The same of differences measured otherwise.
    pub(crate) fn measured_or(
        &mut self,
        name: &str,
        max_abs: f64,
        max_rel: f64,
        advised: f64,
        rounding: impl FnOnce() -> Result<f64>,
    ) -> Result<()> {
        let tolerance = if max_abs <= advised { advised } else { advised.max(rounding()?) };
        self.measured(name, max_abs, max_rel, tolerance);
        if let Some(stage) = self.stages.last_mut().filter(|_| tolerance > advised) {
            stage.advised = Some(advised);
        }
        Ok(())
    }

    fn push(
        &mut self,
        name: &str,
        max_abs: Option<f64>,
        max_rel: Option<f64>,
        tolerance: f64,
        error: Option<String>,
    ) {
        let name = format!("{}{name}", self.prefix);
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        let max_abs = finite(max_abs);
        let ok = error.is_none() && max_abs.is_some_and(|max_abs| max_abs <= tolerance);
        let (max_rel, advised) = (finite(max_rel), None);
        self.stages.push(Stage { name, max_abs, max_rel, tolerance, advised, ok, error });
    }

    pub(crate) fn finish(self) -> Report {
        let ok = self.stages.iter().all(|stage| stage.ok);
        Report { stages: self.stages, ok }
    }
}

/// The largest difference, and that over the largest magnitude expected.
fn differences(found: &[f32], expected: &[f32]) -> std::result::Result<[f64; 2], String> {
    if found.len() != expected.len() {
        return Err(format!("{} numbers instead of {}", found.len(), expected.len()));
    }
    // `f64::max` would pass over NaN
    let worst =
        |worst: f64, value: f64| if value > worst || value.is_nan() { value } else { worst };
    let differences = found.iter().zip(expected).map(|(a, b)| f64::from(a - b).abs());
    let max_abs = differences.fold(0.0, |a: f64, b| if a.is_nan() { a } else { worst(a, b) });
    let largest = expected.iter().map(|value| f64::from(*value).abs()).fold(0.0, f64::max);
    Ok([max_abs, max_abs / largest.max(f64::MIN_POSITIVE)])
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.stages.iter().map(|stage| stage.name.len()).max().unwrap_or(0);
        writeln!(f, "{:<width$}   max abs   max rel   tolerance", "stage")?;
        for stage in &self.stages {
            let number =
                |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.1e}"));
            write!(
                f,
                "{:<width$} {:>9} {:>9} {:>11} {}",
                stage.name,
                number(stage.max_abs),
                number(stage.max_rel),
                number(Some(stage.tolerance)),
                if stage.ok { "ok" } else { "FAILED" }
            )?;
            if let Some(advised) = stage.advised {
                write!(f, " (advised {advised:.1e}; rounding was measured)")?;
            }
            if let Some(error) = &stage.error {
                write!(f, " {error}")?;
            }
            writeln!(f)?;
        }
        let failed = self.stages.iter().filter(|stage| !stage.ok).count();
        write!(f, "{} stages, {failed} failed", self.stages.len())
    }
}
