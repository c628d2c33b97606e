//! Several references of one movement vote on where its keyframes are.

use std::ops::Range;

use super::profile::Blend;
use super::{MotionDtw, MotionMatch, Tier};
use crate::{Error, Motion, Reference, Result};

/// Stretches that each reference proposes (ours): the movement may be its second choice.
const PROPOSALS: usize = 3;
/// Least overlap, as intersection over union, at which two matches are the same occurrence.
const SAME_OCCURRENCE: f64 = 0.5;
/// Share of the references' independent error in a keyframe's standard deviation: errors of references of one kind of
/// athlete go together, so that voting never makes it smaller than this share of a single reference's (ours).
const COMMON_SHARE: f64 = 0.7;

/// A keyframe on which several references agreed.
#[derive(Debug, Clone, PartialEq)]
pub struct VotedKeyframe {
    /// Name in the references.
    pub name: String,
    /// Weighted median of the references' positions, in query frames; may fall between two frames.
    pub frame: f64,
    /// Seconds after the first frame of the query.
    pub time_s: f64,
    /// One standard deviation of `frame`, in query frames: what single references state, or the spread of their votes
    /// if that is larger, less what the number of votes takes off.
    pub sigma_frames: f64,
    /// Standard deviation of the votes themselves, in query frames; 0 for a single vote.
    pub spread_frames: f64,
}

/// A movement found by several references.
#[derive(Debug, Clone, PartialEq)]
pub struct Consensus {
    /// Query frames from the first to the last keyframe, half-open.
    pub interval: Range<usize>,
    /// The keyframes, strictly increasing.
    pub keyframes: Vec<VotedKeyframe>,
    /// Verdict on `cost`, as for a single reference.
    pub tier: Tier,
    /// Median of the references' costs for this stretch; 0.7 stands for a reference that does not see it.
    pub cost: f64,
    /// What each reference found in this stretch, in their order; `None` where it proposed only others.
    pub votes: Vec<Option<MotionMatch>>,
}

impl MotionDtw {
    /// The best match of a movement of which there are several `references`: by other athletes, or other trials.
    ///
    /// Each reference proposes up to three stretches of the query. Proposals that overlap by more than half are one
    /// occurrence, and the one with the lowest median cost over all references wins, so that a single reference cannot
    /// mislead. Each keyframe is the median of the votes weighted by their stated variance. Cost is that of one search
    /// per reference. For a single recording that stands for all of them see [`Reference::average`].
    ///
    /// ```
    /// use motion_dtw::{Keyframe, Motion, MotionDtw, Reference};
    /// use ndarray::Array2;
    /// let bend = |frames: usize, middle_s: f64, width_s: f64| {
    ///     let knee = |(frame, _): (usize, usize)| {
    ///         let t: f64 = (frame as f64 / 60.0 - middle_s) / width_s;
    ///         175.0 - 80.0 * (-t * t).exp()
    ///     };
    ///     Motion::new(Array2::from_shape_fn((frames, 1), knee), 60.0)
    /// };
    /// // Three trials, each marked at the deepest bend, the last one badly.
    /// let trial = |width_s, marked| {
    ///     Reference::new(bend(120, 1.0, width_s)?, vec![Keyframe::new("deepest", marked)])?.trimmed(0.5)
    /// };
    /// let trials = [trial(0.3, 60.0)?, trial(0.25, 60.0)?, trial(0.28, 66.0)?];
    /// let found = MotionDtw::new().align_many(&bend(600, 7.0, 0.27)?, &trials)?;
    /// assert!((found.keyframes[0].time_s - 7.0).abs() < 0.01);
    /// assert!(found.keyframes[0].spread_frames > 1.0);
    /// # Ok::<(), motion_dtw::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSeries`]; [`Error::Series`] with [`Error::KeyframeNames`] or [`Error::ChannelMismatch`] for a
    /// reference unlike the first, or with what [`MotionDtw::align`] returns; [`Error::NoPath`] if no reference fits.
    pub fn align_many(&self, query: &Motion, references: &[Reference]) -> Result<Consensus> {
        let first = Reference::check_alike(references)?;
        let mut proposals = Vec::with_capacity(references.len());
        for (idx, reference) in references.iter().enumerate() {
            let blame = |source| Error::Series { idx, source: Box::new(source) };
            proposals.push(match self.find_all(query, reference, PROPOSALS) {
                // A reference too slow for this query has no vote; the others may still fit.
                Err(Error::QueryTooShort { .. }) => Vec::new(),
                found => found.map_err(blame)?,
            });
        }
        let best = proposals
            .iter()
            .flatten()
            .map(|seed| Occurrence::around(seed, &proposals))
            .min_by(|a, b| a.cost.total_cmp(&b.cost));
        let best = best.ok_or(Error::NoPath {
            query: query.num_frames(),
            reference: first.active_frames().len(),
        })?;
        Ok(best.vote(query, self.presence_limit))
    }
}

