//! A made-up jump: the reference, and 20 seconds of another athlete who also squats and reaches up.

use anyhow::Result;
use motion_dtw::{Keyframe, Motion};
use ndarray::Array2;
use rand_distr::{Distribution, Normal};
use rand_pcg::Pcg64Mcg;

use crate::input::{Channel, Recording};

/// When the reference takes off, and when the other athlete does, in seconds.
const REFERENCE_TAKEOFF_S: f64 = 1.0;
const QUERY_TAKEOFF_S: f64 = 12.0;
/// The other athlete is slower.
const TEMPO: f64 = 1.2;
/// Noise of the other recording, degrees.
const NOISE_DEG: f64 = 1.5;
const REFERENCE_FPS: f64 = 100.0;

pub(crate) fn reference() -> Result<Recording> {
    recording("simulated jump", REFERENCE_FPS, 2.2, 0.0, |t| jump(t - REFERENCE_TAKEOFF_S))
}

pub(crate) fn keyframes() -> Vec<Keyframe> {
    [("crouch", -0.35), ("takeoff", 0.0), ("landing", 0.5)]
        .map(|(name, t)| Keyframe::new(name, (REFERENCE_TAKEOFF_S + t) * REFERENCE_FPS))
        .to_vec()
}

pub(crate) fn query() -> Result<Recording> {
    let mut query = recording("simulated recording", 60.0, 20.0, NOISE_DEG, |t| {
        let mut angles = jump((t - QUERY_TAKEOFF_S) / TEMPO);
        let squat = bump(t, 5.0, 0.7);
        let reach = bump(t, 16.5, 0.4);
        let sway = (1.9 * t).sin() + (0.7 * t).cos();
        for (angle, change) in angles.iter_mut().zip([-90.0, -80.0, -18.0, 45.0]) {
            *angle += change * squat + sway;
        }
        angles[3] += 120.0 * reach;
        angles
    })?;
    // The ankle was hidden for a moment, in mid-movement.
    let mut values = query.motion.channels().to_owned();
    values.slice_mut(ndarray::s![690..702, 2]).fill(f64::NAN);
    query.motion = Motion::new(values, query.motion.fps())?;
    Ok(query)
}

fn bump(t: f64, middle: f64, width: f64) -> f64 {
    (-((t - middle) / width).powi(2)).exp()
}

/// Knee, hip, ankle and shoulder in degrees, `t` seconds after take-off.
fn jump(t: f64) -> [f64; 4] {
    [
        172.0 - 85.0 * bump(t, -0.35, 0.18) - 55.0 * bump(t, 0.62, 0.14),
        168.0 - 95.0 * bump(t, -0.38, 0.20) - 45.0 * bump(t, 0.66, 0.18),
        100.0 - 22.0 * bump(t, -0.30, 0.18) + 35.0 * bump(t, 0.20, 0.22)
            - 18.0 * bump(t, 0.60, 0.12),
        15.0 + 35.0 * bump(t, -0.50, 0.15) + 130.0 * bump(t, 0.10, 0.25),
    ]
}

fn recording(
    name: &str,
    fps: f64,
    duration_s: f64,
    noise_deg: f64,
    angles: impl Fn(f64) -> [f64; 4],
) -> Result<Recording> {
    let mut random = Pcg64Mcg::new(20);
    let noise = Normal::new(0.0, noise_deg)?;
    let num_frames = (duration_s * fps) as usize;
    let values = Array2::from_shape_fn((num_frames, 4), |(frame, channel)| {
        angles(frame as f64 / fps)[channel] + noise.sample(&mut random)
    });
    let channel = |name: &str| Channel { name: name.to_owned(), unit: "degrees", scale: 1.0 };
    Ok(Recording {
        name: name.to_owned(),
        motion: Motion::new(values, fps)?,
        channels: ["knee", "hip", "ankle", "shoulder"].map(channel).to_vec(),
    })
}
