//! Skeleton files, the angles that the aligner is fed with, and the test whether two recordings share a clip.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use motion_dtw::Motion;
use ndarray::Array2;

type Point = [f64; 3];

/// Included angle at the middle joint, degrees, of each side.
const INCLUDED: [[&str; 3]; 5] = [
    ["hip", "knee", "ankle"],
    ["shoulder", "hip", "knee"],
    ["knee", "ankle", "toe"],
    ["shoulder", "elbow", "wrist"],
    ["hip", "shoulder", "elbow"],
];

/// Angle of a segment (from, to) with the vertical, degrees, of each side.
const INCLINED: [[&str; 2]; 4] =
    [["knee", "hip"], ["ankle", "knee"], ["shoulder", "elbow"], ["elbow", "wrist"]];

/// Height of a joint above another of its side, in leg lengths.
const HEIGHTS: [[&str; 2]; 3] = [["wrist", "shoulder"], ["ankle", "hip"], ["knee", "hip"]];

/// One leg length weighs as much as one radian.
const DEGREES_PER_LEG: f64 = 57.3;

/// A skeleton recording: frames of named joints, NaN where not measured; metres, y up.
pub(crate) struct Skeleton {
    columns: HashMap<String, usize>,
    frames: Vec<Vec<Point>>,
    pub(crate) fps: f64,
}

impl Skeleton {
    /// Reads a file of the layout described in `data/motion/README.md`: `# key: value` lines, header, rows.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let fps = text
            .lines()
            .take_while(|line| line.starts_with('#'))
            .find_map(|line| line.strip_prefix("# fps:")?.trim().parse().ok())
            .with_context(|| format!("{} has no `# fps:` line", path.display()))?;
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
        let header = reader.headers()?.clone();
        let columns: HashMap<String, usize> = header
            .iter()
            .filter_map(|column| column.strip_suffix("_x"))
            .enumerate()
            .map(|(column, joint)| (joint.to_owned(), column))
            .collect();
        if header.len() != 1 + 3 * columns.len() {
            bail!("{}: columns must be `frame` and x, y, z of each joint", path.display());
        }
        let mut frames = Vec::new();
        for (row, record) in reader.records().enumerate() {
            let cells: Vec<f64> = record?
                .iter()
                .skip(1)
                .map(|cell| if cell.is_empty() { Ok(f64::NAN) } else { cell.parse() })
                .collect::<Result<_, _>>()
                .with_context(|| {
                    format!("{}: row {row} has a cell that is no number", path.display())
                })?;
            frames.push(cells.chunks_exact(3).map(|cell| [cell[0], cell[1], cell[2]]).collect());
        }
        Ok(Self { columns, frames, fps })
    }

    pub(crate) fn num_frames(&self) -> usize {
        self.frames.len()
    }

    fn point(&self, frame: usize, joint: &str) -> Point {
        self.columns.get(joint).map_or([f64::NAN; 3], |&column| self.frames[frame][column])
    }

    fn middle(&self, frame: usize, joint: &str) -> Point {
        let (right, left) =
            (self.point(frame, &format!("{joint}_r")), self.point(frame, &format!("{joint}_l")));
        std::array::from_fn(|k| (right[k] + left[k]) / 2.0)
    }

    /// The skeleton as a still camera sees it, `camera_deg` off the side view of the athlete at `frame`.
    pub(crate) fn projected(&self, camera_deg: f64, frame: f64) -> Self {
        let centre = (frame.round().max(0.0) as usize).min(self.num_frames() - 1);
        let (mut x, mut z) = (0.0, 0.0);
        for frame in centre.saturating_sub(10)..(centre + 10).min(self.num_frames()) {
            let axis = difference(self.point(frame, "hip_r"), self.point(frame, "hip_l"));
            if axis[0].is_finite() {
                (x, z) = (x + axis[0], z + axis[2]);
            }
        }
        let heading = z.atan2(x) + std::f64::consts::FRAC_PI_2 + camera_deg.to_radians();
        let (sin, cos) = heading.sin_cos();
        let view = |point: &Point| [point[0] * cos + point[2] * sin, point[1], 0.0];
        let frames = self.frames.iter().map(|frame| frame.iter().map(view).collect()).collect();
        Self { columns: self.columns.clone(), frames, fps: self.fps }
    }

    /// Joint angles and segment inclinations in degrees, heights in leg lengths times 57.3.
    ///
    /// Heights above the ground (hips, ankles, toes) tell flight from stance; the aligner takes out most of a constant
    /// difference, as between two floors.
    pub(crate) fn motion(&self) -> Result<Motion> {
        let leg_m = self.leg_length_m();
        let rows: Vec<Vec<f64>> =
            (0..self.num_frames()).map(|frame| self.channels(frame, leg_m)).collect();
        let num_channels = rows.first().map_or(0, Vec::len);
        let channels = Array2::from_shape_vec((rows.len(), num_channels), rows.concat())?;
        Ok(Motion::new(channels, self.fps)?)
    }

    fn channels(&self, frame: usize, leg_m: f64) -> Vec<f64> {
        let vertical = [0.0, 1.0, 0.0];
        let (hip, shoulder) = (self.middle(frame, "hip"), self.middle(frame, "shoulder"));
        let ankles = f64::min(self.point(frame, "ankle_r")[1], self.point(frame, "ankle_l")[1]);
        let lengths = |metres: f64| metres / leg_m * DEGREES_PER_LEG;
        let mut channels = vec![
            angle(difference(shoulder, hip), vertical),
            lengths(hip[1]),
            lengths(hip[1] - ankles),
            lengths(shoulder[1] - hip[1]),
        ];
        for side in ["r", "l"] {
            let at = |joint: &str| self.point(frame, &format!("{joint}_{side}"));
            channels.extend(
                INCLUDED.map(|[a, b, c]| angle(difference(at(a), at(b)), difference(at(c), at(b)))),
            );
            channels
                .extend(INCLINED.map(|[from, to]| angle(difference(at(to), at(from)), vertical)));
            channels.extend(HEIGHTS.map(|[joint, above]| lengths(at(joint)[1] - at(above)[1])));
            channels.extend(["ankle", "toe"].map(|joint| lengths(at(joint)[1])));
        }
        channels
    }

    /// Median thigh plus shank.
    fn leg_length_m(&self) -> f64 {
        let leg = |frame: usize, side: &str| {
            let at = |joint: &str| self.point(frame, &format!("{joint}_{side}"));
            length(difference(at("hip"), at("knee"))) + length(difference(at("knee"), at("ankle")))
        };
        let mut lengths: Vec<f64> =
            (0..self.num_frames()).flat_map(|frame| [leg(frame, "r"), leg(frame, "l")]).collect();
        lengths.retain(|length| length.is_finite());
        lengths.sort_by(f64::total_cmp);
        lengths.get(lengths.len() / 2).copied().unwrap_or(1.0)
    }
}

