//! A folder of labelled sessions, and the search through it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use motion_dtw::{Keyframe, Motion, MotionDtw, Reference, Tier};
use serde::Deserialize;

use crate::skeleton::{Fingerprint, Skeleton, contained_actions};
use crate::summary::{Content, Search};

/// Seconds kept before the first and after the last keyframe of a reference clip.
const REFERENCE_MARGIN_S: f64 = 0.25;

/// Sessions and references, read and turned into angles.
pub(crate) struct Sessions {
    references: BTreeMap<String, Reference>,
    sessions: Vec<Session>,
}

struct Session {
    name: String,
    action: String,
    mode: String,
    motion: Motion,
    occurrences: Vec<BTreeMap<String, f64>>,
    /// Actions known to be in it.
    contains: Vec<String>,
}

#[derive(Deserialize)]
struct Index {
    references: BTreeMap<String, ReferenceEntry>,
    sessions: Vec<SessionEntry>,
}

#[derive(Deserialize)]
struct ReferenceEntry {
    file: PathBuf,
    keyframes: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct SessionEntry {
    file: PathBuf,
    action: String,
    mode: String,
    occurrences: Vec<BTreeMap<String, f64>>,
    /// Actions among the surrounding clips, where the maker of the sessions says so.
    contains: Option<Vec<String>>,
}

/// `labels.json` beside a folder of sessions: the trials that its clips come from.
#[derive(Deserialize)]
struct Labels {
    trials: Vec<Trial>,
}

#[derive(Deserialize)]
struct Trial {
    trial: String,
    action: String,
    occurrences: Vec<BTreeMap<String, serde_json::Value>>,
}

impl Sessions {
    /// Reads `dir` (or `dir/sessions`); with `provenance`, also finds out which sessions contain which labelled clips.
    pub(crate) fn read(dir: &Path, camera_deg: Option<f64>, provenance: bool) -> Result<Self> {
        let nested = dir.join("sessions");
        let dir = if dir.join("sessions.json").is_file() { dir } else { &nested };
        let index: Index = read_json(&dir.join("sessions.json"))?;
        let view = |skeleton: &Skeleton, frame: f64| match camera_deg {
            Some(angle) => skeleton.projected(angle, frame).motion(),
            None => skeleton.motion(),
        };
        let mut known = Vec::new();
        let mut references = BTreeMap::new();
        for (action, entry) in &index.references {
            let skeleton = Skeleton::read(&dir.join(&entry.file))?;
            let middle = middle(&entry.keyframes);
            known.extend(Fingerprint::of(&skeleton, action, middle / skeleton.fps));
            let mut keyframes: Vec<Keyframe> = entry
                .keyframes
                .iter()
                .map(|(name, &frame)| Keyframe::new(name.clone(), frame))
                .collect();
            keyframes.sort_by(|a, b| a.frame.total_cmp(&b.frame));
            let reference =
                Reference::new(view(&skeleton, middle)?, keyframes)?.trimmed(REFERENCE_MARGIN_S)?;
            references.insert(action.clone(), reference);
        }
        let skeletons: Vec<Skeleton> = index
            .sessions
            .iter()
            .map(|entry| Skeleton::read(&dir.join(&entry.file)))
            .collect::<Result<_>>()?;
        if provenance {
            for (entry, skeleton) in index.sessions.iter().zip(&skeletons) {
                let clips =
                    entry.occurrences.iter().map(|keyframes| middle(keyframes) / skeleton.fps);
                known.extend(
                    clips.filter_map(|middle_s| Fingerprint::of(skeleton, &entry.action, middle_s)),
                );
            }
            known.extend(labelled_trials(dir)?);
        }
        let mut sessions = Vec::new();
        for (entry, skeleton) in index.sessions.into_iter().zip(&skeletons) {
            let at = entry.occurrences.first().map_or(0.0, middle);
            sessions.push(Session {
                name: entry.file.display().to_string(),
                motion: view(skeleton, at)?,
                contains: match entry.contains {
                    Some(contains) => contains,
                    None if provenance => contained_actions(skeleton, &known),
                    None => Vec::new(),
                },
                action: entry.action,
                mode: entry.mode,
                occurrences: entry.occurrences,
            });
        }
        Ok(Self { references, sessions })
    }

