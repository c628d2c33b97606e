//! Lower bounds stay below, and speed up nothing but the search.

use motion_dtw::{Distance, Dtw, Envelope, Error, Window};
use ndarray::Array2;
use proptest::prelude::*;

use crate::support::walk;

fn motion(frames: std::ops::Range<usize>) -> impl Strategy<Value = Array2<f64>> {
    frames.prop_flat_map(|frames| {
        prop::collection::vec(-5.0..5.0f64, frames * 2)
            .prop_map(move |values| Array2::from_shape_vec((frames, 2), values).unwrap())
    })
}

proptest! {
    #[test]
    fn bounds_never_exceed_the_cost(a in motion(1..25), b in motion(1..25), radius in 0..12usize, manhattan: bool) {
        let distance = if manhattan { Distance::Manhattan } else { Distance::SquaredEuclidean };
        let dtw = Dtw::new()
            .with_distance(distance)
            .with_channel_weights([1.0, 0.5])
            .with_window(Window::SakoeChiba { radius });
        let cost = dtw.align(&a, &b).unwrap().cost() + 1e-9; // rounding of a few hundred terms
        let envelope = Envelope::new(&dtw, a.nrows(), &b).unwrap();
        let (keogh, improved) = (envelope.lb_keogh(&a).unwrap(), envelope.lb_improved(&a).unwrap());
        prop_assert!(dtw.lb_kim(&a, &b).unwrap() <= cost);
        prop_assert!(keogh <= improved);
        prop_assert!(improved <= cost, "{} {}", improved, cost);
    }

    #[test]
    fn keogh_equals_its_definition(a in motion(5..6), b in motion(5..6), radius in 0..5usize) {
        let dtw = Dtw::new().with_window(Window::SakoeChiba { radius });
        let mut expected = 0.0;
        for ((i, k), &value) in a.indexed_iter() {
            let near = (i.saturating_sub(radius)..=(i + radius).min(4)).map(|j| b[[j, k]]);
            let (low, high) = (near.clone().fold(f64::INFINITY, f64::min), near.fold(f64::NEG_INFINITY, f64::max));
            expected += if value > high { (value - high).powi(2) } else if value < low { (low - value).powi(2) } else { 0.0 };
        }
        let found = Envelope::new(&dtw, 5, &b).unwrap().lb_keogh(&a).unwrap();
        prop_assert!((found - expected).abs() < 1e-12 * expected.max(1.0));
    }
}

#[test]
fn the_nearest_candidate_is_that_of_the_plain_search() {
    let dtw = Dtw::new().with_window(Window::SakoeChiba { radius: 4 });
    let candidates: Vec<Array2<f64>> = (20..60).map(|seed| walk(seed, 50, 2)).collect();
    for seed in 100..110 {
        let query = walk(seed, 50, 2);
        let plain = candidates
            .iter()
            .map(|candidate| dtw.align(&query, candidate).unwrap().cost())
            .enumerate()
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap();
        assert_eq!(dtw.nearest(&query, &candidates).unwrap(), Some(plain));
    }
    assert_eq!(dtw.nearest(&walk(1, 50, 2), &Vec::<Array2<f64>>::new()).unwrap(), None);
}

#[test]
fn bounds_that_would_not_hold_are_refused() {
    let cosine = Dtw::new().with_distance(Distance::Cosine);
    assert_eq!(cosine.lb_kim(&[1.0], &[2.0]), Err(Error::NotBounded));
    let envelope = Envelope::new(&Dtw::new(), 3, &[1.0, 2.0]).unwrap();
    assert_eq!(envelope.lb_keogh(&[1.0]), Err(Error::FrameCount { expected: 3, found: 1 }));
}
