use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::people::{self, Detection, detection};
use super::pixels::pictures;
use super::{Format, Recording, known_fps, read_text};
use crate::{Error, Joint, JointSet, Result, SkeletonSeries};

#[derive(Deserialize)]
struct Annotated {
    meta_info: MetaInfo,
    instance_info: Vec<Frame>,
}

#[derive(Deserialize)]
struct MetaInfo {
    /// Names of the keypoints by their number.
    keypoint_id2name: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Frame {
    frame_id: u64,
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
struct Instance {
    keypoints: Vec<Vec<f64>>,
    keypoint_scores: Vec<f64>,
}

/// Which entries of `keypoints` are joints this crate knows.
type Columns = Vec<(usize, Joint)>;

/// Reads the JSON of MMPose's inferencer: a list of frames, or the demo scripts' object with `meta_info` beside it.
///
/// The joints are told from `meta_info`'s names, else from their number: 17 COCO, 26 Halpe, 133 COCO-WholeBody, of which
/// the body and the feet are kept.
pub(super) fn read(path: &Path, fps: Option<f64>) -> Result<Recording> {
    let text = read_text(path)?;
    let json = |source| Error::Json { path: path.to_owned(), source };
    let (frames, names) = if text.trim_start().starts_with('[') {
        (serde_json::from_str::<Vec<Frame>>(&text).map_err(json)?, None)
    } else {
        let annotated: Annotated = serde_json::from_str(&text).map_err(json)?;
        (annotated.instance_info, annotated.meta_info.keypoint_id2name)
    };
    if frames.is_empty() {
        return Err(Error::Empty { path: path.to_owned() });
    }
    let mut columns: Option<(usize, Columns)> = None;
    let mut detections: Vec<Detection> = Vec::new();
    for (entry, frame) in frames.iter().enumerate() {
        for Instance { keypoints, keypoint_scores } in &frame.instances {
            let wrong =
                |field, problem| Error::Entry { path: path.to_owned(), entry, field, problem };
            let found = keypoints.len();
            let (expected, columns) = match &columns {
                Some(known) => known,
                None => {
                    let known = columns_of(found, names.as_ref())
                        .map_err(|problem| wrong("keypoints", problem))?;
                    columns.insert((found, known))
                }
            };
            if found != *expected {
                let problem = format!("{found} keypoints, but {expected} before");
                return Err(wrong("keypoints", problem));
            }
            if keypoint_scores.len() != found {
                let problem = format!("{} scores of {found} keypoints", keypoint_scores.len());
                return Err(wrong("keypoint_scores", problem));
            }
            let mut flat = Vec::with_capacity(3 * columns.len());
            for (i, _) in columns {
                let [x, y] = keypoints[*i][..] else {
                    let problem = format!(
                        "point {i} has {} coordinates; expected x, y in pixels",
                        keypoints[*i].len()
                    );
                    return Err(wrong("keypoints", problem));
                };
                flat.extend([x, y, keypoint_scores[*i]]);
            }
            let person =
                detection(frame.frame_id, &flat).map_err(|problem| wrong("keypoints", problem))?;
            detections.push(person);
        }
    }
    let fps = known_fps(path, fps, None)?;
    let Some((_, columns)) = columns else { return Err(Error::Nobody { path: path.to_owned() }) };
    let joints: Vec<Joint> = columns.into_iter().map(|(_, joint)| joint).collect();
    people::recording(path, &joints, detections, fps)
}

fn columns_of(
    num_keypoints: usize,
    names: Option<&BTreeMap<String, String>>,
) -> std::result::Result<Columns, String> {
    use crate::Side::{Left, Right};
    if let Some(names) = names {
        let mut columns: Columns = names
            .iter()
            .filter_map(|(id, name)| Some((id.parse().ok()?, name.parse().ok()?)))
            .filter(|(id, _)| *id < num_keypoints)
            .collect();
        columns.sort_by_key(|(id, _)| *id);
        if let Some((id, joint)) = columns
            .iter()
            .enumerate()
            .find_map(|(i, c)| columns[..i].iter().any(|before| before.1 == c.1).then_some(*c))
        {
            return Err(format!("keypoint_id2name calls point {id} {joint}, as one before it"));
        }
        if !columns.is_empty() {
            return Ok(columns);
        }
    }
    match num_keypoints {
        17 => Ok(JointSet::Coco17.joints().iter().copied().enumerate().collect()),
        26 => Ok(JointSet::Halpe26.joints().iter().copied().enumerate().collect()),
        133 => {
            let feet = [Left, Right]
                .into_iter()
                .flat_map(|side| [Joint::Toe(side), Joint::SmallToe(side), Joint::Heel(side)]);
            Ok(JointSet::Coco17.joints().iter().copied().chain(feet).enumerate().collect())
        }
        n => Err(format!("{n} keypoints without names; expected 17, 26 or 133, or meta_info")),
    }
}

/// The list of MMPose's inferencer, Halpe-26: every frame, nobody in those without any sighting.
pub(super) fn to_json(series: &SkeletonSeries, first_frame: u64) -> Result<String> {
    let pictures = pictures(series, JointSet::Halpe26, Format::MmPose)?;
    let frames = (first_frame..).zip(pictures).map(|(frame_id, picture)| {
        let points: Vec<_> = picture.flat.chunks_exact(3).map(|p| [p[0], p[1]]).collect();
        let scores: Vec<_> = picture.flat.chunks_exact(3).map(|p| p[2]).collect();
        let [left, top, width, height] = picture.bounds();
        let instance = serde_json::json!({
            "keypoints": points, "keypoint_scores": scores,
            "bbox": [[left, top, left + width, top + height]], "bbox_score": picture.score,
        });
        let instances: Vec<_> = (picture.num_seen > 0).then_some(instance).into_iter().collect();
        serde_json::json!({"frame_id": frame_id, "instances": instances})
    });
    Ok(serde_json::Value::Array(frames.collect()).to_string())
}
