use std::fmt::Write;

use kismam::{IssueAssessment, Verdict};

use crate::Report;
use crate::notes;

/// The report in a terminal's words: keyframes, issues with their evidence, advice, sources.
///
/// Lines are not wrapped; there are no colours and no control characters.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_report(&mut out, report);
    out
}

fn write_report(out: &mut String, report: &Report) -> std::fmt::Result {
    let simulated = if report.simulated { " (simulated)" } else { "" };
    writeln!(out, "{}{simulated}: {}", report.event_name, report.athlete.name)?;
    writeln!(
        out,
        "found at {:.2} s to {:.2} s, beside {} ({} match)",
        report.interval.start_s, report.interval.end_s, report.reference.name, report.alignment.tier
    )?;
    for note in &report.notes {
        writeln!(out, "note: {note}")?;
    }

    writeln!(out, "\nKeyframes")?;
    for keyframe in &report.keyframes {
        writeln!(
            out,
            "  {:<22} frame {:>7.1} +- {:.1}   {:>7.3} s",
            keyframe.label, keyframe.frame, keyframe.sigma_frames, keyframe.time_s
        )?;
    }

    if report.issues.is_empty() {
        writeln!(out, "\nNo issues found.")?;
    }
    for (number, issue) in report.issues.iter().enumerate() {
        writeln!(
            out,
            "\n{}. {} [{}, {}, P = {:.2}]",
            number + 1,
            issue.name.en,
            verdict(issue.verdict),
            severity(issue),
            issue.probability
        )?;
        for row in issue.evidence.iter().filter(|row| row.beyond) {
            let at = row.time_s.map_or(String::new(), |time_s| format!(" (at {time_s:.2} s)"));
            writeln!(out, "   - {}{at}", notes::fact(row))?;
        }
        if let Some(guidance) = report.guidance.iter().find(|g| g.issue == issue.id) {
            for part in &guidance.parts {
                writeln!(out, "   {}: {}", part.kind, one_line(&part.text))?;
            }
            if guidance.parts.is_empty() {
                writeln!(out, "   {}", one_line(&guidance.text))?;
            }
        }
    }
    write_list(out, "\nDone well", &report.strengths)?;
    write_list(out, "\nCannot tell", &report.not_assessable)?;
    if !report.references.is_empty() {
        writeln!(out, "\nSources")?;
        for reference in &report.references {
            writeln!(out, "  [{}] {}", reference.number, one_line(&reference.citation))?;
        }
    }
    Ok(())
}

fn write_list(out: &mut String, title: &str, issues: &[IssueAssessment]) -> std::fmt::Result {
    if issues.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = issues.iter().map(|issue| issue.name.en.to_lowercase()).collect();
    let kind = if title.ends_with("well") { "no sign of: " } else { "" };
    writeln!(out, "{title}: {kind}{}", names.join("; "))
}

pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Present => "present",
        Verdict::Possible => "possible",
        Verdict::NotSeen => "not seen",
        Verdict::CannotTell => "cannot tell",
    }
}

pub(super) fn severity(issue: &IssueAssessment) -> &'static str {
    match issue.severity_band {
        kismam::SeverityBand::Mild => "mild",
        kismam::SeverityBand::Moderate => "moderate",
        kismam::SeverityBand::Severe => "severe",
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
