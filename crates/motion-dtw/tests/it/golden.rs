//! Values of other libraries on the same inputs, made by `fixtures/golden.py`.

use std::collections::HashMap;

use motion_dtw::{Distance, Dtw, OpenEnds, SlopeWeighting, StepPattern, Window};

use crate::support::{assert_close, walk};

/// Sums of up to 5,400 terms in another order, relative.
const ROUNDING: f64 = 1e-12;

struct Golden(HashMap<String, Vec<f64>>);

impl Golden {
    fn read() -> Self {
        let lines = include_str!("../fixtures/golden.txt").lines().map(|line| {
            let mut words = line.split(' ');
            let name = format!("{} {}", words.next().unwrap(), words.next().unwrap());
            (name, words.map(|word| word.parse().unwrap()).collect())
        });
        Self(lines.collect())
    }

    #[track_caller]
    fn check(&self, name: &str, found: f64) {
        let expected = self.0[name][0];
        assert_close(found, expected, ROUNDING * expected.abs().max(1.0));
    }
}

#[test]
fn full_distances_equal_dtaidistance_and_tslearn() {
    let golden = Golden::read();
    let distance = |a: (u64, usize, usize), b: (u64, usize, usize)| {
        Dtw::new().distance(&walk(a.0, a.1, a.2), &walk(b.0, b.1, b.2)).unwrap()
    };
    golden.check("dtaidistance full_1000", distance((1, 1000, 1), (2, 1000, 1)));
    for library in ["dtaidistance", "tslearn"] {
        golden.check(&format!("{library} full_120_90"), distance((3, 120, 1), (4, 90, 1)));
        golden.check(&format!("{library} full_ndim_150_36"), distance((5, 150, 36), (6, 150, 36)));
    }
}

#[test]
fn windows_equal_dtaidistance_and_tslearn() {
    let golden = Golden::read();
    let (s, t) = (walk(3, 120, 1), walk(4, 90, 1));
    let band = |radius| Dtw::new().with_window(Window::SakoeChiba { radius });
    for window in [1, 5, 40] {
        // dtaidistance counts the diagonal into its window.
        golden.check(
            &format!("dtaidistance window_{window}"),
            band(window - 1).distance(&s, &t).unwrap(),
        );
        golden.check(
            &format!("dtaidistance window_{window}"),
            band(window - 1).distance(&t, &s).unwrap(),
        );
    }
    for radius in [0, 4, 20] {
        golden.check(
            &format!("tslearn sakoe_chiba_{radius}"),
            band(radius).distance(&s, &t).unwrap(),
        );
    }
    let (u, v) = (walk(8, 100, 1), walk(9, 100, 1));
    for max_slope in [1.5, 2.0, 4.0] {
        let dtw = Dtw::new().with_window(Window::Itakura { max_slope });
        golden.check(&format!("tslearn itakura_{max_slope:?}"), dtw.distance(&u, &v).unwrap());
    }
}

#[test]
fn penalty_and_open_ends_equal_dtaidistance() {
    let golden = Golden::read();
    let (s, t) = (walk(3, 120, 1), walk(4, 90, 1));
    let penalized = Dtw::new().with_penalty(0.3 * 0.3); // dtaidistance squares its penalty
    golden.check("dtaidistance penalty_0.3", penalized.distance(&s, &t).unwrap());
    let ends = OpenEnds { query_begin: 4, query_end: 9, reference_begin: 2, reference_end: 7 };
    golden.check(
        "dtaidistance psi_4_9_2_7",
        Dtw::new().with_open_ends(ends).distance(&s, &t).unwrap(),
    );
}

#[test]
fn the_path_equals_tslearn() {
    let alignment = Dtw::new().align(&walk(3, 120, 1), &walk(4, 90, 1)).unwrap();
    let sums =
        alignment.path().pairs().iter().fold((0, 0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    let found = [alignment.path().len() as f64, sums.0 as f64, sums.1 as f64];
    assert_eq!(Golden::read().0["tslearn path_120_90"], found);
}

#[test]
fn the_best_stretch_equals_tslearn() {
    let found = Dtw::new().find(&walk(1, 1000, 1), &walk(7, 30, 1)).unwrap();
    let expected = &Golden::read().0["tslearn subsequence_30_1000"];
    assert_eq!(
        (found.frames.start as f64, found.frames.end as f64 - 1.0),
        (expected[0], expected[1])
    );
    assert_close(found.cost.sqrt(), expected[2], ROUNDING);
}

#[test]
fn step_patterns_equal_dtw_python() {
    let golden = Golden::read();
    let (s, t) = (walk(3, 120, 1), walk(4, 90, 1));
    let check = |name: &str, pattern: StepPattern| {
        let dtw = Dtw::new().with_distance(Distance::Euclidean).with_step_pattern(pattern);
        let alignment = dtw.align(&s, &t).unwrap();
        let expected = &golden.0[&format!("dtw-python {name}")];
        assert_close(alignment.cost(), expected[0], ROUNDING * expected[0]);
        if expected[1].is_finite() {
            assert_close(alignment.normalized_cost(), expected[1], ROUNDING * expected[1]);
        }
    };
    check("symmetric1", StepPattern::symmetric1());
    check("symmetric2", StepPattern::symmetric2());
    check("asymmetric", StepPattern::asymmetric());
    check("symmetricP05", StepPattern::symmetric_p05());
    check("symmetricP1", StepPattern::symmetric_p1());
    check("symmetricP2", StepPattern::symmetric_p2());
    let weightings = [
        ("a", SlopeWeighting::Min),
        ("b", SlopeWeighting::Max),
        ("c", SlopeWeighting::Query),
        ("d", SlopeWeighting::Sum),
    ];
    for kind in 1..=7 {
        for (letter, weighting) in weightings {
            check(
                &format!("rabiner_juang_{kind}{letter}"),
                StepPattern::rabiner_juang(kind, weighting).unwrap(),
            );
        }
    }
}
