//! Data sets: ten formats in, one kind of record out; nothing lost, nothing leaked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use deepsport::data::{
    Answer, Loaded, Mapping, Media, Record, SPORTS, Source, check_leaks, open_media, read_records,
    split_by_video, statistics_table, without_videos_of, write_records,
};
use deepsport::world::{World, WorldConfig};
use deepsport::{Difficulty, Dimension, Error};
use proptest::prelude::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sources").join(name)
}

fn file(source: Source) -> PathBuf {
    fixture(match source {
        Source::Sportu => "sportu.json",
        Source::SportuOpen => "sportu_open.json",
        Source::Sportr => "sportr.jsonl",
        Source::SportsQa => "sports_qa.csv",
        Source::SoccerBench => "soccerbench.json",
        Source::SoccerReplay => "soccerreplay.json",
        Source::Xfoul => "xfoul.json",
        Source::FineDiving => "finediving.json",
        Source::FineBadminton => "finebadminton.json",
        Source::T3Set => "t3set",
        Source::Facts => "facts.csv",
        _ => unreachable!("a source without a fixture"),
    })
}

fn load(source: Source) -> Loaded {
    source.load(&file(source), None).unwrap()
}

/// Records that come out, and rows that do not: row number and a word of the reason.
#[track_caller]
fn check(source: Source, num_records: usize, bad: &[(usize, &str)]) -> Vec<Record> {
    let loaded = load(source);
    let found: Vec<(usize, String)> =
        loaded.bad_rows.iter().map(|bad| (bad.row, bad.reason.clone())).collect();
    assert_eq!(found.len(), bad.len(), "{found:?}");
    for ((row, reason), (expected_row, word)) in found.iter().zip(bad) {
        assert!(
            row == expected_row && reason.contains(word),
            "row {row}: {reason}; expected {expected_row}: {word}"
        );
    }
    assert_eq!(loaded.records.len(), num_records);
    for record in &loaded.records {
        assert_eq!(record.source, source.name());
        assert!(SPORTS.contains(&record.sport.as_str()), "{}", record.sport);
    }
    loaded.records
}

fn first_evidence(record: &Record) -> Option<(usize, usize)> {
    record.evidence.first().map(|window| (window.start, window.end))
}

fn letter(record: &Record) -> Option<&str> {
    let Answer::Letters(letters) = &record.answer else { return None };
    let [letter] = Vec::from_iter(letters)[..] else { return None };
    Some(&record.options[(*letter as u8 - b'A') as usize])
}

#[test]
fn sportu_has_two_to_four_options_and_sports_in_any_case() {
    let bad = [(3, "there are 3 options"), (4, "`question`"), (5, "extreme"), (6, "`id`")];
    let records = check(Source::Sportu, 2, &bad);
    assert_eq!(letter(&records[0]), Some("Trip"));
    assert_eq!(
        (records[0].sport.as_str(), records[0].difficulty),
        ("soccer", Some(Difficulty::Hard))
    );
    assert_eq!((records[1].sport.as_str(), letter(&records[1])), ("badminton", Some("No")));
    assert_eq!(records[0].media, Media::Video("soccer_12.mp4".into()));
    assert!(records[0].prompt().ends_with("D. None\nAnswer with the letter of the right option."));
    let records = check(Source::SportuOpen, 1, &[(2, "`answer`")]);
    assert!(!records[0].answer.is_closed());
}

#[test]
fn lines_that_are_no_json_and_rows_of_csv_that_are_too_short_are_named() {
    let records = check(Source::Sportr, 2, &[(2, "not JSON")]);
    assert_eq!(records[1].answer, Answer::Text("7".into()));
    assert_eq!(records[0].rationale.as_deref(), Some("Two steps after the dribble."));
    let records = check(Source::SportsQa, 2, &[(4, "`answer`"), (5, "not CSV")]);
    assert_eq!(records[0].question, "How many passes, in all?");
    assert_eq!(
        (records[0].dimension, records[1].dimension),
        (Dimension::Recognition, Dimension::Rules)
    );
}

#[test]
fn soccer_comes_in_three_shapes() {
    let records = check(Source::SoccerBench, 1, &[(2, "O9"), (3, "materials.0")]);
    assert_eq!(letter(&records[0]), Some("White"));
    let records = check(Source::SoccerReplay, 5, &[(4, "`caption`")]);
    assert_eq!(letter(&records[0]), Some("corner"));
    assert_eq!(records[1].answer, Answer::Text("[PLAYER] swings it in.".into()));
    assert_eq!(records[1].dimension, Dimension::Commentary);
    let options: BTreeSet<&str> = records[0].options.iter().map(String::as_str).collect();
    assert_eq!(options, BTreeSet::from(["corner", "goal", "foul"]));
    check(Source::Xfoul, 1, &[(2, "`question`")]);
}

