use askama::Template;
use base64::prelude::{BASE64_STANDARD, Engine};
use kismam::{EvidenceRecord, IssueAssessment, Verdict};

use super::text::{Work, advice_parts, how_often, repetitions, severity, verdict, works};
use crate::figure::{CurveFigure, Figure, Highlight, SkeletonFigure};
use crate::notes;
use crate::report::KeyframeReport;
use crate::{Error, Report, Result};

/// The report as one HTML page: styles and pictures inside, no scripts, nothing loaded from elsewhere.
///
/// # Errors
///
/// [`Error::Figure`] if a picture cannot be drawn, [`Error::Page`] if the template cannot be filled.
pub fn html(report: &Report) -> Result<String> {
    html_with_photos(report, &[])
}

/// As [`html`], with photographs of the athlete at the keyframes: JPEG files, in the order of [`Report::keyframes`].
///
/// # Errors
///
/// As [`html`].
pub fn html_with_photos(report: &Report, photos: &[Vec<u8>]) -> Result<String> {
    Page::new(report, photos)?.render().map_err(Error::Page)
}

/// Joints to ring at a keyframe: where a finding of a present or possible issue was made.
#[must_use]
pub fn highlights(report: &Report, keyframe: &KeyframeReport) -> Vec<Highlight> {
    let mut highlights: Vec<Highlight> = Vec::new();
    let rows = report.issues.iter().flat_map(|issue| &issue.evidence);
    for row in rows.filter(|row| row.beyond && row.keyframe == keyframe.name) {
        let Some(joint) = joint_of(row) else { continue };
        if highlights.iter().all(|highlight| highlight.joint != joint) {
            let label =
                if row.unit == "deg" { format!("{}°", signed(row)) } else { String::new() };
            highlights.push(Highlight { joint, label });
        }
    }
    highlights
}

/// The joint at which a measure is best seen.
fn joint_of(row: &EvidenceRecord) -> Option<String> {
    let side = match row.side {
        Some(kismam::Side::Left) => "l",
        _ => "r",
    };
    let joint = match row.measure.as_str() {
        "knee" | "thigh" | "knee_valgus" => "knee",
        "ankle" | "shank" | "foot_ahead" => "ankle",
        "hip" => "hip",
        "elbow" => "elbow",
        "shoulder" => "shoulder",
        "wrist_height" => "wrist",
        "trunk" | "trunk_side" => return Some("neck".to_owned()),
        _ => return None,
    };
    Some(format!("{joint}_{side}"))
}

/// Plots beyond these would only repeat what the issues say; the rest stays in the JSON (ours).
const MAX_PLOTS: usize = 8;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    style: &'static str,
    strip: Vec<Still<'a>>,
    plots: Vec<Plot<'a>>,
    priorities: Vec<IssueCard<'a>>,
    others: Vec<IssueCard<'a>>,
    works: Vec<Work<'a>>,
    repetitions: Option<String>,
}

struct Still<'a> {
    keyframe: &'a KeyframeReport,
    svg: String,
    /// A JPEG file in base 64.
    photo: Option<String>,
}

struct Plot<'a> {
    label: &'a str,
    unit: &'a str,
    svg: String,
}

struct IssueCard<'a> {
    issue: &'a IssueAssessment,
    class: &'static str,
    verdict: &'static str,
    severity: &'static str,
    how_often: String,
    rows: Vec<Row>,
    advice: Vec<(&'static str, String)>,
    plain_advice: Option<&'a str>,
}

/// One finding, ready to print.
struct Row {
    finding: String,
    when: String,
    value: String,
    target: String,
    off: String,
    beyond: bool,
    counterfactual: String,
}

