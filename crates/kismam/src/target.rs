//! Which target an evidence row is held against.

use serde::{Deserialize, Serialize};

use crate::knowledge::{
    Applies, Covariate, Direction, Feature, FeatureSide, Reference, ReferenceKind,
};
use crate::observed::{Mean, Observed};
use crate::{Athlete, Side};

/// An interval in which nothing is wrong, in the feature's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Lower limit.
    pub lo: f64,
    /// Upper limit.
    pub hi: f64,
}

/// Where a target came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// The reference recording.
    Template,
    /// The athlete's own earlier recording.
    History,
    /// An interval from the literature.
    Range,
    /// A population's mean and spread from the literature.
    Normal,
    /// A line over the athlete's age or step from the literature.
    Linear,
    /// Left equals right.
    Symmetry,
}

/// One evidence row's reading: the number, its noise, and the target it is held against.
#[derive(Debug, Clone)]
pub(crate) struct Reading<'a> {
    /// Measured value; for asymmetry left minus right.
    pub(crate) value: f64,
    /// Standard deviation of `value` as measured.
    pub(crate) sigma_measured: f64,
    /// Standard deviation of the target.
    pub(crate) sigma_target: f64,
    pub(crate) target: Target,
    pub(crate) kind: TargetKind,
    pub(crate) reference: Option<&'a Reference>,
    /// The means that `value` was made of.
    pub(crate) sides: [Option<&'a Mean>; 2],
}

/// Standard deviation of a sum; inputs are below 1e9, so nothing overflows and `hypot`'s care is not needed.
pub(crate) fn root_sum_square(a: f64, b: f64) -> f64 {
    (a * a + b * b).sqrt()
}

/// `sqrt(var l + var r - 2 cov)`: what the keyframe's error does to both sides alike is no difference between them.
fn sigma_of_difference(left: &Mean, right: &Mean) -> f64 {
    root_of_variance(left, right, -2.0)
}

/// `sqrt(var l + var r + 2 cov) / 2`.
fn sigma_of_mean(left: &Mean, right: &Mean) -> f64 {
    0.5 * root_of_variance(left, right, 2.0)
}

fn root_of_variance(left: &Mean, right: &Mean, covariances: f64) -> f64 {
    let variance = left.sigma.powi(2) + right.sigma.powi(2);
    // Not below zero but for rounding: a shared part is never larger than its sigma.
    (variance + covariances * left.shared_timing(right)).max(0.0).sqrt()
}

/// Why a row could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingReason {
    /// The feature was not measured.
    NotMeasured,
    /// Left and right are needed, one was measured.
    OneSideOnly,
    /// Nothing says what the value should be: no reference recording shows it and no published figure applies.
    NoTarget,
}

/// Everything that decides a row's target.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) feature: &'a Feature,
    /// The feature's absolute reference that applies to this athlete best.
    pub(crate) absolute: Option<&'a Reference>,
    /// The feature's template reference, if the knowledge has one.
    pub(crate) template_row: Option<&'a Reference>,
    pub(crate) athlete: &'a Athlete,
    pub(crate) template_kind: TargetKind,
}

