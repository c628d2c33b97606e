//! A model on this machine, speaking.

use std::ops::ControlFlow;

use deepsport::Error;
use deepsport::agent::{
    Agent, Chorus as _, Dialogue, Message, Mode, Role, Speaker as _, Stop, Utterance, Waiting,
    Wording, run_all,
};
use deepsport::data::{Questions, Record};
use deepsport::evaluate::Evaluation;
use deepsport::local::folder::load;
use deepsport::local::{Model, NetworkPolicy, NetworkSpeaker, VideoEnvironment, VideoTask, Words};
use deepsport::world::{Expert, Item, World, WorldConfig};
use frame_tool::{Action, Tolerance, Turn, Video};
use grpo::{Environment as _, Policy as _, Reply, SampleRequest};
use rand_pcg::Pcg64;

use super::folder::toy_model;

fn model() -> Model {
    let folder = tempfile::tempdir().unwrap();
    toy_model(folder.path());
    load(folder.path(), &mut |_| ()).unwrap()
}

fn quiet(_: &str) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn item(index: u64) -> Item {
    World::new(WorldConfig { hard_share: 1.0, ..WorldConfig::default() }).unwrap().item(index)
}

fn agent() -> Agent {
    Agent::new().with_wording(Wording::Toy)
}

/// A conversation up to its first turn, and what the tool answers to the expert's call.
fn conversation(item: &Item) -> (Vec<Message>, Utterance, Message) {
    let (agent, video) = (agent(), item.clip.video().unwrap());
    let mut dialogue = Dialogue::start(&agent, &video, &item.question.text).unwrap();
    let messages = dialogue.messages().to_vec();
    let call = Expert::new(item).speak(&messages, 100, &mut quiet).unwrap();
    dialogue.hear(&call).unwrap();
    (messages, call, dialogue.messages().last().unwrap().clone())
}

/// Two turns, frames shown before each, of a speaker and of the policy that is trained, the latter so cold that it takes the
/// most probable word: prompts, what is kept between turns, and words are the same.
#[test]
fn it_says_what_the_policy_samples() {
    let model = model();
    let im_end = model.words.tokenizer().special().im_end;
    let forbidden = model.words.tokenizer().forbidden(model.network.config().text.vocab_size);
    let policy = NetworkPolicy::new(model.network.clone(), im_end, forbidden);
    let words = Words::toy(&WorldConfig::default()).unwrap();
    let environment = VideoEnvironment::new(agent(), words, policy.media_rule(), 512);
    let sample = |trajectory: &_| {
        let mut rng = Pcg64::new(1, 1);
        let request = SampleRequest { trajectory, max_new_tokens: 12, rng: &mut rng };
        let mut turn = policy.sample(&mut [request], 1e-4).unwrap().remove(0);
        let text = model.words.text(&turn.ids);
        if turn.truncated {
            // As the speaker does where a turn was cut off and the conversation goes on.
            (turn.truncated, turn.ids, turn.logps) =
                (false, [turn.ids, vec![im_end]].concat(), [turn.logps, vec![0.0]].concat());
        }
        (turn, text)
    };
    for index in 0..4 {
        let item = item(index);
        let (mut messages, call, answer) = conversation(&item);
        let task = VideoTask::toy(item).unwrap();
        // What stands between two turns does not depend on what they say.
        let (mut other, mut state) = environment.reset(&task).unwrap();
        let mut ids = model.words.tokenizer().encode(&call.text).unwrap();
        ids.push(im_end);
        other.append_demonstration(ids).unwrap();
        let reply = environment.step(&task, &mut state, &other).unwrap();
        let Reply::Continue(shown) = reply else { panic!("the call is answered") };

        let mut speaker = NetworkSpeaker::new(&model).with_max_turn_tokens(12);
        let (mut trajectory, _) = environment.reset(&task).unwrap();
        let said = speaker.speak(&messages, 1000, &mut quiet).unwrap();
        let (turn, text) = sample(&trajectory);
        assert_eq!((&said.text, said.prompt_tokens), (&text, Some(trajectory.ids().len())));
        trajectory.append_turn(&turn).unwrap();
        trajectory.append_observation(shown).unwrap();
        messages.extend([Message::text(Role::Assistant, said.text), answer]);
        let said = speaker.speak(&messages, 1000, &mut quiet).unwrap();
        let (_, text) = sample(&trajectory);
        assert_eq!((&said.text, said.prompt_tokens), (&text, Some(trajectory.ids().len())));
        assert!(!said.text.is_empty());
        // The ends of the window were seen before.
        let (hits, misses) = speaker.hits_and_misses();
        assert_eq!(hits + misses, 16);
        assert!(hits >= 2, "{hits} frames were known");
    }
}

