//! `pose convert`: one pose file as another.

use std::path::PathBuf;

use pose::{Format, read, write_csv};

/// Reads a recording and writes it in the house's table.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Pose file, or a folder of OpenPose JSON files.
    input: PathBuf,

    /// The table to write, `*.csv`.
    output: PathBuf,

    /// Format of the input; by default told from its name.
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,

    /// Frames a second; needed where the file does not say.
    #[arg(long, value_name = "N")]
    fps: Option<f64>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let recording = read(&args.input, args.from, args.fps)?;
    write_csv(&args.output, &recording.series, &recording.meta, &recording.keyframes)?;
    eprintln!("wrote {}", args.output.display());
    Ok(())
}
