//! What counts as equal, and what a folder has to hold.

use std::path::Path;

use super::report::Stages;
use super::*;

fn stages(run: impl FnOnce(&mut Stages) -> Result<()>) -> Report {
    let mut stages = Stages::default();
    stages.group("group", run);
    stages.finish()
}

#[test]
fn only_finite_differences_within_the_tolerance_are_ok() {
    for (found, is_ok) in [
        ([1.0, 2.0], true),
        ([1.0, 2.01], true),
        ([1.0, 2.1], false),
        ([f32::NAN, 2.0], false),
        ([f32::INFINITY, 2.0], false),
    ] {
        let report = stages(|stages| {
            stages.close("a", &found, &[1.0, 2.0], 0.02);
            Ok(())
        });
        assert_eq!(report.ok, is_ok, "{found:?}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["ok"], is_ok);
        assert_eq!(json["stages"][0]["ok"], is_ok);
    }
    let report = stages(|stages| {
        stages.close("lengths", &[1.0], &[1.0, 2.0], 1.0);
        Ok(())
    });
    assert!(!report.ok && report.stages[0].error.is_some());
    let report = stages(|stages| {
        stages.same("ids", &[1, 2, 3], &[1, 5, 3, 4]);
        Ok(())
    });
    assert_eq!((report.ok, report.stages[0].max_abs), (false, Some(2.0)));
    let report = stages(|_| anyhow::bail!("broken"));
    assert!(!report.ok);
    assert_eq!(report.stages[0].error.as_deref(), Some("broken"));
}

#[test]
fn a_folder_without_goldens_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let error = compare(dir.path(), burn::tensor::Device::flex()).unwrap_err();
    assert!(error.to_string().contains("nothing to compare"), "{error}");
    std::fs::create_dir(dir.path().join("goldens")).unwrap();
    assert!(compare(dir.path(), burn::tensor::Device::flex()).is_err());
}

#[test]
fn every_stage_of_the_fixtures_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures");
    if !Path::new(folder).exists() {
        eprintln!("skipped: {folder} is not there");
        return;
    }
    let report = compare(Path::new(folder), burn::tensor::Device::flex()).unwrap();
    assert!(report.ok, "{report}");
    assert!(report.stages.len() > 600, "{}", report.stages.len());
    for folder in ["qwen2_5_vl_tiny/", "processor/", "chat/", "tokenizer/"] {
        assert!(report.stages.iter().any(|stage| stage.name.starts_with(folder)), "{folder}");
    }
}

/// Part of a folder is compared, what is not there is left out.
#[test]
fn a_folder_of_pictures_alone_is_compared() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../crates/deepsport-model/tests/fixtures/processor"
    );
    let report = compare(Path::new(folder), burn::tensor::Device::flex()).unwrap();
    assert!(report.ok && report.stages.len() > 30, "{report}");
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(Path::new(folder).join("resize.json"), dir.path().join("resize.json")).unwrap();
    let report = compare(dir.path(), burn::tensor::Device::flex()).unwrap();
    assert_eq!((report.ok, report.stages.len()), (true, 1));
}
