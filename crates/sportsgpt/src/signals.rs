//! Every measure of a recording, computed once.

use std::collections::BTreeMap;

use kismam::FeatureSide;
use pose::{Measure, Side, Signal, SkeletonSeries};

/// The measures that an event's features need, over a whole recording.
#[derive(Debug)]
pub(crate) struct Signals(BTreeMap<Measure, Signal>);

impl Signals {
    /// Measures on both sides; knowledge may name a measure that this version cannot take, which is left out.
    pub(crate) fn of<'m>(
        series: &SkeletonSeries,
        measures: impl IntoIterator<Item = &'m str>,
    ) -> Self {
        let mut signals = BTreeMap::new();
        for name in measures {
            for side in Side::BOTH {
                if let Ok(measure) = Measure::parse(name, Some(side)) {
                    signals.entry(measure).or_insert_with(|| series.measure(measure));
                }
            }
        }
        Self(signals)
    }

    /// `side` is ignored by measures that have none.
    pub(crate) fn get(&self, measure: &str, side: Option<Side>) -> Option<&Signal> {
        Measure::parse(measure, side).ok().and_then(|measure| self.0.get(&measure))
    }
}

/// The sides that a feature is taken on; `None` for a measure without sides.
pub(crate) fn sides(side: FeatureSide, dominant: Side) -> Vec<Option<Side>> {
    match side {
        FeatureSide::None => vec![None],
        FeatureSide::Both => vec![Some(Side::Left), Some(Side::Right)],
        FeatureSide::Left => vec![Some(Side::Left)],
        FeatureSide::Right => vec![Some(Side::Right)],
        FeatureSide::Dominant => vec![Some(dominant)],
        FeatureSide::Other => vec![Some(dominant.other())],
    }
}
