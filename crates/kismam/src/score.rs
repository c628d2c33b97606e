//! From readings to a probability, a severity and a verdict: the numeric model.

use crate::assessment::Verdict;
use crate::assessor::Profile;
use crate::calibration::Calibration;
use crate::knowledge::{Aggregate, Direction, Evidence, Issue, Role};
use crate::ramp;
use crate::target::{Reading, root_sum_square};

/// Keeps `ln(1 - W mu)` finite for a row of weight 1 that speaks in full.
const LARGEST_SUPPORT: f64 = 1.0 - 1e-12;
/// Two-sided 95 % point of the normal distribution, for the left-right gate.
const Z95: f64 = 1.96;
/// Probability from which an issue is present, and from which it is possible (guide's bands).
pub(crate) const PRESENT: f64 = 0.5;
pub(crate) const POSSIBLE: f64 = 0.25;
/// Confidence that a present issue needs.
pub(crate) const CONFIDENT: f64 = 0.5;

/// One observed evidence row in numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowScore {
    /// How far beyond the target, in the row's direction.
    pub(crate) deviation: f64,
    /// Standard deviation of the deviation.
    pub(crate) sigma: f64,
    /// The direction in which the value is off, resolved for `either`.
    pub(crate) direction: Direction,
    /// Whether the deviation as measured exceeds tolerance.
    pub(crate) beyond: bool,
    /// Membership behind the probability.
    pub(crate) membership: f64,
    /// Membership behind the severity.
    pub(crate) severity: f64,
    /// `1 - sigma / (t_max - t_min)`, clamped: how well the row was measured.
    pub(crate) reliability: f64,
    /// Additive share, filled in by [`combine`].
    pub(crate) share: f64,
}

/// An evidence row, the number of its group, and its score, `None` where it could not be read.
pub(crate) type ScoredRow<'a> = (&'a Evidence, usize, Option<RowScore>);

/// One issue in numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct IssueScore {
    pub(crate) support: f64,
    pub(crate) probability: f64,
    pub(crate) severity: f64,
    pub(crate) coverage: f64,
    pub(crate) confidence: f64,
    pub(crate) verdict: Verdict,
}

/// Scores one row. `tau` is the spread of the deviation between athletes.
pub(crate) fn row(row: &Evidence, reading: &Reading<'_>, tau: f64, profile: Profile) -> RowScore {
    let sigma = root_sum_square(reading.sigma_measured, reading.sigma_target);
    let (above, below) = (reading.value - reading.target.hi, reading.target.lo - reading.value);
    let both_ways = matches!(row.direction, Direction::Either | Direction::Asymmetry);
    let counts = |side: Direction| both_ways || row.direction == side;
    let deviation = match row.direction {
        Direction::Above => above,
        Direction::Below => below,
        Direction::Either | Direction::Asymmetry => above.max(below),
    };
    // Two ways off are disjoint, so the mean of the two-sided ramp is the sum of the two means.
    let (above, below) =
        (counts(Direction::Above).then_some(above), counts(Direction::Below).then_some(below));
    let sum = |ramp: fn(f64, f64, f64, f64) -> f64, k: f64, sigma: f64| {
        let of = |d: Option<f64>| d.map_or(0.0, |d| ramp(k * d, row.t_min, row.t_max, sigma));
        (of(above) + of(below)).min(1.0)
    };
    // |left - right| of noise alone is never 0, so a difference counts only where noise does not explain it.
    let is_noise = row.direction == Direction::Asymmetry && deviation <= Z95 * sigma;
    let (membership, severity) = match profile {
        Profile::Paper => {
            let plain = sum(|d, t_min, t_max, _| ramp::plain(d, t_min, t_max), 1.0, 0.0);
            (plain, plain)
        }
        Profile::NoiseAware if is_noise => (0.0, 0.0),
        Profile::NoiseAware => {
            let k = ramp::shrinkage(tau, sigma);
            (sum(ramp::expected, k, sigma * k.sqrt()), sum(ramp::expected, 1.0, sigma))
        }
    };
    RowScore {
        deviation,
        sigma,
        direction: match row.direction {
            Direction::Either if above > Some(0.0) => Direction::Above,
            Direction::Either if below > Some(0.0) => Direction::Below,
            direction => direction,
        },
        beyond: deviation > row.t_min && (profile == Profile::Paper || !is_noise),
        membership,
        severity,
        reliability: (1.0 - reading.sigma_measured / (row.t_max - row.t_min)).clamp(0.0, 1.0),
        share: 0.0,
    }
}

