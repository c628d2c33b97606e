//! Figures over many searches.

use motion_dtw::Tier;
use serde::Serialize;

/// One search of one session for one reference.
pub(crate) struct Search {
    pub(crate) session: String,
    pub(crate) action: String,
    pub(crate) mode: String,
    pub(crate) content: Content,
    pub(crate) cost: f64,
    pub(crate) tier: Tier,
    /// Overlap with the occurrence that fits best, 0 if there is none.
    pub(crate) iou: f64,
    /// Error of each keyframe against it, in frames at 60 per second; empty if the action is not labelled here.
    pub(crate) errors: Vec<f64>,
    /// Stated standard deviations, same unit.
    pub(crate) sigmas: Vec<f64>,
    pub(crate) ms: f64,
}

/// What is known about a session's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// The action is there and labelled.
    Present,
    /// It is not.
    Absent,
    /// It is there without a label: among the clips around the labelled action.
    Unlabelled,
}

impl Search {
    pub(crate) fn is_found(&self) -> bool {
        self.content == Content::Present && self.iou > 0.5
    }

    fn mean_error(&self) -> f64 {
        if self.errors.is_empty() {
            return f64::INFINITY;
        }
        self.errors.iter().map(|error| error.abs()).sum::<f64>() / self.errors.len() as f64
    }
}

/// One line of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) method: String,
    /// Nothing here is random.
    pub(crate) seed: u64,
    pub(crate) group: String,
    pub(crate) num_queries: usize,
    /// Share whose interval overlaps an occurrence by more than half.
    pub(crate) found_rate: f64,
    /// Share that is found so and not called absent by the quality tier.
    pub(crate) accepted_rate: f64,
    pub(crate) median_error_frames: f64,
    pub(crate) mean_error_frames: f64,
    pub(crate) mean_error_found_frames: f64,
    pub(crate) p95_error_found_frames: f64,
    pub(crate) hit_rate_2_frames: f64,
    pub(crate) interval_iou: f64,
    /// Searches for another action than the labelled one, as far as that is not in the session all the same.
    pub(crate) num_absent: usize,
    /// Share of those that the quality tier calls found.
    pub(crate) false_found_rate: f64,
    /// Searches for every other action, and the share called found: the surrounding clips show many of these actions
    /// without a label, often the very clip that is searched for, and finding them is right.
    pub(crate) num_other: usize,
    pub(crate) false_found_rate_any: f64,
    /// Chance that a search for the labelled action costs less than one for an absent action, and for any other.
    pub(crate) presence_auc: f64,
    pub(crate) presence_auc_any: f64,
    /// Share of found keyframes within one and two stated standard deviations.
    pub(crate) within_sigma: [f64; 2],
    pub(crate) median_ms_per_query: f64,
}

impl Summary {
    pub(crate) fn of<'a>(
        method: &str,
        group: &str,
        searches: impl Iterator<Item = &'a Search>,
    ) -> Self {
        let searches: Vec<&Search> = searches.collect();
        let with = |content: Content| -> Vec<&Search> {
            searches.iter().copied().filter(|search| search.content == content).collect()
        };
        let (present, absent, unlabelled) =
            (with(Content::Present), with(Content::Absent), with(Content::Unlabelled));
        let found: Vec<&Search> =
            present.iter().copied().filter(|search| search.is_found()).collect();
        let errors: Vec<f64> = present.iter().map(|search| search.mean_error()).collect();
        let found_errors: Vec<f64> = found.iter().map(|search| search.mean_error()).collect();
        let share =
            |count: usize, of: usize| if of > 0 { count as f64 / of as f64 } else { f64::NAN };
        let claimed =
            |searches: &[&Search]| searches.iter().filter(|search| search.tier.is_found()).count();
        let within = |sigmas: f64| {
            let pairs = found.iter().flat_map(|search| search.errors.iter().zip(&search.sigmas));
            let (inside, all) = pairs.fold((0, 0), |(inside, all), (error, sigma)| {
                (inside + usize::from(error.abs() <= sigmas * sigma), all + 1)
            });
            share(inside, all)
        };
        Self {
            method: method.to_owned(),
            seed: 0,
            group: group.to_owned(),
            num_queries: present.len(),
            found_rate: share(found.len(), present.len()),
            accepted_rate: share(claimed(&found), present.len()),
            median_error_frames: quantile(&errors, 0.5),
            mean_error_frames: mean(errors.iter().copied().filter(|error| error.is_finite())),
            mean_error_found_frames: mean(found_errors.iter().copied()),
            p95_error_found_frames: quantile(&found_errors, 0.95),
            hit_rate_2_frames: share(
                errors.iter().filter(|&&error| error <= 2.0).count(),
                present.len(),
            ),
            interval_iou: mean(present.iter().map(|search| search.iou)),
            num_absent: absent.len(),
            false_found_rate: share(claimed(&absent), absent.len()),
            false_found_rate_any: share(
                claimed(&absent) + claimed(&unlabelled),
                absent.len() + unlabelled.len(),
            ),
            num_other: absent.len() + unlabelled.len(),
            presence_auc: auc(&present, &absent),
            presence_auc_any: auc(&present, &[absent, unlabelled].concat()),
            within_sigma: [within(1.0), within(2.0)],
            median_ms_per_query: quantile(
                &searches.iter().map(|search| search.ms).collect::<Vec<_>>(),
                0.5,
            ),
        }
    }

    pub(crate) fn header() -> &'static str {
        "method       group             n  found accept  median    mean  (found)  p95   hit@2    IoU    AUC  false (any)    1sd  2sd     ms"
    }

    pub(crate) fn row(&self) -> String {
        format!(
            "{:12} {:14} {:4}  {:.3}  {:.3}  {:6.2} {:7.2}  {:6.2} {:5.2}   {:.3}  {:.3}  {:.3}  {:.3} ({:.3})  {:.2} {:.2} {:6.1}",
            self.method,
            self.group,
            self.num_queries,
            self.found_rate,
            self.accepted_rate,
            self.median_error_frames,
            self.mean_error_frames,
            self.mean_error_found_frames,
            self.p95_error_found_frames,
            self.hit_rate_2_frames,
            self.interval_iou,
            self.presence_auc,
            self.false_found_rate,
            self.false_found_rate_any,
            self.within_sigma[0],
            self.within_sigma[1],
            self.median_ms_per_query,
        )
    }
}

/// Chance that a session with the action costs less than one without.
fn auc(present: &[&Search], absent: &[&Search]) -> f64 {
    let pairs = present.iter().flat_map(|p| absent.iter().map(move |a| (p.cost, a.cost)));
    mean(pairs.map(|(p, a)| {
        if p < a {
            1.0
        } else if p == a {
            0.5
        } else {
            0.0
        }
    }))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { f64::NAN }
}

/// Linear between order statistics.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    if values.is_empty() {
        return f64::NAN;
    }
    let at = share * (values.len() - 1) as f64;
    let (below, above) = (values[at.floor() as usize], values[at.ceil() as usize]);
    if below == above { below } else { below + (above - below) * at.fract() }
}
