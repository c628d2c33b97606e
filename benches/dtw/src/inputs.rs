//! Random walks, the same for every library: written once, as little-endian `f64`, frame by frame.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ndarray::Array2;

use crate::case::{CASES, Case, HEAD, Kind};

/// Seeds of query and reference.
pub(crate) const SEEDS: (u64, u64) = (1, 2);

/// A walk per channel, in steps of -0.5 to 0.5 from a linear congruential generator.
pub(crate) struct Walk {
    state: u64,
    position: Vec<f64>,
}

impl Walk {
    pub(crate) fn new(seed: u64, num_channels: usize) -> Self {
        Self { state: seed, position: vec![0.0; num_channels] }
    }

    /// The next frames, `[frames, channels]`.
    pub(crate) fn take(&mut self, num_frames: usize) -> Array2<f64> {
        Array2::from_shape_fn((num_frames, self.position.len()), |(_, channel)| {
            self.state = (self.state * 1_103_515_245 + 12_345) % (1 << 31);
            self.position[channel] += self.state as f64 / (1u64 << 31) as f64 - 0.5;
            self.position[channel]
        })
    }
}

/// Writes `cases.csv` and the inputs of all cases that read some.
pub(crate) fn write(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut table = format!("{HEAD}\n");
    for case in CASES.iter().filter(|case| case.has_peers()) {
        table += &format!("{}\n", case.line());
        let (query_seed, reference_seed) = SEEDS;
        for (role, seed, num_frames) in [
            ("query", query_seed, case.num_query),
            ("reference", reference_seed, case.num_reference),
        ] {
            let values = Walk::new(seed, case.num_channels).take(num_frames);
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            write_whole(&path(folder, case, role), &bytes)?;
        }
    }
    write_whole(&folder.join("cases.csv"), table.as_bytes())
}

/// Reads what [`write()`] wrote.
pub(crate) fn read(folder: &Path, case: &Case) -> Result<(Array2<f64>, Array2<f64>)> {
    let one = |role, num_frames| -> Result<Array2<f64>> {
        let path = path(folder, case, role);
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let expected = num_frames * case.num_channels * 8;
        ensure!(
            bytes.len() == expected,
            "{}: {} bytes instead of {expected}; write the inputs again",
            path.display(),
            bytes.len()
        );
        let values = bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        Ok(Array2::from_shape_vec((num_frames, case.num_channels), values)?)
    };
    Ok((one("query", case.num_query)?, one("reference", case.num_reference)?))
}

/// Whether a case's inputs lie in files.
pub(crate) fn are_files(case: &Case) -> bool {
    case.has_peers() && case.kind != Kind::Baseline
}

fn path(folder: &Path, case: &Case, role: &str) -> PathBuf {
    folder.join(format!("{}.{role}.f64", case.name))
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, bytes).with_context(|| partial.display().to_string())?;
    std::fs::rename(&partial, path).with_context(|| path.display().to_string())
}
