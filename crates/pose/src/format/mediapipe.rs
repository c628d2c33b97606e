use std::path::Path;

use serde::Deserialize;

use super::people::{self, Detection};
use super::pixels::turned_over;
use super::times::check_times;
use super::{Format, Recording, Row, assemble, known_fps, note_first_frame, read_text};
use crate::series::check_fps;
use crate::{Error, JointSet, Result, SkeletonSeries, Unit};

const NUM_LANDMARKS: usize = 33;

/// The results of MediaPipe's pose landmarker, a frame each; with or without a header.
#[derive(Deserialize)]
struct File {
    fps: Option<f64>,
    #[serde(alias = "image_width")]
    width: Option<f64>,
    #[serde(alias = "image_height")]
    height: Option<f64>,
    #[serde(alias = "results")]
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    #[serde(alias = "frame_id", alias = "frame_idx")]
    frame: Option<u64>,
    timestamp_ms: Option<f64>,
    #[serde(default, alias = "landmarks", alias = "poseLandmarks")]
    pose_landmarks: Landmarks,
    #[serde(
        default,
        alias = "world_landmarks",
        alias = "worldLandmarks",
        alias = "poseWorldLandmarks"
    )]
    pose_world_landmarks: Landmarks,
}

/// The shapes in use: nobody, a message that holds the list (the older solutions), one person, several people.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Landmarks {
    #[default]
    Nobody,
    Message {
        landmark: Vec<Landmark>,
    },
    One(Vec<Landmark>),
    Several(Vec<Vec<Landmark>>),
}

impl Landmarks {
    fn people(&self) -> Vec<&[Landmark]> {
        let lists: Vec<&[Landmark]> = match self {
            Landmarks::Nobody => Vec::new(),
            Landmarks::Message { landmark } => vec![landmark],
            Landmarks::One(landmarks) => vec![landmarks],
            Landmarks::Several(people) => people.iter().map(Vec::as_slice).collect(),
        };
        lists.into_iter().filter(|person| !person.is_empty()).collect()
    }
}

#[derive(Deserialize)]
struct Landmark {
    x: f64,
    y: f64,
    #[serde(default)]
    z: f64,
    visibility: Option<f64>,
}

/// Reads MediaPipe's 33 landmarks, dumped to JSON: a list of results, or `{fps, width, height, frames}`.
///
/// World landmarks, where every sighting has them, give a recording in space: metres, y turned over, the origin between
/// the hips. Otherwise the landmarks of the picture, shares of its width and height, give pixels; their z has no scale
/// and is dropped. `visibility` is the confidence, 1 where it is not given.
pub(super) fn read(path: &Path, fps: Option<f64>) -> Result<Recording> {
    let text = read_text(path)?;
    let json = |source| Error::Json { path: path.to_owned(), source };
    let file = if text.trim_start().starts_with('[') {
        let frames = serde_json::from_str(&text).map_err(json)?;
        File { fps: None, width: None, height: None, frames }
    } else {
        serde_json::from_str::<File>(&text).map_err(json)?
    };
    if file.frames.is_empty() {
        return Err(Error::Empty { path: path.to_owned() });
    }
    let fps = frame_rate(path, fps, &file)?;
    let seen = || file.frames.iter().filter(|f| !f.pose_landmarks.people().is_empty());
    let in_space = file.frames.iter().any(|f| !f.pose_world_landmarks.people().is_empty())
        && seen().all(|f| !f.pose_world_landmarks.people().is_empty());
    if in_space { space(path, &file, fps) } else { picture(path, &file, fps) }
}

fn frame_rate(path: &Path, given: Option<f64>, file: &File) -> Result<f64> {
    let times: Vec<(u64, f64)> = (0..)
        .zip(&file.frames)
        .filter_map(|(i, f)| Some((f.frame.unwrap_or(i), f.timestamp_ms? / 1000.0)))
        .collect();
    if let Some(rate) = file.fps.filter(|rate| given.is_none() && check_fps(*rate).is_err()) {
        let problem = format!("{rate} is not a frame rate; correct it or pass --fps");
        return Err(Error::Header { path: path.to_owned(), field: "fps".into(), problem });
    }
    let from_clock = match (times.first(), times.last()) {
        (Some(first), Some(last)) if last.0 > first.0 && last.1 > first.1 => {
            Some((last.0 - first.0) as f64 / (last.1 - first.1))
        }
        _ => None,
    };
    let fps = known_fps(path, given, file.fps.or(from_clock))?;
    check_fps(fps)?;
    if given.is_none() {
        check_times(path, times.into_iter(), fps)?;
    }
    Ok(fps)
}

