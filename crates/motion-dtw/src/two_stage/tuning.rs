//! Settings chosen from the references themselves, so that nobody has to set any.

use std::ops::Range;

use ndarray::{Array2, s};

use super::MotionDtw;
use crate::{Error, Motion, Reference, Result};

/// Weights of angle, velocity and acceleration that are tried (ours): from placing by pose to placing by change.
const FEATURE_WEIGHTS: [[f64; 3]; 4] =
    [[1.0, 1.5, 0.4], [1.0, 1.0, 0.25], [1.0, 0.5, 0.0], [1.0, 2.0, 0.8]];
/// Widths of the local fit that are tried, seconds (ours).
const SMOOTHING_S: [f64; 3] = [0.25, 0.2, 0.33];
/// Tempo of the made-up queries, reference duration per query duration.
const TEMPOS: [f64; 2] = [0.8, 1.25];
/// More pairs than this are thinned evenly: three references give six, four twelve.
const MAX_PAIRS: usize = 20;
/// Stillness before and after the movement in a made-up query, and the blend between its parts; seconds.
const IDLE_S: f64 = 1.0;
const BLEND_S: f64 = 0.25;
/// Error that stands for a movement that was not found, and the most that one search counts; seconds.
const LOST_S: f64 = 0.25;
/// Slack on the highest cost among the references, for athletes beyond them (ours).
const PRESENCE_SLACK: f64 = 1.1;
/// The presence limit stays below what unrelated movements cost, about 0.45 and more (ours).
const MAX_PRESENCE_LIMIT: f64 = 0.42;

/// How one setting did on the references.
#[derive(Debug, Clone, PartialEq)]
pub struct TuningTrial {
    /// Weights of angle, velocity and acceleration.
    pub feature_weights: [f64; 3],
    /// Width of the local fit in seconds.
    pub smoothing_s: f64,
    /// Share of the searches that found the movement, 0 to 1.
    pub found_rate: f64,
    /// Mean keyframe error in seconds; a movement that was not found counts as 0.25.
    pub mean_error_s: f64,
    /// How much lower that is than under the present settings, paired by search, and its standard error.
    pub gain_s: (f64, f64),
}

/// Why the settings are what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TuningOutcome {
    /// A single reference cannot be compared with another: the settings stayed.
    SingleReference,
    /// No other setting was better by more than a standard error: the settings stayed.
    Kept,
    /// A setting was better by more than a standard error.
    Changed,
}

/// Settings chosen by cross-validation, with everything that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// Searches with the chosen settings and presence limit.
    pub aligner: MotionDtw,
    /// Why.
    pub outcome: TuningOutcome,
    /// Every setting tried, the present one first; empty for a single reference.
    pub trials: Vec<TuningTrial>,
    /// Highest cost at which one reference found another; `None` for a single reference.
    pub highest_present_cost: Option<f64>,
}

