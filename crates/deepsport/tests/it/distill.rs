//! Distillation: what is kept is right, well formed, sound and supported.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use deepsport::agent::{Dialogue, Mode, Recorded, Speaker, Stop, Utterance, Wording};
use deepsport::data::{Media, Record};
use deepsport::distill::{
    Check, Cost, Demonstration, Distillation, Price, Progress, Voices, demonstrations, tally,
};
use deepsport::world::{Expert, Item, World, WorldConfig};

fn items(num: u64) -> Vec<Item> {
    World::new(WorldConfig::default()).unwrap().items(0..num).collect()
}

fn records(items: &[Item]) -> Vec<Record> {
    items.iter().map(|item| item.record(Media::None)).collect()
}

fn distillation() -> Distillation {
    let mut distillation = Distillation::new();
    distillation.agent = distillation.agent.with_wording(Wording::Toy);
    distillation
}

/// Distils one item with a teacher and judges that say what they are told; gives back what became of it.
fn fate(
    item: &Item,
    teacher: &[&str],
    text: Option<&'static str>,
    vision: Option<&'static str>,
) -> (String, [Check; 4]) {
    let folder = tempfile::tempdir().unwrap();
    let open = |_: &Record| item.clip.video();
    let teaching =
        |_: &Record| -> Box<dyn Speaker> { Box::new(Recorded::new(teacher.iter().copied())) };
    let judging = |said: Option<&'static str>| {
        move |_: &Record| -> Box<dyn Speaker> { Box::new(Recorded::new(said)) }
    };
    let (reading, looking) = (judging(text), judging(vision));
    let voices = Voices {
        teacher: &teaching,
        text_judge: text.is_some().then_some(&reading as _),
        vision_judge: vision.is_some().then_some(&looking as _),
    };
    let path = folder.path().join("attempts.jsonl");
    let records = [item.record(Media::None)];
    let rows = distillation()
        .run(&records, &path, &open, voices, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    let row = &rows[0];
    (row.fate().to_owned(), [row.well_formed, row.correct, row.sound, row.supported])
}

