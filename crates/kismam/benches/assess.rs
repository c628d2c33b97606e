//! How long an assessment takes. `cargo bench -p kismam`
#![allow(missing_docs)]

use std::fmt::Write;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use kismam::{Assessor, KnowledgeBase, Measurement, Side};

/// Knowledge with `num_issues` issues and `num_rows` evidence rows in all, each on a feature of its own.
fn knowledge(num_issues: usize, num_rows: usize) -> KnowledgeBase {
    let mut text = String::from(
        r#"
kb = { id = "bench", version = "1.0.0", schema = 1, licence = "CC0-1.0" }
source = [{ id = "none", cite = "bench", kind = "definition", checked = true }]
[[event]]
id = "bench"
name = { en = "Bench", zh = "测试" }
keyframes = [{ name = "key", label = { en = "key", zh = "关键帧" }, what = "none" }]
views = ["side"]
"#,
    );
    for issue in 0..num_issues {
        writeln!(text, "[[issue]]\nid = \"{issue}\"\nname = {{ en = \"{issue}\", zh = \"{issue}\" }}\nwhy = {{ en = \"-\", zh = \"-\" }}").unwrap();
    }
    for row in 0..num_rows {
        let issue = row % num_issues;
        write!(
            text,
            r#"
[[feature]]
id = "{row}"
measure = "knee"
side = "both"
keyframe = "key"
unit = "deg"
tau = 10.0
[[reference]]
feature = "{row}"
kind = "template"
[[evidence]]
issue = "{issue}"
feature = "{row}"
direction = "{direction}"
t_min = 5.0
t_max = 20.0
w = 0.6
rationale = "bench"
source = ["none"]
"#,
            direction = ["above", "below", "asymmetry"][row % 3],
        )
        .unwrap();
    }
    KnowledgeBase::from_toml(&text, "bench").unwrap()
}

fn measurements(kb: &KnowledgeBase, offset: f64) -> Vec<Measurement> {
    let rows = kb.features("bench").enumerate().flat_map(|(i, feature)| {
        let value = 80.0 + offset * ((i * 7 % 11) as f64 / 10.0 - 0.5);
        [(Side::Left, value), (Side::Right, value + 2.0)]
            .map(|(side, value)| Measurement::new(&feature.id, value, 4.0).on(side).at(10.0, 0.1))
    });
    rows.collect()
}

fn assess(criterion: &mut Criterion) {
    let kb = knowledge(60, 250);
    let (reference, athlete) = (measurements(&kb, 0.0), measurements(&kb, 60.0));
    let assessor = Assessor::new(&kb, "bench").unwrap().with_template(&reference);
    let mut group = criterion.benchmark_group("assess");
    group.bench_function(
        BenchmarkId::new("numbers", "issues=60/rows=250/measurements=500"),
        |bench| {
            bench.iter(|| assessor.score(black_box(&athlete)).unwrap());
        },
    );
    group.bench_function(
        BenchmarkId::new("records and texts", "issues=60/rows=250/measurements=500"),
        |bench| {
            bench.iter(|| assessor.assess(black_box(&athlete)).unwrap());
        },
    );
    group.finish();
}

criterion_group!(benches, assess);
criterion_main!(benches);
