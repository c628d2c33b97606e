//! Reading, checking and comparing knowledge files, and refusing bad input.

use kismam::{
    Assessor, Athlete, ChangeKind, Error, Finding, KnowledgeBase, Measurement, Severity, Side,
    TargetKind, Verdict,
};

use crate::support::{HEAD, Row, kb, toml};

/// A valid file with one issue and one row.
pub(crate) fn valid() -> String {
    toml(&[vec![Row::default()]], "noisy_or")
}

fn lint(text: &str) -> Vec<Finding> {
    KnowledgeBase::from_toml(text, "test.toml").unwrap().lint()
}

/// Replaces `from` by `to` in a valid file; the validator must find `text` at the line of `row`, with `severity`.
#[track_caller]
fn check(from: &str, to: &str, row: &str, severity: Severity, text: &str) {
    let valid = valid();
    assert!(valid.contains(from), "the file has no `{from}`");
    let edited = valid.replacen(from, to, 1);
    let line = 1 + edited.lines().position(|line| line == row).expect("the row");
    let findings = lint(&edited);
    let found =
        findings.iter().any(|f| f.row == line && f.severity == severity && f.text.contains(text));
    assert!(found, "wanted `{line}: {severity:?}: ...{text}...`, found {findings:#?}");
    // An error must also keep the base from being applied.
    let applied = Assessor::new(&KnowledgeBase::from_toml(&edited, "t").unwrap(), "e").map(|_| ());
    assert_eq!(
        matches!(applied, Err(Error::Knowledge { .. } | Error::UnknownEvent { .. })),
        severity == Severity::Error
    );
}

#[test]
fn a_valid_file_is_clean() {
    assert_eq!(lint(&valid()), []);
}

