//! Filters against transformers, and tool calls under a grammar.

use std::ops::RangeInclusive;

use deepsport_model::Error;
use deepsport_model::sampling::{
    CallPattern, Constraint, LogProbs, Sampler, SamplingSettings, StopStrings, ToolCallGrammar,
};
use deepsport_model::tokenizer::{StreamDecoder, Tokenizer};
use proptest::prelude::*;

use crate::fixtures::own_json;
use crate::tokenizer::{published, toy};

/// Stored probabilities are f32 softmaxes.
const PROBABILITY_TOLERANCE: f64 = 1e-5;

fn settings(name: &str) -> SamplingSettings {
    let mut settings =
        SamplingSettings { log_probs: LogProbs::Filtered, ..SamplingSettings::default() };
    let value = |key: &str| -> Option<f32> {
        let at = name.find(&format!("{key}_"))? + key.len() + 1;
        name[at..].split('_').next()?.parse().ok()
    };
    settings.temperature = value("temperature").unwrap_or(settings.temperature);
    settings.repetition_penalty = value("repetition").unwrap_or(settings.repetition_penalty);
    settings.top_k = value("top_k").map_or(settings.top_k, |k| k as usize);
    settings.top_p = value("top_p").unwrap_or(settings.top_p);
    settings.min_p = value("min_p").unwrap_or(settings.min_p);
    settings
}

#[test]
fn filters_keep_what_transformers_keeps() {
    let file = own_json("chat/sampling_filters.json");
    let rows: Vec<Vec<f32>> = serde_json::from_value(file["logits"].clone()).unwrap();
    let seen: Vec<Vec<u32>> = serde_json::from_value(file["seen"].clone()).unwrap();
    let filters = file["filters"].as_object().unwrap();
    assert_eq!(filters.len(), 8);
    for (name, expected) in filters {
        let settings = settings(name);
        assert_ne!(settings, self::settings(""), "{name} is understood");
        for (row, (logits, seen)) in rows.iter().zip(&seen).enumerate() {
            let mut sampler = Sampler::new(settings.clone(), 1, 0).unwrap();
            let mut filtered = logits.clone();
            sampler.sample(&mut filtered, seen).unwrap();
            let sum: f64 = filtered.iter().map(|&logit| f64::from(logit).exp()).sum();
            let found: Vec<(usize, f64)> = filtered
                .iter()
                .enumerate()
                .filter(|(_, logit)| logit.is_finite())
                .map(|(id, &logit)| (id, f64::from(logit).exp() / sum))
                .collect();
            let kept: Vec<usize> = serde_json::from_value(expected["kept"][row].clone()).unwrap();
            let probabilities: Vec<f64> =
                serde_json::from_value(expected["probabilities"][row].clone()).unwrap();
            let ids: Vec<usize> = found.iter().map(|(id, _)| *id).collect();
            if logits.iter().filter(|logit| **logit == logits[kept[0]]).count() == 1 {
                assert_eq!(ids, kept, "{name} {row}");
            } else {
                // Which of equals falls first is the sort's affair; how many stay, and with what probability, is not.
                assert_eq!(ids.len(), kept.len(), "{name} {row}");
            }
            let sorted = |mut values: Vec<f64>| {
                values.sort_by(f64::total_cmp);
                values
            };
            let found = sorted(found.into_iter().map(|(_, probability)| probability).collect());
            for (found, expected) in found.into_iter().zip(sorted(probabilities)) {
                assert!((found - expected).abs() <= PROBABILITY_TOLERANCE, "{name} {row}");
            }
        }
    }
}

#[test]
fn forbidden_ids_are_never_drawn() {
    let forbidden = toy().forbidden(1216);
    assert!(forbidden.contains(&1215) && forbidden.contains(&toy().special().image_pad));
    let settings = SamplingSettings { forbidden: forbidden.clone(), ..SamplingSettings::default() };
    let mut sampler = Sampler::new(settings, 5, 0).unwrap();
    for _ in 0..200 {
        let mut logits = vec![0.0; 1216];
        forbidden.iter().for_each(|&id| logits[id as usize] = 50.0);
        assert!(!forbidden.contains(&sampler.sample(&mut logits, &[]).unwrap().id));
    }
}

