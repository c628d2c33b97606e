//! Access to frames: order, times, repetition, memory.

use frame_tool::{Error, Video, VideoOptions};
use proptest::prelude::*;

use crate::support::{clip, full_size, indices, made_up};

#[test]
fn frames_come_in_the_order_of_the_question() {
    let video = Video::open(clip("b_frames.mp4")).unwrap();
    let asked = [23, 0, 7, 7, 6, 22, 0];
    let frames = video.frames(&asked).unwrap();
    assert_eq!(indices(&frames), asked);
    for frame in &frames {
        assert!((frame.timestamp_s() - frame.index() as f64 / 12.0).abs() < 1e-9, "{frame:?}");
    }
    assert_eq!(frames[2].sha256(), frames[3].sha256());
    assert_ne!(frames[2].sha256(), frames[4].sha256());
}

#[test]
fn a_frame_beyond_the_end_is_named() {
    let video = Video::open(clip("b_frames.mp4")).unwrap();
    let error = video.frames(&[3, 24]).unwrap_err();
    assert!(matches!(error, Error::FrameOutOfRange { frame_idx: 24, num_frames: 24 }), "{error}");
    assert!(video.frames_in(20..25).is_err());
    assert_eq!(video.frames(&[]).unwrap().len(), 0);
    assert_eq!(video.frames_in(5..5).unwrap().count(), 0);
}

#[test]
fn bytes_and_file_give_the_same() {
    let path = clip("open_gop.mp4");
    let from_file = Video::open(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let from_bytes = Video::from_bytes("open_gop", bytes, &VideoOptions::new()).unwrap();
    for (a, b) in from_file.frames_in(0..24).unwrap().zip(from_bytes.frames_in(0..24).unwrap()) {
        assert_eq!(a.unwrap().sha256(), b.unwrap().sha256());
    }
}

#[test]
fn variable_rate_keeps_its_times() {
    let video = Video::open(clip("vfr.mp4")).unwrap();
    assert!(video.timeline().is_variable_rate());
    // Frames n of 24 at 12 a second with n divisible by 3 or 7, as the script keeps them.
    let kept = (0..24).filter(|n| n % 3 == 0 || n % 7 == 0);
    for (i, n) in kept.enumerate() {
        assert!(
            (video.timeline().timestamp_s(i).unwrap() - f64::from(n) / 12.0).abs() < 1e-3,
            "frame {i}"
        );
    }
}

#[test]
fn threads_share_a_video() {
    let video =
        Video::open_with(clip("intra_refresh.mp4"), &full_size().with_cache_bytes(0)).unwrap();
    let expected: Vec<_> =
        video.frames_in(0..24).unwrap().map(|f| f.unwrap().sha256().to_owned()).collect();
    std::thread::scope(|scope| {
        for offset in 0..4 {
            let (video, expected) = (&video, &expected);
            scope.spawn(move || {
                for step in 0..8 {
                    let frame_idx = (offset * 5 + step * 11) % 24;
                    assert_eq!(video.frame(frame_idx).unwrap().sha256(), expected[frame_idx]);
                }
            });
        }
    });
}

#[test]
fn a_video_of_frames_in_memory() {
    let frames: Vec<_> = (0..5).map(|i| made_up(i, 8, 6)).collect();
    let video = Video::from_frames(8, 6, frames.clone(), 2.5, &VideoOptions::new()).unwrap();
    assert_eq!(video.frame(3).unwrap().rgb(), frames[3]);
    assert!((video.duration_s() - 2.0).abs() < 1e-12 && (video.fps() - 2.5).abs() < 1e-12);
    assert!(Video::from_frames(8, 6, vec![vec![0; 143]], 2.5, &VideoOptions::new()).is_err());
    assert!(Video::from_frames(8, 6, Vec::new(), 2.5, &VideoOptions::new()).is_err());
    assert!(Video::from_frames(8, 6, frames, f64::NAN, &VideoOptions::new()).is_err());
}

#[test]
fn frames_that_are_drawn_are_those_that_were_there() {
    let options = VideoOptions::new().with_fit(None);
    let draw = |i: usize| (0..8 * 6 * 3).map(|at| (7 * at + 31 * i) as u8).collect::<Vec<u8>>();
    let there = Video::from_frames(8, 6, (0..5).map(draw).collect(), 2.5, &options).unwrap();
    let drawn = Video::from_fn(8, 6, 5, 2.5, draw, &options).unwrap();
    assert_eq!(drawn.timeline(), there.timeline());
    assert_eq!(drawn.description(), there.description());
    let indices = [4, 0, 3, 0];
    let rgb = |video: &Video| -> Vec<Vec<u8>> {
        video.frames(&indices).unwrap().iter().map(|frame| frame.rgb().to_vec()).collect()
    };
    assert_eq!(rgb(&drawn), rgb(&there));
    assert!(drawn.frames(&[5]).is_err());
    assert!(Video::from_fn(8, 6, 0, 2.5, draw, &options).is_err());
    assert!(Video::from_fn(8, 6, 5, f64::NAN, draw, &options).is_err());
    let short = Video::from_fn(8, 6, 2, 2.5, |i| vec![0; 144 - i], &options).unwrap();
    assert!(short.frame(0).is_ok());
    let error = short.frame(1).unwrap_err().to_string();
    assert!(error.contains("143 bytes"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is asked for, in whatever order, a frame is the same.
    #[test]
    fn access_does_not_change_frames(asked in prop::collection::vec(0_usize..24, 1..9), cache_bytes in 0_usize..40_000) {
        for name in ["b_frames.mp4", "open_gop.mp4", "intra_refresh.mp4", "fragmented.mp4"] {
            let sequential = Video::open_with(clip(name), &full_size()).unwrap();
            let expected: Vec<_> = sequential.frames_in(0..24).unwrap().map(Result::unwrap).collect();
            let video = Video::open_with(clip(name), &full_size().with_cache_bytes(cache_bytes)).unwrap();
            for part in asked.chunks(3) {
                for frame in video.frames(part).unwrap() {
                    prop_assert_eq!(frame.rgb(), expected[frame.index()].rgb());
                }
            }
        }
    }
}
