//! The chain of the paper, stage by stage: align, measure, assess, guide, report.

use kismam::{Assessment, Assessor, Evidence, Feature, KnowledgeBase, Measurement};
use motion_dtw::{Keyframe, MotionDtw, MotionMatch, Reference, Tier};
use pose::{Cleaning, CleaningReport, SkeletonSeries};
use sports_rag::{Guide, Guidance, IssueQuery, TemplateGuide};

use crate::curves::Scene;
use crate::figurine::Projector;
use crate::knowledge::Knowledge;
use crate::measuring::{Instant, dominant_side, measure};
use crate::report::{
    AlignmentSummary, Interval, KeyframeReport, Provenance, Report, SCHEMA,
};
use crate::signals::Signals;
use crate::trial::Trial;
use crate::{Error, Result, channels, notes};

/// How much of the reference is aligned before its first and after its last keyframe, in seconds
/// (ours: enough to see a motion begin, too little to ask for the same idling).
const REFERENCE_MARGIN_S: f64 = 0.25;

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

/// Result of [`Pipeline::align`]: where the motion is, and which frames belong together.
#[derive(Debug)]
pub struct Aligned<'t> {
    athlete_trial: &'t Trial,
    reference_trial: &'t Trial,
    athlete: SkeletonSeries,
    reference: SkeletonSeries,
    athlete_signals: Signals,
    reference_signals: Signals,
    cleaning: CleaningReport,
    mirrored: bool,
    found: MotionMatch,
}

/// Result of [`Pipeline::measure`]: the same features, measured on athlete and reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Of the athlete.
    pub athlete: Vec<Measurement>,
    /// Of the reference.
    pub reference: Vec<Measurement>,
}