impl MotionDtw {
    /// Chooses feature weights, smoothing and presence limit from the references of one movement.
    ///
    /// Cross-validation: each reference searches for the movement of each other one, hidden in a longer recording
    /// between stillness and its own reverse, slower (tempo 0.8) and faster (1.25). A grid of four triples of feature
    /// weights and three widths of the local fit is tried. Another setting is taken only if it lowers the mean error by
    /// more than one standard error of the difference (Breiman et al. 1984), since a few references are easily fitted
    /// by chance. The presence limit rises to 1.1 times the highest cost among the references, at most 0.42; it never
    /// falls, because the next athlete may differ more than the references do. With a single reference all settings
    /// stay as they are. Nothing is random. Time: 24 short searches per ordered pair of references, of at most 20 pairs.
    ///
    /// ```
    /// use motion_dtw::{Keyframe, Motion, MotionDtw, Reference, TuningOutcome};
    /// use ndarray::Array2;
    /// let trial = |width_s: f64| {
    ///     let knee = |(frame, _): (usize, usize)| {
    ///         let t: f64 = (frame as f64 / 60.0 - 1.0) / width_s;
    ///         175.0 - 80.0 * (-t * t).exp()
    ///     };
    ///     let motion = Motion::new(Array2::from_shape_fn((120, 1), knee), 60.0)?;
    ///     Reference::new(motion, vec![Keyframe::new("deepest", 60.0)])?.trimmed(0.5)
    /// };
    /// let tuning = MotionDtw::new().tuned(&[trial(0.3)?, trial(0.25)?])?;
    /// assert_eq!(tuning.trials.len(), 12);
    /// let alone = MotionDtw::new().tuned(&[trial(0.3)?])?;
    /// assert_eq!((alone.outcome, alone.aligner), (TuningOutcome::SingleReference, MotionDtw::new()));
    /// # Ok::<(), motion_dtw::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSeries`]; [`Error::Series`] with [`Error::KeyframeNames`] or [`Error::ChannelMismatch`] for a
    /// reference unlike the first, or with what [`MotionDtw::align`] returns.
    pub fn tuned(&self, references: &[Reference]) -> Result<Tuning> {
        Reference::check_alike(references)?;
        if references.len() == 1 {
            let (aligner, outcome) = (self.clone(), TuningOutcome::SingleReference);
            return Ok(Tuning { aligner, outcome, trials: Vec::new(), highest_present_cost: None });
        }
        let exams = exams(references)?;
        let present = Marks::of(self, &exams)?;
        let mut trials = vec![present.trial(self, &present)];
        let mut best = (self.clone(), present.clone(), 0.0);
        for aligner in self.grid() {
            let marks = Marks::of(&aligner, &exams)?;
            let trial = marks.trial(&aligner, &present);
            let (gain, error) = trial.gain_s;
            if gain > error && gain > best.2 {
                best = (aligner, marks, gain);
            }
            trials.push(trial);
        }
        let outcome = if best.2 > 0.0 { TuningOutcome::Changed } else { TuningOutcome::Kept };
        let highest = best.1.highest_cost();
        let limit = (PRESENCE_SLACK * highest).min(MAX_PRESENCE_LIMIT).max(self.presence_limit);
        let aligner = best.0.with_presence_limit(limit);
        Ok(Tuning { aligner, outcome, trials, highest_present_cost: Some(highest) })
    }

    /// The settings to try beside the present ones.
    fn grid(&self) -> Vec<Self> {
        let pairs = FEATURE_WEIGHTS.iter().flat_map(|weights| SMOOTHING_S.map(|s| (*weights, s)));
        pairs
            .filter(|&(weights, smoothing_s)| {
                (weights, smoothing_s) != (self.orders, self.smoothing_s)
            })
            .map(|([angle, velocity, acceleration], smoothing_s)| {
                self.clone()
                    .with_feature_weights(angle, velocity, acceleration)
                    .with_smoothing_s(smoothing_s)
            })
            .collect()
    }
}

/// One reference's movement hidden in a longer recording, to be found by another.
struct Exam<'a> {
    idx: usize,
    reference: &'a Reference,
    query: Motion,
    /// Keyframes in query frames.
    truth: Vec<f64>,
}

fn exams(references: &[Reference]) -> Result<Vec<Exam<'_>>> {
    let num = references.len();
    let pairs: Vec<(usize, usize)> = (0..num * num)
        .map(|at| (at / num, at % num))
        .filter(|(searching, hidden)| searching != hidden)
        .collect();
    let count = pairs.len().min(MAX_PAIRS);
    let mut exams = Vec::with_capacity(count * TEMPOS.len());
    for (searching, hidden) in (0..count).map(|at| pairs[at * pairs.len() / count]) {
        for tempo in TEMPOS {
            let (query, truth) = hide(&references[hidden], tempo)?;
            exams.push(Exam { idx: searching, reference: &references[searching], query, truth });
        }
    }
    Ok(exams)
}

