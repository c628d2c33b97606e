//! The chain of the paper, stage by stage: align, measure, assess, guide, report.

use std::ops::Range;

use kismam::{Assessment, Assessor, Evidence, Feature, KnowledgeBase, Measurement, Verdict};
use motion_dtw::{Keyframe, Motion, MotionDtw, MotionMatch, Reference, Tier};
use pose::{Cleaning, Side, SkeletonSeries};
use sports_rag::{Guidance, Guide, IssueQuery, TemplateGuide};

use crate::alignment::{Aligned, Care, Prepared, Repetition, athlete_side};
use crate::curves::Scene;
use crate::figurine::Projector;
use crate::knowledge::Knowledge;
use crate::measuring::{Instant, dominant_side, measure};
use crate::report::{
    AlignmentSummary, Interval, KeyframeReport, Provenance, RepetitionReport, Report, SCHEMA,
};
use crate::signals::Signals;
use crate::trial::Trial;
use crate::{Error, Result, channels, notes, snapping};

/// How much of the reference is aligned before its first and after its last keyframe, in seconds
/// (ours: enough to see a motion begin, too little to ask for the same idling).
const REFERENCE_MARGIN_S: f64 = 0.25;

/// Cost above which the motion counts as absent (ours). Whoever names an event believes it is there, so this
/// is laxer than the aligner's own verdict. The cheapest place in six recordings of something else cost 0.44 (a walk
/// beside a run: 0.41).
const ABSENT_COST: f64 = 0.42;

/// How much dearer a stride led by the leg away from the camera counts than one led by the near leg (ours). Measured on
/// one treadmill runner: the far thigh seems to stop 11 degrees short of where the near one goes, stride for stride.
const HIDDEN_LEG_COST: f64 = 1.25;

/// How much dearer than the best place a further repetition may be where neither resembles the reference well (ours: a
/// runner's strides cost up to 1.13 times the best; a movement beside a jump that passed for one 1.64 times).
const REPETITION_COST: f64 = 1.25;

/// Repetitions that are looked for in one recording (ours).
const MAX_REPETITIONS: usize = 12;

/// Passages that are retrieved for each issue (ours; the paper leaves its K open).
const PASSAGES_PER_ISSUE: usize = 3;

/// The SportsGPT chain for one event.
///
/// [`run`](Self::run) goes all the way; each stage is there on its own, takes the result of the one
/// before, and touches neither files nor the network.
#[derive(Debug)]
pub struct Pipeline<'k> {
    knowledge: &'k Knowledge,
    base: &'k KnowledgeBase,
    event: &'k kismam::Event,
    poor_match_accepted: bool,
}

/// Result of [`Pipeline::measure`]: the same features, measured on athlete and reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Of the athlete.
    pub athlete: Vec<Measurement>,
    /// Of the reference.
    pub reference: Vec<Measurement>,
}

/// Result of [`Pipeline::assess`]: every repetition's assessment, and which of them to report.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessed {
    /// One assessment per repetition, in the order of [`Aligned::repetitions`].
    pub repetitions: Vec<Assessment>,
    /// The one to report.
    pub reported: usize,
}

impl Assessed {
    /// Reports the repetition most like the reference, unless an issue is present in another one: then the repetition
    /// with the most certain present issue, so that the good repetitions do not hide the bad one (ours).
    fn new(repetitions: Vec<Assessment>) -> Self {
        let present = |assessment: &Assessment| {
            let issues = assessment.issues.iter().filter(|i| i.verdict == Verdict::Present);
            issues.map(|issue| issue.probability).fold(0.0, f64::max)
        };
        let mut reported = 0;
        for (index, assessment) in repetitions.iter().enumerate() {
            if present(assessment) > present(&repetitions[reported]) {
                reported = index;
            }
        }
        Self { repetitions, reported }
    }

    /// The assessment to report.
    ///
    /// # Panics
    ///
    /// If `reported` is not one of the repetitions.
    #[must_use]
    pub fn assessment(&self) -> &Assessment {
        &self.repetitions[self.reported]
    }
}

