//! Joins knowledge, measurements and the numeric model.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::assessment::{
    Assessment, IssueAssessment, KnowledgeStamp, MissingEvidence, SeverityBand, Verdict,
};
use crate::calibration::Calibration;
use crate::knowledge::{
    Direction, Event, Evidence, Feature, Issue, KnowledgeBase, Reference, ReferenceKind, Severity,
};
use crate::observed::{self, Observed};
use crate::score::{self, IssueScore, ScoredRow};
use crate::target::{Context, MissingReason, Reading, TargetKind};
use crate::{Athlete, Error, Measurement, Result, explain, record};

/// Which numeric model is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Ours: ramps that know the noise, shrunk deviations, groups, contrary and required rows, noisy-OR.
    #[default]
    NoiseAware,
    /// The paper's idea: the plain ramp between `T_min` and `T_max`, and the W-weighted mean over the measured rows.
    Paper,
}

/// Judges performances of one event.
///
/// ```
/// use kismam::{Assessor, KnowledgeBase, Measurement, Side, Verdict};
/// let kb = KnowledgeBase::shipped().into_iter().find(|kb| kb.event("squat").is_some()).unwrap();
/// let knees = |deg: f64| [Side::Left, Side::Right].map(|side| Measurement::new("knee@bottom", deg, 3.0).on(side));
/// let assessor = Assessor::new(&kb, "squat")?.with_template(&knees(80.0));
/// let shallow = assessor.assess(&knees(112.0))?;
/// assert_eq!(shallow.issues[0].id, "shallow_squat");
/// assert_eq!(shallow.issues[0].verdict, Verdict::Present);
/// assert!(assessor.assess(&knees(80.0))?.issues.is_empty()); // the reference athlete is without fault
/// # Ok::<(), kismam::Error>(())
/// ```
#[derive(Debug)]
pub struct Assessor<'kb> {
    kb: &'kb KnowledgeBase,
    event: &'kb Event,
    features: Vec<&'kb Feature>,
    index_of: HashMap<&'kb str, usize>,
    issues: Vec<CompiledIssue<'kb>>,
    template: Vec<Measurement>,
    /// `template`, sorted; `None` if it has errors, which [`Assessor::assess`] reports.
    sorted_template: Option<Vec<Observed>>,
    template_kind: TargetKind,
    athlete: Athlete,
    profile: Profile,
    calibrations: BTreeMap<String, Calibration>,
    /// Per feature: the absolute reference that applies best, and the template row.
    references: Vec<(Option<&'kb Reference>, Option<&'kb Reference>)>,
}

/// An issue with its rows in a fixed order: by group, feature, direction.
#[derive(Debug)]
struct CompiledIssue<'kb> {
    issue: &'kb Issue,
    rows: Vec<CompiledRow<'kb>>,
}

#[derive(Debug)]
struct CompiledRow<'kb> {
    row: &'kb Evidence,
    group: &'kb str,
    group_idx: usize,
    feature_idx: usize,
}

/// The number of an issue, without words: what [`Assessor::score`] returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Score<'kb> {
    /// Id of the issue.
    pub issue: &'kb str,
    /// See [`IssueAssessment::probability`].
    pub probability: f64,
    /// See [`IssueAssessment::support_probability`].
    pub support_probability: f64,
    /// See [`IssueAssessment::severity`].
    pub severity: f64,
    /// See [`IssueAssessment::confidence`].
    pub confidence: f64,
    /// See [`IssueAssessment::coverage`].
    pub coverage: f64,
    /// See [`IssueAssessment::verdict`].
    pub verdict: Verdict,
}

impl<'kb> Assessor<'kb> {
    /// Prepares the assessment of an event, named by id or alias.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEvent`] if the knowledge does not have it, [`Error::Knowledge`] if the knowledge has errors.
    pub fn new(kb: &'kb KnowledgeBase, event: &str) -> Result<Self> {
        let Some(found) = kb.event(event) else {
            return Err(Error::UnknownEvent {
                origin: kb.origin().to_owned(),
                event: event.to_owned(),
                known: kb.events().iter().map(|event| event.id.clone()).collect(),
            });
        };
        let mut findings = kb.lint();
        findings.retain(|finding| finding.severity == Severity::Error);
        if !findings.is_empty() {
            return Err(Error::Knowledge { origin: kb.origin().to_owned(), findings });
        }
        let features: Vec<&Feature> = kb.features(&found.id).collect();
        let index_of: HashMap<&str, usize> = features
            .iter()
            .enumerate()
            .map(|(index, feature)| (feature.id.as_str(), index))
            .collect();
        let issues =
            kb.issues(&found.id).map(|issue| CompiledIssue::new(kb, issue, &index_of)).collect();
        let mut assessor = Self {
            kb,
            event: found,
            features,
            index_of,
            issues,
            template: Vec::new(),
            sorted_template: None,
            template_kind: TargetKind::Template,
            athlete: Athlete::default(),
            profile: Profile::default(),
            calibrations: BTreeMap::new(),
            references: Vec::new(),
        };
        assessor.choose_references();
        assessor.set_template(&[], TargetKind::Template);
        Ok(assessor)
    }

