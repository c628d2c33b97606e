//! A smooth curve through key postures.

use super::posture::Posture;

/// Cubic Hermite curve whose tangents never overshoot (Fritsch & Butland 1984): a joint that is
/// furthest in a key posture turns exactly there.
#[derive(Debug)]
pub(super) struct Curve {
    times_s: Vec<f64>,
    values: Vec<[f64; Posture::NUM_ANGLES]>,
    tangents: Vec<[f64; Posture::NUM_ANGLES]>,
}

impl Curve {
    /// `keys` are (time in seconds, posture), at strictly increasing times.
    pub(super) fn through(keys: &[(f64, Posture)]) -> Self {
        let times_s: Vec<f64> = keys.iter().map(|k| k.0).collect();
        let values: Vec<_> = keys.iter().map(|k| k.1.to_array()).collect();
        let mut tangents = vec![[0.0; Posture::NUM_ANGLES]; keys.len()];
        for i in 1..keys.len() - 1 {
            let (before, after) = (times_s[i] - times_s[i - 1], times_s[i + 1] - times_s[i]);
            for angle in 0..Posture::NUM_ANGLES {
                let rise = (values[i][angle] - values[i - 1][angle]) / before;
                let next = (values[i + 1][angle] - values[i][angle]) / after;
                if rise * next > 0.0 {
                    // Weighted harmonic mean of the two slopes.
                    let (w1, w2) = (2.0 * after + before, after + 2.0 * before);
                    tangents[i][angle] = (w1 + w2) / (w1 / rise + w2 / next);
                }
            }
        }
        Self { times_s, values, tangents }
    }

    pub(super) fn end_s(&self) -> f64 {
        self.times_s[self.times_s.len() - 1]
    }

    /// The posture at `time_s`, held before the first and after the last key.
    pub(super) fn at(&self, time_s: f64) -> Posture {
        let time_s = time_s.clamp(self.times_s[0], self.end_s());
        let right = self.times_s.partition_point(|&t| t <= time_s).clamp(1, self.times_s.len() - 1);
        let left = right - 1;
        let width = self.times_s[right] - self.times_s[left];
        let u = (time_s - self.times_s[left]) / width;
        let (u2, u3) = (u * u, u * u * u);
        let posture = std::array::from_fn(|angle| {
            (2.0 * u3 - 3.0 * u2 + 1.0) * self.values[left][angle]
                + (u3 - 2.0 * u2 + u) * width * self.tangents[left][angle]
                + (3.0 * u2 - 2.0 * u3) * self.values[right][angle]
                + (u3 - u2) * width * self.tangents[right][angle]
        });
        Posture::from_array(posture)
    }
}
