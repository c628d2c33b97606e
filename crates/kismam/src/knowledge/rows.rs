//! The rows of a knowledge file, as they stand in TOML or JSON.

use serde::{Deserialize, Serialize};

/// A text in English and Chinese.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

impl Text {
    /// Both texts at once.
    #[must_use]
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { en: en.into(), zh: zh.into() }
    }
}

/// `[kb]`: what the file is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Name of the knowledge base, stable over versions.
    pub id: String,
    /// Version, `major.minor.patch`.
    pub version: String,
    /// Version of this file layout; this crate reads 1.
    pub schema: u32,
    /// Licence of the knowledge itself.
    pub licence: String,
    /// What it covers, for readers.
    #[serde(default)]
    pub summary: String,
}

/// `[[event]]`: a movement that can be assessed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Id, such as `squat`.
    pub id: String,
    /// Other names that people use.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Name for readers.
    pub name: Text,
    /// Keyframes in time order.
    pub keyframes: Vec<KeyframeDef>,
    /// What decides the dominant side: `wrist` (throwing arm, the faster), `ankle` (kicking leg, the faster), `ahead`
    /// (the foot further ahead at the first keyframe), `right` or `left` (fixed).
    #[serde(default)]
    pub dominant: Option<String>,
    /// Measures that align two recordings of this event well.
    #[serde(default)]
    pub channels: Vec<String>,
    /// Camera views that the event can be judged from: `side`, `front`, `3d`.
    pub views: Vec<String>,
}

/// A named instant of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyframeDef {
    /// Id, such as `crouch`.
    pub name: String,
    /// Label for readers.
    pub label: Text,
    /// The rule that finds it.
    pub what: String,
    /// The same rule for a program, where it is an extremum or a crossing of one measure.
    #[serde(default)]
    pub snap: Option<Snap>,
}

/// An instant told from one measure, so that a keyframe carried over by an alignment can be put exactly there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snap {
    /// The measure, a name of [`crate::vocabulary`].
    pub measure: String,
    /// On which side; the mean of both for `both`.
    #[serde(default)]
    pub side: FeatureSide,
    /// What the measure does at the instant.
    pub to: SnapTo,
    /// `rising`, `falling`: the level that is crossed, in the measure's unit; 0 where left out.
    #[serde(default)]
    pub level: f64,
    /// How far from the carried-over keyframe the instant may lie, in milliseconds.
    pub within_ms: f64,
}

/// What a measure does at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapTo {
    /// It is smallest.
    Min,
    /// It is largest.
    Max,
    /// It rises fastest.
    FastestRise,
    /// It falls fastest.
    FastestFall,
    /// It rises through the level.
    Rising,
    /// It falls through the level.
    Falling,
}

/// Which side or sides a feature is taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureSide {
    /// The measure has no side.
    #[default]
    None,
    /// Left and right, two measurements.
    Both,
    /// Left only.
    Left,
    /// Right only.
    Right,
    /// The event's dominant side.
    Dominant,
    /// The side opposite the dominant one.
    Other,
}

/// How a number is taken from the measure's curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extract {
    /// Mean over the window around the keyframe.
    #[default]
    Value,
    /// Smallest value in the window.
    Min,
    /// Largest value in the window.
    Max,
    /// Largest minus smallest value in the window.
    Range,
    /// Change per second: from keyframe to `to_keyframe`, or the slope over the window.
    Rate,
}

/// `[[feature]]`: a number that can be measured on a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Id, by custom `measure@keyframe`.
    pub id: String,
    /// The event; may be left out in a file with one event.
    #[serde(default)]
    pub event: String,
    /// What is measured, a name of [`crate::vocabulary`].
    pub measure: String,
    /// On which side.
    #[serde(default)]
    pub side: FeatureSide,
    /// Where in time.
    pub keyframe: String,
    /// With it, the window runs from `keyframe` to this keyframe.
    #[serde(default)]
    pub to_keyframe: Option<String>,
    /// Which number of the window.
    #[serde(default)]
    pub extract: Extract,
    /// Window in milliseconds relative to the keyframe (its end relative to `to_keyframe` where given).
    #[serde(default = "default_window_ms")]
    pub window_ms: [f64; 2],
    /// Unit: `deg`, `leg` (leg lengths) or `ratio`, with `/s` for rates.
    pub unit: String,
    /// Spread of this feature between athletes (one sd), in `unit`.
    pub tau: f64,
    /// The same for the left-right difference; `tau` where left out.
    #[serde(default)]
    pub tau_asymmetry: Option<f64>,
    /// Error of a usual pose estimate of it (one sd), in `unit`; a default by unit where left out.
    #[serde(default)]
    pub pose_error: Option<f64>,
    /// Views that show it; the event's where left out.
    #[serde(default)]
    pub views: Vec<String>,
    /// Name for readers, for measures that are not in the vocabulary.
    #[serde(default)]
    pub name: Option<Text>,
}

fn default_window_ms() -> [f64; 2] {
    [-20.0, 20.0]
}

/// Where a target comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReferenceKind {
    /// An interval `lo..hi`.
    Range,
    /// `mean -+ z * sd` of a population.
    Normal,
    /// `coef[0] + coef[1] * athlete.by`, `-+ z * sd`.
    Linear,
    /// The value measured on the reference recording, `-+ tolerance`.
    Template,
}

/// A figure of the athlete that a `linear` reference or a condition depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Covariate {
    /// Age in years.
    Age,
    /// Step number after the start, from 1.
    Step,
}

