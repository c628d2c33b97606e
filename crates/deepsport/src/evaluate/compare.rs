//! Two runs over the same questions.

use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};
use statrs::distribution::ContinuousCDF as _;

use super::graded::Graded;
use super::statistics::{Estimate, cluster_sums, clustered_mean, student};
use crate::agent::Mode;
use crate::{Error, Result};

/// How run B differs from run A, question by question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Comparison {
    /// Mean score of A over the common questions.
    pub mean_a: f64,
    /// Mean score of B over the common questions.
    pub mean_b: f64,
    /// Mean of B's score minus A's, with its interval, clustered by video.
    pub difference: Estimate,
    /// Two-sided p value of Student's t of that difference; `None` with fewer than two videos or without any spread.
    pub p_t: Option<f64>,
    /// Two-sided p value without any assumption on the shape: how often differences as large come about when the sign of each
    /// video's sum is a coin's.
    pub p_permutation: f64,
    /// Questions that B answers better, and worse.
    pub better_worse: [usize; 2],
    /// Questions that only one of the runs has; they are left out.
    pub num_unpaired: usize,
}

/// Up to this many videos all signs are tried; beyond it they are drawn.
const MAX_EXACT_CLUSTERS: usize = 14;
const NUM_DRAWS: u64 = 20_000;

/// Compares the scores of the questions that both runs have, in one mode each.
///
/// # Errors
///
/// [`Error::TooFew`] if there are no common questions.
pub fn compare(a: (&[Graded], Mode), b: (&[Graded], Mode)) -> Result<Comparison> {
    let by_id = |(run, mode): (&'_ [Graded], Mode)| -> BTreeMap<String, (String, f64)> {
        let of_mode = run.iter().filter(|graded| graded.mode == mode);
        of_mode.map(|graded| (graded.id.clone(), (graded.video_id.clone(), graded.score))).collect()
    };
    let (a, b) = (by_id(a), by_id(b));
    let pairs: Vec<(&str, f64, f64)> = a
        .iter()
        .filter_map(|(id, (video_id, score))| Some((video_id.as_str(), *score, b.get(id)?.1)))
        .collect();
    let differences: Vec<(&str, f64)> =
        pairs.iter().map(|(video_id, of_a, of_b)| (*video_id, of_b - of_a)).collect();
    let Some(difference) = clustered_mean(differences.iter().copied()) else {
        let reason = format!("none of {} and {} questions is in both runs", a.len(), b.len());
        return Err(Error::TooFew { what: "comparison", reason });
    };
    let p_t = difference.standard_error.filter(|error| *error > 0.0).and_then(|error| {
        let t = (difference.mean / error).abs();
        Some(2.0 * (1.0 - student(difference.num_clusters)?.cdf(t)))
    });
    let sums: Vec<f64> = cluster_sums(&differences, 0.0).into_values().collect();
    let num = pairs.len() as f64;
    let count = |of: fn(f64) -> bool| differences.iter().filter(|(_, d)| of(*d)).count();
    Ok(Comparison {
        mean_a: pairs.iter().map(|(_, of_a, _)| of_a).sum::<f64>() / num,
        mean_b: pairs.iter().map(|(.., of_b)| of_b).sum::<f64>() / num,
        difference,
        p_t,
        p_permutation: sign_flips(&sums),
        better_worse: [count(|d| d > 0.0), count(|d| d < 0.0)],
        num_unpaired: a.len() + b.len() - 2 * pairs.len(),
    })
}

/// Share of the ways to flip signs that give a sum at least as far from 0.
fn sign_flips(sums: &[f64]) -> f64 {
    let found = sums.iter().sum::<f64>().abs();
    // Sums of scores are multiples of a half; what rounding adds is far below that.
    let is_as_far = |sum: f64| sum.abs() >= found - 1e-9;
    let flipped = |signs: &mut dyn FnMut(usize) -> bool| -> f64 {
        sums.iter().enumerate().map(|(i, sum)| if signs(i) { -sum } else { *sum }).sum()
    };
    if sums.len() <= MAX_EXACT_CLUSTERS {
        let num = 1_u64 << sums.len();
        let as_far =
            (0..num).filter(|ways| is_as_far(flipped(&mut |i| ways >> i & 1 == 1))).count();
        return as_far as f64 / num as f64;
    }
    let mut rng = Pcg64Mcg::seed_from_u64(0);
    let as_far =
        (0..NUM_DRAWS).filter(|_| is_as_far(flipped(&mut |_| rng.random_bool(0.5)))).count();
    (as_far + 1) as f64 / (NUM_DRAWS + 1) as f64 // the runs as they are are one of the ways
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ways_to_flip_are_counted() {
        // Of 8 ways, 1 + 1 + 1 and its opposite are as far from 0 as 3.
        assert_eq!(sign_flips(&[1.0, 1.0, 1.0]), 0.25);
        assert_eq!(sign_flips(&[0.0, 0.0]), 1.0);
        // Drawn and counted agree: 15 videos of which all are better, 2 / 2^15.
        assert!(sign_flips(&[1.0; 15]) < 0.001);
        // 10 better and 10 worse: nothing.
        let even: Vec<f64> = (0..20).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert!(sign_flips(&even) > 0.99);
    }
}
