//! From a jump to a recording, as a motion-capture system would deliver it.

use ndarray::{Array2, Array3};
use pose::{Joint, Recording, Side, SkeletonSeries, Unit};
use rand_distr::{Distribution, Normal};
use rand_pcg::Pcg64;
use rand_pcg::rand_core::SeedableRng;

use super::body::Body;
use super::jump::Jump;
use super::posture::{Figure, Point};

/// A weakness of the simulated athlete, in degrees away from the model technique.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Knees (and hips) bend less in the countermovement.
    ShallowCountermovement {
        /// Missing knee flexion.
        degrees: f64,
    },
    /// Hips and knees are not straight when the feet leave the ground.
    IncompleteExtension {
        /// Missing extension of knee and hip.
        degrees: f64,
    },
    /// The arms stop low.
    LimitedArmSwing {
        /// Missing shoulder flexion at take-off.
        degrees: f64,
    },
    /// The legs do not reach forward for the landing.
    LimitedLegReach {
        /// Missing hip flexion at landing.
        degrees: f64,
    },
    /// The knees hardly give after the landing.
    StiffLanding {
        /// Missing knee flexion at the lowest point.
        degrees: f64,
    },
}

/// Settings of a simulated standing long jump.
#[derive(Debug, Clone, PartialEq)]
pub struct StandingLongJump {
    /// Height of the athlete, in metres.
    pub stature_m: f64,
    /// Frames per second.
    pub fps: f64,
    /// Duration of the countermovement and push relative to the model technique's.
    pub tempo: f64,
    /// Speed of the centre of mass at take-off, in metres per second.
    pub takeoff_speed_m_s: f64,
    /// Direction of that velocity above the horizontal, in degrees.
    pub takeoff_angle_deg: f64,
    /// Standard deviation of the white noise on every coordinate, in metres.
    pub noise_m: f64,
    /// Compass direction of the jump in the recording's horizontal plane, in degrees.
    pub heading_deg: f64,
    /// Whether a practice swing comes before the jump, so that the recording must be searched.
    pub rehearsed: bool,
    /// What the athlete does worse than the model technique.
    pub faults: Vec<Fault>,
    /// Seed of the sensor noise.
    pub seed: u64,
}

impl StandingLongJump {
    /// The model technique, recorded at 100 frames a second with little noise.
    #[must_use]
    pub fn elite() -> Self {
        Self {
            stature_m: 1.82,
            fps: 100.0,
            tempo: 1.0,
            takeoff_speed_m_s: 3.75,
            takeoff_angle_deg: 36.0,
            noise_m: 0.001,
            heading_deg: 0.0,
            rehearsed: false,
            faults: Vec::new(),
            seed: 1,
        }
    }

    /// A club athlete at 60 frames a second: slower, noisier, with a practice swing first and three
    /// faults (shallow countermovement, incomplete extension, limited arm swing).
    #[must_use]
    pub fn club_athlete() -> Self {
        Self {
            stature_m: 1.74,
            fps: 60.0,
            tempo: 1.12,
            takeoff_speed_m_s: 3.05,
            takeoff_angle_deg: 38.0,
            noise_m: 0.005,
            heading_deg: 25.0,
            rehearsed: true,
            faults: vec![
                Fault::ShallowCountermovement { degrees: 26.0 },
                Fault::IncompleteExtension { degrees: 22.0 },
                Fault::LimitedArmSwing { degrees: 62.0 },
            ],
            seed: 2,
        }
    }

    /// Simulates the jump: 18 joints in metres, y up, with its keyframes.
    ///
    /// # Errors
    ///
    /// [`pose::Error`] if the settings give no valid series (a rate that is not positive, say).
    pub fn record(&self) -> pose::Result<Recording> {
        let body = Body::of_stature(self.stature_m);
        let (rise, reach) = self.takeoff_angle_deg.to_radians().sin_cos();
        let velocity = [self.takeoff_speed_m_s * reach, self.takeoff_speed_m_s * rise];
        let jump = Jump::new(body, self.tempo, self.rehearsed, velocity, &self.faults);
        let noise = Sensor::new(self.noise_m, self.seed);
        let series = self.series(&body, &jump, noise)?;
        let keyframes = keyframe_times(&jump)
            .into_iter()
            .map(|(name, time_s)| (name.to_owned(), time_s * self.fps))
            .collect();
        let meta = [
            ("trial", "simulated standing long jump".to_owned()),
            ("source", "simulated: sportsgpt's kinematic model, not a recording".to_owned()),
            ("action", "standing_long_jump".to_owned()),
            ("distance_m", format!("{:.2}", jump.distance_m())),
            ("seed", self.seed.to_string()),
        ];
        let meta = meta.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Ok(Recording { series, meta, keyframes })
    }

