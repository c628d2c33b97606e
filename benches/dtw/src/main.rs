//! Measures `motion-dtw` on the cases that its peers are measured on: `cargo run --release -p dtw-bench` prints
//! `case,ns_per_cell,cpu_ms,peak_mib,value`, one line per case.
//!
//! - `ns_per_cell`: processor time per pair of frames inside the window, the fastest of several runs. The two `pairs`
//!   cases, which compare thread counts, give wall time instead.
//! - `peak_mib`: most memory of the case's own process, inputs and program included; `baseline` is a process without work.
//! - `value`: distance (square root of the accumulated squared cost); for `pairs` the sum over all pairs.
//!
//! Inputs are random walks, written to `--inputs` first. `benches/peers/dtw/run.sh` gives the same files to other
//! libraries.

#![allow(clippy::print_stdout, reason = "a program that prints a table")]

mod case;
mod inputs;
mod measure;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use case::CASES;

/// Measures motion-dtw; prints case,ns_per_cell,cpu_ms,peak_mib,value.
#[derive(Debug, Parser)]
struct Options {
    /// Folder for the inputs.
    #[arg(long, default_value = "target/dtw-bench")]
    inputs: PathBuf,
    /// Write the inputs and stop.
    #[arg(long)]
    write_inputs: bool,
    /// Measure this case only, in this process, and print no head; the inputs must be there.
    #[arg(long)]
    case: Option<String>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(name) = &options.case {
        let case = CASES.iter().find(|case| case.name == name).with_context(|| {
            let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
            format!("no case `{name}`; there are {}", names.join(", "))
        })?;
        println!("{}", measure::line(case, &options.inputs)?);
        return Ok(());
    }
    inputs::write(&options.inputs)?;
    if options.write_inputs {
        return Ok(());
    }
    println!("case,ns_per_cell,cpu_ms,peak_mib,value");
    let program = std::env::current_exe().context("own path")?;
    for case in CASES {
        // A process of its own, so that its peak memory is its own.
        let mut child = Command::new(&program);
        child.args(["--case", case.name, "--inputs"]).arg(&options.inputs);
        ensure!(child.status()?.success(), "case `{}` failed", case.name);
    }
    Ok(())
}
