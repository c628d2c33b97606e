//! Angle, angular velocity and angular acceleration, `F = [Theta, alpha Theta', beta Theta'']` (Tian et al. 2025).
//!
//! Value and derivatives come from one least-squares parabola per channel and instant, fitted to the samples within a
//! fixed number of *seconds* (ours: Savitzky & Golay's filter, stated in time, and free to skip missing samples). So
//! recordings of different frame rates agree, and features exist at any instant, not only at frames.

use crate::Motion;

/// Value, first and second derivative per channel, with how well each is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Instant {
    /// `[value, per second, per second squared]` of each channel in turn.
    pub(crate) values: Vec<[f64; 3]>,
    /// Weight of each, 0 (nothing measured nearby) to 1 (every sample of the window measured).
    pub(crate) weights: Vec<[f64; 3]>,
}

/// Fits local parabolas to a motion.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalFit {
    half_width_s: f64,
}

impl LocalFit {
    /// Samples within `half_width_s` seconds take part; at least `MIN_SAMPLES` of the slower recording.
    pub(crate) fn new(half_width_s: f64, slowest_fps: f64) -> Self {
        /// Half-width in samples that still over-determines a parabola (ours).
        const MIN_HALF_WIDTH: f64 = 2.5;
        Self { half_width_s: half_width_s.max(MIN_HALF_WIDTH / slowest_fps) }
    }

    /// Features of `motion` at `time_s` seconds after its first frame, written to `out`.
    pub(crate) fn at(&self, motion: &Motion, time_s: f64, out: &mut Instant) {
        let fps = motion.fps();
        let (h, centre) = (self.half_width_s, time_s * fps);
        let reach = h * fps;
        let (lowest, highest) = ((centre - reach).ceil() as i64, (centre + reach).floor() as i64);
        let last = motion.num_frames() as i64 - 1;
        let samples = lowest.clamp(0, last + 1) as usize..(highest + 1).clamp(0, last + 1) as usize;

        let offset = |frame: f64| (frame - centre) / reach;
        let mut ideal = Moments::default();
        for frame in lowest..=highest {
            ideal.add_time(offset(frame as f64), kernel(offset(frame as f64)));
        }
        let best = ideal.variances();

        let (channels, confidence) = (motion.channels(), motion.confidence());
        out.values.clear();
        out.weights.clear();
        for channel in 0..motion.num_channels() {
            let mut moments = Moments::default();
            for frame in samples.clone() {
                let value = channels[[frame, channel]];
                if value.is_nan() {
                    continue;
                }
                let x = offset(frame as f64);
                let trust = confidence.map_or(1.0, |confidence| confidence[[frame, channel]]);
                moments.add(x, value, kernel(x) * trust);
            }
            let Some((fit, variances)) = moments.solve() else {
                out.values.push([0.0; 3]);
                out.weights.push([0.0; 3]);
                continue;
            };
            out.values.push([fit[0], fit[1] / h, 2.0 * fit[2] / (h * h)]);
            out.weights.push(std::array::from_fn(|k| (best[k] / variances[k]).clamp(0.0, 1.0)));
        }
    }
}

/// Weight of a sample at `x` half-widths from the centre: Epanechnikov's, so that samples enter and leave smoothly.
fn kernel(x: f64) -> f64 {
    (1.0 - x * x).max(0.0)
}

/// Weighted sums of powers of time and of the values.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    time: [f64; 5],
    value: [f64; 3],
    count: usize,
    origin: f64,
}

impl Moments {
    fn add_time(&mut self, x: f64, weight: f64) {
        let mut power = weight;
        for sum in &mut self.time {
            *sum += power;
            power *= x;
        }
    }

    fn add(&mut self, x: f64, value: f64, weight: f64) {
        if weight <= 0.0 {
            return;
        }
        if self.count == 0 {
            self.origin = value; // sums of differences lose fewer digits than sums of angles
        }
        self.count += 1;
        let value = value - self.origin;
        self.add_time(x, weight);
        self.value[0] += weight * value;
        self.value[1] += weight * value * x;
        self.value[2] += weight * value * x * x;
    }

