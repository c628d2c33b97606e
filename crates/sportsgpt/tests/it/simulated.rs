//! The chain on the simulated jump, whose faults and keyframes are known.

use std::collections::BTreeSet;

use kismam::Verdict;
use pose::{Joint, SkeletonSeries};
use sportsgpt::simulation::{Fault, StandingLongJump};
use sportsgpt::{Error, Knowledge, Pipeline, Report, Trial};

pub(crate) fn report(athlete: &StandingLongJump, reference: &StandingLongJump) -> Report {
    let knowledge = Knowledge::shipped().unwrap();
    let athlete = Trial::new("athlete", athlete.record().unwrap());
    let reference = Trial::new("reference", reference.record().unwrap());
    Pipeline::new(&knowledge, "standing_long_jump").unwrap().run(&athlete, &reference).unwrap()
}

fn present(report: &Report) -> BTreeSet<&str> {
    let issues = report.issues.iter().filter(|issue| issue.verdict == Verdict::Present);
    issues.map(|issue| issue.id.as_str()).collect()
}

#[track_caller]
fn check_only(fault: Fault, expected: &str) {
    let athlete = StandingLongJump { faults: vec![fault], ..StandingLongJump::club_athlete() };
    let report = report(&athlete, &StandingLongJump::elite());
    assert_eq!(
        present(&report),
        BTreeSet::from([expected]),
        "{:#?}",
        sportsgpt::render::text(&report)
    );
}

#[test]
fn keyframes_are_found_where_the_model_has_them() {
    let athlete = StandingLongJump::club_athlete();
    let truth = athlete.record().unwrap().keyframes;
    let report = report(&athlete, &StandingLongJump::elite());
    assert_eq!(report.keyframes.len(), truth.len());
    for (found, (name, frame)) in report.keyframes.iter().zip(&truth) {
        assert_eq!(&found.name, name);
        // At 60 frames a second; the labels of real recordings are good to about 2 frames as well.
        assert!((found.frame - frame).abs() <= 2.5, "{name}: {} against {frame}", found.frame);
    }
}

#[test]
fn the_club_athletes_three_faults_are_named_and_no_other() {
    let report = report(&StandingLongJump::club_athlete(), &StandingLongJump::elite());
    let expected = ["incomplete_takeoff_extension", "limited_arm_swing", "shallow_countermovement"];
    assert_eq!(present(&report), BTreeSet::from(expected), "{}", sportsgpt::render::text(&report));
}

#[test]
fn each_fault_alone_gives_its_own_issue() {
    check_only(Fault::ShallowCountermovement { degrees: 28.0 }, "shallow_countermovement");
    check_only(Fault::IncompleteExtension { degrees: 28.0 }, "incomplete_takeoff_extension");
    check_only(Fault::LimitedArmSwing { degrees: 62.0 }, "limited_arm_swing");
    check_only(Fault::StiffLanding { degrees: 32.0 }, "stiff_landing");
}

#[test]
fn the_model_technique_is_without_fault_at_any_tempo_size_and_heading() {
    for (stature_m, tempo, heading_deg) in
        [(1.82, 1.0, 0.0), (1.60, 1.25, 130.0), (1.95, 0.85, -70.0)]
    {
        let athlete = StandingLongJump {
            stature_m,
            tempo,
            heading_deg,
            noise_m: 0.004,
            fps: 50.0,
            rehearsed: true,
            seed: 7,
            ..StandingLongJump::elite()
        };
        let report = report(&athlete, &StandingLongJump::elite());
        assert!(report.issues.is_empty(), "{}", sportsgpt::render::text(&report));
        assert!(report.strengths.len() >= 4, "{}", sportsgpt::render::text(&report));
    }
}

