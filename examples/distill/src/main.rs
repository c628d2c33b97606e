//! Lets a teacher solve questions with the frame tool, and keeps what is right, well formed, sound and supported.
//!
//! `cargo run --release -p distill -- questions.jsonl --media videos --teacher http://127.0.0.1:8000/v1 --text-judge URL
//! --vision-judge URL --out set` writes every attempt to `set/attempts.jsonl` (again after an interruption, where it was) and
//! what is kept to `set/demonstrations.jsonl`, the training set. `--toy 1000` takes questions of the toy world; without
//! `--teacher` the world's own expert solves them. `--model DIR` takes a model on this machine for the teacher.

mod args;

use std::io::Write as _;
use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::bail;
use clap::Parser as _;
use deepsport::OpenAi;
use deepsport::agent::{Agent, Recorded, Speaker, Wording};
use deepsport::data::Record;
use deepsport::distill::{
    Cost, Demonstration, Distillation, Price, Progress, Voices, demonstrations, tally,
};
#[cfg(feature = "local")]
use deepsport::local::{Model, NetworkSpeaker, folder::load};
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
    let text_judge = client(&args.text_judge, &args.text_judge_model)?;
    let vision_judge = client(&args.vision_judge, &args.vision_judge_model)?;
    let teacher = Teacher::open(args)?;
    let questions = args.questions()?;
    for bad in questions.bad_rows() {
        eprintln!("left out: {bad}");
    }
    let records = questions.records();
    let mut distillation =
        Distillation::new().with_attempts(args.attempts).with_workers(args.workers);
    distillation.agent = teacher.asked_by(distillation.agent);
    let open = |record: &Record| questions.open(record);
    let teaching = |record: &Record| -> Box<dyn Speaker + '_> {
        match &teacher {
            Teacher::Server(model) => Box::new(model.clone()),
            #[cfg(feature = "local")]
            Teacher::Model(model) => Box::new(NetworkSpeaker::new(model)),
            Teacher::Expert => match questions.expert(record) {
                Some(expert) => Box::new(expert),
                None => voice(&None),
            },
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

/// Who solves the questions.
enum Teacher {
    Server(OpenAi),
    /// Of the toy world, which is all that it knows.
    Expert,
    #[cfg(feature = "local")]
    Model(Box<Model>),
}

impl Teacher {
    fn open(args: &Args) -> anyhow::Result<Self> {
        #[cfg(feature = "local")]
        if let Some(folder) = &args.model {
            return Ok(Self::Model(Box::new(load(folder, &mut |_| ())?)));
        }
        match &args.teacher {
            Some(server) => Ok(Self::Server(args.client(server, args.teacher_model.as_deref())?)),
            None if args.toy.is_some() => Ok(Self::Expert),
            None => bail!("nobody to ask: give --teacher URL"),
        }
    }

    /// The rules, in the words that the teacher knows.
    fn asked_by(&self, agent: Agent) -> Agent {
        match self {
            Self::Server(_) => agent,
            Self::Expert => agent.with_wording(Wording::Toy),
            #[cfg(feature = "local")]
            Self::Model(model) => {
                let known = &model.settings.agent;
                let agent = agent.with_wording(known.wording).with_syntax(known.syntax);
                agent.with_policy(known.policy.clone())
            }
        }
    }
}

/// A clone of a model's client; who is not there says nothing.
fn voice(model: &Option<OpenAi>) -> Box<dyn Speaker> {
    match model {
        Some(model) => Box::new(model.clone()),
        None => Box::new(Recorded::default()),
    }
}
