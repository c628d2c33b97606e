//! The chain of the paper, stage by stage: align, measure, assess, guide, report.

use kismam::{Assessment, Assessor, Evidence, Feature, KnowledgeBase, Measurement};
use motion_dtw::{Keyframe, MotionDtw, MotionMatch, Reference};
use pose::{Cleaning, CleaningReport, Side, SkeletonSeries};
use sports_rag::{Guidance, Guide, IssueQuery, TemplateGuide};

use crate::curves::Scene;
use crate::figurine::Projector;
use crate::knowledge::Knowledge;
use crate::measuring::{Instant, dominant_side, measure};
use crate::report::{AlignmentSummary, Interval, KeyframeReport, Provenance, Report, SCHEMA};
use crate::signals::Signals;
use crate::snapping::{self, snap};
use crate::trial::Trial;
use crate::{Error, Result, channels, notes};

/// How much of the reference is aligned before its first and after its last keyframe, in seconds
/// (ours: enough to see a motion begin, too little to ask for the same idling).
const REFERENCE_MARGIN_S: f64 = 0.25;

/// Cost above which the motion counts as absent (ours). Whoever names an event believes it is there, so this
/// is laxer than the aligner's own verdict. The cheapest place in six recordings of something else cost 0.44 (a walk
/// beside a run: 0.41).
const ABSENT_COST: f64 = 0.42;

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
    /// Keyframes as they are measured, in both recordings.
    athlete_instants: Vec<Instant>,
    reference_instants: Vec<Instant>,
    /// Dominant side of athlete and reference.
    dominant: [Side; 2],
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
    /// [`Error::Recording`] for one that cannot be cleaned, [`Error::NothingSeen`] or [`Error::Alignment`] if
    /// too little was seen to align, [`Error::NotFound`] if the motion is not there.
    pub fn align<'t>(&self, athlete: &'t Trial, reference: &'t Trial) -> Result<Aligned<'t>> {
        self.check_keyframes(reference)?;
        let (athlete_series, cleaning) = clean(athlete)?;
        let (reference_series, _) = clean(reference)?;
        let failed = |source| Error::Alignment {
            athlete: athlete.name().to_owned(),
            reference: reference.name().to_owned(),
            source,
        };
        let motion = |trial: &Trial, series: &SkeletonSeries| match channels::motion(series) {
            Some(motion) => motion.map_err(failed),
            None => Err(Error::NothingSeen { name: trial.name().to_owned() }),
        };
        let query = motion(athlete, &athlete_series)?;
        let search = |series: &SkeletonSeries| -> Result<MotionMatch> {
            let keyframes = reference.keyframes().iter();
            let keyframes = keyframes.map(|(name, frame)| Keyframe::new(name, *frame)).collect();
            let reference = Reference::new(motion(reference, series)?, keyframes)
                .and_then(|reference| reference.trimmed(REFERENCE_MARGIN_S))
                .map_err(failed)?;
            MotionDtw::new().align(&query, &reference).map_err(failed)
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
        if found.quality.cost > ABSENT_COST && !self.poor_match_accepted {
            let fps = athlete_series.fps();
            return Err(Error::NotFound {
                event: self.event.id.clone(),
                name: athlete.name().to_owned(),
                start_s: found.interval.start as f64 / fps,
                end_s: found.interval.end as f64 / fps,
                cost: found.quality.cost,
                coverage: found.quality.coverage,
            });
        }
        let rule = self.event.dominant.as_deref();
        let dominant = [
            dominant_side(&athlete_series, rule, found.interval.clone()),
            dominant_side(&aligned_reference, rule, reference_frames(&found)),
        ];
        let athlete_signals = Signals::of(&athlete_series, self.measures());
        let reference_signals = Signals::of(&aligned_reference, self.measures());
        let (athlete_instants, reference_instants) = self.instants(
            &found,
            [(&athlete_signals, &athlete_series), (&reference_signals, &aligned_reference)],
            dominant,
        );
        Ok(Aligned {
            athlete_trial: athlete,
            reference_trial: reference,
            athlete: athlete_series,
            reference: aligned_reference,
            athlete_signals,
            reference_signals,
            cleaning,
            mirrored,
            found,
            athlete_instants,
            reference_instants,
            dominant,
        })
    }

    /// The keyframes, put where their definitions say where that works in both recordings and keeps their order.
    fn instants(
        &self,
        found: &MotionMatch,
        recordings: [(&Signals, &SkeletonSeries); 2],
        dominant: [Side; 2],
    ) -> (Vec<Instant>, Vec<Instant>) {
        let carried = |frame: f64, sigma_frames: f64, name: &str| Instant {
            name: name.to_owned(),
            frame,
            sigma_frames,
        };
        let keyframes = &found.keyframes;
        let mut athlete: Vec<Instant> =
            keyframes.iter().map(|k| carried(k.frame, k.sigma_frames, &k.name)).collect();
        let mut reference: Vec<Instant> =
            keyframes.iter().map(|k| carried(k.reference_frame, 0.0, &k.name)).collect();
        for index in 0..keyframes.len() {
            let named = self.event.keyframes.iter().find(|k| k.name == keyframes[index].name);
            let Some(rule) = named.and_then(|keyframe| keyframe.snap.as_ref()) else { continue };
            let snapped = |instants: &[Instant], which: usize| {
                let (signals, series) = recordings[which];
                let frame = instants[index].frame;
                let snapped = snap(rule, signals, dominant[which], frame, series.fps())?;
                let before = index.checked_sub(1).is_none_or(|i| instants[i].frame < snapped);
                let after = instants.get(index + 1).is_none_or(|next| snapped < next.frame);
                (before && after).then_some(snapped)
            };
            if let (Some(a), Some(r)) = (snapped(&athlete, 0), snapped(&reference, 1)) {
                athlete[index].frame = a;
                athlete[index].sigma_frames = snapping::SIGMA_S * recordings[0].1.fps();
                reference[index].frame = r;
            }
        }
        (athlete, reference)
    }

    /// Measures the event's features at the keyframes of both recordings.
    #[must_use]
    pub fn measure(&self, aligned: &Aligned<'_>) -> Measured {
        let features = self.features();
        let take = |signals, series: &SkeletonSeries, instants, dominant| {
            measure(signals, series.fps(), &features, instants, dominant)
        };
        Measured {
            athlete: take(
                &aligned.athlete_signals,
                &aligned.athlete,
                &aligned.athlete_instants,
                aligned.dominant[0],
            ),
            reference: take(
                &aligned.reference_signals,
                &aligned.reference,
                &aligned.reference_instants,
                aligned.dominant[1],
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
    pub fn report(
        &self,
        aligned: &Aligned<'_>,
        assessment: Assessment,
        guidance: Guidance,
    ) -> Report {
        let found = &aligned.found;
        let fps = aligned.athlete.fps();
        let [dominant, reference_dominant] = aligned.dominant;
        let ends = [aligned.athlete_instants.first(), aligned.athlete_instants.last()];
        let [start, end] = ends.map(|instant| instant.map_or(0.0, |instant| instant.frame));
        let interval = start.floor() as usize..end.floor() as usize + 1;
        let scene = Scene {
            athlete: &aligned.athlete_signals,
            reference: &aligned.reference_signals,
            fps,
            num_frames: aligned.athlete.num_frames(),
            num_reference_frames: aligned.reference.num_frames(),
            path: &found.path,
            interval: interval.clone(),
            dominant,
            reference_dominant,
        };
        Report {
            schema: SCHEMA,
            event: self.event.id.clone(),
            event_name: self.event.name.en.clone(),
            simulated: aligned.athlete_trial.is_simulated()
                || aligned.reference_trial.is_simulated(),
            athlete: aligned.athlete_trial.subject(),
            reference: aligned.reference_trial.subject(),
            interval: Interval {
                start_frame: interval.start,
                end_frame: interval.end,
                start_s: start / fps,
                end_s: end / fps,
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
        let fps = aligned.athlete.fps();
        let labelled = aligned.found.keyframes.iter();
        let instants = aligned.athlete_instants.iter().zip(&aligned.reference_instants);
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

/// Frames of the reference from its first to its last keyframe.
fn reference_frames(found: &MotionMatch) -> std::ops::Range<usize> {
    let first = found.keyframes.first().map_or(0.0, |keyframe| keyframe.reference_frame);
    let last = found.keyframes.last().map_or(0.0, |keyframe| keyframe.reference_frame);
    first as usize..last.ceil() as usize + 1
}

fn clean(trial: &Trial) -> Result<(SkeletonSeries, CleaningReport)> {
    Cleaning::new()
        .apply(trial.series())
        .map_err(|source| Error::Recording { name: trial.name().to_owned(), source })
}
