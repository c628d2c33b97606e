//! Issues and evidence: what can be wrong, and what speaks for it.

use std::collections::{HashMap, HashSet};

use super::Linter;
use crate::knowledge::{
    Aggregate, Direction, Event, Evidence, Feature, FeatureSide, Issue, Role, Source, SourceKind,
};
use crate::vocabulary;

/// Weight that a row may have on unchecked or on coaching sources alone (ours).
const CAPPED_WEIGHT: f64 = 0.6;

impl Linter<'_> {
    pub(super) fn issues(&mut self) {
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

    pub(super) fn evidence(&mut self) {
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
        self.small_studies(line, what, &row.source);
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
        let two_sided = feature.side == FeatureSide::Both
            || (feature.side == FeatureSide::None && vocabulary::is_lopsidedness(&feature.measure));
        if row.direction == Direction::Asymmetry && !two_sided {
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

    pub(super) fn unused(&mut self) {
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
