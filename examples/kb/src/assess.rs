use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueEnum;
use kismam::{Assessor, Athlete, KnowledgeBase, Lang, Measurement, Profile};
use serde::Deserialize;

use crate::Failure;

/// What `kb assess` is told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Knowledge file.
    file: PathBuf,
    /// Event, by id or alias.
    #[arg(long)]
    event: String,
    /// JSON: `{"measurements": [{"feature", "value", "sigma", "side", "frame", "time_s"}]}`, a measurement optionally
    /// with `"timing"`, the file optionally with `"athlete": {"sex", "level", "age", "step", "phase"}`.
    #[arg(long)]
    measurements: PathBuf,
    /// The same features measured on a reference recording, same layout.
    #[arg(long)]
    template: Option<PathBuf>,
    /// Numeric model.
    #[arg(long, value_enum, default_value_t = Model::NoiseAware)]
    profile: Model,
    /// Language of the text.
    #[arg(long, value_enum, default_value_t = Language::En)]
    lang: Language,
    /// Print the assessment as JSON instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Model {
    NoiseAware,
    Paper,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    En,
    Zh,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `measurements` and perhaps `athlete`")]
struct Input {
    measurements: Vec<Measurement>,
    #[serde(default)]
    athlete: Athlete,
}

pub(crate) fn run(out: &mut impl Write, args: &Args) -> Result<ExitCode, Failure> {
    let kb = KnowledgeBase::read(&args.file)?;
    let input = read(&args.measurements).map_err(Failure::BadInput)?;
    let profile = match args.profile {
        Model::NoiseAware => Profile::NoiseAware,
        Model::Paper => Profile::Paper,
    };
    let mut assessor =
        Assessor::new(&kb, &args.event)?.with_athlete(input.athlete).with_profile(profile);
    if let Some(template) = &args.template {
        assessor = assessor.with_template(&read(template).map_err(Failure::BadInput)?.measurements);
    }
    let assessment = assessor
        .assess(&input.measurements)
        .with_context(|| args.measurements.display().to_string())
        .map_err(Failure::BadInput)?;
    if args.json {
        let json = serde_json::to_string_pretty(&assessment)
            .map_err(|error| Failure::Other(error.into()))?;
        writeln!(out, "{json}")?;
    } else {
        let lang = match args.lang {
            Language::En => Lang::En,
            Language::Zh => Lang::Zh,
        };
        write!(out, "{}", assessment.to_text(lang))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> anyhow::Result<Input> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}