#[test]
fn every_error_is_found_on_its_row() {
    let error = Severity::Error;
    check("schema = 1", "schema = 2", "[kb]", error, "schema 2 is not 1");
    check("doi = \"10.1/1\"\n", "", "[[source]]", error, "neither doi nor url");
    check(
        "source = [\"s\"]\n\n[[evidence]]",
        "source = []\n\n[[evidence]]",
        "[[reference]]",
        error,
        "has no source",
    );
    check("measure = \"knee\"", "measure = \"nee\"", "[[feature]]", error, "unknown measure `nee`");
    check("keyframe = \"k\"", "keyframe = \"x\"", "[[feature]]", error, "does not reach");
    check(
        "keyframe = \"k\"",
        "keyframe = \"l\"\nto_keyframe = \"k\"",
        "[[feature]]",
        error,
        "not later",
    );
    check(
        "side = \"left\"",
        "side = \"dominant\"",
        "[[feature]]",
        error,
        "give event `e` a `dominant` rule",
    );
    check("side = \"left\"", "side = \"none\"", "[[feature]]", error, "has two sides");
    check("unit = \"deg\"", "unit = \"rad\"", "[[feature]]", error, "is measured in `deg`");
    check(
        "unit = \"deg\"",
        "unit = \"deg\"\nextract = \"rate\"",
        "[[feature]]",
        error,
        "is measured in `deg/s`",
    );
    check(
        "unit = \"deg\"",
        "unit = \"deg\"\nviews = [\"front\"]",
        "[[feature]]",
        error,
        "does not show `knee`",
    );
    check(
        "unit = \"deg\"",
        "unit = \"deg\"\nviews = [\"top\"]",
        "[[feature]]",
        error,
        "names the view `top`",
    );
    check(
        "unit = \"deg\"",
        "unit = \"deg\"\nwindow_ms = [20.0, -20.0]",
        "[[feature]]",
        error,
        "window_ms",
    );
    check("tau = 8.0", "tau = nan", "[[feature]]", error, "tau of feature `f0_0` is NaN");
    check("tau = 8.0", "tau = 0.0", "[[feature]]", error, "expected a spread above 0");
    check("lo = 0.0", "lo = 1.0", "[[reference]]", error, "lo 1 above hi 0");
    check("lo = 0.0\n", "", "[[reference]]", error, "lacks `lo`");
    check("hi = 0.0", "hi = inf", "[[reference]]", error, "`hi` of the reference");
    check("kind = \"range\"", "kind = \"linear\"", "[[reference]]", error, "lacks `by`");
    check(
        "feature = \"f0_0\"\nkind",
        "feature = \"f9\"\nkind",
        "[[reference]]",
        error,
        "no such feature",
    );
    check(
        "feature = \"f0_0\"\ndirection",
        "feature = \"f9\"\ndirection",
        "[[evidence]]",
        error,
        "no such feature",
    );
    check("issue = \"i0\"", "issue = \"i9\"", "[[evidence]]", error, "no such issue");
    check("t_min = 5.0", "t_min = 20.0", "[[evidence]]", error, "not below t_max 20");
    check("t_min = 5.0", "t_min = -1.0", "[[evidence]]", error, "expected a number from 0");
    check("t_max = 20.0", "t_max = nan", "[[evidence]]", error, "expected a finite number");
    check("w = 0.6", "w = 1.5", "[[evidence]]", error, "above 0 up to 1");
    check("w = 0.6", "w = 0.3", "[[issue]]", error, "cannot reach probability 0.5");
    check(
        "direction = \"above\"",
        "direction = \"asymmetry\"",
        "[[evidence]]",
        error,
        "not taken on both",
    );
    check("rationale = \"a test\"", "rationale = \"\"", "[[evidence]]", error, "has no rationale");
    check(
        "rationale = \"a test\"\nsource = [\"s\"]",
        "rationale = \"a test\"",
        "[[evidence]]",
        error,
        "has no source",
    );
    check(
        "rationale = \"a test\"\nsource = [\"s\"]",
        "rationale = \"a test\"\nsource = [\"q\"]",
        "[[evidence]]",
        error,
        "unknown source `q`",
    );
    check(
        "aggregate = \"noisy_or\"",
        "views = [\"front\"]",
        "[[issue]]",
        error,
        "claims the view `front`",
    );
    check("aggregate = \"noisy_or\"", "leak = 0.5", "[[issue]]", error, "leak of issue");
    check(
        "aggregate = \"noisy_or\"",
        "min_coverage = 0.0",
        "[[issue]]",
        error,
        "min_coverage of issue",
    );
    check("en = \"Because.\"", "en = \" \"", "[[issue]]", error, "no text in `en`");
    check("views = [\"side\", \"3d\"]", "views = []", "[[event]]", error, "has no views");
    check("name = \"l\"", "name = \"k\"", "[[event]]", error, "two keyframes `k`");
    let snap = |rule: &str| format!("name = \"l\", snap = {{ {rule} }}");
    let snaps =
        |rule: &str, text: &str| check("name = \"l\"", &snap(rule), "[[event]]", error, text);
    snaps("measure = \"nee\", to = \"min\", within_ms = 9.0", "unknown measure `nee`");
    snaps("measure = \"knee\", to = \"min\", within_ms = 9.0", "`knee` has two sides");
    snaps("measure = \"trunk\", to = \"min\", within_ms = nan", "within_ms of the snap rule");
    check(
        "id = \"e\"",
        "id = \"e\"\ndominant = \"foot\"",
        "[[event]]",
        error,
        "use wrist, ankle, ahead, left or right",
    );
    check(
        "id = \"e\"",
        "id = \"e\"\nchannels = [\"nee\"]",
        "[[event]]",
        error,
        "unknown measure `nee`",
    );
    check("name = { en = \"Event\"", "name = { en = \"\"", "[[event]]", error, "no text in `en`");
    check("aliases = [\"other name\"]", "aliases = [\"e\"]", "[[event]]", error, "repeats");
}

#[test]
fn every_warning_is_found_on_its_row() {
    let warning = Severity::Warning;
    check("t_min = 5.0", "t_min = 4.0", "[[evidence]]", warning, "below the pose error 5 deg");
    check(
        "tau = 8.0",
        "tau = 8.0\npose_error = 6.0",
        "[[evidence]]",
        warning,
        "below the pose error 6 deg",
    );
    check("checked = true", "checked = false", "[[source]]", warning, "is unchecked");
    for row in ["[[reference]]", "[[evidence]]"] {
        check("n = 30", "n = 9", row, warning, "rests on 9 participants, fewer than 10");
    }
}

#[test]
fn weight_must_rest_on_more_than_memory_or_coaching() {
    let weigh = |source: &str| {
        lint(&valid().replace("w = 0.6", "w = 0.7").replace("checked = true", source))
    };
    assert_eq!(weigh("checked = true"), []);
    let unchecked = weigh("checked = false");
    assert!(
        unchecked
            .iter()
            .any(|f| f.severity == Severity::Error && f.text.contains("weighs 0.7 on unchecked"))
    );
    let coaching =
        lint(&valid().replace("w = 0.6", "w = 0.7").replace("\"experiment\"", "\"coaching\""));
    assert!(
        matches!(&coaching[..], [f] if f.severity == Severity::Warning && f.text.contains("coaching literature alone"))
    );
    let definition =
        valid().replace("w = 0.6", "w = 0.7").replace("\"experiment\"", "\"definition\"");
    assert_eq!(lint(&definition.replace("doi = \"10.1/1\"\n", "")), []);
}

