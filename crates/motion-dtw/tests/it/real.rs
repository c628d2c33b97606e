//! Real recordings, where they are at hand.

use std::path::PathBuf;

use motion_dtw::{Keyframe, Motion, MotionDtw, Reference};
use ndarray::Array2;

pub(crate) fn data() -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/motion"));
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: no recordings at {}", path.display());
    None
}

/// Included angles of knees, hips, elbows and shoulders; a reader of just these files, for just this test.
pub(crate) fn angles(path: &std::path::Path) -> Motion {
    let text = std::fs::read_to_string(path).unwrap();
    let fps =
        text.lines().find_map(|line| line.strip_prefix("# fps: ")).unwrap().trim().parse().unwrap();
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<f64>> = lines
        .map(|line| line.split(',').map(|cell| cell.parse().unwrap_or(f64::NAN)).collect())
        .collect();
    let joints = [
        ["hip", "knee", "ankle"],
        ["shoulder", "hip", "knee"],
        ["shoulder", "elbow", "wrist"],
        ["hip", "shoulder", "elbow"],
    ];
    let values = Array2::from_shape_fn((rows.len(), 8), |(frame, channel)| {
        let side = if channel < 4 { "r" } else { "l" };
        let [a, b, c] = joints[channel % 4].map(|joint| {
            let at =
                header.iter().position(|column| *column == format!("{joint}_{side}_x")).unwrap();
            [rows[frame][at], rows[frame][at + 1], rows[frame][at + 2]]
        });
        let dot = |u: [f64; 3], v: [f64; 3]| u.iter().zip(v).map(|(u, v)| u * v).sum::<f64>();
        let (u, v): ([f64; 3], [f64; 3]) =
            (std::array::from_fn(|k| a[k] - b[k]), std::array::from_fn(|k| c[k] - b[k]));
        (dot(u, v) / (dot(u, u) * dot(v, v)).sqrt()).clamp(-1.0, 1.0).acos().to_degrees()
    });
    Motion::new(values, fps).unwrap()
}

#[test]
fn real_recordings_against_themselves_are_exact() {
    let Some(data) = data() else { return };
    // Keyframes of the first or only occurrence, from the labels of the same folder.
    let cases: [(&str, &[f64]); 6] = [
        ("ocap4_DJ1", &[141.07, 174.17, 216.71, 237.23, 256.18]),
        ("cmu_broadjump_1", &[107.07, 120.69, 131.36, 143.31, 156.16]),
        ("cmu_kick_1", &[294.0, 297.77, 313.44]),
        ("spl_ft_001", &[162.11, 164.13, 172.09, 178.86]),
        ("obp_pitch_1097_1", &[19.01, 149.01, 175.0, 180.51, 189.01]),
        ("ocap4_squats1", &[329.59, 392.96, 440.39]),
    ];
    for (trial, frames) in cases {
        let motion = angles(&data.join(format!("{trial}.csv")));
        let keyframes = frames
            .iter()
            .enumerate()
            .map(|(k, &frame)| Keyframe::new(format!("{k}"), frame))
            .collect();
        let reference = Reference::new(motion.clone(), keyframes).unwrap().trimmed(0.25).unwrap();
        let found = MotionDtw::new().align(&motion, &reference).unwrap();
        assert!(found.quality.cost < 1e-12, "{trial}: {:?}", found.quality);
        for (keyframe, frame) in found.keyframes.iter().zip(frames) {
            assert!((keyframe.frame - frame).abs() < 1e-6, "{trial}: {keyframe:?}");
        }
    }
}
