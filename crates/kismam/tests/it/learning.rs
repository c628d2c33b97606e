//! Calibration and agreement, against SciPy and scikit-learn (`tests/fixtures/calibration.py`).

use std::collections::BTreeMap;

use kismam::metrics::{self, Agreement};
use kismam::{Assessor, Calibration, Error, Measurement};
use serde::Deserialize;

use crate::support::{Row, kb};

/// BFGS stops at a gradient of 1e-10 or at the precision of its finite differences, about 1e-6 in the parameters.
const OPTIMISER: f64 = 1e-5;

#[derive(Deserialize)]
struct Golden {
    probability: Vec<f64>,
    label: Vec<bool>,
    fits: Vec<Fit>,
    tied: Vec<f64>,
    auc: f64,
    auc_ties: f64,
}

#[derive(Deserialize)]
struct Fit {
    ridge: f64,
    intercept: f64,
    slope: f64,
}

fn golden() -> (Golden, Vec<(f64, bool)>) {
    let golden: Golden =
        serde_json::from_str(include_str!("../fixtures/calibration.json")).unwrap();
    let cases = golden.probability.iter().copied().zip(golden.label.iter().copied()).collect();
    (golden, cases)
}

#[test]
fn the_fit_is_the_one_of_scipy() {
    let (golden, cases) = golden();
    for expected in golden.fits {
        let fit = Calibration::fit(&cases, expected.ridge).unwrap();
        assert!((fit.intercept - expected.intercept).abs() < OPTIMISER, "{fit:?}");
        assert!((fit.slope - expected.slope).abs() < OPTIMISER, "{fit:?}");
    }
}

#[test]
fn the_area_is_the_one_of_scikit_learn() {
    let (golden, cases) = golden();
    assert!((metrics::auc(&cases).unwrap() - golden.auc).abs() < 1e-12);
    let tied: Vec<_> = golden.tied.iter().copied().zip(golden.label.iter().copied()).collect();
    assert!((metrics::auc(&tied).unwrap() - golden.auc_ties).abs() < 1e-12);
}

#[test]
fn issues_of_one_kind_only_are_left_out_of_the_mean() {
    let perfect = vec![(0.1, false), (0.9, true)];
    let one_kind = vec![(0.1, true), (0.9, true)];
    let cases = BTreeMap::from([("a".to_owned(), perfect), ("b".to_owned(), one_kind)]);
    assert_eq!(metrics::macro_auc(&cases), Some((1.0, 1)));
    assert_eq!(metrics::macro_auc(&BTreeMap::new()), None);
}

#[test]
fn agreement_by_hand() {
    let agreement = Agreement::of(["a", "b", "b"], ["b", "c", "d"]);
    assert_eq!(agreement, Agreement { both: 1, only_found: 1, only_expert: 2 });
    assert_eq!((agreement.precision(), agreement.iou()), (Some(0.5), Some(0.25)));
    assert_eq!(Agreement::of([], []).iou(), None);
}

#[test]
fn cases_that_cannot_be_fitted_are_refused() {
    let separable = [(0.2, false), (0.3, false), (0.7, true), (0.8, true)];
    let refused = |cases: &[(f64, bool)], ridge: f64| {
        matches!(Calibration::fit(cases, ridge), Err(Error::Calibration(_)))
    };
    assert!(refused(&[], 1.0));
    assert!(refused(&[(f64::NAN, true)], 1.0));
    assert!(refused(&[(0.5, true)], f64::NAN));
    assert!(refused(&separable, 0.0));
    assert!(Calibration::fit(&separable, 1.0).unwrap().slope > 1.0);
    assert!(refused(&[(0.5, true), (0.5, false)], 0.0)); // one probability does not determine a slope
}

#[test]
fn a_calibration_changes_the_probability_of_its_issue_alone() {
    let base =
        kb(&[vec![Row { w: 0.9, ..Row::default() }], vec![Row { w: 0.9, ..Row::default() }]]);
    let measurements = [Measurement::new("f0_0", 16.0, 2.0), Measurement::new("f1_0", 16.0, 2.0)];
    let calibration = Calibration { intercept: -1.0, slope: 1.0 };
    let plain = Assessor::new(&base, "e").unwrap().score(&measurements).unwrap();
    let calibrated = Assessor::new(&base, "e")
        .unwrap()
        .with_calibration("i0", calibration)
        .score(&measurements)
        .unwrap();
    assert!((calibrated[0].probability - calibration.apply(plain[0].probability)).abs() < 1e-15);
    assert_eq!(calibrated[1].probability, plain[1].probability);
}
