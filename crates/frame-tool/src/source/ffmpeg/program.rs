//! Running `ffmpeg` and `ffprobe`.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::pipe::{PATIENCE, Pipe};
use crate::{Error, Result};

/// The file as an argument that no name can turn into an option, a pattern or an address.
pub(super) fn file_argument(path: &Path) -> OsString {
    let mut argument = OsString::from("file:");
    argument.push(path);
    argument
}

pub(super) fn failed(path: &Path, program: &'static str, reason: impl Into<String>) -> Error {
    Error::Program { path: path.to_owned(), program, reason: reason.into() }
}

pub(super) fn not_started(path: &Path, program: &'static str, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => {
            failed(path, program, "not found on PATH; install FFmpeg 5.1 or newer")
        }
        _ => failed(path, program, error.to_string()),
    }
}

/// Which frames a process gives, by timestamp in ticks of the stream.
pub(super) enum Pick<'a> {
    Only(&'a [i64]),
    /// This one and all that follow.
    From(i64),
}

/// A process that decodes. Ends with the value.
pub(super) struct Decoding {
    path: PathBuf,
    pictures: Pipe,
    num_bytes: usize,
    /// Timestamps of the pictures, and what else the program said.
    said: Receiver<Said>,
    complaint: Option<String>,
}

enum Said {
    Timestamp(i64),
    Complaint(String),
}

impl Decoding {
    /// Decodes from the key frame before `seek_s`, or from the start.
    pub(super) fn start(
        path: &Path,
        seek_s: Option<f64>,
        pick: &Pick<'_>,
        (width, height): (u32, u32),
    ) -> Result<Self> {
        let condition = match pick {
            Pick::Only(timestamps) => {
                timestamps.iter().map(|pts| format!("eq(pts,{pts})")).collect::<Vec<_>>().join("+")
            }
            Pick::From(pts) => format!("gte(pts,{pts})"),
        };
        let mut command = Command::new("ffmpeg");
        command.args([
            "-hide_banner",
            "-nostdin",
            "-nostats",
            "-v",
            "info",
            "-copyts",
            "-noaccurate_seek",
        ]);
        if let Some(seek_s) = seek_s {
            // A microsecond more: rounding must not lead to the key frame before.
            command.args(["-ss", &format!("{:.6}", (seek_s + 1e-6).max(0.0))]);
        }
        command.args(["-protocol_whitelist", "file", "-i"]).arg(file_argument(path));
        command.args([
            "-map",
            "0:V:0",
            "-vf",
            &format!("select='{condition}',showinfo=checksum=0"),
        ]);
        if let Pick::Only(timestamps) = pick {
            command.args(["-frames:v", &timestamps.len().to_string()]);
        }
        command.args(["-vsync", "passthrough", "-s", &format!("{width}x{height}")]);
        command.args(["-pix_fmt", "rgb24", "-f", "rawvideo", "-"]);
        let num_bytes = width as usize * height as usize * 3;
        let mut pictures = Pipe::start(command, path, "ffmpeg", num_bytes)?;
        let Some(log) = pictures.log() else {
            return Err(failed(path, "ffmpeg", "no pipe to read from"));
        };
        let (say, said) = channel();
        // A full pipe would block the program, so somebody has to listen.
        std::thread::spawn(move || {
            for line in BufReader::new(log).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                let said = match timestamp(&line) {
                    Some(pts) => Said::Timestamp(pts),
                    None if line.contains("rror") || line.contains("nvalid") => {
                        Said::Complaint(line.trim().to_owned())
                    }
                    None => continue,
                };
                if say.send(said).is_err() {
                    break;
                }
            }
        });
        Ok(Self { path: path.to_owned(), pictures, num_bytes, said, complaint: None })
    }

    /// The next picture with its timestamp, behind `num_skipped` others that are decoded for nothing; `None` at the end.
    pub(super) fn next_picture(&mut self, num_skipped: usize) -> Result<Option<(i64, Vec<u8>)>> {
        let patience =
            PATIENCE + PATIENCE_A_PICTURE * u32::try_from(num_skipped).unwrap_or(u32::MAX);
        let pixels = match self.pictures.next(patience)? {
            Some(pixels) if pixels.len() == self.num_bytes => pixels,
            _ => return Ok(None),
        };
        loop {
            match self.said.recv_timeout(PATIENCE) {
                Ok(Said::Timestamp(pts)) => return Ok(Some((pts, pixels))),
                Ok(Said::Complaint(complaint)) => self.complaint = Some(complaint),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(failed(&self.path, "ffmpeg", "gave a picture but no timestamp"));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let reason = self
                        .complaint
                        .take()
                        .unwrap_or_else(|| "a picture without a timestamp".into());
                    return Err(failed(&self.path, "ffmpeg", reason));
                }
            }
        }
    }
}

/// Far longer than the largest picture takes to decode.
const PATIENCE_A_PICTURE: Duration = Duration::from_millis(250);

/// The timestamp in a line of the filter `showinfo`.
fn timestamp(line: &str) -> Option<i64> {
    let (_, rest) = line.split_once("showinfo")?;
    let (_, rest) = rest.split_once("] n:")?;
    let (_, rest) = rest.split_once(" pts:")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_of_showinfo() {
        let line = "[Parsed_showinfo_1 @ 0x55d0] n:   0 pts:  25600 pts_time:1.66667 duration: 512 fmt:yuv420p";
        assert_eq!(timestamp(line), Some(25600));
        assert_eq!(timestamp("[Parsed_showinfo_1 @ 0x55d0] config in time_base: 1/15360"), None);
        assert_eq!(
            timestamp("[Parsed_showinfo_1 @ 0x1] n:   3 pts:-1024 pts_time:-0.1"),
            Some(-1024)
        );
    }
}
