//! The layout that vector loops read.

use std::ops::Range;

use crate::dtw::frames::Frames;

/// Cells computed at a time. Ranges are rounded up to it, so that no loop has a remainder; all buffers are padded.
pub(super) const LANES: usize = 16;

/// Frames channel by channel, so that neighbouring frames lie side by side.
#[derive(Debug, Clone)]
pub(crate) struct Lanes {
    values: Vec<f64>,
    stride: usize,
    num_channels: usize,
}

impl Lanes {
    /// Room for `num_frames`.
    pub(super) fn with_capacity(num_frames: usize, num_channels: usize) -> Self {
        let stride = num_frames + LANES;
        Self { values: vec![0.0; stride * num_channels], stride, num_channels }
    }

    /// All frames, the last one first: along an anti-diagonal rows go down as columns go up.
    pub(super) fn reversed(frames: &Frames) -> Self {
        let num_frames = frames.num_frames();
        let mut lanes = Self::with_capacity(num_frames, frames.num_channels);
        for (idx, frame) in frames.values.chunks_exact(frames.num_channels).rev().enumerate() {
            lanes.set(idx, frame);
        }
        lanes
    }

    /// Replaces what is held by `range` of `frames`, first frame first.
    pub(super) fn load(&mut self, frames: &Frames, range: Range<usize>) {
        let chunk = &frames.values[range.start * self.num_channels..range.end * self.num_channels];
        for (idx, frame) in chunk.chunks_exact(self.num_channels).enumerate() {
            self.set(idx, frame);
        }
    }

    fn set(&mut self, idx: usize, frame: &[f64]) {
        for (channel, &value) in frame.iter().enumerate() {
            self.values[channel * self.stride + idx] = value;
        }
    }

    /// Each channel in turn.
    #[inline(always)]
    pub(super) fn channels(&self) -> std::slice::ChunksExact<'_, f64> {
        self.values.chunks_exact(self.stride)
    }
}