/// `frame_extraction_tool(S, E)` and the JSON form, `0 <= S < E <= last`.
fn patterns(last: u64) -> [CallPattern; 2] {
    let numbers = |pattern: CallPattern, between: &str| {
        pattern.number(0..=last - 1).text(between).larger_number(last)
    };
    let function = CallPattern::new().text("frame_extraction_tool(");
    let json = CallPattern::new().text(r#"{"action":"choose_frames","frame_range":["#);
    [numbers(function, ", ").text(")"), numbers(json, ",").text("]}")]
}

/// Samples at random under the grammar until a call is closed, and gives the text inside the tags.
fn random_call(tokenizer: &Tokenizer, last: u64, seed: u64, as_text: bool) -> String {
    let mut grammar = ToolCallGrammar::new(tokenizer, patterns(last)).unwrap();
    let tag: Vec<u32> = if as_text {
        // Spelt out in bytes, as a vocabulary without the tag would.
        "<tool_call>"
            .bytes()
            .map(|byte| tokenizer.encode(&char::from(byte).to_string()).unwrap()[0])
            .collect()
    } else {
        tokenizer.encode("<tool_call>").unwrap()
    };
    let mut text = String::new();
    for id in tag {
        assert!(!grammar.is_inside_call());
        grammar.accept(id).unwrap();
    }
    assert!(grammar.is_inside_call());
    let mut sampler = Sampler::new(SamplingSettings::default(), seed, 0).unwrap();
    let mut decoder = StreamDecoder::default();
    let mut noise = Sampler::new(SamplingSettings::default(), seed, 1).unwrap();
    while grammar.is_inside_call() {
        // A model that would rather end the turn than write a call.
        let mut logits = vec![0.0; tokenizer.len() + 11];
        for _ in 0..8 {
            let favourite = noise.sample(&mut vec![0.0; logits.len()], &[]).unwrap().id;
            logits[favourite as usize] = 3.0;
        }
        logits[tokenizer.special().im_end as usize] = 30.0;
        let id = sampler.sample_constrained(&mut logits, &[], &mut grammar).unwrap().id;
        text += &decoder.push(tokenizer, id);
        assert!(text.len() < 200, "{text}");
    }
    // The token that closes the call may go on behind it.
    text.split_once("</tool_call>").unwrap().0.to_owned()
}

#[track_caller]
fn check_call(call: &str, range: RangeInclusive<u64>) {
    let numbers = call
        .strip_prefix("frame_extraction_tool(")
        .and_then(|rest| rest.strip_suffix(")"))
        .map(|rest| rest.split(", "))
        .unwrap_or_else(|| {
            let rest = call.strip_prefix(r#"{"action":"choose_frames","frame_range":["#).unwrap();
            rest.strip_suffix("]}").unwrap().split(",")
        });
    let numbers: Vec<u64> = numbers
        .map(|number| {
            assert!(number == "0" || !number.starts_with('0'), "{call}");
            number.parse().unwrap()
        })
        .collect();
    assert_eq!(numbers.len(), 2, "{call}");
    assert!(numbers[0] < numbers[1], "{call}");
    assert!(numbers.iter().all(|number| range.contains(number)), "{call}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_calls_are_well_formed(last in 1u64..2000, seed in any::<u64>(), as_text in any::<bool>()) {
        check_call(&random_call(toy(), last, seed, as_text), 0..=last);
    }
}

#[test]
fn calls_are_well_formed_in_the_published_vocabulary() {
    let Some(tokenizer) = published() else { return };
    for seed in 0..4 {
        check_call(&random_call(tokenizer, 299, seed, seed % 2 == 0), 0..=299);
    }
}

#[test]
fn text_outside_a_call_is_free() {
    let mut grammar = ToolCallGrammar::new(toy(), patterns(9)).unwrap();
    for id in toy().encode("<think>a < b</think> <tool_cal <tool_call").unwrap() {
        let mut logits = vec![0.0; 1216];
        grammar.mask(&mut logits);
        assert_eq!(logits[id as usize], 0.0);
        grammar.accept(id).unwrap();
    }
    assert!(!grammar.is_inside_call());
    let call = "<tool_call>frame_extraction_tool(3, 9)</tool_call><|im_end|>";
    for id in toy().encode(call).unwrap() {
        let mut logits = vec![0.0; 1216];
        grammar.mask(&mut logits);
        assert_eq!(logits[id as usize], 0.0, "{id}");
        grammar.accept(id).unwrap();
    }
    assert!(!grammar.is_inside_call());
}

#[test]
fn a_token_that_breaks_a_call_is_named() {
    let mut grammar = ToolCallGrammar::new(toy(), patterns(9)).unwrap();
    let [open, close] = ["<tool_call>", "</tool_call>"].map(|tag| toy().encode(tag).unwrap()[0]);
    grammar.accept(open).unwrap();
    let error = grammar.accept(close).unwrap_err();
    assert!(error.to_string().contains("</tool_call>"), "{error}");
    assert!(grammar.accept(1215).is_err(), "a row without a token");
}

#[test]
fn patterns_that_cannot_be_written_are_refused() {
    let refused = |patterns: Vec<CallPattern>| {
        let error = ToolCallGrammar::new(toy(), patterns).unwrap_err();
        matches!(error, Error::Request { field: "patterns", .. })
    };
    let number = |range| CallPattern::new().number(range);
    assert!(refused(Vec::new()));
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    let empty = number(3..=2);
    assert!(refused(vec![empty]));
    assert!(refused(vec![number(0..=9).text(" ").larger_number(9)]));
    assert!(refused(vec![CallPattern::new().larger_number(9)]));
    assert!(refused(vec![number(0..=8).larger_number(9)]));
    assert!(refused(vec![number(0..=8).text("5")]));
}

#[test]
fn stop_strings_are_found_across_tokens() {
    let text = "Thought.</answer> and more";
    let ids = toy().encode(text).unwrap();
    let (mut decoder, mut stop) = (StreamDecoder::default(), StopStrings::new(["</answer>"]));
    let mut shown = String::new();
    let at = ids.iter().position(|&id| {
        let watched = stop.push(&decoder.push(toy(), id));
        shown += &watched.text;
        watched.hit.is_some()
    });
    assert_eq!(shown, "Thought.");
    assert!(at.unwrap() < ids.len() - 1);
    assert!(toy().decode(&ids[..=at.unwrap()]).contains("</answer>"));
}