    fn series(&self, body: &Body, jump: &Jump, mut noise: Sensor) -> pose::Result<SkeletonSeries> {
        let joints = joints();
        // A rate that makes no sense gives no frames; the series says so.
        let num_frames = (jump.end_s() * self.fps).floor().max(0.0) as usize + 1;
        let (sin, cos) = self.heading_deg.to_radians().sin_cos();
        let mut positions = Array3::zeros((num_frames, joints.len(), 3));
        for frame_idx in 0..num_frames {
            let figure = jump.figure(frame_idx as f64 / self.fps);
            for (joint_idx, &joint) in joints.iter().enumerate() {
                let ([forward, up], right) = place(&figure, body, joint);
                let world = [forward * cos - right * sin, up, forward * sin + right * cos];
                for (axis, value) in world.into_iter().enumerate() {
                    positions[[frame_idx, joint_idx, axis]] = value + noise.draw();
                }
            }
        }
        let confidence = Array2::ones((num_frames, joints.len()));
        SkeletonSeries::new(joints, positions, confidence, self.fps, Unit::Metre)
    }
}

/// The joints of the recordings in this project's CSV layout.
fn joints() -> Vec<Joint> {
    let mut joints = vec![Joint::Head, Joint::Neck];
    for side in [Side::Right, Side::Left] {
        joints.extend([Joint::Shoulder(side), Joint::Elbow(side), Joint::Wrist(side)]);
    }
    for side in [Side::Right, Side::Left] {
        joints.extend([
            Joint::Hip(side),
            Joint::Knee(side),
            Joint::Ankle(side),
            Joint::Heel(side),
            Joint::Toe(side),
        ]);
    }
    joints
}

/// Where a joint is: its place in the sagittal plane, and how far to the right of it.
fn place(figure: &Figure, body: &Body, joint: Joint) -> (Point, f64) {
    let sign = |side| if side == Side::Right { 1.0 } else { -1.0 };
    match joint {
        Joint::Neck => (figure.neck, 0.0),
        Joint::Shoulder(side) => (figure.shoulder, sign(side) * body.half_shoulders),
        Joint::Elbow(side) => (figure.elbow, sign(side) * body.half_shoulders),
        Joint::Wrist(side) => (figure.wrist, sign(side) * body.half_shoulders),
        Joint::Hip(side) => (figure.hip, sign(side) * body.half_hips),
        Joint::Knee(side) => (figure.knee, sign(side) * body.half_hips),
        Joint::Ankle(side) => (figure.ankle, sign(side) * body.half_hips),
        Joint::Heel(side) => (figure.heel, sign(side) * body.half_hips),
        Joint::Toe(side) => (figure.toe, sign(side) * body.half_hips),
        _ => (figure.head, 0.0),
    }
}

/// White noise of a seeded generator.
struct Sensor {
    generator: Pcg64,
    noise: Option<Normal<f64>>,
}

impl Sensor {
    fn new(sd_m: f64, seed: u64) -> Self {
        Self { generator: Pcg64::seed_from_u64(seed), noise: Normal::new(0.0, sd_m).ok() }
    }

    fn draw(&mut self) -> f64 {
        self.noise.map_or(0.0, |noise| noise.sample(&mut self.generator))
    }
}

/// Keyframes of the noise-free model, in seconds.
fn keyframe_times(jump: &Jump) -> [(&'static str, f64); 5] {
    let hip_height = |time_s: f64| jump.figure(time_s).hip[1];
    let (takeoff, landing) = (jump.takeoff_s(), jump.landing_s());
    [
        ("crouch", lowest(takeoff - 0.8, takeoff, hip_height)),
        ("takeoff", takeoff),
        ("apex", lowest(takeoff, landing, |t| -hip_height(t))),
        ("landing", landing),
        ("land_lowest", lowest(landing, landing + 0.6, hip_height)),
    ]
}

/// Where `height` is smallest between `from` and `to`, on a grid of 0.1 ms.
fn lowest(from: f64, to: f64, height: impl Fn(f64) -> f64) -> f64 {
    const STEP_S: f64 = 1e-4;
    let num_steps = ((to - from) / STEP_S) as usize;
    (0..=num_steps)
        .map(|step| from + step as f64 * STEP_S)
        .min_by(|&a, &b| height(a).total_cmp(&height(b)))
        .unwrap_or(from)
}
