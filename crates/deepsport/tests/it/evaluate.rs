//! Evaluation: what is right, who says so, how sure it is.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use deepsport::agent::{Agent, Message, Mode, Part, Recorded, Speaker, Utterance, Wording};
use deepsport::data::{Answer, Media, Record};
use deepsport::evaluate::{
    ErrorClass, Evaluation, Graded, Judge, Method, Progress, Reading, Summary, compare,
    read_answer, read_graded,
};
use deepsport::report::{evaluation_page, trace_page};
use deepsport::world::{Expert, Item, World, WorldConfig};
use deepsport::{Difficulty, Error, Result};
use proptest::prelude::*;

fn items(num: u64) -> Vec<Item> {
    World::new(WorldConfig::default()).unwrap().items(0..num).collect()
}

fn records(items: &[Item]) -> Vec<Record> {
    items.iter().map(|item| item.record(Media::None)).collect()
}

/// Answers from the first frames alone: rightly if the event is among them, else always the first option.
struct Glimpse(Item);

impl Speaker for Glimpse {
    fn name(&self) -> String {
        "glimpse".into()
    }

    fn speak(
        &mut self,
        messages: &[Message],
        _: usize,
        on_piece: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Utterance> {
        let (clip, question) = (&self.0.clip, &self.0.question);
        let sees = messages
            .iter()
            .flat_map(Message::frames)
            .any(|frame| clip.event().contains(&frame.index()));
        let answer = if sees { &question.answer } else { &question.options[0] };
        let text = format!("<think> hm </think> <answer> {answer} </answer>");
        let _ = on_piece(&text);
        Ok(Utterance::new(text))
    }
}

type Make = dyn Fn(&Item) -> Box<dyn Speaker> + Sync;

fn run(path: &Path, items: &[Item], modes: &[Mode], make: &Make) -> Vec<Graded> {
    let find = |record: &Record| items.iter().find(|item| item.id == record.id).unwrap();
    let agent = Agent::training().with_wording(Wording::Toy);
    let evaluation = Evaluation::new(agent).with_modes(modes.iter().copied()).with_workers(3);
    let open = |record: &Record| find(record).clip.video();
    let speaker = |record: &Record| make(find(record));
    evaluation
        .run(&records(items), path, &open, &speaker, None, &mut |_| ControlFlow::Continue(()))
        .unwrap()
}

fn expert(item: &Item) -> Box<dyn Speaker> {
    Box::new(Expert::new(item))
}

fn glimpse(item: &Item) -> Box<dyn Speaker> {
    Box::new(Glimpse(item.clone()))
}

#[test]
fn looking_again_is_what_hard_questions_take() {
    let folder = tempfile::tempdir().unwrap();
    let items = items(60);
    let looked = run(&folder.path().join("expert.jsonl"), &items, &[Mode::Tool], &expert);
    let glimpsed = run(&folder.path().join("glimpse.jsonl"), &items, &[Mode::Tool], &glimpse);

    let summary = &Summary::of(&looked)[0];
    assert_eq!((summary.overall.accuracy.mean, summary.macro_dimensions), (1.0, 1.0));
    assert_eq!(summary.overall.window_recall.unwrap(), summary.overall.mean_calls); // hard ones: one call, all of it found
    assert_eq!(summary.difficulties["easy"].mean_frames, 8.0);
    assert_eq!(summary.difficulties["hard"].mean_frames, 16.0);
    assert_eq!(summary.methods, BTreeMap::from([(Method::Rule, 60)]));
    assert!(summary.errors.is_empty());

    let summary = &Summary::of(&glimpsed)[0];
    assert_eq!(summary.difficulties["easy"].accuracy.mean, 1.0);
    let hard: Vec<&Item> =
        items.iter().filter(|item| item.difficulty == Difficulty::Hard).collect();
    let lucky = hard.iter().filter(|item| item.question.answer == item.question.options[0]).count();
    assert_eq!(summary.difficulties["hard"].accuracy.mean, lucky as f64 / hard.len() as f64);
    // Whatever was wrong was wrong because nothing was looked at.
    assert_eq!(summary.errors, BTreeMap::from([(ErrorClass::ToolGrounding, hard.len() - lucky)]));

    let comparison = compare((&glimpsed, Mode::Tool), (&looked, Mode::Tool)).unwrap();
    assert_eq!(comparison.better_worse, [hard.len() - lucky, 0]);
    assert!(comparison.p_t.unwrap() < 0.001 && comparison.p_permutation < 0.001);
    let same = compare((&looked, Mode::Tool), (&looked, Mode::Tool)).unwrap();
    assert_eq!((same.difference.mean, same.p_t, same.p_permutation), (0.0, None, 1.0));
    assert!(matches!(
        compare((&looked, Mode::Think), (&looked, Mode::Tool)),
        Err(Error::TooFew { .. })
    ));

    let page = evaluation_page("Expert", &looked, Some(&comparison)).unwrap();
    assert!(page.contains("table tennis") && page.contains("sign flips"));
    assert!(!page.contains("<script") && !page.contains("src=\"http"));
}

#[test]
fn what_went_wrong_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let items = items(30);
    let find =
        |difficulty| items.iter().find(|item| item.difficulty == difficulty).unwrap().clone();
    let (easy, hard) = (find(Difficulty::Easy), find(Difficulty::Hard));
    let (before, after) = (hard.clip.event().start - 1, hard.clip.event().end);
    let wrong = |item: &Item| {
        let other =
            item.question.options.iter().find(|option| **option != item.question.answer).unwrap();
        format!("<think> hm </think> <answer> {other} </answer>")
    };
    let call = format!(
        "<think> hm </think> <tool_call> frame_extraction_tool( {before} , {after} ) </tool_call>"
    );
    let cases: [(&Item, Vec<String>, Option<ErrorClass>); 4] = [
        (&easy, vec![wrong(&easy)], Some(ErrorClass::VisualMisreading)),
        (&hard, vec![wrong(&hard)], Some(ErrorClass::ToolGrounding)),
        (&hard, vec![call, wrong(&hard)], Some(ErrorClass::VisualMisreading)),
        (&easy, vec!["red".to_owned()], Some(ErrorClass::Other)),
    ];
    for (i, (item, turns, expected)) in cases.into_iter().enumerate() {
        let path = folder.path().join(format!("{i}.jsonl"));
        let make = move |_: &Item| -> Box<dyn Speaker> { Box::new(Recorded::new(turns.clone())) };
        let run = run(&path, std::slice::from_ref(item), &[Mode::Tool], &make);
        assert_eq!((run[0].error_class, run[0].score), (expected, 0.0), "case {i}");
    }
}