#[test]
fn every_issue_gets_advice_with_a_source() {
    let report = report(&StandingLongJump::club_athlete(), &StandingLongJump::elite());
    assert_eq!(report.guidance.len(), report.issues.len());
    for guidance in &report.guidance {
        assert!(!guidance.citations.is_empty(), "{} has no source", guidance.issue);
        for number in &guidance.citations {
            assert!(report.references.iter().any(|reference| reference.number == *number));
        }
    }
}

/// The club athlete's jump without what `keep` refuses.
fn blinded(keep: impl Fn(usize, Joint) -> bool) -> Trial {
    let mut recording = StandingLongJump::club_athlete().record().unwrap();
    let series = &recording.series;
    let mut confidence = series.confidence().to_owned();
    for ((frame_idx, joint_idx), confidence) in confidence.indexed_iter_mut() {
        if !keep(frame_idx, series.joints()[joint_idx]) {
            *confidence = 0.0;
        }
    }
    let (joints, positions) = (series.joints().to_vec(), series.positions().to_owned());
    recording.series =
        SkeletonSeries::new(joints, positions, confidence, series.fps(), series.unit()).unwrap();
    Trial::new("blinded", recording)
}

fn report_on(athlete: &Trial) -> Report {
    let knowledge = Knowledge::shipped().unwrap();
    let reference = Trial::new("reference", StandingLongJump::elite().record().unwrap());
    Pipeline::new(&knowledge, "standing_long_jump").unwrap().run(athlete, &reference).unwrap()
}

#[test]
fn what_a_third_of_the_joints_would_have_shown_cannot_be_told() {
    let unseen = |joint| matches!(joint, Joint::Elbow(_) | Joint::Wrist(_) | Joint::Toe(_));
    let report = report_on(&blinded(|_, joint| !unseen(joint)));
    let cannot_tell: Vec<&str> =
        report.not_assessable.iter().map(|issue| issue.id.as_str()).collect();
    assert_eq!(cannot_tell, ["limited_arm_swing"], "{}", sportsgpt::render::text(&report));
    assert!(present(&report).contains("shallow_countermovement"));
    assert!(report.notes.iter().any(|note| note.contains("elbow r")), "{:?}", report.notes);
}

#[test]
fn scattered_drop_outs_are_bridged() {
    // Every joint is lost a third of the time, at most five frames (83 ms) in a row.
    let report = report_on(&blinded(|frame_idx, joint| {
        let phase = joint.name().bytes().map(usize::from).sum::<usize>();
        (frame_idx + phase) % 15 >= 5
    }));
    assert_eq!(
        present(&report),
        present(&report_on(&blinded(|_, _| true))),
        "{}",
        sportsgpt::render::text(&report)
    );
}

#[test]
fn equal_inputs_give_equal_reports() {
    let make = || report(&StandingLongJump::club_athlete(), &StandingLongJump::elite());
    assert_eq!(
        sportsgpt::render::json(&make()).unwrap(),
        sportsgpt::render::json(&make()).unwrap()
    );
}

#[test]
fn an_event_nobody_knows_is_answered_with_those_there_are() {
    let knowledge = Knowledge::shipped().unwrap();
    let error = Pipeline::new(&knowledge, "underwater_chess").unwrap_err();
    assert!(matches!(error, Error::UnknownEvent { .. }));
    assert!(error.to_string().contains("standing_long_jump"), "{error}");
}

#[test]
fn a_reference_must_have_keyframes_of_the_event() {
    let knowledge = Knowledge::shipped().unwrap();
    let pipeline = Pipeline::new(&knowledge, "standing_long_jump").unwrap();
    let athlete = Trial::new("athlete", StandingLongJump::club_athlete().record().unwrap());
    let none = athlete.clone().with_keyframes(Vec::new());
    assert!(matches!(pipeline.run(&athlete, &none), Err(Error::NoKeyframes { .. })));
    let other = athlete.clone().with_keyframes(vec![("release".to_owned(), 10.0)]);
    assert!(matches!(pipeline.run(&athlete, &other), Err(Error::WrongKeyframes { .. })));
}