/// Stillness, the movement backwards, the movement at `tempo`, stillness; with its keyframes.
fn hide(reference: &Reference, tempo: f64) -> Result<(Motion, Vec<f64>)> {
    let (motion, active) = (reference.motion(), reference.active_frames());
    let fps = motion.fps();
    let seconds = |seconds: f64| (seconds * fps).round() as usize;
    let last = (active.end - 1) as f64;
    let backwards: Vec<f64> = active.clone().rev().map(|frame| frame as f64).collect();
    let num_forwards = ((last - active.start as f64) / tempo).floor() as usize + 1;
    let forwards: Vec<f64> =
        (0..num_forwards).map(|k| active.start as f64 + k as f64 * tempo).collect();
    let still = |frame: f64, len: usize| vec![frame; len];
    let parts = [
        still(last, seconds(IDLE_S)),
        backwards,
        still(active.start as f64, seconds(BLEND_S)),
        forwards.clone(),
        still(forwards[num_forwards - 1], seconds(IDLE_S)),
    ];
    let start: usize = parts[..3].iter().map(Vec::len).sum();
    let frames = parts.concat();
    let at = |values: ndarray::ArrayView2<'_, f64>| {
        Array2::from_shape_fn((frames.len(), motion.num_channels()), |(row, channel)| {
            let (below, share) = (frames[row].floor() as usize, frames[row].fract());
            let column = values.slice(s![.., channel]);
            let above = (below + 1).min(column.len() - 1);
            if share == 0.0 {
                column[below]
            } else {
                column[below] * (1.0 - share) + column[above] * share
            }
        })
    };
    let mut query = Motion::new(at(motion.channels()), fps)?;
    if let Some(confidence) = motion.confidence() {
        query = query.with_confidence(at(confidence))?;
    }
    let truth = reference
        .keyframes()
        .iter()
        .map(|keyframe| start as f64 + (keyframe.frame - active.start as f64) / tempo);
    Ok((query, truth.collect()))
}

/// Error and cost of each exam under one setting; cost `None` where the movement was not found.
#[derive(Clone)]
struct Marks(Vec<(f64, Option<f64>)>);

impl Marks {
    fn of(aligner: &MotionDtw, exams: &[Exam<'_>]) -> Result<Self> {
        let lost = (LOST_S, None);
        let marks = exams.iter().map(|exam| {
            let found = match aligner.align(&exam.query, exam.reference) {
                Ok(found) => found,
                Err(Error::NoPath { .. } | Error::QueryTooShort { .. }) => return Ok(lost),
                Err(source) => {
                    return Err(Error::Series { idx: exam.idx, source: Box::new(source) });
                }
            };
            let truth = span(&exam.truth);
            if found.interval.end <= truth.start || truth.end <= found.interval.start {
                return Ok(lost);
            }
            let errors = found.keyframes.iter().zip(&exam.truth);
            let total: f64 = errors.map(|(keyframe, truth)| (keyframe.frame - truth).abs()).sum();
            let mean_s = total / exam.truth.len() as f64 / exam.query.fps();
            Ok((mean_s.min(LOST_S), Some(found.quality.cost)))
        });
        Ok(Self(marks.collect::<Result<_>>()?))
    }

    fn trial(&self, aligner: &MotionDtw, present: &Self) -> TuningTrial {
        let count = self.0.len() as f64;
        let gains: Vec<f64> =
            present.0.iter().zip(&self.0).map(|(old, new)| old.0 - new.0).collect();
        let gain = gains.iter().sum::<f64>() / count;
        let squares: f64 = gains.iter().map(|one| (one - gain).powi(2)).sum();
        TuningTrial {
            feature_weights: aligner.orders,
            smoothing_s: aligner.smoothing_s,
            found_rate: self.0.iter().filter(|mark| mark.1.is_some()).count() as f64 / count,
            mean_error_s: self.0.iter().map(|mark| mark.0).sum::<f64>() / count,
            gain_s: (gain, (squares / (count - 1.0) / count).sqrt()),
        }
    }

    /// Highest cost of a movement that was found.
    fn highest_cost(&self) -> f64 {
        self.0.iter().filter_map(|mark| mark.1).fold(0.0, f64::max)
    }
}

/// Frames that the keyframes cover, half-open.
fn span(keyframes: &[f64]) -> Range<usize> {
    keyframes[0].floor() as usize..keyframes[keyframes.len() - 1].ceil() as usize + 1
}
