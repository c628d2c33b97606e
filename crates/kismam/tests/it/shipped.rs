use kismam::{
    Assessment, Assessor, Direction, Event, FeatureSide, KnowledgeBase, Measurement, Role,
    Severity, Side, Verdict,
};

/// Standard deviation of each measurement: 3-D data, in the feature's unit.
fn sigma(unit: &str) -> f64 {
    match unit {
        "deg" => 3.5,
        _ => 0.03,
    }
}

/// Some recording of an event: every feature measured, left and right a little apart.
fn recording(kb: &KnowledgeBase, event: &Event) -> Vec<Measurement> {
    let mut rows = Vec::new();
    for (index, feature) in kb.features(&event.id).enumerate() {
        let sigma = sigma(&feature.unit);
        let base = match feature.unit.as_str() {
            "deg" => 70.0 + 7.0 * (index % 5) as f64,
            _ => 0.6 + 0.05 * (index % 4) as f64,
        };
        let row = |value: f64| Measurement::new(&feature.id, value, sigma).at(100.0, 1.0);
        match feature.side {
            FeatureSide::Both => {
                rows.extend([row(base + sigma).on(Side::Left), row(base - sigma).on(Side::Right)])
            }
            _ => rows.push(row(base)),
        }
    }
    rows
}

fn shift(rows: &mut [Measurement], feature: &str, side: Option<Side>, by: f64) {
    for row in
        rows.iter_mut().filter(|row| row.feature == feature && (side.is_none() || row.side == side))
    {
        row.value += by;
    }
}

fn found(assessment: &Assessment) -> Vec<(&str, Verdict)> {
    assessment.issues.iter().map(|issue| (issue.id.as_str(), issue.verdict)).collect()
}

fn each_event(mut check: impl FnMut(&KnowledgeBase, &Event)) {
    for kb in KnowledgeBase::shipped() {
        for event in kb.events() {
            check(&kb, event);
        }
    }
}

#[test]
fn every_file_of_the_folder_is_shipped() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge");
    let mut read: Vec<_> =
        KnowledgeBase::read_dir(folder).unwrap().iter().map(|kb| kb.hash().to_owned()).collect();
    let mut shipped: Vec<_> =
        KnowledgeBase::shipped().iter().map(|kb| kb.hash().to_owned()).collect();
    read.sort();
    shipped.sort();
    assert_eq!(read, shipped);
    assert_eq!(shipped.len(), 10);
}

#[test]
fn no_file_has_errors() {
    for kb in KnowledgeBase::shipped() {
        let errors: Vec<_> =
            kb.lint().into_iter().filter(|finding| finding.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", kb.id());
    }
}

#[test]
fn a_recording_compared_with_itself_has_no_issue() {
    each_event(|kb, event| {
        let rows = recording(kb, event);
        let assessment =
            Assessor::new(kb, &event.id).unwrap().with_template(&rows).assess(&rows).unwrap();
        assert!(assessment.issues.is_empty(), "{}: {:?}", event.id, found(&assessment));
        assert!(
            assessment.not_assessable.is_empty(),
            "{}: {:?}",
            event.id,
            assessment.not_assessable
        );
    });
}

/// For each issue, its strongest evidence, with all its required rows, moved by 20 degrees (or to the end of the ramp
/// for lengths and ratios), makes that issue present and nothing else even possible.
#[test]
fn each_issue_is_found_by_its_own_evidence_and_by_no_other() {
    let mut failures = Vec::new();
    each_event(|kb, event| {
        let reference = recording(kb, event);
        let assessor = Assessor::new(kb, &event.id).unwrap().with_template(&reference);
        for issue in kb.issues(&event.id) {
            let rows: Vec<_> = kb.evidence(&event.id).filter(|row| row.issue == issue.id).collect();
            let mut main: Vec<_> = rows.iter().filter(|row| row.role == Role::Required).collect();
            if main.is_empty() {
                main = rows
                    .iter()
                    .filter(|row| row.w >= 0.8 && row.role == Role::Support)
                    .take(1)
                    .collect();
            }
            let mut athlete = reference.clone();
            for row in &main {
                let unit =
                    &kb.features(&event.id).find(|feature| feature.id == row.feature).unwrap().unit;
                let by = if unit == "deg" { 20.0 } else { row.t_max };
                match row.direction {
                    Direction::Below => shift(&mut athlete, &row.feature, None, -by),
                    // The recording leans to the left, so raising the left widens the difference.
                    Direction::Asymmetry => shift(&mut athlete, &row.feature, Some(Side::Left), by),
                    _ => shift(&mut athlete, &row.feature, None, by),
                }
            }
            let assessment = assessor.assess(&athlete).unwrap();
            if found(&assessment) != [(issue.id.as_str(), Verdict::Present)] {
                let p =
                    assessment.issue(&issue.id).map(|issue| (issue.probability, issue.confidence));
                failures.push(format!("{} {}: {:?} {p:?}", event.id, issue.id, found(&assessment)));
            }
        }
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Twenty degrees in one feature on one side: the event's asymmetry issue if it looks at that feature, else nothing.
#[test]
fn a_change_on_one_side_is_an_asymmetry_and_nothing_else() {
    let mut failures = Vec::new();
    each_event(|kb, event| {
        let reference = recording(kb, event);
        let assessor = Assessor::new(kb, &event.id).unwrap().with_template(&reference);
        for feature in
            kb.features(&event.id).filter(|f| f.side == FeatureSide::Both && f.unit == "deg")
        {
            // Both widen the difference that the reference recording has already.
            for (side, by) in [(Side::Left, 20.0), (Side::Right, -20.0)] {
                let expected: Vec<_> = kb
                    .evidence(&event.id)
                    .filter(|row| {
                        row.feature == feature.id && row.direction == Direction::Asymmetry
                    })
                    .map(|row| (row.issue.as_str(), Verdict::Present))
                    .collect();
                let mut athlete = reference.clone();
                shift(&mut athlete, &feature.id, Some(side), by);
                let assessment = assessor.assess(&athlete).unwrap();
                if found(&assessment) != expected {
                    failures.push(format!(
                        "{} {} {by}: {:?}",
                        event.id,
                        feature.id,
                        found(&assessment)
                    ));
                }
            }
        }
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