impl<'a> Page<'a> {
    fn new(report: &'a Report, photos: &[Vec<u8>]) -> Result<Self> {
        let photos = photos.iter().map(|jpeg| Some(BASE64_STANDARD.encode(jpeg)));
        let mut photos = photos.chain(std::iter::repeat(None));
        let strip = report.keyframes.iter().map(|keyframe| {
            let svg = SkeletonFigure::new(keyframe, highlights(report, keyframe)).svg()?;
            Ok(Still { keyframe, svg, photo: photos.next().flatten() })
        });
        let mut curves: Vec<_> = report.curves.iter().collect();
        // What the issues speak of comes first.
        curves.sort_by_key(|curve| {
            let mut rows = report.issues.iter().flat_map(|issue| &issue.evidence);
            rows.position(|row| row.beyond && row.measure == curve.measure).unwrap_or(usize::MAX)
        });
        let plots = curves.into_iter().take(MAX_PLOTS).map(|curve| {
            let svg = CurveFigure::new(curve, &report.keyframes).svg()?;
            Ok(Plot { label: &curve.label, unit: &curve.unit, svg })
        });
        let mut cards = report.issues.iter().map(|issue| card(report, issue));
        Ok(Self {
            report,
            style: include_str!("../../templates/report.css"),
            strip: strip.collect::<Result<_>>()?,
            plots: plots.collect::<Result<_>>()?,
            priorities: cards.by_ref().take(3).collect(),
            others: cards.collect(),
            works: works(report),
            repetitions: repetitions(report),
        })
    }

    fn num(&self, verdict: Verdict) -> usize {
        self.report.issues.iter().filter(|issue| issue.verdict == verdict).count()
    }

    fn has_photos(&self) -> bool {
        self.strip.iter().any(|still| still.photo.is_some())
    }

    fn num_present(&self) -> usize {
        self.num(Verdict::Present)
    }

    fn num_possible(&self) -> usize {
        self.num(Verdict::Possible)
    }
}

fn card<'a>(report: &'a Report, issue: &'a IssueAssessment) -> IssueCard<'a> {
    let guidance = report.guidance.iter().find(|guidance| guidance.issue == issue.id);
    let advice = guidance.map_or(Vec::new(), advice_parts);
    IssueCard {
        issue,
        class: match issue.verdict {
            Verdict::Present => "present",
            Verdict::Possible => "possible",
            Verdict::NotSeen => "not_seen",
            Verdict::CannotTell => "cannot_tell",
        },
        verdict: verdict(issue.verdict),
        severity: severity(issue),
        how_often: how_often(report, &issue.id),
        rows: issue.evidence.iter().map(|record| row(report, record)).collect(),
        plain_advice: guidance.filter(|_| advice.is_empty()).map(|guidance| guidance.text.as_str()),
        advice,
    }
}

fn row(report: &Report, record: &EvidenceRecord) -> Row {
    let label = report.keyframes.iter().find(|keyframe| keyframe.name == record.keyframe);
    let keyframe = label.map_or(&record.keyframe, |keyframe| &keyframe.label);
    let unit = notes::unit(&record.unit);
    let side = record.side.map_or(String::new(), |side| format!(", {side}"));
    let measure = record.measure.replace('_', " ");
    let when = match (record.frame, record.time_s) {
        (Some(frame), Some(time_s)) => format!("{time_s:.2} s, frame {frame:.0}"),
        _ => String::new(),
    };
    Row {
        finding: match record.direction {
            kismam::Direction::Asymmetry => format!("{measure}, left against right"),
            _ => format!("{measure}{side}"),
        },
        when: format!("{keyframe} ({when})"),
        value: format!(
            "{} ± {} {unit}",
            notes::number(record.value, &record.unit),
            notes::number(record.sigma, &record.unit)
        ),
        target: notes::target(record),
        off: if record.deviation > 0.0 {
            format!("{} {unit}", signed(record))
        } else {
            "within".to_owned()
        },
        beyond: record.beyond,
        counterfactual: record
            .counterfactual
            .as_ref()
            .map_or(String::new(), |text| text.en.clone()),
    }
}

/// How far off, with the sign of the direction: "+26".
fn signed(record: &EvidenceRecord) -> String {
    let sign = if record.direction == kismam::Direction::Below { '−' } else { '+' };
    format!("{sign}{}", notes::number(record.deviation, &record.unit))
}
