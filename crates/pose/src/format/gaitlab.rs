use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::people::{self, Detection, detection};
use super::times::check_times;
use super::{Recording, known_fps, read_text};
use crate::series::check_fps;
use crate::{Error, Joint, Result, View};

#[derive(Deserialize)]
struct File {
    schema: String,
    #[serde(default)]
    view: String,
    fps: Option<f64>,
    keypoint_names: Vec<String>,
    frames: Vec<Vec<[f64; 3]>>,
    #[serde(default)]
    timestamps: Vec<f64>,
}

/// Reads `gaitlab.pose/v1`, the file of the running-gait-analysis project: named keypoints, `[x, y, confidence]` each.
pub(super) fn read(path: &Path, fps: Option<f64>) -> Result<Recording> {
    let file: File = serde_json::from_str(&read_text(path)?)
        .map_err(|source| Error::Json { path: path.to_owned(), source })?;
    let header = |field: &str, problem: String| Error::Header {
        path: path.to_owned(),
        field: field.to_owned(),
        problem,
    };
    if file.schema != "gaitlab.pose/v1" {
        return Err(header("schema", format!("{:?} is not gaitlab.pose/v1", file.schema)));
    }
    if let (None, Some(rate)) = (fps, file.fps.filter(|rate| check_fps(*rate).is_err())) {
        return Err(header("fps", format!("{rate} is not a frame rate; correct it or pass --fps")));
    }
    let columns: Vec<(usize, Joint)> = file
        .keypoint_names
        .iter()
        .enumerate()
        .filter_map(|(i, name)| Some((i, name.parse().ok()?)))
        .collect();
    if columns.is_empty() {
        return Err(header("keypoint_names", "no keypoint is named like a joint".into()));
    }
    let detections: Vec<Detection> = file
        .frames
        .iter()
        .enumerate()
        .map(|(entry, points)| {
            let wrong =
                |problem| Error::Entry { path: path.to_owned(), entry, field: "frames", problem };
            if points.len() != file.keypoint_names.len() {
                let expected = file.keypoint_names.len();
                return Err(wrong(format!("{} points of {expected} keypoints", points.len())));
            }
            let flat: Vec<f64> = columns.iter().flat_map(|(i, _)| points[*i]).collect();
            detection(entry as u64, &flat).map_err(wrong)
        })
        .collect::<Result<_>>()?;
    if fps.is_none() && !file.timestamps.is_empty() {
        let times = (0..).zip(file.timestamps.iter().copied());
        check_times(path, times, known_fps(path, None, file.fps)?)?;
    }
    let joints: Vec<Joint> = columns.into_iter().map(|(_, joint)| joint).collect();
    let mut recording =
        people::recording(path, &joints, detections, known_fps(path, fps, file.fps)?)?;
    let view = match file.view.split('-').next() {
        Some("side") => Some(View::Side),
        Some("front" | "back" | "rear") => Some(View::Front),
        _ => None,
    };
    if let Some(view) = view {
        recording.series = recording.series.with_view(view);
    }
    recording.meta.extend(BTreeMap::from([("camera".to_owned(), file.view)]));
    recording.meta.retain(|_, value| !value.is_empty());
    Ok(recording)
}