#[test]
fn a_changed_conversation_is_read_anew() {
    let model = model();
    let (mut messages, _, answer) = conversation(&item(2));
    let mut speaker = NetworkSpeaker::new(&model).with_max_turn_tokens(8);
    speaker.speak(&messages, 1000, &mut quiet).unwrap();
    messages.extend([Message::text(Role::Assistant, "<think> seen at 3 </think>"), answer]);
    let said = speaker.speak(&messages, 1000, &mut quiet).unwrap();
    let mut fresh = NetworkSpeaker::new(&model).with_max_turn_tokens(8);
    assert_eq!(said, fresh.speak(&messages, 1000, &mut quiet).unwrap());
}

#[test]
fn many_at_once_say_what_each_says_alone() {
    let model = model();
    let talks: Vec<_> = (0..3).map(|index| conversation(&item(index))).collect();
    let mut alone: Vec<_> =
        (0..3).map(|_| NetworkSpeaker::new(&model).with_max_turn_tokens(10)).collect();
    let mut chorus = NetworkSpeaker::new(&model).with_max_turn_tokens(10);
    let mut messages: Vec<_> = talks.iter().map(|(messages, ..)| messages.clone()).collect();
    // All three; then the last and the first, for the second has ended; limits of their own.
    for rows in [vec![0, 1, 2], vec![2, 0]] {
        let waiting: Vec<_> = rows
            .iter()
            .map(|&row| Waiting { messages: &messages[row], max_tokens: 6 + row })
            .collect();
        let together = chorus.speak_all(&waiting);
        for (&row, together) in rows.iter().zip(together) {
            let together = together.unwrap();
            let single = alone[row].speak(&messages[row], 6 + row, &mut quiet).unwrap();
            assert_eq!(together, single, "row {row}");
            let turn = Message::text(Role::Assistant, single.text);
            messages[row].extend([turn, talks[row].2.clone()]);
        }
    }
}

#[test]
fn chance_is_the_seeds() {
    let model = model();
    let (messages, ..) = conversation(&item(0));
    let say = |seed| {
        let speaker = NetworkSpeaker::new(&model).with_max_turn_tokens(8);
        let mut speaker = speaker.with_sampling(1.0, 0.95, seed).unwrap();
        speaker.speak(&messages, 100, &mut quiet).unwrap().text
    };
    assert_eq!(say(1), say(1));
    assert_ne!(say(1), say(2));
    let error = NetworkSpeaker::new(&model).with_sampling(-1.0, 1.0, 0).unwrap_err();
    assert!(error.to_string().contains("temperature -1"), "{error}");
}

