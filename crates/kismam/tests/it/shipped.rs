use kismam::{
    Assessment, Assessor, Direction, Event, FeatureSide, KnowledgeBase, Lang, Measurement, Profile,
    Role, Side, Verdict, vocabulary,
};
use proptest::prelude::*;

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
        let sigma = feature.pose_error.unwrap_or_else(|| sigma(&feature.unit));
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
    assert_eq!(shipped.len(), 14);
}

#[test]
fn every_file_lints_clean() {
    for kb in KnowledgeBase::shipped() {
        assert_eq!(kb.lint(), [], "{}", kb.id());
        assert_eq!(kb.lint_summary().unchecked, 0, "{}", kb.id());
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

/// Twenty degrees in any one feature, both sides alike, is at most one issue.
#[test]
fn a_change_of_one_feature_is_at_most_one_issue() {
    let (mut num_found, mut failures) = (0, Vec::new());
    each_event(|kb, event| {
        let reference = recording(kb, event);
        let assessor = Assessor::new(kb, &event.id).unwrap().with_template(&reference);
        for feature in kb.features(&event.id).filter(|feature| feature.unit == "deg") {
            for by in [20.0, -20.0] {
                let mut athlete = reference.clone();
                shift(&mut athlete, &feature.id, None, by);
                let assessment = assessor.assess(&athlete).unwrap();
                let found = found(&assessment);
                num_found += found.len();
                if found.len() > 1 || found.iter().any(|(_, verdict)| *verdict != Verdict::Present)
                {
                    failures.push(format!("{} {} {by}: {found:?}", event.id, feature.id));
                }
            }
        }
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(num_found > 40, "{num_found}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever was recorded, however asymmetric, noisy or incomplete: against itself it has no issue.
    #[test]
    fn any_recording_compared_with_itself_has_no_issue(
        values in prop::collection::vec((-200.0..200.0, 0.0..40.0, any::<bool>()), 60),
        times in 1..4_usize,
        paper in any::<bool>(),
    ) {
        let profile = if paper { Profile::Paper } else { Profile::NoiseAware };
        for kb in KnowledgeBase::shipped() {
            for event in kb.events() {
                let mut rows = recording(&kb, event);
                for (row, (value, sigma, _)) in rows.iter_mut().zip(&values) {
                    (row.value, row.sigma) = (*value, *sigma);
                }
                let rows: Vec<_> = rows.into_iter().zip(&values).filter(|(_, (.., seen))| *seen).map(|(row, _)| row).collect();
                let rows: Vec<_> = std::iter::repeat_n(rows, times).flatten().collect();
                let assessor = Assessor::new(&kb, &event.id).unwrap().with_profile(profile).with_template(&rows);
                let assessment = assessor.assess(&rows).unwrap();
                prop_assert!(assessment.issues.is_empty(), "{}: {:?}", event.id, assessment.issues);
            }
        }
    }
}

/// Every side, measure and direction of the vocabulary: too large a value asks for less of it, too small for more.
#[test]
fn the_advice_points_the_right_way() {
    let mut seen = std::collections::BTreeSet::new();
    each_event(|kb, event| {
        let reference = recording(kb, event);
        let assessor = Assessor::new(kb, &event.id).unwrap().with_template(&reference);
        for row in kb.evidence(&event.id).filter(|row| row.role != Role::Contra) {
            let feature = kb.features(&event.id).find(|feature| feature.id == row.feature).unwrap();
            let (sign, less) = match row.direction {
                Direction::Above => (1.0, true),
                Direction::Below => (-1.0, false),
                _ => continue,
            };
            let mut athlete = reference.clone();
            shift(&mut athlete, &row.feature, None, sign * 2.0 * row.t_max);
            let assessment = assessor.assess(&athlete).unwrap();
            let issue = assessment.issue(&row.issue).unwrap();
            let record = issue
                .evidence
                .iter()
                .find(|r| r.feature == row.feature && r.role != Role::Contra)
                .unwrap();
            let measure = vocabulary::find(&feature.measure).unwrap();
            let advice = record.counterfactual.as_ref().expect("a value this far off");
            assert!(
                advice.en.contains(measure.more_less_en[usize::from(less)]),
                "{} {}",
                row.feature,
                advice.en
            );
            assert!(
                advice.zh.contains(measure.more_less_zh[usize::from(less)]),
                "{} {}",
                row.feature,
                advice.zh
            );
            seen.insert((feature.measure.clone(), less));
        }
    });
    assert!(seen.len() > 15, "{seen:?}");
}

#[test]
fn a_finding_reads_well_in_both_languages() {
    let kb = KnowledgeBase::shipped().into_iter().find(|kb| kb.event("squat").is_some()).unwrap();
    let knees = |deg: f64| {
        [Side::Left, Side::Right]
            .map(|side| Measurement::new("knee@bottom", deg, 3.0).on(side).at(136.3, 1.363))
    };
    let assessor = Assessor::new(&kb, "squat").unwrap().with_template(&knees(80.0));
    let assessment = assessor.assess(&knees(112.0)).unwrap();
    let issue = &assessment.issues[0];
    assert_eq!(
        issue.explanation.en,
        "Shallow squat: present (severe, probability 85 %). Knee angle at bottom 112 deg ± 3 deg, 32 deg above the \
         target 80 deg (reference recording), at 1.36 s. Knee angle 24 deg more bent would clear it. Missing: hip angle at \
         bottom (not measured), thigh inclination at bottom (not measured)."
    );
    assert_eq!(
        issue.explanation.zh,
        "下蹲深度不足：存在（重度，概率85%）。最低点时膝关节角为112度±3度，高于目标80度（参考录像）32度，1.36秒处。\
         膝关节角再弯曲24度即可消除。缺少：最低点时髋关节角（未测得）、最低点时大腿倾角（未测得）。"
    );
    let text = assessment.to_text(Lang::En);
    assert!(text.starts_with("Work on first\n- Shallow squat: present"), "{text}");
    assert!(text.contains("\nCannot tell\n"), "{text}");
    assert!(assessment.to_text(Lang::Zh).starts_with("优先改进\n- 下蹲深度不足"));
}

#[test]
fn an_assessment_survives_json() {
    let kb =
        KnowledgeBase::shipped().into_iter().find(|kb| kb.event("drop_jump").is_some()).unwrap();
    let event = kb.event("drop_jump").unwrap();
    let reference = recording(&kb, event);
    let mut athlete = reference.clone();
    shift(&mut athlete, "knee@lowest", None, 25.0);
    let assessment = Assessor::new(&kb, "drop_jump")
        .unwrap()
        .with_template(&reference)
        .assess(&athlete)
        .unwrap();
    let json = serde_json::to_value(&assessment).unwrap();
    assert_eq!(json["issues"][0]["id"], "stiff_landing");
    assert_eq!(json["issues"][0]["verdict"], "present");
    assert_eq!(json["issues"][0]["evidence"][0]["reference_kind"], "template");
    assert_eq!(json["knowledge"]["hash"].as_str().unwrap().len(), 64);
    assert_eq!(serde_json::from_value::<Assessment>(json).unwrap(), assessment);
}

#[test]
fn the_evidence_page_names_every_source_and_counts_right() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/EVIDENCE.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (mut rows, mut checked) = (0, 0);
    for kb in KnowledgeBase::shipped() {
        let summary = kb.lint_summary();
        (rows, checked) = (rows + summary.rows, checked + summary.checked);
        let name = &kb.events()[0].name.en;
        let section = page.split("\n## ").find(|section| section.starts_with(name.as_str()));
        let section = section.unwrap_or_else(|| panic!("no section `{name}`"));
        for source in kb.sources().iter().filter(|s| s.kind != kismam::SourceKind::Definition) {
            assert!(section.contains(&format!("`{}`", source.id)), "{name}: {}", source.id);
        }
    }
    assert!(
        page.contains(&format!("Together {rows} evidence rows, {checked} (")),
        "{rows} {checked}"
    );
}