/// One stretch of the query and what the references say about it.
struct Occurrence<'a> {
    votes: Vec<Option<&'a MotionMatch>>,
    cost: f64,
}

impl<'a> Occurrence<'a> {
    fn around(seed: &'a MotionMatch, proposals: &'a [Vec<MotionMatch>]) -> Self {
        let same = |other: &&MotionMatch| overlap(other, seed) > SAME_OCCURRENCE;
        let votes: Vec<Option<&MotionMatch>> =
            proposals.iter().map(|matches| matches.iter().find(same)).collect();
        let costs = votes.iter().map(|vote| vote.map_or(Blend::BLIND, |vote| vote.quality.cost));
        // Equal weights: the plain median.
        let cost = weighted_median(costs.map(|cost| (cost, 1.0)).collect());
        Self { votes, cost }
    }

    fn vote(&self, query: &Motion, presence_limit: f64) -> Consensus {
        /// As for a single reference: keyframes that fall together are kept so far apart, in frames.
        const LEAST_GAP: f64 = 1e-3;
        let matches: Vec<&MotionMatch> = self.votes.iter().copied().flatten().collect();
        let mut keyframes: Vec<VotedKeyframe> = Vec::with_capacity(matches[0].keyframes.len());
        for (k, named) in matches[0].keyframes.iter().enumerate() {
            let votes = || matches.iter().map(|found| &found.keyframes[k]);
            let weight = |sigma: f64| 1.0 / (sigma * sigma).max(1e-12);
            let mut frame = weighted_median(
                votes().map(|vote| (vote.frame, weight(vote.sigma_frames))).collect(),
            );
            if let Some(previous) = keyframes.last() {
                frame = frame.max(previous.frame + LEAST_GAP);
            }
            let num_votes = matches.len() as f64;
            let mean = votes().map(|vote| vote.frame).sum::<f64>() / num_votes;
            let squares: f64 = votes().map(|vote| (vote.frame - mean).powi(2)).sum();
            let spread_frames = (squares / (num_votes - 1.0).max(1.0)).sqrt();
            let stated = weighted_median(votes().map(|vote| (vote.sigma_frames, 1.0)).collect());
            let independent = (1.0 - COMMON_SHARE) / num_votes + COMMON_SHARE;
            keyframes.push(VotedKeyframe {
                name: named.name.clone(),
                frame,
                time_s: frame / query.fps(),
                sigma_frames: stated.max(spread_frames) * independent,
                spread_frames,
            });
        }
        let last_frame = query.num_frames() - 1;
        let nearest = |frame: f64| (frame.round().max(0.0) as usize).min(last_frame);
        Consensus {
            interval: nearest(keyframes[0].frame)
                ..nearest(keyframes[keyframes.len() - 1].frame) + 1,
            keyframes,
            tier: Tier::under(self.cost, presence_limit),
            cost: self.cost,
            votes: self.votes.iter().map(|vote| vote.cloned()).collect(),
        }
    }
}

/// Intersection over union of the stretches that were matched, margins around the keyframes included.
fn overlap(a: &MotionMatch, b: &MotionMatch) -> f64 {
    let stretch = |found: &MotionMatch| {
        let pairs = found.path.pairs();
        (pairs[0].0, pairs[pairs.len() - 1].0 + 1)
    };
    let (a, b) = (stretch(a), stretch(b));
    let shared = a.1.min(b.1).saturating_sub(a.0.max(b.0));
    shared as f64 / (a.1.max(b.1) - a.0.min(b.0)) as f64
}

/// The value with half of the weight below it and half above, between two values if the weight falls so.
fn weighted_median(mut pairs: Vec<(f64, f64)>) -> f64 {
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = pairs.iter().map(|pair| pair.1).sum::<f64>() / 2.0;
    let mut below = 0.0;
    for (idx, &(value, weight)) in pairs.iter().enumerate() {
        below += weight;
        if below > half * (1.0 + 1e-12) {
            return value;
        }
        if below >= half * (1.0 - 1e-12) {
            return (value + pairs.get(idx + 1).map_or(value, |next| next.0)) / 2.0;
        }
    }
    pairs.last().map_or(f64::NAN, |pair| pair.0)
}

#[cfg(test)]
mod tests {
    use super::weighted_median;

    #[test]
    fn medians_by_hand() {
        assert_eq!(weighted_median(vec![(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)]), 2.0);
        assert_eq!(weighted_median(vec![(1.0, 1.0), (3.0, 1.0)]), 2.0);
        assert_eq!(weighted_median(vec![(1.0, 1.0), (3.0, 1.5)]), 3.0);
        assert_eq!(weighted_median(vec![(5.0, 0.1)]), 5.0);
    }
}