/// So hot that all words come up: sooner or later a tag does.
#[test]
fn a_turn_ends_behind_its_tag_and_calls_are_well_formed() {
    let model = model();
    let (messages, ..) = conversation(&item(0));
    let (mut ended, mut calls) = (0, 0);
    for seed in 0..40 {
        let speaker = NetworkSpeaker::new(&model).with_sampling(100.0, 1.0, seed).unwrap();
        let mut speaker = speaker.with_grammar(100).unwrap();
        let mut streamed = String::new();
        let said = speaker
            .speak(&messages, 300, &mut |piece| {
                streamed.push_str(piece);
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(streamed, said.text);
        let tag = ["</tool_call>", "</answer>"].into_iter().find(|tag| said.text.ends_with(tag));
        let inside = &said.text[..said.text.len() - tag.map_or(0, str::len)];
        assert!(!inside.contains("</tool_call>") && !inside.contains("</answer>"));
        ended += usize::from(tag.is_some());
        if let Some((_, call)) = said.text.split_once("<tool_call>") {
            let text = format!("<think>a</think><tool_call>{call}");
            let turn = Turn::parse(&text, Tolerance::Strict);
            let Ok(Action::Frames(call)) = turn.action else { panic!("{text}: {turn:?}") };
            assert!(0 <= call.start && call.start < call.end && call.end <= 99, "{call:?}");
            calls += 1;
        }
    }
    assert!(ended >= 10 && calls >= 3, "{ended} turns ended by a tag, {calls} calls");
    assert!(NetworkSpeaker::new(&model).with_grammar(1).is_err());
}

/// As hot as above, where many of forty turns call.
#[test]
fn without_the_tool_no_call_is_opened() {
    let model = model();
    let (messages, ..) = conversation(&item(0));
    for seed in 0..20 {
        let speaker = NetworkSpeaker::new(&model).with_sampling(100.0, 1.0, seed).unwrap();
        let said = speaker.without_tool().speak(&messages, 300, &mut quiet).unwrap().text;
        assert!(!said.contains("<tool_call>") && !said.contains(" over"), "{said}");
    }
}

#[test]
fn whoever_listens_can_end_a_turn() {
    let model = model();
    let (messages, ..) = conversation(&item(0));
    let mut num_pieces = 0;
    let said = NetworkSpeaker::new(&model).speak(&messages, 100, &mut |_| {
        num_pieces += 1;
        if num_pieces == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(num_pieces, 3);
    assert!(said.unwrap().completion_tokens < Some(100));
}

#[test]
fn a_full_context_ends_a_run_and_refuses_a_question() {
    let model = model();
    let item = item(1);
    let video = item.clip.video().unwrap();
    // Random weights never end a turn, so the first one fills the context of 512.
    let mut agent = agent();
    agent.max_malformed = 9;
    let mut speaker = NetworkSpeaker::new(&model);
    let run = agent.run(&video, &item.question.text, &mut speaker).unwrap();
    assert_eq!((run.stop, run.turns.len()), (Stop::ContextLength, 1));
    let turn = &run.turns[0];
    assert_eq!(turn.prompt_tokens.unwrap() + turn.completion_tokens.unwrap(), 512);
    let long = "who ? ".repeat(300);
    let error = agent.run(&video, &long, &mut speaker).unwrap_err();
    assert!(matches!(&error, Error::ContextLength { context: 512, .. }), "{error}");
    // In a chorus each for itself.
    let runs = [(&agent, &video, long.as_str()), (&agent, &video, item.question.text.as_str())];
    let runs = run_all(&runs, &mut speaker);
    assert!(matches!(&runs[0], Err(Error::ContextLength { .. })));
    assert_eq!(runs[1].as_ref().unwrap().stop, Stop::ContextLength);
}

/// Questions side by side, with the same answers as one by one; a video that cannot be opened takes no other with it.
#[test]
fn an_evaluation_in_chorus_is_that_of_each() {
    let model = model();
    let questions = Questions::toy(WorldConfig::default(), 0..5).unwrap();
    let evaluation = |workers| {
        Evaluation::new(agent().with_max_response_tokens(30))
            .with_modes(Mode::ALL)
            .with_workers(workers)
    };
    let open = |record: &Record| -> deepsport::Result<Video> {
        if record.id.ends_with("-3") {
            let (name, value, expected) = ("media", "none".into(), "a video".into());
            return Err(Error::InvalidSetting { name, value, expected });
        }
        questions.open(record)
    };
    let folder = tempfile::tempdir().unwrap();
    let run = |workers: usize| {
        let path = folder.path().join(format!("{workers}.jsonl"));
        let mut speaker = NetworkSpeaker::new(&model).with_max_turn_tokens(10);
        let mut failed = 0;
        let mut tell = |progress: deepsport::evaluate::Progress<'_>| {
            failed += usize::from(matches!(progress, deepsport::evaluate::Progress::Failed { .. }));
            ControlFlow::Continue(())
        };
        let run = evaluation(workers)
            .run_in_chorus(questions.records(), &path, &open, &mut speaker, None, &mut tell)
            .unwrap();
        assert_eq!(failed, 3);
        run
    };
    let together = run(7);
    assert_eq!(together.len(), 12);
    let speaker = |_: &Record| -> Box<dyn deepsport::agent::Speaker + '_> {
        Box::new(NetworkSpeaker::new(&model).with_max_turn_tokens(10))
    };
    let path = folder.path().join("alone.jsonl");
    let mut quiet = |_: deepsport::evaluate::Progress<'_>| ControlFlow::Continue(());
    let mut alone =
        evaluation(1).run(questions.records(), &path, &open, &speaker, None, &mut quiet).unwrap();
    alone.sort_by_key(|graded| {
        together.iter().position(|other| (&other.id, other.mode) == (&graded.id, graded.mode))
    });
    assert_eq!(alone, together);
}
