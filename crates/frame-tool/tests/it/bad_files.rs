//! Files that are damaged, hostile or something else.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use frame_tool::{Decoder, Error, Video, VideoOptions};
use proptest::prelude::*;

use crate::support::clip;

fn open(bytes: Vec<u8>) -> Result<Video, Error> {
    Video::from_bytes("made.mp4", bytes, &VideoOptions::new().with_decoder(Decoder::Embedded))
}

/// Opens and reads everything; what comes back is the number of frames that could be had, or the error.
fn read_all(video: Result<Video, Error>) -> Result<usize, Error> {
    let video = video?;
    let num_frames = video.num_frames();
    let in_a_row = video.frames_in(0..num_frames)?.filter(Result::is_ok).count();
    // Behind the first damaged frame others may be whole.
    Ok(in_a_row
        + (in_a_row..num_frames).filter(|&frame_idx| video.frame(frame_idx).is_ok()).count())
}

#[test]
fn what_is_no_video_is_named() {
    for (bytes, what) in [
        (&b""[..], "empty"),
        (&b"not a video\n"[..], "text"),
        (&b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"[..], "git lfs pull"),
        (&[0; 4096][..], "zeros"),
        (&[0xd5; 999][..], "no known kind"),
        (&[0xff, 0xd8, 0xff, 0xe0][..], "JPEG"),
    ] {
        let error = open(bytes.to_vec()).unwrap_err();
        assert!(
            matches!(error, Error::NotVideo { .. }) && error.to_string().contains(what),
            "{error}"
        );
    }
    let error = Video::open("/nowhere/at/all.mp4").unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("all.mp4"), "{error}");
}

/// A kilobyte that claims a picture of four gigabytes on a canvas of 64 x 48; found by fuzzing.
#[test]
fn a_picture_larger_than_its_canvas_takes_no_memory() {
    let mut bytes = std::fs::read(clip("animation.gif")).unwrap();
    let separator = [&[0x2c, 0, 0, 0, 0][..], &bytes[6..10]].concat(); // a picture that fills the canvas
    let at = bytes.windows(separator.len()).position(|window| window == separator).unwrap();
    bytes[at + 5..at + 9].copy_from_slice(&[0xff, 0x7f, 0xff, 0x7f]);
    let error = open(bytes).unwrap_err();
    assert!(error.to_string().contains("limit"), "{error}");
}

#[test]
fn other_codecs_name_the_way_out() {
    for (name, codec) in [("hevc.mp4", "HEVC"), ("matroska.mkv", "Matroska")] {
        let options = VideoOptions::new().with_decoder(Decoder::Embedded);
        let error = Video::open_with(clip(name), &options).unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, Error::Unsupported { .. })
                && text.contains(codec)
                && text.contains("libx264"),
            "{text}"
        );
    }
}

#[test]
fn a_file_that_is_cut_off_gives_what_is_there() {
    let whole = std::fs::read(clip("b_frames.mp4")).unwrap();
    let video = open(whole[..whole.len() - 300].to_vec()).unwrap();
    assert!((1..24).contains(&video.num_frames()));
    assert!(!video.description().warnings.is_empty());
    assert_eq!(
        read_all(Ok(video)).unwrap(),
        open(whole[..whole.len() - 300].to_vec()).unwrap().num_frames()
    );
    let error = open(whole[..700].to_vec()).unwrap_err();
    assert!(matches!(&error, Error::Damaged { field, .. } if field == "moov"), "{error}");
}

/// Overwrites four bytes behind the first `name`.
fn patched(name: &[u8], offset: usize, value: u32) -> Vec<u8> {
    let mut bytes = std::fs::read(clip("b_frames.mp4")).unwrap();
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap() + offset;
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
    bytes
}

#[test]
fn lies_in_the_index_are_found_out() {
    for (name, offset, value, field) in [
        (b"stsz", 12, 0xffff_fff0, "stsz"), // 4 billion pictures, sizes of 24
        (b"mdhd", 16, 0, "mdhd"),           // 0 ticks a second
        (b"stts", 8, 0x7fff_ffff, "stts"),  // 2 billion entries
        (b"stco", 12, 0x7fff_fff0, "stco"), // pictures far behind the end
        (b"moov", usize::MAX - 3, 4, "moov"), // a box smaller than its header
    ] {
        let error = open(patched_at(name, offset, value)).unwrap_err();
        assert!(matches!(&error, Error::Damaged { field: found, .. } if found == field), "{error}");
    }
    // One size for all pictures, and 4 billion of them: ends with the file.
    let mut bytes = patched(b"stsz", 8, 1);
    let at = bytes.windows(4).position(|window| window == b"stsz").unwrap() + 12;
    bytes[at..at + 4].copy_from_slice(&u32::MAX.to_be_bytes());
    let _ = read_all(open(bytes));
    // A picture of 16384 x 16384 would take a gigabyte.
    let error = Video::open_with(clip("b_frames.mp4"), &VideoOptions::new().with_max_pixels(1000))
        .unwrap_err();
    assert!(matches!(error, Error::TooLarge { width: 64, height: 48, .. }), "{error}");
}