/// Whom a reference applies to; what is left out does not restrict.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applies {
    /// `female` or `male`.
    #[serde(default)]
    pub sex: Option<String>,
    /// Level, such as `elite`, `club`, `novice`.
    #[serde(default)]
    pub level: Option<String>,
    /// Phase of the event.
    #[serde(default)]
    pub phase: Option<String>,
    /// Age in years, both ends included.
    #[serde(default)]
    pub age: Option<[f64; 2]>,
    /// Step number, both ends included.
    #[serde(default)]
    pub step: Option<[f64; 2]>,
}

/// `[[reference]]`: what a feature should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The feature's id.
    pub feature: String,
    /// The event; may be left out in a file with one event.
    #[serde(default)]
    pub event: String,
    /// Which kind, which decides the fields used.
    pub kind: ReferenceKind,
    /// Whom it is for.
    #[serde(default)]
    pub applies: Applies,
    /// `range`: lower limit.
    #[serde(default)]
    pub lo: Option<f64>,
    /// `range`: upper limit.
    #[serde(default)]
    pub hi: Option<f64>,
    /// `normal`: mean.
    #[serde(default)]
    pub mean: Option<f64>,
    /// `normal`, `linear`: standard deviation between athletes.
    #[serde(default)]
    pub sd: Option<f64>,
    /// `normal`, `linear`: half width of the target in `sd`; 1 where left out.
    #[serde(default)]
    pub z: Option<f64>,
    /// `linear`: intercept and slope.
    #[serde(default)]
    pub coef: Option<[f64; 2]>,
    /// `linear`: what the slope multiplies.
    #[serde(default)]
    pub by: Option<Covariate>,
    /// `template`: half width around the reference recording's value.
    #[serde(default)]
    pub tolerance: Option<f64>,
    /// Standard error of the limits themselves, in the feature's unit; 0 where left out.
    #[serde(default)]
    pub sigma: Option<f64>,
    /// Ids of the sources.
    #[serde(default)]
    pub source: Vec<String>,
}

/// How evidence adds up to an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// One strong finding suffices.
    #[default]
    NoisyOr,
    /// Findings must agree.
    WeightedMean,
}

/// `[[issue]]`: a named technical problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issue {
    /// Id, such as `shallow_squat`.
    pub id: String,
    /// The event; may be left out in a file with one event.
    #[serde(default)]
    pub event: String,
    /// Phase of the event, for readers and for sources' conditions.
    #[serde(default)]
    pub phase: Option<String>,
    /// Name for readers.
    pub name: Text,
    /// Other names, for search.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Why it matters.
    pub why: Text,
    /// How the evidence adds up.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// Probability without any evidence (noisy-OR only).
    #[serde(default = "default_leak")]
    pub leak: f64,
    /// Share of the weight that must be observed for a verdict.
    #[serde(default = "default_min_coverage")]
    pub min_coverage: f64,
    /// Views that suffice to judge it; the event's where left out.
    #[serde(default)]
    pub views: Vec<String>,
}

fn default_leak() -> f64 {
    0.02
}

fn default_min_coverage() -> f64 {
    0.5
}

/// On which side of the target a value speaks for the issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Above the target.
    Above,
    /// Below the target.
    Below,
    /// On either side of it.
    Either,
    /// Left and right differ by more than in the reference; for a measure without sides that is 0 when the body is
    /// symmetric: it is further from 0 than there.
    Asymmetry,
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Direction::Above => "above",
            Direction::Below => "below",
            Direction::Either => "either",
            Direction::Asymmetry => "asymmetry",
        })
    }
}

/// What a row does to its issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Adds to the probability.
    #[default]
    Support,
    /// Adds to it, and the probability never exceeds this row's membership.
    Required,
    /// Speaks against the issue: another explanation of the same finding.
    Contra,
}

/// `[[evidence]]`: one entry of the mapping matrix W.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The issue's id.
    pub issue: String,
    /// The event; may be left out in a file with one event.
    #[serde(default)]
    pub event: String,
    /// The feature's id.
    pub feature: String,
    /// Which deviation counts.
    pub direction: Direction,
    /// Deviation up to which nothing is wrong, in the feature's unit.
    pub t_min: f64,
    /// Deviation from which the row speaks in full.
    pub t_max: f64,
    /// Weight in (0, 1]: the probability of the issue if this row alone speaks in full.
    pub w: f64,
    /// Rows of one group do not count twice; a row's own feature where left out.
    #[serde(default)]
    pub group: Option<String>,
    /// What the row does.
    #[serde(default)]
    pub role: Role,
    /// Why this row belongs to this issue.
    pub rationale: String,
    /// Ids of the sources.
    #[serde(default)]
    pub source: Vec<String>,
}

/// What kind of work a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// The issue is named after the measurement; nothing to prove.
    Definition,
    /// Measured on people.
    Experiment,
    /// A review of experiments.
    Review,
    /// A published screening protocol.
    Screen,
    /// Computer simulation.
    Simulation,
    /// Coaching literature.
    Coaching,
    /// Public measurements analysed by us.
    Dataset,
}

/// `[[source]]`: where knowledge comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Id, such as `padua2009`.
    pub id: String,
    /// The citation.
    pub cite: String,
    /// DOI, without resolver.
    #[serde(default)]
    pub doi: Option<String>,
    /// Address, for sources without a DOI.
    #[serde(default)]
    pub url: Option<String>,
    /// Kind of work.
    pub kind: SourceKind,
    /// Number of participants.
    #[serde(default)]
    pub n: Option<u32>,
    /// Who they were.
    #[serde(default)]
    pub population: Option<String>,
    /// Whether somebody has held the claims against the work itself.
    #[serde(default)]
    pub checked: bool,
}
