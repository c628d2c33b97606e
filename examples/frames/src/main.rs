//! Shows what is in a video, and takes exactly the frames that are asked for out of it.
//!
//! `cargo run -p frames -- sample clip.mp4 -k 8 --json` lists 8 frames with index, time and SHA-256.

mod args;
mod report;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Parser as _;
use frame_tool::{
    Episode, Fit, Frame, Outcome, Policy, Tolerance, Turn, Video, VideoOptions, Window,
    contact_sheet,
};

use args::{Args, Command, Opening, Output, Stretch};
use report::{CallReport, FrameReport, InfoReport};

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<()> {
    match args.command {
        Command::Info { opening, json } => {
            let report = InfoReport::of(&open(&opening)?);
            if json { print_json(&report) } else { print(&report.to_string()) }
        }
        Command::Sample { opening, k, rule, output } => {
            let video = open(&opening)?;
            let picked = rule.0.pick(video.timeline(), 0..video.num_frames(), k)?;
            give(&video.frames(&picked)?, &output)
        }
        Command::Window { opening, stretch, k, rule, output } => {
            let video = open(&opening)?;
            let range = window(&stretch).resolve(video.timeline())?;
            ensure!(
                !range.is_empty(),
                "no frame lies in that window; see `frames info` for what there is"
            );
            let picked = rule.0.pick(video.timeline(), range.clone(), k)?;
            if range.len() < k {
                eprintln!("note: the window holds {} frames, fewer than {k}", range.len());
            }
            give(&video.frames(&picked)?, &output)
        }
        Command::Frames { opening, indices, output } => {
            give(&open(&opening)?.frames(&indices)?, &output)
        }
        Command::Sheet { opening, out, k, columns } => {
            let video = open(&opening)?;
            let picked =
                frame_tool::Rule::default().pick(video.timeline(), 0..video.num_frames(), k)?;
            write_whole(&out, &contact_sheet(&video.frames(&picked)?, columns)?)
        }
        Command::Call { opening, text, strict, output } => {
            call(&open(&opening)?, &text, strict, &output)
        }
    }
}

fn open(opening: &Opening) -> Result<Video> {
    let fit = if opening.full_size { None } else { Some(Fit::new(opening.fit.0, opening.fit.1)?) };
    let options = VideoOptions::new().with_fit(fit).with_decoder(opening.decoder.into());
    let video = Video::open_with(&opening.video, &options.with_untimed_fps(opening.untimed_fps)?)?;
    for warning in &video.description().warnings {
        eprintln!("warning: {}: {warning}", opening.video.display());
    }
    Ok(video)
}

fn window(stretch: &Stretch) -> Window {
    let window = match (stretch.start_s, stretch.end_s) {
        (Some(start_s), Some(end_s)) => Window::seconds(start_s, end_s),
        _ => Window::frames(stretch.start.unwrap_or(0), stretch.end.unwrap_or(0)),
    };
    window.with_ends(stretch.ends.into())
}

/// What a model would get for `text`, right after the first look.
fn call(video: &Video, text: &str, strict: bool, output: &Output) -> Result<()> {
    let tolerance = if strict { Tolerance::Strict } else { Tolerance::Lenient };
    let (mut episode, _) = Episode::start(video, Policy::deepsport())?;
    let outcome = episode.turn(&Turn::parse(text, tolerance))?;
    let frames: &[Frame] = match &outcome {
        Outcome::Shown(observation) => &observation.frames,
        _ => &[],
    };
    save(frames, output)?;
    let report = CallReport::of(&outcome, frames);
    if output.json { print_json(&report) } else { print(&format!("{outcome}\n")) }
}

fn give(frames: &[Frame], output: &Output) -> Result<()> {
    save(frames, output)?;
    let reports: Vec<FrameReport> = frames.iter().map(FrameReport::of).collect();
    if output.json {
        return print_json(&reports);
    }
    print(&reports.iter().map(|report| format!("{report}\n")).collect::<String>())
}

/// Writes each frame as `frame_INDEX.png`.
fn save(frames: &[Frame], output: &Output) -> Result<()> {
    let Some(folder) = &output.out else { return Ok(()) };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for frame in frames {
        let image = image::RgbImage::from_raw(frame.width(), frame.height(), frame.rgb().to_vec());
        let mut png = std::io::Cursor::new(Vec::new());
        image.context("a frame without pixels")?.write_to(&mut png, image::ImageFormat::Png)?;
        write_whole(&folder.join(format!("frame_{:06}.png", frame.index())), &png.into_inner())?;
    }
    Ok(())
}

/// Writes a file so that it is whole or not there.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot = || format!("cannot write {}", path.display());
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(cannot)?;
    file.write_all(bytes).with_context(cannot)?;
    file.persist(path).with_context(cannot)?;
    Ok(())
}

fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Prints; a reader that has seen enough is no error.
fn print(text: &str) -> Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot print"),
    }
}
