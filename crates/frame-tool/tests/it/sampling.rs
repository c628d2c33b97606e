//! Against NumPy and PyTorch (`tests/fixtures/sampling.py`), and by hand.

use frame_tool::{Ends, Error, Rule, Video, VideoOptions, Window, pick_at_fps};
use proptest::prelude::*;

use crate::support::clip;

/// A video whose pixels do not matter.
fn video(num_frames: usize, fps: f64) -> Video {
    Video::from_frames(1, 1, vec![vec![0; 3]; num_frames], fps, &VideoOptions::new()).unwrap()
}

#[test]
fn equals_the_libraries() {
    let golden = include_str!("../fixtures/sampling.txt");
    let mut video = video(1, 30.0);
    for line in golden.lines() {
        let fields: Vec<_> = line.split(' ').collect();
        let (num_frames, k): (usize, usize) =
            (fields[1].parse().unwrap(), fields[2].parse().unwrap());
        if video.num_frames() != num_frames {
            video = self::video(num_frames, 30.0);
        }
        let rule = match fields[0] {
            "linspace_floor" => Rule::LinspaceFloor,
            "linspace_round" => Rule::LinspaceRound,
            _ => Rule::Arange,
        };
        let expected: Vec<usize> =
            fields[3].split(',').map(|index| index.parse().unwrap()).collect();
        assert_eq!(rule.pick(video.timeline(), 0..num_frames, k).unwrap(), expected, "{line}");
    }
    assert_eq!(golden.lines().count(), 45);
}

#[test]
fn by_hand() {
    let video = video(100, 10.0);
    let pick = |rule: Rule, range, k| rule.pick(video.timeline(), range, k).unwrap();
    assert_eq!(pick(Rule::Midpoints, 0..100, 4), [12, 37, 62, 87]);
    assert_eq!(pick(Rule::LinspaceFloor, 10..20, 4), [10, 13, 16, 19]);
    assert_eq!(pick(Rule::LinspaceRound, 10..20, 3), [10, 14, 19]); // 14.5 goes to the even side
    assert_eq!(pick(Rule::Times, 0..100, 3), [0, 49, 99]);
    assert_eq!(pick(Rule::Arange, 50..60, 4), [50, 52, 55, 57]);
    // Short stretches give what there is.
    for rule in Rule::ALL {
        assert_eq!(pick(rule, 5..8, 8), [5, 6, 7]);
        assert_eq!(pick(rule, 5..5, 8), [0; 0]);
    }
    assert!(Rule::Times.pick(video.timeline(), 0..101, 4).is_err());
    assert!(Rule::Times.pick(video.timeline(), 0..100, 0).is_err());
}

#[test]
fn a_variable_rate_is_sampled_by_time() {
    let video = Video::open(clip("vfr.mp4")).unwrap(); // frames at 0 3 6 7 9 12 14 15 18 21 twelfths of a second
    assert_eq!(Rule::Times.pick(video.timeline(), 0..10, 4).unwrap(), [0, 3, 6, 9]); // 0, 7, 14, 21 twelfths
    assert_eq!(pick_at_fps(video.timeline(), 0..10, 2.0, 99).unwrap(), [0, 2, 5, 8]); // 0, 6, 12, 18 twelfths
    assert_eq!(pick_at_fps(video.timeline(), 0..10, 12.0, 4).unwrap().len(), 4);
    assert!(pick_at_fps(video.timeline(), 0..10, f64::NAN, 4).is_err());
}

#[test]
fn windows_say_which_ends_belong_to_them() {
    let video = video(50, 10.0);
    let resolve = |window: Window| window.resolve(video.timeline());
    for (ends, frames, seconds) in [
        (Ends::Inclusive, 10..21, 10..21),
        (Ends::HalfOpen, 10..20, 10..20),
        (Ends::Exclusive, 11..20, 11..20),
    ] {
        assert_eq!(resolve(Window::frames(10, 20).with_ends(ends)).unwrap(), frames);
        assert_eq!(resolve(Window::seconds(1.0, 2.0).with_ends(ends)).unwrap(), seconds);
    }
    assert_eq!(resolve(Window::seconds(1.05, 1.08)).unwrap(), 10..11); // what is on screen
    assert_eq!(resolve(Window::seconds(70.0, 80.0)).unwrap(), 50..50);
    assert_eq!(resolve(Window::seconds(-5.0, 0.25)).unwrap(), 0..3);
    assert_eq!(resolve(Window::frames(7, 8).with_ends(Ends::Exclusive)).unwrap(), 8..8);
    assert!(matches!(resolve(Window::frames(20, 10)), Err(Error::InvalidSetting { .. })));
    assert!(matches!(
        resolve(Window::frames(20, 50)),
        Err(Error::FrameOutOfRange { frame_idx: 50, num_frames: 50 })
    ));
    assert!(resolve(Window::seconds(f64::NAN, 1.0)).is_err());
}

proptest! {
    /// Every rule gives ascending frames of the stretch, never more than were asked for.
    #[test]
    fn rules_stay_inside(num_frames in 1_usize..400, a in 0_usize..400, b in 0_usize..400, k in 1_usize..40) {
        let (start, end) = (a.min(b).min(num_frames), a.max(b).min(num_frames));
        let video = video(num_frames, 29.97);
        for rule in Rule::ALL {
            let picked = rule.pick(video.timeline(), start..end, k).unwrap();
            prop_assert!(picked.is_sorted_by(|x, y| x < y), "{rule:?} {picked:?}");
            prop_assert!(picked.iter().all(|frame_idx| (start..end).contains(frame_idx)));
            prop_assert_eq!(picked.len(), k.min(end - start), "{:?}", rule);
        }
    }
}
