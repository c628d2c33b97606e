//! Runs one case in this process.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use motion_dtw::{Dtw, Stream, Window};
use ndarray::Array2;
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::case::{Case, Kind, NUM_SEQUENCES};
use crate::inputs::{self, SEEDS, Walk};

/// Each case runs at least this often, and until it has run this long; the fastest run counts.
const MIN_RUNS: usize = 3;
const MIN_TIME: Duration = Duration::from_secs(1);

/// Frames per block of the streamed case.
const BLOCK: usize = 4096;

/// Highest cost that the stream reports.
const THRESHOLD: f64 = 400.0;

/// One line of the output.
pub(crate) fn line(case: &Case, folder: &Path) -> Result<String> {
    let dtw = Dtw::new()
        .with_window(case.radius.map_or(Window::Full, |radius| Window::SakoeChiba { radius }));
    let empty = || Array2::zeros((0, case.num_channels));
    let (query, reference) =
        if inputs::are_files(case) { inputs::read(folder, case)? } else { (empty(), empty()) };
    let (elapsed, value) = match case.kind {
        Kind::Baseline => (Duration::ZERO, 0.0),
        Kind::Distance => fastest(cpu_time, || Ok(dtw.distance(&query, &reference)?))?,
        Kind::Path => fastest(cpu_time, || Ok(dtw.align(&query, &reference)?.cost().sqrt()))?,
        Kind::Subsequence => fastest(cpu_time, || Ok(dtw.find(&query, &reference)?.cost.sqrt()))?,
        Kind::Stream => once(cpu_time, || stream(case, &dtw))?,
        Kind::Pairs { num_threads } => {
            let sequences: Vec<Array2<f64>> = (0..NUM_SEQUENCES as u64)
                .map(|seed| Walk::new(seed, case.num_channels).take(case.num_query))
                .collect();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(num_threads).build()?;
            let sum = || Ok(pool.install(|| dtw.pairwise_distances(&sequences))?.iter().sum());
            fastest(wall_time, sum)?
        }
    };
    Ok(format!(
        "{},{:.4},{:.3},{:.1},{value:.9}",
        case.name,
        elapsed.as_secs_f64() * 1e9 / case.num_cells().max(1) as f64,
        elapsed.as_secs_f64() * 1e3,
        peak_mib()?
    ))
}

/// Cost of the cheapest stretch up to a threshold that few reach, of a walk that never lies in memory as a whole.
fn stream(case: &Case, dtw: &Dtw) -> Result<f64> {
    let reference = Walk::new(SEEDS.1, case.num_channels).take(case.num_reference);
    let mut stream = Stream::new(dtw, &reference, THRESHOLD)?;
    let mut walk = Walk::new(SEEDS.0, case.num_channels);
    let mut least = f64::INFINITY;
    for taken in (0..case.num_query).step_by(BLOCK) {
        let block = walk.take(BLOCK.min(case.num_query - taken));
        for found in stream.push_block(&block)? {
            least = least.min(found.cost);
        }
    }
    least = stream.finish().map_or(least, |found| least.min(found.cost));
    Ok(least.sqrt())
}

fn fastest(
    clock: fn() -> Duration,
    mut run: impl FnMut() -> Result<f64>,
) -> Result<(Duration, f64)> {
    let (mut best, mut value) = once(clock, &mut run)?;
    let (mut runs, mut total) = (1, best);
    while runs < MIN_RUNS || total < MIN_TIME {
        let (elapsed, again) = once(clock, &mut run)?;
        (runs, total, value) = (runs + 1, total + elapsed, again);
        best = best.min(elapsed);
    }
    Ok((best, value))
}

fn once(clock: fn() -> Duration, run: impl FnOnce() -> Result<f64>) -> Result<(Duration, f64)> {
    let start = clock();
    let value = std::hint::black_box(run()?);
    Ok((clock() - start, value))
}

/// Time on a processor; unlike wall time it does not count what other processes take.
fn cpu_time() -> Duration {
    duration(clock_gettime(ClockId::ProcessCPUTime))
}

fn wall_time() -> Duration {
    duration(clock_gettime(ClockId::Monotonic))
}

fn duration(time: Timespec) -> Duration {
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Most memory that this process held at a time.
fn peak_mib() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmHWM line")?;
    Ok(kib.parse::<f64>()? / 1024.0)
}
