//! When each frame is shown.

/// Presentation times of all frames, in order.
///
/// Frame `i` is on screen from `timestamp_s(i)` until the next frame's time. Rates vary in real files, so time never
/// comes from `index / fps`.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    timestamps_s: Vec<f64>,
    end_s: f64,
}

impl Timeline {
    /// Takes ascending, finite times and the moment when the last frame leaves the screen.
    pub(crate) fn new(timestamps_s: Vec<f64>, end_s: f64) -> Self {
        debug_assert!(timestamps_s.is_sorted());
        let last = timestamps_s.last().copied().unwrap_or(0.0);
        Self { timestamps_s, end_s: end_s.max(last) }
    }

    /// Frames at a constant rate, the first at 0 s.
    pub(crate) fn constant(num_frames: usize, fps: f64) -> Self {
        Self::new((0..num_frames).map(|i| i as f64 / fps).collect(), num_frames as f64 / fps)
    }

    /// Number of frames.
    #[must_use]
    pub fn num_frames(&self) -> usize {
        self.timestamps_s.len()
    }

    /// Presentation time of frame `index`, in seconds; `None` beyond the end.
    #[must_use]
    pub fn timestamp_s(&self, index: usize) -> Option<f64> {
        self.timestamps_s.get(index).copied()
    }

    /// All presentation times, in seconds, ascending.
    #[must_use]
    pub fn timestamps_s(&self) -> &[f64] {
        &self.timestamps_s
    }

    /// When the first frame appears, in seconds. Not always 0: a file may begin with an empty edit.
    #[must_use]
    pub fn start_s(&self) -> f64 {
        self.timestamps_s.first().copied().unwrap_or(0.0)
    }

    /// When the last frame leaves the screen, in seconds.
    #[must_use]
    pub fn end_s(&self) -> f64 {
        self.end_s
    }

    /// Seconds from the first frame's appearance to the last frame's end.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        self.end_s - self.start_s()
    }

    /// Average frames per second, `num_frames / duration_s`; 0 where the duration is 0.
    #[must_use]
    pub fn fps(&self) -> f64 {
        let duration_s = self.duration_s();
        if duration_s > 0.0 { self.num_frames() as f64 / duration_s } else { 0.0 }
    }

    /// Whether steps between frames differ by more than a tenth of their mean.
    #[must_use]
    pub fn is_variable_rate(&self) -> bool {
        let steps = || self.timestamps_s.windows(2).map(|pair| pair[1] - pair[0]);
        let mean = steps().sum::<f64>() / self.num_frames().saturating_sub(1).max(1) as f64;
        steps().any(|step| (step - mean).abs() > 0.1 * mean)
    }

    /// The frame on screen at `time_s`: the last one that appeared by then.
    ///
    /// Before the first frame and after the end this is the first and the last frame; `None` for a video without
    /// frames or a time that is not a number. Times within a microsecond of a frame's own count as its own, so that
    /// a time that was printed and read again finds its frame.
    #[must_use]
    pub fn frame_at(&self, time_s: f64) -> Option<usize> {
        if time_s.is_nan() || self.timestamps_s.is_empty() {
            return None;
        }
        let shown = self.timestamps_s.partition_point(|&t| t <= time_s + TIME_TOLERANCE_S);
        Some(shown.saturating_sub(1))
    }
}

/// Rounding of printed times, well below the step of any camera.
pub(crate) const TIME_TOLERANCE_S: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_stays_until_the_next_one() {
        let timeline = Timeline::new(vec![0.0, 0.1, 3600.0], 3600.1);
        for (time_s, expected) in
            [(-1.0, 0), (0.05, 0), (0.1, 1), (1800.0, 1), (3600.0, 2), (9999.0, 2)]
        {
            assert_eq!(timeline.frame_at(time_s), Some(expected), "at {time_s} s");
        }
        assert_eq!(timeline.frame_at(f64::NAN), None);
        assert!(timeline.is_variable_rate());
        assert!(!Timeline::constant(90, 29.97).is_variable_rate());
    }

    #[test]
    fn printed_times_find_their_frame() {
        let timeline = Timeline::constant(1000, 30000.0 / 1001.0);
        for i in 0..1000 {
            let printed: f64 = format!("{:.6}", timeline.timestamp_s(i).unwrap()).parse().unwrap();
            assert_eq!(timeline.frame_at(printed), Some(i));
        }
    }
}
