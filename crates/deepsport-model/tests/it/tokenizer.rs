//! Ids and text against tokenizers, tiktoken and llama.cpp.

use std::io::Read;
use std::sync::OnceLock;

use deepsport_model::Error;
use deepsport_model::tokenizer::{StreamDecoder, Tokenizer};
use proptest::prelude::*;
use serde_json::Value;

use crate::fixtures::{find, own, read};

const TOY_FILE: &str = "qwen2_5_vl_tiny/untied_f32/tokenizer.json";

/// A small vocabulary with Qwen's rules, trained on our own lines. Merges are spelt as pairs.
pub(crate) fn toy() -> &'static Tokenizer {
    static TOY: OnceLock<Tokenizer> = OnceLock::new();
    TOY.get_or_init(|| Tokenizer::from_file(own(TOY_FILE)).unwrap())
}

/// The published vocabulary. Merges are spelt "a b".
pub(crate) fn published() -> Option<&'static Tokenizer> {
    static PUBLISHED: OnceLock<Option<Tokenizer>> = OnceLock::new();
    let load = || {
        let file = std::fs::File::open(find("tokenizer/qwen2_5_vl.tokenizer.json.gz")?).unwrap();
        let mut json = Vec::new();
        flate2::read::GzDecoder::new(file).read_to_end(&mut json).unwrap();
        Some(Tokenizer::from_json(&json).unwrap())
    };
    PUBLISHED.get_or_init(load).as_ref()
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Text that is certain after each id, and what is withheld then.
fn stream(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<(String, String)> {
    let (mut decoder, mut text) = (StreamDecoder::default(), String::new());
    let step = |&id: &u32| {
        text += &decoder.push(tokenizer, id);
        (text.clone(), decoder.clone().finish())
    };
    ids.iter().map(step).collect()
}

#[test]
fn the_published_vocabulary_gives_the_published_ids() {
    let (Some(tokenizer), Some(cases)) = (published(), find("tokenizer/tokenizer_cases.json"))
    else {
        return;
    };
    let cases: Value = serde_json::from_slice(&std::fs::read(cases).unwrap()).unwrap();
    let texts = cases["cases"].as_array().unwrap();
    for case in texts {
        let text = case["text"].as_str().unwrap();
        let expected = ids(&case["ids"]);
        assert_eq!(tokenizer.encode(text).unwrap(), expected, "{text:?}");
        assert_eq!(tokenizer.decode(&expected), case["decoded"], "{text:?}");
        assert_eq!(
            tokenizer.decode_skip_special(&expected),
            case["decoded_skip_special"],
            "{text:?}"
        );
    }
    let llama_cpp = cases["llama_cpp"]["cases"].as_array().unwrap();
    for case in llama_cpp {
        let text = case["text"].as_str().unwrap();
        assert_eq!(tokenizer.encode(text).unwrap(), ids(&case["ids"]), "{text:?}");
    }
    for case in cases["streaming"].as_array().unwrap() {
        let steps = stream(tokenizer, &ids(&case["ids"]));
        for ((certain, withheld), expected) in
            steps.iter().zip(case["prefix_decodes"].as_array().unwrap())
        {
            assert_eq!(&format!("{certain}{withheld}"), expected);
            assert!(!certain.contains('\u{fffd}'), "unfinished characters are withheld");
        }
    }
    assert_eq!((texts.len(), llama_cpp.len()), (63, 46));
    assert_eq!(tokenizer.len(), 151_665);
    for (content, id) in cases["added_tokens"].as_object().unwrap() {
        assert_eq!(Value::from(tokenizer.encode(content).unwrap()), Value::from(vec![id.clone()]));
    }
    let special = tokenizer.special();
    assert_eq!((special.im_start, special.im_end, special.image_pad), (151_644, 151_645, 151_655));
    assert_eq!(special.tool_call_start, Some(151_657));
    // 7B has 152,064 rows in its head: 399 without a token, and 5 of pictures and clips.
    assert_eq!(tokenizer.forbidden(152_064).len(), 399 + 5);
}

#[test]
fn both_spellings_of_merges_are_read() {
    let json: Value = serde_json::from_slice(&read(TOY_FILE)).unwrap();
    let mut spelt = json.clone();
    for merge in spelt["model"]["merges"].as_array_mut().unwrap() {
        let [a, b] = merge.as_array().unwrap().as_slice() else { panic!("{merge}") };
        *merge = format!("{} {}", a.as_str().unwrap(), b.as_str().unwrap()).into();
    }
    let other = Tokenizer::from_json(spelt.to_string().as_bytes()).unwrap();
    let text = "The striker's shot<|im_end|>\n";
    assert_eq!(other.encode(text).unwrap(), toy().encode(text).unwrap());
}

#[test]
fn special_tokens_are_left_out_and_added_ones_kept() {
    let text = "<|im_start|>a<tool_call>b</tool_call><|im_end|>";
    let ids = toy().encode(text).unwrap();
    assert_eq!(ids.len(), 6);
    assert_eq!(toy().decode(&ids), text);
    assert_eq!(toy().decode_skip_special(&ids), "a<tool_call>b</tool_call>");
}

#[test]
fn files_that_are_no_tokenizer_are_named() {
    assert!(matches!(Tokenizer::from_dir("/nowhere"), Err(Error::File { .. })));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokenizer.json");
    std::fs::write(&path, "{}").unwrap();
    let error = Tokenizer::from_file(&path).unwrap_err();
    assert!(error.to_string().contains("tokenizer.json"), "{error}");
    let mut json: Value = serde_json::from_slice(&read(TOY_FILE)).unwrap();
    json["added_tokens"]
        .as_array_mut()
        .unwrap()
        .retain(|token| token["content"] != "<|image_pad|>");
    assert!(matches!(
        Tokenizer::from_json(json.to_string().as_bytes()),
        Err(Error::MissingToken { content: "<|image_pad|>" })
    ));
}

proptest! {
    /// Any ids, even those that are no text: pieces together are the whole.
    #[test]
    fn pieces_of_a_stream_are_the_whole(ids in prop::collection::vec(0u32..1180, 0..40)) {
        let mut decoder = StreamDecoder::default();
        let mut text: String = ids.iter().map(|&id| decoder.push(toy(), id)).collect();
        text += &decoder.finish();
        prop_assert_eq!(text, toy().decode(&ids));
    }

    #[test]
    fn text_comes_back(text in "[ -~àéüß膝→🏃\n]{0,40}") {
        let ids = toy().encode(&text).unwrap();
        prop_assert_eq!(toy().decode(&ids), text);
    }
}
