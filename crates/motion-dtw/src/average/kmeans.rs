//! Groups of motions that are alike under time warping.

use super::series::Series;
use super::{Average, Dba};
use crate::{Dtw, Error, Motion, Result, Sequence};

/// Updates of a centre per round: the groups still change, so that more would be wasted (ours).
const UPDATES_PER_ROUND: usize = 5;

/// k-means with DTW distances and DBA means (Petitjean et al. 2011), seeded by k-means++ (Arthur & Vassilvitskii 2007).
///
/// The same seed gives the same groups on every machine. One round costs `S k` alignments of S series and k centres.
///
/// ```
/// use motion_dtw::KMeans;
/// let series = [vec![0.0, 9.0, 0.0], vec![5.0, 5.0, 5.0], vec![0.0, 0.0, 8.0, 0.0], vec![5.0, 4.0, 5.0]];
/// let groups = KMeans::new(2).fit(&series)?;
/// assert_eq!(groups.labels[0], groups.labels[2]);
/// assert_eq!(groups.labels[1], groups.labels[3]);
/// assert_ne!(groups.labels[0], groups.labels[1]);
/// # Ok::<(), motion_dtw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct KMeans {
    num_clusters: usize,
    dba: Dba,
    seed: u64,
    num_starts: usize,
    max_rounds: usize,
}

/// Series in groups, each with its mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustering {
    /// Group of each series, `0..num_clusters`.
    pub labels: Vec<usize>,
    /// Mean, spread and paths of each group; its paths follow the order of the group's members.
    pub centers: Vec<Average>,
    /// Sum of squared DTW distances to the centres of the groups.
    pub inertia: f64,
    /// Rounds of the start that won.
    pub num_rounds: usize,
    /// Whether no series changed its group in the last round.
    pub converged: bool,
}

impl KMeans {
    /// `num_clusters` groups, seed 0, the best of 3 starts, at most 50 rounds (ours).
    #[must_use]
    pub fn new(num_clusters: usize) -> Self {
        Self { num_clusters, dba: Dba::new(), seed: 0, num_starts: 3, max_rounds: 50 }
    }

    /// How distances and means are computed; its weights and iterations play no part.
    #[must_use]
    pub fn with_dba(mut self, dba: Dba) -> Self {
        self.dba = dba;
        self
    }

    /// Chooses the series that the groups begin with.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Starts with other first centres, of which the one with the least inertia wins; 3 by default.
    #[must_use]
    pub fn with_num_starts(mut self, num_starts: usize) -> Self {
        self.num_starts = num_starts;
        self
    }

    /// Most rounds of one start; 50 by default.
    #[must_use]
    pub fn with_max_rounds(mut self, max_rounds: usize) -> Self {
        self.max_rounds = max_rounds;
        self
    }

    /// Groups `series`.
    ///
    /// # Errors
    ///
    /// As [`Dba::average`]; [`Error::ClusterCount`] unless there are 1 to S groups; [`Error::InvalidSetting`] for no
    /// start or no round.
    pub fn fit<S: Sequence>(&self, series: &[S]) -> Result<Clustering> {
        let series = Series::new(series, None)?;
        let num_series = series.motions.len();
        if self.num_clusters == 0 || self.num_clusters > num_series {
            return Err(Error::ClusterCount { num_clusters: self.num_clusters, num_series });
        }
        let mut random = SplitMix64(self.seed);
        let mut best = self.start(&series, &mut random)?;
        for _ in 1..self.positive("num_starts", self.num_starts)? {
            let found = self.start(&series, &mut random)?;
            if found.inertia < best.inertia {
                best = found;
            }
        }
        Ok(best)
    }

    fn positive(&self, name: &'static str, value: usize) -> Result<usize> {
        if value > 0 {
            return Ok(value);
        }
        Err(Error::InvalidSetting { name, value: 0.0, expected: "it must be at least 1" })
    }

