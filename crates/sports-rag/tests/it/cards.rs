use std::collections::BTreeSet;
use std::path::Path;

use sports_rag::{
    Config, Document, Guide, IssueQuery, Retrieval, Store, TemplateGuide, read_documents, retrieve,
    shipped_cards,
};

/// Every issue of every event; the ids are shared with the knowledge files that find the issues.
const ISSUES: &[(&str, &[&str])] = &[
    (
        "standing_long_jump",
        &[
            "shallow_countermovement",
            "excessive_countermovement",
            "incomplete_takeoff_extension",
            "limited_arm_swing",
            "asymmetric_takeoff",
            "limited_leg_reach",
            "stiff_landing",
            "trunk_collapse_at_landing",
        ],
    ),
    (
        "squat",
        &[
            "shallow_squat",
            "excessive_trunk_lean",
            "knee_valgus",
            "asymmetric_squat",
            "limited_ankle_dorsiflexion",
            "hips_rise_first",
        ],
    ),
    (
        "drop_jump",
        &[
            "stiff_landing",
            "excessive_knee_give",
            "upright_trunk_at_landing",
            "knee_valgus",
            "asymmetric_landing",
            "incomplete_takeoff_extension",
            "limited_arm_swing",
        ],
    ),
    (
        "countermovement_jump",
        &[
            "shallow_countermovement",
            "excessive_countermovement",
            "incomplete_takeoff_extension",
            "limited_arm_swing",
            "stiff_landing",
            "asymmetric_landing",
        ],
    ),
    (
        "sit_to_stand",
        &["limited_trunk_lean", "excessive_trunk_lean", "incomplete_standing", "asymmetric_rise"],
    ),
    (
        "free_throw",
        &["limited_knee_dip", "low_release", "incomplete_elbow_extension", "trunk_leans_back"],
    ),
    (
        "pitch",
        &[
            "low_knee_lift",
            "short_stride",
            "lead_knee_collapse",
            "upright_trunk_at_release",
            "low_elbow_at_foot_plant",
        ],
    ),
    (
        "kick",
        &[
            "limited_backswing",
            "bent_knee_at_impact",
            "short_follow_through",
            "leaning_back_at_impact",
            "stiff_support_knee",
        ],
    ),
    (
        "running",
        &[
            "overstriding",
            "limited_hip_extension",
            "low_heel_recovery",
            "excessive_trunk_lean",
            "asymmetric_stride",
        ],
    ),
    (
        "walking",
        &["limited_hip_extension", "short_step", "excessive_trunk_lean", "asymmetric_stride"],
    ),
    (
        "sprint_start",
        &[
            "front_knee_too_open",
            "rear_knee_too_open",
            "low_hips_in_set",
            "incomplete_rear_push",
            "incomplete_front_push",
            "popping_up",
            "overreaching_first_step",
            "heel_drop_at_first_contact",
        ],
    ),
    (
        "sprint_acceleration",
        &[
            "early_upright_posture",
            "overreaching_touchdown",
            "support_collapse",
            "incomplete_push_off",
            "limited_knee_drive",
        ],
    ),
    (
        "sprint_max_velocity",
        &[
            "overstriding",
            "support_collapse",
            "late_recovery",
            "low_knee_lift",
            "overlong_push",
            "trunk_leans_back",
            "excessive_trunk_lean",
            "asymmetric_stride",
        ],
    ),
    (
        "sprint_late",
        &[
            "overstriding",
            "support_collapse",
            "late_recovery",
            "low_knee_lift",
            "trunk_leans_back",
            "tight_arm_swing",
        ],
    ),
];

fn store() -> Store {
    let mut store = Store::in_memory(Config::new()).unwrap();
    store.upsert(&shipped_cards()).unwrap();
    store.commit().unwrap();
    store
}

fn issue(event: &str, id: &str) -> IssueQuery {
    IssueQuery {
        id: id.into(),
        name: id.replace('_', " "),
        event: event.into(),
        severity: 0.5,
        ..IssueQuery::default()
    }
}

#[test]
fn every_issue_of_every_event_retrieves_its_own_card_first() {
    let store = store();
    for (event, issues) in ISSUES {
        for id in *issues {
            let retrieval = retrieve(&store, &[issue(event, id)], 3).unwrap();
            let first = retrieval
                .for_issue(id)
                .next()
                .unwrap_or_else(|| panic!("{event}/{id}: nothing found"));
            assert!(
                first.hit.doc_id.starts_with(&format!("{event}/{id}")),
                "{event}/{id}: {}",
                first.hit.doc_id
            );
            assert!(first.names_issue);
            assert_eq!(retrieval.nothing_found, Vec::<String>::new());
        }
    }
}