#[test]
fn a_small_study_beside_a_larger_one_is_no_doubt() {
    let larger = "\n[[source]]\nid = \"large\"\ncite = \"x\"\ndoi = \"10.1/2\"\nkind = \"experiment\"\nn = 40\nchecked = true\n";
    let both = valid()
        .replace("n = 30", "n = 9")
        .replace("source = [\"s\"]", "source = [\"s\", \"large\"]");
    assert_eq!(lint(&format!("{both}{larger}")), []);
}

#[test]
fn idle_and_repeated_rows_are_found() {
    let text = valid();
    let block = |name: &str| {
        text[text.find(&format!("\n[[{name}]]")).unwrap()..]
            .split("\n[[")
            .nth(1)
            .unwrap()
            .to_owned()
    };
    for name in ["source", "event", "feature", "reference", "issue", "evidence"] {
        let doubled = format!("{text}\n[[{}", block(name));
        let line = 1 + doubled
            .lines()
            .collect::<Vec<_>>()
            .iter()
            .rposition(|l| l.starts_with(&format!("[[{name}")))
            .unwrap();
        let wanted = if name == "reference" { "same athletes" } else { "repeats the row on line" };
        let findings = lint(&doubled);
        assert!(
            findings.iter().any(|f| f.row == line && f.text.contains(wanted)),
            "{name}: {findings:#?}"
        );
    }
    let idle = format!("{text}\n[[{}", block("feature").replace("f0_0", "idle"));
    assert!(
        matches!(&lint(&idle)[..], [f] if f.severity == Severity::Warning && f.text.contains("no evidence uses"))
    );
    let idle = format!("{text}\n[[{}", block("source").replace("\"s\"", "\"idle\""));
    assert!(
        matches!(&lint(&idle)[..], [f] if f.severity == Severity::Warning && f.text.contains("nothing cites"))
    );
}

#[test]
fn references_may_overlap_only_when_one_is_more_specific() {
    let with = |applies: &str| {
        let text = valid();
        let row = text[text.find("[[reference]]").unwrap()..text.find("[[evidence]]").unwrap()]
            .to_owned();
        format!(
            "{text}\n{}",
            row.replace("kind", &format!("applies = {{ {applies} }}\nkind"))
                .replace("hi = 0.0", "hi = 9.0")
        )
    };
    assert_eq!(lint(&with("sex = \"female\"")), []);
    let twice =
        format!("{}\n{}", with("age = [10.0, 20.0]"), &with("age = [20.0, 30.0]")[valid().len()..]);
    assert!(matches!(&lint(&twice)[..], [f] if f.text.contains("same athletes")));
    let apart =
        format!("{}\n{}", with("age = [10.0, 20.0]"), &with("age = [20.5, 30.0]")[valid().len()..]);
    assert_eq!(lint(&apart), []);
}

#[test]
fn the_reference_that_knows_the_athlete_best_is_used() {
    let text = valid();
    let row =
        text[text.find("[[reference]]").unwrap()..text.find("[[evidence]]").unwrap()].to_owned();
    let women =
        row.replace("kind", "applies = { sex = \"female\" }\nkind").replace("hi = 0.0", "hi = 9.0");
    let by_age = row
        .replace("kind = \"range\"\nlo = 0.0\nhi = 0.0", "kind = \"linear\"\ncoef = [1.0, 0.5]\nby = \"age\"\nsd = 2.0\nz = 1.5\napplies = { sex = \"male\", age = [10.0, 80.0] }");
    let kb = KnowledgeBase::from_toml(&format!("{text}\n{women}\n{by_age}"), "t").unwrap();
    assert_eq!(kb.lint(), []);
    let target = |athlete: Athlete| {
        let assessor = Assessor::new(&kb, "e").unwrap().with_athlete(athlete);
        let record = assessor
            .assess(&[Measurement::new("f0_0", 5.0, 1.0)])
            .unwrap()
            .issue("i0")
            .unwrap()
            .evidence[0]
            .clone();
        (record.target.lo, record.target.hi, record.reference_kind)
    };
    let somebody = |sex| Athlete { sex: Some(sex), age: Some(20.0), ..Athlete::default() };
    assert_eq!(target(Athlete::default()), (0.0, 0.0, TargetKind::Range));
    assert_eq!(target(somebody(kismam::Sex::Female)), (0.0, 9.0, TargetKind::Range));
    assert_eq!(target(somebody(kismam::Sex::Male)), (8.0, 14.0, TargetKind::Linear)); // 1 + 0.5 * 20 -+ 1.5 * 2
}