impl<'k> Pipeline<'k> {
    /// The chain for an event, by its name or an alias.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEvent`], which lists the names there are.
    pub fn new(knowledge: &'k Knowledge, event: &str) -> Result<Self> {
        let (base, event) = knowledge.event(event)?;
        Ok(Self { knowledge, base, event, poor_match_accepted: false })
    }

    /// Reports on the most similar place even if the motion was probably not found.
    #[must_use]
    pub fn accepting_poor_matches(mut self) -> Self {
        self.poor_match_accepted = true;
        self
    }

    /// The event that is assessed.
    #[must_use]
    pub fn event(&self) -> &kismam::Event {
        self.event
    }

    /// All stages.
    ///
    /// # Errors
    ///
    /// Those of the stages.
    pub fn run(&self, athlete: &Trial, reference: &Trial) -> Result<Report> {
        let aligned = self.align(athlete, reference)?;
        let measured = self.measure(&aligned);
        let assessed = self.assess(&measured)?;
        let guidance = self.guide(assessed.assessment())?;
        Ok(self.report(&aligned, assessed, guidance))
    }

    /// Finds every repetition of the reference's motion in the athlete's recording and carries the keyframes over.
    ///
    /// Both recordings are cleaned first (swapped sides in pictures, gaps, noise). Keyframes that the reference's labels lack are found by their
    /// definitions, between the labelled ones. Where the event has a dominant side, the
    /// mirrored reference is tried as well, so that a left-footed kick meets a right-footed reference.
    ///
    /// # Errors
    ///
    /// [`Error::NoKeyframes`] or [`Error::WrongKeyframes`] for a reference that cannot guide,
    /// [`Error::Recording`] for one that cannot be cleaned, [`Error::NothingSeen`] or [`Error::Alignment`] if
    /// too little was seen to align, [`Error::NotFound`] if the motion is not there.
    pub fn align<'t>(&self, athlete: &'t Trial, reference: &'t Trial) -> Result<Aligned<'t>> {
        self.check_keyframes(reference)?;
        let reference_name = reference.name();
        let prepared = |trial: &'t Trial, series: SkeletonSeries| {
            let signals = Signals::of(&series, self.measures());
            Prepared { trial, series, signals }
        };
        let (athlete_series, care) = clean(athlete)?;
        let (reference_series, _) = clean(reference)?;
        let athlete = prepared(athlete, athlete_series);
        let mut reference = prepared(reference, reference_series);
        let failed = |source| Error::Alignment {
            athlete: athlete.trial.name().to_owned(),
            reference: reference_name.to_owned(),
            source,
        };
        let motion = |recording: &Prepared<'_>| {
            let motion = channels::motion(&recording.signals, recording.series.fps());
            let name = recording.trial.name();
            motion.ok_or_else(|| Error::NothingSeen { name: name.to_owned() })?.map_err(failed)
        };
        let query = motion(&athlete)?;
        let keyframes = self.keyframes_of(&reference);
        let search = |reference: &Prepared<'_>| -> Result<Vec<MotionMatch>> {
            let keyframes = keyframes.iter();
            let keyframes = keyframes.map(|(name, frame)| Keyframe::new(name, *frame)).collect();
            let reference = Reference::new(motion(reference)?, keyframes)
                .and_then(|reference| reference.trimmed(REFERENCE_MARGIN_S))
                .map_err(failed)?;
            MotionDtw::new().find_all(&query, &reference, MAX_REPETITIONS).map_err(failed)
        };
        // Both legs take their turn at leading a stride. The one towards the camera is seen better, whichever the
        // reference's labels are about.
        let near = athlete.series.camera_side();
        let rule = match (self.event.dominant.as_deref(), near) {
            (Some("right"), Some(Side::Left)) | (Some("left"), Some(Side::Right)) => Some("ahead"),
            (rule, _) => rule,
        };
        let near = near.filter(|_| rule == Some("ahead"));
        let cost = |found: &[MotionMatch]| {
            let Some(best) = found.first() else { return f64::INFINITY };
            let hidden = near.is_some_and(|near| athlete_side(best, rule, &athlete) != near);
            best.quality.cost * if hidden { HIDDEN_LEG_COST } else { 1.0 }
        };
        let mut found = search(&reference)?;
        let mut mirrored = false;
        if matches!(rule, Some("wrist" | "ankle" | "ahead")) {
            let mirror = prepared(reference.trial, reference.series.mirrored());
            let other = search(&mirror)?;
            if cost(&other) < cost(&found) {
                (found, reference, mirrored) = (other, mirror, true);
            }
        }
        let Some(best) = found.first() else {
            return Err(Error::NothingSeen { name: athlete.trial.name().to_owned() });
        };
        if best.quality.cost > ABSENT_COST && !self.poor_match_accepted {
            let fps = athlete.series.fps();
            return Err(Error::NotFound {
                event: self.event.id.clone(),
                name: athlete.trial.name().to_owned(),
                start_s: best.interval.start as f64 / fps,
                end_s: best.interval.end as f64 / fps,
                cost: best.quality.cost,
                coverage: best.quality.coverage,
            });
        }
        // The best place counts because the event was named; a further one must resemble the reference by itself, or an
        // unrelated movement would pass for a repetition full of faults. A picture never resembles a recording in space
        // that well: there it is enough to resemble the best place.
        let flat = athlete.series.num_dims() == 2;
        let (best, most) = (best.interval.clone(), REPETITION_COST * best.quality.cost);
        found.retain(|m| {
            m.interval == best
                || m.quality.tier <= Tier::Fair
                || (flat && m.quality.cost <= most && is_alike(&query, &best, &m.interval))
        });
        let repetitions = found.into_iter();
        let repetitions = repetitions
            .map(|found| Repetition::new(found, self.event, rule, &athlete, &reference))
            .collect();
        Ok(Aligned { athlete, reference, care, mirrored, repetitions })
    }

    /// Measures the event's features at the keyframes of both recordings, for every repetition.
    #[must_use]
    pub fn measure(&self, aligned: &Aligned<'_>) -> Vec<Measured> {
        let features = self.features();
        let take = |recording: &Prepared<'_>, instants: &[Instant], dominant| {
            measure(recording, &features, instants, dominant)
        };
        let repetitions = aligned.repetitions.iter();
        repetitions
            .map(|repetition| Measured {
                athlete: take(
                    &aligned.athlete,
                    &repetition.athlete_instants,
                    repetition.dominant[0],
                ),
                reference: take(
                    &aligned.reference,
                    &repetition.reference_instants,
                    repetition.dominant[1],
                ),
            })
            .collect()
    }

    /// Names the issues of every repetition, with the reference's own values as targets.
    ///
    /// # Errors
    ///
    /// [`Error::Knowledge`] if the measurements do not fit the knowledge.
    pub fn assess(&self, measured: &[Measured]) -> Result<Assessed> {
        let assess = |measured: &Measured| {
            Assessor::new(self.base, &self.event.id)?
                .with_template(&measured.reference)
                .assess(&measured.athlete)
        };
        let repetitions: kismam::Result<Vec<Assessment>> = measured.iter().map(assess).collect();
        Ok(Assessed::new(repetitions.map_err(Error::Knowledge)?))
    }

    /// Retrieves passages for every issue and writes advice that cites them.
    ///
    /// # Errors
    ///
    /// [`Error::Documents`] if the index cannot be read.
    pub fn guide(&self, assessment: &Assessment) -> Result<Guidance> {
        let queries: Vec<IssueQuery> =
            assessment.issues.iter().map(|issue| notes::query(&self.event.id, issue)).collect();
        let retrieval = sports_rag::retrieve(self.knowledge.store(), &queries, PASSAGES_PER_ISSUE)
            .map_err(Error::Documents)?;
        let guidance =
            TemplateGuide::new().guidance(&queries, &retrieval).map_err(Error::Documents)?;
        Ok(guidance)
    }

    /// Puts everything together.
    ///
    /// # Panics
    ///
    /// If `assessed` belongs to another alignment, with fewer repetitions.
    #[must_use]
    pub fn report(&self, aligned: &Aligned<'_>, assessed: Assessed, guidance: Guidance) -> Report {
        let Aligned { athlete, reference, .. } = aligned;
        let repetition = &aligned.repetitions[assessed.reported];
        let quality = &repetition.found.quality;
        let interval = interval(repetition, athlete.series.fps());
        let scene = Scene {
            athlete: &athlete.signals,
            reference: &reference.signals,
            fps: athlete.series.fps(),
            num_frames: athlete.series.num_frames(),
            num_reference_frames: reference.series.num_frames(),
            path: &repetition.found.path,
            interval: interval.start_frame..interval.end_frame,
            dominant: repetition.dominant,
        };
        let repetitions = repetitions(aligned, &assessed);
        let assessment = assessed.assessment().clone();
        Report {
            schema: SCHEMA,
            event: self.event.id.clone(),
            event_name: self.event.name.en.clone(),
            simulated: athlete.trial.is_simulated() || reference.trial.is_simulated(),
            athlete: athlete.trial.subject(),
            reference: reference.trial.subject(),
            interval,
            repetitions,
            alignment: AlignmentSummary {
                tier: notes::tier(quality.tier).to_owned(),
                cost: quality.cost,
                margin: quality.margin.is_finite().then_some(quality.margin),
                coverage: quality.coverage,
                mirrored: aligned.mirrored,
            },
            keyframes: self.keyframes(aligned, repetition),
            curves: scene.curves(&self.features(), &self.evidence()),
            notes: notes::notes(aligned, quality),
            provenance: Provenance {
                generator: concat!("sportsgpt ", env!("CARGO_PKG_VERSION")).to_owned(),
                knowledge_id: assessment.knowledge.id,
                knowledge_version: assessment.knowledge.version,
                knowledge_hash: assessment.knowledge.hash,
                documents_hash: self.knowledge.documents_hash().to_owned(),
                input_hash: athlete.trial.hash(),
                reference_hash: reference.trial.hash(),
            },
            issues: assessment.issues,
            not_assessable: assessment.not_assessable,
            strengths: assessment.strengths,
            not_seen: assessment.not_seen,
            guidance: guidance.items,
            references: guidance.references,
        }
    }

    fn keyframes(&self, aligned: &Aligned<'_>, repetition: &Repetition) -> Vec<KeyframeReport> {
        let athlete = Projector::new(&aligned.athlete.series);
        let reference = Projector::new(&aligned.reference.series);
        let label = |name: &str| {
            let known = self.event.keyframes.iter().find(|keyframe| keyframe.name == name);
            known.map_or_else(|| name.replace('_', " "), |keyframe| keyframe.label.en.clone())
        };
        let fps = aligned.athlete.series.fps();
        let labelled = repetition.found.keyframes.iter();
        let instants = repetition.athlete_instants.iter().zip(&repetition.reference_instants);
        instants
            .zip(labelled)
            .map(|((at, at_reference), labelled)| KeyframeReport {
                name: at.name.clone(),
                label: label(&at.name),
                frame: at.frame,
                time_s: at.frame / fps,
                carried_frame: labelled.frame,
                reference_frame: labelled.reference_frame,
                sigma_frames: at.sigma_frames,
                athlete: athlete.figurine(at.frame),
                reference: reference.figurine(at_reference.frame),
            })
            .collect()
    }

    /// Names of all measures that features and keyframes need.
    fn measures(&self) -> impl Iterator<Item = &'k str> {
        let features = self.base.features(&self.event.id).map(|feature| feature.measure.as_str());
        let snaps = self.event.keyframes.iter().filter_map(|keyframe| keyframe.snap.as_ref());
        features.chain(snaps.map(|snap| snap.measure.as_str()))
    }

    fn features(&self) -> Vec<&'k Feature> {
        self.base.features(&self.event.id).collect()
    }

    fn evidence(&self) -> Vec<&'k Evidence> {
        self.base.evidence(&self.event.id).collect()
    }

    /// The reference's labels, and the event's keyframes that they lack where a definition finds them.
    fn keyframes_of(&self, reference: &Prepared<'_>) -> Vec<(String, f64)> {
        let labelled = reference.trial.keyframes();
        let ends = [labelled.first(), labelled.last()];
        let [first, last] = ends.map(|end| end.map_or(0.0, |(_, frame)| frame.max(0.0)) as usize);
        let rule = self.event.dominant.as_deref();
        let dominant = dominant_side(&reference.series, &reference.signals, rule, first..last + 1);
        snapping::completed(self.event, labelled, &reference.signals, dominant)
    }

    fn check_keyframes(&self, reference: &Trial) -> Result<()> {
        let name = reference.name().to_owned();
        let found = reference.keyframes();
        if found.is_empty() {
            return Err(Error::NoKeyframes { name });
        }
        let expected: Vec<&str> = self.event.keyframes.iter().map(|k| k.name.as_str()).collect();
        if found.iter().any(|(name, _)| expected.contains(&name.as_str())) {
            return Ok(());
        }
        let found: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        Err(Error::WrongKeyframes {
            name,
            event: self.event.id.clone(),
            found: found.join(", "),
            expected: expected.join(", "),
        })
    }
}

