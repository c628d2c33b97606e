//! Means of questions that are not independent: those about one video share its camera, its players, its event.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// A mean with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Mean over questions.
    pub mean: f64,
    /// Standard error, clustered by video; `None` with fewer than two videos.
    pub standard_error: Option<f64>,
    /// Lower and upper end at 95 %; `None` with fewer than two videos.
    pub interval: Option<[f64; 2]>,
    /// Questions.
    pub num: usize,
    /// Videos.
    pub num_clusters: usize,
}

const CONFIDENCE: f64 = 0.95;

/// The mean of `values`, each with the name of its cluster; `None` without values.
///
/// Standard error `sqrt(G / (G - 1) * sum_g (sum_{i in g} (x_i - mean))^2) / n` for G clusters and n values (Liang & Zeger 1986
/// with the usual correction for few clusters; Miller 2024, "Adding error bars to evals", eq. 4, is the same without it), and
/// Student's t with G - 1 degrees of freedom. With one value in each cluster it is the textbook interval of a mean.
#[must_use]
pub fn clustered_mean<'a>(values: impl IntoIterator<Item = (&'a str, f64)>) -> Option<Estimate> {
    let values: Vec<(&str, f64)> = values.into_iter().collect();
    let num = values.len();
    if num == 0 {
        return None;
    }
    let mean = values.iter().map(|(_, value)| value).sum::<f64>() / num as f64;
    let clusters = cluster_sums(&values, mean);
    let num_clusters = clusters.len();
    let standard_error = (num_clusters > 1).then(|| {
        let correction = num_clusters as f64 / (num_clusters - 1) as f64;
        let squares: f64 = clusters.values().map(|sum| sum * sum).sum();
        (correction * squares).sqrt() / num as f64
    });
    let quantile = student(num_clusters).map(|t| t.inverse_cdf(0.5 + CONFIDENCE / 2.0));
    let interval = standard_error
        .zip(quantile)
        .map(|(error, quantile)| [mean - quantile * error, mean + quantile * error]);
    Some(Estimate { mean, standard_error, interval, num, num_clusters })
}

/// As [`clustered_mean`], for scores from 0 to 1.
///
/// The interval stays within 0 and 1. Where all scores are 0, or all are 1, Student's t would claim certainty; the interval is
/// then the exact one for as many tosses as there are videos (Clopper & Pearson 1934): `0.025^(1 / G)` to 1, or its mirror image.
#[must_use]
pub fn clustered_share<'a>(scores: impl IntoIterator<Item = (&'a str, f64)>) -> Option<Estimate> {
    let mut estimate = clustered_mean(scores)?;
    let certain = ((1.0 - CONFIDENCE) / 2.0).powf(1.0 / estimate.num_clusters as f64);
    estimate.interval = match estimate.mean {
        1.0 => Some([certain, 1.0]),
        0.0 => Some([0.0, 1.0 - certain]),
        _ => estimate.interval.map(|ends| ends.map(|end| end.clamp(0.0, 1.0))),
    };
    Some(estimate)
}

/// Deviations from `mean`, summed in each cluster.
pub(super) fn cluster_sums<'a>(values: &[(&'a str, f64)], mean: f64) -> BTreeMap<&'a str, f64> {
    let mut sums = BTreeMap::new();
    for (cluster, value) in values {
        *sums.entry(*cluster).or_insert(0.0) += value - mean;
    }
    sums
}

/// Student's t for a mean over `num_clusters` clusters.
pub(super) fn student(num_clusters: usize) -> Option<StudentsT> {
    let freedom = num_clusters.checked_sub(1).filter(|&freedom| freedom > 0)?;
    StudentsT::new(0.0, 1.0, freedom as f64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles are statrs', good to about ten digits.
    const TOLERANCE: f64 = 1e-9;

    #[test]
    fn with_a_video_for_each_question_it_is_the_textbook_interval() {
        let names = ["a", "b", "c", "d", "e"];
        let found = clustered_mean(names.into_iter().zip([1.0, 0.0, 1.0, 1.0, 0.0])).unwrap();
        // By hand: s^2 = (3 * 0.16 + 2 * 0.36) / 4 = 0.3, error = sqrt(0.3 / 5); t(0.975, 4) = 2.7764451051977987 (tables).
        let error = (0.3_f64 / 5.0).sqrt();
        assert!((found.mean - 0.6).abs() < TOLERANCE);
        assert!((found.standard_error.unwrap() - error).abs() < TOLERANCE);
        assert!((found.interval.unwrap()[1] - (0.6 + 2.776_445_105_197_8 * error)).abs() < 1e-8);
    }

    #[test]
    fn questions_about_one_video_count_together() {
        // By hand: mean 0.5, sums of deviations 1 (two rights) and -1 (two wrongs): sqrt(2 * 2) / 4 = 0.5.
        let found = clustered_mean([("a", 1.0), ("a", 1.0), ("b", 0.0), ("b", 0.0)]).unwrap();
        assert_eq!((found.mean, found.standard_error, found.num_clusters), (0.5, Some(0.5), 2));
        // The same answers spread over four videos are surer.
        let spread = clustered_mean([("a", 1.0), ("b", 1.0), ("c", 0.0), ("d", 0.0)]).unwrap();
        assert!(spread.standard_error < found.standard_error);
    }

    #[test]
    fn nothing_but_right_answers_is_not_certainty() {
        // By hand: with 20 videos 0.025^(1/20) = 0.8316 (tables of Clopper and Pearson: 0.832).
        let names: Vec<String> = (0..20).map(|i| i.to_string()).collect();
        let of = |score| {
            clustered_share(names.iter().map(|name| (name.as_str(), score)))
                .unwrap()
                .interval
                .unwrap()
        };
        assert!((of(1.0)[0] - 0.8316).abs() < 5e-5 && of(1.0)[1] == 1.0); // four digits by hand
        assert!((of(0.0)[1] - 0.1684).abs() < 5e-5 && of(0.0)[0] == 0.0);
        let wide = clustered_share([("a", 1.0), ("b", 1.0), ("c", 0.0)]).unwrap();
        assert_eq!(wide.interval, Some([0.0, 1.0]));
    }

    #[test]
    fn without_a_second_video_nothing_is_claimed() {
        let found = clustered_mean([("a", 1.0), ("a", 0.0)]).unwrap();
        assert_eq!((found.mean, found.standard_error, found.interval), (0.5, None, None));
        assert_eq!(clustered_mean([]), None);
    }
}
