//! Facts put into words: queries for retrieval, and what a reader should know first.

use kismam::{Direction, EvidenceRecord, IssueAssessment};
use motion_dtw::{Quality, Tier};
use pose::{JointCare, Limbs, SkeletonSeries, View};
use sports_rag::IssueQuery;

use crate::alignment::Aligned;

/// An issue as retrieval wants it: names, phase, direction, and the facts to be quoted.
pub(crate) fn query(event: &str, issue: &IssueAssessment) -> IssueQuery {
    let strongest = issue.evidence.first();
    IssueQuery {
        id: issue.id.clone(),
        name: issue.name.en.clone(),
        aliases: issue.aliases.clone(),
        event: event.to_owned(),
        phase: strongest.map(|row| row.keyframe.clone()),
        direction: strongest.map(|row| row.direction.to_string()),
        severity: issue.severity,
        facts: issue.evidence.iter().filter(|row| row.beyond).map(fact).collect(),
    }
}

/// One finding: "knee at bottom 112 deg, target 84 to 96, 16 above".
pub(crate) fn fact(row: &EvidenceRecord) -> String {
    let measure = row.measure.replace('_', " ");
    let keyframe = row.keyframe.replace('_', " ");
    let value = number(row.value, &row.unit);
    let target = target(row);
    let off = number(row.deviation.abs(), &row.unit);
    match row.direction {
        Direction::Asymmetry => format!(
            "{measure} at {keyframe}: sides differ by {value} {}, up to {} expected, {off} too much",
            unit(&row.unit),
            number(row.target.hi, &row.unit),
        ),
        direction => {
            let word = if direction == Direction::Below { "below" } else { "above" };
            format!(
                "{measure} at {keyframe} {value} {}, target {target}, {off} {word}",
                unit(&row.unit)
            )
        }
    }
}

/// The target interval: "84 to 96"; an open end is left out.
pub(crate) fn target(row: &EvidenceRecord) -> String {
    let (low, high) = (row.target.lo, row.target.hi);
    match (low.is_finite(), high.is_finite()) {
        (true, true) if number(low, &row.unit) == number(high, &row.unit) => number(low, &row.unit),
        (true, true) => format!("{} to {}", number(low, &row.unit), number(high, &row.unit)),
        (true, false) => format!("at least {}", number(low, &row.unit)),
        (false, true) => format!("at most {}", number(high, &row.unit)),
        (false, false) => "any".to_owned(),
    }
}

/// Whole degrees, hundredths of anything else.
pub(crate) fn number(value: f64, unit: &str) -> String {
    let text = if unit.starts_with("deg") { format!("{value:.0}") } else { format!("{value:.2}") };
    // "-0" is nothing that a reader should see.
    if text.trim_start_matches(['-', '0', '.']).is_empty() { text.replace('-', "") } else { text }
}

pub(crate) fn unit(unit: &str) -> &str {
    match unit {
        "leg" => "leg lengths",
        "leg/s" => "leg lengths/s",
        other => other,
    }
}

pub(crate) fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Good => "good",
        Tier::Fair => "fair",
        Tier::Poor => "poor",
        Tier::NotFound => "doubtful",
    }
}

/// What a picture hides; nothing of a recording in space.
fn view(series: &SkeletonSeries) -> Option<String> {
    let frontal = "what only a front view shows (knees falling in, widths, leaning sideways)";
    let hidden = match (series.view(), series.camera_side()) {
        (View::Space, _) => return None,
        (View::Side, Some(near)) => format!(
            "from the {near} side: {frontal} cannot be told, nor whether {near} and {} differ, as the body hides the {0} limbs",
            near.other()
        ),
        (View::Side, None) => format!("from the side: {frontal} cannot be told"),
        (View::Front, _) => {
            "from the front: joint flexion and forward lean cannot be told".to_owned()
        }
        (View::Unclear, _) => {
            "at an angle that shows neither side nor front well: few angles can be told".to_owned()
        }
    };
    Some(hidden)
}

/// Share of missing samples from which the reader is told (ours).
const MISSING_WORTH_TELLING: f64 = 0.05;

/// Local tempo against the reference beyond which part of the alignment may have collapsed (ours).
const MAX_STRETCH: f64 = 2.0;

/// What the reader should know before trusting the rest.
pub(crate) fn notes(aligned: &Aligned<'_>, quality: &Quality) -> Vec<String> {
    let Aligned { athlete, reference, care, .. } = aligned;
    let cleaning = &care.cleaning;
    let mut notes = Vec::new();
    if athlete.trial.is_simulated() {
        notes.push("The athlete is simulated: nobody jumped. The report shows what a recording would give.".into());
    }
    if reference.trial.is_simulated() {
        notes.push(
            "The reference is simulated from a documented model technique, not recorded from an elite athlete."
                .into(),
        );
    }
    match quality.tier {
        Tier::Good | Tier::Fair => {}
        Tier::Poor => notes.push(
            "The motion resembles the reference only roughly: check the keyframes before trusting the rest.".into(),
        ),
        Tier::NotFound => notes.push(
            "It is doubtful that the recording shows the reference's motion: this is the most similar place in it."
                .into(),
        ),
    }
    let (slowest, fastest) = quality.slope;
    if slowest < 1.0 / MAX_STRETCH || fastest > MAX_STRETCH {
        notes.push(
            "Part of the motion was stretched more than twofold to fit the reference: check the keyframes before \
             trusting the rest."
                .into(),
        );
    }
    if let Some(view) = view(&athlete.series) {
        notes.push(format!("Two-dimensional recording {view}."));
    }
    if let Some(people) = athlete.trial.people() {
        notes.push(format!("The file holds several people: {people}."));
    }
    for (limbs, name) in [(Limbs::Legs, "legs"), (Limbs::Arms, "arms")] {
        let swaps = care.swaps.iter().filter(|swap| swap.limbs == limbs);
        let num_frames: usize = swaps.map(|swap| swap.frame_range.len()).sum();
        if num_frames > 0 {
            notes.push(format!(
                "The recording took the left and right {name} for each other in {num_frames} frames; they were put back."
            ));
        }
    }
    let (never, seen): (Vec<&JointCare>, Vec<&JointCare>) =
        cleaning.joints.iter().partition(|care| care.num_missing == cleaning.num_frames);
    if !never.is_empty() {
        let names: Vec<String> =
            never.iter().map(|care| care.joint.name().replace('_', " ")).collect();
        notes.push(format!("Never seen in the athlete's recording: {}.", names.join(", ")));
    }
    let num_samples = (seen.len() * cleaning.num_frames).max(1) as f64;
    let share = |count: fn(&JointCare) -> usize| {
        seen.iter().map(|care| count(care)).sum::<usize>() as f64 / num_samples
    };
    let (missing, filled) = (share(|care| care.num_missing), share(|care| care.num_filled));
    if missing + filled > MISSING_WORTH_TELLING {
        notes.push(format!(
            "{:.0} % of the joint positions were not seen; {:.0} % lay in short gaps and were interpolated.",
            100.0 * (missing + filled),
            100.0 * filled
        ));
    }
    notes
}