/// Joins the rows of an issue, which stand in order of group, and fills in their shares.
pub(crate) fn combine(
    issue: &Issue,
    rows: &mut [ScoredRow<'_>],
    profile: Profile,
    calibration: Option<&Calibration>,
) -> IssueScore {
    let sums = Sums::of(rows);
    let support = match (profile, issue.aggregate) {
        (Profile::Paper, _) => weighted_mean(rows, sums.observed_weight),
        // Over all rows, not the observed ones, so that a missing row never raises the probability (ours).
        (Profile::NoiseAware, Aggregate::WeightedMean) => weighted_mean(rows, sums.weight),
        (Profile::NoiseAware, Aggregate::NoisyOr) => noisy_or(issue.leak, rows),
    };
    let calibrated = |p: f64| calibration.map_or(p, |calibration| calibration.apply(p));
    let (low, high) = match profile {
        Profile::Paper => (support, support),
        Profile::NoiseAware => limits(rows, support),
    };
    let probability = calibrated(low);
    let coverage = ratio(sums.observed_weight, sums.weight);
    let confidence = match profile {
        Profile::Paper => coverage,
        Profile::NoiseAware => coverage * ratio(sums.reliability, sums.observed_weight),
    };
    let required_missing = profile == Profile::NoiseAware
        && rows.iter().any(|(row, _, score)| row.role == Role::Required && score.is_none());
    let verdict = if required_missing || coverage < issue.min_coverage || coverage == 0.0 {
        Verdict::CannotTell
    } else if probability >= POSSIBLE {
        match sums.any_beyond {
            // Nothing measured is out of tolerance: the probability is made of noise alone.
            false => Verdict::CannotTell,
            true if probability >= PRESENT && confidence >= CONFIDENT => Verdict::Present,
            true => Verdict::Possible,
        }
    } else if calibrated(high) >= POSSIBLE {
        Verdict::CannotTell
    } else {
        Verdict::NotSeen
    };
    let severity = ratio(sums.severity, sums.observed_weight);
    IssueScore { support, probability, severity, coverage, confidence, verdict }
}

/// Weighted sums over the supporting rows.
#[derive(Default)]
struct Sums {
    weight: f64,
    observed_weight: f64,
    severity: f64,
    reliability: f64,
    any_beyond: bool,
}

impl Sums {
    fn of(rows: &[ScoredRow<'_>]) -> Self {
        let mut sums = Sums::default();
        for (row, _, score) in rows.iter().filter(|(row, ..)| row.role != Role::Contra) {
            sums.weight += row.w;
            if let Some(score) = score {
                sums.observed_weight += row.w;
                sums.severity += row.w * score.severity;
                sums.reliability += row.w * score.reliability;
                sums.any_beyond |= score.beyond;
            }
        }
        sums
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

/// `1 - (1 - leak) * prod_g (1 - max_{i in g} W_i mu_i)`; the share of a group's strongest row is `-ln(1 - W mu)`.
fn noisy_or(leak: f64, rows: &mut [ScoredRow<'_>]) -> f64 {
    let mut none = 1.0 - leak;
    for group in rows.chunk_by_mut(|a, b| a.1 == b.1) {
        let strongest = (group.iter_mut())
            .filter(|(row, ..)| row.role != Role::Contra)
            .filter_map(|(row, _, score)| {
                score.as_mut().map(|score| (row.w * score.membership, score))
            })
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        if let Some((support, score)) = strongest {
            let support = support.min(LARGEST_SUPPORT);
            score.share = -(-support).ln_1p();
            none *= 1.0 - support;
        }
    }
    1.0 - none
}

/// `sum W mu / whole`; the share of a row is its term.
fn weighted_mean(rows: &mut [ScoredRow<'_>], whole: f64) -> f64 {
    let mut mean = 0.0;
    for (row, _, score) in rows.iter_mut().filter(|(row, ..)| row.role != Role::Contra) {
        if let Some(score) = score {
            score.share = ratio(row.w * score.membership, whole);
            mean += score.share;
        }
    }
    mean.min(1.0)
}

/// The probability after contrary and required rows, `min(support * prod (1 - W mu), min mu)`, with missing rows taken
/// at their least and at their most favourable for the issue.
fn limits(rows: &[ScoredRow<'_>], support: f64) -> (f64, f64) {
    let (mut factor_low, mut factor_high, mut cap_low, mut cap_high) = (1.0, 1.0, 1.0_f64, 1.0_f64);
    for (row, _, score) in rows {
        match (row.role, score) {
            (Role::Support, _) => {}
            (Role::Contra, Some(score)) => {
                factor_low *= 1.0 - row.w * score.membership;
                factor_high *= 1.0 - row.w * score.membership;
            }
            (Role::Contra, None) => factor_low *= 1.0 - row.w,
            (Role::Required, Some(score)) => {
                cap_low = cap_low.min(score.membership);
                cap_high = cap_high.min(score.membership);
            }
            (Role::Required, None) => cap_low = 0.0,
        }
    }
    ((support * factor_low).min(cap_low), (support * factor_high).min(cap_high))
}