    /// Searches each session for its own action, and with `absent` for all others.
    pub(crate) fn search(&self, aligner: &MotionDtw, absent: bool) -> Result<Vec<Search>> {
        let mut searches = Vec::new();
        for session in &self.sessions {
            for (action, reference) in &self.references {
                if absent || *action == session.action {
                    searches.push(session.search(aligner, action, reference)?);
                }
            }
        }
        Ok(searches)
    }
}

impl Session {
    fn search(&self, aligner: &MotionDtw, action: &str, reference: &Reference) -> Result<Search> {
        let content =
            match (*action == self.action, self.contains.iter().any(|name| name == action)) {
                (true, _) => Content::Present,
                (false, true) => Content::Unlabelled,
                (false, false) => Content::Absent,
            };
        let mut search = Search {
            session: self.name.clone(),
            action: action.to_owned(),
            mode: self.mode.clone(),
            content,
            cost: f64::INFINITY,
            tier: Tier::NotFound,
            iou: 0.0,
            errors: Vec::new(),
            sigmas: Vec::new(),
            ms: 0.0,
        };
        let start = Instant::now();
        let found = match aligner.align(&self.motion, reference) {
            Ok(found) => found,
            // Too short for this action: it is not there.
            Err(motion_dtw::Error::QueryTooShort { .. } | motion_dtw::Error::NoPath { .. }) => {
                return Ok(search);
            }
            Err(error) => {
                return Err(error).with_context(|| format!("{} in {}", action, self.name));
            }
        };
        search.ms = start.elapsed().as_secs_f64() * 1000.0;
        (search.cost, search.tier) = (found.quality.cost, found.quality.tier);
        if content != Content::Present {
            return Ok(search);
        }
        let to_60_fps = 60.0 / self.motion.fps();
        search.sigmas =
            found.keyframes.iter().map(|keyframe| keyframe.sigma_frames * to_60_fps).collect();
        let mut least = f64::INFINITY;
        for occurrence in &self.occurrences {
            let frame_of = |name: &str| occurrence.get(name).copied().unwrap_or(f64::NAN);
            let errors: Vec<f64> = found
                .keyframes
                .iter()
                .map(|keyframe| (keyframe.frame - frame_of(&keyframe.name)) * to_60_fps)
                .collect();
            let total: f64 = errors.iter().map(|error| error.abs()).sum();
            if total < least {
                let (first, last) = (&found.keyframes[0], &found.keyframes[errors.len() - 1]);
                let truth = (frame_of(&first.name), frame_of(&last.name));
                let overlap = (truth.1.min(last.frame) - truth.0.max(first.frame)).max(0.0);
                search.iou = overlap / (truth.1.max(last.frame) - truth.0.min(first.frame));
                (least, search.errors) = (total, errors);
            }
        }
        Ok(search)
    }
}

/// Clips of the trials in `dir/../labels.json`, where that exists.
fn labelled_trials(dir: &Path) -> Result<Vec<Fingerprint>> {
    let parent = dir.join("..");
    let labels = parent.join("labels.json");
    if !labels.is_file() {
        return Ok(Vec::new());
    }
    let mut clips = Vec::new();
    for trial in read_json::<Labels>(&labels)?.trials {
        let path = parent.join(format!("{}.csv", trial.trial));
        if trial.occurrences.is_empty() || !path.is_file() {
            continue;
        }
        let skeleton = Skeleton::read(&path)?;
        for occurrence in &trial.occurrences {
            let keyframes: BTreeMap<String, f64> = occurrence
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)))
                .collect();
            clips.extend(Fingerprint::of(
                &skeleton,
                &trial.action,
                middle(&keyframes) / skeleton.fps,
            ));
        }
    }
    Ok(clips)
}

fn middle(keyframes: &BTreeMap<String, f64>) -> f64 {
    let first = keyframes.values().copied().fold(f64::INFINITY, f64::min);
    let last = keyframes.values().copied().fold(f64::NEG_INFINITY, f64::max);
    (first + last) / 2.0
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
}
