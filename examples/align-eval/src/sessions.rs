//! A folder of labelled sessions, and the search through it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use motion_dtw::{Keyframe, Motion, MotionDtw, Reference, Tier};
use serde::Deserialize;

use crate::skeleton::{Fingerprint, Skeleton, contained_actions};
use crate::summary::{Content, Search};

/// Seconds kept before the first and after the last keyframe of a reference clip.
const REFERENCE_MARGIN_S: f64 = 0.25;

/// Sessions and references, read and turned into angles.
pub(crate) struct Sessions {
    references: BTreeMap<String, Reference>,
    /// Every labelled trial of each action, with the recording's name: for voting.
    trials: BTreeMap<String, Vec<(String, Reference)>>,
    sessions: Vec<Session>,
}

struct Session {
    name: String,
    action: String,
    mode: String,
    /// Recording that the action was taken from, where the maker of the sessions says so.
    target_trial: Option<String>,
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
    target_trial: Option<String>,
    occurrences: Vec<BTreeMap<String, f64>>,
    /// Actions among the surrounding clips, where the maker of the sessions says so.
    contains: Option<Vec<String>>,
}

/// `labels.json` beside a folder of sessions: the trials that its clips come from.
#[derive(Deserialize)]
struct Labels {
    trials: Vec<Trial>,
}

/// What a session is searched with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Models {
    /// The reference clip of the action.
    Single,
    /// At most so many labelled trials of the action, none of them the session's own recording, which vote.
    Voting {
        max: usize,
        /// Whether they choose the settings as well.
        tuned: bool,
    },
}

#[derive(Deserialize)]
struct Trial {
    trial: String,
    action: String,
    occurrences: Vec<BTreeMap<String, serde_json::Value>>,
}