    /// Inverse of the normal matrix `[[t0 t1 t2] [t1 t2 t3] [t2 t3 t4]]`, row by row; `None` if it is near singular.
    fn inverse(&self) -> Option<[[f64; 3]; 3]> {
        let [t0, t1, t2, t3, t4] = self.time;
        let (c00, c01, c02) = (t2 * t4 - t3 * t3, t2 * t3 - t1 * t4, t1 * t3 - t2 * t2);
        let determinant = t0 * c00 + t1 * c01 + t2 * c02;
        // Relative to t0^3 a well-spread window gives about 1e-2; 1e-7 is a window with samples at one end only.
        if determinant.is_nan() || determinant <= 1e-7 * t0 * t0 * t0 {
            return None;
        }
        let (c11, c12, c22) = (t0 * t4 - t2 * t2, t1 * t2 - t0 * t3, t0 * t2 - t1 * t1);
        let scale = 1.0 / determinant;
        Some([
            [c00 * scale, c01 * scale, c02 * scale],
            [c01 * scale, c11 * scale, c12 * scale],
            [c02 * scale, c12 * scale, c22 * scale],
        ])
    }

    /// Variance of the three coefficients for unit noise, infinite where they are not determined.
    fn variances(&self) -> [f64; 3] {
        self.inverse().map_or([f64::INFINITY; 3], |inverse| std::array::from_fn(|k| inverse[k][k]))
    }

    /// Coefficients of the parabola and their variances for unit noise.
    fn solve(&self) -> Option<([f64; 3], [f64; 3])> {
        if self.count < 4 {
            return None;
        }
        let inverse = self.inverse()?;
        let mut fit: [f64; 3] =
            std::array::from_fn(|k| (0..3).map(|l| inverse[k][l] * self.value[l]).sum());
        fit[0] += self.origin;
        Some((fit, std::array::from_fn(|k| inverse[k][k])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn parabola(fps: f64, missing: impl Fn(usize) -> bool) -> Motion {
        let values = Array2::from_shape_fn((60, 1), |(frame, _)| {
            let t = frame as f64 / fps;
            if missing(frame) { f64::NAN } else { 20.0 - 30.0 * t + 40.0 * t * t }
        });
        Motion::new(values, fps).unwrap()
    }

    #[track_caller]
    fn check(motion: &Motion, time_s: f64) -> Instant {
        let mut out = Instant::default();
        LocalFit::new(0.12, 60.0).at(motion, time_s, &mut out);
        let expected = [20.0 - 30.0 * time_s + 40.0 * time_s * time_s, -30.0 + 80.0 * time_s, 80.0];
        for (found, expected) in out.values[0].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-8, "{found} {expected}"); // rounding of a 3 x 3 solve
        }
        out
    }

    #[test]
    fn a_parabola_is_reproduced_at_any_instant_and_rate() {
        for fps in [50.0, 60.0, 100.0] {
            for time_s in [0.0, 0.25, 0.3217, 0.55] {
                check(&parabola(fps, |_| false), time_s);
            }
        }
    }

    #[test]
    fn gaps_lower_the_weight_but_not_the_fit() {
        let full = check(&parabola(60.0, |_| false), 0.5);
        let gappy = check(&parabola(60.0, |frame| frame % 2 == 0), 0.5);
        assert_eq!(full.weights[0], [1.0; 3]);
        assert!(
            gappy.weights[0].iter().all(|weight| (0.3..0.7).contains(weight)),
            "{:?}",
            gappy.weights
        );
    }

    #[test]
    fn nothing_measured_weighs_nothing() {
        let mut out = Instant::default();
        LocalFit::new(0.12, 60.0).at(&parabola(60.0, |frame| frame > 20), 0.8, &mut out);
        assert_eq!(out.weights[0], [0.0; 3]);
    }
}
