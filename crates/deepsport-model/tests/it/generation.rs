//! Continuing sequences: greedy decoding token for token, and every way to build the same state.

use deepsport_model::generate::{
    Choice, Completion, FeatureCache, Session, SessionSettings, generate, greedy,
};
use deepsport_model::{Error, Network, Sequence};
use proptest::prelude::*;

use crate::fixtures::{Golden, Row, assert_close, json, media_of, network, pixels, rows};

/// Advised by the fixtures: logits 2e-4, of the tied checkpoint 1e-3; log-probabilities 2e-4.
const LOG_PROB: f32 = 2e-4;

fn case(name: &str, network: &Network) -> Option<Vec<Row>> {
    let golden = Golden::open(&format!("forward_{name}"))?;
    let (pictures, clips) = media_of(name)?;
    rows(&golden, &pictures, &clips, network.config())
}

fn sequences(rows: &[Row]) -> Vec<Sequence> {
    rows.iter().map(|row| row.sequence.clone()).collect()
}

fn continued(session: &mut Session<'_>, steps: usize) -> Vec<Completion> {
    generate(session, steps, &mut |_, logits, _| Ok(greedy(logits, |_| false))).unwrap()
}

fn check(checkpoint: &str, kind: &str, logits_limit: f32) {
    let (Some(network), Some(golden)) = (network(checkpoint), json("goldens/generation.json"))
    else {
        return;
    };
    let steps = golden["steps"].as_u64().unwrap() as usize;
    for (name, kinds) in golden["cases"].as_object().unwrap() {
        let Some(rows) = case(name, &network) else { continue };
        let expected = &kinds[kind];
        let mut logits: Vec<Vec<Vec<f32>>> = vec![vec![]; rows.len()];
        let mut session =
            Session::new(&network, sequences(&rows), SessionSettings::default()).unwrap();
        let completions = generate(&mut session, steps, &mut |row, scores, _| {
            logits[row].push(scores.to_vec());
            Ok(greedy(scores, |_| false))
        })
        .unwrap();
        for (row, completion) in completions.iter().enumerate() {
            let tokens: Vec<u32> = expected["tokens"][row]
                .as_array()
                .unwrap()
                .iter()
                .map(|t| t.as_u64().unwrap() as u32)
                .collect();
            assert_eq!(completion.ids, tokens, "{name} {kind} row {row}");
            let log_probs: Vec<f32> = expected["logprobs"][row]
                .as_array()
                .unwrap()
                .iter()
                .map(|l| l.as_f64().unwrap() as f32)
                .collect();
            assert_close(&format!("{name} {kind}"), &completion.log_probs, &log_probs, LOG_PROB);
        }
        let steps_file = Golden::open("generation");
        let key = format!("{name}.step_logits");
        if let Some(file) = steps_file.filter(|file| kind == "untied" && file.has(&key)) {
            let [_, kept, vocab] = file.shape(&key)[..] else { panic!("three axes") };
            let all = file.floats(&key);
            for (row, logits) in logits.iter().enumerate() {
                for step in 0..kept {
                    let from = (row * kept + step) * vocab;
                    assert_close(
                        &format!("{key} {step}"),
                        &logits[step * 8],
                        &all[from..from + vocab],
                        logits_limit,
                    );
                }
            }
        }
    }
}

#[test]
fn greedy_tokens_are_those_of_transformers() {
    check("untied_f32", "untied", 2e-4);
    check("tied_f32", "tied", 1e-3);
}

/// Scores of the next word after reading, by the plain way: one row, one piece.
fn plain(network: &Network, sequence: &Sequence) -> Vec<f32> {
    let settings = SessionSettings { chunk: usize::MAX >> 1, room: 0 };
    let mut session = Session::new(network, vec![sequence.clone()], settings).unwrap();
    session.read().unwrap();
    session.logits(0).to_vec()
}

/// Rounding: the sums are the same but taken in another order. The tiny network's logits are about 10.
const SAME: f32 = 5e-5;

#[test]
fn chunks_of_any_size_give_what_one_piece_gives() {
    let Some(network) = network("untied_f32") else { return };
    let Some(rows) = case("interleaved", &network) else { return };
    let expected = plain(&network, &rows[0].sequence);
    for chunk in [1, 7, 64, 100] {
        let mut session =
            Session::new(&network, sequences(&rows), SessionSettings { chunk, room: 4 }).unwrap();
        session.read().unwrap();
        assert_close(&format!("chunks of {chunk}"), session.logits(0), &expected, SAME);
    }
}

