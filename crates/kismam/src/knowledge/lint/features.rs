//! Features and references: what can be measured, and what it should be.

use std::collections::HashMap;

use super::{Linter, VIEWS};
use crate::knowledge::{Applies, Event, Extract, Feature, FeatureSide, Reference, ReferenceKind};
use crate::vocabulary;

impl Linter<'_> {
    pub(super) fn features(&mut self) {
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

    pub(super) fn references(&mut self) {
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
            self.small_studies(line, &what, &row.source);
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
        if let (ReferenceKind::Range, Some(lo), Some(hi)) = (row.kind, row.lo, row.hi)
            && lo > hi
        {
            self.error(line, format!("{what} has lo {lo} above hi {hi}: swap them"));
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
