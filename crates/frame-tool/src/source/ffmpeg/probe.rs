//! What `ffprobe` says of a file.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::pipe::{PATIENCE, Pipe};
use super::program::{failed, file_argument};
use crate::source::picture::Orientation;
use crate::{Error, Result};

/// A video stream and its frames in presentation order.
pub(super) struct Probed {
    pub(super) container: String,
    pub(super) codec: String,
    /// As stored.
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) orientation: Orientation,
    /// Seconds a tick.
    pub(super) tick_s: f64,
    /// Start of the file, in seconds.
    pub(super) start_s: f64,
    /// At least one.
    pub(super) frames: Vec<Listed>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    /// Ticks.
    pub(super) pts: i64,
    /// Ticks.
    pub(super) duration: i64,
    pub(super) is_key: bool,
}

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    packets: Vec<Packet>,
    #[serde(default)]
    frames: Vec<Decoded>,
    #[serde(default)]
    streams: Vec<Stream>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Packet {
    pts: Option<i64>,
    duration: Option<i64>,
    #[serde(default)]
    flags: String,
}

#[derive(Deserialize)]
struct Decoded {
    best_effort_timestamp: Option<i64>,
    #[serde(alias = "pkt_duration")]
    duration: Option<i64>,
    #[serde(default)]
    key_frame: u8,
}

#[derive(Deserialize)]
struct Stream {
    codec_name: Option<String>,
    profile: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    time_base: String,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

#[derive(Deserialize)]
struct Format {
    format_name: Option<String>,
    start_time: Option<String>,
}

pub(super) fn probe(path: &Path) -> Result<Probed> {
    let mut report = run(path, "packet=pts,duration,flags")?;
    let Some(stream) = report.streams.pop() else {
        return Err(Error::NoVideo {
            path: path.to_owned(),
            found: "no video stream that FFmpeg knows".into(),
        });
    };
    let codec = stream.codec_name.clone().unwrap_or_default();
    let format = report.format.unwrap_or(Format { format_name: None, start_time: None });
    let container = format.format_name.unwrap_or_default();
    let mut frames = match listed(&report.packets) {
        Some(packets) if a_packet_is_a_frame(&codec, &container) => packets,
        _ => decoded(path)?, // packets do not tell
    };
    frames.sort_by_key(|frame| frame.pts);
    frames.dedup_by_key(|frame| frame.pts); // frames are told apart by their time
    let size = stream.width.zip(stream.height).filter(|&(width, height)| width > 0 && height > 0);
    let (Some((width, height)), false) = (size, frames.is_empty()) else {
        return Err(Error::NoVideo {
            path: path.to_owned(),
            found: format!("{codec} without a picture that decodes"),
        });
    };
    let tick_s = stream
        .time_base
        .split_once('/')
        .and_then(|(num, den)| Some(num.parse::<f64>().ok()? / den.parse::<f64>().ok()?))
        .filter(|tick_s| tick_s.is_finite() && *tick_s > 0.0)
        .ok_or_else(|| failed(path, "ffprobe", format!("a time base of {}", stream.time_base)))?;
    let rotation =
        stream.side_data_list.iter().find_map(|data| data.rotation).unwrap_or(0.0).round() as i64;
    Ok(Probed {
        container,
        codec: match stream.profile {
            Some(profile) => format!("{codec} {profile}"),
            None => codec,
        },
        width,
        height,
        orientation: match rotation.rem_euclid(180) {
            90 => Orientation::from_matrix([0, 1, -1, 0]).unwrap_or(Orientation::UPRIGHT),
            _ => Orientation::UPRIGHT,
        },
        tick_s,
        start_s: format.start_time.and_then(|start| start.parse().ok()).unwrap_or(0.0),
        frames,
    })
}

/// Packets that are shown, if all of them have a time.
fn listed(packets: &[Packet]) -> Option<Vec<Listed>> {
    let shown = packets.iter().filter(|packet| !packet.flags.contains('D'));
    shown
        .map(|packet| {
            let is_key = packet.flags.contains('K');
            Some(Listed { pts: packet.pts?, duration: packet.duration.unwrap_or(0), is_key })
        })
        .collect()
}

/// What comes out when everything is decoded once.
fn decoded(path: &Path) -> Result<Vec<Listed>> {
    let frames = run(path, "frame=best_effort_timestamp,duration,pkt_duration,key_frame")?.frames;
    let timed = |frame: &Decoded| {
        let (duration, is_key) = (frame.duration.unwrap_or(0), frame.key_frame == 1);
        Some(Listed { pts: frame.best_effort_timestamp?, duration, is_key })
    };
    let listed: Vec<_> = frames.iter().filter_map(timed).collect();
    if listed.is_empty() && !frames.is_empty() {
        return Err(Error::Unsupported {
            path: path.to_owned(),
            codec: "a stream without times".into(),
            fix:
                "put it into a container, which takes no re-encoding: ffmpeg -i IN -c copy OUT.mp4"
                    .into(),
        });
    }
    Ok(listed)
}

/// Containers and codecs where every packet is one shown picture. Not so: hidden frames of VP8 in WebM, halves of
/// pictures in broadcast streams, guessed times in AVI.
fn a_packet_is_a_frame(codec: &str, container: &str) -> bool {
    let codecs = ["h264", "hevc", "vp9", "av1", "mpeg4", "prores", "mjpeg", "dnxhd", "ffv1"];
    container.starts_with("mov,mp4") && codecs.contains(&codec)
}

fn last_line(log: impl Read) -> String {
    let lines = BufReader::new(log).split(b'\n').map_while(std::io::Result::ok);
    lines.last().map_or_else(String::new, |line| String::from_utf8_lossy(&line).trim().to_owned())
}

fn run(path: &Path, entries: &str) -> Result<Report> {
    const STREAM: &str =
        "stream=codec_name,profile,width,height,time_base:stream_side_data=rotation";
    let mut command = Command::new("ffprobe");
    command.args([
        "-v",
        "error",
        "-protocol_whitelist",
        "file",
        "-select_streams",
        "V:0",
        "-of",
        "json",
    ]);
    command.args(["-show_entries", &format!("{STREAM}:format=format_name,start_time:{entries}")]);
    command.arg("-i").arg(file_argument(path));
    /// Small, so that slow decoding does not look like silence.
    const PIECE_LEN: usize = 4096;
    let mut pipe = Pipe::start(command, path, "ffprobe", PIECE_LEN)?;
    // A full pipe would block the program, so somebody has to listen.
    let log = pipe.log().map(|log| std::thread::spawn(move || last_line(log)));
    let mut json = Vec::new();
    while let Some(piece) = pipe.next(PATIENCE)? {
        json.extend(piece);
    }
    if !pipe.succeeded()? {
        let said = log.and_then(|log| log.join().ok()).unwrap_or_default();
        let what = format!("FFmpeg says: {}", if said.is_empty() { "nothing" } else { &said });
        return Err(Error::NotVideo { path: path.to_owned(), what });
    }
    serde_json::from_slice(&json).map_err(|error| failed(path, "ffprobe", error.to_string()))
}