/// As [`patched`]; an offset of `usize::MAX - 3` means the four bytes before the name.
fn patched_at(name: &[u8], offset: usize, value: u32) -> Vec<u8> {
    if offset != usize::MAX - 3 {
        return patched(name, offset, value);
    }
    let mut bytes = std::fs::read(clip("b_frames.mp4")).unwrap();
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap() - 4;
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
    bytes
}

#[test]
fn pictures_without_durations_are_spread_evenly() {
    let video = open(patched(b"stts", 16, 0)).unwrap();
    assert_eq!(video.num_frames(), 24);
    assert!(video.description().warnings[0].contains("stts"));
    assert!((video.timeline().timestamp_s(12).unwrap() - 1.0).abs() < 1e-6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Flipped bytes anywhere: frames or a typed error, never a panic.
    #[test]
    fn damage_never_panics(which in 0_usize..6, flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let name = ["b_frames.mp4", "fragmented.mp4", "edit_list.mp4", "motion_jpeg.avi", "animation.gif", "raw.y4m"][which];
        let mut bytes = std::fs::read(clip(name)).unwrap();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = read_all(open(bytes));
    }

    #[test]
    fn cutting_never_panics(which in 0_usize..6, at in any::<prop::sample::Index>()) {
        let name = ["b_frames.mp4", "fragmented.mp4", "edit_list.mp4", "motion_jpeg.avi", "animation.gif", "raw.y4m"][which];
        let mut bytes = std::fs::read(clip(name)).unwrap();
        bytes.truncate(at.index(bytes.len()));
        let _ = read_all(open(bytes));
    }
}

/// Far longer than any of the files takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(300);

/// Opens and reads in a thread of its own; a hang is a failure, and so is a panic.
fn read_in_time(path: PathBuf) -> Result<usize, Error> {
    let (send, receive) = mpsc::channel();
    let shown = path.display().to_string();
    std::thread::spawn(move || send.send(read_all(Video::open(path))));
    receive.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{shown}: {error}"))
}

/// `FRAME_TOOL_NASTY` names a folder of awkward files with a MANIFEST.tsv: file, class, note.
#[test]
fn awkward_files_give_their_frames_or_the_right_error() {
    let Some(folder) = std::env::var_os("FRAME_TOOL_NASTY") else {
        eprintln!("skipped: FRAME_TOOL_NASTY names no folder of awkward files");
        return;
    };
    let folder = Path::new(&folder);
    let manifest = std::fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let mut wrong = Vec::new();
    for row in manifest.lines() {
        let (name, rest) = row.split_once('\t').unwrap();
        let class = rest.split('\t').next().unwrap();
        let result = read_in_time(folder.join(name));
        let sums =
            std::fs::read_to_string(folder.join(format!("{name}.framemd5"))).unwrap_or_default();
        let num_expected = sums.lines().filter(|line| !line.starts_with('#')).count();
        let is_right = match (class, &result) {
            ("ok" | "codec", Ok(num)) => *num == num_expected,
            ("ok" | "codec", Err(error)) => {
                // A bare stream has no times to pick frames by; everything else FFmpeg reads.
                (!cfg!(feature = "ffmpeg") || name == "raw.h264")
                    && matches!(error, Error::Unsupported { .. })
            }
            ("partial", Ok(num)) => *num >= num_expected,
            ("partial", Err(error)) => {
                matches!(error, Error::Unsupported { .. } | Error::Damaged { .. })
            }
            ("empty", Err(error)) => {
                matches!(error, Error::NoVideo { .. } | Error::Unsupported { .. })
            }
            ("garbage", Err(error)) => {
                matches!(error, Error::NotVideo { .. } | Error::Damaged { .. })
            }
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{name} ({class}, {num_expected} frames): {result:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