/// Whether the athlete does the same in two places of the recording: the motion of the one is found in the other.
fn is_alike(query: &Motion, one: &Range<usize>, other: &Range<usize>) -> bool {
    let margin = (REFERENCE_MARGIN_S * query.fps()) as usize;
    let around = other.start.saturating_sub(margin)..(other.end + margin).min(query.num_frames());
    let ends = [0.0, one.len().saturating_sub(1) as f64];
    let ends = ends.map(|frame| Keyframe::new(format!("at {frame}"), frame)).to_vec();
    let found = || {
        let reference = Reference::new(query.slice(one.clone())?, ends)?;
        MotionDtw::new().find_all(&query.slice(around)?, &reference, 1)
    };
    // Where nothing can be aligned nothing is alike.
    found().is_ok_and(|found| found.first().is_some_and(|m| m.quality.tier <= Tier::Fair))
}

fn interval(repetition: &Repetition, fps: f64) -> Interval {
    let [start, end] = repetition.ends();
    Interval {
        start_frame: start.floor() as usize,
        end_frame: end.floor() as usize + 1,
        start_s: start / fps,
        end_s: end / fps,
    }
}

/// Every repetition in a line, in time order.
fn repetitions(aligned: &Aligned<'_>, assessed: &Assessed) -> Vec<RepetitionReport> {
    let fps = aligned.athlete.series.fps();
    let both = aligned.repetitions.iter().zip(&assessed.repetitions).enumerate();
    let mut repetitions: Vec<RepetitionReport> = both
        .map(|(index, (repetition, assessment))| RepetitionReport {
            interval: interval(repetition, fps),
            cost: repetition.found.quality.cost,
            issues: assessment.issues.iter().map(|issue| issue.id.clone()).collect(),
            reported: index == assessed.reported,
        })
        .collect();
    repetitions.sort_by_key(|repetition| repetition.interval.start_frame);
    repetitions
}

/// Limbs that a pose network took for one another are put back, then gaps and noise are cared for.
fn clean(trial: &Trial) -> Result<(SkeletonSeries, Care)> {
    // Markers in space have names that do not change.
    let (series, swaps) = match trial.series().num_dims() {
        2 => trial.series().without_swaps(),
        _ => (trial.series().clone(), Vec::new()),
    };
    let (series, cleaning) = Cleaning::new()
        .apply(&series)
        .map_err(|source| Error::Recording { name: trial.name().to_owned(), source })?;
    Ok((series, Care { swaps, cleaning }))
}
