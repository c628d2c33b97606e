//! From key postures to a jump: push, flight and landing.

use super::body::Body;
use super::curve::Curve;
use super::posture::{Figure, Point, Posture};
use super::record::Fault;

const GRAVITY: f64 = 9.81; // m/s^2

const STAND: Posture =
    Posture { foot: 0.0, shank: 4.0, thigh: 4.0, trunk: 3.0, upper_arm: -4.0, forearm: 8.0 };
const ARMS_UP: Posture =
    Posture { foot: 6.0, shank: 3.0, thigh: 1.0, trunk: -2.0, upper_arm: 150.0, forearm: 162.0 };
const REHEARSAL: Posture =
    Posture { foot: 0.0, shank: 16.0, thigh: 26.0, trunk: 24.0, upper_arm: -30.0, forearm: -22.0 };
const CROUCH: Posture =
    Posture { foot: 4.0, shank: 34.0, thigh: 62.0, trunk: 50.0, upper_arm: -52.0, forearm: -40.0 };
const TAKEOFF: Posture = Posture {
    foot: 54.0,
    shank: 40.0,
    thigh: -24.0,
    trunk: 22.0,
    upper_arm: 130.0,
    forearm: 142.0,
};
const FULL_EXTENSION: Posture = Posture {
    foot: 68.0,
    shank: 42.0,
    thigh: -34.0,
    trunk: 16.0,
    upper_arm: 148.0,
    forearm: 158.0,
};
const APEX: Posture =
    Posture { foot: 36.0, shank: 44.0, thigh: 46.0, trunk: 26.0, upper_arm: 104.0, forearm: 116.0 };
const LANDING: Posture =
    Posture { foot: -20.0, shank: -28.0, thigh: 72.0, trunk: 40.0, upper_arm: 34.0, forearm: 46.0 };
const LAND_LOWEST: Posture =
    Posture { foot: 0.0, shank: 24.0, thigh: 86.0, trunk: 46.0, upper_arm: 40.0, forearm: 58.0 };

/// A jump as a function of time.
#[derive(Debug)]
pub(super) struct Jump {
    body: Body,
    curve: Curve,
    takeoff_s: f64,
    landing_s: f64,
    takeoff_com: Point,
    takeoff_velocity: Point,
    landing_heel_m: f64,
}

impl Jump {
    /// `tempo` stretches the countermovement and the push; `rehearsed` puts a practice swing before;
    /// `takeoff_velocity` is the centre of mass's, forward and up, in metres per second.
    pub(super) fn new(
        body: Body,
        tempo: f64,
        rehearsed: bool,
        takeoff_velocity: Point,
        faults: &[Fault],
    ) -> Self {
        let mut keys = vec![(0.0, STAND), (0.6, STAND)];
        if rehearsed {
            keys.extend([(1.4, ARMS_UP), (2.0, REHEARSAL), (2.7, STAND), (3.5, STAND)]);
        }
        let ready_s = keys[keys.len() - 1].0;
        let crouch_s = ready_s + 1.15 * tempo;
        let takeoff_s = crouch_s + 0.30 * tempo;
        let takeoff = with_faults(TAKEOFF, faults, Phase::Takeoff);
        keys.extend([
            (ready_s + 0.55 * tempo, ARMS_UP),
            (crouch_s, with_faults(CROUCH, faults, Phase::Crouch)),
            (takeoff_s, takeoff),
            (takeoff_s + 0.05, with_faults(FULL_EXTENSION, faults, Phase::Takeoff)),
        ]);

        let takeoff_com = on_toe(&body, &takeoff).centre_of_mass();

        // The flight lasts until the heels of the landing posture reach the ground.
        let landing = with_faults(LANDING, faults, Phase::Landing);
        let figure = Figure::new(&body, &landing);
        let com = figure.centre_of_mass();
        let drop = takeoff_com[1] - (com[1] - figure.heel[1]);
        let rise = takeoff_velocity[1];
        let flight_s = (rise + (rise * rise + 2.0 * GRAVITY * drop).max(0.0).sqrt()) / GRAVITY;
        let landing_s = takeoff_s + flight_s;
        let landing_com = takeoff_com[0] + takeoff_velocity[0] * flight_s;
        let landing_heel_m = landing_com + figure.heel[0] - com[0];

        let lowest = with_faults(LAND_LOWEST, faults, Phase::LandLowest);
        keys.extend([
            (takeoff_s + 0.50 * flight_s, APEX),
            (landing_s, landing),
            (landing_s + 0.22, lowest),
            (landing_s + 0.95, STAND),
            (landing_s + 1.60, STAND),
        ]);
        let curve = Curve::through(&keys);
        Self { body, curve, takeoff_s, landing_s, takeoff_com, takeoff_velocity, landing_heel_m }
    }

    pub(super) fn takeoff_s(&self) -> f64 {
        self.takeoff_s
    }

    pub(super) fn landing_s(&self) -> f64 {
        self.landing_s
    }

    pub(super) fn end_s(&self) -> f64 {
        self.curve.end_s()
    }

    /// Distance from the toes at take-off to the heels at landing, in metres.
    pub(super) fn distance_m(&self) -> f64 {
        self.landing_heel_m
    }

    /// The body at `time_s`; the toes stand at 0 before take-off.
    pub(super) fn figure(&self, time_s: f64) -> Figure {
        let posture = self.curve.at(time_s);
        if time_s <= self.takeoff_s {
            return on_toe(&self.body, &posture);
        }
        let figure = Figure::new(&self.body, &posture);
        if time_s < self.landing_s {
            let t = time_s - self.takeoff_s;
            let com = [
                self.takeoff_com[0] + self.takeoff_velocity[0] * t,
                self.takeoff_com[1] + self.takeoff_velocity[1] * t - 0.5 * GRAVITY * t * t,
            ];
            figure.moved(figure.centre_of_mass(), com)
        } else {
            figure.moved(figure.heel, [self.landing_heel_m, 0.0])
        }
    }
}

fn on_toe(body: &Body, posture: &Posture) -> Figure {
    let figure = Figure::new(body, posture);
    figure.moved(figure.toe, [0.0, 0.0])
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Crouch,
    Takeoff,
    Landing,
    LandLowest,
}

/// What each fault does to the key posture of a phase. Knee angles change by moving thigh and shank
/// together (3 : 2), so that the feet stay under the body.
fn with_faults(mut posture: Posture, faults: &[Fault], phase: Phase) -> Posture {
    for &fault in faults {
        match (fault, phase) {
            (Fault::ShallowCountermovement { degrees }, Phase::Crouch)
            | (Fault::StiffLanding { degrees }, Phase::LandLowest) => {
                posture.thigh -= 0.6 * degrees;
                posture.shank -= 0.4 * degrees;
            }
            (Fault::IncompleteExtension { degrees }, Phase::Takeoff) => posture.thigh += degrees,
            (Fault::LimitedArmSwing { degrees }, Phase::Takeoff) => {
                posture.upper_arm -= degrees;
                posture.forearm -= degrees;
            }
            (Fault::LimitedLegReach { degrees }, Phase::Landing) => posture.thigh -= degrees,
            _ => {}
        }
    }
    posture
}
