use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::people::{self, Detection, detection};
use super::pixels::{Picture, pictures};
use super::{Format, Recording, known_fps, read_text, write_whole};
use crate::{Error, Joint, JointSet, Result, SkeletonSeries};

#[derive(Deserialize)]
struct Frame {
    people: Vec<Person>,
}

#[derive(Deserialize)]
struct Person {
    #[serde(default)]
    pose_keypoints_2d: Vec<f64>,
}

/// More frames than this are not one recording (ours: 4.6 hours at 60 a second).
const MAX_FILES: usize = 1_000_000;

/// Whether a single file is one frame of an OpenPose folder, by its name.
pub(super) fn is_frame_file(path: &Path) -> bool {
    path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem.ends_with("_keypoints"))
}

/// Reads a folder of `<name>_<frame number>_keypoints.json`, or the one such file given (a recording of one frame).
///
/// Pixels, y turned over. The model is told from the number of values: 75 is BODY_25, 54 is COCO-18. A frame without
/// people is a frame without sightings; a missing number is too.
pub(super) fn read(path: &Path, fps: Option<f64>) -> Result<Recording> {
    let files = if path.is_dir() {
        frame_files(path)?
    } else {
        vec![(frame_number(path)?, path.to_owned())]
    };
    let mut joints: Option<(&'static [Joint], PathBuf)> = None;
    let mut detections: Vec<Detection> = Vec::new();
    for (number, file) in &files {
        let frame: Frame = serde_json::from_str(&read_text(file)?)
            .map_err(|source| Error::Json { path: file.clone(), source })?;
        for (entry, person) in frame.people.iter().enumerate() {
            let wrong = |problem| Error::Entry {
                path: file.clone(),
                entry,
                field: "pose_keypoints_2d",
                problem,
            };
            let flat = &person.pose_keypoints_2d;
            let found: &'static [Joint] = match flat.len() {
                0 => continue, // a face or hand without a body
                75 => JointSet::Body25.joints(),
                54 => JointSet::OpenPose18.joints(),
                n => {
                    return Err(wrong(format!(
                        "{n} values; expected 75 (BODY_25) or 54 (COCO-18)"
                    )));
                }
            };
            match &joints {
                Some((expected, first)) if expected.len() != found.len() => {
                    let problem = format!(
                        "{} joints, but {} in {}",
                        found.len(),
                        expected.len(),
                        first.display()
                    );
                    return Err(wrong(problem));
                }
                Some(_) => {}
                None => joints = Some((found, file.clone())),
            }
            detections.push(detection(*number, flat).map_err(wrong)?);
        }
    }
    let fps = known_fps(path, fps, None)?;
    let Some((joints, _)) = joints else { return Err(Error::Nobody { path: path.to_owned() }) };
    people::recording(path, joints, detections, fps)
}

/// Writes a folder of one JSON file a frame, BODY_25, as OpenPose does: `0, 0, 0` for an unseen joint, nobody in a
/// frame without any.
///
/// Files of an earlier recording in that folder would be mixed with these, so there may be none.
pub(super) fn write(path: &Path, series: &SkeletonSeries, first_frame: u64) -> Result<()> {
    let pictures = pictures(series, JointSet::Body25, Format::OpenPose)?;
    std::fs::create_dir_all(path).map_err(|source| Error::io(path, source))?;
    for entry in std::fs::read_dir(path).map_err(|source| Error::io(path, source))? {
        let found = entry.map_err(|source| Error::io(path, source))?.path();
        if is_frame_file(&found) {
            let source = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
            return Err(Error::io(&found, source));
        }
    }
    for (number, Picture { flat, num_seen, .. }) in (first_frame..).zip(pictures) {
        let person = serde_json::json!({"person_id": [-1], "pose_keypoints_2d": flat});
        let people: Vec<_> = (num_seen > 0).then_some(person).into_iter().collect();
        let text = serde_json::json!({"version": 1.3, "people": people}).to_string();
        write_whole(&path.join(format!("pose_{number:012}_keypoints.json")), text.as_bytes())?;
    }
    Ok(())
}

/// The frame files of a folder with their numbers, in rising order.
fn frame_files(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let io = |source| Error::io(folder, source);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|e| e == "json") && is_frame_file(&path) {
            files.push((frame_number(&path)?, path));
        }
        if files.len() > MAX_FILES {
            let (found, limit) = (files.len() as u64, MAX_FILES as u64);
            return Err(Error::TooLarge { path: folder.to_owned(), what: "files", found, limit });
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Error::Empty { path: folder.to_owned() });
    }
    if let Some(pair) = files.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let other = pair[0].1.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let problem =
            format!("frame number {} is also that of {other}; is this one recording?", pair[0].0);
        return Err(Error::Header { path: pair[1].1.clone(), field: "file name".into(), problem });
    }
    Ok(files)
}

/// The last run of digits before `_keypoints`.
fn frame_number(path: &Path) -> Result<u64> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
    number_at_end(stem.strip_suffix("_keypoints").unwrap_or(stem)).ok_or_else(|| {
        let problem = "expected a frame number, as in 'run_000000000012_keypoints.json'".to_owned();
        Error::Header { path: path.to_owned(), field: "file name".into(), problem }
    })
}

/// The digits a name ends with, as a number.
pub(super) fn number_at_end(name: &str) -> Option<u64> {
    name.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or("").parse().ok()
}
