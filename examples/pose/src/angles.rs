//! `pose angles`: every measure over time, as a table.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use pose::{Cleaning, Format, Measure, Signal, read};

/// Measures a recording: a column a measure and a column for its standard deviation.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Pose file, or a folder of OpenPose JSON files.
    input: PathBuf,

    /// Where the table goes; standard output by default.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// Format of the input; by default told from its name.
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,

    /// Frames a second; needed where the file does not say.
    #[arg(long, value_name = "N")]
    fps: Option<f64>,

    /// Cut-off of the low-pass filter, Hz.
    #[arg(long, value_name = "HZ", conflicts_with = "raw")]
    cutoff: Option<f64>,

    /// Measures the samples as they are: no gate, no bridged gaps, no filter.
    #[arg(long)]
    raw: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut series = read(&args.input, args.from, args.fps)?.series;
    if !args.raw {
        let cleaning =
            args.cutoff.map_or_else(Cleaning::new, |hz| Cleaning::new().with_cutoff_hz(hz));
        series = cleaning.apply(&series)?.0;
    }
    // What was never seen has no column.
    let signals =
        Measure::all().into_iter().map(|measure| (measure.to_string(), series.measure(measure)));
    let signals: Vec<_> = signals.filter(|(_, signal)| signal.measured_share() > 0.0).collect();
    let table = table(&signals, series.fps())?;
    match &args.csv {
        Some(path) => std::fs::write(path, table)
            .with_context(|| format!("{} cannot be written", path.display())),
        None => match std::io::stdout().lock().write_all(&table) {
            // Whoever reads may have seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other.context("standard output cannot be written"),
        },
    }
}

/// `frame, time_s, <name>, <name>_sigma, ...`; an empty cell is unmeasured.
fn table(signals: &[(String, Signal)], fps: f64) -> anyhow::Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let names = signals.iter().flat_map(|(name, _)| [name.clone(), format!("{name}_sigma")]);
    table.write_record(["frame".to_owned(), "time_s".to_owned()].into_iter().chain(names))?;
    let cell = |value: f64| if value.is_finite() { value.to_string() } else { String::new() };
    for frame in 0..signals.first().map_or(0, |(_, signal)| signal.values.len()) {
        let values =
            signals.iter().flat_map(|(_, s)| [cell(s.values[frame]), cell(s.sigma[frame])]);
        table.write_record(
            [frame.to_string(), (frame as f64 / fps).to_string()].into_iter().chain(values),
        )?;
    }
    Ok(table.into_inner()?)
}
