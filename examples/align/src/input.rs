//! Recordings: skeletons become measures, tables are taken as they are.

use std::path::Path;

use anyhow::{Context, Result, bail};
use motion_dtw::Motion;
use ndarray::Array2;
use pose::{Measure, Side, SignalUnit};

/// Lengths take part as radians would: one leg length weighs as much as 57.3 degrees.
const DEGREES_PER_LEG: f64 = 57.3;

/// Channels over time, with their names and units.
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) motion: Motion,
    pub(crate) channels: Vec<Channel>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Channel {
    pub(crate) name: String,
    /// Unit for the axis of a picture; empty if the file does not say.
    pub(crate) unit: &'static str,
    /// What the values were multiplied by.
    pub(crate) scale: f64,
}

impl Recording {
    /// Reads a skeleton in any format that `pose` knows, or a CSV table with one column per channel.
    pub(crate) fn read(path: &Path, fps: Option<f64>) -> Result<Self> {
        let is_csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        if is_csv && !has_joints(path)? {
            return table(path, fps);
        }
        let recording = pose::read(path, None, fps)?;
        let signals: Vec<(Measure, pose::Signal)> = measures()
            .into_iter()
            .map(|measure| (measure, recording.series.measure(measure)))
            .collect();
        let channels = signals.iter().map(|(measure, _)| channel(*measure)).collect::<Vec<_>>();
        let shape = (recording.series.num_frames(), signals.len());
        let values = Array2::from_shape_fn(shape, |(frame, at)| {
            channels[at].scale * signals[at].1.values[frame]
        });
        let motion = Motion::new(values, recording.series.fps())
            .with_context(|| format!("{} cannot be used", path.display()))?;
        Ok(Self { name: path.display().to_string(), motion, channels })
    }

    /// This recording with the channels of `other`, in its order.
    pub(crate) fn with_channels_of(self, other: &Recording) -> Result<Self> {
        let at = |wanted: &Channel| self.channels.iter().position(|own| own.name == wanted.name);
        let mut order = Vec::new();
        for wanted in &other.channels {
            let Some(at) = at(wanted) else {
                bail!(
                    "{}: no channel `{}`, which {} has; it has {}",
                    self.name,
                    wanted.name,
                    other.name,
                    self.names()
                );
            };
            order.push(at);
        }
        let values = self.motion.channels().select(ndarray::Axis(1), &order);
        let motion = Motion::new(values, self.motion.fps())?;
        Ok(Self { name: self.name, motion, channels: other.channels.clone() })
    }

    fn names(&self) -> String {
        self.channels.iter().map(|channel| channel.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// Included angles of the large joints, inclinations of the segments, and heights of wrists and pelvis.
fn measures() -> Vec<Measure> {
    use Measure::{Ankle, Elbow, Hip, HipHeight, Knee, Shank, Shoulder, Thigh, Trunk, WristHeight};
    let sided = [Knee, Hip, Ankle, Elbow, Shoulder, Thigh, Shank, WristHeight];
    sided
        .into_iter()
        .flat_map(|measure| Side::BOTH.map(measure))
        .chain([Trunk, HipHeight])
        .collect()
}

fn channel(measure: Measure) -> Channel {
    let name = measure.name().replace('_', " ");
    let name = match measure.side() {
        Some(Side::Left) => format!("{name}, left"),
        Some(Side::Right) => format!("{name}, right"),
        None => name,
    };
    let is_angle = measure.unit() == SignalUnit::Degrees;
    let (unit, scale) = if is_angle { ("degrees", 1.0) } else { ("leg lengths", DEGREES_PER_LEG) };
    Channel { name, unit, scale }
}

/// Whether the header of a CSV file names joints.
fn has_joints(path: &Path) -> Result<bool> {
    let text = read_text(path)?;
    let header = text.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
    Ok(header.split(',').any(|column| column.trim().ends_with("_x")))
}

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// A table: `# fps: 60` (or `--fps`), a header with the channels' names, one row a frame; empty = not measured.
fn table(path: &Path, fps: Option<f64>) -> Result<Recording> {
    let text = read_text(path)?;
    let name = path.display().to_string();
    let said = text.lines().find_map(|line| line.strip_prefix("# fps:"));
    let fps = match (fps, said) {
        (Some(fps), _) => fps,
        (None, Some(said)) => said
            .trim()
            .parse()
            .with_context(|| format!("{name}: `# fps: {}` is no number", said.trim()))?,
        (None, None) => bail!("{name} does not say its frame rate: pass --fps or add `# fps: 60`"),
    };
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers().with_context(|| format!("{name} has no header"))?.clone();
    // Frame numbers are no movement.
    let columns: Vec<usize> = (0..header.len()).filter(|&at| &header[at] != "frame").collect();
    let mut values = Vec::new();
    for row in reader.records() {
        let row = row.with_context(|| format!("{name} is no table"))?;
        let line = row.position().map_or(0, csv::Position::line);
        for &at in &columns {
            values.push(match &row[at] {
                "" => f64::NAN,
                cell => cell.parse().with_context(|| {
                    format!("{name}, line {line}, column `{}`: `{cell}` is no number", &header[at])
                })?,
            });
        }
    }
    let num_frames = values.len() / columns.len().max(1);
    let values = Array2::from_shape_vec((num_frames, columns.len()), values)?;
    let motion = Motion::new(values, fps).with_context(|| format!("{name} cannot be used"))?;
    let channels = columns
        .iter()
        .map(|&at| Channel { name: header[at].to_owned(), unit: "", scale: 1.0 })
        .collect();
    Ok(Recording { name, motion, channels })
}
