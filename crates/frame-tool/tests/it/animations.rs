//! Awkward animations against Pillow 13.0.0, `tests/fixtures/animations.py`: parts of the canvas, every way to dispose of a
//! frame, delays of nothing.

use frame_tool::{Frame, Video, VideoOptions};

const GOLDEN: &str = include_str!("../fixtures/animations/animations.txt");

#[track_caller]
fn check(name: &str) {
    let path = format!("{}/tests/fixtures/animations/{name}", env!("CARGO_MANIFEST_DIR"));
    let video = Video::open_with(path, &VideoOptions::new().with_fit(None)).unwrap();
    let rows = GOLDEN.lines().filter_map(|row| row.strip_prefix(name)).map(|row| {
        let fields: Vec<&str> = row.split_whitespace().collect();
        (fields[1].parse::<f64>().unwrap(), fields[2])
    });
    let rows: Vec<_> = rows.collect();
    assert_eq!((video.num_frames(), video.frame_size()), (rows.len(), (23, 17)), "{name}");
    let mut time_s = 0.0;
    for (frame, (delay_ms, sha256)) in
        video.frames_in(0..rows.len()).unwrap().map(Result::unwrap).zip(rows)
    {
        if name.ends_with("webp") {
            nearly_equal(name, &frame);
        } else {
            assert_eq!(frame.sha256(), sha256, "{name}: frame {}", frame.index());
        }
        assert!((frame.timestamp_s() - time_s).abs() < 1e-9, "{name}: frame {}", frame.index());
        // Less than 20 ms is shown for 100, as browsers do.
        time_s += if delay_ms < 20.0 { 0.1 } else { delay_ms / 1000.0 };
    }
    assert!((video.timeline().end_s() - time_s).abs() < 1e-9, "{name}");
}

/// `image-webp` cuts off where libwebp rounds when it lays one frame over another: opaque pixels lose a level.
const BLEND_TOLERANCE: u8 = 1;

fn nearly_equal(name: &str, frame: &Frame) {
    let path = format!("{}/tests/fixtures/animations/{name}.png", env!("CARGO_MANIFEST_DIR"));
    let sheet = image::open(path).unwrap().into_rgb8();
    let expected = sheet.chunks_exact(frame.rgb().len()).nth(frame.index()).unwrap();
    let differences = frame.rgb().iter().zip(expected).map(|(a, b)| a.abs_diff(*b));
    assert!(differences.max().unwrap() <= BLEND_TOLERANCE, "{name}: frame {}", frame.index());
}

#[test]
fn gif() {
    check("disposal.gif");
    check("whole.gif");
}

#[test]
fn png() {
    check("over.png");
    check("hidden.png");
}

#[test]
fn webp() {
    check("lossless.webp");
}
