//! Any text as a list of measurements, assessed by every shipped event. `cargo +nightly fuzz run measurements` in
//! `crates/kismam`.
#![no_main]

use std::sync::LazyLock;

use kismam::{Assessor, KnowledgeBase, Measurement};
use libfuzzer_sys::fuzz_target;

static SHIPPED: LazyLock<Vec<KnowledgeBase>> = LazyLock::new(KnowledgeBase::shipped);

fuzz_target!(|text: &str| {
    let Ok(rows) = serde_json::from_str::<Vec<Measurement>>(text) else { return };
    for kb in SHIPPED.iter() {
        for event in kb.events() {
            let assessor = Assessor::new(kb, &event.id).unwrap().with_template(&rows);
            if let Ok(assessment) = assessor.assess(&rows) {
                assert!(assessment.issues.is_empty(), "a recording against itself has an issue");
                let json = serde_json::to_string(&assessment).unwrap();
                serde_json::from_str::<kismam::Assessment>(&json).expect("numbers only");
            }
        }
    }
});