    /// Compares with a reference recording: the same features, measured on it.
    ///
    /// Its values become the targets of features with a `template` reference; an interval from the literature grows to
    /// take its value in. So the reference athlete is without fault by definition.
    #[must_use]
    pub fn with_template(mut self, measurements: &[Measurement]) -> Self {
        self.set_template(measurements, TargetKind::Template);
        self
    }

    /// As [`Assessor::with_template`], with the athlete's own earlier recording, and called so in the explanations.
    #[must_use]
    pub fn with_history(mut self, measurements: &[Measurement]) -> Self {
        self.set_template(measurements, TargetKind::History);
        self
    }

    /// Says who the athlete is, for references that depend on it.
    #[must_use]
    pub fn with_athlete(mut self, athlete: Athlete) -> Self {
        self.athlete = athlete;
        self.choose_references();
        self
    }

    /// Chooses the numeric model; [`Profile::NoiseAware`] by default.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Calibrates the probability of one issue; issues without a calibration keep the model's.
    #[must_use]
    pub fn with_calibration(mut self, issue: impl Into<String>, calibration: Calibration) -> Self {
        self.calibrations.insert(issue.into(), calibration);
        self
    }

    /// The event that is assessed.
    #[must_use]
    pub fn event(&self) -> &'kb Event {
        self.event
    }

    /// The features that can be measured for it.
    #[must_use]
    pub fn features(&self) -> &[&'kb Feature] {
        &self.features
    }

    /// Judges one performance, with evidence and explanations, issues in order of certainty.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownFeature`], [`Error::BadNumber`] or [`Error::BadSide`] for a measurement (or a template's) that
    /// does not fit the event; [`Error::BadAthlete`].
    pub fn assess(&self, measurements: &[Measurement]) -> Result<Assessment> {
        let mut assessment = Assessment {
            event: self.event.id.clone(),
            knowledge: KnowledgeStamp {
                id: self.kb.id().to_owned(),
                version: self.kb.version().to_owned(),
                hash: self.kb.hash().to_owned(),
            },
            profile: self.profile,
            issues: Vec::new(),
            not_assessable: Vec::new(),
            strengths: Vec::new(),
            not_seen: Vec::new(),
        };
        self.judge(measurements, |issue, rows, readings, score| {
            let assessed = self.record(issue, rows, readings, score);
            match score.verdict {
                Verdict::Present | Verdict::Possible => assessment.issues.push(assessed),
                Verdict::CannotTell => assessment.not_assessable.push(assessed),
                Verdict::NotSeen if score.confidence >= score::CONFIDENT => {
                    assessment.strengths.push(assessed)
                }
                Verdict::NotSeen => assessment.not_seen.push(assessed),
            }
        })?;
        assessment.issues.sort_by(|a, b| {
            (a.verdict.cmp(&b.verdict))
                .then(b.probability.total_cmp(&a.probability))
                .then(b.severity.total_cmp(&a.severity))
                .then(a.id.cmp(&b.id))
        });
        assessment.not_assessable.sort_by(|a, b| a.id.cmp(&b.id));
        for good in [&mut assessment.strengths, &mut assessment.not_seen] {
            good.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.id.cmp(&b.id)));
        }
        Ok(assessment)
    }

    /// The numbers behind [`Assessor::assess`] without its records and texts, in file order.
    ///
    /// # Errors
    ///
    /// As [`Assessor::assess`].
    pub fn score(&self, measurements: &[Measurement]) -> Result<Vec<Score<'kb>>> {
        let mut scores = Vec::with_capacity(self.issues.len());
        self.judge(measurements, |issue, _, _, score| {
            scores.push(Score {
                issue: &issue.issue.id,
                probability: score.probability,
                support_probability: score.support,
                severity: score.severity,
                confidence: score.confidence,
                coverage: score.coverage,
                verdict: score.verdict,
            });
        })?;
        Ok(scores)
    }

    fn judge(
        &self,
        measurements: &[Measurement],
        mut take: impl FnMut(
            &CompiledIssue<'kb>,
            &[ScoredRow<'kb>],
            &[Result<Reading<'_>, MissingReason>],
            &IssueScore,
        ),
    ) -> Result<()> {
        self.check_athlete()?;
        let measured = self.sort("measurement", measurements)?;
        let Some(template) = &self.sorted_template else {
            return self.sort("template", &self.template).map(|_| ());
        };
        let (mut rows, mut readings): (Vec<ScoredRow<'kb>>, Vec<_>) = (Vec::new(), Vec::new());
        for issue in &self.issues {
            rows.clear();
            readings.clear();
            for compiled in &issue.rows {
                let reading = self.read(compiled, &measured, template);
                let feature = self.features[compiled.feature_idx];
                let tau = match compiled.row.direction {
                    Direction::Asymmetry => feature.tau_asymmetry.unwrap_or(feature.tau),
                    _ => feature.tau,
                };
                let score =
                    reading.as_ref().ok().map(|r| score::row(compiled.row, r, tau, self.profile));
                rows.push((compiled.row, compiled.group_idx, score));
                readings.push(reading);
            }
            let score = score::combine(
                issue.issue,
                &mut rows,
                self.profile,
                self.calibrations.get(&issue.issue.id),
            );
            take(issue, &rows, &readings, &score);
        }
        Ok(())
    }

    fn read<'a>(
        &'a self,
        compiled: &CompiledRow<'kb>,
        measured: &'a [Observed],
        template: &'a [Observed],
    ) -> Result<Reading<'a>, MissingReason> {
        let index = compiled.feature_idx;
        let (absolute, template_row) = self.references[index];
        let context = Context {
            feature: self.features[index],
            absolute,
            template_row,
            athlete: &self.athlete,
            template_kind: self.template_kind,
        };
        context.read(compiled.row.direction, &measured[index], Some(&template[index]))
    }

    fn sort(&self, role: &'static str, rows: &[Measurement]) -> Result<Vec<Observed>> {
        observed::sort(role, &self.event.id, &self.features, &self.index_of, rows)
    }

    fn set_template(&mut self, measurements: &[Measurement], kind: TargetKind) {
        (self.template, self.template_kind) = (measurements.to_vec(), kind);
        self.sorted_template = self.sort("template", measurements).ok();
    }

    fn choose_references(&mut self) {
        let choose = |feature: &&'kb Feature| {
            let rows =
                || self.kb.references(&self.event.id).filter(|row| row.feature == feature.id);
            let best = |wanted: bool| {
                rows()
                    .filter(|row| (row.kind == ReferenceKind::Template) == wanted)
                    .filter_map(|row| Some((row.applies.specificity(&self.athlete)?, row)))
                    .reduce(|best, next| if next.0 > best.0 { next } else { best })
                    .map(|(_, row)| row)
            };
            (best(false), best(true))
        };
        self.references = self.features.iter().map(choose).collect();
    }

    fn check_athlete(&self) -> Result<()> {
        for (field, value) in [("age", self.athlete.age), ("step", self.athlete.step)] {
            if let Some(value) = value.filter(|value| !value.is_finite()) {
                return Err(Error::BadAthlete { field, value });
            }
        }
        Ok(())
    }

    fn record(
        &self,
        issue: &CompiledIssue<'kb>,
        rows: &[ScoredRow<'kb>],
        readings: &[Result<Reading<'_>, MissingReason>],
        score: &IssueScore,
    ) -> IssueAssessment {
        let (mut evidence, mut missing) = (Vec::new(), Vec::new());
        for (compiled, ((row, _, row_score), reading)) in
            issue.rows.iter().zip(rows.iter().zip(readings))
        {
            let feature = self.features[compiled.feature_idx];
            match (reading, row_score) {
                (Ok(reading), Some(score)) => {
                    evidence.push(record::evidence(row, compiled.group, feature, reading, score))
                }
                (Err(reason), _) => missing.push(MissingEvidence {
                    feature: feature.id.clone(),
                    measure: feature.measure.clone(),
                    keyframe: feature.keyframe.clone(),
                    weight: row.w,
                    role: row.role,
                    reason: *reason,
                }),
                (Ok(_), None) => {}
            }
        }
        evidence.sort_by(|a, b| b.share.total_cmp(&a.share));
        let IssueScore { support, probability, severity, coverage, confidence, verdict } = *score;
        let mut assessed = IssueAssessment {
            id: issue.issue.id.clone(),
            name: issue.issue.name.clone(),
            aliases: issue.issue.aliases.clone(),
            why: issue.issue.why.clone(),
            verdict,
            probability,
            support_probability: support,
            severity,
            severity_band: SeverityBand::of(severity),
            confidence,
            coverage,
            evidence,
            missing,
            explanation: Default::default(),
        };
        assessed.explanation = explain::issue(&assessed, self.event);
        assessed
    }
}

impl<'kb> CompiledIssue<'kb> {
    fn new(kb: &'kb KnowledgeBase, issue: &'kb Issue, index_of: &HashMap<&'kb str, usize>) -> Self {
        let mut rows: Vec<CompiledRow<'kb>> = (kb.evidence(&issue.event))
            .filter(|row| row.issue == issue.id)
            .filter_map(|row| {
                let feature_idx = *index_of.get(row.feature.as_str())?;
                Some(CompiledRow {
                    row,
                    group: row.group.as_deref().unwrap_or(&row.feature),
                    group_idx: 0,
                    feature_idx,
                })
            })
            .collect();
        // A fixed order makes sums independent of the order of rows in the file, to the last bit.
        rows.sort_by(|a, b| {
            (a.group, &a.row.feature, a.row.direction).cmp(&(
                b.group,
                &b.row.feature,
                b.row.direction,
            ))
        });
        for i in 1..rows.len() {
            rows[i].group_idx =
                rows[i - 1].group_idx + usize::from(rows[i].group != rows[i - 1].group);
        }
        Self { issue, rows }
    }
}
