//! The validator: what rows say of each other, each finding with its row and the fix.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::base::KnowledgeBase;
use super::{
    Aggregate, Applies, Direction, Event, Evidence, Extract, Feature, FeatureSide, Issue,
    KeyframeDef, Reference, ReferenceKind, Role, Source, SourceKind, Text,
};
use crate::vocabulary;

/// Weight that a row may have on unchecked or on coaching sources alone (ours).
const CAPPED_WEIGHT: f64 = 0.6;
/// Participants below which a source is called small.
const SMALL_N: u32 = 10;
/// Layout version that this crate reads.
const SCHEMA: u32 = 1;
/// No figure of a movement is larger; keeps squares and products finite.
const LARGEST: f64 = 1e6;
const VIEWS: [&str; 3] = ["side", "front", "3d"];

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The base cannot be applied.
    Error,
    /// The base can be applied; a reviewer should look.
    Warning,
}

/// One thing that the validator found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Line of the file on which the row starts, from 1.
    pub row: usize,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and how to mend it.
    pub text: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = if self.severity == Severity::Error { "error" } else { "warning" };
        write!(f, "{}: {severity}: {}", self.row, self.text)
    }
}

/// What the evidence rows rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LintSummary {
    /// Evidence rows.
    pub rows: usize,
    /// Of them, rows with a published source that somebody has checked.
    pub checked: usize,
    /// Of the others, rows that state what the issue's name means.
    pub by_definition: usize,
    /// The rest: rows from memory.
    pub unchecked: usize,
}

impl KnowledgeBase {
    /// Everything that is wrong or doubtful, in order of line, errors before warnings on the same line.
    #[must_use]
    pub fn lint(&self) -> Vec<Finding> {
        let mut linter = Linter::new(self);
        linter.header();
        linter.sources();
        linter.events();
        linter.features();
        linter.references();
        linter.issues();
        linter.evidence();
        linter.unused();
        linter.findings.sort_by(|a, b| (a.row, a.severity).cmp(&(b.row, b.severity)));
        linter.findings
    }

    /// How many evidence rows rest on checked sources.
    #[must_use]
    pub fn lint_summary(&self) -> LintSummary {
        let mut summary = LintSummary { rows: self.rows.evidence.len(), ..LintSummary::default() };
        for row in &self.rows.evidence {
            let sources: Vec<&Source> =
                row.source.iter().filter_map(|id| self.source(id)).collect();
            if sources.iter().any(|source| source.checked && source.kind != SourceKind::Definition)
            {
                summary.checked += 1;
            } else if sources.iter().any(|source| source.kind == SourceKind::Definition) {
                summary.by_definition += 1;
            } else {
                summary.unchecked += 1;
            }
        }
        summary
    }
}

struct Linter<'a> {
    kb: &'a KnowledgeBase,
    findings: Vec<Finding>,
    sources: HashMap<&'a str, &'a Source>,
    events: HashMap<&'a str, &'a Event>,
    features: HashMap<(&'a str, &'a str), &'a Feature>,
    issues: HashMap<(&'a str, &'a str), &'a Issue>,
}

impl<'a> Linter<'a> {
    fn new(kb: &'a KnowledgeBase) -> Self {
        let rows = &kb.rows;
        Self {
            kb,
            findings: Vec::new(),
            sources: rows.source.iter().map(|row| (row.id.as_str(), row)).collect(),
            events: rows.event.iter().map(|row| (row.id.as_str(), row)).collect(),
            features: rows
                .feature
                .iter()
                .map(|row| ((row.event.as_str(), row.id.as_str()), row))
                .collect(),
            issues: rows
                .issue
                .iter()
                .map(|row| ((row.event.as_str(), row.id.as_str()), row))
                .collect(),
        }
    }

    fn error(&mut self, row: usize, text: impl Into<String>) {
        self.findings.push(Finding { row, severity: Severity::Error, text: text.into() });
    }

    fn warn(&mut self, row: usize, text: impl Into<String>) {
        self.findings.push(Finding { row, severity: Severity::Warning, text: text.into() });
    }

    /// An error unless `value` is a number of a size that can be computed with and `holds`.
    fn number(&mut self, line: usize, what: &str, value: f64, holds: bool, expected: &str) {
        if !(value.abs() <= LARGEST && holds) {
            self.error(line, format!("{what} is {value}, expected {expected}"));
        }
    }

