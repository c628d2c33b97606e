//! Lets a teacher solve questions with the frame tool, and keeps what is right, well formed, sound and supported.
//!
//! `cargo run --release -p distill -- questions.jsonl --media videos --teacher http://127.0.0.1:8000/v1 --text-judge URL
//! --vision-judge URL --out set` writes every attempt to `set/attempts.jsonl` (again after an interruption, where it was) and
//! what is kept to `set/demonstrations.jsonl`, the training set. `--toy 1000` takes questions of the toy world; without
//! `--teacher` the world's own expert solves them.

mod args;

use std::io::Write as _;
use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::bail;
use clap::Parser as _;
use deepsport::OpenAi;
use deepsport::agent::{Recorded, Speaker, Wording};
use deepsport::data::{Media, Record, open_media, read_records};
use deepsport::distill::{
    Cost, Demonstration, Distillation, Price, Progress, Voices, demonstrations, tally,
};
use deepsport::world::{Expert, Item, World};
use indicatif::{ProgressBar, ProgressStyle};

use args::Args;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    let (records, items) = questions(args)?;
    let client =
        |server: &Option<String>, model: &Option<String>| -> anyhow::Result<Option<OpenAi>> {
            server.as_deref().map(|server| args.client(server, model.as_deref())).transpose()
        };
    let teacher = client(&args.teacher, &args.teacher_model)?;
    let text_judge = client(&args.text_judge, &args.text_judge_model)?;
    let vision_judge = client(&args.vision_judge, &args.vision_judge_model)?;
    if teacher.is_none() && items.is_empty() {
        bail!("nobody to ask: give --teacher URL");
    }
    let mut distillation =
        Distillation::new().with_attempts(args.attempts).with_workers(args.workers);
    if teacher.is_none() {
        distillation.agent = distillation.agent.with_wording(Wording::Toy); // all that the expert speaks
    }
    let item = |record: &Record| items.iter().find(|item| item.id == record.id);
    let open = |record: &Record| match item(record) {
        Some(item) => item.clip.video(),
        None => open_media(record, &args.media),
    };
    let teaching = |record: &Record| -> Box<dyn Speaker> {
        match (&teacher, item(record)) {
            (None, Some(item)) => Box::new(Expert::new(item)),
            (model, _) => voice(model),
        }
    };
    let judging_text = |_: &Record| voice(&text_judge);
    let judging_frames = |_: &Record| voice(&vision_judge);
    let voices = Voices {
        teacher: &teaching,
        text_judge: text_judge.is_some().then_some(&judging_text as _),
        vision_judge: vision_judge.is_some().then_some(&judging_frames as _),
    };

    let bar = ProgressBar::new(records.len() as u64);
    bar.set_style(ProgressStyle::with_template("{pos}/{len} {wide_bar} {msg} {eta}")?);
    let mut num_kept = 0;
    let attempts = args.out.join("attempts.jsonl");
    let rows = distillation.run(&records, &attempts, &open, voices, &mut |progress| {
        match progress {
            Progress::Checked(row) => {
                bar.inc(1);
                num_kept += usize::from(row.is_kept());
                bar.set_message(format!("{num_kept} kept"));
            }
            Progress::Failed { id, error } => bar.println(format!("failed: {id}: {error}")),
            _ => {}
        }
        ControlFlow::Continue(())
    })?;
    bar.finish_and_clear();
    let set = demonstrations(&rows, &records);
    Demonstration::write_all(&args.out.join("demonstrations.jsonl"), &set)?;

    let mut stdout = std::io::stdout();
    for (fate, num) in tally(&rows) {
        writeln!(stdout, "{fate}: {num}")?;
    }
    let cost = Cost::total(&rows);
    let price = Price {
        prompt_per_million: args.prompt_price,
        completion_per_million: args.completion_price,
    };
    writeln!(
        stdout,
        "{} requests, {} tokens read, {} written, cost {:.4}",
        cost.num_requests,
        cost.prompt_tokens,
        cost.completion_tokens,
        cost.at(price)
    )?;
    Ok(())
}

fn questions(args: &Args) -> anyhow::Result<(Vec<Record>, Vec<Item>)> {
    if let Some(num) = args.toy {
        let world = World::new(args.world()?)?;
        let items: Vec<Item> = world.items(args.first..args.first + num).collect();
        return Ok((items.iter().map(|item| item.record(Media::None)).collect(), items));
    }
    let Some(path) = &args.questions else {
        bail!("nothing to ask: give QUESTIONS.jsonl, or --toy NUMBER")
    };
    let loaded = read_records(path)?;
    for bad in &loaded.bad_rows {
        eprintln!("left out: {bad}");
    }
    Ok((loaded.records, Vec::new()))
}

/// A clone of a model's client; who is not there says nothing.
fn voice(model: &Option<OpenAi>) -> Box<dyn Speaker> {
    match model {
        Some(model) => Box::new(model.clone()),
        None => Box::new(Recorded::default()),
    }
}
