use std::path::Path;

use serde::Deserialize;

use super::openpose::number_at_end;
use super::people::{self, Detection, detection};
use super::pixels::pictures;
use super::{Format, Recording, known_fps, read_text};
use crate::{Error, JointSet, Result, SkeletonSeries};

#[derive(Deserialize)]
struct Entry {
    image_id: ImageId,
    keypoints: Vec<f64>,
}

/// File name of the picture, or its number.
#[derive(Deserialize)]
#[serde(untagged)]
enum ImageId {
    Number(u64),
    Name(String),
}

impl ImageId {
    fn frame_number(&self) -> std::result::Result<u64, String> {
        match self {
            ImageId::Number(number) => Ok(*number),
            ImageId::Name(name) => {
                let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str());
                stem.and_then(number_at_end).ok_or_else(|| {
                    format!("{name:?} has no frame number; expected a name such as '12.jpg'")
                })
            }
        }
    }
}

/// Reads AlphaPose's results: a list of people, `image_id` a file name with the frame number in it.
///
/// The joints are told from the number of values: 51 COCO-17, 78 Halpe-26, 408 Halpe's 136 (its first 26 are kept).
pub(super) fn read(path: &Path, fps: Option<f64>) -> Result<Recording> {
    let entries: Vec<Entry> = serde_json::from_str(&read_text(path)?)
        .map_err(|source| Error::Json { path: path.to_owned(), source })?;
    let mut set: Option<JointSet> = None;
    let mut detections: Vec<Detection> = Vec::with_capacity(entries.len());
    for (entry, Entry { image_id, keypoints }) in entries.iter().enumerate() {
        let wrong = |field, problem| Error::Entry { path: path.to_owned(), entry, field, problem };
        let number = image_id.frame_number().map_err(|problem| wrong("image_id", problem))?;
        let found = match keypoints.len() {
            51 => JointSet::Coco17,
            78 | 408 => JointSet::Halpe26,
            n => {
                let problem = format!("{n} values; expected 51 (COCO-17), 78 (Halpe-26) or 408");
                return Err(wrong("keypoints", problem));
            }
        };
        if let Some(expected) = set.replace(found).filter(|expected| *expected != found) {
            let problem = format!("{found} joints, but {expected} in the first entry");
            return Err(wrong("keypoints", problem));
        }
        let body = &keypoints[..3 * found.joints().len()];
        let person = detection(number, body).map_err(|problem| wrong("keypoints", problem))?;
        detections.push(person);
    }
    let Some(set) = set else { return Err(Error::Empty { path: path.to_owned() }) };
    people::recording(path, set.joints(), detections, known_fps(path, fps, None)?)
}

/// AlphaPose's results, Halpe-26: an entry a frame with anybody in it, `0, 0, 0` for an unseen joint.
pub(super) fn to_json(series: &SkeletonSeries, first_frame: u64) -> Result<String> {
    let pictures = pictures(series, JointSet::Halpe26, Format::AlphaPose)?;
    let seen = (first_frame..).zip(pictures).filter(|(_, picture)| picture.num_seen > 0);
    let entries = seen.map(|(number, picture)| {
        serde_json::json!({
            "image_id": format!("{number}.jpg"), "category_id": 1, "keypoints": picture.flat,
            "score": picture.score, "box": picture.bounds(), "idx": [1],
        })
    });
    Ok(serde_json::Value::Array(entries.collect()).to_string())
}
