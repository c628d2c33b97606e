//! The last fraction of a frame: turning points around a keyframe.
//!
//! Ours. Keyframes are mostly marked where something turns: the deepest knee, the highest hand, the fastest rise of the
//! hips. The warp averages over all channels and misses such an instant by a frame or two when the athlete reaches it
//! at another pose. So each instant near the keyframe where a channel turns round (its velocity changes sign) or is
//! fastest (its acceleration does) is looked up in the query, and moves the keyframe with it (landmark registration,
//! Kneip & Gasser 1992, with the landmarks chosen by the reference itself). A turn tells the more the sharper it is
//! and the closer the keyframe lies to it; turns that contradict the others or the warp hardly count.
//!
//! The constants were chosen on labelled clips of nine actions (see the crate's README); each may be doubled or halved
//! without losing more than a tenth of the gain.

use super::profile::Profile;
use super::scaling::{Feature, Scaling};
use super::smooth::SmoothWarp;

/// Turns of the reference so many seconds before or after the keyframe take part.
const REACH_S: f64 = 0.06;
/// The query's turn lies within so many seconds of where the warp puts it.
const SEARCH_S: f64 = 0.15;
/// Standard deviation of a derivative, in standard deviations of its feature: blurs turns that are not sharp.
const NOISE: f64 = 0.04;
/// Standard deviation between a turn and a keyframe that coincide in the reference, seconds.
const JITTER_S: f64 = 0.0075;
/// The same per second between the two.
const DRIFT: f64 = 0.25;
/// Turns off by more than so many standard deviations hardly count.
const ROBUST_LIMIT: f64 = 4.0;
const ITERATIONS: usize = 20;
/// A feature must be known so well on both sides of its turn.
const MIN_PRESENCE: f64 = 0.5;
/// Local tempo by which the distance between turn and keyframe is stretched.
const TEMPO_LIMITS: (f64, f64) = (0.4, 2.5);

/// Moves keyframes of a warp to where the query's own turning points put them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turns<'a> {
    pub(crate) query: &'a Profile,
    pub(crate) reference: &'a Profile,
    pub(crate) scaling: &'a Scaling,
    pub(crate) warp: &'a SmoothWarp,
}

/// A sign change of a derivative, in instants of its grid.
#[derive(Debug, Clone, Copy)]
struct Turn {
    at: f64,
    rising: bool,
    /// Change per instant, in the profile's scale.
    slope: f64,
}

/// Where one turn puts the keyframe.
#[derive(Debug, Clone, Copy)]
struct Vote {
    at: f64,
    /// Inverse variance.
    weight: f64,
}

impl Turns<'_> {
    /// Query position of the keyframe at reference position `at`, given that the warp is good to `sigma` instants.
    pub(crate) fn position(&self, at: f64, sigma: f64) -> f64 {
        let warped = Vote { at: self.warp.position(at), weight: 1.0 / (sigma * sigma).max(1e-6) };
        let votes = self.votes(at);
        let mut position = warped.at;
        for _ in 0..ITERATIONS {
            let (mut sum, mut total) = (warped.at * warped.weight, warped.weight);
            for vote in &votes {
                let excess = (vote.at - position).powi(2) * vote.weight / ROBUST_LIMIT.powi(2);
                let weight = vote.weight / ((1.0 + excess) * (1.0 + excess));
                sum += weight * vote.at;
                total += weight;
            }
            position = sum / total;
        }
        position
    }

    fn votes(&self, at: f64) -> Vec<Vote> {
        let rate_hz = self.reference.grid.rate_hz;
        let (reach, search) = (REACH_S * rate_hz, SEARCH_S * rate_hz);
        let tempo = ((self.warp.position(at + 1.0) - self.warp.position(at - 1.0)) / 2.0)
            .clamp(TEMPO_LIMITS.0, TEMPO_LIMITS.1);
        let derivatives = self.scaling.features().iter().enumerate();
        let mut votes = Vec::new();
        for (k, feature) in derivatives.filter(|(k, feature)| k % 3 > 0 && feature.weight > 0.0) {
            for turn in turns(self.reference, k, at - reach, at + reach) {
                let expected = self.warp.position(turn.at);
                let found = turns(self.query, k, expected - search, expected + search)
                    .filter(|found| found.rising == turn.rising)
                    .min_by(|a, b| (a.at - expected).abs().total_cmp(&(b.at - expected).abs()));
                let Some(found) = found else { continue };
                let offset = at - turn.at;
                let variance = blur(feature, turn.slope.min(found.slope * tempo)).powi(2)
                    + (JITTER_S * rate_hz).powi(2)
                    + (DRIFT * offset).powi(2);
                votes.push(Vote { at: found.at + offset * tempo, weight: 1.0 / variance });
            }
        }
        votes
    }
}

/// Standard deviation of a turn's instant, for a derivative that changes by `slope` per instant.
fn blur(feature: &Feature, slope: f64) -> f64 {
    NOISE * feature.weight.sqrt() / slope.max(1e-9)
}

/// Sign changes of feature `k` between the positions `from` and `to`, placed linearly between instants.
fn turns(profile: &Profile, k: usize, from: f64, to: f64) -> impl Iterator<Item = Turn> {
    let last = profile.grid.len - 1;
    let first = (from.floor().max(0.0) as usize).min(last);
    let end = (to.ceil().max(0.0) as usize).min(last);
    (first..end).filter_map(move |idx| {
        let (before, after) = (profile.row(idx)[k], profile.row(idx + 1)[k]);
        let known = profile.present(idx)[k].min(profile.present(idx + 1)[k]) >= MIN_PRESENCE;
        if !known || (before < 0.0) == (after < 0.0) {
            return None;
        }
        let at = idx as f64 + before / (before - after);
        let slope = (after - before).abs();
        (from..=to).contains(&at).then_some(Turn { at, rising: after > before, slope })
    })
}
