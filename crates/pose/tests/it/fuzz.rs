//! Damaged files give an error or a recording, never a panic; what is read holds what a series promises.

use pose::{Cleaning, Measure, Recording, read, to_csv};
use proptest::prelude::*;

use crate::support::{in_space, standing};

fn check(name: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    check_recording(read(&path, None, Some(50.0)));
    check_recording(read(&path, None, None)); // the file's own frame rate, damaged or not
}

fn check_recording(recording: pose::Result<Recording>) {
    let Ok(Recording { series, keyframes, .. }) = recording else { return };
    assert!(series.num_frames() >= 2 && series.num_frames() < 100_000);
    assert!(series.positions().iter().all(|v| !v.is_infinite()));
    assert!(keyframes.iter().all(|(_, f)| (0.0..series.num_frames() as f64).contains(f)));
    if let Ok((cleaned, _)) = Cleaning::new().apply(&series) {
        for measure in Measure::all() {
            let signal = cleaned.measure(measure);
            assert!(
                signal
                    .values
                    .iter()
                    .zip(&signal.sigma)
                    .all(|(v, s)| v.is_nan() == s.is_nan() && !v.is_infinite())
            );
        }
    }
}

/// Replaces some bytes by ones that matter to these formats.
fn damaged(text: &str, hits: &[(prop::sample::Index, usize)]) -> String {
    const PIECES: [&str; 14] = [
        "",
        "\n",
        ",",
        "\t",
        "9",
        "-",
        "1e308",
        "nan",
        "inf",
        "\"",
        "]",
        "#",
        "\u{e9}",
        "99999999999999999999",
    ];
    let mut chars: Vec<String> = text.chars().map(String::from).collect();
    for (at, piece) in hits {
        let at = at.index(chars.len());
        chars[at] = PIECES[*piece].to_owned();
    }
    chars.concat()
}

fn hits() -> impl Strategy<Value = Vec<(prop::sample::Index, usize)>> {
    proptest::collection::vec((any::<prop::sample::Index>(), 0..14_usize), 1..6)
}

fn table() -> String {
    let keyframes = [("low".to_owned(), 1.5)];
    to_csv(&in_space(&vec![standing(); 3], 50.0), &std::collections::BTreeMap::new(), &keyframes)
        .unwrap()
}

fn coco() -> String {
    let points = |shift: f64| {
        (0..17)
            .map(|j| format!("{},{},0.9", 100.0 + shift * f64::from(j), 20 * j))
            .collect::<Vec<_>>()
            .join(",")
    };
    let entries: Vec<String> = (0..3)
        .map(|f| {
            format!(
                "{{\"image_id\":{f},\"keypoints\":[{}],\"score\":0.9}}",
                points(1.0 + f64::from(f))
            )
        })
        .collect();
    format!("[{}]", entries.join(","))
}

fn trc() -> String {
    let rows: Vec<String> =
        (0..4).map(|f| format!("{f}\t{f}\t1.{f}\t2.5\t3\t4\t5.{f}\t6\t7\t8\t9\t1\t2\t3")).collect();
    format!(
        "PathFileType\t4\nDataRate\tUnits\n50\tm\nFrame#\tTime\tRHip\t\t\tRKnee\t\t\tRAnkle\t\t\tLHip\t\t\n\t\tX1\n{}\n",
        rows.join("\n")
    )
}

#[test]
fn the_undamaged_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("a.csv", table()), ("a.json", coco()), ("a.trc", trc())] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        assert!(read(&path, None, Some(50.0)).is_ok(), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_tables(hits in hits()) {
        check("a.csv", &damaged(&table(), &hits));
    }

    #[test]
    fn damaged_coco(hits in hits()) {
        check("a.json", &damaged(&coco(), &hits));
    }

    #[test]
    fn damaged_markers(hits in hits()) {
        check("a.trc", &damaged(&trc(), &hits));
    }

    #[test]
    fn noise(text in "[ -~\n\t]{0,200}") {
        for name in ["a.csv", "a.json", "a.trc", "a_1_keypoints.json"] {
            check(name, &text);
        }
    }
}
