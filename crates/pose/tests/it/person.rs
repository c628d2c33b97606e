//! Boxes worked by hand, and the tracker's promises.

use pose::{Error, Keypoint, PersonBox, Picture, Sighting, Tracker};

fn seen(points: &[[f64; 2]]) -> Vec<Keypoint> {
    points.iter().map(|&at| Keypoint { position: Some(at), score: 0.9 }).collect()
}

fn nobody() -> Vec<Keypoint> {
    vec![Keypoint { position: None, score: 0.01 }; 4]
}

#[test]
fn boxes_with_nothing_in_them_are_refused() {
    for (left, top, width, height) in [
        (0.0, 0.0, 0.0, 10.0),
        (0.0, 0.0, 10.0, -1.0),
        (f64::NAN, 0.0, 10.0, 10.0),
        (0.0, f64::INFINITY, 10.0, 10.0),
        (0.0, 0.0, 1e30, 10.0),
    ] {
        let refused = PersonBox::new(left, top, width, height);
        assert!(matches!(refused, Err(Error::PersonBox { .. })), "{left} {top} {width} {height}");
    }
    assert!(PersonBox::whole(0, 5).is_err());
    assert_eq!(PersonBox::around([]), None);
    assert_eq!(PersonBox::around([[3.0, 4.0], [9.0, 4.0]]), None);
}

#[test]
fn boxes_shrink_grow_and_overlap_as_worked_by_hand() {
    let person = PersonBox::new(10.0, 20.0, 30.0, 40.0).unwrap();
    assert_eq!(person.center(), [25.0, 40.0]);
    assert_eq!(person.grown(2.0), PersonBox::new(-5.0, 0.0, 60.0, 80.0).unwrap());
    assert_eq!(person.within(25, 1000), PersonBox::new(10.0, 20.0, 15.0, 40.0).ok());
    assert_eq!(person.within(10, 1000), None);
    let beside = PersonBox::new(25.0, 20.0, 30.0, 40.0).unwrap();
    assert_eq!(person.iou(&beside), 600.0 / 1800.0);
    assert_eq!(person.iou(&person), 1.0);
    assert_eq!(person.iou(&PersonBox::new(100.0, 0.0, 1.0, 1.0).unwrap()), 0.0);
    assert_eq!(person.towards(&beside, 0.5).left(), 17.5);
}

#[test]
fn a_walking_athlete_is_followed_across_the_picture() {
    let first = PersonBox::new(0.0, 50.0, 60.0, 120.0).unwrap();
    let mut tracker = Tracker::new(640, 360).unwrap().with_first_box(first).unwrap();
    for step in 0..100 {
        let x = 20.0 + 6.0 * f64::from(step); // pixels a picture: a run across it in 3 seconds
        let body = [[x, 60.0], [x + 30.0, 100.0], [x, 160.0], [x + 10.0, 165.0]];
        let next = tracker.next_box();
        let inside = |[px, py]: [f64; 2]| {
            (next.left() - 15.0..next.left() + next.width() + 15.0).contains(&px)
                && (next.top()..next.top() + next.height()).contains(&py)
        };
        assert!(body.into_iter().all(inside), "step {step}: {next:?} lost {body:?}");
        let expected = if x + 30.0 < 640.0 { Sighting::Seen } else { break };
        assert_eq!(tracker.update(&seen(&body)), expected);
    }
    assert!(tracker.next_box().left() > 500.0);
}

#[test]
fn an_athlete_out_of_sight_is_awaited_and_then_searched_for() {
    let first = PersonBox::new(100.0, 50.0, 60.0, 120.0).unwrap();
    let mut tracker = Tracker::new(640, 360).unwrap().with_first_box(first).unwrap();
    assert_eq!(tracker.update(&nobody()), Sighting::Unseen);
    assert_eq!(tracker.next_box(), first);
    assert_eq!(tracker.update(&nobody()), Sighting::Unseen);
    assert_eq!(tracker.update(&nobody()), Sighting::Lost);
    assert!(tracker.is_searching());
    assert_eq!(tracker.next_box(), PersonBox::whole(640, 360).unwrap());
    let back = seen(&[[400.0, 100.0], [420.0, 200.0]]);
    assert_eq!(tracker.update(&back), Sighting::Seen);
    assert_eq!(tracker.next_box().center(), [410.0, 150.0]);
}

#[test]
fn keypoints_beyond_the_picture_or_on_one_spot_are_nobody() {
    let mut tracker = Tracker::new(640, 360).unwrap();
    for body in [
        seen(&[[-50.0, 10.0], [-40.0, 90.0]]),
        seen(&[[1e9, 1e9], [2e9, 2e9]]),
        seen(&[[f64::NAN; 2], [f64::INFINITY; 2]]),
        seen(&[[5.0, 5.0], [5.0, 5.0]]),
        Vec::new(),
    ] {
        assert_eq!(tracker.update(&body), Sighting::Lost, "{body:?}");
    }
    let outside = PersonBox::new(700.0, 0.0, 10.0, 10.0).unwrap();
    assert!(matches!(tracker.with_first_box(outside), Err(Error::PersonBox { .. })));
}

#[test]
fn a_picture_needs_three_bytes_a_pixel() {
    assert!(Picture::new(2, 2, &[0; 12]).is_ok());
    for (width, height, bytes) in [(2, 2, 11), (0, 2, 0), (usize::MAX, 2, 12)] {
        let rgb = vec![0; bytes];
        let refused = Picture::new(width, height, &rgb);
        assert!(matches!(refused, Err(Error::Shape { .. })), "{width} x {height}");
    }
}
