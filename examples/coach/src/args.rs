use std::path::PathBuf;

use clap::Parser;
use pose::{Format, PersonBox};

/// Turns a recorded motion into a coaching report.
///
/// The motion is a file of skeletons, or a video of one athlete with --pose-model. Without MOTION it reports on a
/// simulated standing long jump, so that there is something to look at.
#[derive(Debug, Parser)]
#[command(version, after_help = "Exit codes: 0 report written, 2 bad input, 1 anything else.")]
pub(crate) struct Args {
    /// The athlete's skeletons: this project's CSV, TRC, C3D, BVH, a folder of OpenPose JSON files, or JSON of COCO,
    /// AlphaPose, MMPose, MediaPipe or gaitlab. Or a video, with --pose-model: MP4 or MOV with H.264, AVI with motion
    /// JPEG, GIF, WebP, or a folder of pictures.
    pub(crate) motion: Option<PathBuf>,

    /// Folder of a ViTPose checkpoint as published, such as usyd-community/vitpose-base-simple: MOTION is a video, and
    /// its skeletons are found first. Takes minutes; ctrl-c keeps what is done, and the same command goes on. Needs a
    /// coach that was built with `--features estimate`.
    #[arg(long, value_name = "DIR", requires = "motion", conflicts_with_all = ["format", "fps", "video"])]
    pub(crate) pose_model: Option<PathBuf>,

    /// Box around the athlete in the video's first frame, in pixels; by default they are looked for in the whole frame.
    #[arg(
        long = "box",
        value_name = "L,T,W,H",
        allow_hyphen_values = true,
        requires = "pose_model"
    )]
    #[cfg_attr(not(feature = "estimate"), expect(dead_code, reason = "only the network asks"))]
    pub(crate) first_box: Option<PersonBox>,

    /// The video that the skeletons of MOTION are of, in its pixels: the report shows its frames at the keyframes.
    #[arg(long, value_name = "FILE", requires = "motion")]
    pub(crate) video: Option<PathBuf>,

    /// What is done, such as `squat`; by default what the recording says it shows.
    #[arg(long, value_name = "NAME")]
    pub(crate) event: Option<String>,

    /// A recording of how it should be done, with keyframes in it or in a `labels.json` beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) reference: Option<PathBuf>,

    /// A folder with knowledge files (*.toml), guidance documents (*.md, *.txt, *.jsonl) and references/EVENT.csv.
    #[arg(long, value_name = "DIR")]
    pub(crate) knowledge: Option<PathBuf>,

    /// Format of MOTION: csv, trc, c3d, bvh, openpose, coco, alphapose, mmpose, mediapipe or gaitlab; by default told
    /// from its name and content.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,

    /// Frames a second of MOTION; needed where the format does not say.
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
