//! Values worked by hand on tiny inputs.

use motion_dtw::{Distance, Dtw, Motion, OpenEnds, StepPattern, Stream, Window};
use ndarray::array;

#[track_caller]
fn check(query: &[f64], reference: &[f64], expected_cost: f64) {
    assert_eq!(Dtw::new().align(query, reference).unwrap().cost(), expected_cost);
}

#[test]
fn holding_a_pose_longer_costs_nothing() {
    check(&[0.0, 90.0, 90.0, 90.0, 0.0], &[0.0, 90.0, 0.0], 0.0);
}

#[test]
fn one_frame_off_costs_its_square() {
    check(&[0.0, 3.0, 0.0], &[0.0, 1.0, 0.0], 4.0);
}

#[test]
fn a_single_frame_pays_for_every_frame_of_the_other() {
    check(&[1.0], &[0.0, 2.0, 3.0], 1.0 + 1.0 + 4.0);
}

#[test]
fn equal_frames_prefer_the_diagonal() {
    let alignment = Dtw::new().align(&[5.0; 4], &[5.0; 4]).unwrap();
    assert_eq!(alignment.path().pairs(), [(0, 0), (1, 1), (2, 2), (3, 3)]);
    assert_eq!(alignment.query_frames(2), 2..3);
    assert_eq!(alignment.reference_frames(9), 0..0);
}

#[test]
fn a_window_of_one_frame_cannot_reach_further() {
    let (query, reference) = ([0.0, 0.0, 0.0, 9.0], [9.0, 0.0, 0.0, 0.0]);
    let tied =
        Dtw::new().with_window(Window::SakoeChiba { radius: 0 }).align(&query, &reference).unwrap();
    assert_eq!(tied.cost(), 162.0); // the diagonal: both nines meet zeros
}

#[test]
fn open_ends_skip_what_does_not_fit() {
    let ends = OpenEnds { query_begin: 2, query_end: 1, ..OpenEnds::default() };
    let alignment =
        Dtw::new().with_open_ends(ends).align(&[7.0, 8.0, 1.0, 2.0, 9.0], &[1.0, 2.0]).unwrap();
    assert_eq!(alignment.cost(), 0.0);
    assert_eq!(alignment.path().pairs(), [(2, 0), (3, 1)]);
}

#[test]
fn distances_follow_their_definitions() {
    let (query, reference) = (array![[3.0, 4.0]], array![[0.0, 0.0]]);
    let cost =
        |distance| Dtw::new().with_distance(distance).align(&query, &reference).unwrap().cost();
    assert_eq!(cost(Distance::SquaredEuclidean), 25.0);
    assert_eq!(cost(Distance::Euclidean), 5.0);
    assert_eq!(cost(Distance::Manhattan), 7.0);
    assert_eq!(cost(Distance::Cosine), 1.0);
    let orthogonal =
        Dtw::new().with_distance(Distance::Cosine).align(&array![[1.0, 1.0]], &array![[2.0, 2.0]]);
    assert!(orthogonal.unwrap().cost() < 1e-15); // one rounding of sqrt(2 * 8)
    assert_eq!(Dtw::new().distance(&query, &reference).unwrap(), 5.0);
}

#[test]
fn weights_choose_the_channels() {
    let (query, reference) = (array![[1.0, 100.0]], array![[0.0, 0.0]]);
    let dtw = Dtw::new().with_channel_weights([2.0, 0.0]);
    assert_eq!(dtw.align(&query, &reference).unwrap().cost(), 2.0);
}

#[test]
fn missing_values_leave_it_to_the_other_channels() {
    let full = Motion::new(array![[1.0, 1.0], [2.0, 2.0]], 60.0).unwrap();
    let gappy = Motion::new(array![[1.0, f64::NAN], [3.0, f64::NAN]], 60.0).unwrap();
    // Frame 2 differs by 1 in the one channel seen, which stands for two.
    assert_eq!(Dtw::new().align(&gappy, &full).unwrap().cost(), 2.0);
    let blind = Motion::new(array![[f64::NAN, f64::NAN]], 60.0).unwrap();
    assert_eq!(Dtw::new().align(&blind, &full).unwrap().cost(), 0.0);
}

#[test]
fn confidence_weighs_like_a_share_of_a_channel() {
    let reference = Motion::new(array![[0.0, 0.0]], 60.0).unwrap();
    let query =
        Motion::new(array![[1.0, 3.0]], 60.0).unwrap().with_confidence(array![[1.0, 0.5]]).unwrap();
    // (1 * 1 + 0.5 * 9) * 2 / 1.5
    assert_eq!(Dtw::new().align(&query, &reference).unwrap().cost(), 5.5 * 2.0 / 1.5);
}

#[test]
fn symmetric2_charges_the_diagonal_twice() {
    let dtw = Dtw::new().with_step_pattern(StepPattern::symmetric2());
    let alignment = dtw.align(&[0.0, 1.0], &[0.0, 3.0]).unwrap();
    assert_eq!(alignment.cost(), 5.0); // (1, 1) after (1, 0): 1 + 4, against 2 * 4 on the diagonal
    assert_eq!(alignment.normalized_cost(), 1.25);
}

#[test]
fn the_stream_reports_each_occurrence_once_it_is_certain() {
    let mut stream = Stream::new(&Dtw::new(), &[1.0, 2.0, 1.0], 0.5).unwrap();
    let values = [9.0, 1.0, 2.0, 2.0, 1.0, 9.0, 9.0, 1.0, 2.0, 1.0];
    let reports: Vec<_> =
        values.iter().filter_map(|&value| stream.push(&[value]).unwrap()).collect();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].frames, 1..5);
    assert_eq!(stream.finish().unwrap().frames, 7..10);
}
