//! `pose convert`: one pose file as another.

use std::path::PathBuf;

use pose::{Format, JointSet, read, write};

/// Writes a recording in another format.
///
/// What the output cannot hold is refused with the reason; only csv keeps confidence, keyframes and header together.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Pose file, or a folder of OpenPose JSON files.
    input: PathBuf,

    /// The file to write; without an ending it is a folder of OpenPose JSON files.
    output: PathBuf,

    /// Format of the input; by default told from its name and content.
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,

    /// Format of the output: csv, trc, c3d, bvh, openpose, coco, alphapose, mmpose or mediapipe; by default told from
    /// its ending, where json is coco.
    #[arg(long, value_name = "FORMAT")]
    to: Option<Format>,

    /// Joints to write: coco17, halpe26, body25, openpose18 or blazepose33; by default those of the input.
    #[arg(long, value_name = "SET")]
    joints: Option<JointSet>,

    /// Frames a second; needed where the file does not say.
    #[arg(long, value_name = "N")]
    fps: Option<f64>,

    /// Width and height of the picture in pixels, which MediaPipe's landmarks need.
    #[arg(long, value_name = "PIXELS", num_args = 2)]
    size: Option<Vec<u32>>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut recording = read(&args.input, args.from, args.fps)?;
    if let Some(note) = recording.meta.get("people") {
        eprintln!("note: {note}");
    }
    if let Some(set) = args.joints {
        recording.series = recording.series.to_joint_set(set);
    }
    if let Some([width, height]) = args.size.as_deref() {
        recording.meta.insert("width".to_owned(), width.to_string());
        recording.meta.insert("height".to_owned(), height.to_string());
    }
    // A file that is not there yet cannot tell its kind of JSON.
    let is_json = args.output.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    write(&args.output, args.to.or(is_json.then_some(Format::Coco)), &recording)?;
    eprintln!("wrote {}", args.output.display());
    Ok(())
}
