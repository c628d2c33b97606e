//! One athlete out of a picture with several people.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Recording, Row, assemble, note_first_frame};
use crate::{Error, Joint, Result, Unit};

/// One person in one frame, pixels with y up.
#[derive(Debug, Clone)]
pub(super) struct Detection {
    pub(super) number: u64,
    /// `[x, y]` a joint, NaN where missing.
    pub(super) points: Vec<[f64; 2]>,
    pub(super) confidence: Vec<f64>,
}

/// Flat `x, y, confidence` triples of a pixel file, y down; `0, 0` or confidence 0 is an unseen joint.
pub(super) fn detection(number: u64, flat: &[f64]) -> std::result::Result<Detection, String> {
    let mut detection = Detection { number, points: Vec::new(), confidence: Vec::new() };
    for (i, triple) in flat.chunks_exact(3).enumerate() {
        let (x, y, confidence) = (triple[0], triple[1], triple[2]);
        if !(x.is_finite() && y.is_finite() && confidence.is_finite() && confidence >= 0.0) {
            return Err(format!("point {i} is {x}, {y}, confidence {confidence}"));
        }
        let seen = confidence > 0.0 && (x, y) != (0.0, 0.0);
        detection.points.push(if seen { [x, -y] } else { [f64::NAN; 2] });
        detection.confidence.push(if seen { confidence } else { 0.0 });
    }
    Ok(detection)
}

/// The athlete's recording out of everybody's detections, in any order; `joints` are those of each detection.
pub(super) fn recording(
    path: &Path,
    joints: &[Joint],
    mut detections: Vec<Detection>,
    fps: f64,
) -> Result<Recording> {
    // Stable: people of one frame stay in the file's order.
    detections.sort_by_key(|d| d.number);
    let (rows, note) = athlete(path, detections)?;
    let mut meta: BTreeMap<String, String> =
        note.map(|note| ("people".to_owned(), note)).into_iter().collect();
    note_first_frame(&mut meta, &rows);
    let series = assemble(path, joints.to_vec(), 2, &rows, fps, Unit::Pixel)?;
    Ok(Recording { series, meta, keyframes: Vec::new() })
}

/// A track may go unseen this many frames before it ends (ours).
const MAX_UNSEEN_FRAMES: u64 = 30;
/// A person moves less than this between frames, in box diagonals of that person (ours).
const MAX_STEP: f64 = 0.5;
/// More people than this in a frame is a broken file (ours).
const MAX_PEOPLE: usize = 200;

#[derive(Debug)]
struct Track {
    detections: Vec<Detection>,
    total_confidence: f64,
}

/// Links detections, sorted by frame, into tracks by the nearest pose and keeps the track with the most confidence
/// summed over its frames. Also: a note where there was a choice.
fn athlete(path: &Path, detections: Vec<Detection>) -> Result<(Vec<Row>, Option<String>)> {
    let mut tracks: Vec<Track> = Vec::new();
    let mut most_at_once = 0;
    for frame in detections.chunk_by(|a, b| a.number == b.number) {
        if frame.len() > MAX_PEOPLE {
            let (found, limit) = (frame.len() as u64, MAX_PEOPLE as u64);
            return Err(Error::TooLarge {
                path: path.to_owned(),
                what: "people in a frame",
                found,
                limit,
            });
        }
        let seen: Vec<&Detection> =
            frame.iter().filter(|d| d.confidence.iter().any(|c| *c > 0.0)).collect();
        most_at_once = most_at_once.max(seen.len());
        link(&mut tracks, &seen);
    }
    let best = tracks
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.total_confidence.total_cmp(&b.1.total_confidence));
    let Some((best, _)) = best else { return Err(Error::Nobody { path: path.to_owned() }) };
    let num_tracks = tracks.len();
    let track = tracks.swap_remove(best);
    let (first, last) =
        (track.detections[0].number, track.detections[track.detections.len() - 1].number);
    let note = (most_at_once > 1 || num_tracks > 1).then(|| {
        format!(
            "{num_tracks} tracks, up to {most_at_once} people at once; kept the one with the most confidence, \
             frames {first} to {last}"
        )
    });
    let row = |d: Detection| Row {
        number: d.number,
        coordinates: d.points.into_iter().flatten().collect(),
        confidence: d.confidence,
    };
    Ok((track.detections.into_iter().map(row).collect(), note))
}