/// A labelled moment of a recording as distances between joints, which no camera, place or heading changes.
pub(crate) struct Fingerprint {
    pub(crate) action: String,
    rows: Vec<Vec<f64>>,
}

/// Frames at 60 per second to both sides of the middle, and from one to the next.
const FINGERPRINT_REACH: i64 = 12;
const FINGERPRINT_STRIDE: i64 = 4;
/// Joints measured by all sources, and how far apart they are taken.
const FINGERPRINT_JOINTS: [&str; 12] = [
    "neck",
    "shoulder_r",
    "elbow_r",
    "wrist_r",
    "shoulder_l",
    "elbow_l",
    "wrist_l",
    "hip_r",
    "knee_r",
    "ankle_r",
    "knee_l",
    "ankle_l",
];
/// Root mean square difference below which two moments are the same recorded clip or the same subject doing the same
/// thing: noise of 15 mm per joint gives 21 mm, other subjects and actions 30 mm and more.
const SAME_CLIP_M: f64 = 0.024;

impl Fingerprint {
    /// The half second around `middle_s`, or `None` if the recording does not cover it.
    pub(crate) fn of(skeleton: &Skeleton, action: &str, middle_s: f64) -> Option<Self> {
        let rows = (-FINGERPRINT_REACH..=FINGERPRINT_REACH)
            .step_by(FINGERPRINT_STRIDE as usize)
            .map(|offset| {
                let at = (middle_s + offset as f64 / 60.0) * skeleton.fps;
                let inside = (0.0..=(skeleton.num_frames() - 1) as f64).contains(&at);
                inside.then(|| {
                    let (below, share) = (at.floor() as usize, at.fract());
                    let above = (below + 1).min(skeleton.num_frames() - 1);
                    let pairs =
                        distances(skeleton, below).into_iter().zip(distances(skeleton, above));
                    pairs.map(|(a, b)| a + (b - a) * share).collect()
                })
            });
        Some(Self { action: action.to_owned(), rows: rows.collect::<Option<_>>()? })
    }
}

/// Actions whose labelled clips occur, frame by frame, in a recording at 60 frames per second.
pub(crate) fn contained_actions(recording: &Skeleton, known: &[Fingerprint]) -> Vec<String> {
    let rows: Vec<Vec<f64>> =
        (0..recording.num_frames()).map(|frame| distances(recording, frame)).collect();
    let mut actions: Vec<String> = known
        .iter()
        .filter(|clip| {
            let span = (clip.rows.len() - 1) * FINGERPRINT_STRIDE as usize;
            (0..rows.len().saturating_sub(span)).any(|start| {
                let (mut sum, mut count) = (0.0, 0.0);
                for (k, row) in clip.rows.iter().enumerate() {
                    for (a, b) in row.iter().zip(&rows[start + k * FINGERPRINT_STRIDE as usize]) {
                        let square = (a - b) * (a - b);
                        if square.is_finite() {
                            sum += square;
                            count += 1.0;
                        }
                    }
                    // Far off already: no need to look at the other instants.
                    if count > 20.0 && sum / count > 9.0 * SAME_CLIP_M * SAME_CLIP_M {
                        return false;
                    }
                }
                count > 60.0 && sum / count < SAME_CLIP_M * SAME_CLIP_M
            })
        })
        .map(|clip| clip.action.clone())
        .collect();
    actions.sort();
    actions.dedup();
    actions
}

fn distances(skeleton: &Skeleton, frame: usize) -> Vec<f64> {
    let points = FINGERPRINT_JOINTS.map(|joint| skeleton.point(frame, joint));
    (0..points.len())
        .flat_map(|a| (0..a).map(move |b| length(difference(points[a], points[b]))))
        .collect()
}

fn difference(a: Point, b: Point) -> Point {
    std::array::from_fn(|k| a[k] - b[k])
}

fn length(a: Point) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Angle between two vectors, degrees; NaN for a missing or zero vector.
fn angle(a: Point, b: Point) -> f64 {
    let dot: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    (dot / (length(a) * length(b))).clamp(-1.0, 1.0).acos().to_degrees()
}
