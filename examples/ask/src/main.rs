//! Asks a question about a video, and shows what was looked at.
//!
//! `cargo run --release -p ask -- match.mp4 "Who touched the ball last?" --server http://127.0.0.1:8000/v1 --out answer`
//! asks a vision-language model behind any OpenAI-compatible server. Its thoughts go to stderr while it writes them, its
//! answer to stdout, the record to `answer/trace.json` and, to look at, `answer/trace.html`.
//!
//! `--model DIR` asks a model on this machine instead. `cargo run --release -p ask` alone asks the tiny model that comes with the
//! program about a clip that comes with it; `--toy 5` takes another clip of the toy world, and `--toy 5 --expert` shows how the
//! world's own expert, who knows where the event is, goes about it.

mod args;
mod input;
mod voice;

use std::io::Write as _;
use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use deepsport::agent::{Progress, Stop, Trajectory};
use deepsport::report::trace_page;

use args::Args;
use input::Input;
use voice::Voice;

fn main() -> ExitCode {
    #[cfg(feature = "local")]
    fused_ops::program::keep_freed_memory(); // tensors come and go
    let args = Args::parse();
    match run(&args) {
        Ok(Stop::Answered) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(3),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Answers; the record is written whether there is an answer or not.
fn run(args: &Args) -> anyhow::Result<Stop> {
    let given = Input::given(args)?; // a video that is not there is told before a model is loaded
    let voice = Voice::open(args)?;
    let input = match given {
        Some(input) => input,
        None => Input::toy(args, &voice)?,
    };
    eprintln!("{}: {}", input.name, input.question);
    let agent = args.agent(voice.rules());
    let mut speaker = voice.speaker(args, &input)?;
    let mut trajectory =
        agent.run_watched(&input.video, &input.question, &mut *speaker, &mut tell)?;
    trajectory.video.path = Some(input.name.clone());
    if let Some(folder) = &args.out {
        let page = trace_page(&trajectory, &input.video, &input.evidence)?;
        write(&folder.join("trace.json"), &trajectory.to_json())?;
        write(&folder.join("trace.html"), &page)?;
        eprintln!("{}", folder.join("trace.html").display());
    }
    say(&trajectory)?;
    Ok(trajectory.stop)
}

/// What happens, on stderr.
fn tell(progress: Progress<'_>) -> ControlFlow<()> {
    match progress {
        Progress::Shown { turn, window: [start, end], frames } => {
            let indices: Vec<String> = frames.iter().map(|seen| seen.index.to_string()).collect();
            eprintln!("\n[{}] frames {start} to {end}: {}", turn + 1, indices.join(" "));
        }
        Progress::Text(text) => eprint!("{text}"),
        Progress::Turn(turn) => {
            eprintln!();
            if let Some(refusal) = &turn.refusal {
                eprintln!("refused: {refusal}");
            }
            if let Some(malformed) = &turn.malformed {
                eprintln!("not readable: {malformed}");
            }
        }
        _ => {}
    }
    ControlFlow::Continue(())
}

/// The answer, on stdout.
fn say(trajectory: &Trajectory) -> anyhow::Result<()> {
    match &trajectory.answer {
        Some(answer) => writeln!(std::io::stdout(), "{answer}").context("stdout is closed"),
        None => {
            eprintln!("no answer: {:?}", trajectory.stop);
            Ok(())
        }
    }
}

/// Writes beside the place and moves it there, so that nobody meets a half.
fn write(path: &std::path::Path, text: &str) -> anyhow::Result<()> {
    deepsport::write_text(path, text).map_err(Into::into)
}
