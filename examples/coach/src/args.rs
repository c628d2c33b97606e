use std::path::PathBuf;

use clap::Parser;
use pose::Format;

/// Turns a recorded motion into a coaching report.
///
/// Without MOTION_FILE it reports on a simulated standing long jump, so that there is something to look at.
#[derive(Debug, Parser)]
#[command(version, after_help = "Exit codes: 0 report written, 2 bad input, 1 anything else.")]
pub(crate) struct Args {
    /// The athlete's skeletons: this project's CSV, COCO keypoint JSON, TRC, or a folder of OpenPose JSON files.
    pub(crate) motion_file: Option<PathBuf>,

    /// What is done, such as `squat`; by default what the recording says it shows.
    #[arg(long, value_name = "NAME")]
    pub(crate) event: Option<String>,

    /// A recording of how it should be done, with keyframes in it or in a `labels.json` beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) reference: Option<PathBuf>,

    /// A folder with knowledge files (*.toml), guidance documents (*.md, *.txt, *.jsonl) and references/EVENT.csv.
    #[arg(long, value_name = "DIR")]
    pub(crate) knowledge: Option<PathBuf>,

    /// Format of MOTION_FILE; by default told from its name: csv, coco, openpose or trc.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,

    /// Frames a second of MOTION_FILE; needed where the format does not say.
    #[arg(long, value_name = "N")]
    pub(crate) fps: Option<f64>,

    /// Frames a second of the reference; needed where its format does not say.
    #[arg(long, value_name = "N")]
    pub(crate) reference_fps: Option<f64>,

    /// Folder for report.html and report.json; made if it is not there.
    #[arg(long, value_name = "DIR", default_value = "coach-report")]
    pub(crate) out: PathBuf,

    /// Write the figures as keyframes.png and curves.png, too.
    #[arg(long)]
    pub(crate) pictures: bool,

    /// Print the report as JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,

    /// Report on the most similar place even if the motion was probably not found.
    #[arg(long)]
    pub(crate) accept_poor_match: bool,

    /// Say on standard error how long each stage takes.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}