#[test]
fn labels_become_questions() {
    let records = check(
        Source::FineDiving,
        5,
        &[(2, "dive number"), (3, "`end_frame` is 9"), (4, "`dive_score`")],
    );
    let answers: Vec<String> = records.iter().map(|record| record.answer.to_string()).collect();
    assert_eq!(answers[..4], ["twisting", "pike", "2.5", "84.48"]);
    assert_eq!(answers[4], "Back, then 2.5 Som.Pike, then 1.5 Twist, then Entry");
    assert_eq!(records[0].num_frames, Some(96));

    let records = check(Source::FineBadminton, 5, &[(2, "before `start_frame`"), (3, "no list")]);
    assert_eq!((letter(&records[0]), first_evidence(&records[0])), (Some("serve"), Some((0, 21))));
    assert_eq!(records[1].answer, Answer::Number { value: 5.0, tolerance: 1.0 }); // a text in this row
    assert_eq!(records[4].answer, Answer::Number { value: 6.0, tolerance: 1.0 }); // a number in this one

    let records = check(Source::T3Set, 5, &[(2, "ascending"), (1, "not a file of T3Set")]);
    assert_eq!(first_evidence(&records[0]), Some((45, 90)));
    assert_eq!(records[1].answer, Answer::Label("posture".into()));
    assert_eq!(records[2].answer, Answer::Text("More spin.".into()));

    let records = check(Source::Facts, 4, &[(6, "`label`"), (7, "twice")]);
    assert_eq!((letter(&records[0]), records[0].options.len()), (Some("lunge"), 3));
    assert_eq!(records[3].answer, Answer::Label("jab".into())); // the only class that boxing has here
}

#[test]
fn the_order_of_options_depends_on_nothing_but_the_question() {
    assert_eq!(load(Source::Facts), load(Source::Facts));
    // Over many questions the right option stands everywhere.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("facts.csv");
    let rows: String = (0..400)
        .map(|i| format!("{i}.mp4,fencing,{}\n", ["a", "b", "c", "d", "e"][i % 5]))
        .collect();
    std::fs::write(&path, format!("path,sport,label\n{rows}")).unwrap();
    let mut places = [0; 4];
    for record in Source::Facts.load(&path, None).unwrap().records {
        let Answer::Letters(letters) = &record.answer else { panic!() };
        places[(*letters.first().unwrap() as u8 - b'A') as usize] += 1;
    }
    // 100 each; standard deviation sqrt(400 * 0.25 * 0.75) = 8.7.
    assert!(places.iter().all(|&num| (65..135).contains(&num)), "{places:?}");
}

#[test]
fn a_mapping_of_ones_own_takes_the_place_of_the_shipped_one() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, mapping) = (folder.path().join("rows.json"), folder.path().join("mapping.toml"));
    std::fs::write(&rows, r#"{"data": {"7": {"q": {"en": "Who?"}, "a": "red", "clip": "x.mp4"}}}"#)
        .unwrap();
    let text = "source = \"mine\"\nrows = \"data\"\nid = \"key\"\nquestion = \"q.en\"\nanswer = \"a\"\n\
        answer_form = \"label\"\nvideo = \"clip\"\nsport = \"Ice Hockey\"\ndimension = \"rules\"\nlicence = \"own\"";
    std::fs::write(&mapping, text).unwrap();
    let mapping = Mapping::read(&mapping).unwrap();
    let loaded = Source::Sportr.load(&rows, Some(&mapping)).unwrap();
    assert_eq!(
        (loaded.records[0].id.as_str(), loaded.records[0].sport.as_str()),
        ("mine-7", "ice_hockey")
    );
    std::fs::write(&rows, "[]").unwrap();
    assert!(matches!(mapping.load(&rows), Err(Error::Format { .. })));
    let missing = folder.path().join("none.json");
    assert!(matches!(mapping.load(&missing), Err(Error::Read { path, .. }) if path == missing));
}

#[test]
fn records_are_read_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set/records.jsonl");
    let records: Vec<Record> =
        Source::ALL.into_iter().flat_map(|source| load(source).records).collect();
    assert!(records.len() > 25);
    write_records(&path, &records).unwrap();
    assert_eq!(read_records(&path).unwrap().records, records);
    std::fs::write(&path, "{}\n").unwrap();
    let bad = read_records(&path).unwrap().bad_rows;
    assert!(bad[0].row == 1 && bad[0].reason.contains("missing field"), "{bad:?}");
}

#[test]
fn the_table_counts_what_is_there() {
    let records: Vec<Record> =
        [Source::FineDiving, Source::Xfoul].into_iter().flat_map(|s| load(s).records).collect();
    let table = statistics_table(&records);
    let lines: Vec<&str> = table.lines().skip(2).collect();
    assert_eq!(
        lines,
        [
            "| finediving | diving | 1 | 5 | 3 | 0 | 1 | 1 | 4 | 0 |",
            "| xfoul | soccer | 1 | 1 | 0 | 1 | 0 | 0 | 0 | 0 |",
            "| all |  | 2 | 6 | 3 | 1 | 1 | 1 | 4 | 0 |",
        ]
    );
}