#[test]
fn an_interrupted_run_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl");
    let items = items(8);
    let asked = AtomicUsize::new(0);
    let find = |record: &Record| items.iter().find(|item| item.id == record.id).unwrap();
    let open = |record: &Record| find(record).clip.video();
    let speaker = |record: &Record| {
        asked.fetch_add(1, Ordering::Relaxed);
        expert(find(record))
    };
    let evaluation = Evaluation::new(Agent::training().with_wording(Wording::Toy));
    let mut num = 0;
    let stop_early = &mut |_: Progress<'_>| {
        num += 1;
        if num == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let first = evaluation.run(&records(&items), &path, &open, &speaker, None, stop_early).unwrap();
    assert!((3..8).contains(&first.len()));
    let go_on = &mut |_: Progress<'_>| ControlFlow::Continue(());
    let all = evaluation.run(&records(&items), &path, &open, &speaker, None, go_on).unwrap();
    // What the worker had in its hands at the stop was finished, and nothing was asked twice.
    assert_eq!((all.len(), asked.load(Ordering::Relaxed)), (8, 8));
    assert_eq!(read_graded(&path).unwrap(), all);
}

fn open_question() -> Record {
    let mut record = Record::new("test", "1", "v", "Why is it a foul?");
    record.answer = Answer::Text("The defender trips him.".into());
    record
}