const YES: Option<&str> = Some(r#"{"keep": true, "reason": "fine"}"#);
const NO: Option<&str> = Some(r#"{"keep": false, "reason": "made up"}"#);

#[test]
fn every_check_can_drop_an_attempt_and_later_ones_are_not_paid_for() {
    let item = &items(1)[0];
    let right = format!("<think> seen </think> <answer> {} </answer>", item.question.answer);
    let wrong = "<think> seen </think> <answer> nothing at all </answer>";
    use Check::{Failed, NotMade, Passed};
    for (teacher, text, vision, expected, checks) in [
        (right.as_str(), YES, YES, "kept", [Passed; 4]),
        (&right, None, None, "kept", [Passed, Passed, NotMade, NotMade]),
        ("no form", YES, YES, "not well formed", [Failed, NotMade, NotMade, NotMade]),
        (&right, NO, YES, "not sound", [Passed, Passed, Failed, NotMade]),
        (&right, YES, NO, "not supported", [Passed, Passed, Passed, Failed]),
        (&right, YES, Some("yes, keep it"), "not supported", [Passed, Passed, Passed, Failed]),
    ] {
        assert_eq!(fate(item, &[teacher], text, vision), (expected.to_owned(), checks));
    }
    // What rules cannot read goes to the judge, who says no.
    let zero = Some(r#"{"score": 0}"#);
    assert_eq!(
        fate(item, &[wrong], zero, YES),
        ("not right".to_owned(), [Passed, Failed, NotMade, NotMade])
    );
    assert_eq!(fate(item, &[wrong], None, None).0, "not right");
}

#[test]
fn a_set_is_distilled_resumed_and_learnt_from() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("attempts.jsonl");
    let items = items(20);
    let records = records(&items);
    let find = |record: &Record| items.iter().find(|item| item.id == record.id).unwrap();
    let open = |record: &Record| find(record).clip.video();
    // Every fourth question is beyond the teacher.
    let teaching = |record: &Record| -> Box<dyn Speaker> {
        if record.id.ends_with(['3', '7']) {
            Box::new(Recorded::new(["?"]))
        } else {
            Box::new(Expert::new(find(record)))
        }
    };
    let voices = Voices { teacher: &teaching, text_judge: None, vision_judge: None };
    let distillation = distillation().with_workers(3);
    let mut num = 0;
    let stop_early = &mut |_: Progress<'_>| {
        num += 1;
        if num == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let first = distillation.run(&records, &path, &open, voices, stop_early).unwrap().len();
    assert!((5..20).contains(&first));
    let go_on = &mut |_: Progress<'_>| ControlFlow::Continue(());
    let rows = distillation.run(&records, &path, &open, voices, go_on).unwrap();
    assert_eq!(tally(&rows), BTreeMap::from([("kept", 16), ("not well formed", 4)]));
    let cost = Cost::total(&rows);
    let turns: usize = rows.iter().map(|row| row.trajectory.turns.len()).sum();
    assert_eq!(cost.num_requests, turns);
    let price = Price { prompt_per_million: 5.0, completion_per_million: 2e6 };
    assert_eq!(cost.at(price), 2.0 * cost.completion_tokens as f64); // the expert counts no tokens read

    let set = demonstrations(&rows, &records);
    let path = folder.path().join("set.jsonl");
    Demonstration::write_all(&path, &set).unwrap();
    let set = Demonstration::read_all(&path).unwrap();
    assert_eq!(set.len(), 16);
    // The turns on record make the same conversation again, frame by frame.
    for demonstration in &set {
        let video = open(&demonstration.record).unwrap();
        let agent = distillation.agent.clone().with_mode(Mode::Tool);
        let mut dialogue = Dialogue::start(&agent, &video, &demonstration.record.prompt()).unwrap();
        for turn in &demonstration.trajectory.turns {
            dialogue.hear(&Utterance::new(turn.text.clone())).unwrap();
        }
        let again = dialogue.into_trajectory();
        assert_eq!(again.stop, Stop::Answered);
        let hashes = |trajectory: &deepsport::agent::Trajectory| -> Vec<String> {
            trajectory.shown().map(|seen| seen.sha256.clone()).collect()
        };
        assert_eq!(hashes(&again), hashes(&demonstration.trajectory));
    }
}

#[test]
fn a_teacher_may_try_again() {
    let folder = tempfile::tempdir().unwrap();
    let item = &items(1)[0];
    let right = format!("<think> seen </think> <answer> {} </answer>", item.question.answer);
    let open = |_: &Record| item.clip.video();
    let teaching = |_: &Record| -> Box<dyn Speaker> { Box::new(Recorded::new(["?", "?", &right])) };
    let voices = Voices { teacher: &teaching, text_judge: None, vision_judge: None };
    let path = folder.path().join("attempts.jsonl");
    let records = [item.record(Media::None)];
    let go_on = &mut |_: Progress<'_>| ControlFlow::Continue(());
    let rows = distillation().with_attempts(4).run(&records, &path, &open, voices, go_on).unwrap();
    assert_eq!((rows[0].attempt, rows[0].is_kept(), rows[0].cost.num_requests), (3, true, 3));
}

#[cfg(feature = "openai")]
#[test]
fn servers_teach_and_judge() {
    use crate::openai::answer;
    use openai_service::test_server::Server;
    let folder = tempfile::tempdir().unwrap();
    let items = items(6);
    let records = records(&items);
    // The teacher's server knows the answers in order; one question at a time keeps the order.
    let replies = items.iter().map(|item| {
        let text = format!("<think>I see it.</think><answer>{}</answer>", item.question.answer);
        answer(&text)
    });
    let teacher_server = Server::start(replies.collect::<Vec<_>>());
    let (text_server, vision_server) = (
        Server::start([answer(YES.unwrap())]),
        Server::start([answer(YES.unwrap()), answer(NO.unwrap())]),
    );
    let client = |server: &Server| deepsport::OpenAi::new(&server.address, "tiny").unwrap();
    let (teacher, text, vision) =
        (client(&teacher_server), client(&text_server), client(&vision_server));
    let find = |record: &Record| items.iter().find(|item| item.id == record.id).unwrap();
    let open = |record: &Record| find(record).clip.video();
    let teaching = |_: &Record| -> Box<dyn Speaker> { Box::new(teacher.clone()) };
    let reading = |_: &Record| -> Box<dyn Speaker> { Box::new(text.clone()) };
    let looking = |_: &Record| -> Box<dyn Speaker> { Box::new(vision.clone()) };
    let voices =
        Voices { teacher: &teaching, text_judge: Some(&reading), vision_judge: Some(&looking) };
    let path = folder.path().join("attempts.jsonl");
    let go_on = &mut |_: Progress<'_>| ControlFlow::Continue(());
    let rows = Distillation::new().run(&records, &path, &open, voices, go_on).unwrap();
    assert_eq!(tally(&rows), BTreeMap::from([("kept", 1), ("not supported", 5)]));
    let cost = Cost::total(&rows);
    assert_eq!(
        (cost.num_requests, cost.prompt_tokens, cost.completion_tokens),
        (18, 18 * 900, 18 * 20)
    );
    // The vision judge saw the eight frames, the text judge none.
    let pictures = |server: &Server| server.requests()[0].body.matches("data:image/png").count();
    assert_eq!((pictures(&vision_server), pictures(&text_server)), (8, 0));
}