#[test]
fn a_batch_of_ragged_rows_gives_what_each_alone_gives() {
    let Some(network) = network("untied_f32") else { return };
    let all: Option<Vec<Row>> = ["text", "interleaved", "video"]
        .iter()
        .map(|name| case(name, &network).map(|mut rows| rows.remove(0)))
        .collect();
    let Some(rows) = all else { return };
    let mut session =
        Session::new(&network, sequences(&rows), SessionSettings { chunk: 50, room: 2 }).unwrap();
    let together = continued(&mut session, 12); // beyond the room that was made
    for (row, completion) in rows.iter().zip(&together) {
        let settings = SessionSettings::default();
        let mut session = Session::new(&network, vec![row.sequence.clone()], settings).unwrap();
        let alone = continued(&mut session, 12).remove(0);
        assert_eq!(completion.ids, alone.ids);
        assert_close("log-probabilities", &completion.log_probs, &alone.log_probs, SAME);
    }
}

#[test]
fn forks_share_their_prefix_and_go_their_own_ways() {
    let Some(network) = network("untied_f32") else { return };
    let Some(rows) = case("padded", &network) else { return };
    let mut session =
        Session::new(&network, sequences(&rows), SessionSettings { chunk: 40, room: 3 }).unwrap();
    session.read().unwrap();
    let mut forked = session.fork(3).unwrap();
    // every fork takes another word first, then its best ones
    let mut first = true;
    let mut choose_apart = |row: usize, logits: &mut [f32], _: &Sequence| {
        if first {
            let choice = greedy(logits, |_| false);
            logits[choice.id as usize] = f32::NEG_INFINITY;
            first = row != 5;
            for _ in 0..row % 3 {
                let next = greedy(logits, |_| false);
                logits[next.id as usize] = f32::NEG_INFINITY;
            }
        }
        Ok(greedy(logits, |_| false))
    };
    let completions = generate(&mut forked, 8, &mut choose_apart).unwrap();
    assert_ne!(completions[0].ids[0], completions[1].ids[0]);
    // what each fork wrote, then a turn of different length for each, then two of them alone
    for row in 0..6 {
        forked.append(row, &vec![17; row + 1], &[]).unwrap();
    }
    forked.read().unwrap();
    for row in 0..6 {
        assert_close(
            &format!("fork {row}"),
            forked.logits(row),
            &plain(&network, forked.sequences()[row]),
            SAME,
        );
    }
    forked.keep_rows(&[4, 1]).unwrap();
    let again = continued(&mut forked, 3);
    for (row, completion) in again.iter().enumerate() {
        let mut sequence = forked.sequences()[row].clone();
        let whole = sequence.clone();
        let start = whole.len() - completion.ids.len();
        sequence =
            Sequence::new(&whole.input_ids()[..start], whole.media(), network.config()).unwrap();
        let mut session =
            Session::new(&network, vec![sequence], SessionSettings::default()).unwrap();
        assert_eq!(continued(&mut session, 3)[0].ids, completion.ids);
    }
    // a second fork copies
    let mut forked = forked.fork(2).unwrap();
    forked.append(1, &[20, 21], &[]).unwrap();
    forked.read().unwrap();
    assert_close("forked again", forked.logits(1), &plain(&network, forked.sequences()[1]), SAME);
}

#[test]
fn pictures_that_were_seen_are_not_computed_again() {
    let Some(network) = network("untied_f32") else { return };
    let Some(rows) = case("interleaved", &network) else { return };
    let expected = plain(&network, &rows[0].sequence);
    let mut known = FeatureCache::new(1000);
    for round in 0..2 {
        let mut session =
            Session::new(&network, sequences(&rows), SessionSettings::default()).unwrap();
        session.read_with(Some(&mut known)).unwrap();
        assert_close("from memory", session.logits(0), &expected, SAME);
        assert_eq!(known.hits_and_misses(), (4 * round, 4));
    }
}