impl<'a> Context<'a> {
    pub(crate) fn read(
        &self,
        direction: Direction,
        measured: &'a Observed,
        template: Option<&'a Observed>,
    ) -> Result<Reading<'a>, MissingReason> {
        match direction {
            Direction::Asymmetry => self.asymmetry(measured, template),
            _ => self.level(measured, template),
        }
    }

    /// Left minus right against plus or minus the reference recording's own difference.
    fn asymmetry(
        &self,
        measured: &'a Observed,
        template: Option<&'a Observed>,
    ) -> Result<Reading<'a>, MissingReason> {
        if let FeatureSide::None = self.feature.side {
            return self.lopsidedness(measured, template);
        }
        let (left, right) = match (&measured.left, &measured.right) {
            (Some(left), Some(right)) => (left, right),
            (None, None) => return Err(MissingReason::NotMeasured),
            _ => return Err(MissingReason::OneSideOnly),
        };
        let own =
            template.and_then(|template| Some((template.left.as_ref()?, template.right.as_ref()?)));
        let (limit, sigma_target, kind) = match own {
            Some((l, r)) => {
                ((l.value - r.value).abs(), sigma_of_difference(l, r), self.template_kind)
            }
            None => (0.0, 0.0, TargetKind::Symmetry),
        };
        Ok(Reading {
            value: left.value - right.value,
            sigma_measured: sigma_of_difference(left, right),
            sigma_target,
            target: Target { lo: -limit, hi: limit },
            kind,
            reference: None,
            sides: [Some(left), Some(right)],
        })
    }

    /// A measure that is 0 when the body is symmetric, against plus or minus the reference recording's own value.
    fn lopsidedness(
        &self,
        measured: &'a Observed,
        template: Option<&'a Observed>,
    ) -> Result<Reading<'a>, MissingReason> {
        let mean = measured.single.as_ref().ok_or(MissingReason::NotMeasured)?;
        let (limit, sigma_target, kind) = match template.and_then(|own| own.single.as_ref()) {
            Some(own) => (own.value.abs(), own.sigma, self.template_kind),
            None => (0.0, 0.0, TargetKind::Symmetry),
        };
        Ok(Reading {
            value: mean.value,
            sigma_measured: mean.sigma,
            sigma_target,
            target: Target { lo: -limit, hi: limit },
            kind,
            reference: None,
            sides: [Some(mean), None],
        })
    }

    fn level(
        &self,
        measured: &'a Observed,
        template: Option<&'a Observed>,
    ) -> Result<Reading<'a>, MissingReason> {
        let (value, sigma_measured, sides) =
            self.value_of(measured).ok_or(MissingReason::NotMeasured)?;
        // Like is compared with like: where one side of the athlete was seen, the reference's same side counts.
        let own = template.and_then(|template| self.matching(template, sides));
        let (target, sigma_target, kind, reference) = match (own, self.template_row, self.absolute)
        {
            (Some((own, sigma)), Some(row), _) => {
                let tolerance = row.tolerance.unwrap_or(0.0);
                let target = Target { lo: own - tolerance, hi: own + tolerance };
                (target, sigma, self.template_kind, Some(row))
            }
            (own, _, Some(row)) => {
                let (mut target, kind) =
                    self.absolute_target(row).ok_or(MissingReason::NoTarget)?;
                let mut sigma = row.sigma.unwrap_or(0.0);
                // The reference athlete is without fault by definition, so the interval grows to take them in.
                if let Some((own, own_sigma)) =
                    own.filter(|(own, _)| !(target.lo..=target.hi).contains(own))
                {
                    target = Target { lo: target.lo.min(own), hi: target.hi.max(own) };
                    sigma = root_sum_square(sigma, own_sigma);
                }
                (target, sigma, kind, Some(row))
            }
            (_, _, None) => return Err(MissingReason::NoTarget),
        };
        Ok(Reading { value, sigma_measured, sigma_target, target, kind, reference, sides })
    }

    fn value_of<'m>(&self, observed: &'m Observed) -> Option<(f64, f64, [Option<&'m Mean>; 2])> {
        if self.feature.side != FeatureSide::Both {
            let single = observed.single.as_ref()?;
            return Some((single.value, single.sigma, [Some(single), None]));
        }
        match (&observed.left, &observed.right) {
            (Some(left), Some(right)) => {
                let value = f64::midpoint(left.value, right.value);
                Some((value, sigma_of_mean(left, right), [Some(left), Some(right)]))
            }
            // The unseen side may differ: half a between-athlete spread stands for that (ours).
            (Some(seen), None) | (None, Some(seen)) => Some((
                seen.value,
                root_sum_square(seen.sigma, 0.5 * self.feature.tau),
                [Some(seen), None],
            )),
            (None, None) => None,
        }
    }

    fn matching(&self, template: &Observed, sides: [Option<&Mean>; 2]) -> Option<(f64, f64)> {
        let same_side = match sides {
            [Some(seen), None] => match seen.side {
                Some(Side::Left) => template.left.as_ref(),
                Some(Side::Right) => template.right.as_ref(),
                None => None,
            },
            _ => None,
        };
        let same_side = same_side.map(|mean| (mean.value, mean.sigma));
        same_side.or_else(|| self.value_of(template).map(|(value, sigma, _)| (value, sigma)))
    }

    fn absolute_target(&self, row: &Reference) -> Option<(Target, TargetKind)> {
        let around = |middle: f64| {
            let half = row.z.unwrap_or(1.0) * row.sd?;
            Some(Target { lo: middle - half, hi: middle + half })
        };
        match row.kind {
            ReferenceKind::Range => Some((Target { lo: row.lo?, hi: row.hi? }, TargetKind::Range)),
            ReferenceKind::Normal => Some((around(row.mean?)?, TargetKind::Normal)),
            ReferenceKind::Linear => {
                let [intercept, slope] = row.coef?;
                let x = self.athlete.covariate(row.by?)?;
                Some((around(intercept + slope * x)?, TargetKind::Linear))
            }
            ReferenceKind::Template => None,
        }
    }
}

impl Applies {
    /// How many conditions there are, if `athlete` is known to meet them all.
    pub(crate) fn specificity(&self, athlete: &Athlete) -> Option<usize> {
        let mut met = 0;
        let mut require = |wanted: bool, holds: bool| {
            met += usize::from(wanted);
            !wanted || holds
        };
        let within = |range: Option<[f64; 2]>, x: Option<f64>| match (range, x) {
            (Some([low, high]), Some(x)) => (low..=high).contains(&x),
            _ => false,
        };
        let holds =
            require(self.sex.is_some(), self.sex.as_deref() == athlete.sex.map(crate::Sex::as_str))
                && require(self.level.is_some(), self.level == athlete.level)
                && require(self.phase.is_some(), self.phase == athlete.phase)
                && require(self.age.is_some(), within(self.age, athlete.covariate(Covariate::Age)))
                && require(
                    self.step.is_some(),
                    within(self.step, athlete.covariate(Covariate::Step)),
                );
        holds.then_some(met)
    }
}
