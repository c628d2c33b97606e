//! Against what Pillow 13.0.0 made, `tests/fixtures/pillow.py`.

use frame_tool::{Filter, Video, VideoOptions, resize};
use sha2::{Digest, Sha256};

#[test]
fn equals_pillow_bit_for_bit() {
    let golden = include_str!("../fixtures/pillow.txt");
    for line in golden.lines() {
        let fields: Vec<_> = line.split(' ').collect();
        let size =
            |i: usize| (fields[i].parse::<u32>().unwrap(), fields[i + 1].parse::<u32>().unwrap());
        let ((width, height), to) = (size(1), size(3));
        let filter = if fields[0] == "bicubic" { Filter::Bicubic } else { Filter::Bilinear };
        let mut picture = Vec::new();
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            picture.extend((0..3).map(|c| ((7 * x + 13 * y + 29 * c + x * y * c) % 256) as u8));
        }
        let ours = resize(&picture, (width, height), to, filter).unwrap();
        let sum: String = Sha256::digest(&ours).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sum, fields[5], "{line}");
    }
    assert_eq!(golden.lines().count(), 16);
}

#[test]
fn wrong_shapes_are_refused() {
    assert!(resize(&[0; 12], (2, 2), (1, 1), Filter::Bicubic).is_ok());
    assert!(resize(&[0; 11], (2, 2), (1, 1), Filter::Bicubic).is_err());
    assert!(resize(&[], (0, 0), (1, 1), Filter::Bicubic).is_err());
    assert!(resize(&[0; 12], (2, 2), (0, 1), Filter::Bicubic).is_err());
}

#[test]
fn frames_fit_in_640_by_360_unless_told_otherwise() {
    let frames = vec![vec![9; 1280 * 721 * 3]];
    let video = Video::from_frames(1280, 721, frames, 10.0, &VideoOptions::new()).unwrap();
    assert_eq!(video.frame_size(), (639, 360));
    let frame = video.frame(0).unwrap();
    assert_eq!((frame.width(), frame.height()), (639, 360));
    assert_eq!(frame.rgb().len(), 639 * 360 * 3);
}
