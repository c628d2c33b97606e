//! The kernel against the general code: equal to the bit, on every instruction set.

use super::*;
use crate::dtw::frames::Sequence;
use crate::dtw::subsequence::Column;
use crate::error::Role;
use crate::{Dtw, StepPattern, Window};

const LEVELS: &[Level] = &[
    Level::Baseline,
    #[cfg(target_arch = "x86_64")]
    Level::Avx2,
    #[cfg(target_arch = "x86_64")]
    Level::Avx512,
];

/// A walk in steps of a quarter, so that ties are common and sums exact, or of any size.
fn walk(seed: u64, num_frames: usize, num_channels: usize, coarse: bool) -> Frames {
    let mut state = seed;
    let mut step = move || {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        let step = state as f64 / (1u64 << 31) as f64 - 0.5;
        if coarse { (step * 8.0).round() / 4.0 } else { step }
    };
    let mut position = vec![0.0; num_channels];
    let mut values: Vec<f64> = Vec::new();
    for _ in 0..num_frames {
        position.iter_mut().for_each(|position| *position += step());
        values.extend(&position);
    }
    ndarray::Array2::from_shape_vec((num_frames, num_channels), values)
        .unwrap()
        .to_frames(Role::Query)
        .unwrap()
}

/// Kernel and general code agree to the bit, cost and path, on every instruction set.
#[track_caller]
fn check(dtw: &Dtw, query: &Frames, reference: &Frames) {
    let (num_query, num_reference) = (query.num_frames(), reference.num_frames());
    let band = dtw.band(num_query, num_reference).unwrap();
    let measure = dtw.measure(query, reference);
    let lattice = dtw.lattice(&band, num_reference);
    let general = lattice.path(|i, j| measure.between(i, j));
    let pair = dtw.pair(query, reference).unwrap().unwrap();
    for &level in LEVELS {
        let cost = pair.cost_at(level, f64::INFINITY);
        let path = pair.path_at(level, |i, j| measure.between(i, j));
        let expected = general.as_ref().map(|found| (found.cost, found.path.clone()));
        assert_eq!(cost, expected.as_ref().map_or(f64::INFINITY, |found| found.0), "{level:?}");
        assert_eq!(path, expected, "{level:?}");
    }
}

#[test]
fn the_kernel_equals_the_general_code() {
    let patterns = [StepPattern::symmetric1(), StepPattern::symmetric2()];
    let windows = [
        Window::Full,
        Window::SakoeChiba { radius: 0 },
        Window::SakoeChiba { radius: 7 },
        Window::Slanted { radius: 3 },
        Window::Itakura { max_slope: 1.7 },
    ];
    let distances = [Distance::SquaredEuclidean, Distance::Euclidean, Distance::Manhattan];
    // Across strips (32 to 512 frames), their ends, and lengths of one; both long and wide.
    let sizes = [(1, 1), (1, 40), (40, 1), (2, 2), (17, 33), (70, 64), (65, 130), (300, 45)];
    let mut seed = 1;
    for (num_query, num_reference) in sizes {
        for window in windows {
            for (pattern, penalty) in patterns.iter().zip([0.0, 0.25]) {
                for distance in distances {
                    for num_channels in [1, 3, 70] {
                        seed += 1;
                        let coarse = seed % 2 == 0;
                        let dtw = Dtw::new()
                            .with_window(window)
                            .with_step_pattern(pattern.clone())
                            .with_penalty(penalty)
                            .with_distance(distance);
                        let dtw = if seed % 3 == 0 {
                            dtw.with_channel_weights(
                                (0..num_channels).map(|k| k as f64 + 0.7).collect::<Vec<_>>(),
                            )
                        } else {
                            dtw
                        };
                        let query = walk(seed, num_query, num_channels, coarse);
                        let reference = walk(seed + 5000, num_reference, num_channels, coarse);
                        check(&dtw, &query, &reference);
                    }
                }
            }
        }
    }
}

#[test]
fn long_univariate_sequences_equal_the_general_code() {
    for (num_query, num_reference, radius) in [(700, 1300, 2000), (1300, 1250, 100), (513, 511, 3)]
    {
        let dtw = Dtw::new().with_window(Window::SakoeChiba { radius });
        for coarse in [false, true] {
            let query = walk(3, num_query, 1, coarse);
            check(&dtw, &query, &walk(4, num_reference, 1, coarse));
        }
    }
}

#[test]
fn searches_equal_frame_by_frame() {
    for (num_query, num_reference, num_channels, penalty) in [
        (1, 1, 1, 0.0),
        (1300, 40, 1, 0.0),
        (600, 530, 1, 0.5),
        (200, 9, 36, 0.0),
        (150, 90, 70, 0.25),
    ] {
        for coarse in [false, true] {
            let query = walk(7, num_query, num_channels, coarse);
            let reference = walk(8, num_reference, num_channels, coarse);
            let dtw = Dtw::new();
            let measure = dtw.measure(&query, &reference);
            let mut plain = Column::new(num_reference);
            let mut expected = Vec::new();
            for frame in 0..num_query {
                plain.advance(frame as u64, penalty, |j| measure.between(frame, j));
                expected.push((frame as u64, plain.end().0, plain.end().1));
            }
            let terms = Terms::of(Distance::SquaredEuclidean, None, [&query, &reference]).unwrap();
            for &level in LEVELS {
                let (mut column, mut ends) = (Column::new(num_reference), Vec::new());
                let mut search = Search::new(&reference, penalty);
                let half = num_query / 2;
                for frames in [0..half, half..num_query] {
                    let number = frames.start as u64;
                    let ended = |frame, cost, start| ends.push((frame, cost, start));
                    search.feed_at(level, &mut column, terms, &query, frames, number, ended);
                }
                assert_eq!(ends, expected, "{level:?}");
                assert_eq!((&column.costs, &column.starts), (&plain.costs, &plain.starts));
            }
        }
    }
}

#[test]
fn a_limit_below_the_cost_gives_up_and_one_above_does_not() {
    let (query, reference) = (walk(1, 400, 2, false), walk(2, 420, 2, false));
    let dtw = Dtw::new();
    let pair = dtw.pair(&query, &reference).unwrap().unwrap();
    let cost = pair.cost(f64::INFINITY);
    assert_eq!(pair.cost(cost), cost);
    for share in [0.01, 0.5, 0.999_999] {
        assert_eq!(pair.cost(cost * share), f64::INFINITY);
    }
}

#[test]
fn keeping_a_path_needs_far_less_than_a_byte_per_cell() {
    assert!(path::path_bytes(25_000_000) < 2_100_000); // 24 bytes times cells^(2/3)
}
