//! How well a diagnosis agrees with an expert's.

use std::collections::{BTreeMap, BTreeSet};

/// Agreement of named issues with an expert's, over one or many performances.
///
/// ```
/// use kismam::metrics::Agreement;
/// let mut all = Agreement::of(["shallow_squat", "knee_valgus"], ["shallow_squat"]);
/// all += Agreement::of(["hips_rise_first"], ["hips_rise_first"]);
/// assert_eq!((all.precision(), all.recall(), all.iou()), (Some(2.0 / 3.0), Some(1.0), Some(2.0 / 3.0)));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Issues that both name.
    pub both: usize,
    /// Issues that only the diagnosis names.
    pub only_found: usize,
    /// Issues that only the expert names.
    pub only_expert: usize,
}

impl Agreement {
    /// Counts of one performance; an issue named twice counts once.
    pub fn of<'a>(
        found: impl IntoIterator<Item = &'a str>,
        expert: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let (found, expert): (BTreeSet<&str>, BTreeSet<&str>) =
            (found.into_iter().collect(), expert.into_iter().collect());
        let both = found.intersection(&expert).count();
        Self { both, only_found: found.len() - both, only_expert: expert.len() - both }
    }

    /// Share of the found issues that the expert names too; `None` if none was found.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        ratio(self.both, self.both + self.only_found)
    }

    /// Share of the expert's issues that were found; `None` if the expert names none.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        ratio(self.both, self.both + self.only_expert)
    }

    /// Diagnosis IoU, intersection over union of the two lists; `None` if both are empty.
    #[must_use]
    pub fn iou(&self) -> Option<f64> {
        ratio(self.both, self.both + self.only_found + self.only_expert)
    }
}

impl std::ops::AddAssign for Agreement {
    fn add_assign(&mut self, other: Self) {
        self.both += other.both;
        self.only_found += other.only_found;
        self.only_expert += other.only_expert;
    }
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Area under the ROC curve: the chance that a case with the issue scores above one without, ties counting half.
///
/// `None` unless there are cases of both kinds. Scores are ordered by [`f64::total_cmp`]. O(n log n) by ranks
/// (Mann-Whitney).
#[must_use]
pub fn auc(cases: &[(f64, bool)]) -> Option<f64> {
    let mut sorted = cases.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let num_with = sorted.iter().filter(|case| case.1).count();
    let num_without = sorted.len() - num_with;
    let (mut rank_sum, mut seen) = (0.0, 0);
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let mean_rank = seen as f64 + 0.5 * (tied.len() as f64 + 1.0);
        rank_sum += mean_rank * tied.iter().filter(|case| case.1).count() as f64;
        seen += tied.len();
    }
    let least = 0.5 * num_with as f64 * (num_with as f64 + 1.0);
    (num_with > 0 && num_without > 0)
        .then(|| (rank_sum - least) / (num_with as f64 * num_without as f64))
}

/// Mean [`auc`] over issues, and how many issues it is the mean of; issues without cases of both kinds are left out.
///
/// `cases` holds, per issue id, `(probability, expert names it)`.
#[must_use]
pub fn macro_auc(cases: &BTreeMap<String, Vec<(f64, bool)>>) -> Option<(f64, usize)> {
    let areas: Vec<f64> = cases.values().filter_map(|cases| auc(cases)).collect();
    (!areas.is_empty()).then(|| (areas.iter().sum::<f64>() / areas.len() as f64, areas.len()))
}