#[test]
fn words_alone_find_the_card_too() {
    let store = store();
    let mut failures = Vec::new();
    for (event, issues) in ISSUES {
        for id in *issues {
            let words = format!("{} {}", event.replace('_', " "), id.replace('_', " "));
            let hits = store.search(&sports_rag::Query::new(words).with_top_k(3)).unwrap();
            let found = hits.iter().any(|hit| hit.doc_id.starts_with(&format!("{event}/{id}")));
            if !found {
                let first: Vec<&String> = hits.iter().map(|hit| &hit.doc_id).collect();
                failures.push(format!("{event}/{id}: {first:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn shipped_cards_equal_the_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("knowledge/cards");
    assert_eq!(read_documents(folder).unwrap(), shipped_cards());
}

#[test]
fn every_card_is_complete() {
    let parts: BTreeSet<&str> =
        ["Cause", "Correction", "Drill", "Progression", "Caution", "Sources"].into();
    for card in shipped_cards() {
        let found: BTreeSet<&str> =
            card.sections.iter().flat_map(|s| &s.heading_path).map(String::as_str).collect();
        assert_eq!(found, parts, "{}", card.id);
        assert!(!card.source.citation.is_empty(), "{} cites nothing", card.id);
        assert!(card.source.checked.is_some(), "{}", card.id);
        for facet in ["event", "issue", "alias", "kind"] {
            assert!(card.facets.contains_key(facet), "{} has no {facet}", card.id);
        }
        let drill = card
            .sections
            .iter()
            .find(|s| s.heading_path == ["Drill"])
            .map(|s| s.text.replace('\n', " "));
        let drill = drill.unwrap_or_default();
        let counted = drill
            .split(" x ")
            .nth(1)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        assert!(counted, "{}: the drill has no sets x repetitions", card.id);
    }
}

#[test]
fn guidance_is_cited_ordered_and_the_same_every_time() {
    let store = store();
    let mut mild = issue("squat", "excessive_trunk_lean");
    mild.severity = 0.2;
    let mut worst = issue("squat", "shallow_squat");
    worst.severity = 0.9;
    worst.facts = vec!["knee@bottom 98 deg, target 78-86, 12 deg above".into()];
    let issues = [mild, worst];
    let retrieval = retrieve(&store, &issues, 2).unwrap();
    let guidance = TemplateGuide::new().guidance(&issues, &retrieval).unwrap();
    assert_eq!(guidance, TemplateGuide::new().guidance(&issues, &retrieval).unwrap());
    let order: Vec<&str> = guidance.items.iter().map(|item| item.issue.as_str()).collect();
    assert_eq!(order, ["shallow_squat", "excessive_trunk_lean"]);
    let first = &guidance.items[0];
    assert!(first.found && first.text.contains("12 deg above"), "{}", first.text);
    assert_eq!(first.citations, [1, 2, 3, 4, 5]);
    for part in [&first.sections.cause, &first.sections.drill, &first.sections.caution] {
        assert!(part.as_ref().is_some_and(|part| part.citations.len() == 1));
    }
    for (idx, reference) in guidance.references.iter().enumerate() {
        assert_eq!(reference.number, idx + 1);
        let document = store.document(&reference.doc_id).unwrap().unwrap();
        assert_eq!(&document.text()[reference.byte_range.clone()], reference.quote);
    }
    let json = serde_json::to_string(&guidance).unwrap();
    assert_eq!(serde_json::from_str::<sports_rag::Guidance>(&json).unwrap(), guidance);
}

#[test]
fn an_issue_without_any_passage_is_said_aloud() {
    let store = store();
    let unknown = issue("squat", "left_eyebrow_raised");
    let retrieval = retrieve(&store, std::slice::from_ref(&unknown), 3).unwrap();
    assert_eq!(
        retrieval,
        Retrieval { hits: Vec::new(), nothing_found: vec!["left_eyebrow_raised".into()] }
    );
    let guidance = TemplateGuide::new().guidance(&[unknown], &retrieval).unwrap();
    assert!(guidance.items[0].text.contains("Nothing was found"), "{}", guidance.items[0].text);
    assert!(!guidance.items[0].found);
    assert!(guidance.references.is_empty());
}

#[test]
fn one_issue_never_crowds_out_another() {
    let mut store = store();
    let flood = (0..40).map(|n| {
        Document::new(format!("flood-{n}"), "Knee valgus", "knee valgus knee valgus knee valgus")
            .with_facet("issue", "knee_valgus")
            .with_facet("event", "squat")
    });
    store.upsert(&flood.collect::<Vec<_>>()).unwrap();
    store.commit().unwrap();
    let issues = [issue("squat", "knee_valgus"), issue("squat", "shallow_squat")];
    let retrieval = retrieve(&store, &issues, 2).unwrap();
    assert_eq!(retrieval.for_issue("knee_valgus").count(), 2);
    assert!(retrieval.for_issue("shallow_squat").next().is_some());
}

#[test]
fn a_document_of_your_own_serves_an_issue_by_its_words() {
    let mut store = Store::in_memory(Config::new()).unwrap();
    let text = "When the landing is stiff, practise quiet landings from a low box.";
    store.upsert(&[Document::new("note-1", "", text).with_citation("Club notes, p. 3")]).unwrap();
    store.commit().unwrap();
    let issues = [issue("drop_jump", "stiff_landing"), issue("drop_jump", "knee_valgus")];
    let retrieval = retrieve(&store, &issues, 3).unwrap();
    assert_eq!(retrieval.nothing_found, ["knee_valgus"]);
    let guidance = TemplateGuide::new().guidance(&issues, &retrieval).unwrap();
    assert_eq!(guidance.references[0].citation, "Club notes, p. 3");
    assert!(
        guidance.items[0].text.contains("“When the landing is stiff"),
        "{}",
        guidance.items[0].text
    );
}
