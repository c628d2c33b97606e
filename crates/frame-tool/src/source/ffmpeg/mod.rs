//! Everything else, through the programs `ffprobe` and `ffmpeg`: what they list is what we show, picked by timestamp.
//!
//! Programs rather than linked libraries: nothing to install for building, any FFmpeg from 5.1 on, and a crash on a
//! hostile file is theirs alone.

mod probe; // what is in the file
mod program; // running the programs
mod pipe; // reading what they write

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;

use super::media::Media;
use super::picture::{Orientation, Picture, Rgb};
use super::{Description, Emit, Opened, Reader, Source, check_size};
use crate::{Error, Result, Timeline, VideoOptions};
use program::{Decoding, Pick};

#[derive(Debug)]
struct FfmpegSource(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// What errors call the video.
    name: PathBuf,
    file: ReadableFile,
    width: u32,
    height: u32,
    /// Timestamp of each frame, in ticks of its stream; ascending.
    pts: Vec<i64>,
    /// Seconds of each frame behind the start of the file, which is how `-ss` counts.
    seek_s: Vec<f64>,
    /// Frames where decoding can begin, ascending.
    keys: Vec<usize>,
}

pub(super) fn open(media: Media, options: &VideoOptions) -> Result<Opened> {
    let file = ReadableFile::of(&media)?;
    let found = probe::probe(file.path()).map_err(|error| error.renamed(media.path()))?;
    let (width, height) = found.orientation.size(found.width, found.height);
    check_size(media.path(), width, height, options.max_pixels)?;
    let seconds = |ticks: i64| ticks as f64 * found.tick_s;
    let pts: Vec<i64> = found.frames.iter().map(|frame| frame.pts).collect();
    let timestamps_s: Vec<f64> = pts.iter().map(|&pts| seconds(pts)).collect();
    let end_s =
        found.frames.last().map_or(0.0, |last| seconds(last.pts.saturating_add(last.duration)));
    let keys = (0..pts.len()).filter(|&i| i == 0 || found.frames[i].is_key).collect();
    let seek_s = timestamps_s.iter().map(|time_s| time_s - found.start_s).collect();
    let description = Description {
        container: found.container,
        codec: found.codec,
        width,
        height,
        orientation: Orientation::UPRIGHT, // FFmpeg turns the pictures itself
        warnings: Vec::new(),
    };
    let name = media.path().to_owned();
    let shared = Arc::new(Shared { name, file, width, height, pts, seek_s, keys });
    let timeline = Timeline::new(timestamps_s, end_s);
    Ok(Opened { description, timeline, source: Box::new(FfmpegSource(shared)) })
}

/// A file that another program can read: the video's own, or a copy for as long as the video is open where it lies in
/// memory.
#[derive(Debug)]
enum ReadableFile {
    Own(PathBuf),
    Copy(NamedTempFile),
}

impl ReadableFile {
    fn of(media: &Media) -> Result<Self> {
        let Some(bytes) = media.in_memory() else { return Ok(Self::Own(media.path().to_owned())) };
        let copy = NamedTempFile::new().and_then(|mut copy| copy.write_all(bytes).map(|()| copy));
        copy.map(Self::Copy).map_err(|source| Error::Io { path: media.path().to_owned(), source })
    }

    fn path(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Copy(copy) => copy.path(),
        }
    }
}

impl Source for FfmpegSource {
    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(FfmpegReader { shared: self.0.clone(), stream: None, last: None }))
    }

    fn group(&self, frame_idx: usize) -> usize {
        self.0.key_before(frame_idx)
    }
}

impl Shared {
    fn key_before(&self, frame_idx: usize) -> usize {
        self.keys[self.keys.partition_point(|&key| key <= frame_idx).saturating_sub(1)]
    }
}

/// Frames that are worth decoding for nothing rather than starting another process: a start takes tens of
/// milliseconds, a frame of 720 rows about one.
const MAX_DETOUR: usize = 48;

/// Frames picked by one process: keeps its command line short.
const MAX_PICKED: usize = 64;

