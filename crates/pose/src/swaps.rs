//! Left and right confused for a while: the commonest mistake of pose networks in a side view.

use std::ops::Range;

use crate::body::Body;
use crate::vector::{Vec3, add, norm, scale, sub};
use crate::{Joint, Side, SkeletonSeries};

/// Which pair of limbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limbs {
    /// Knees, ankles and feet.
    Legs,
    /// Elbows and wrists.
    Arms,
}

/// Frames in which left and right limbs carry each other's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// The limbs.
    pub limbs: Limbs,
    /// Half-open range of frames.
    pub frame_range: Range<usize>,
}

/// What a change of names must save, in trunk lengths a pair of joints (ours): joints that jitter by a tenth of the
/// trunk are not exchanged, limbs that leap to each other's place are.
const CHANGE_COST: f64 = 0.25;

impl SkeletonSeries {
    /// Finds where left and right limbs are swapped: names are chosen so that the limbs accelerate least.
    ///
    /// Of both ways to name the limbs in every frame, the path of the least sum of `|x[t] - 2 x[t-1] + x[t-2]|` is taken
    /// (Viterbi over pairs of frames, O(frames)); a change of names costs a quarter of the trunk a pair. Velocity decides
    /// where legs pass each other. The names that hold for most frames count as right: a recording swapped from start to
    /// end cannot be told from a mirror.
    #[must_use]
    pub fn swaps(&self) -> Vec<Swap> {
        let trunk = Body::of(self).trunk;
        if !trunk.is_finite() {
            return Vec::new();
        }
        let find = |(limbs, pairs): (Limbs, Vec<[usize; 2]>)| {
            let swapped = self.swapped_frames(&pairs, CHANGE_COST * trunk * pairs.len() as f64);
            runs(&swapped).into_iter().map(move |frame_range| Swap { limbs, frame_range })
        };
        [Limbs::Legs, Limbs::Arms]
            .map(|limbs| (limbs, self.pairs(limbs)))
            .into_iter()
            .flat_map(find)
            .collect()
    }

    /// The series with the limbs' names put right, and what was changed; see [`SkeletonSeries::swaps`].
    #[must_use]
    pub fn without_swaps(&self) -> (SkeletonSeries, Vec<Swap>) {
        let swaps = self.swaps();
        let mut mended = self.clone();
        for Swap { limbs, frame_range } in &swaps {
            let pairs = self.pairs(*limbs);
            let (positions, confidence, filled) = mended.parts_mut();
            for (f, [left, right]) in
                frame_range.clone().flat_map(|f| pairs.iter().map(move |pair| (f, *pair)))
            {
                for dim in 0..self.num_dims() {
                    positions.swap([f, left, dim], [f, right, dim]);
                }
                confidence.swap([f, left], [f, right]);
                filled.swap([f, left], [f, right]);
            }
        }
        (mended, swaps)
    }

    /// Places of the left and the right joint of each pair that is recorded.
    fn pairs(&self, limbs: Limbs) -> Vec<[usize; 2]> {
        let joints: &[fn(Side) -> Joint] = match limbs {
            Limbs::Legs => &[Joint::Knee, Joint::Ankle, Joint::Heel, Joint::Toe, Joint::SmallToe],
            Limbs::Arms => &[Joint::Elbow, Joint::Wrist],
        };
        let both = |joint: &fn(Side) -> Joint| {
            Some([self.joint_idx(joint(Side::Left))?, self.joint_idx(joint(Side::Right))?])
        };
        joints.iter().filter_map(both).collect()
    }

    /// Whether the limbs are swapped, frame by frame.
    fn swapped_frames(&self, pairs: &[[usize; 2]], change_cost: f64) -> Vec<bool> {
        let num_frames = self.num_frames();
        if pairs.is_empty() || num_frames < 3 {
            return vec![false; num_frames];
        }
        // cost[2 * before + now]: the cheapest way to name frames 0..=t that ends with these two.
        let mut cost = [0.0, f64::INFINITY, f64::INFINITY, 0.0];
        let mut came_from: Vec<[usize; 4]> = Vec::with_capacity(num_frames);
        for t in 2..num_frames {
            let mut next = [f64::INFINITY; 4];
            let mut from = [0; 4];
            for (state, next_cost) in next.iter_mut().enumerate() {
                let (now, before) = (state & 1, state >> 1);
                for earlier in 0..2 {
                    let change = if now == before { 0.0 } else { change_cost };
                    let total = cost[2 * earlier + before]
                        + change
                        + self.acceleration(pairs, t, [earlier, before, now]);
                    if total < *next_cost {
                        (*next_cost, from[state]) = (total, 2 * earlier + before);
                    }
                }
            }
            cost = next;
            came_from.push(from);
        }
        let mut state = (0..4).min_by(|a, b| cost[*a].total_cmp(&cost[*b])).unwrap_or(0);
        let mut swapped = vec![false; num_frames];
        for t in (2..num_frames).rev() {
            swapped[t] = state & 1 == 1;
            state = came_from[t - 2][state];
        }
        (swapped[0], swapped[1]) = (state >> 1 == 1, state & 1 == 1);
        let num_swapped = swapped.iter().filter(|s| **s).count();
        if 2 * num_swapped > num_frames {
            swapped.iter_mut().for_each(|s| *s = !*s);
        }
        swapped
    }

    /// Sum over the pairs of `|x[t] - 2 x[t-1] + x[t-2]|` under the given naming of the three frames; where the first of
    /// them was not seen the step `|x[t] - x[t-1]|`, where the second was not seen nothing.
    fn acceleration(&self, pairs: &[[usize; 2]], t: usize, naming: [usize; 3]) -> f64 {
        let at = |pair: &[usize; 2], side: usize, back: usize| -> Option<Vec3> {
            self.position_at(t - back, pair[side ^ naming[2 - back]])
        };
        let mut sum = 0.0;
        for (pair, side) in pairs.iter().flat_map(|pair| [(pair, 0), (pair, 1)]) {
            let (Some(now), Some(before)) = (at(pair, side, 0), at(pair, side, 1)) else {
                continue;
            };
            let expected = match at(pair, side, 2) {
                Some(earlier) => sub(scale(before, 2.0), earlier),
                None => before,
            };
            sum += norm(add(now, scale(expected, -1.0)));
        }
        sum
    }
}

/// Half-open ranges of consecutive true values.
fn runs(flags: &[bool]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (i, _) in flags.iter().enumerate().filter(|(_, flag)| **flag) {
        match runs.last_mut() {
            Some(run) if run.end == i => run.end = i + 1,
            _ => runs.push(i..i + 1),
        }
    }
    runs
}