    fn filled(&mut self, line: usize, what: &str, text: &Text) {
        for (lang, text) in [("en", &text.en), ("zh", &text.zh)] {
            if text.trim().is_empty() {
                self.error(line, format!("{what} has no text in `{lang}`: write it"));
            }
        }
    }

    fn unique<K: std::hash::Hash + Eq>(
        &mut self,
        seen: &mut HashMap<K, usize>,
        key: K,
        line: usize,
        what: &str,
    ) {
        if let Some(first) = seen.insert(key, line) {
            self.error(line, format!("{what} repeats the row on line {first}: merge the two"));
        }
    }

    fn views(&mut self, line: usize, what: &str, views: &[String]) {
        for view in views.iter().filter(|view| !VIEWS.contains(&view.as_str())) {
            self.error(line, format!("{what} names the view `{view}`: use {}", VIEWS.join(", ")));
        }
    }

    fn cites(&mut self, line: usize, what: &str, ids: &[String]) {
        for id in
            ids.iter().filter(|id| !self.sources.contains_key(id.as_str())).collect::<Vec<_>>()
        {
            self.error(
                line,
                format!(
                    "{what} cites the unknown source `{id}`: add a [[source]] or correct the id"
                ),
            );
        }
    }

    /// The event of a row, or an error.
    fn event_of(&mut self, line: usize, what: &str, event: &str) -> Option<&'a Event> {
        let found = self.events.get(event).copied();
        if found.is_none() {
            let fix = if event.is_empty() {
                "say `event = ...`, the file has several or none"
            } else {
                "correct the id"
            };
            self.error(line, format!("{what} belongs to the unknown event `{event}`: {fix}"));
        }
        found
    }

    fn header(&mut self) {
        let (line, header) = (self.kb.lines.header, self.kb.header());
        if header.schema != SCHEMA {
            self.error(
                line,
                format!(
                    "schema {} is not {SCHEMA}, the layout that this program reads",
                    header.schema
                ),
            );
        }
        for (field, value) in
            [("id", &header.id), ("version", &header.version), ("licence", &header.licence)]
        {
            if value.trim().is_empty() {
                self.error(line, format!("[kb] {field} is empty: fill it in"));
            }
        }
    }

    fn sources(&mut self) {
        let mut seen = HashMap::new();
        for (row, &line) in self.kb.rows.source.iter().zip(&self.kb.lines.source) {
            let what = format!("source `{}`", row.id);
            self.unique(&mut seen, row.id.as_str(), line, &what);
            let given =
                |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
            if row.kind != SourceKind::Definition {
                if !given(&row.doi) && !given(&row.url) {
                    self.error(
                        line,
                        format!("{what} has neither doi nor url: give one so that it can be found"),
                    );
                }
                if !row.checked {
                    self.warn(
                        line,
                        format!("{what} is unchecked: read it, then set checked = true"),
                    );
                }
                if let Some(n) = row.n.filter(|&n| n < SMALL_N) {
                    self.warn(line, format!("{what} measured {n} participants, fewer than {SMALL_N}: look for a larger study"));
                }
            }
            if row.cite.trim().is_empty() {
                self.error(line, format!("{what} has no citation: write `cite`"));
            }
        }
    }

    fn events(&mut self) {
        let mut seen = HashMap::new();
        for (row, &line) in self.kb.rows.event.iter().zip(&self.kb.lines.event) {
            let what = format!("event `{}`", row.id);
            for name in std::iter::once(&row.id).chain(&row.aliases) {
                self.unique(
                    &mut seen,
                    name.as_str(),
                    line,
                    &format!("the name `{name}` of {what}"),
                );
            }
            self.filled(line, &what, &row.name);
            self.views(line, &what, &row.views);
            if row.views.is_empty() {
                self.error(
                    line,
                    format!("{what} has no views: say which of {} can show it", VIEWS.join(", ")),
                );
            }
            if row.keyframes.is_empty() {
                self.error(line, format!("{what} has no keyframes: list them in time order"));
            }
            let mut names = HashSet::new();
            for keyframe in &row.keyframes {
                self.snap(line, &what, keyframe);
                self.filled(
                    line,
                    &format!("keyframe `{}` of {what}", keyframe.name),
                    &keyframe.label,
                );
                if !names.insert(&keyframe.name) {
                    self.error(
                        line,
                        format!("{what} has two keyframes `{}`: rename one", keyframe.name),
                    );
                }
            }
            for channel in row.channels.iter().filter(|channel| vocabulary::find(channel).is_none())
            {
                self.error(line, format!("{what} aligns on the unknown measure `{channel}`: use one of the vocabulary"));
            }
            if let Some(rule) = row
                .dominant
                .as_deref()
                .filter(|rule| !["wrist", "ankle", "left", "right"].contains(rule))
            {
                self.error(
                    line,
                    format!("{what} has dominant = `{rule}`: use wrist, ankle, left or right"),
                );
            }
        }
    }

    fn snap(&mut self, line: usize, what: &str, keyframe: &KeyframeDef) {
        let Some(snap) = &keyframe.snap else { return };
        let what = format!("snap rule of keyframe `{}` of {what}", keyframe.name);
        self.number(
            line,
            &format!("within_ms of the {what}"),
            snap.within_ms,
            snap.within_ms > 0.0,
            "a time above 0",
        );
        self.number(line, &format!("level of the {what}"), snap.level, true, "a finite number");
        match vocabulary::find(&snap.measure) {
            None => self.error(
                line,
                format!(
                    "{what} uses the unknown measure `{}`: use one of the vocabulary",
                    snap.measure
                ),
            ),
            Some(measure) if measure.sided == (snap.side == FeatureSide::None) => {
                self.error(
                    line,
                    format!(
                        "{what}: `{}` has {} sides: correct `side`",
                        snap.measure,
                        if measure.sided { "two" } else { "no" }
                    ),
                );
            }
            Some(_) => {}
        }
    }

    fn features(&mut self) {
        let mut seen = HashMap::new();
        for (row, &line) in self.kb.rows.feature.iter().zip(&self.kb.lines.feature) {
            let what = format!("feature `{}`", row.id);
            self.unique(&mut seen, (&row.event, &row.id), line, &what);
            self.number(
                line,
                &format!("tau of {what}"),
                row.tau,
                row.tau > 0.0,
                "a spread above 0",
            );
            for (name, value) in
                [("tau_asymmetry", row.tau_asymmetry), ("pose_error", row.pose_error)]
            {
                if let Some(value) = value {
                    self.number(
                        line,
                        &format!("{name} of {what}"),
                        value,
                        value > 0.0,
                        "a spread above 0",
                    );
                }
            }
            let [from, to] = row.window_ms;
            if !from.is_finite() || !to.is_finite() || (from > to && row.to_keyframe.is_none()) {
                self.error(
                    line,
                    format!(
                        "window_ms of {what} is [{from}, {to}], expected start and end in order"
                    ),
                );
            }
            self.views(line, &what, &row.views);
            self.measure(line, &what, row);
            let Some(event) = self.event_of(line, &what, &row.event) else { continue };
            self.keyframes(line, &what, row, event);
            if matches!(row.side, FeatureSide::Dominant | FeatureSide::Other)
                && event.dominant.is_none()
            {
                self.error(line, format!("{what} is taken on the dominant or other side: give event `{}` a `dominant` rule", event.id));
            }
        }
    }

    fn measure(&mut self, line: usize, what: &str, row: &Feature) {
        let Some(measure) = vocabulary::find(&row.measure) else {
            if row.name.is_none() {
                self.error(line, format!("{what} has the unknown measure `{}`: use one of the vocabulary or give the feature a `name`", row.measure));
            }
            return;
        };
        let unit = match row.extract {
            Extract::Rate => format!("{}/s", measure.unit),
            _ => measure.unit.to_owned(),
        };
        if row.unit != unit {
            self.error(line, format!("{what} has unit `{}`, but `{}` is measured in `{unit}`: convert the row's figures", row.unit, row.measure));
        }
        if measure.sided == (row.side == FeatureSide::None) {
            let fix = if measure.sided { "say which side" } else { "remove `side`" };
            self.error(
                line,
                format!(
                    "{what}: `{}` has {} sides: {fix}",
                    row.measure,
                    if measure.sided { "two" } else { "no" }
                ),
            );
        }
        for view in row.views.iter().filter(|view| {
            VIEWS.contains(&view.as_str()) && !measure.views.contains(&view.as_str())
        }) {
            self.error(
                line,
                format!(
                    "{what} claims the view `{view}`, which does not show `{}`: remove it",
                    row.measure
                ),
            );
        }
    }

    fn keyframes(&mut self, line: usize, what: &str, row: &Feature, event: &Event) {
        let position =
            |name: &str| event.keyframes.iter().position(|keyframe| keyframe.name == name);
        let known = || {
            event
                .keyframes
                .iter()
                .map(|keyframe| keyframe.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mut places = Vec::new();
        for name in std::iter::once(&row.keyframe).chain(&row.to_keyframe) {
            match position(name) {
                Some(place) => places.push(place),
                None => self.error(line, format!("{what} refers to keyframe `{name}`, which event `{}` does not reach: use one of {}", event.id, known())),
            }
        }
        if places.len() == 2 && places[0] >= places[1] {
            self.error(
                line,
                format!(
                    "{what} runs to a keyframe that is not later: swap keyframe and to_keyframe"
                ),
            );
        }
    }

    fn references(&mut self) {
        let rows = || self.kb.rows.reference.iter().zip(&self.kb.lines.reference);
        let mut earlier: Vec<(&Reference, usize)> = Vec::new();
        for (row, &line) in rows().collect::<Vec<_>>() {
            let what = format!("reference of `{}`", row.feature);
            if self.event_of(line, &what, &row.event).is_some()
                && !self.features.contains_key(&(row.event.as_str(), row.feature.as_str()))
            {
                self.error(
                    line,
                    format!("{what}: no such feature: add a [[feature]] or correct the id"),
                );
            }
            self.reference_numbers(line, &what, row);
            self.cites(line, &what, &row.source);
            if row.kind != ReferenceKind::Template && row.source.is_empty() {
                self.error(line, format!("{what} has no source: cite where the figure comes from"));
            }
            let same = |other: &Reference| {
                other.event == row.event
                    && other.feature == row.feature
                    && (other.kind == ReferenceKind::Template)
                        == (row.kind == ReferenceKind::Template)
            };
            // A more specific row overrides a general one; equally specific ones must exclude each other.
            let clash = earlier
                .iter()
                .find(|(other, _)| same(other) && other.applies.overlaps(&row.applies));
            if let Some(first) = clash.map(|(_, first)| *first) {
                self.error(line, format!("{what} applies to the same athletes as the one on line {first}: make `applies` exclude each other"));
            }
            earlier.push((row, line));
        }
    }

    fn reference_numbers(&mut self, line: usize, what: &str, row: &Reference) {
        let fields: &[(&str, Option<f64>)] = match row.kind {
            ReferenceKind::Range => &[("lo", row.lo), ("hi", row.hi)],
            ReferenceKind::Normal => &[("mean", row.mean), ("sd", row.sd)],
            ReferenceKind::Linear => &[
                ("coef", row.coef.map(|coef| coef[0])),
                ("coef", row.coef.map(|coef| coef[1])),
                ("sd", row.sd),
            ],
            ReferenceKind::Template => &[],
        };
        for (field, value) in fields {
            match value {
                None => self.error(line, format!("{what} lacks `{field}`: its kind needs it")),
                Some(value) => self.number(
                    line,
                    &format!("`{field}` of the {what}"),
                    *value,
                    true,
                    "a finite number",
                ),
            }
        }
        if row.kind == ReferenceKind::Linear && row.by.is_none() {
            self.error(line, format!("{what} lacks `by`: say age or step"));
        }
        if let (ReferenceKind::Range, Some(lo), Some(hi)) = (row.kind, row.lo, row.hi) {
            if lo > hi {
                self.error(line, format!("{what} has lo {lo} above hi {hi}: swap them"));
            }
        }
        let positive =
            [("sd", row.sd), ("z", row.z), ("tolerance", row.tolerance), ("sigma", row.sigma)];
        for (field, value) in positive {
            if let Some(value) = value {
                self.number(
                    line,
                    &format!("`{field}` of the {what}"),
                    value,
                    value >= 0.0,
                    "a number from 0",
                );
            }
        }
        for range in [row.applies.age, row.applies.step].into_iter().flatten() {
            if !(range[0].is_finite() && range[1].is_finite() && range[0] <= range[1]) {
                self.error(
                    line,
                    format!(
                        "{what} applies to [{}, {}], expected two finite numbers in order",
                        range[0], range[1]
                    ),
                );
            }
        }
    }

    fn issues(&mut self) {
        let mut seen = HashMap::new();
        for (row, &line) in self.kb.rows.issue.iter().zip(&self.kb.lines.issue) {
            let what = format!("issue `{}`", row.id);
            self.unique(&mut seen, (&row.event, &row.id), line, &what);
            self.filled(line, &format!("name of {what}"), &row.name);
            self.filled(line, &format!("why of {what}"), &row.why);
            self.views(line, &what, &row.views);
            self.number(
                line,
                &format!("leak of {what}"),
                row.leak,
                (0.0..0.25).contains(&row.leak),
                "0 to below 0.25",
            );
            let share = row.min_coverage;
            self.number(
                line,
                &format!("min_coverage of {what}"),
                share,
                share > 0.0 && share <= 1.0,
                "above 0 up to 1",
            );
            if let Some(event) = self.event_of(line, &what, &row.event) {
                self.reachable(line, &what, row, event);
            }
        }
    }

    /// Whether an issue can be found at all, and in every view that it claims.
    fn reachable(&mut self, line: usize, what: &str, issue: &Issue, event: &Event) {
        let rows: Vec<&Evidence> = (self.kb.rows.evidence.iter())
            .filter(|row| {
                row.event == issue.event && row.issue == issue.id && row.role != Role::Contra
            })
            .collect();
        if highest(issue, &rows) < 0.5 {
            self.error(line, format!("{what} cannot reach probability 0.5 with all its evidence: add rows or raise weights"));
            return;
        }
        let views = if issue.views.is_empty() { &event.views } else { &issue.views };
        for view in views {
            let seen: Vec<&Evidence> =
                rows.iter().copied().filter(|row| self.visible(row, event, view)).collect();
            if let Some(hidden) = rows
                .iter()
                .find(|row| row.role == Role::Required && !self.visible(row, event, view))
            {
                self.error(line, format!("{what} claims the view `{view}`, which does not show the required `{}`: remove the view", hidden.feature));
            } else if highest(issue, &seen) < 0.5 {
                self.error(line, format!("{what} claims the view `{view}`, but what it shows cannot reach probability 0.5: remove the view"));
            }
        }
    }

    fn visible(&self, row: &Evidence, event: &Event, view: &str) -> bool {
        let Some(feature) = self.features.get(&(row.event.as_str(), row.feature.as_str())) else {
            return true;
        };
        match (feature.views.is_empty(), vocabulary::find(&feature.measure)) {
            (false, _) => feature.views.iter().any(|shown| shown == view),
            (true, Some(measure)) => measure.views.contains(&view),
            (true, None) => event.views.iter().any(|shown| shown == view),
        }
    }

    fn evidence(&mut self) {
        let mut seen = HashMap::new();
        for (row, &line) in self.kb.rows.evidence.iter().zip(&self.kb.lines.evidence) {
            let what = format!("evidence of `{}` by `{}`", row.issue, row.feature);
            self.unique(
                &mut seen,
                (&row.event, &row.issue, &row.feature, row.direction),
                line,
                &what,
            );
            self.number(
                line,
                &format!("w of the {what}"),
                row.w,
                row.w > 0.0 && row.w <= 1.0,
                "above 0 up to 1",
            );
            self.number(
                line,
                &format!("t_min of the {what}"),
                row.t_min,
                row.t_min >= 0.0,
                "a number from 0",
            );
            self.number(line, &format!("t_max of the {what}"), row.t_max, true, "a finite number");
            if row.t_min >= row.t_max {
                self.error(
                    line,
                    format!(
                        "t_min {} of the {what} is not below t_max {}: widen the ramp",
                        row.t_min, row.t_max
                    ),
                );
            }
            if row.rationale.trim().is_empty() {
                self.error(
                    line,
                    format!("{what} has no rationale: say why the row belongs to the issue"),
                );
            }
            self.sources_of(line, &what, row);
            if self.event_of(line, &what, &row.event).is_none() {
                continue;
            }
            if !self.issues.contains_key(&(row.event.as_str(), row.issue.as_str())) {
                self.error(
                    line,
                    format!("{what}: no such issue: add an [[issue]] or correct the id"),
                );
            }
            match self.features.get(&(row.event.as_str(), row.feature.as_str())).copied() {
                None => self.error(
                    line,
                    format!("{what}: no such feature: add a [[feature]] or correct the id"),
                ),
                Some(feature) => self.against_feature(line, &what, row, feature),
            }
        }
    }

    fn sources_of(&mut self, line: usize, what: &str, row: &Evidence) {
        self.cites(line, what, &row.source);
        if row.source.is_empty() {
            self.error(line, format!("{what} has no source: cite one"));
            return;
        }
        let sources: Vec<&Source> =
            row.source.iter().filter_map(|id| self.sources.get(id.as_str()).copied()).collect();
        if sources.is_empty() || row.w <= CAPPED_WEIGHT {
            return;
        }
        if !sources.iter().any(|source| source.checked || source.kind == SourceKind::Definition) {
            self.error(line, format!("{what} weighs {} on unchecked sources: check one or lower w to {CAPPED_WEIGHT}", row.w));
        } else if sources.iter().all(|source| source.kind == SourceKind::Coaching) {
            self.warn(line, format!("{what} weighs {} on coaching literature alone: find an experiment or lower w to {CAPPED_WEIGHT}", row.w));
        }
    }

    fn against_feature(&mut self, line: usize, what: &str, row: &Evidence, feature: &Feature) {
        if row.direction == Direction::Asymmetry && feature.side != FeatureSide::Both {
            self.error(line, format!("{what} compares sides, but the feature is not taken on both: set its side to \"both\""));
        }
        let error =
            feature.pose_error.unwrap_or_else(|| vocabulary::default_pose_error(&feature.unit));
        if row.t_min < error && row.role != Role::Contra {
            self.warn(
                line,
                format!(
                    "{what} has t_min {} below the pose error {error} {}: raise it",
                    row.t_min, feature.unit
                ),
            );
        }
        let has_target =
            row.direction == Direction::Asymmetry
                || self.kb.rows.reference.iter().any(|reference| {
                    reference.event == row.event && reference.feature == row.feature
                });
        if !has_target {
            self.error(
                line,
                format!(
                    "{what} has nothing to compare with: add a [[reference]] of `{}`",
                    row.feature
                ),
            );
        }
    }

    fn unused(&mut self) {
        let rows = &self.kb.rows;
        let used: HashSet<(&str, &str)> =
            rows.evidence.iter().map(|row| (row.event.as_str(), row.feature.as_str())).collect();
        for (row, &line) in rows.feature.iter().zip(&self.kb.lines.feature) {
            if !used.contains(&(row.event.as_str(), row.id.as_str())) {
                self.warn(
                    line,
                    format!("no evidence uses feature `{}`: remove it or add evidence", row.id),
                );
            }
        }
        let cited: HashSet<&String> = (rows.evidence.iter().flat_map(|row| &row.source))
            .chain(rows.reference.iter().flat_map(|row| &row.source))
            .collect();
        for (row, &line) in rows.source.iter().zip(&self.kb.lines.source) {
            if !cited.contains(&row.id) {
                self.warn(line, format!("nothing cites source `{}`: remove it or cite it", row.id));
            }
        }
    }
}

/// The probability of an issue if all of `rows` spoke in full.
fn highest(issue: &Issue, rows: &[&Evidence]) -> f64 {
    if rows.is_empty() {
        return 0.0;
    }
    if issue.aggregate == Aggregate::WeightedMean {
        return 1.0;
    }
    let mut groups: HashMap<&str, f64> = HashMap::new();
    for row in rows {
        let group = groups.entry(row.group.as_deref().unwrap_or(&row.feature)).or_default();
        *group = group.max(row.w);
    }
    1.0 - groups.values().fold(1.0 - issue.leak, |none, w| none * (1.0 - w))
}

impl Applies {
    fn num_conditions(&self) -> usize {
        let texts = [&self.sex, &self.level, &self.phase];
        texts.iter().filter(|text| text.is_some()).count()
            + usize::from(self.age.is_some())
            + usize::from(self.step.is_some())
    }

    /// Whether some athlete meets both and neither is the more specific one.
    fn overlaps(&self, other: &Applies) -> bool {
        let texts =
            [(&self.sex, &other.sex), (&self.level, &other.level), (&self.phase, &other.phase)];
        let ranges = [(self.age, other.age), (self.step, other.step)];
        let text_apart = texts.iter().any(|pair| matches!(pair, (Some(a), Some(b)) if a != b));
        let range_apart = ranges
            .iter()
            .any(|pair| matches!(pair, (Some(a), Some(b)) if a[1] < b[0] || b[1] < a[0]));
        self.num_conditions() == other.num_conditions() && !text_apart && !range_apart
    }
}