#[test]
fn a_judge_scores_what_rules_cannot_and_everything_it_says_is_kept() {
    let said = [
        r#"{"score": 1, "reason": "same"}"#,
        r#"{"score": 0.5, "reason": "half"}"#,
        r#"{"score": 1}"#,
    ];
    let mut judge = Judge::new(Recorded::new(said)).with_repeats(3);
    let verdict = judge.score(&open_question(), "A trip.").unwrap();
    assert_eq!(verdict.score, Some(2.5 / 3.0));
    assert_eq!(verdict.agreement, Some(2.0 / 3.0));
    assert_eq!((verdict.raw.len(), verdict.model.as_str()), (3, "recorded"));
    let verdict =
        Judge::new(Recorded::new(["no idea"])).score(&open_question(), "A trip.").unwrap();
    assert_eq!((verdict.score, verdict.agreement), (None, None));
}

/// Keeps what it was asked.
struct Listener(std::sync::mpsc::Sender<String>);

impl Speaker for Listener {
    fn name(&self) -> String {
        "listener".into()
    }

    fn speak(
        &mut self,
        messages: &[Message],
        _: usize,
        _: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Utterance> {
        for part in messages.iter().flat_map(|message| &message.parts) {
            if let Part::Text(text) = part {
                self.0.send(text.clone()).unwrap();
            }
        }
        Ok(Utterance::new(r#"{"score": 0}"#))
    }
}

#[test]
fn a_judge_sees_question_reference_and_answer() {
    let (sender, heard) = std::sync::mpsc::channel();
    let mut record = open_question();
    record.options = vec!["Trip".into(), "Push".into()];
    record.answer = Answer::Letters(['A'].into());
    Judge::new(Listener(sender)).score(&record, "The first one").unwrap();
    let heard: Vec<String> = heard.iter().collect();
    assert!(
        heard[1].contains("Why is it a foul?\nA. Trip")
            && heard[1].contains("Reference answer: A. Trip")
    );
    assert!(heard[1].ends_with("Answer to grade: The first one"));
}

#[test]
fn the_page_of_a_run_shows_the_very_frames_and_loads_nothing() {
    let item = items(30).into_iter().find(|item| item.difficulty == Difficulty::Hard).unwrap();
    let video = item.clip.video().unwrap();
    let agent = Agent::training().with_wording(Wording::Toy);
    let mut trajectory = agent.run(&video, &item.question.text, &mut Expert::new(&item)).unwrap();
    trajectory.video.path = Some("<clip & co>".into());
    let page = trace_page(&trajectory, &video, &[item.clip.event()]).unwrap();
    assert_eq!(page.matches("src=\"data:image/png;base64,").count(), 16);
    for seen in trajectory.shown() {
        assert!(page.contains(&seen.sha256));
    }
    assert!(page.contains("class=\"event\"") && !page.contains("<clip"));
    assert!(!page.contains("<script") && !page.contains("http"));
    let other = items(31).pop().unwrap().clip.video().unwrap();
    assert!(matches!(trace_page(&trajectory, &other, &[]), Err(Error::Replay { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is answered, it is read without a panic, and whoever repeats the right answer is right.
    #[test]
    fn whatever_is_answered_is_read(text in prop_oneof![any::<String>(), "[A-Ea-e0-9 .,()*:-]{0,20}"], right in 0_usize..4) {
        let mut record = open_question();
        let options = ["a throw in", "a corner", "2 metres", "in"].map(String::from);
        for answer in [
            Answer::Letters([char::from(b'A' + right as u8)].into()),
            Answer::Label(options[right].clone()),
            Answer::Number { value: right as f64 - 1.5, tolerance: 0.0 },
            Answer::Text(options[right].clone()),
        ] {
            record.options = options.to_vec();
            record.labels = options.to_vec();
            record.answer = answer;
            let _ = read_answer(&record, &text);
            let expected = if record.answer.is_closed() { Reading::Score(1.0) } else { Reading::Open };
            prop_assert_eq!(read_answer(&record, &record.answer.to_string()), expected);
        }
    }
}
