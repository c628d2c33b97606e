use std::f64::consts::PI;

use crate::series::check_fps;
use crate::{Error, Result};

/// Butterworth low-pass filter, run forwards and backwards so that nothing moves in time.
///
/// The order is that of **one** pass. The "4th order, zero lag" of biomechanics is order 2 here: run twice it falls
/// off as order 4. The cut-off is **not** corrected for the second pass, as in SciPy's `filtfilt`, Pose2Sim and
/// Sports2D: at `cutoff_hz` the amplitude is halved, and the -3 dB point of order 2 run twice lies at about 0.80 of it.
#[derive(Debug, Clone)]
pub struct Butterworth {
    sections: Vec<Section>,
}

/// One second-order section in transposed direct form II, `a0 = 1`.
#[derive(Debug, Clone, Copy)]
struct Section {
    b: [f64; 3],
    a: [f64; 2],
}

impl Butterworth {
    /// Designs the filter by the bilinear transform with the cut-off pre-warped, section by section.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] unless `order` is even and in 2..=8, and `cutoff_hz` is between 0 and half of `fps`;
    /// [`Error::BadFps`].
    pub fn low_pass(order: usize, cutoff_hz: f64, fps: f64) -> Result<Self> {
        check_fps(fps)?;
        if order % 2 == 1 || !(2..=8).contains(&order) {
            let expected = "2, 4, 6 or 8".to_owned();
            return Err(Error::Setting { name: "filter order", value: order as f64, expected });
        }
        if !(cutoff_hz > 0.0 && cutoff_hz < 0.5 * fps) {
            let expected = format!("above 0 and below half the frame rate, {} Hz", 0.5 * fps);
            return Err(Error::Setting { name: "cut-off in Hz", value: cutoff_hz, expected });
        }
        let k = (PI * cutoff_hz / fps).tan();
        // Pole pair i of the analogue prototype: s^2 + 2 sin(theta) s + 1.
        let section = |i: usize| {
            let damping = 2.0 * (PI * (2 * i + 1) as f64 / (2 * order) as f64).sin();
            let norm = 1.0 + damping * k + k * k;
            let gain = k * k / norm;
            Section {
                b: [gain, 2.0 * gain, gain],
                a: [2.0 * (k * k - 1.0) / norm, (1.0 - damping * k + k * k) / norm],
            }
        };
        Ok(Self { sections: (0..order / 2).map(section).collect() })
    }

    /// Filters forwards and backwards; equal to SciPy's `filtfilt(*butter(order, ..), x)`.
    ///
    /// Both ends are extended by `3 * (order + 1)` samples mirrored through the end point (SciPy's `padtype="odd"`).
    /// Each stretch of finite values is filtered by itself; one no longer than that extension stays as it is, and
    /// what is not finite stays where it is.
    #[must_use]
    pub fn filtfilt(&self, values: &[f64]) -> Vec<f64> {
        let mut filtered = values.to_vec();
        for stretch in stretches(values) {
            if stretch.len() > self.pad_len() {
                let smooth = self.filtfilt_stretch(&values[stretch.clone()]);
                filtered[stretch].copy_from_slice(&smooth);
            }
        }
        filtered
    }

    fn pad_len(&self) -> usize {
        3 * (2 * self.sections.len() + 1)
    }

    fn filtfilt_stretch(&self, values: &[f64]) -> Vec<f64> {
        let (pad_len, last) = (self.pad_len(), values.len() - 1);
        let before = (1..=pad_len).rev().map(|i| 2.0 * values[0] - values[i]);
        let after = (1..=pad_len).map(|i| 2.0 * values[last] - values[last - i]);
        let mut padded: Vec<f64> = before.chain(values.iter().copied()).chain(after).collect();
        for _ in 0..2 {
            self.run(&mut padded);
            padded.reverse();
        }
        padded[pad_len..pad_len + values.len()].to_vec()
    }

    /// One causal pass in place, started as if the first value had lasted for ever.
    fn run(&self, values: &mut [f64]) {
        for Section { b, a } in &self.sections {
            // Unit gain at zero frequency: each section hands on the constant it was given.
            let start = values[0];
            let mut z = [start * (1.0 - b[0]), start * (b[2] - a[1])];
            for value in values.iter_mut() {
                let (x, y) = (*value, b[0] * *value + z[0]);
                z = [b[1] * x - a[0] * y + z[1], b[2] * x - a[1] * y];
                *value = y;
            }
        }
    }
}

/// Ranges of consecutive finite values.
pub(crate) fn stretches(values: &[f64]) -> Vec<std::ops::Range<usize>> {
    let mut stretches: Vec<std::ops::Range<usize>> = Vec::new();
    for (i, _) in values.iter().enumerate().filter(|(_, v)| v.is_finite()) {
        match stretches.last_mut() {
            Some(stretch) if stretch.end == i => stretch.end = i + 1,
            _ => stretches.push(i..i + 1),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_half_open_and_skip_gaps() {
        let nan = f64::NAN;
        assert_eq!(stretches(&[nan, 1.0, 2.0, nan, 3.0]), vec![1..3, 4..5]);
        assert!(stretches(&[nan]).is_empty());
    }

    #[test]
    fn a_sine_at_the_cut_off_keeps_half_of_its_amplitude() {
        let filter = Butterworth::low_pass(2, 6.0, 100.0).unwrap();
        let sine: Vec<f64> = (0..1000).map(|i| (2.0 * PI * 6.0 * i as f64 / 100.0).sin()).collect();
        let filtered = filter.filtfilt(&sine);
        // Far from the ends: |H|^2 = 1/2 exactly, no shift in time.
        for i in 400..600 {
            assert!((filtered[i] - 0.5 * sine[i]).abs() < 1e-9);
        }
    }
}
