//! TensorBoard's event files: records of protobuf, each between two checksums.
//!
//! The crates that write these (`tensorboard-rs`, `tfrecord`, `tboard`) have not been released for years or bring an old protobuf, and
//! what is needed of the format is three messages and a frame.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use super::{Event as RunEvent, Observer};
use crate::{Error, Result};

/// Metrics as scalars for TensorBoard.
#[derive(Debug)]
pub struct TensorBoardLog {
    path: PathBuf,
    file: File,
}

impl TensorBoardLog {
    /// Starts an event file in a folder. A resumed run starts another one beside it; TensorBoard shows them as one.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn create(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        fs::create_dir_all(dir).map_err(Error::file(dir))?;
        let (seconds, process) = (now() as u64, std::process::id());
        let path = dir.join(format!("events.out.tfevents.{seconds:010}.{process}.grpo"));
        let file = File::create(&path).map_err(Error::file(&path))?;
        let mut log = Self { path, file };
        log.write(&Event {
            wall_time: now(),
            file_version: Some("brain.Event:2".into()),
            ..Event::default()
        })?;
        Ok(log)
    }

    /// The event file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn write(&mut self, event: &Event) -> Result<()> {
        self.file.write_all(&frame(&event.encode_to_vec())).map_err(Error::file(&self.path))
    }
}

impl Observer for TensorBoardLog {
    fn event(&mut self, event: &RunEvent<'_>) -> Result<()> {
        let RunEvent::Step { step, metrics, .. } = event else { return Ok(()) };
        let scalar = |(tag, value): (&String, &f64)| Value {
            tag: tag.clone(),
            simple_value: Some(*value as f32),
        };
        let summary = Summary { value: metrics.iter().map(scalar).collect() };
        let step = i64::try_from(*step).unwrap_or(i64::MAX);
        self.write(&Event { wall_time: now(), step, summary: Some(summary), ..Event::default() })
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// A record as TensorFlow frames it: length, its checksum, the data, their checksum; little-endian.
fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = length.to_vec();
    record.extend(masked_crc(&length).to_le_bytes());
    record.extend(data);
    record.extend(masked_crc(data).to_le_bytes());
    record
}

/// CRC-32C, rotated and shifted so that a checksum of data that hold checksums stays meaningful.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// `tensorflow.Event`, the fields used here.
#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

/// `tensorflow.Summary`.
#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

/// `tensorflow.Summary.Value`. Optional, for a plain 0 would not be written.
#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, B.4, gives CRC-32C of 32 zero bytes as aa 36 91 8a, least byte first.
    #[test]
    fn checksum_is_castagnoli_s() {
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(masked_crc(&[0; 32]), 0x0fd7_fffa); // rotated by hand
    }

    /// Written by TensorBoard's own code (`tests/fixtures/tensorboard_record.py`).
    #[test]
    fn record_is_tensorboard_s_byte_for_byte() {
        let value = |tag: &str, value| Value { tag: tag.into(), simple_value: Some(value) };
        let summary = Summary { value: vec![value("loss", 0.0), value("reward/mean", 0.25)] };
        let event = Event {
            wall_time: 1_700_000_000.5,
            step: 7,
            file_version: None,
            summary: Some(summary),
        };
        assert_eq!(
            frame(&event.encode_to_vec()),
            include_bytes!("../../tests/fixtures/tensorboard_record.bin")
        );
    }
}