/// Gives each detection of one frame to the nearest live track, nearest pairs first; the rest start tracks.
fn link(tracks: &mut Vec<Track>, seen: &[&Detection]) {
    let mut pairs = Vec::new();
    for (d, detection) in seen.iter().enumerate() {
        for (t, track) in tracks.iter().enumerate() {
            let Some(last) = track.detections.last() else { continue };
            let unseen = detection.number - last.number;
            let step = step(last, detection);
            if unseen <= MAX_UNSEEN_FRAMES && step < MAX_STEP {
                pairs.push((step, t, d));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut used_tracks, mut used_detections) =
        (vec![false; tracks.len()], vec![false; seen.len()]);
    for (_, t, d) in pairs {
        if !used_tracks[t] && !used_detections[d] {
            (used_tracks[t], used_detections[d]) = (true, true);
            tracks[t].push(seen[d].clone());
        }
    }
    for (detection, _) in seen.iter().zip(used_detections).filter(|(_, used)| !used) {
        let mut track = Track { detections: Vec::new(), total_confidence: 0.0 };
        track.push((*detection).clone());
        tracks.push(track);
    }
}

impl Track {
    fn push(&mut self, detection: Detection) {
        self.total_confidence += detection.confidence.iter().sum::<f64>();
        self.detections.push(detection);
    }
}

/// Mean distance of the joints both show, over the later one's box diagonal; infinite if they share none.
fn step(before: &Detection, after: &Detection) -> f64 {
    let both = before
        .points
        .iter()
        .zip(&after.points)
        .filter(|(a, b)| a[0].is_finite() && b[0].is_finite());
    let (sum, count) =
        both.fold((0.0, 0.0), |(sum, n), (a, b)| (sum + (a[0] - b[0]).hypot(a[1] - b[1]), n + 1.0));
    let extent = |dim: usize| {
        let ends = after.points.iter().map(|p| p[dim]).filter(|v| v.is_finite());
        let (low, high) =
            ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        high - low
    };
    let diagonal = extent(0).hypot(extent(1));
    if count > 0.0 && diagonal > 0.0 { sum / count / diagonal } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: u64, x: f64, confidence: f64) -> Detection {
        Detection { number, points: vec![[x, 0.0], [x, 100.0]], confidence: vec![confidence; 2] }
    }

    #[test]
    fn people_who_cross_the_list_order_stay_themselves() {
        let detections = vec![
            person(0, 0.0, 0.9),
            person(0, 300.0, 0.5),
            person(1, 305.0, 0.5), // the order in the file has swapped
            person(1, 5.0, 0.9),
            person(3, 12.0, 0.9),
        ];
        let (rows, note) = athlete(Path::new("x"), detections).unwrap();
        assert_eq!(
            rows.iter().map(|row| (row.number, row.coordinates[0])).collect::<Vec<_>>(),
            [(0, 0.0), (1, 5.0), (3, 12.0)]
        );
        assert!(note.unwrap().contains("2 tracks"));
    }

    #[test]
    fn a_lone_person_needs_no_note_and_an_empty_picture_is_an_error() {
        let (rows, note) =
            athlete(Path::new("x"), vec![person(4, 0.0, 1.0), person(5, 1.0, 1.0)]).unwrap();
        assert_eq!((rows.len(), note), (2, None));
        let unseen = Detection { number: 0, points: vec![[f64::NAN; 2]], confidence: vec![0.0] };
        assert!(matches!(athlete(Path::new("x"), vec![unseen]), Err(Error::Nobody { .. })));
    }
}