#[test]
fn a_published_range_grows_to_take_the_reference_recording_in() {
    let kb = kb(&[vec![Row::default()]]);
    let reference = [Measurement::new("f0_0", 12.0, 2.0)];
    let assessor = Assessor::new(&kb, "e").unwrap().with_template(&reference);
    let assessment = assessor.assess(&[Measurement::new("f0_0", 15.0, 2.0)]).unwrap();
    let record = &assessment.issue("i0").unwrap().evidence[0];
    assert_eq!((record.target.lo, record.target.hi, record.deviation), (0.0, 12.0, 3.0));
    assert_eq!(record.sigma, 8.0_f64.sqrt());
}

#[test]
fn one_seen_side_of_a_pair_is_used_with_more_doubt() {
    let text = valid().replace("side = \"left\"", "side = \"both\"");
    let kb = KnowledgeBase::from_toml(&text, "t").unwrap();
    let left = |value: f64| Measurement::new("f0_0", value, 3.0).on(Side::Left);
    let right = |value: f64| Measurement::new("f0_0", value, 3.0).on(Side::Right);
    let assessor = Assessor::new(&kb, "e").unwrap();
    let record = |rows: &[Measurement]| {
        assessor.assess(rows).unwrap().issue("i0").unwrap().evidence[0].clone()
    };
    let both = record(&[left(10.0), right(14.0)]);
    assert_eq!((both.value, both.side, both.sides.len()), (12.0, None, 2));
    assert!((both.sigma - 3.0 / 2.0_f64.sqrt()).abs() < 1e-12);
    let one = record(&[left(10.0)]);
    assert_eq!((one.value, one.side), (10.0, Some(Side::Left)));
    assert!((one.sigma - 5.0).abs() < 1e-12); // 3 and half of tau 8
}

#[test]
fn syntax_errors_name_the_line() {
    let fails = |text: &str| match KnowledgeBase::from_toml(text, "f.toml") {
        Err(Error::Syntax { origin, line, message }) => (origin, line, message),
        other => panic!("{other:?}"),
    };
    let (origin, line, message) = fails(&format!("{HEAD}\n[[issue]]\nid = 3\n"));
    assert_eq!((origin.as_str(), line), ("f.toml", 2 + HEAD.lines().count() + 1), "{message}");
    let unknown = valid().replace("tau = 8.0", "tau = 8.0\ntauu = 8.0");
    assert!(fails(&unknown).2.contains("tauu"));
    assert_eq!(fails("[kb").1, 1);
}