    fn start(&self, series: &Series, random: &mut SplitMix64) -> Result<Clustering> {
        let dtw = self.dba.dtw();
        let update = self.dba.clone().with_max_iterations(UPDATES_PER_ROUND);
        let mut centers = self.first_centers(series, &dtw, random)?;
        let mut labels = vec![usize::MAX; series.motions.len()];
        let max_rounds = self.positive("max_rounds", self.max_rounds)?;
        let mut num_rounds = 0;
        loop {
            num_rounds += 1;
            let (mut found, mut costs) = assign(series, &centers, &dtw)?;
            fill_empty(&mut found, &mut costs, self.num_clusters);
            let converged = found == labels;
            labels = found;
            let averages: Vec<Average> = centers
                .iter()
                .enumerate()
                .map(|(label, center)| {
                    update.refine(center.clone(), &members(series, &labels, label))
                })
                .collect::<Result<_>>()?;
            if converged || num_rounds == max_rounds {
                let inertia = averages.iter().flat_map(Average::costs).sum();
                return Ok(Clustering {
                    labels,
                    centers: averages,
                    inertia,
                    num_rounds,
                    converged,
                });
            }
            centers = averages.into_iter().map(|average| average.mean).collect();
        }
    }

    /// Each next centre is a series drawn with probability proportional to its cost to the nearest centre so far.
    fn first_centers(
        &self,
        series: &Series,
        dtw: &Dtw,
        random: &mut SplitMix64,
    ) -> Result<Vec<Motion>> {
        let num_series = series.motions.len();
        let mut nearest = vec![f64::INFINITY; num_series];
        let mut chosen = (random.unit() * num_series as f64) as usize;
        let mut centers = Vec::with_capacity(self.num_clusters);
        loop {
            let center = &series.motions[chosen];
            centers.push(center.clone());
            if centers.len() == self.num_clusters {
                return Ok(centers);
            }
            let distances = dtw.distances(&series.motions, std::slice::from_ref(center))?;
            for (cost, distance) in nearest.iter_mut().zip(distances) {
                *cost = cost.min(distance * distance);
            }
            nearest[chosen] = 0.0;
            let mut left = random.unit() * nearest.iter().sum::<f64>();
            // All costs 0: only copies are left, and any will do.
            chosen = nearest.iter().position(|cost| cost > &0.0).unwrap_or(centers.len());
            for (idx, &cost) in nearest.iter().enumerate().filter(|(_, cost)| **cost > 0.0) {
                chosen = idx;
                left -= cost;
                if left < 0.0 {
                    break;
                }
            }
        }
    }
}

/// Nearest centre of each series, the first of equals, and the cost to it.
fn assign(series: &Series, centers: &[Motion], dtw: &Dtw) -> Result<(Vec<usize>, Vec<f64>)> {
    let distances = dtw.distances(&series.motions, centers)?;
    let nearest = distances.rows().into_iter().map(|row| {
        let (mut label, mut least) = (0, f64::INFINITY);
        for (idx, &distance) in row.iter().enumerate() {
            if distance < least {
                (label, least) = (idx, distance);
            }
        }
        (label, least * least)
    });
    Ok(nearest.unzip())
}

/// A group without members takes the series that is farthest from its own centre, unless it is alone there.
fn fill_empty(labels: &mut [usize], costs: &mut [f64], num_clusters: usize) {
    for label in 0..num_clusters {
        if labels.contains(&label) {
            continue;
        }
        let size = |of: usize| labels.iter().filter(|&&label| label == of).count();
        let movable = (0..labels.len()).filter(|&idx| size(labels[idx]) > 1);
        if let Some(farthest) = movable.max_by(|&a, &b| costs[a].total_cmp(&costs[b])) {
            labels[farthest] = label;
            costs[farthest] = 0.0;
        }
    }
}

fn members(series: &Series, labels: &[usize], label: usize) -> Series {
    let of_label = || labels.iter().enumerate().filter(move |&(_, &found)| found == label);
    Series {
        motions: of_label().map(|(idx, _)| series.motions[idx].clone()).collect(),
        weights: of_label().map(|(idx, _)| series.weights[idx]).collect(),
    }
}

/// Steele, Lea & Flood's generator (2014): enough randomness for choosing centres, the same everywhere.
struct SplitMix64(u64);

impl SplitMix64 {
    /// Uniform in 0..1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_groups_take_the_farthest_series_that_is_not_alone() {
        let mut labels = [0, 0, 0, 1];
        fill_empty(&mut labels, &mut [1.0, 5.0, 2.0, 9.0], 3);
        assert_eq!(labels, [0, 2, 0, 1]);
    }
}
