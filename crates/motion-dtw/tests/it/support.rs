//! Inputs shared by the tests.

use ndarray::Array2;

/// Random walk from a linear congruential generator; the same as in `fixtures/golden.py`.
pub(crate) fn walk(seed: u64, num_frames: usize, num_channels: usize) -> Array2<f64> {
    let mut state = seed;
    let mut position = vec![0.0; num_channels];
    Array2::from_shape_fn((num_frames, num_channels), |(_, channel)| {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        position[channel] += state as f64 / (1u64 << 31) as f64 - 0.5;
        position[channel]
    })
}

#[track_caller]
pub(crate) fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "found {found}, expected {expected} within {tolerance}"
    );
}
