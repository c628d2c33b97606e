//! Pictures that are lost, and those that build on them.

use std::path::Path;

use frame_tool::{Error, Frame, Video, VideoOptions};

use crate::support::{clip, full_size};

/// A clip whose `lost`th picture that others build on was taken away: its NAL unit has a type that means nothing.
fn damaged(name: &str, lost: usize) -> Video {
    let mut bytes = std::fs::read(clip(name)).unwrap();
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let mut references = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = at + number(at);
        if &bytes[at + 4..at + 8] == b"mdat" {
            let mut unit = at + 8;
            while unit < end {
                let header = bytes[unit + 4];
                if header & 0x1f == 1 && header >> 5 != 0 {
                    references.push(unit + 4);
                }
                unit += 4 + number(unit);
            }
        }
        at = end;
    }
    bytes[references[lost]] = 0x1f;
    Video::from_bytes("damaged", bytes, &full_size().with_cache_bytes(0)).unwrap()
}

/// What comes of each frame when all are asked for one by one.
fn all(video: &Video, order: impl Iterator<Item = usize>) -> Vec<(usize, Result<Frame, Error>)> {
    order.map(|frame_idx| (frame_idx, video.frame(frame_idx))).collect()
}

/// Worst case of all: a single key frame, and everything builds on everything.
#[test]
fn what_builds_on_a_lost_picture_says_so() {
    let whole = Video::open_with(clip("b_frames.mp4"), &full_size()).unwrap();
    let mut num_lost = 0;
    for lost in 0..4 {
        let video = damaged("b_frames.mp4", lost);
        let forwards = all(&video, 0..24);
        for (frame_idx, frame) in &forwards {
            match frame {
                Ok(frame) => {
                    let is_same = frame.rgb() == whole.frame(*frame_idx).unwrap().rgb();
                    assert!(is_same || frame.builds_on_damage(), "{lost}: frame {frame_idx}");
                }
                Err(Error::Decode { .. }) => num_lost += 1,
                Err(error) => panic!("{error}"),
            }
        }
        // In whatever order they are asked for.
        for (frame_idx, frame) in all(&video, (0..24).rev()) {
            match (&forwards[frame_idx].1, &frame) {
                (Ok(a), Ok(b)) => assert_eq!(
                    (a.sha256(), a.builds_on_damage()),
                    (b.sha256(), b.builds_on_damage()),
                    "{lost}: frame {frame_idx}"
                ),
                (a, b) => assert!(a.is_err() && b.is_err(), "{lost}: frame {frame_idx}"),
            }
        }
    }
    assert_eq!(num_lost, 4);
}

#[test]
fn a_key_frame_ends_the_damage() {
    let video = damaged("fragmented.mp4", 1); // a key frame every 6 frames
    let frames = all(&video, 0..24);
    let is_fine =
        |frame: &Result<Frame, Error>| frame.as_ref().is_ok_and(|frame| !frame.builds_on_damage());
    let num_fine = frames.iter().filter(|(_, frame)| is_fine(frame)).count();
    assert!((18..23).contains(&num_fine), "{num_fine}");
}

#[test]
fn a_recorded_clip_with_a_lost_picture() {
    let path =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/video/corrupted.mp4"));
    if !path.exists() {
        eprintln!("skipped: no {}", path.display());
        return;
    }
    let video = Video::open_with(path, &VideoOptions::new()).unwrap();
    let frames = all(&video, 25..40);
    let marks: String = frames
        .iter()
        .map(|(_, frame)| match frame {
            Err(_) => 'x',
            Ok(frame) if frame.builds_on_damage() => '?',
            Ok(_) => '.',
        })
        .collect();
    // Frame 29 is stored behind 30 and predicted from it, 32 is stored before.
    assert_eq!(marks, "....?x?.???????");
}
