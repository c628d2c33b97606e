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
use deepsport::data::Record;
use deepsport::distill::{
    Cost, Demonstration, Distillation, Price, Progress, Voices, demonstrations, tally,
};
#[cfg(feature = "local")]
use deepsport::local::{NetworkSpeaker, folder::load};
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
    let client =
        |server: &Option<String>, model: &Option<String>| -> anyhow::Result<Option<OpenAi>> {
            server.as_deref().map(|server| args.client(server, model.as_deref())).transpose()
        };
    let teacher = client(&args.teacher, &args.teacher_model)?;
    let text_judge = client(&args.text_judge, &args.text_judge_model)?;
    let vision_judge = client(&args.vision_judge, &args.vision_judge_model)?;
    let mut distillation =
        Distillation::new().with_attempts(args.attempts).with_workers(args.workers);
    #[cfg(feature = "local")]
    let model = args.model.as_deref().map(|folder| load(folder, &mut |_| ())).transpose()?;
    #[cfg(feature = "local")]
    if let Some(model) = &model {
        let rules = &model.settings.agent;
        distillation.agent =
            distillation.agent.with_wording(rules.wording).with_syntax(rules.syntax);
        distillation.agent.policy = rules.policy.clone();
    }
    let is_taught = teacher.is_some() || {
        #[cfg(feature = "local")]
        let is_local = model.is_some();
        #[cfg(not(feature = "local"))]
        let is_local = false;
        is_local
    };
    if !is_taught && args.toy.is_none() {
        bail!("nobody to ask: give --teacher URL");
    }
    if !is_taught {
        distillation.agent = distillation.agent.with_wording(Wording::Toy); // all that the expert speaks
    }
    let questions = args.questions()?;
    for bad in questions.bad_rows() {
        eprintln!("left out: {bad}");
    }
    let records = questions.records();
    let open = |record: &Record| questions.open(record);
    let teaching = |record: &Record| -> Box<dyn Speaker + '_> {
        #[cfg(feature = "local")]
        if let Some(model) = &model {
            return Box::new(NetworkSpeaker::new(model));
        }
        match (&teacher, questions.expert(record)) {
            (None, Some(expert)) => Box::new(expert),
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
    let rows = distillation.run(records, &attempts, &open, voices, &mut |progress| {
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
    let set = demonstrations(&rows, records);
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

/// A clone of a model's client; who is not there says nothing.
fn voice(model: &Option<OpenAi>) -> Box<dyn Speaker> {
    match model {
        Some(model) => Box::new(model.clone()),
        None => Box::new(Recorded::default()),
    }
}
