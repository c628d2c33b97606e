//! The log-probability of a token is the same when it is sampled and when it is trained on.

use burn::module::Module;
use deepsport_model::Sequence;
use deepsport_model::generate::{Session, SessionSettings, Writer, write};
use deepsport_model::sampling::{Sampler, SamplingSettings};
use deepsport_model::tokenizer::Tokenizer;
use deepsport_model::training::ScoreSettings;

use crate::fixtures::{Golden, assert_close, media_of, network, path, pixels, rows, values};

/// Demanded: the two passes take the same sums in another order.
const LIMIT: f32 = 1e-5;

/// Three turns with pictures before and between them, several rows that share the first prompt, tokens of a tool's answer
/// between what is sampled; read in chunks, forked, ragged.
fn check(temperature: f32) {
    let (Some(network), Some(golden), Some(folder)) =
        (network("untied_f32"), Golden::open("forward_interleaved"), path("untied_f32"))
    else {
        return;
    };
    let config = network.config().clone();
    let Some((pictures, clips)) = media_of("interleaved") else { return };
    let Some(rows) = rows(&golden, &pictures, &clips, &config) else { return };
    let Some(picture) = pixels("f0", None) else { return };
    let tokenizer = Tokenizer::from_dir(folder).unwrap();
    let forbidden = tokenizer.forbidden(config.text.vocab_size);

    let prompt = rows[0].sequence.clone();
    let mut session =
        Session::new(&network, vec![prompt.clone()], SessionSettings { chunk: 48, room: 200 })
            .unwrap();
    session.read().unwrap();
    let mut session = session.fork(3).unwrap();
    let mut sampled: Vec<Vec<(usize, f32)>> = vec![vec![]; 3];
    for turn in 0..3 {
        let starts: Vec<usize> =
            session.sequences().iter().map(|sequence| sequence.len()).collect();
        let settings = SamplingSettings {
            temperature,
            forbidden: forbidden.clone(),
            ..SamplingSettings::default()
        };
        let mut writers: Vec<Writer<'_>> = (0..3)
            .map(|row| {
                Writer::new(&tokenizer, Sampler::new(settings.clone(), 7 + turn, row).unwrap())
            })
            .collect();
        let completions =
            write(&mut session, &mut writers, 12 + 5 * turn as usize, &mut |_, _| {}).unwrap();
        for (row, completion) in completions.iter().enumerate() {
            sampled[row].extend(
                completion
                    .log_probs
                    .iter()
                    .enumerate()
                    .map(|(i, log_prob)| (starts[row] + i, *log_prob)),
            );
            let mut answer = vec![60 + row as u32; 3 + 2 * row];
            answer.push(config.vision_start_token_id);
            answer.extend(vec![config.image_token_id; picture.grid.iter().product::<usize>() / 4]);
            answer.push(config.vision_end_token_id);
            session.append(row, &answer, std::slice::from_ref(&picture)).unwrap();
        }
    }
    let sequences: Vec<Sequence> = session.sequences().into_iter().cloned().collect();
    let sequences: Vec<&Sequence> = sequences.iter().collect();
    let from = vec![prompt.len(); 3];
    for training in [network.clone(), network.train()] {
        let settings =
            ScoreSettings { temperature: f64::from(temperature), ..ScoreSettings::default() };
        let scores = training.token_scores(&sequences, &from, &settings).unwrap();
        let [_, columns] = scores.log_probs.dims();
        let log_probs = values(&scores.log_probs);
        let mut worst = 0.0f32;
        for (row, sampled) in sampled.iter().enumerate() {
            let trained: Vec<f32> = sampled
                .iter()
                .map(|(place, _)| log_probs[row * columns + place - prompt.len()])
                .collect();
            let recorded: Vec<f32> = sampled.iter().map(|(_, log_prob)| *log_prob).collect();
            worst = worst.max(assert_close(&format!("row {row}"), &trained, &recorded, LIMIT));
        }
        eprintln!(
            "temperature {temperature}: {} tokens, largest difference {worst:e}",
            sampled.iter().map(Vec::len).sum::<usize>()
        );
    }
}

#[test]
fn sampled_and_trained_log_probabilities_are_the_same() {
    check(1.0);
    check(0.7);
}
