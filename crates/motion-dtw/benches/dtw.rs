//! What drives the cost of DTW: frames, channels, window, whether a path is asked.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use motion_dtw::{Dtw, Window};
use ndarray::Array2;

/// Random walk from a linear congruential generator.
fn walk(seed: u64, num_frames: usize, num_channels: usize) -> Array2<f64> {
    let mut state = seed;
    let mut position = vec![0.0; num_channels];
    Array2::from_shape_fn((num_frames, num_channels), |(_, channel)| {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        position[channel] += state as f64 / (1u64 << 31) as f64 - 0.5;
        position[channel]
    })
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("distance");
    for (frames, channels) in [(100, 1), (1000, 1), (1000, 4), (1000, 36)] {
        let (query, reference) = (walk(1, frames, channels), walk(2, frames, channels));
        group.throughput(Throughput::Elements((frames * frames) as u64));
        group.bench_function(format!("frames={frames}/channels={channels}"), |bencher| {
            bencher.iter(|| Dtw::new().distance(black_box(&query), &reference).unwrap());
        });
    }
    group.finish();

    let (query, reference) = (walk(1, 2000, 1), walk(2, 2000, 1));
    for radius in [20, 200] {
        let dtw = Dtw::new().with_window(Window::SakoeChiba { radius });
        let name = format!("distance/frames=2000/radius={radius}");
        criterion.bench_function(&name, |bencher| {
            bencher.iter(|| dtw.distance(black_box(&query), &reference).unwrap());
        });
    }
    criterion.bench_function("align/frames=2000/channels=1", |bencher| {
        bencher.iter(|| Dtw::new().align(black_box(&query), &reference).unwrap());
    });
    let (query, reference) = (walk(1, 3000, 36), walk(2, 300, 36));
    criterion.bench_function("find/query=3000/reference=300/channels=36", |bencher| {
        bencher.iter(|| Dtw::new().find(black_box(&query), &reference).unwrap());
    });
}

criterion_group! {
    name = dtw;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = benches
}
criterion_main!(dtw);
