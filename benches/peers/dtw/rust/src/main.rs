//! Measures one Rust library on one case: `dtw-peers INPUTS LIBRARY CASE`.
//!
//! Prints `library,case,ns_per_cell,cpu_ms,peak_mib,value`, or nothing if the library does not offer what the case asks;
//! see `../peers.py`.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use dtw_rs::Solution;
use rustix::time::{ClockId, clock_gettime};

const MIN_RUNS: usize = 3;
const MIN_TIME: Duration = Duration::from_secs(1);
const MAX_TIME: Duration = Duration::from_secs(4);

struct Case {
    kind: String,
    num_channels: usize,
    radius: Option<usize>,
    num_cells: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, library, name] = arguments.as_slice() else {
        return Err("usage: dtw-peers INPUTS LIBRARY CASE".into());
    };
    let table = std::fs::read_to_string(Path::new(folder).join("cases.csv"))?;
    let fields: Vec<&str> = table
        .lines()
        .map(|line| line.split(',').collect())
        .find(|fields: &Vec<&str>| fields[0] == name)
        .ok_or("no such case")?;
    let case = Case {
        kind: fields[1].to_string(),
        num_channels: fields[4].parse()?,
        radius: fields[5].parse().ok(),
        num_cells: fields[6].parse::<f64>()?.max(1.0),
    };
    let read = |role: &str| -> Result<Vec<f64>, Box<dyn Error>> {
        let bytes = std::fs::read(Path::new(folder).join(format!("{name}.{role}.f64")))?;
        Ok(bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
    };
    let (query, reference) = (read("query")?, read("reference")?);
    let measured = match (library.as_str(), case.kind.as_str(), case.num_channels) {
        (_, "baseline", _) => Some((Duration::ZERO, 0.0)),
        ("augurs-dtw", "distance", 1) => {
            let dtw = augurs_dtw::Dtw::euclidean();
            let dtw = match case.radius {
                Some(radius) => dtw.with_window(radius),
                None => dtw,
            };
            Some(fastest(|| dtw.distance(&query, &reference)))
        }
        ("dtw_rs", "path", 1) => Some(fastest(|| {
            let found = dtw_rs::dtw_with_distance(&query, &reference, square);
            assert!(!found.path().is_empty());
            found.distance().sqrt()
        })),
        ("dtw_rs", "distance", 1) => Some(fastest(|| match case.radius {
            None => dtw_rs::dtw_with_distance(&query, &reference, square).distance().sqrt(),
            Some(radius) => {
                let found = dtw_rs::sakoe_chiba_with_distance(&query, &reference, radius, square);
                found.distance().sqrt()
            }
        })),
        ("dtw_rs", "distance", num_channels) => {
            let query: Vec<&[f64]> = query.chunks_exact(num_channels).collect();
            let reference: Vec<&[f64]> = reference.chunks_exact(num_channels).collect();
            Some(fastest(|| dtw_rs::dtw_with_distance(&query, &reference, squares).distance().sqrt()))
        }
        _ => None,
    };
    if let Some((elapsed, value)) = measured {
        println!(
            "{library},{name},{:.4},{:.3},{:.1},{value:.9}",
            elapsed.as_secs_f64() * 1e9 / case.num_cells,
            elapsed.as_secs_f64() * 1e3,
            peak_mib()?
        );
    }
    Ok(())
}

fn square(query: &f64, reference: &f64) -> f64 {
    (query - reference) * (query - reference)
}

fn squares(query: &&[f64], reference: &&[f64]) -> f64 {
    query.iter().zip(*reference).map(|(query, reference)| square(query, reference)).sum()
}

fn fastest(mut run: impl FnMut() -> f64) -> (Duration, f64) {
    let (mut best, mut total, mut runs, mut value) = (Duration::MAX, Duration::ZERO, 0, 0.0);
    while total < MAX_TIME && (runs < MIN_RUNS || total < MIN_TIME) {
        let start = cpu_time();
        value = std::hint::black_box(run());
        let elapsed = cpu_time() - start;
        (best, total, runs) = (best.min(elapsed), total + elapsed, runs + 1);
    }
    (best, value)
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn peak_mib() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM line")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}
