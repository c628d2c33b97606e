//! One picture, by what drives the cost: the sizes, and the width of the filter.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pillow_resize::{Filter, resize};

fn shrink(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resize");
    for (from, to) in [((1920, 1080), (640, 360)), ((640, 360), (644, 364))] {
        let pixels: Vec<u8> = (0..from.0 * from.1 * 3).map(|i| (i * 31 / 7) as u8).collect();
        group.throughput(Throughput::Bytes(pixels.len() as u64));
        for filter in [Filter::Bilinear, Filter::Bicubic] {
            let name = format!("from={}x{}/to={}x{}/filter={filter:?}", from.0, from.1, to.0, to.1);
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter(|| resize::<3>(black_box(&pixels), from, to, filter));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, shrink);
criterion_main!(benches);
