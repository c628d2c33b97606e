//! What is printed.

use std::fmt;

use frame_tool::{Frame, Outcome, Video};
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct InfoReport {
    container: String,
    codec: String,
    /// As shown, before frames are shrunk.
    width: u32,
    height: u32,
    rotation_deg: u32,
    num_frames: usize,
    fps: f64,
    is_variable_rate: bool,
    start_s: f64,
    duration_s: f64,
    /// As handed out.
    frame_width: u32,
    frame_height: u32,
    warnings: Vec<String>,
}

impl InfoReport {
    pub(crate) fn of(video: &Video) -> Self {
        let (description, timeline) = (video.description().clone(), video.timeline());
        let (frame_width, frame_height) = video.frame_size();
        Self {
            container: description.container,
            codec: description.codec,
            width: description.width,
            height: description.height,
            rotation_deg: description.orientation.rotation_deg(),
            num_frames: video.num_frames(),
            fps: video.fps(),
            is_variable_rate: timeline.is_variable_rate(),
            start_s: timeline.start_s(),
            duration_s: video.duration_s(),
            frame_width,
            frame_height,
            warnings: description.warnings,
        }
    }
}

impl fmt::Display for InfoReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = if self.is_variable_rate { "on average, variable" } else { "constant" };
        writeln!(f, "{}, {}", self.container, self.codec)?;
        writeln!(
            f,
            "{} x {} pixels, turned by {} degrees",
            self.width, self.height, self.rotation_deg
        )?;
        writeln!(f, "{} frames, {:.3} a second ({rate})", self.num_frames, self.fps)?;
        writeln!(f, "{:.3} s, from {:.3} s on", self.duration_s, self.start_s)?;
        writeln!(f, "frames are given as {} x {}", self.frame_width, self.frame_height)
    }
}

#[derive(Serialize)]
pub(crate) struct FrameReport {
    index: usize,
    time_s: f64,
    width: u32,
    height: u32,
    sha256: String,
    /// Listed only where it is so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    builds_on_damage: bool,
}

impl FrameReport {
    pub(crate) fn of(frame: &Frame) -> Self {
        Self {
            index: frame.index(),
            time_s: frame.timestamp_s(),
            width: frame.width(),
            height: frame.height(),
            sha256: frame.sha256().to_owned(),
            builds_on_damage: frame.builds_on_damage(),
        }
    }
}

impl fmt::Display for FrameReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>7} {:>11.4} s  {}x{}  {}",
            self.index, self.time_s, self.width, self.height, self.sha256
        )?;
        if self.builds_on_damage { write!(f, "  builds on a lost picture") } else { Ok(()) }
    }
}

#[derive(Serialize)]
pub(crate) struct CallReport {
    /// `shown`, `located`, `refused` or `answered`.
    outcome: &'static str,
    /// What the model is told.
    message: String,
    frames: Vec<FrameReport>,
}

impl CallReport {
    pub(crate) fn of(outcome: &Outcome, frames: &[Frame]) -> Self {
        let kind = match outcome {
            Outcome::Shown(_) => "shown",
            Outcome::Located { .. } => "located",
            Outcome::Answered(_) => "answered",
            _ => "refused",
        };
        Self {
            outcome: kind,
            message: outcome.to_string(),
            frames: frames.iter().map(FrameReport::of).collect(),
        }
    }
}
