use std::fmt::Write;

use kismam::{IssueAssessment, Verdict};
use sports_rag::GuidanceItem;

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
        report.interval.start_s,
        report.interval.end_s,
        report.reference.name,
        report.alignment.tier
    )?;
    if let Some(line) = repetitions(report) {
        writeln!(out, "{line}")?;
    }
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
            "\n{}. {} [{}, {}, P = {:.2}{}]",
            number + 1,
            issue.name.en,
            verdict(issue.verdict),
            severity(issue),
            issue.probability,
            how_often(report, &issue.id)
        )?;
        for row in issue.evidence.iter().filter(|row| row.beyond) {
            let at = row.time_s.map_or(String::new(), |time_s| format!(" (at {time_s:.2} s)"));
            writeln!(out, "   - {}{at}", notes::fact(row))?;
        }
        if let Some(guidance) = report.guidance.iter().find(|g| g.issue == issue.id) {
            let parts = advice_parts(guidance);
            for (kind, advice) in &parts {
                writeln!(out, "   {kind}: {}", one_line(advice))?;
            }
            if parts.is_empty() {
                writeln!(out, "   {}", one_line(&guidance.text))?;
            }
        }
    }
    write_list(out, "Done well: no sign of", &report.strengths)?;
    write_list(out, "Cannot tell", &report.not_assessable)?;
    let works = works(report);
    if !works.is_empty() {
        writeln!(out, "\nSources")?;
        for work in works {
            writeln!(out, "  {} {}: {}", work.numbers, work.title, one_line(work.citation))?;
        }
    }
    Ok(())
}

/// "repetition 3 of 5"; nothing where there is only one.
pub(super) fn repetitions(report: &Report) -> Option<String> {
    let num = report.repetitions.len();
    let shown = report.repetitions.iter().position(|repetition| repetition.reported)?;
    (num > 1).then(|| format!("repetition {} of {num} that were found", shown + 1))
}

/// ", in 2 of 5 repetitions"; nothing where there is only one.
pub(super) fn how_often(report: &Report, issue: &str) -> String {
    match report.repetitions.len() {
        0 | 1 => String::new(),
        num => format!(", in {} of {num} repetitions", report.num_repetitions_with(issue)),
    }
}

fn write_list(out: &mut String, title: &str, issues: &[IssueAssessment]) -> std::fmt::Result {
    if issues.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = issues.iter().map(|issue| issue.name.en.to_lowercase()).collect();
    writeln!(out, "\n{title}: {}", names.join("; "))
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

/// The parts of an advice that there are, in the order of doing, each with its citations: "... [3]".
pub(super) fn advice_parts(item: &GuidanceItem) -> Vec<(&'static str, String)> {
    let sections = &item.sections;
    let parts = [
        ("cause", &sections.cause),
        ("correction", &sections.correction),
        ("drill", &sections.drill),
        ("progression", &sections.progression),
        ("caution", &sections.caution),
    ];
    let there = parts.into_iter().filter_map(|(kind, advice)| Some((kind, advice.as_ref()?)));
    there
        .map(|(kind, advice)| {
            let numbers = advice.citations.iter().map(|number| format!(" [{number}]"));
            (kind, advice.text.clone() + &numbers.collect::<String>())
        })
        .collect()
}

/// A cited document with all the numbers under which its passages are cited.
pub(super) struct Work<'a> {
    /// "[1] [2]".
    pub(super) numbers: String,
    pub(super) title: &'a str,
    pub(super) citation: &'a str,
}

/// The cited documents, in the order of their first number.
pub(super) fn works(report: &Report) -> Vec<Work<'_>> {
    let mut works: Vec<(&str, Work<'_>)> = Vec::new();
    for reference in &report.references {
        match works.iter_mut().find(|(doc_id, _)| *doc_id == reference.doc_id) {
            Some((_, work)) => work.numbers += &format!(" [{}]", reference.number),
            None => {
                let numbers = format!("[{}]", reference.number);
                let (title, citation) = (reference.title.as_str(), reference.citation.as_str());
                works.push((&reference.doc_id, Work { numbers, title, citation }));
            }
        }
    }
    works.into_iter().map(|(_, work)| work).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
