//! `pose angles`: every angle and measure over time, as a table or a picture.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use pose::draw::{plot, png};
use pose::{Angle, Cleaning, Format, Measure, MotTable, Signal, SignalUnit, View, read};

use crate::output::write_whole;

/// Measures a recording: a column a measure and a column for its standard deviation.
///
/// Columns such as `knee_left` are this project's measures (180 = straight); with --laboratory they are the angles of a
/// gait laboratory, `knee_flexion_left` (0 = straight), by the conventions of Sports2D and ISB.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Pose file, or a folder of OpenPose JSON files.
    input: PathBuf,

    /// Where the table goes; standard output without a FILE, and where no other output is asked for.
    #[arg(long, visible_alias = "out", value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    csv: Option<PathBuf>,

    /// Write the angles as an OpenSim motion file, too.
    #[arg(long, value_name = "FILE")]
    mot: Option<PathBuf>,

    /// Draw the knees, hips and the trunk over time, too.
    #[arg(long, value_name = "FILE.png")]
    plot: Option<PathBuf>,

    /// Angles of a gait laboratory instead of measures.
    #[arg(long)]
    laboratory: bool,

    /// Format of the input; by default told from its name and content.
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,

    /// Frames a second; needed where the file does not say.
    #[arg(long, value_name = "N")]
    fps: Option<f64>,

    /// Where a picture was filmed from, side or front, if the guess is wrong.
    #[arg(long, value_name = "VIEW", value_parser = view)]
    view: Option<View>,

    /// Cut-off of the low-pass filter, Hz.
    #[arg(long, value_name = "HZ", conflicts_with = "raw")]
    cutoff: Option<f64>,

    /// Measures the samples as they are: nothing swapped back, no gate, no bridged gaps, no filter.
    #[arg(long)]
    raw: bool,
}

fn view(name: &str) -> Result<View, String> {
    match name {
        "side" => Ok(View::Side),
        "front" => Ok(View::Front),
        other => Err(format!("{other:?} is neither side nor front")),
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let recording = read(&args.input, args.from, args.fps)?;
    if let Some(note) = recording.meta.get("people") {
        eprintln!("note: {note}");
    }
    let mut series = recording.series;
    if let Some(view) = args.view {
        series = series.with_view(view);
    }
    if !args.raw {
        let (mended, swaps) = series.without_swaps();
        for swap in swaps {
            let (limbs, frames) = (swap.limbs, swap.frame_range);
            eprintln!("note: left and right {limbs:?} were swapped in frames {frames:?}; put back");
        }
        let cleaning =
            args.cutoff.map_or_else(Cleaning::new, |hz| Cleaning::new().with_cutoff_hz(hz));
        series = cleaning.apply(&mended)?.0;
    }
    let signals: Vec<(String, Signal)> = if args.laboratory {
        Angle::all().into_iter().map(|a| (a.to_string(), series.angle(a))).collect()
    } else {
        Measure::all().into_iter().map(|m| (m.to_string(), series.measure(m))).collect()
    };
    let (signals, unmeasured): (Vec<_>, Vec<_>) =
        signals.into_iter().partition(|(_, signal)| signal.measured_share() > 0.0);
    if !unmeasured.is_empty() {
        let names: Vec<&str> = unmeasured.iter().map(|(name, _)| name.as_str()).collect();
        eprintln!("cannot tell ({:?} view): {}", series.view(), names.join(", "));
    }
    ensure!(!signals.is_empty(), "{}: nothing can be measured in it", args.input.display());
    let angles =
        || signals.iter().filter(|(_, signal)| signal.unit == SignalUnit::Degrees).cloned();
    if let Some(path) = &args.mot {
        let angles: Vec<(String, Signal)> = angles().collect();
        MotTable::of_angles(angles.iter().map(|(name, s)| (name.clone(), s)), series.fps())?
            .write(path)?;
        eprintln!("wrote {}", path.display());
    }
    if let Some(path) = &args.plot {
        let shown: Vec<(String, Signal)> = angles()
            .filter(|(name, _)| {
                ["knee", "hip_left", "hip_right", "hip_flexion", "trunk"]
                    .iter()
                    .any(|part| name.starts_with(part))
                    && !name.contains("valgus")
                    && name != "trunk_side"
            })
            .take(5)
            .collect();
        ensure!(!shown.is_empty(), "neither knees, hips nor trunk can be measured");
        let lines: Vec<(String, &Signal)> = shown.iter().map(|(n, s)| (n.clone(), s)).collect();
        write_whole(path, &png(&plot(&lines, series.fps(), &recording.keyframes)?)?)?;
    }
    let table = table(&signals, series.fps())?;
    match &args.csv {
        None if args.mot.is_some() || args.plot.is_some() => Ok(()),
        Some(path) if path != Path::new("-") => write_whole(path, &table),
        _ => match std::io::stdout().lock().write_all(&table) {
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
        let time_s = frame as f64 / fps;
        table.write_record([frame.to_string(), time_s.to_string()].into_iter().chain(values))?;
    }
    Ok(table.into_inner()?)
}
