//! Laws that hold for any input.

use motion_dtw::{Dtw, Occurrence, StepPattern, Stream, Window};
use ndarray::Array2;
use proptest::prelude::*;

use crate::plain;

/// Sums of at most a few hundred terms below 1,000, taken in another order.
const ROUNDING: f64 = 1e-9;

fn motion(frames: std::ops::Range<usize>, channels: usize) -> impl Strategy<Value = Array2<f64>> {
    frames.prop_flat_map(move |frames| {
        prop::collection::vec(-5.0..5.0f64, frames * channels)
            .prop_map(move |values| Array2::from_shape_vec((frames, channels), values).unwrap())
    })
}

/// Coarse values, so that ties are common.
fn coarse(frames: std::ops::Range<usize>) -> impl Strategy<Value = Array2<f64>> {
    prop::collection::vec(-2..3i32, frames).prop_map(|values| {
        Array2::from_shape_vec((values.len(), 1), values.into_iter().map(f64::from).collect())
            .unwrap()
    })
}

proptest! {
    #[test]
    fn cost_equals_the_plain_table(a in motion(1..30, 3), b in motion(1..30, 3)) {
        let cost = Dtw::new().align(&a, &b).unwrap().cost();
        prop_assert!((cost - plain::cost(a.view(), b.view())).abs() < ROUNDING);
    }

    #[test]
    fn a_motion_matches_itself_frame_by_frame(a in motion(1..30, 2)) {
        let alignment = Dtw::new().align(&a, &a).unwrap();
        prop_assert_eq!(alignment.cost(), 0.0);
        prop_assert!(alignment.path().pairs().iter().all(|pair| pair.0 == pair.1));
    }

    #[test]
    fn swapping_the_inputs_keeps_the_cost(a in motion(1..25, 2), b in motion(1..25, 2), radius in 0..10usize) {
        for pattern in [StepPattern::symmetric1(), StepPattern::symmetric2()] {
            let dtw = Dtw::new().with_step_pattern(pattern).with_window(Window::SakoeChiba { radius });
            let (one, other) = (dtw.align(&a, &b).unwrap().cost(), dtw.align(&b, &a).unwrap().cost());
            prop_assert!((one - other).abs() < ROUNDING);
        }
    }

    #[test]
    fn a_wider_window_never_costs_more(a in motion(2..25, 1), b in motion(2..25, 1), radius in 0..10usize) {
        let windows: [fn(usize) -> Window; 2] =
            [|radius| Window::SakoeChiba { radius }, |radius| Window::Slanted { radius }];
        for window in windows {
            let cost = |radius| Dtw::new().with_window(window(radius)).align(&a, &b).unwrap().cost();
            prop_assert!(cost(radius + 1) <= cost(radius) + ROUNDING);
            prop_assert!((cost(60) - Dtw::new().align(&a, &b).unwrap().cost()).abs() < ROUNDING);
        }
    }

    #[test]
    fn paths_are_connected_and_pay_what_they_say(a in motion(1..25, 2), b in motion(1..25, 2), radius in 0..8usize) {
        let alignment =
            Dtw::new().with_window(Window::Slanted { radius }).align(&a, &b).unwrap();
        let pairs = alignment.path().pairs();
        prop_assert_eq!(pairs[0], (0, 0));
        prop_assert_eq!(pairs[pairs.len() - 1], (a.nrows() - 1, b.nrows() - 1));
        for step in pairs.windows(2) {
            let moved = (step[1].0 - step[0].0, step[1].1 - step[0].1);
            prop_assert!([(1, 1), (1, 0), (0, 1)].contains(&moved));
        }
        let paid: f64 =
            pairs.iter().map(|&(i, j)| (&a.row(i) - &b.row(j)).mapv(|d| d * d).sum()).sum();
        prop_assert!((paid - alignment.cost()).abs() < ROUNDING);
    }

    #[test]
    fn the_path_by_halves_costs_the_same(a in coarse(1..40), b in coarse(1..40), radius in 0..50usize) {
        for pattern in [StepPattern::symmetric1(), StepPattern::symmetric2()] {
            let dtw = Dtw::new()
                .with_window(Window::SakoeChiba { radius })
                .with_step_pattern(pattern.clone())
                .with_penalty(0.25);
            let (table, halves) =
                (dtw.align(&a, &b).unwrap(), dtw.clone().with_max_path_bytes(0).align(&a, &b).unwrap());
            prop_assert_eq!(table.cost(), halves.cost());
            let (mut paid, mut previous) = (0.0, None);
            for &(i, j) in halves.path().pairs() {
                let local = (a[[i, 0]] - b[[j, 0]]).powi(2);
                paid += match previous.map(|(pi, pj): (usize, usize)| (i - pi, j - pj)) {
                    None => local,
                    Some((1, 1)) => local * pattern.productions()[0][0].weight,
                    Some((1, 0) | (0, 1)) => local + 0.25,
                    Some(other) => return Err(TestCaseError::fail(format!("step {other:?}"))),
                };
                previous = Some((i, j));
            }
            prop_assert_eq!(paid, table.cost());
        }
    }

    #[test]
    fn giving_up_early_never_changes_an_answer(a in motion(2..25, 1), b in motion(2..25, 1), share in 0.1..2.0f64) {
        let cost = Dtw::new().align(&a, &b).unwrap().cost();
        let limited = Dtw::new().with_max_cost(cost * share).align(&a, &b);
        if share < 1.0 - 1e-9 {
            prop_assert!(limited.is_err());
        } else if share > 1.0 + 1e-9 {
            prop_assert_eq!(limited.unwrap().cost(), cost);
        }
    }

    #[test]
    fn the_best_stretch_equals_trying_all(query in motion(1..18, 2), reference in motion(1..8, 2)) {
        let found = Dtw::new().find(&query, &reference).unwrap();
        let (cost, start, end) = plain::best_stretch(query.view(), reference.view());
        prop_assert!((found.cost - cost).abs() < ROUNDING);
        prop_assert_eq!(found.frames.clone(), start..end);
        let path = Dtw::new().align_occurrence(&query, &reference, &found).unwrap();
        prop_assert!((path.cost() - cost).abs() < ROUNDING);
        prop_assert_eq!(path.path().pairs()[0], (start, 0));
    }

    #[test]
    fn further_stretches_do_not_overlap_and_cost_more(query in coarse(1..60), reference in coarse(1..6)) {
        let found = Dtw::new().find_all(&query, &reference, 4).unwrap();
        for (k, one) in found.iter().enumerate() {
            for other in &found[..k] {
                prop_assert!(other.cost <= one.cost);
                prop_assert!(one.frames.end <= other.frames.start || other.frames.end <= one.frames.start);
            }
        }
    }

    #[test]
    fn the_stream_finds_the_best_stretch(query in motion(1..60, 1), reference in motion(1..8, 1)) {
        let best = Dtw::new().find(&query, &reference).unwrap();
        let reports = stream(&query, &reference, best.cost);
        prop_assert_eq!(reports.len(), 1);
        prop_assert_eq!(&reports[0], &best);
    }

    #[test]
    fn a_stream_reports_the_same_in_blocks(
        query in coarse(1..1500),
        reference in coarse(2..6),
        block in 1..900usize,
        threshold in 0..4u8,
    ) {
        // Rare occurrences, so that whole blocks are taken at once: most of the query lies far away.
        let query = query.mapv(|value| if value == 2.0 { 0.0 } else { value * 9.0 });
        let expected = stream(&query, &reference, f64::from(threshold));
        let mut stream = Stream::new(&Dtw::new(), &reference, f64::from(threshold)).unwrap();
        let mut reports = Vec::new();
        for frames in query.axis_chunks_iter(ndarray::Axis(0), block) {
            reports.extend(stream.push_block(&frames).unwrap());
        }
        prop_assert_eq!(stream.num_frames(), query.nrows());
        reports.extend(stream.finish());
        prop_assert_eq!(reports, expected);
    }

    #[test]
    fn batches_equal_single_pairs(lengths in prop::collection::vec(1..40usize, 1..6)) {
        let sequences: Vec<Array2<f64>> = lengths.iter().enumerate()
            .map(|(seed, &frames)| crate::support::walk(seed as u64 + 1, frames, 3)).collect();
        let dtw = Dtw::new();
        let all = dtw.distances(&sequences, &sequences[1..]).unwrap();
        let pairs = dtw.pairwise_distances(&sequences).unwrap();
        prop_assert_eq!(all.dim(), (sequences.len(), sequences.len() - 1));
        prop_assert_eq!(pairs.len(), sequences.len() * (sequences.len() - 1) / 2);
        let mut pairs = pairs.into_iter();
        for (i, one) in sequences.iter().enumerate() {
            for (j, other) in sequences.iter().enumerate().skip(1) {
                let single = dtw.distance(one, other).unwrap();
                prop_assert_eq!(all[[i, j - 1]], single);
                if j > i {
                    prop_assert_eq!(pairs.next(), Some(single));
                }
            }
        }
    }

    #[test]
    fn stream_reports_are_disjoint_and_within_the_threshold(query in coarse(1..80), reference in coarse(2..6)) {
        let reports = stream(&query, &reference, 2.0);
        for pair in reports.windows(2) {
            prop_assert!(pair[0].frames.end <= pair[1].frames.start);
        }
        prop_assert!(reports.iter().all(|report| report.cost <= 2.0));
        // Any stretch below the threshold overlaps a report that costs no more.
        let table = plain::table(query.view(), reference.view(), query.nrows());
        let cheapest = table.column(reference.nrows() - 1).iter().copied().fold(f64::INFINITY, f64::min);
        prop_assert_eq!(cheapest <= 2.0, !reports.is_empty());
        if let Some(least) = reports.iter().map(|report| report.cost).min_by(f64::total_cmp) {
            prop_assert_eq!(least, cheapest);
        }
    }
}

fn stream(query: &Array2<f64>, reference: &Array2<f64>, threshold: f64) -> Vec<Occurrence> {
    let mut stream = Stream::new(&Dtw::new(), reference, threshold).unwrap();
    let mut reports: Vec<Occurrence> = query
        .rows()
        .into_iter()
        .filter_map(|frame| stream.push(frame.as_slice().unwrap()).unwrap())
        .collect();
    reports.extend(stream.finish());
    reports
}
