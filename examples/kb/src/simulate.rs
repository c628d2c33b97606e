//! Simulated athletes with a known truth: how often a faultless one is told of a fault, how often a fault is found.
//!
//! Knowledge: 60 issues of 4 rows each, ramps from 5 to 20 degrees, a spread of 8 degrees between athletes, targets
//! 10 degrees wide, every row in a group of its own. A faultless athlete is in the middle of every target; a fault is
//! 15 or 20 degrees beyond it on two of an issue's rows. The plain ramp is the same model told that there is no noise.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use kismam::{Assessor, KnowledgeBase, Measurement, Score, Verdict};
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;

use crate::Failure;

const NUM_ISSUES: usize = 60;
const ROWS_PER_ISSUE: usize = 4;
/// Half the width of a target, in degrees.
const HALF_WIDTH: f64 = 5.0;

/// What `kb simulate` is told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Simulated athletes per line.
    #[arg(long, default_value_t = 2000)]
    athletes: usize,
    /// Weight of every row.
    #[arg(long, default_value_t = 0.7)]
    weight: f64,
    /// Seed of the noise.
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

pub(crate) fn run(out: &mut impl Write, args: &Args) -> Result<ExitCode, Failure> {
    let kb = KnowledgeBase::from_toml(&knowledge(args.weight), "simulated")?;
    let assessor = Assessor::new(&kb, "simulated")?;
    writeln!(
        out,
        "{} issues x {ROWS_PER_ISSUE} rows, weight {}, {} athletes a line, seed {}",
        NUM_ISSUES, args.weight, args.athletes, args.seed
    )?;
    writeln!(out, "\nFaultless athletes told of at least one present issue, one stride:")?;
    for sigma in [4.0, 7.0, 11.0] {
        let share =
            |told| count(&assessor, args, sigma, told, 1, &[], |scores| scores.iter().any(present));
        writeln!(
            out,
            "  sigma {sigma:>2}: plain ramp {:>5.1} %, noise-aware {:>5.2} %",
            share(Told::Nothing)?,
            share(Told::Noise)?
        )?;
    }
    writeln!(
        out,
        "\nAthletes with a fault on two rows of one issue, for whom that issue is present (or at least possible):"
    )?;
    for (fault, sigma, strides) in
        [(15.0, 7.0, 1), (15.0, 7.0, 5), (20.0, 7.0, 1), (20.0, 7.0, 5), (15.0, 4.0, 1)]
    {
        let share = |told, found: fn(&Score<'_>) -> bool| {
            count(&assessor, args, sigma, told, strides, &[fault; 2], |scores| found(&scores[0]))
        };
        let possible =
            |score: &Score<'_>| matches!(score.verdict, Verdict::Present | Verdict::Possible);
        writeln!(
            out,
            "  {fault} deg, sigma {sigma:>2}, {strides} stride(s): plain ramp {:>5.1} % ({:>5.1} %), noise-aware {:>5.1} % ({:>5.1} %)",
            share(Told::Nothing, present)?,
            share(Told::Nothing, possible)?,
            share(Told::Noise, present)?,
            share(Told::Noise, possible)?,
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn present(score: &Score<'_>) -> bool {
    score.verdict == Verdict::Present
}

/// What the model is told of the noise.
#[derive(Clone, Copy)]
enum Told {
    /// Its standard deviation.
    Noise,
    /// That there is none: the plain ramp.
    Nothing,
}

/// Percentage of athletes for whom `holds`; `faults` are degrees beyond the target on the first rows of the first issue.
fn count(
    assessor: &Assessor<'_>,
    args: &Args,
    sigma: f64,
    told: Told,
    strides: usize,
    faults: &[f64],
    holds: impl Fn(&[Score<'_>]) -> bool,
) -> Result<f64, Failure> {
    let mut noise = Pcg64::new(u128::from(args.seed), 0x0a02_bdbf);
    let told = if let Told::Noise = told { sigma } else { 0.0 };
    let mut num_held = 0;
    for _ in 0..args.athletes {
        let mut measurements = Vec::new();
        for (i, feature) in assessor.features().iter().enumerate() {
            let truth = faults.get(i).map_or(0.0, |fault| HALF_WIDTH + fault);
            for _ in 0..strides {
                let error: f64 = StandardNormal.sample(&mut noise);
                measurements.push(Measurement::new(&feature.id, truth + sigma * error, told));
            }
        }
        num_held += usize::from(holds(&assessor.score(&measurements)?));
    }
    Ok(100.0 * num_held as f64 / args.athletes as f64)
}

fn knowledge(weight: f64) -> String {
    let mut text = String::from(
        r#"
kb = { id = "simulated", version = "1.0.0", schema = 1, licence = "CC0-1.0" }
source = [{ id = "none", cite = "simulated", kind = "definition", checked = true }]

[[event]]
id = "simulated"
name = { en = "Simulated", zh = "模拟" }
keyframes = [{ name = "key", label = { en = "key", zh = "关键帧" }, what = "none" }]
views = ["side"]
"#,
    );
    for issue in 0..NUM_ISSUES {
        _ = write!(
            text,
            "\n[[issue]]\nid = \"{issue}\"\nname = {{ en = \"{issue}\", zh = \"{issue}\" }}\nwhy = {{ en = \"-\", zh = \"-\" }}\n"
        );
        for row in 0..ROWS_PER_ISSUE {
            let id = issue * ROWS_PER_ISSUE + row;
            _ = write!(
                text,
                r#"
[[feature]]
id = "{id}"
measure = "trunk"
keyframe = "key"
unit = "deg"
tau = 8.0

[[reference]]
feature = "{id}"
kind = "range"
lo = -{HALF_WIDTH:?}
hi = {HALF_WIDTH:?}
source = ["none"]

[[evidence]]
issue = "{issue}"
feature = "{id}"
direction = "above"
t_min = 5.0
t_max = 20.0
w = {weight:?}
rationale = "simulated"
source = ["none"]
"#
            );
        }
    }
    text
}