#[test]
fn placeholders_and_words_that_are_none_cannot_be_chosen() {
    let Some(network) = network("untied_f32") else { return };
    let config = network.config().clone();
    let choose = |id: u32| {
        let prompt = Sequence::new(&[5, 6, 7], &[], &config).unwrap();
        let mut session = Session::new(&network, vec![prompt], SessionSettings::default()).unwrap();
        let mut choose = |_: usize, _: &mut [f32], _: &Sequence| {
            Ok(Choice { id, log_prob: 0.0, is_last: false })
        };
        generate(&mut session, 2, &mut choose).unwrap_err()
    };
    for id in [config.image_token_id, config.video_token_id] {
        assert!(
            matches!(choose(id), Error::PlaceholderChosen { sequence: 0, id: found } if found == id)
        );
    }
    let outside = config.text.vocab_size as u32;
    assert!(matches!(choose(outside), Error::TokenId { place: 3, id, .. } if id == outside));
    let prompt = Sequence::new(&[5, 6, 7], &[], &config).unwrap();
    let mut session = Session::new(&network, vec![prompt], SessionSettings::default()).unwrap();
    let too_many = config.text.max_position_embeddings - 2;
    let error = generate(&mut session, too_many, &mut |_, logits, _| Ok(greedy(logits, |_| false)));
    assert!(
        matches!(error, Err(Error::ContextLength { length, context, .. }) if length == context + 1)
    );
}

/// A step in the life of a session.
#[derive(Debug, Clone)]
enum Step {
    /// Tokens for every row, another number for each; the last of them ends with a picture if told so.
    Append(usize, bool),
    Read,
    /// So many tokens written one by one.
    Write(usize),
    Fork(usize),
    /// Keeps the last row and the first, in this order.
    Keep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1usize..12, any::<bool>()).prop_map(|(count, picture)| Step::Append(count, picture)),
        2 => Just(Step::Read),
        2 => (1usize..4).prop_map(Step::Write),
        1 => (2usize..4).prop_map(Step::Fork),
        1 => Just(Step::Keep),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Chunks, turns, pictures, forks, dropped rows, in any order: the next word's scores are those of one plain reading.
    #[test]
    fn however_a_prefix_was_built_the_next_scores_are_the_same(
        steps in prop::collection::vec(step(), 1..8), chunk in 1usize..40, room in 0usize..20,
    ) {
        let (Some(network), Some(picture)) = (network("untied_f32"), pixels("f0", None)) else { return Ok(()) };
        let config = network.config();
        let prompts = [vec![40, 41, 42], vec![7; 9]];
        let prompts = prompts.iter().map(|ids| Sequence::new(ids, &[], config).unwrap()).collect();
        let mut session = Session::new(&network, prompts, SessionSettings { chunk, room }).unwrap();
        for (turn, step) in steps.iter().enumerate() {
            let rows = session.sequences().len();
            match *step {
                Step::Append(count, with_picture) => for row in 0..rows {
                    let mut ids: Vec<u32> = (0..count + row).map(|i| (20 + 31 * i + 7 * row + turn) as u32).collect();
                    let has_picture = with_picture && row + 1 == rows;
                    if has_picture {
                        ids.push(config.vision_start_token_id);
                        ids.extend(vec![config.image_token_id; picture.num_tokens(2)]);
                        ids.push(config.vision_end_token_id);
                    }
                    let media = if has_picture { std::slice::from_ref(&picture) } else { &[] };
                    session.append(row, &ids, media).unwrap();
                },
                Step::Read => session.read().unwrap(),
                Step::Write(count) => drop(generate(&mut session, count, &mut |row, logits, _| {
                    logits[config.image_token_id as usize] = f32::NEG_INFINITY;
                    logits[config.video_token_id as usize] = f32::NEG_INFINITY;
                    logits[greedy(logits, |_| false).id as usize] -= row as f32; // rows part
                    Ok(greedy(logits, |_| false))
                }).unwrap()),
                Step::Fork(forks) if rows * forks <= 6 => session = session.fork(forks).unwrap(),
                Step::Fork(_) => {}
                Step::Keep => session.keep_rows(&[rows - 1, 0]).unwrap(),
            }
        }
        for row in 0..session.sequences().len() {
            session.append(row, &[33], &[]).unwrap(); // something is unread in the end
        }
        session.read().unwrap();
        for (row, sequence) in session.sequences().into_iter().enumerate() {
            let (found, expected) = (session.logits(row), plain(&network, sequence));
            let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            prop_assert!(worst <= SAME, "row {row}: {worst:e}");
        }
    }
}