fn space(path: &Path, file: &File, fps: f64) -> Result<Recording> {
    let mut rows: Vec<Row> = Vec::new();
    for (entry, frame) in file.frames.iter().enumerate() {
        let number = frame.frame.unwrap_or(entry as u64);
        let wrong = |problem| Error::Entry {
            path: path.to_owned(),
            entry,
            field: "pose_world_landmarks",
            problem,
        };
        if let Some(before) = rows.last().map(|r| r.number).filter(|before| number <= *before) {
            return Err(wrong(format!("frame {number} follows {before}; frames must rise")));
        }
        let mut row = Row {
            number,
            coordinates: vec![f64::NAN; 3 * NUM_LANDMARKS],
            confidence: vec![0.0; NUM_LANDMARKS],
        };
        let people = frame.pose_world_landmarks.people();
        if people.len() > 1 {
            // Each has its own origin, so that nothing tells who is who from frame to frame.
            let problem = format!(
                "{} people, each with an origin of their own; keep one, or leave the world landmarks out",
                people.len()
            );
            return Err(wrong(problem));
        }
        if let Some(person) = people.first() {
            for (j, landmark) in checked(person).map_err(wrong)?.iter().enumerate() {
                let confidence = landmark.visibility.unwrap_or(1.0);
                row.confidence[j] = confidence;
                let [x, y, z] = [landmark.x, -landmark.y, -landmark.z];
                row.coordinates[3 * j..3 * j + 3].copy_from_slice(&[x, y, z]);
            }
        }
        rows.push(row);
    }
    let mut meta = std::collections::BTreeMap::new();
    note_first_frame(&mut meta, &rows);
    let joints = JointSet::BlazePose33.joints().to_vec();
    let series = assemble(path, joints, 3, &rows, fps, Unit::Metre)?;
    Ok(Recording { series, meta, keyframes: Vec::new() })
}

fn picture(path: &Path, file: &File, fps: f64) -> Result<Recording> {
    let size = |value: Option<f64>, field: &str| match value {
        Some(value) if (1.0..=1e6).contains(&value) => Ok(value),
        found => {
            let problem = match found {
                Some(value) => format!("{value} is not a number of pixels"),
                None => "missing; landmarks are shares of the picture, so its size in pixels is needed beside them \
                         ({\"width\": .., \"height\": .., \"frames\": [..]})"
                    .to_owned(),
            };
            Err(Error::Header { path: path.to_owned(), field: field.into(), problem })
        }
    };
    let (width, height) = (size(file.width, "width")?, size(file.height, "height")?);
    let mut detections: Vec<Detection> = Vec::new();
    for (entry, frame) in file.frames.iter().enumerate() {
        let number = frame.frame.unwrap_or(entry as u64);
        for person in frame.pose_landmarks.people() {
            let landmarks = checked(person).map_err(|problem| Error::Entry {
                path: path.to_owned(),
                entry,
                field: "pose_landmarks",
                problem,
            })?;
            let confidence: Vec<f64> =
                landmarks.iter().map(|l| l.visibility.unwrap_or(1.0)).collect();
            let place = |(l, seen): (&Landmark, &f64)| {
                if *seen > 0.0 { [l.x * width, -l.y * height] } else { [f64::NAN; 2] }
            };
            let points = landmarks.iter().zip(&confidence).map(place).collect();
            detections.push(Detection { number, points, confidence });
        }
    }
    let joints = JointSet::BlazePose33.joints();
    let mut recording = people::recording(path, joints, detections, fps)?;
    recording.meta.insert("width".into(), width.to_string());
    recording.meta.insert("height".into(), height.to_string());
    Ok(recording)
}

/// One person's landmarks, all 33 of them and every number one.
fn checked(person: &[Landmark]) -> std::result::Result<&[Landmark], String> {
    if person.len() != NUM_LANDMARKS {
        return Err(format!("{} landmarks; expected {NUM_LANDMARKS}", person.len()));
    }
    let good = |l: &Landmark| {
        [l.x, l.y, l.z].iter().all(|v| v.abs() < 1e6)
            && l.visibility.is_none_or(|v| (0.0..=10.0).contains(&v))
    };
    match person.iter().position(|landmark| !good(landmark)) {
        Some(i) => Err(format!("landmark {i} is no place with a visibility of 0 to 1")),
        None => Ok(person),
    }
}

/// MediaPipe's landmarks with a header: world landmarks of a recording in metres, else shares of a picture, whose size
/// is `size`. An unseen joint has visibility 0.
pub(super) fn to_json(
    series: &SkeletonSeries,
    size: Option<[f64; 2]>,
    first_frame: u64,
) -> Result<String> {
    let cannot = |problem: &str| Error::CannotHold {
        format: Format::MediaPipe,
        problem: problem.to_owned(),
    };
    let (key, scale) = match (series.num_dims(), series.unit(), size) {
        (3, Unit::Metre, _) => ("pose_world_landmarks", [1.0, 1.0]),
        (2, Unit::Pixel, Some(size)) => ("pose_landmarks", size),
        (2, Unit::Pixel, None) => {
            return Err(cannot(
                "landmarks are shares of the picture, and its size is not known (meta `width`, `height`)",
            ));
        }
        _ => return Err(cannot("it holds pixels of a picture, or metres in space")),
    };
    let series_33 = series.to_joint_set(JointSet::BlazePose33);
    let landmark = |f: usize, j: usize| {
        let [x, y, z] = series_33.position_at(f, j).unwrap_or([0.0; 3]);
        serde_json::json!({
            "x": x / scale[0], "y": turned_over(y) / scale[1], "z": turned_over(z),
            "visibility": series_33.confidence()[[f, j]],
        })
    };
    let frames = (0..series.num_frames()).map(|f| {
        let seen = series_33.confidence().row(f).iter().any(|c| *c > 0.0);
        let people: Vec<Vec<_>> =
            if seen { vec![(0..NUM_LANDMARKS).map(|j| landmark(f, j)).collect()] } else { vec![] };
        serde_json::json!({"frame": first_frame + f as u64, key: people})
    });
    let mut file = serde_json::json!({"fps": series.fps(), "frames": frames.collect::<Vec<_>>()});
    if let (2, Some([width, height])) = (series.num_dims(), size) {
        (file["width"], file["height"]) = (width.into(), height.into());
    }
    Ok(file.to_string())
}
