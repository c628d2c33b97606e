//! A recording with a name: the athlete's or the reference's.

use std::path::{Path, PathBuf};

use pose::{Recording, SkeletonSeries};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

use crate::report::Subject;
use crate::{Error, Result};

/// One recorded (or simulated) motion.
#[derive(Debug, Clone)]
pub struct Trial {
    name: String,
    series: SkeletonSeries,
    keyframes: Vec<(String, f64)>,
    action: Option<String>,
    people: Option<String>,
    simulated: bool,
}

impl Trial {
    /// A recording under a name for people, usually its file's.
    ///
    /// Keyframes and the action are taken over from the recording where it has them; it counts as
    /// simulated if its `source` says so.
    #[must_use]
    pub fn new(name: impl Into<String>, recording: Recording) -> Self {
        let Recording { series, meta, keyframes, .. } = recording;
        let simulated = meta.get("source").is_some_and(|source| source.starts_with("simulated"));
        let (action, people) = (meta.get("action").cloned(), meta.get("people").cloned());
        Self { name: name.into(), series, keyframes, action, people, simulated }
    }

    /// The same trial with other keyframes: names and sub-frame positions.
    #[must_use]
    pub fn with_keyframes(mut self, keyframes: Vec<(String, f64)>) -> Self {
        self.keyframes = keyframes;
        self
    }

    /// Name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The skeletons.
    #[must_use]
    pub fn series(&self) -> &SkeletonSeries {
        &self.series
    }

    /// Labelled keyframes; empty for an athlete's recording.
    #[must_use]
    pub fn keyframes(&self) -> &[(String, f64)] {
        &self.keyframes
    }

    /// What the recording says it shows: `squat`.
    #[must_use]
    pub fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    /// What the reader said of several people in one file: who was taken.
    pub(crate) fn people(&self) -> Option<&str> {
        self.people.as_deref()
    }

    /// Whether it comes from a simulation.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        self.simulated
    }

    /// Looks for keyframes beside the file `path`, if the recording itself has none.
    ///
    /// Understood are `labels.json` (`trials[]` with `trial`, `occurrences[]`) and `sessions.json`
    /// (`references` with `file`, `keyframes`) in the same folder or the one above, both as the
    /// layouts in this crate's README; the first occurrence is taken.
    ///
    /// # Errors
    ///
    /// [`Error::Labels`] if such a file exists but cannot be read, or its entry is malformed.
    pub fn with_labels_beside(self, path: &Path) -> Result<Self> {
        if !self.keyframes.is_empty() {
            return Ok(self);
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        for folder in [folder.to_path_buf(), folder.join("..")] {
            for (file, parse) in
                [("labels.json", from_labels as Parse), ("sessions.json", from_sessions)]
            {
                let labels = folder.join(file);
                if !labels.is_file() {
                    continue;
                }
                if let Some(keyframes) = read_labels(&labels, path, parse)? {
                    return Ok(self.with_keyframes(keyframes));
                }
            }
        }
        Ok(self)
    }

    pub(crate) fn subject(&self) -> Subject {
        let joints = self.series.joints();
        let missing: f64 = joints.iter().map(|&joint| self.series.missing_share(joint)).sum();
        Subject {
            name: self.name.clone(),
            fps: self.series.fps(),
            num_frames: self.series.num_frames(),
            num_dims: self.series.num_dims(),
            unit: self.series.unit().name().to_owned(),
            missing_share: missing / joints.len() as f64,
        }
    }

    /// SHA-256 of joints, rate, positions, confidence and keyframes, so that equal inputs are known
    /// as equal whatever file they came in.
    pub(crate) fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for joint in self.series.joints() {
            hasher.update(joint.name());
            hasher.update([0]);
        }
        hasher.update(self.series.fps().to_le_bytes());
        for value in self.series.positions().iter().chain(self.series.confidence().iter()) {
            // One bit pattern for every NaN.
            let value = if value.is_nan() { f64::NAN } else { *value };
            hasher.update(value.to_le_bytes());
        }
        for (name, frame) in &self.keyframes {
            hasher.update(name);
            hasher.update(frame.to_le_bytes());
        }
        hex(&hasher.finalize())
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

type Keyframes = BTreeMap<String, f64>;
type Parse = fn(&str, &Path) -> std::result::Result<Option<Keyframes>, String>;

fn read_labels(labels: &Path, path: &Path, parse: Parse) -> Result<Option<Vec<(String, f64)>>> {
    let bad = |message: String| Error::Labels { path: PathBuf::from(labels), message };
    let text = std::fs::read_to_string(labels)
        .map_err(|source| Error::Io { path: labels.to_path_buf(), source })?;
    let Some(keyframes) = parse(&text, path).map_err(bad)? else { return Ok(None) };
    let mut keyframes: Vec<(String, f64)> = keyframes.into_iter().collect();
    if let Some((name, frame)) = keyframes.iter().find(|(_, frame)| !frame.is_finite()) {
        return Err(bad(format!(
            "keyframe {name:?} is at {frame}; give its frame, counted from 0"
        )));
    }
    keyframes.sort_by(|a, b| a.1.total_cmp(&b.1));
    Ok((!keyframes.is_empty()).then_some(keyframes))
}

fn from_labels(text: &str, path: &Path) -> std::result::Result<Option<Keyframes>, String> {
    #[derive(Deserialize)]
    struct Labels {
        trials: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        trial: String,
        #[serde(default)]
        occurrences: Vec<Keyframes>,
    }
    let labels: Labels = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let entry = labels.trials.into_iter().find(|entry| entry.trial == stem);
    Ok(entry.and_then(|entry| entry.occurrences.into_iter().next()))
}

fn from_sessions(text: &str, path: &Path) -> std::result::Result<Option<Keyframes>, String> {
    #[derive(Deserialize)]
    struct Sessions {
        references: BTreeMap<String, Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        file: String,
        keyframes: Keyframes,
    }
    let sessions: Sessions = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let name = path.file_name();
    let entry =
        sessions.references.into_values().find(|entry| Path::new(&entry.file).file_name() == name);
    Ok(entry.map(|entry| entry.keyframes))
}
