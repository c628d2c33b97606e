//! Every decoded plane against the sums that FFmpeg made of its own (`NAME.framemd5` beside a clip).

use std::fs;
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

use super::picture::Picture;
use super::{Opened, sniff};
use crate::video::Decoder;
use crate::{Error, Result, VideoOptions};

/// What `-f framemd5` wrote: time and sum of every frame.
fn golden(path: &Path) -> Vec<(f64, String)> {
    let text = fs::read_to_string(path).unwrap();
    let base = text.lines().find_map(|line| line.strip_prefix("#tb 0: ")).unwrap();
    let (num, den) = base.split_once('/').unwrap();
    let tick_s = num.parse::<f64>().unwrap() / den.parse::<f64>().unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    let frame = |line: &str| {
        let fields: Vec<_> = line.split(',').map(str::trim).collect();
        (fields[2].parse::<f64>().unwrap() * tick_s, fields[5].to_owned())
    };
    rows.map(frame).collect()
}

fn sum(picture: &Picture) -> String {
    let Picture::Yuv(yuv) = picture else { panic!("H.264 gives planes") };
    assert!(!yuv.builds_on_damage);
    let mut md5 = Md5::new();
    [&yuv.y, &yuv.u, &yuv.v].into_iter().for_each(|plane| md5.update(plane));
    md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// FFmpeg prints times in ticks of the frame rate, which may be coarser than those of the file: half a frame at 30.
const TIME_TOLERANCE_S: f64 = 0.017;

/// FFmpeg 5.1 takes an offset of an hour (2^28 ticks and more) for damage and gives decoding times instead.
const TIMES_MISREAD: &str = "gap_1h.mp4";

/// Compares counts, times and planes: in one go, step by step, and here and there. With feature `ffmpeg-link` of both
/// decoders.
fn check(clip: &Path) -> Result<()> {
    check_with(clip, Decoder::Embedded)?;
    if cfg!(feature = "ffmpeg-link") {
        check_with(clip, Decoder::Automatic)?;
    }
    Ok(())
}

fn check_with(clip: &Path, decoder: Decoder) -> Result<()> {
    let name = clip.file_name().unwrap().to_string_lossy().into_owned();
    let expected = golden(&clip.with_file_name(format!("{name}.framemd5")));
    let Opened { timeline, source, .. } =
        sniff::open_path(clip, &VideoOptions::default().with_decoder(decoder))?;
    assert_eq!(timeline.num_frames(), expected.len(), "{name}: number of frames");
    for (i, (time_s, _)) in expected.iter().enumerate() {
        // FFmpeg's program counts from the first frame; its libraries do not, and neither do we.
        let (ours, theirs) =
            (timeline.timestamps_s()[i] - timeline.start_s(), time_s - expected[0].0);
        let is_same = (ours - theirs).abs() < TIME_TOLERANCE_S || name == TIMES_MISREAD;
        assert!(is_same, "{name}: frame {i} at {ours} s, FFmpeg says {theirs} s");
    }
    let all: Vec<usize> = (0..expected.len()).collect();
    let mut num_seen = 0;
    let mut compare = |frame_idx: usize, picture: Picture| {
        num_seen += 1;
        assert_eq!(sum(&picture), expected[frame_idx].1, "{name}: frame {frame_idx}");
        Ok(())
    };
    // Long clips once only.
    let readings = if all.len() <= 120 { vec![all.len(), 5] } else { vec![16] };
    let mut reader = source.reader()?;
    for &chunk in &readings {
        reader = source.reader()?;
        all.chunks(chunk).try_for_each(|chunk| reader.read(chunk, &mut compare))?;
    }
    let scattered = all.len().min(6);
    for step in 0..scattered {
        reader.read(&[step * 7919 % all.len()], &mut compare)?;
    }
    assert_eq!(
        num_seen,
        readings.len() * all.len() + scattered,
        "{name}: every frame once a reading"
    );
    Ok(())
}

/// Clips in `folder` that have sums, those of the names in `except` left out.
fn clips(folder: &Path, except: &[&str]) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut clips: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "framemd5"))
        .map(|path| path.with_extension(""))
        .filter(|clip| !except.contains(&clip.file_name().unwrap().to_str().unwrap()))
        .collect();
    clips.sort();
    clips
}

#[test]
fn our_own_clips() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/clips"));
    let clips = clips(folder, &["hevc.mp4"]);
    assert!(clips.len() >= 12);
    clips.iter().for_each(|clip| check(clip).unwrap());
}

#[test]
fn real_clips() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/video"));
    // Another codec; and one whose damage FFmpeg paints over.
    let clips = clips(folder, &["balance_beam_cam2_vp9.mp4", "corrupted.mp4"]);
    if clips.is_empty() {
        eprintln!("skipped: no clips in {}", folder.display());
    }
    clips.iter().for_each(|clip| check(clip).unwrap());
}

/// Set to a folder of awkward files with their `framemd5`: every H.264 file among them is compared.
const FOLDER_VARIABLE: &str = "FRAME_TOOL_NASTY";

#[test]
fn awkward_files() {
    let Some(folder) = std::env::var_os(FOLDER_VARIABLE) else {
        eprintln!("skipped: {FOLDER_VARIABLE} names no folder of awkward files");
        return;
    };
    let except = [
        "anim.gif",           // no planes, see the tests of sources
        "mjpeg.avi",          // likewise
        "h264_10bit.mp4",     // sums are of 10 bit, our planes have 8
        "bitrot.mp4",         // what is made of damaged data is a matter of taste
        "zero_durations.mp4", // FFmpeg drops pictures that claim the same moment
    ];
    let mut num_exact = 0;
    for clip in clips(Path::new(&folder), &except) {
        match check(&clip) {
            Ok(()) => num_exact += 1,
            Err(Error::Unsupported { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    eprintln!("{num_exact} awkward files are exact");
    assert!(num_exact >= 40, "{num_exact} files were exact");
}