fn of_video(id: usize, video: usize) -> Record {
    Record::new("test", &id.to_string(), &format!("v{video}"), "Who?")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_video_is_in_two_parts_and_no_record_is_lost(videos in prop::collection::vec(0_usize..40, 0..200), salt in ".{0,5}") {
        let records: Vec<Record> = videos.iter().enumerate().map(|(id, &video)| of_video(id, video)).collect();
        let parts = split_by_video(records, &[("train", 0.7), ("dev", 0.1), ("test", 0.2)], &salt).unwrap();
        prop_assert_eq!(parts.values().map(Vec::len).sum::<usize>(), videos.len());
        prop_assert!(check_leaks(&parts).is_ok());
    }

    #[test]
    fn whatever_a_file_holds_loading_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in "[\\[\\]{}:,\"a-z0-9 .\\-\n]{0,200}", which in 0_usize..11) {
        let folder = tempfile::tempdir().unwrap();
        let source = Source::ALL[which];
        for (name, content) in [("a.json", &bytes[..]), ("b.json", text.as_bytes()), ("c.csv", text.as_bytes()), ("d.jsonl", text.as_bytes())] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            let _ = source.load(&path, None);
            let _ = read_records(&path);
        }
    }

    /// Any value of a good row replaced by any other: a record or a bad row, never a panic, and the other rows stay.
    #[test]
    fn a_spoilt_field_spoils_its_row_alone(which in 0_usize..11, field in 0_usize..12, value in prop_oneof![
        Just(serde_json::json!(null)), Just(serde_json::json!([])), Just(serde_json::json!({})), Just(serde_json::json!(-1e300)),
        Just(serde_json::json!("é")), Just(serde_json::json!("")), Just(serde_json::json!(true)), Just(serde_json::json!([[1], 2])),
    ]) {
        let path = file(Source::ALL[which]);
        prop_assume!(path.extension().is_some_and(|extension| extension == "json"));
        let mut rows: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let before = load(Source::ALL[which]);
        let row = rows[0].as_object_mut().unwrap();
        let key = row.keys().nth(field % row.len()).unwrap().clone();
        row[&key] = value;
        let folder = tempfile::tempdir().unwrap();
        let spoilt = folder.path().join("rows.json");
        std::fs::write(&spoilt, rows.to_string()).unwrap();
        let loaded = Source::ALL[which].load(&spoilt, None).unwrap();
        prop_assert!(loaded.bad_rows.iter().filter(|bad| bad.row > 1).count() <= before.bad_rows.len());
    }
}

#[test]
fn a_video_stays_where_it_is_when_others_come() {
    let shares = [("train", 0.5), ("test", 0.5)];
    let of = |num: usize| {
        split_by_video((0..num).map(|i| of_video(i, i)).collect(), &shares, "s").unwrap()
    };
    let (few, many) = (of(50), of(500));
    assert!(few["train"].iter().all(|record| many["train"].contains(record)));
    // 500 videos: 250 expected, standard deviation 11.2.
    assert!((200..300).contains(&many["test"].len()));
    let shares = [("train", 0.5), ("test", 0.4)];
    assert!(matches!(
        split_by_video(Vec::new(), &shares, ""),
        Err(Error::InvalidSetting { name: "shares", .. })
    ));
}

#[test]
fn the_same_clip_under_another_name_is_a_leak() {
    let record = |video: &str| Record::new("test", "1", video, "Who?");
    let parts = |a: &str, b: &str| {
        [("train".to_owned(), vec![record(a)]), ("test".to_owned(), vec![record(b)])].into()
    };
    for (a, b) in [
        ("league_2020/date game/1_12_33.mp4", "materials/league_2020/Date game/1_12_33.mkv"),
        ("v1", "v1.mp4"),
    ] {
        let error = check_leaks(&parts(a, b)).unwrap_err();
        assert!(matches!(error, Error::Leak { .. }), "{error}");
    }
    let train = load(Source::SoccerReplay).records;
    let mut held_out = load(Source::SoccerBench).records;
    held_out[0].video_id = "materials/date game/1_12_33.mp4".into();
    let kept = without_videos_of(train.clone(), &held_out);
    assert_eq!(kept, train[2..]); // two questions are about that clip
    check_leaks(&parts("game 1/1_12_33.mp4", "game 2/1_12_33.mp4")).unwrap();
}

#[test]
fn the_video_of_a_record_is_the_one_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let item = World::new(WorldConfig::default()).unwrap().item(0);
    item.clip.write_png(&folder.path().join("clip.png")).unwrap();
    let pixels = |record: &Record, frame_idx: usize| {
        open_media(record, folder.path())
            .map(|video| video.frame(frame_idx).unwrap().rgb().to_vec())
    };
    let record = item.record(Media::Video("clip.png".into()));
    assert_eq!(pixels(&record, 30).unwrap(), item.clip.rgb(30));
    let record = item.record(Media::Clip("clip.png".into(), 20..40));
    assert_eq!(pixels(&record, 10).unwrap(), item.clip.rgb(30));
    assert!(matches!(
        pixels(&item.record(Media::Video("none.mp4".into())), 0),
        Err(Error::Video(_))
    ));
    assert!(matches!(
        pixels(&item.record(Media::None), 0),
        Err(Error::InvalidSetting { name: "media", .. })
    ));
}
