/// Unit of a measured signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignalUnit {
    /// Degrees.
    Degrees,
    /// Multiples of the athlete's own leg length (median thigh + shank).
    LegLengths,
    /// A ratio of two lengths.
    Ratio,
}

impl SignalUnit {
    /// `deg`, `leg lengths` or `ratio`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SignalUnit::Degrees => "deg",
            SignalUnit::LegLengths => "leg lengths",
            SignalUnit::Ratio => "ratio",
        }
    }
}

/// One measure over time, with its uncertainty.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// A value a frame; NaN where it cannot be measured.
    pub values: Vec<f64>,
    /// One standard deviation a frame, in the same unit; NaN where the value is.
    pub sigma: Vec<f64>,
    /// Unit of both.
    pub unit: SignalUnit,
}

impl Signal {
    /// Value and sigma at a sub-frame position, interpolated linearly; `None` where either neighbour is unmeasured.
    #[must_use]
    pub fn at(&self, frame: f64) -> Option<(f64, f64)> {
        let last = self.values.len().checked_sub(1)?;
        if !(0.0..=last as f64).contains(&frame) {
            return None;
        }
        let before = frame.floor() as usize;
        let (after, t) = ((before + 1).min(last), frame - frame.floor());
        // A whole frame must not depend on its successor: 0 * NaN is NaN.
        let mix =
            |v: &[f64]| if t == 0.0 { v[before] } else { (1.0 - t) * v[before] + t * v[after] };
        let (value, sigma) = (mix(&self.values), mix(&self.sigma));
        (value.is_finite() && sigma.is_finite()).then_some((value, sigma))
    }

    /// Share of frames, 0..=1, that could be measured.
    #[must_use]
    pub fn measured_share(&self) -> f64 {
        let measured = self.values.iter().filter(|v| v.is_finite()).count();
        if self.values.is_empty() { 0.0 } else { measured as f64 / self.values.len() as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_frames_are_mixed_and_unmeasured_neighbours_refused() {
        let signal = Signal {
            values: vec![10.0, 20.0, f64::NAN],
            sigma: vec![3.0, 5.0, f64::NAN],
            unit: SignalUnit::Degrees,
        };
        assert_eq!(signal.at(0.5), Some((15.0, 4.0)));
        assert_eq!(signal.at(1.0), Some((20.0, 5.0)));
        assert_eq!(signal.at(1.5), None);
        assert_eq!(signal.at(2.0), None);
        assert_eq!(signal.at(-0.1), None);
        assert_eq!(signal.at(f64::NAN), None);
        assert!((signal.measured_share() - 2.0 / 3.0).abs() < 1e-12);
    }
}
