//! Measures keyframe transfer on labelled sessions.
//!
//! `cargo run --release -p align-eval -- DIR --method all` prints how well each method finds a reference clip in long
//! recordings and places its keyframes, per action and kind of disturbance. `DIR` holds `sessions.json`, the sessions
//! and the reference clips, or is the parent of such a folder `sessions/`.

mod sessions;
mod skeleton;
mod summary;

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use motion_dtw::{Method, MotionDtw};

use sessions::{Models, Sessions};
use summary::{Search, Summary};

#[derive(Parser)]
#[command(about = "Measures keyframe transfer on labelled sessions")]
struct Arguments {
    /// Folders with `sessions.json`, or with a folder `sessions/` that has one.
    #[arg(required = true)]
    dirs: Vec<PathBuf>,
    /// Method to measure.
    #[arg(long, value_enum, default_value_t = Which::TwoStage)]
    method: Which,
    /// Search the side view of a camera so many degrees off the athlete's side, in 2-D.
    #[arg(long)]
    camera_deg: Option<f64>,
    /// Let up to so many labelled trials vote (`../labels.json` beside the sessions) instead of one reference clip; none
    /// of them is the recording that the session was made of.
    #[arg(long)]
    references: Option<usize>,
    /// Let those trials choose the settings as well, by cross-validation.
    #[arg(long, requires = "references")]
    tuned: bool,
    /// Leave out the searches for other actions (presence figures stay empty).
    #[arg(long)]
    present_only: bool,
    /// Print JSON: one object, or an array for all methods.
    #[arg(long)]
    json: bool,
    /// Print every search as well.
    #[arg(long)]
    verbose: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    TwoStage,
    OneStage,
    Fastdtw,
    Subsequence,
    All,
}

impl Which {
    fn methods(self) -> Vec<(&'static str, Method)> {
        let all = [
            (Which::OneStage, "one-stage", Method::OneStage),
            (Which::Fastdtw, "fastdtw", Method::FastDtw { radius: 10 }),
            (Which::Subsequence, "subsequence", Method::Subsequence),
            (Which::TwoStage, "two-stage", Method::TwoStage),
        ];
        let wanted = |which: Which| self == Which::All || self == which;
        all.into_iter()
            .filter(|entry| wanted(entry.0))
            .map(|(_, name, method)| (name, method))
            .collect()
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let sessions: Vec<Sessions> = arguments
        .dirs
        .iter()
        .map(|dir| {
            let voting = arguments.references.is_some();
            Sessions::read(dir, arguments.camera_deg, !arguments.present_only, voting)
        })
        .collect::<Result<_>>()?;
    let models = arguments
        .references
        .map_or(Models::Single, |max| Models::Voting { max, tuned: arguments.tuned });
    let mut out = std::io::stdout().lock();
    let mut overall = Vec::new();
    for (name, method) in arguments.method.methods() {
        let aligner = MotionDtw::new().with_method(method);
        let mut searches = Vec::new();
        for sessions in &sessions {
            searches.extend(sessions.search(&aligner, models, !arguments.present_only)?);
        }
        let summary = Summary::of(name, "all", searches.iter());
        if !arguments.json {
            print_table(&mut out, name, &summary, &searches, arguments.verbose)?;
        }
        overall.push(summary);
    }
    if arguments.json {
        let text = match (arguments.method, overall.as_slice()) {
            (Which::All, all) => serde_json::to_string_pretty(all)?,
            (_, one) => serde_json::to_string_pretty(&one[0])?,
        };
        writeln!(out, "{text}")?;
    }
    Ok(())
}

fn print_table(
    out: &mut impl Write,
    method: &str,
    overall: &Summary,
    searches: &[Search],
    verbose: bool,
) -> Result<()> {
    if verbose {
        for search in searches {
            let errors: Vec<String> =
                search.errors.iter().map(|error| format!("{error:.2}")).collect();
            let sigmas: Vec<String> =
                search.sigmas.iter().map(|sigma| format!("{sigma:.2}")).collect();
            writeln!(
                out,
                "{:12} {:26} {:13} {:?} {:?} cost {:.4} iou {:.2} errors [{}] sigmas [{}]",
                method,
                search.session,
                search.action,
                search.content,
                search.tier,
                search.cost,
                search.iou,
                errors.join(" "),
                sigmas.join(" ")
            )?;
        }
    }
    writeln!(out, "{}\n{}", Summary::header(), overall.row())?;
    for key in
        [|search: &Search| search.action.clone(), |search: &Search| format!("mode {}", search.mode)]
    {
        let mut groups: Vec<String> = searches.iter().map(key).collect();
        groups.sort();
        groups.dedup();
        for group in groups {
            let members = searches.iter().filter(|search| key(search) == group);
            writeln!(out, "{}", Summary::of(method, &group, members).row())?;
        }
    }
    Ok(())
}
