//! Feature `ffmpeg`: what the programs give is what they show, frame by frame.

use std::path::{Path, PathBuf};
use std::process::Command;

use frame_tool::{Decoder, Error, Video, VideoOptions};

use crate::support::{clip, full_size};

/// Frame `frame_idx` as a plain `ffmpeg` shows it; `None` where the program is missing.
fn shown(path: &Path, frame_idx: usize) -> Option<Vec<u8>> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-i"]).arg(path);
    command.args(["-vf", &format!("select=eq(n\\,{frame_idx})"), "-frames:v", "1"]);
    match command.args(["-pix_fmt", "rgb24", "-f", "rawvideo", "-"]).output() {
        Ok(output) => Some(output.stdout),
        Err(error) => {
            eprintln!("skipped: ffmpeg: {error}");
            None
        }
    }
}

#[track_caller]
fn check(path: &Path, num_frames: usize, decoder: Decoder) {
    let options = full_size().with_decoder(decoder).with_cache_bytes(0);
    let picked = [0, num_frames / 2, num_frames / 2 + 1, num_frames - 1];
    let Some(expected) = picked.map(|i| shown(path, i)).into_iter().collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    for video in [Video::open_with(path, &options), Video::from_bytes("in memory", bytes, &options)]
    {
        let video = video.unwrap();
        assert_eq!(video.num_frames(), num_frames, "{}", path.display());
        for (frame, expected) in video.frames(&picked).unwrap().iter().zip(&expected) {
            assert!(frame.rgb() == expected, "{}: frame {}", path.display(), frame.index());
        }
    }
}

#[test]
fn other_codecs_and_containers() {
    check(&clip("hevc.mp4"), 24, Decoder::Automatic);
    check(&clip("matroska.mkv"), 24, Decoder::Automatic);
    check(&clip("open_gop.mp4"), 24, Decoder::Ffmpeg);
    check(&clip("rotated_90.mp4"), 24, Decoder::Ffmpeg);
}

#[test]
fn a_real_clip_in_vp9() {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "../../../shared/data/video/balance_beam_cam2_vp9.mp4"]
            .iter()
            .collect();
    if !path.exists() {
        eprintln!("skipped: no {}", path.display());
        return;
    }
    check(&path, 100, Decoder::Automatic);
}

/// The embedded way to the same pixels: planes and colours are those of FFmpeg, bit for bit.
#[test]
fn the_embedded_decoder_gives_the_same_pixels() {
    check(&clip("open_gop.mp4"), 24, Decoder::Embedded);
    let folder: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "../../../shared/data/video"].iter().collect();
    for (name, num_frames) in [
        ("run_treadmill_side.mp4", 360),
        ("football_juggle.mp4", 247),
        ("balance_beam_cam1.mp4", 100),
        ("phone_rot_0.mov", 3),
        ("phone_rot_90.mov", 3),
        ("phone_rot_180.mov", 3),
        ("phone_rot_270.mov", 3),
        ("unordered.mov", 4),
    ] {
        if folder.join(name).exists() {
            check(&folder.join(name), num_frames, Decoder::Embedded);
        } else {
            eprintln!("skipped: no {name} in {}", folder.display());
        }
    }
}

#[test]
fn errors_call_a_video_in_memory_by_its_name() {
    let mut bytes = std::fs::read(clip("matroska.mkv")).unwrap();
    bytes.truncate(60); // a header and nothing behind it
    let error = Video::from_bytes("match of the day", bytes, &VideoOptions::new()).unwrap_err();
    let is_known =
        matches!(error, Error::NotVideo { .. } | Error::NoVideo { .. } | Error::Program { .. });
    assert!(is_known && error.to_string().starts_with("match of the day: "), "{error}");
}
