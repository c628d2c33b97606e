//! Every kind of source, against what FFmpeg shows.

use frame_tool::{Error, Video, VideoOptions};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::support::{clip, ffmpeg_shows, full_size, made_up, mean_difference};

/// Planes are FFmpeg's, and so is the arithmetic that makes RGB of them.
const EXACT: f64 = 1e-9;

/// libjpeg and the decoder of `image` round differently.
const JPEG_TOLERANCE: f64 = 1.0;

#[track_caller]
fn check(name: &str, num_frames: usize, tolerance: f64) {
    let video = Video::open_with(clip(name), &full_size()).unwrap();
    assert_eq!(video.num_frames(), num_frames, "{name}");
    let expected = ffmpeg_shows(name);
    let frame = video.frame(7).unwrap();
    assert_eq!((frame.width(), frame.height()), expected.dimensions(), "{name}");
    let difference = mean_difference(frame.rgb(), expected.as_raw());
    assert!(
        difference < tolerance,
        "{name}: frame 7 differs by {difference:.3} levels from FFmpeg's"
    );
    assert_eq!(video.description().warnings, [""; 0], "{name}");
}

#[test]
fn colours_and_turns_are_those_of_ffmpeg() {
    for name in
        ["b_frames.mp4", "open_gop.mp4", "intra_refresh.mp4", "fragmented.mp4", "yuv422.mp4"]
    {
        check(name, 24, EXACT);
    }
    for name in ["rotated_90.mp4", "rotated_270.mov", "full_range.mp4", "bt709.mp4"] {
        check(name, 24, EXACT);
    }
    check("interlaced_cropped.mp4", 24, EXACT);
    check("edit_list.mp4", 18, EXACT);
    check("vfr.mp4", 10, EXACT);
}

#[test]
fn motion_jpeg_in_avi() {
    // Chroma is enlarged smoothly, as libjpeg does it and FFmpeg does not: the golden picture is Pillow's.
    check("motion_jpeg.avi", 12, JPEG_TOLERANCE);
    let video = Video::open(clip("motion_jpeg.avi")).unwrap();
    assert!((video.fps() - 12.0).abs() < 1e-9);
}

#[test]
fn animated_gif() {
    check("animation.gif", 10, EXACT); // a palette leaves nothing to round
    let video = Video::open(clip("animation.gif")).unwrap();
    assert!((video.duration_s() - 1.0).abs() < 1e-9);
}

#[test]
fn y4m() {
    let video = Video::open_with(clip("raw.y4m"), &full_size()).unwrap();
    assert_eq!((video.num_frames(), video.frame_size()), (5, (16, 12)));
    assert!((video.fps() - 12.0).abs() < 1e-9);
    let planes = std::fs::read(clip("raw.y4m")).unwrap();
    // Luma 16 is black and 235 white; the corner of frame 4 lies behind four frames of 288 bytes and their headers.
    let luma = planes[planes.len() - 16 * 12 * 3 / 2];
    let corner =
        video.frame(4).unwrap().rgb()[..3].iter().map(|&v| f64::from(v)).sum::<f64>() / 3.0;
    assert!(
        (corner - (f64::from(luma) - 16.0) * 255.0 / 219.0).abs() < 80.0,
        "{corner} from luma {luma}"
    );
}

#[test]
fn a_folder_of_images_in_the_order_of_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    for frame_idx in 0..12 {
        let mut png = Vec::new();
        PngEncoder::new(&mut png)
            .write_image(&made_up(frame_idx, 6, 4), 6, 4, ExtendedColorType::Rgb8)
            .unwrap();
        std::fs::write(folder.path().join(format!("f{frame_idx}.png")), png).unwrap();
    }
    std::fs::write(folder.path().join("notes.txt"), "not a picture").unwrap();
    let options = VideoOptions::new().with_untimed_fps(4.0).unwrap();
    let video = Video::open_with(folder.path(), &options).unwrap();
    assert_eq!(video.num_frames(), 12);
    for frame in video.frames_in(0..12).unwrap() {
        let frame = frame.unwrap();
        assert_eq!(frame.rgb(), made_up(frame.index(), 6, 4), "frame {}", frame.index());
        assert!((frame.timestamp_s() - frame.index() as f64 / 4.0).abs() < 1e-9);
    }
}

#[test]
fn animated_png_and_still_png() {
    let still = std::fs::read(clip("b_frames.mp4.png")).unwrap();
    let error = Video::from_bytes("still.png", still, &VideoOptions::new()).unwrap_err();
    assert!(matches!(error, Error::NotVideo { .. }), "{error}");
    let apng = apng(&[made_up(0, 5, 3), made_up(1, 5, 3)], 5, 3);
    let video = Video::from_bytes("two.png", apng, &VideoOptions::new()).unwrap();
    assert_eq!(video.num_frames(), 2);
    assert_eq!(video.frame(1).unwrap().rgb(), made_up(1, 5, 3));
    assert!((video.timeline().timestamp_s(1).unwrap() - 0.25).abs() < 1e-9);
}

fn apng(frames: &[Vec<u8>], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_animated(frames.len() as u32, 0).unwrap();
    encoder.set_frame_delay(1, 4).unwrap();
    let mut writer = encoder.write_header().unwrap();
    frames.iter().for_each(|frame| writer.write_image_data(frame).unwrap());
    writer.finish().unwrap();
    bytes
}
