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

#[test]
fn a_limit_gives_way_to_measured_rounding_only_where_it_is_not_met() {
    let never = || -> Result<f64> { panic!("was within the limit") };
    let report = stages(|stages| {
        stages.measured_or("within", 1e-5, 0.0, 1e-4, never)?;
        stages.measured_or("explained", 2e-4, 0.0, 1e-4, || Ok(3e-4))?;
        stages.measured_or("not explained", 2e-4, 0.0, 1e-4, || Ok(1e-5))?;
        stages.measured_or("no number", f64::NAN, 0.0, 1e-4, || Ok(1.0))
    });
    let found: Vec<_> =
        report.stages.iter().map(|stage| (stage.ok, stage.tolerance, stage.advised)).collect();
    assert_eq!(found[0], (true, 1e-4, None));
    assert_eq!(found[1], (true, 3e-4, Some(1e-4)));
    assert_eq!(found[2], (false, 1e-4, None));
    assert!(!found[3].0);
}

/// Root mean square .7, rounding 1e-5 of it, four times that at most: below 2.8e-5 their sign may be that of the rounding.
#[test]
fn only_gradients_below_their_rounding_have_any_sign() {
    let gradient: Vec<f32> =
        [1.0, -1.0, 1.0, 1.0, 1e-3, 1e-4, 2e-5, -1e-7, 0.0].into_iter().collect();
    let found = rounding::unsettled(&gradient, 1e-5, 1e-3, 1e-5);
    assert_eq!(found, [false, false, false, false, false, false, true, true, false]);
}

/// Another optimiser than that of the goldens is not taken for rounding.
#[test]
fn a_wrong_optimiser_is_found() {
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../crates/deepsport-model/tests/fixtures/qwen2_5_vl_tiny"
    ));
    let dir = tempfile::tempdir().unwrap();
    for part in ["untied_f32", "goldens"] {
        std::fs::create_dir(dir.path().join(part)).unwrap();
        for entry in std::fs::read_dir(folder.join(part)).unwrap().map(Result::unwrap) {
            std::fs::copy(entry.path(), dir.path().join(part).join(entry.file_name())).unwrap();
        }
    }
    let path = dir.path().join("goldens/training_untied.json");
    let golden: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let failed = |setting: &str, value: serde_json::Value| -> Vec<String> {
        let mut golden = golden.clone();
        golden["adamw"][setting] = value;
        std::fs::write(&path, golden.to_string()).unwrap();
        let report = stages(|stages| {
            training::compare(&Model::open(dir.path(), &burn::tensor::Device::flex())?, stages)
        });
        report.stages.into_iter().filter(|stage| !stage.ok).map(|stage| stage.name).collect()
    };
    assert_eq!(failed("lr", 1e-3.into()), [""; 0]); // that of the goldens
    for (setting, value) in [
        ("lr", serde_json::json!(1.01e-3)),
        ("weight_decay", serde_json::json!(0.0)),
        ("betas", serde_json::json!([0.9, 0.999])),
        ("betas", serde_json::json!([0.8, 0.95])),
    ] {
        let failed = failed(setting, value.clone());
        assert!(failed.len() > 5, "{setting} {value}: only {failed:?} fail");
        assert!(
            failed.iter().any(|name| name.contains("after_step_")),
            "{setting} {value}: {failed:?}"
        );
    }
}
