//! Whether a file's clock runs as evenly as its frame rate says.

use std::path::Path;

use crate::vector::median;
use crate::{Error, Result};

/// A clock may differ from the frame rate by this much (ours): times are written with three decimals at times.
const RATE_TOLERANCE: f64 = 0.03;
/// A frame may come this many frames early or late (ours): half of one is a frame that belongs to its neighbour.
const JITTER_FRAMES: f64 = 0.75;

/// Refuses a clock that contradicts the frame rate, or jumps: two recordings in one file, a variable frame rate.
///
/// `times` are frame numbers with their time in seconds; times that are not finite are passed over.
pub(super) fn check_times(
    path: &Path,
    times: impl Iterator<Item = (u64, f64)>,
    fps: f64,
) -> Result<()> {
    let times: Vec<(u64, f64)> = times.filter(|(_, time)| time.is_finite()).collect();
    let steps: Vec<(u64, f64)> = times
        .windows(2)
        .map(|pair| {
            let frames = pair[1].0.saturating_sub(pair[0].0).max(1) as f64;
            (pair[1].0, (pair[1].1 - pair[0].1) / frames)
        })
        .collect();
    let Some(step_s) = median(steps.iter().map(|(_, step)| *step)) else { return Ok(()) };
    // A millisecond either way is what rounding to three decimals does.
    if (step_s * fps - 1.0).abs() > RATE_TOLERANCE && (step_s - 1.0 / fps).abs() > 1.1e-3 {
        return Err(Error::RateMismatch { path: path.to_owned(), stated_fps: fps, step_s });
    }
    match steps.iter().find(|(_, step)| ((step - step_s) * fps).abs() > JITTER_FRAMES) {
        Some((frame, step_s)) => Err(Error::UnevenTime {
            path: path.to_owned(),
            frame: *frame,
            step_s: *step_s,
            expected_s: 1.0 / fps,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(times: &[f64], fps: f64) -> Result<()> {
        check_times(Path::new("x"), (0..).zip(times.iter().copied()), fps)
    }

    #[test]
    fn rounded_times_pass_and_jumps_or_other_rates_do_not() {
        assert!(check(&[0.0, 0.033, 0.067, 0.1, 0.133], 30.0).is_ok());
        assert!(check(&[0.0, 0.004, 0.008, 0.013, 0.017], 240.0).is_ok());
        assert!(check(&[], 30.0).is_ok() && check(&[f64::NAN, 1.0], 30.0).is_ok());
        assert!(matches!(
            check(&[0.0, 0.02, 0.04], 30.0),
            Err(Error::RateMismatch { stated_fps: 30.0, .. })
        ));
        let jump = check(&[0.0, 0.033, 0.067, 0.5, 0.533], 30.0);
        assert!(matches!(jump, Err(Error::UnevenTime { frame: 3, .. })));
    }
}
