//! Any text as a knowledge file: read, checked, compared, shown, applied. `cargo +nightly fuzz run knowledge knowledge/`
//! in `crates/kismam` starts from the shipped files.
#![no_main]

use kismam::{Assessor, KnowledgeBase, Lang, Measurement, Side};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let read = [KnowledgeBase::from_toml(text, "fuzz"), KnowledgeBase::from_json(text, "fuzz")];
    for kb in read.into_iter().flatten() {
        let _ = (kb.lint(), kb.lint_summary(), kb.diff(&kb));
        for event in kb.events() {
            let _ = kb.matrix(&event.id).map(|matrix| matrix.to_csv());
            let Ok(assessor) = Assessor::new(&kb, &event.id) else { continue };
            let sides = [None, Some(Side::Left), Some(Side::Right)];
            let rows = assessor.features().iter().flat_map(|feature| {
                sides.map(|side| Measurement { side, ..Measurement::new(&feature.id, 30.0, 3.0) })
            });
            let accepted = rows.filter(|row| assessor.assess(std::slice::from_ref(row)).is_ok());
            if let Ok(assessment) = assessor.assess(&accepted.collect::<Vec<_>>()) {
                let _ = (assessment.to_text(Lang::En), assessment.to_text(Lang::Zh));
                // JSON has no NaN: what was written as null does not read back.
                let json = serde_json::to_string(&assessment).unwrap();
                serde_json::from_str::<kismam::Assessment>(&json).expect("numbers only");
            }
        }
    }
});
