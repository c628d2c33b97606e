use std::path::Path;

use serde::Deserialize;

use super::people::{self, Detection, detection};
use super::pixels::pictures;
use super::{Format, Recording, known_fps, read_text};
use crate::{Error, JointSet, Result, SkeletonSeries};

#[derive(Deserialize)]
struct Annotations {
    annotations: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    image_id: u64,
    keypoints: Vec<f64>,
}

/// Confidence of a point that an annotator placed but could not see (visibility 1), ours.
const HIDDEN_CONFIDENCE: f64 = 0.5;

/// Reads COCO keypoints, 17 joints: `image_id` is the frame number, `keypoints` holds x, y, confidence.
///
/// Pixels, y turned over. In annotations the third value is a visibility: 0 missing, 1 hidden, 2 seen.
pub(super) fn read(path: &Path, fps: Option<f64>) -> Result<Recording> {
    let text = read_text(path)?;
    let json = |source| Error::Json { path: path.to_owned(), source };
    // Told by the first character, so that the error of the right reading is the one shown.
    let (mut entries, are_annotations) = if text.trim_start().starts_with('[') {
        (serde_json::from_str::<Vec<Entry>>(&text).map_err(json)?, false)
    } else {
        (serde_json::from_str::<Annotations>(&text).map_err(json)?.annotations, true)
    };
    let mut detections: Vec<Detection> = Vec::with_capacity(entries.len());
    for (entry, Entry { image_id, keypoints }) in entries.iter_mut().enumerate() {
        let wrong =
            |problem| Error::Entry { path: path.to_owned(), entry, field: "keypoints", problem };
        if keypoints.len() != 3 * JointSet::Coco17.joints().len() {
            return Err(wrong(format!(
                "{} values; expected 51 (17 joints of x, y, confidence)",
                keypoints.len()
            )));
        }
        if are_annotations {
            for visibility in keypoints.iter_mut().skip(2).step_by(3) {
                *visibility = match *visibility {
                    1.0 => HIDDEN_CONFIDENCE,
                    2.0 => 1.0,
                    other => other,
                };
            }
        }
        detections.push(detection(*image_id, keypoints).map_err(wrong)?);
    }
    if detections.is_empty() {
        return Err(Error::Empty { path: path.to_owned() });
    }
    let fps = known_fps(path, fps, None)?;
    people::recording(path, JointSet::Coco17.joints(), detections, fps)
}

/// COCO keypoint results: an entry a frame with anybody in it, `0, 0, 0` for an unseen joint.
pub(super) fn to_json(series: &SkeletonSeries, first_frame: u64) -> Result<String> {
    let pictures = pictures(series, JointSet::Coco17, Format::Coco)?;
    let seen = (first_frame..).zip(pictures).filter(|(_, picture)| picture.num_seen > 0);
    let entries = seen.map(|(image_id, picture)| {
        serde_json::json!({
            "image_id": image_id, "category_id": 1, "keypoints": picture.flat, "score": picture.score,
        })
    });
    Ok(serde_json::Value::Array(entries.collect()).to_string())
}