impl Aligned<'_> {
    /// Interval, warping path, keyframes and quality, as the aligner gave them.
    #[must_use]
    pub fn found(&self) -> &MotionMatch {
        &self.found
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
        let assessment = self.assess(&measured)?;
        let guidance = self.guide(&assessment)?;
        Ok(self.report(&aligned, assessment, guidance))
    }

    /// Finds the reference's motion in the athlete's recording and carries the keyframes over.
    ///
    /// Both recordings are cleaned first (gaps, noise). Where the event has a dominant side, the
    /// mirrored reference is tried as well, so that a left-footed kick meets a right-footed reference.
    ///
    /// # Errors
    ///
    /// [`Error::NoKeyframes`] or [`Error::WrongKeyframes`] for a reference that cannot guide,
    /// [`Error::Recording`] for one that cannot be cleaned, [`Error::Alignment`] if too little was seen to
    /// align, [`Error::NotFound`] if the motion is not there.
    pub fn align<'t>(&self, athlete: &'t Trial, reference: &'t Trial) -> Result<Aligned<'t>> {
        self.check_keyframes(reference)?;
        let (athlete_series, cleaning) = clean(athlete)?;
        let (reference_series, _) = clean(reference)?;
        let query = channels::motion(&athlete_series)?;
        let search = |series: &SkeletonSeries| -> Result<MotionMatch> {
            let keyframes = reference.keyframes().iter();
            let keyframes = keyframes.map(|(name, frame)| Keyframe::new(name, *frame)).collect();
            let reference = Reference::new(channels::motion(series)?, keyframes)
                .and_then(|reference| reference.trimmed(REFERENCE_MARGIN_S))
                .map_err(Error::Alignment)?;
            MotionDtw::new().align(&query, &reference).map_err(Error::Alignment)
        };
        let mut found = search(&reference_series)?;
        let mut aligned_reference = reference_series;
        let mut mirrored = false;
        if matches!(self.event.dominant.as_deref(), Some("wrist" | "ankle")) {
            let mirror = aligned_reference.mirrored();
            let other = search(&mirror)?;
            if other.quality.cost < found.quality.cost {
                (found, aligned_reference, mirrored) = (other, mirror, true);
            }
        }
        if found.quality.tier == Tier::NotFound && !self.poor_match_accepted {
            let fps = athlete_series.fps();
            return Err(Error::NotFound {
                event: self.event.id.clone(),
                name: athlete.name().to_owned(),
                start_s: found.interval.start as f64 / fps,
                end_s: found.interval.end as f64 / fps,
                cost: found.quality.cost,
            });
        }
        let features = self.features();
        Ok(Aligned {
            athlete_signals: Signals::of(&athlete_series, &features),
            reference_signals: Signals::of(&aligned_reference, &features),
            athlete_trial: athlete,
            reference_trial: reference,
            athlete: athlete_series,
            reference: aligned_reference,
            cleaning,
            mirrored,
            found,
        })
    }

    /// Measures the event's features at the keyframes of both recordings.
    #[must_use]
    pub fn measure(&self, aligned: &Aligned<'_>) -> Measured {
        let features = self.features();
        let (athlete_side, reference_side) = self.dominant_sides(aligned);
        let keyframes = &aligned.found.keyframes;
        let athlete: Vec<Instant> = keyframes
            .iter()
            .map(|k| Instant { name: k.name.clone(), frame: k.frame, sigma_frames: k.sigma_frames })
            .collect();
        let reference: Vec<Instant> = keyframes
            .iter()
            .map(|k| Instant { name: k.name.clone(), frame: k.reference_frame, sigma_frames: 0.0 })
            .collect();
        Measured {
            athlete: measure(
                &aligned.athlete_signals,
                aligned.athlete.fps(),
                &features,
                &athlete,
                athlete_side,
            ),
            reference: measure(
                &aligned.reference_signals,
                aligned.reference.fps(),
                &features,
                &reference,
                reference_side,
            ),
        }
    }

    /// Names the issues, with the reference's own values as targets.
    ///
    /// # Errors
    ///
    /// [`Error::Knowledge`] if the measurements do not fit the knowledge.
    pub fn assess(&self, measured: &Measured) -> Result<Assessment> {
        Assessor::new(self.base, &self.event.id)
            .map_err(Error::Knowledge)?
            .with_template(&measured.reference)
            .assess(&measured.athlete)
            .map_err(Error::Knowledge)
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
    #[must_use]
    pub fn report(&self, aligned: &Aligned<'_>, assessment: Assessment, guidance: Guidance) -> Report {
        let found = &aligned.found;
        let fps = aligned.athlete.fps();
        let (dominant, reference_dominant) = self.dominant_sides(aligned);
        let scene = Scene {
            athlete: &aligned.athlete_signals,
            reference: &aligned.reference_signals,
            fps,
            num_frames: aligned.athlete.num_frames(),
            num_reference_frames: aligned.reference.num_frames(),
            path: &found.path,
            interval: found.interval.clone(),
            dominant,
            reference_dominant,
        };
        Report {
            schema: SCHEMA,
            event: self.event.id.clone(),
            event_name: self.event.name.en.clone(),
            simulated: aligned.athlete_trial.is_simulated() || aligned.reference_trial.is_simulated(),
            athlete: aligned.athlete_trial.subject(),
            reference: aligned.reference_trial.subject(),
            interval: Interval {
                start_frame: found.interval.start,
                end_frame: found.interval.end,
                start_s: found.interval.start as f64 / fps,
                end_s: found.interval.end as f64 / fps,
            },
            alignment: AlignmentSummary {
                tier: notes::tier(found.quality.tier).to_owned(),
                cost: found.quality.cost,
                margin: found.quality.margin.is_finite().then_some(found.quality.margin),
                coverage: found.quality.coverage,
                mirrored: aligned.mirrored,
            },
            keyframes: self.keyframes(aligned),
            curves: scene.curves(&self.features(), &self.evidence()),
            notes: notes::notes(
                aligned.athlete_trial,
                aligned.reference_trial,
                found,
                &aligned.athlete,
                &aligned.cleaning,
            ),
            provenance: Provenance {
                generator: concat!("sportsgpt ", env!("CARGO_PKG_VERSION")).to_owned(),
                knowledge_id: assessment.knowledge.id.clone(),
                knowledge_version: assessment.knowledge.version.clone(),
                knowledge_hash: assessment.knowledge.hash.clone(),
                documents_hash: self.knowledge.documents_hash().to_owned(),
                input_hash: aligned.athlete_trial.hash(),
                reference_hash: aligned.reference_trial.hash(),
            },
            issues: assessment.issues,
            not_assessable: assessment.not_assessable,
            strengths: assessment.strengths,
            not_seen: assessment.not_seen,
            guidance: guidance.items,
            references: guidance.references,
        }
    }

    fn keyframes(&self, aligned: &Aligned<'_>) -> Vec<KeyframeReport> {
        let athlete = Projector::new(&aligned.athlete);
        let reference = Projector::new(&aligned.reference);
        let label = |name: &str| {
            let known = self.event.keyframes.iter().find(|keyframe| keyframe.name == name);
            known.map_or_else(|| name.replace('_', " "), |keyframe| keyframe.label.en.clone())
        };
        let keyframes = aligned.found.keyframes.iter();
        keyframes
            .map(|keyframe| KeyframeReport {
                name: keyframe.name.clone(),
                label: label(&keyframe.name),
                frame: keyframe.frame,
                time_s: keyframe.time_s,
                reference_frame: keyframe.reference_frame,
                sigma_frames: keyframe.sigma_frames,
                athlete: athlete.figurine(keyframe.frame),
                reference: reference.figurine(keyframe.reference_frame),
            })
            .collect()
    }

    /// Dominant side of athlete and reference, each judged where its own motion happens.
    fn dominant_sides(&self, aligned: &Aligned<'_>) -> (pose::Side, pose::Side) {
        let rule = self.event.dominant.as_deref();
        let keyframes = &aligned.found.keyframes;
        let first = keyframes.first().map_or(0.0, |k| k.reference_frame) as usize;
        let last = keyframes.last().map_or(0.0, |k| k.reference_frame).ceil() as usize;
        let frames = aligned.found.interval.clone();
        (
            dominant_side(&aligned.athlete, rule, frames),
            dominant_side(&aligned.reference, rule, first..last + 1),
        )
    }

    fn features(&self) -> Vec<&'k Feature> {
        self.base.features(&self.event.id).collect()
    }

    fn evidence(&self) -> Vec<&'k Evidence> {
        self.base.evidence(&self.event.id).collect()
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

fn clean(trial: &Trial) -> Result<(SkeletonSeries, CleaningReport)> {
    Cleaning::new()
        .apply(trial.series())
        .map_err(|source| Error::Recording { name: trial.name().to_owned(), source })
}
