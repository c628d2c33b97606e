//! Whatever the bytes: no panic, an error that says what is wrong or a result made of numbers.

use std::sync::LazyLock;

use kismam::{Assessor, Error, KnowledgeBase, Measurement, Side};
use proptest::prelude::*;

use crate::files::valid;

/// A made-up file with a few lines, keys and values changed.
fn mangled() -> impl Strategy<Value = String> {
    let lines = valid().lines().map(str::to_owned).collect::<Vec<_>>();
    let junk = prop_oneof![
        Just("nan".to_owned()),
        Just("-inf".to_owned()),
        Just("1e308".to_owned()),
        Just("-5.0".to_owned()),
        Just("\"\"".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("\"asymmetry\"".to_owned()),
        Just("\"both\"".to_owned()),
        "\\PC{0,8}",
    ];
    prop::collection::vec((0..200_usize, 0..4_u8, junk), 1..4).prop_map(move |edits| {
        let mut lines = lines.clone();
        for (at, how, junk) in edits {
            let at = at % lines.len();
            match (how, lines[at].split_once(" = ")) {
                (0, _) => {
                    lines.remove(at);
                }
                (1, _) => lines.insert(at, junk),
                (2, _) => lines.insert(at, lines[at].clone()),
                (_, Some((key, _))) => lines[at] = format!("{key} = {junk}"),
                (_, None) => lines[at] = junk,
            }
        }
        lines.join("\n")
    })
}

/// Whatever the text says: no panic, and nothing but numbers comes out.
fn survive(text: &str) {
    let both = [KnowledgeBase::from_toml(text, "t"), KnowledgeBase::from_json(text, "t")];
    for kb in both.into_iter().flatten() {
        let _ = (kb.lint(), kb.lint_summary(), kb.diff(&kb), kb.hash().len());
        for event in kb.events() {
            let _ = kb.matrix(&event.id).map(|matrix| matrix.to_csv());
            let Ok(assessor) = Assessor::new(&kb, &event.id) else { continue };
            let measurements = |value: f64| {
                let sides = [None, Some(Side::Left), Some(Side::Right)];
                let rows = assessor.features().iter().flat_map(|feature| {
                    sides.map(|side| Measurement {
                        side,
                        ..Measurement::new(&feature.id, value, 3.0)
                    })
                });
                rows.filter(|row| assessor.assess(std::slice::from_ref(row)).is_ok())
                    .collect::<Vec<_>>()
            };
            for value in [-1e9, 0.0, 30.0, 1e9] {
                let Ok(assessment) = assessor.assess(&measurements(value)) else { continue };
                let _ =
                    (assessment.to_text(kismam::Lang::En), assessment.to_text(kismam::Lang::Zh));
                // JSON has no NaN and no infinity: serde_json writes null, which does not read back.
                let json = serde_json::to_string(&assessment).unwrap();
                let back: kismam::Assessment = serde_json::from_str(&json).expect(text);
                assert_eq!(back.event, assessment.event);
            }
        }
    }
}

#[test]
fn extreme_values_in_any_field_never_panic_or_leak() {
    let lines: Vec<String> = valid().lines().map(str::to_owned).collect();
    for (at, line) in lines.iter().enumerate() {
        let Some((key, _)) = line.split_once(" = ") else { continue };
        for value in [
            "nan", "inf", "-inf", "1e308", "-1e308", "1e-308", "1e6", "0.0", "-1.0", "\"\"", "[]",
            "true",
        ] {
            let mut edited = lines.clone();
            edited[at] = format!("{key} = {value}");
            survive(&edited.join("\n"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn mangled_files_never_panic(text in mangled()) {
        survive(&text);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
        survive(&text);
    }
}

/// The files that come with the crate.
static SHIPPED: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
});

/// A shipped file with some stretches cut, doubled, or replaced by bytes or by a stretch from elsewhere.
fn mutated() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..60_usize, 0..4_u8);
    let bytes = prop::collection::vec(any::<u8>(), 0..6);
    (any::<prop::sample::Index>(), prop::collection::vec((edit, bytes), 1..6)).prop_map(
        |(file, edits)| {
            let mut text = file.get(&SHIPPED).clone().into_bytes();
            for ((at, from, length, how), bytes) in edits {
                let at = at.index(text.len());
                let end = (at + length).min(text.len());
                let from = from.index(text.len());
                let elsewhere = text[from..(from + length).min(text.len())].to_vec();
                match how {
                    0 => drop(text.drain(at..end)),
                    1 => drop(text.splice(at..at, elsewhere)),
                    2 => drop(text.splice(at..end, elsewhere)),
                    _ => drop(text.splice(at..end.min(at + bytes.len()), bytes)),
                }
                if text.is_empty() {
                    text.push(b'x');
                }
            }
            String::from_utf8_lossy(&text).into_owned()
        },
    )
}

/// A list of measurements as JSON with some values that do not belong there.
fn measurements() -> impl Strategy<Value = String> {
    let feature = prop_oneof![
        Just("knee@bottom".to_owned()),
        Just("trunk@bottom".to_owned()),
        Just("hip@fast_up".to_owned()),
        "[a-z@_\"\\\\]{0,12}",
    ];
    let number = || {
        prop_oneof![
            4 => (-200.0..200.0_f64).prop_map(|x| x.to_string()),
            1 => any::<f64>().prop_map(|x| format!("{x:e}")),
            1 => Just("1e999".to_owned()),
            1 => Just("null".to_owned()),
            1 => Just("NaN".to_owned()),
            1 => Just("\"3\"".to_owned()),
        ]
    };
    let side = prop_oneof![
        Just(r#""left""#),
        Just(r#""right""#),
        Just("null"),
        Just(r#""both""#),
        Just("1")
    ];
    let row = (feature, number(), number(), number(), side, any::<bool>()).prop_map(
        |(feature, value, sigma, timing, side, timed)| {
            let timing = if timed { format!(r#","timing":{timing}"#) } else { String::new() };
            format!(
                r#"{{"feature":"{feature}","value":{value},"sigma":{sigma},"side":{side}{timing}}}"#
            )
        },
    );
    prop::collection::vec(row, 0..5).prop_map(|rows| format!("[{}]", rows.join(",")))
}

/// Good measurements, one number replaced: what is accepted must give numbers, what is refused must say where.
fn assess_text(kb: &KnowledgeBase, text: &str) {
    let Ok(rows) = serde_json::from_str::<Vec<Measurement>>(text) else { return };
    match Assessor::new(kb, "squat").unwrap().with_template(&rows).assess(&rows) {
        Ok(assessment) => {
            let json = serde_json::to_string(&assessment).unwrap();
            let back: kismam::Assessment = serde_json::from_str(&json).expect(text);
            assert_eq!(back.event, "squat");
            assert!(back.issues.is_empty(), "{text}"); // against itself
        }
        Err(error) => assert!(error.to_string().contains("measurement"), "{text}: {error}"),
    }
}

#[test]
fn files_that_are_no_text_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("binary.toml");
    std::fs::write(&path, [0x7f, b'E', b'L', b'F', 0xff, 0xfe, 0]).unwrap();
    let error = KnowledgeBase::read(&path).unwrap_err();
    assert!(matches!(&error, Error::Read { .. }) && error.to_string().contains("binary.toml"));
    assert!(matches!(KnowledgeBase::read(folder.path()), Err(Error::Read { .. })));
    std::fs::write(&path, "").unwrap();
    let error = KnowledgeBase::read(&path).unwrap_err();
    assert!(
        error.to_string().contains("binary.toml") && error.to_string().contains("kb"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1200, ..ProptestConfig::default() })]

    #[test]
    fn mutated_knowledge_never_panics(text in mutated()) {
        survive(&text);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survive(&String::from_utf8_lossy(&bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_measurements_never_panic(text in measurements()) {
        static SQUAT: LazyLock<KnowledgeBase> = LazyLock::new(|| {
            KnowledgeBase::shipped().into_iter().find(|kb| kb.event("squat").is_some()).unwrap()
        });
        assess_text(&SQUAT, &text);
    }
}