#[test]
fn json_is_read_like_toml_and_keeps_its_lines() {
    let table: toml::Table = valid().parse().unwrap();
    let json = serde_json::to_string_pretty(&table).unwrap();
    let kb = KnowledgeBase::from_json(&json, "f.json").unwrap();
    assert_eq!(kb.hash(), KnowledgeBase::from_toml(&valid(), "f.toml").unwrap().hash());
    let broken = json.replace("\"w\": 0.6", "\"w\": 2.0");
    let line = 1 + broken.lines().position(|line| line.contains("\"evidence\"")).unwrap() + 1;
    let findings = KnowledgeBase::from_json(&broken, "f.json").unwrap().lint();
    assert_eq!((findings[0].row, findings[0].severity), (line, Severity::Error));
    assert!(matches!(KnowledgeBase::from_json("{}", "f.json"), Err(Error::Syntax { .. })));
    let mistyped = json.replace("\"w\": 0.6", "\"w\": \"much\"");
    let expected = 1 + mistyped.lines().position(|line| line.contains("much")).unwrap();
    match KnowledgeBase::from_json(&mistyped, "f") {
        Err(Error::Syntax { line, message, .. }) => {
            assert_eq!(
                (line, message.as_str()),
                (expected, "invalid type: string \"much\", expected f64")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none.toml");
    let error = KnowledgeBase::read(&missing).unwrap_err();
    assert!(error.to_string().contains("none.toml") && std::error::Error::source(&error).is_some());
    assert!(matches!(KnowledgeBase::read_dir(dir.path()), Err(Error::Read { .. }))); // nothing to read
    std::fs::write(dir.path().join("b.toml"), valid()).unwrap();
    std::fs::write(dir.path().join("a.toml"), valid().replace("id = \"test\"", "id = \"first\""))
        .unwrap();
    std::fs::write(dir.path().join("notes.txt"), "no knowledge").unwrap();
    let ids: Vec<_> =
        KnowledgeBase::read_dir(dir.path()).unwrap().iter().map(|kb| kb.id().to_owned()).collect();
    assert_eq!(ids, ["first", "test"]);
}

#[test]
fn the_hash_follows_content_and_not_layout() {
    let hash = |text: &str| KnowledgeBase::from_toml(text, "t").unwrap().hash().to_owned();
    let text = valid();
    assert_eq!(
        hash(&text),
        hash(&format!("# a remark\n{}", text.replace("w = 0.6", "w   =   0.60")))
    );
    assert_ne!(hash(&text), hash(&text.replace("w = 0.6", "w = 0.61")));
    assert_eq!(hash(&text).len(), 64);
}

#[test]
fn a_diff_names_what_changed() {
    let old = KnowledgeBase::from_toml(&valid(), "old").unwrap();
    assert_eq!(old.diff(&old), []);
    let newer =
        valid().replace("w = 0.6", "w = 0.7").replace("version = \"1.0.0\"", "version = \"1.1.0\"");
    let newer = format!(
        "{newer}\n[[source]]\nid = \"new\"\ncite = \"x\"\nurl = \"x\"\nkind = \"review\"\n"
    );
    let changes = old.diff(&KnowledgeBase::from_toml(&newer, "new").unwrap());
    let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "~ kb test: version: \"1.0.0\" -> \"1.1.0\"",
            "+ source new",
            "~ evidence e/i0/f0_0/above: w: 0.6 -> 0.7",
        ]
    );
    assert_eq!(changes[1].kind, ChangeKind::Added);
}

#[test]
fn the_matrix_has_a_row_per_issue() {
    let rows = vec![Row::default(), Row { role: "contra", w: 0.3, group: 1, ..Row::default() }];
    let matrix = kb(&[rows, vec![Row { direction: "below", ..Row::default() }]])
        .matrix("Other Name")
        .unwrap();
    assert_eq!(matrix.to_csv(), "issue,f0_0 above,f0_1 above,f1_0 below\ni0,0.6,-0.3,\ni1,,,0.6\n");
    assert_eq!(matrix.values.dim(), (2, 3));
    assert!(kb(&[vec![Row::default()]]).matrix("nothing").is_none());
}

#[test]
fn bad_measurements_are_refused_by_name() {
    let base =
        KnowledgeBase::from_toml(&valid().replace("side = \"left\"", "side = \"both\""), "t")
            .unwrap();
    let assessor = Assessor::new(&base, "e").unwrap();
    let good = Measurement::new("f0_0", 1.0, 1.0).on(Side::Left);
    let message = |bad: Measurement| assessor.assess(&[good.clone(), bad]).unwrap_err().to_string();
    let with = |value, sigma| Measurement::new("f0_0", value, sigma).on(Side::Left);
    assert_eq!(
        message(Measurement::new("f7", 1.0, 1.0)),
        "measurement 1: event `e` has no feature `f7`"
    );
    assert!(
        message(with(f64::NAN, 1.0))
            .starts_with("measurement 1 (`f0_0`): value is NaN, expected a number")
    );
    assert!(message(with(f64::INFINITY, 1.0)).contains("value is inf"));
    assert!(message(with(1.0, -1.0)).contains("sigma is -1"));
    assert!(message(with(1.0, f64::NAN)).contains("sigma is NaN"));
    assert!(message(with(1.0, 1.0).at(f64::NAN, 0.0)).contains("frame is NaN"));
    assert!(message(Measurement::new("f0_0", 1.0, 1.0)).contains("`side` must be"));
    let template = Assessor::new(&base, "e").unwrap().with_template(&[with(f64::NAN, 1.0)]);
    assert!(template.assess(&[]).unwrap_err().to_string().starts_with("template 0 (`f0_0`)"));
    let ageless = Athlete { age: Some(f64::NAN), ..Athlete::default() };
    let error = Assessor::new(&base, "e").unwrap().with_athlete(ageless).assess(&[]).unwrap_err();
    assert_eq!(error.to_string(), "athlete: age is NaN, expected a finite number");
    let unknown = Assessor::new(&base, "dance").unwrap_err().to_string();
    assert_eq!(unknown, "t: no event `dance`; known: e");
}

#[test]
fn nothing_measured_is_nothing_said() {
    let base = kb(&[vec![Row::default()]]);
    let assessment = Assessor::new(&base, "e").unwrap().assess(&[]).unwrap();
    assert_eq!(assessment.not_assessable[0].verdict, Verdict::CannotTell);
    assert!(assessment.issues.is_empty() && assessment.strengths.is_empty());
}