struct FfmpegReader {
    shared: Arc<Shared>,
    /// A process that gives one frame after the other, and the frame it gives next.
    stream: Option<(Decoding, usize)>,
    /// The frame given last: who asks for the next one will hardly stop there.
    last: Option<usize>,
}

impl Reader for FfmpegReader {
    fn read(&mut self, frames: &[usize], emit: &mut Emit<'_>) -> Result<()> {
        let mut rest = frames;
        while let Some(&first) = rest.first() {
            let given = match self.stream.take() {
                Some((stream, next)) if next == first => self.go_on(stream, rest, emit),
                _ => self.start(rest, emit),
            };
            rest = &rest[given.map_err(|error| error.renamed(&self.shared.name))?..];
        }
        Ok(())
    }
}

impl FfmpegReader {
    /// Takes the frames that follow each other from a process that gives all of them; returns how many.
    fn go_on(
        &mut self,
        mut stream: Decoding,
        frames: &[usize],
        emit: &mut Emit<'_>,
    ) -> Result<usize> {
        let first = frames[0];
        let consecutive =
            frames.iter().enumerate().take_while(|&(i, &frame_idx)| frame_idx == first + i).count();
        for &frame_idx in &frames[..consecutive] {
            if !self.take(&mut stream, frame_idx, 0, emit)? {
                return Err(self.lost(frame_idx));
            }
        }
        self.stream = Some((stream, first + consecutive));
        Ok(consecutive)
    }

    /// Starts a process for the next few of `frames`; returns how many it gave.
    fn start(&mut self, frames: &[usize], emit: &mut Emit<'_>) -> Result<usize> {
        let shared = self.shared.clone();
        let is_far = |pair: &[usize]| shared.key_before(pair[1]) > pair[0] + MAX_DETOUR;
        let len =
            frames.windows(2).position(is_far).map_or(frames.len(), |i| i + 1).min(MAX_PICKED);
        let run = &frames[..len];
        let goes_on = self.last.is_some_and(|last| last + 1 == run[0]);
        let is_stretch = (len > 1 || goes_on) && run[len - 1] - run[0] == len - 1;
        let path = shared.file.path();
        let timestamps: Vec<i64> = run.iter().map(|&frame_idx| shared.pts[frame_idx]).collect();
        let pick = if is_stretch { Pick::From(timestamps[0]) } else { Pick::Only(&timestamps) };
        // Seeks may go too far in containers without an index: from the start, then.
        let (seek_s, key) = (shared.seek_s[run[0]], shared.key_before(run[0]));
        for (seek_s, from) in [(Some(seek_s), key), (None, 0)] {
            let mut decoding = Decoding::start(path, seek_s, &pick, (shared.width, shared.height))?;
            if !self.take(&mut decoding, run[0], run[0] - from, emit)? {
                continue;
            }
            if is_stretch {
                self.stream = Some((decoding, run[0] + 1));
                return Ok(1);
            }
            for pair in run.windows(2) {
                if !self.take(&mut decoding, pair[1], pair[1] - pair[0], emit)? {
                    return Err(self.lost(pair[1]));
                }
            }
            return Ok(len);
        }
        Err(self.lost(run[0]))
    }

    /// Hands the next picture to `emit` if it is the one that is due, behind `num_skipped` others.
    fn take(
        &mut self,
        decoding: &mut Decoding,
        frame_idx: usize,
        num_skipped: usize,
        emit: &mut Emit<'_>,
    ) -> Result<bool> {
        let Some((pts, pixels)) = decoding.next_picture(num_skipped)? else { return Ok(false) };
        if pts != self.shared.pts[frame_idx] {
            return Ok(false);
        }
        let (width, height) = (self.shared.width, self.shared.height);
        emit(frame_idx, Picture::Rgb(Rgb { width, height, pixels }))?;
        self.last = Some(frame_idx);
        Ok(true)
    }

    fn lost(&self, frame_idx: usize) -> Error {
        let reason = "FFmpeg lists it, but does not decode it".into();
        Error::Decode { path: self.shared.name.clone(), frame_idx, reason }
    }
}