impl Sessions {
    /// Reads `dir` (or `dir/sessions`); with `provenance`, also finds out which sessions contain which labelled clips,
    /// with `voting`, keeps those of `../labels.json` as references.
    pub(crate) fn read(
        dir: &Path,
        camera_deg: Option<f64>,
        provenance: bool,
        voting: bool,
    ) -> Result<Self> {
        let nested = dir.join("sessions");
        let dir = if dir.join("sessions.json").is_file() { dir } else { &nested };
        let index: Index = read_json(&dir.join("sessions.json"))?;
        let mut known = Vec::new();
        let mut references = BTreeMap::new();
        for (action, entry) in &index.references {
            let skeleton = Skeleton::read(&dir.join(&entry.file))?;
            known.extend(Fingerprint::of(
                &skeleton,
                action,
                middle(&entry.keyframes) / skeleton.fps,
            ));
            let reference = reference(&skeleton, &entry.keyframes, camera_deg)?;
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
        }
        let mut trials: BTreeMap<String, Vec<(String, Reference)>> = BTreeMap::new();
        if provenance || voting {
            for trial in labelled_trials(dir)? {
                for positions in &trial.occurrences {
                    let middle_s = middle(positions) / trial.skeleton.fps;
                    known.extend(Fingerprint::of(&trial.skeleton, &trial.action, middle_s));
                    let Some(model) = index.references.get(&trial.action).filter(|_| voting) else {
                        continue;
                    };
                    // Only the keyframes of the action's reference clip, if this trial has them all.
                    let names = model.keyframes.keys();
                    let named: BTreeMap<String, f64> = names
                        .filter_map(|name| Some((name.clone(), *positions.get(name)?)))
                        .collect();
                    if named.len() == model.keyframes.len() {
                        let reference = reference(&trial.skeleton, &named, camera_deg)?;
                        let entries = trials.entry(trial.action.clone()).or_default();
                        entries.push((trial.name.clone(), reference));
                    }
                }
            }
            if let Some(action) =
                references.keys().find(|&action| voting && !trials.contains_key(action))
            {
                bail!("{}: no labelled trial of {action} in ../labels.json", dir.display());
            }
        }
        let mut sessions = Vec::new();
        for (entry, skeleton) in index.sessions.into_iter().zip(&skeletons) {
            let at = entry.occurrences.first().map_or(0.0, middle);
            sessions.push(Session {
                name: entry.file.display().to_string(),
                motion: view(skeleton, at, camera_deg)?,
                target_trial: entry.target_trial,
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
        Ok(Self { references, trials, sessions })
    }

    /// Searches each session for its own action, and with `absent` for all others.
    pub(crate) fn search(
        &self,
        aligner: &MotionDtw,
        models: Models,
        absent: bool,
    ) -> Result<Vec<Search>> {
        let mut searches = Vec::new();
        let mut tunings: Vec<(Vec<Reference>, MotionDtw)> = Vec::new();
        for session in &self.sessions {
            for (action, reference) in &self.references {
                if !absent && *action != session.action {
                    continue;
                }
                let references = match models {
                    Models::Single => vec![reference.clone()],
                    Models::Voting { max, .. } => self.others(action, session, max),
                };
                if references.is_empty() {
                    bail!("no labelled trial of {action} but the one that {} holds", session.name);
                }
                let tuned = matches!(models, Models::Voting { tuned: true, .. });
                if tuned && !tunings.iter().any(|(known, _)| *known == references) {
                    tunings.push((references.clone(), aligner.tuned(&references)?.aligner));
                }
                let tuning = tunings.iter().find(|(known, _)| *known == references);
                let aligner = tuning.map_or(aligner, |(_, aligner)| aligner);
                searches.push(session.search(aligner, action, &references)?);
            }
        }
        Ok(searches)
    }

    /// Up to `max` labelled occurrences of `action`, spread evenly over all that are not of the session's recording.
    fn others(&self, action: &str, session: &Session, max: usize) -> Vec<Reference> {
        let all: Vec<&Reference> = self.trials[action]
            .iter()
            .filter(|(trial, _)| session.target_trial.as_ref() != Some(trial))
            .map(|(_, reference)| reference)
            .collect();
        let count = max.min(all.len());
        (0..count).map(|idx| all[idx * all.len() / count].clone()).collect()
    }
}

/// One search by one or by several references.
struct Found {
    keyframes: Vec<(String, f64, f64)>,
    cost: f64,
    tier: Tier,
}

fn find(
    aligner: &MotionDtw,
    query: &Motion,
    references: &[Reference],
) -> motion_dtw::Result<Found> {
    if let [reference] = references {
        let found = aligner.align(query, reference)?;
        let keyframes = found.keyframes.into_iter();
        let keyframes = keyframes.map(|k| (k.name, k.frame, k.sigma_frames)).collect();
        return Ok(Found { keyframes, cost: found.quality.cost, tier: found.quality.tier });
    }
    let found = aligner.align_many(query, references)?;
    let keyframes = found.keyframes.into_iter().map(|k| (k.name, k.frame, k.sigma_frames));
    Ok(Found { keyframes: keyframes.collect(), cost: found.cost, tier: found.tier })
}

impl Session {
    fn search(
        &self,
        aligner: &MotionDtw,
        action: &str,
        references: &[Reference],
    ) -> Result<Search> {
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
        let found = match find(aligner, &self.motion, references) {
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
        (search.cost, search.tier) = (found.cost, found.tier);
        if content != Content::Present {
            return Ok(search);
        }
        let to_60_fps = 60.0 / self.motion.fps();
        search.sigmas = found.keyframes.iter().map(|keyframe| keyframe.2 * to_60_fps).collect();
        let mut least = f64::INFINITY;
        for occurrence in &self.occurrences {
            let frame_of = |name: &str| occurrence.get(name).copied().unwrap_or(f64::NAN);
            let errors: Vec<f64> = found
                .keyframes
                .iter()
                .map(|(name, frame, _)| (frame - frame_of(name)) * to_60_fps)
                .collect();
            let total: f64 = errors.iter().map(|error| error.abs()).sum();
            if total < least {
                let (first, last) = (&found.keyframes[0], &found.keyframes[errors.len() - 1]);
                let truth = (frame_of(&first.0), frame_of(&last.0));
                let overlap = (truth.1.min(last.1) - truth.0.max(first.1)).max(0.0);
                search.iou = overlap / (truth.1.max(last.1) - truth.0.min(first.1));
                (least, search.errors) = (total, errors);
            }
        }
        Ok(search)
    }
}

/// A labelled trial of `dir/../labels.json`.
struct LabelledTrial {
    name: String,
    action: String,
    skeleton: Skeleton,
    occurrences: Vec<BTreeMap<String, f64>>,
}

/// The trials in `dir/../labels.json` whose recordings are beside it; none where that does not exist.
fn labelled_trials(dir: &Path) -> Result<Vec<LabelledTrial>> {
    let parent = dir.join("..");
    let labels = parent.join("labels.json");
    if !labels.is_file() {
        return Ok(Vec::new());
    }
    let mut trials = Vec::new();
    for trial in read_json::<Labels>(&labels)?.trials {
        let path = parent.join(format!("{}.csv", trial.trial));
        if trial.occurrences.is_empty() || !path.is_file() {
            continue;
        }
        let positions = |occurrence: &BTreeMap<String, serde_json::Value>| {
            let named = occurrence.iter();
            named.filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))).collect()
        };
        trials.push(LabelledTrial {
            skeleton: Skeleton::read(&path)?,
            occurrences: trial.occurrences.iter().map(positions).collect(),
            name: trial.trial,
            action: trial.action,
        });
    }
    Ok(trials)
}

/// A reference clip, seen by the camera if there is one.
fn reference(
    skeleton: &Skeleton,
    positions: &BTreeMap<String, f64>,
    camera_deg: Option<f64>,
) -> Result<Reference> {
    let mut keyframes: Vec<Keyframe> =
        positions.iter().map(|(name, &frame)| Keyframe::new(name.clone(), frame)).collect();
    keyframes.sort_by(|a, b| a.frame.total_cmp(&b.frame));
    let motion = view(skeleton, middle(positions), camera_deg)?;
    Ok(Reference::new(motion, keyframes)?.trimmed(REFERENCE_MARGIN_S)?)
}

fn view(skeleton: &Skeleton, frame: f64, camera_deg: Option<f64>) -> Result<Motion> {
    match camera_deg {
        Some(angle) => skeleton.projected(angle, frame).motion(),
        None => skeleton.motion(),
    }
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
