//! Checks, compares, shows and applies knowledge files.
//!
//! `cargo run --release -p kb -- lint crates/kismam/knowledge/*.toml` prints every doubt about the shipped knowledge;
//! `cargo run --release -p kb -- simulate` measures false alarms and power of the numeric model.

mod assess;
mod simulate;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::{Parser, Subcommand};
use kismam::{KnowledgeBase, LintSummary, Severity};

/// Checks, compares, shows and applies knowledge files.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done (lint: clean), 3 lint found warnings only, 2 bad input or lint found errors, 1 anything else."
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints one line per finding, `FILE:ROW: error|warning: text`.
    Lint {
        /// Knowledge files, TOML or JSON.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Prints what changed from one version to another.
    Diff {
        /// The older file.
        old: PathBuf,
        /// The newer file.
        new: PathBuf,
    },
    /// Prints the mapping matrix W of an event.
    Matrix {
        /// Knowledge file.
        file: PathBuf,
        /// Event, by id or alias.
        #[arg(long)]
        event: String,
        /// As CSV: a line per issue, a column per evidence feature and direction.
        #[arg(long)]
        csv: bool,
    },
    /// Judges measurements.
    Assess(assess::Args),
    /// Measures false alarms and power of the numeric model on simulated athletes.
    Simulate(simulate::Args),
}

/// Why the program ends without its result.
enum Failure {
    /// The input cannot be used: exit code 2.
    BadInput(anyhow::Error),
    /// Anything else, such as a closed pipe: exit code 1.
    Other(anyhow::Error),
}

impl From<kismam::Error> for Failure {
    fn from(error: kismam::Error) -> Self {
        Self::BadInput(error.into())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Other(error.into())
    }
}

fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let done = match Args::parse().command {
        Command::Lint { files } => lint(&mut out, &files),
        Command::Diff { old, new } => diff(&mut out, &old, &new),
        Command::Matrix { file, event, csv } => matrix(&mut out, &file, &event, csv),
        Command::Assess(args) => assess::run(&mut out, &args),
        Command::Simulate(args) => simulate::run(&mut out, &args),
    };
    let (code, error) = match done {
        Ok(code) => return code,
        Err(Failure::BadInput(error)) => (2, error),
        Err(Failure::Other(error)) => (1, error),
    };
    eprintln!("error: {error:#}");
    ExitCode::from(code)
}

fn lint(out: &mut impl Write, files: &[PathBuf]) -> Result<ExitCode, Failure> {
    let (mut worst, mut rows) = (0, LintSummary::default());
    for file in files {
        let kb = match KnowledgeBase::read(file) {
            Ok(kb) => kb,
            Err(kismam::Error::Syntax { line, message, .. }) => {
                writeln!(out, "{}:{line}: error: {message}", file.display())?;
                worst = 2;
                continue;
            }
            Err(kismam::Error::Read { source, .. }) => {
                writeln!(out, "{}:0: error: cannot be read: {source}", file.display())?;
                worst = 2;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        for finding in kb.lint() {
            writeln!(out, "{}:{finding}", file.display())?;
            worst = match (worst, finding.severity) {
                (2, _) | (_, Severity::Error) => 2,
                (_, Severity::Warning) => 3,
            };
        }
        let summary = kb.lint_summary();
        rows.rows += summary.rows;
        rows.checked += summary.checked;
        rows.by_definition += summary.by_definition;
        rows.unchecked += summary.unchecked;
    }
    eprintln!(
        "{} evidence rows: {} ({:.0} %) on checked sources, {} by definition, {} unchecked",
        rows.rows,
        rows.checked,
        100.0 * rows.checked as f64 / rows.rows.max(1) as f64,
        rows.by_definition,
        rows.unchecked
    );
    Ok(ExitCode::from(worst))
}

fn diff(out: &mut impl Write, old: &PathBuf, new: &PathBuf) -> Result<ExitCode, Failure> {
    for change in KnowledgeBase::read(old)?.diff(&KnowledgeBase::read(new)?) {
        writeln!(out, "{change}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn matrix(
    out: &mut impl Write,
    file: &PathBuf,
    event: &str,
    csv: bool,
) -> Result<ExitCode, Failure> {
    let kb = KnowledgeBase::read(file)?;
    let matrix = (kb.matrix(event))
        .ok_or_else(|| anyhow!("no event `{event}`"))
        .with_context(|| file.display().to_string())
        .map_err(Failure::BadInput)?;
    if csv {
        write!(out, "{}", matrix.to_csv())?;
        return Ok(ExitCode::SUCCESS);
    }
    for (issue, weights) in matrix.rows.iter().zip(matrix.values.rows()) {
        writeln!(out, "{issue}")?;
        for (column, weight) in
            matrix.columns.iter().zip(weights).filter(|(_, weight)| **weight != 0.0)
        {
            writeln!(out, "  {weight:>5} {column}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
