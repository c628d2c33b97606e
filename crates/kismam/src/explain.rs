//! Findings in words, English and Chinese from the same record.

use std::fmt::Write;

use crate::assessment::{Assessment, EvidenceRecord, IssueAssessment, SeverityBand, Verdict};
use crate::knowledge::{Direction, Event, Feature, Role, Text};
use crate::target::{MissingReason, TargetKind};
use crate::{Side, vocabulary};

/// A language that explanations are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lang {
    /// English.
    En,
    /// Chinese.
    Zh,
}

impl Text {
    /// The text in one language.
    #[must_use]
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

/// What would bring the value of a record back within tolerance; `None` while it is there.
pub(crate) fn counterfactual(record: &EvidenceRecord, feature: &Feature) -> Option<Text> {
    if !record.beyond || record.role == Role::Contra {
        return None;
    }
    let amount = quantity(record.deviation - record.t_min, &record.unit);
    let (en, zh) = measure_names(feature);
    if record.direction == Direction::Asymmetry && vocabulary::is_lopsidedness(&record.measure) {
        return Some(Text::new(
            format!("{} less {en} would clear it", amount.en),
            format!("{zh}再减小{}即可消除", amount.zh),
        ));
    }
    if record.direction == Direction::Asymmetry {
        return Some(Text::new(
            format!(
                "{amount} less difference between left and right in {en} would clear it",
                amount = amount.en
            ),
            format!("左右{zh}的差距再缩小{}即可消除", amount.zh),
        ));
    }
    let (more_less_en, more_less_zh) = vocabulary::find(&record.measure)
        .map_or((["more", "less"], ["再大", "再小"]), |m| (m.more_less_en, m.more_less_zh));
    // A value above its target must come down.
    let word = usize::from(record.direction == Direction::Above);
    Some(Text::new(
        format!("{en} {} {} would clear it", amount.en, more_less_en[word]),
        format!("{zh}{}{}即可消除", more_less_zh[word], amount.zh),
    ))
}

/// The finding of an issue: verdict, the strongest rows, what was missing.
pub(crate) fn issue(issue: &IssueAssessment, event: &Event) -> Text {
    let mut text = verdict(issue);
    let speaking = |record: &&EvidenceRecord| record.beyond && record.role != Role::Contra;
    match issue.verdict {
        Verdict::Present | Verdict::Possible => {
            for record in issue.evidence.iter().filter(speaking).take(2) {
                finding(&mut text, record, event);
            }
            if let Some(hint) =
                issue.evidence.iter().find_map(|record| record.counterfactual.as_ref())
            {
                _ = write!(text.en, " {}.", capitalised(&hint.en));
                _ = write!(text.zh, "{}。", hint.zh);
            }
        }
        Verdict::NotSeen => {
            if let Some(record) = issue
                .evidence
                .iter()
                .filter(|r| r.role != Role::Contra)
                .max_by(|a, b| a.weight.total_cmp(&b.weight))
            {
                finding(&mut text, record, event);
            }
        }
        Verdict::CannotTell => {}
    }
    if !issue.missing.is_empty() && issue.verdict != Verdict::NotSeen {
        missing(&mut text, issue, event);
    }
    text
}

fn verdict(issue: &IssueAssessment) -> Text {
    let (name, percent) = (&issue.name, (100.0 * issue.probability).round());
    let (band_en, band_zh) = match issue.severity_band {
        SeverityBand::Mild => ("mild", "轻度"),
        SeverityBand::Moderate => ("moderate", "中度"),
        SeverityBand::Severe => ("severe", "重度"),
    };
    match issue.verdict {
        Verdict::Present => Text::new(
            format!("{}: present ({band_en}, probability {percent} %).", name.en),
            format!("{}：存在（{band_zh}，概率{percent}%）。", name.zh),
        ),
        Verdict::Possible => Text::new(
            format!(
                "{}: possible (probability {percent} %, confidence {:.0} %).",
                name.en,
                100.0 * issue.confidence
            ),
            format!(
                "{}：可能存在（概率{percent}%，置信度{:.0}%）。",
                name.zh,
                100.0 * issue.confidence
            ),
        ),
        Verdict::NotSeen => {
            Text::new(format!("{}: not seen.", name.en), format!("{}：未发现。", name.zh))
        }
        Verdict::CannotTell => Text::new(
            format!(
                "{}: cannot tell, {:.0} % of the evidence was observed.",
                name.en,
                100.0 * issue.coverage
            ),
            format!("{}：无法判断，仅观察到{:.0}%的依据。", name.zh, 100.0 * issue.coverage),
        ),
    }
}

/// One sentence: measure, keyframe, value, target and its origin, deviation, place.
fn finding(text: &mut Text, record: &EvidenceRecord, event: &Event) {
    let (en, zh) = vocabulary::find(&record.measure)
        .map_or((&*record.measure, &*record.measure), |m| (m.en, m.zh));
    let at = keyframe(event, &record.keyframe);
    let (side_en, side_zh) = match record.side.filter(|_| record.direction != Direction::Asymmetry)
    {
        Some(Side::Left) => ("left ", "左侧"),
        Some(Side::Right) => ("right ", "右侧"),
        None => ("", ""),
    };
    let (value, sigma) =
        (quantity(record.value, &record.unit), quantity(record.sigma, &record.unit));
    let target = interval(record);
    let (origin_en, origin_zh) = origin(record.reference_kind);
    let off = quantity(record.deviation.abs(), &record.unit);
    let ((way_en, way_zh), off) = match (record.deviation > 0.0, record.direction) {
        (false, _) => (("within", "在范围内"), None),
        (_, Direction::Asymmetry) => (("more than", "超出"), Some(off)),
        (_, Direction::Below) => (("below", "低于"), Some(off)),
        _ => (("above", "高于"), Some(off)),
    };
    let (difference_en, difference_zh) = match record.direction {
        Direction::Asymmetry if vocabulary::is_lopsidedness(&record.measure) => ("", ""),
        Direction::Asymmetry => ("left-right difference in ", "左右差值（"),
        _ => ("", ""),
    };
    let close = if difference_zh.is_empty() { "" } else { "）" };
    _ = write!(
        text.en,
        " {} {} ± {}",
        capitalised(&format!("{side_en}{difference_en}{en} at {}", at.en)),
        value.en,
        sigma.en
    );
    _ = write!(
        text.zh,
        "{}时{side_zh}{difference_zh}{zh}{close}为{}±{}",
        at.zh, value.zh, sigma.zh
    );
    match off {
        Some(off) => {
            _ = write!(text.en, ", {} {way_en} the target {} ({origin_en})", off.en, target.en);
            _ = write!(text.zh, "，{way_zh}目标{}（{origin_zh}）{}", target.zh, off.zh);
        }
        None => {
            _ = write!(text.en, ", {way_en} the target {} ({origin_en})", target.en);
            _ = write!(text.zh, "，目标{}（{origin_zh}），{way_zh}", target.zh);
        }
    }
    if let Some(repeats) = &record.repeats {
        _ = write!(text.en, ", {} of {} repetitions", repeats.beyond, repeats.count);
        _ = write!(text.zh, "，{}次中有{}次", repeats.count, repeats.beyond);
    }
    if let Some(time_s) = record.time_s {
        _ = write!(text.en, ", at {time_s:.2} s");
        _ = write!(text.zh, "，{time_s:.2}秒处");
    }
    text.en.push('.');
    text.zh.push('。');
}

fn missing(text: &mut Text, issue: &IssueAssessment, event: &Event) {
    let (mut en, mut zh) = (Vec::new(), Vec::new());
    for row in &issue.missing {
        let (name_en, name_zh) =
            vocabulary::find(&row.measure).map_or((&*row.measure, &*row.measure), |m| (m.en, m.zh));
        let at = keyframe(event, &row.keyframe);
        let (why_en, why_zh) = match row.reason {
            MissingReason::NotMeasured => ("not measured", "未测得"),
            MissingReason::OneSideOnly => ("one side only", "仅测得一侧"),
            MissingReason::NoTarget => ("nothing to compare with", "没有可对照的目标"),
        };
        en.push(format!("{name_en} at {} ({why_en})", at.en));
        zh.push(format!("{}时{name_zh}（{why_zh}）", at.zh));
    }
    _ = write!(text.en, " Missing: {}.", en.join(", "));
    _ = write!(text.zh, "缺少：{}。", zh.join("、"));
}

fn keyframe(event: &Event, name: &str) -> Text {
    let known = event.keyframes.iter().find(|keyframe| keyframe.name == name);
    known.map_or_else(|| Text::new(name, name), |keyframe| keyframe.label.clone())
}

fn measure_names(feature: &Feature) -> (&str, &str) {
    match (vocabulary::find(&feature.measure), &feature.name) {
        (_, Some(name)) => (&name.en, &name.zh),
        (Some(measure), None) => (measure.en, measure.zh),
        (None, None) => (&feature.measure, &feature.measure),
    }
}

fn origin(kind: TargetKind) -> (&'static str, &'static str) {
    match kind {
        TargetKind::Template => ("reference recording", "参考录像"),
        TargetKind::History => ("own earlier recording", "本人先前录像"),
        TargetKind::Range | TargetKind::Normal | TargetKind::Linear => {
            ("published range", "文献范围")
        }
        TargetKind::Symmetry => ("left equals right", "左右对称"),
    }
}

fn interval(record: &EvidenceRecord) -> Text {
    let (lo, hi) = (number(record.target.lo, &record.unit), number(record.target.hi, &record.unit));
    let unit = unit_words(&record.unit);
    match lo == hi {
        true => Text::new(format!("{lo}{}", unit.en), format!("{lo}{}", unit.zh)),
        false => Text::new(format!("{lo} to {hi}{}", unit.en), format!("{lo}至{hi}{}", unit.zh)),
    }
}

fn quantity(value: f64, unit: &str) -> Text {
    let (number, unit) = (number(value, unit), unit_words(unit));
    Text::new(format!("{number}{}", unit.en), format!("{number}{}", unit.zh))
}

/// Degrees to a whole number, ratios to two decimals: no more digits than the measurement carries.
fn number(value: f64, unit: &str) -> String {
    match unit.starts_with("deg") {
        true => format!("{}", value.round() + 0.0),
        false => format!("{value:.2}"),
    }
}

fn unit_words(unit: &str) -> Text {
    match unit {
        "deg" => Text::new(" deg", "度"),
        "deg/s" => Text::new(" deg/s", "度/秒"),
        "leg" => Text::new(" leg lengths", "倍腿长"),
        "ratio" => Text::default(),
        other => Text::new(format!(" {other}"), other),
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl Assessment {
    /// The assessment as text: at most three priorities first, then the rest, what was good, what nobody can tell.
    #[must_use]
    pub fn to_text(&self, lang: Lang) -> String {
        let heading = |en: &'static str, zh: &'static str| if lang == Lang::En { en } else { zh };
        let rest = &self.issues[self.priorities().len()..];
        let sections = [
            (heading("Work on first", "优先改进"), self.priorities()),
            (heading("Also", "其他问题"), rest),
            (heading("Good", "做得好的方面"), &self.strengths),
            (heading("Not seen", "未发现"), &self.not_seen),
            (heading("Cannot tell", "无法判断"), &self.not_assessable),
        ];
        let mut text = String::new();
        for (title, issues) in sections.iter().filter(|(_, issues)| !issues.is_empty()) {
            _ = writeln!(text, "{title}");
            issues.iter().for_each(|issue| _ = writeln!(text, "- {}", issue.explanation.get(lang)));
        }
        if self.issues.is_empty() {
            text.insert_str(0, heading("No issue found.\n", "未发现问题。\n"));
        }
        text
    }
}
