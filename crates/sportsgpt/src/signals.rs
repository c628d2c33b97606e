//! Every measure of a recording, computed once.

use std::collections::BTreeMap;

use kismam::FeatureSide;
use pose::{Measure, Side, Signal, SkeletonSeries};

use crate::channels;

/// The measures that the alignment and an event's knowledge need, over a whole recording.
#[derive(Debug)]
pub(crate) struct Signals(BTreeMap<Measure, Signal>);

impl Signals {
    /// Takes the alignment's measures and those of the knowledge's `names`, on both sides; a name that this version
    /// does not know is left out.
    pub(crate) fn of<'m>(
        series: &SkeletonSeries,
        names: impl IntoIterator<Item = &'m str>,
    ) -> Self {
        let both = |name| Side::BOTH.map(|side| Measure::parse(name, Some(side)).ok());
        let named = names.into_iter().flat_map(both).flatten();
        let mut signals = BTreeMap::new();
        for measure in channels::measures().into_iter().chain(named) {
            signals.entry(measure).or_insert_with(|| series.measure(measure));
        }
        Self(signals)
    }

    pub(crate) fn of_measure(&self, measure: Measure) -> Option<&Signal> {
        self.0.get(&measure)
    }

    /// `side` is ignored by measures that have none.
    pub(crate) fn get(&self, measure: &str, side: Option<Side>) -> Option<&Signal> {
        self.of_measure(Measure::parse(measure, side).ok()?)
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
