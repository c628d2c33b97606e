//! The record of an observed evidence row, for readers.

use crate::assessment::{EvidenceRecord, Repeats, SideValue};
use crate::explain;
use crate::knowledge::{Direction, Evidence, Feature};
use crate::observed::Mean;
use crate::score::RowScore;
use crate::target::Reading;
use crate::{Side, vocabulary};

/// The record of one observed row; `group` is the name of its evidence group.
pub(crate) fn evidence(
    row: &Evidence,
    group: &str,
    feature: &Feature,
    reading: &Reading<'_>,
    score: &RowScore,
) -> EvidenceRecord {
    let asymmetry = row.direction == Direction::Asymmetry;
    let means: Vec<&Mean> = reading.sides.iter().flatten().copied().collect();
    let left = (reading.value >= 0.0) != vocabulary::is_lopsidedness(&feature.measure);
    let side = match (asymmetry, means.as_slice()) {
        (true, _) if left => Some(Side::Left),
        (true, _) => Some(Side::Right),
        (false, [only]) => only.side,
        _ => None,
    };
    let shown = means.iter().find(|mean| mean.side == side).or(means.first());
    let mut sources = row.source.clone();
    for source in reading.reference.iter().flat_map(|reference| &reference.source) {
        if !sources.contains(source) {
            sources.push(source.clone());
        }
    }
    let mut record = EvidenceRecord {
        feature: feature.id.clone(),
        measure: feature.measure.clone(),
        side,
        keyframe: feature.keyframe.clone(),
        frame: shown.and_then(|mean| mean.frame),
        time_s: shown.and_then(|mean| mean.time_s),
        value: if asymmetry { reading.value.abs() } else { reading.value },
        sigma: score.sigma,
        unit: feature.unit.clone(),
        target: reading.target,
        reference_kind: reading.kind,
        direction: score.direction,
        deviation: score.deviation,
        t_min: row.t_min,
        t_max: row.t_max,
        beyond: score.beyond,
        membership: score.membership,
        weight: row.w,
        group: group.to_owned(),
        role: row.role,
        share: score.share,
        sources,
        sides: means.iter().map(|mean| side_value(mean)).collect(),
        repeats: repeats(row, reading, &means),
        counterfactual: None,
    };
    if asymmetry {
        record.target.lo = 0.0;
    }
    record.counterfactual = explain::counterfactual(&record, feature);
    record
}

fn side_value(mean: &Mean) -> SideValue {
    SideValue {
        side: mean.side,
        value: mean.value,
        sigma: mean.sigma,
        frame: mean.frame,
        time_s: mean.time_s,
    }
}

/// Each repetition on its own; sides are paired in the order given, where they have as many repetitions.
fn repeats(row: &Evidence, reading: &Reading<'_>, means: &[&Mean]) -> Option<Repeats> {
    let values: Vec<f64> = match means {
        [only] => only.repeats.clone(),
        [left, right] if left.repeats.len() == right.repeats.len() => (left
            .repeats
            .iter()
            .zip(&right.repeats))
        .map(
            |(l, r)| {
                if row.direction == Direction::Asymmetry { l - r } else { f64::midpoint(*l, *r) }
            },
        )
        .collect(),
        _ => Vec::new(),
    };
    if values.len() < 2 {
        return None;
    }
    let deviation = |value: &&f64| match row.direction {
        Direction::Above => **value - reading.target.hi,
        Direction::Below => reading.target.lo - **value,
        Direction::Either | Direction::Asymmetry => {
            (**value - reading.target.hi).max(reading.target.lo - **value)
        }
    };
    let sum: f64 = values.iter().map(|value| (value - reading.value).powi(2)).sum();
    Some(Repeats {
        count: values.len(),
        beyond: values.iter().filter(|value| deviation(value) > row.t_min).count(),
        sd: (sum / (values.len() as f64 - 1.0)).sqrt(),
    })
}
