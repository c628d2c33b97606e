//! A folder with a tokenizer and texts with their ids.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use deepsport_model::tokenizer::{StreamDecoder, Tokenizer};
use serde_json::Value;

use super::golden::{field, json};
use super::report::Stages;

const CASES: &str = "tokenizer_cases.json";

/// Whether a folder is such a one.
pub(crate) fn is_one(dir: &Path) -> bool {
    dir.join(CASES).is_file() && file(dir).is_some()
}

/// `tokenizer.json`, or the like packed by gzip.
fn file(dir: &Path) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(dir).ok()?.filter_map(Result::ok).map(|entry| entry.path()).collect();
    found.retain(|path| {
        let name = path.to_string_lossy();
        name.ends_with("tokenizer.json") || name.ends_with("tokenizer.json.gz")
    });
    found.sort();
    found.into_iter().next()
}

/// The tokenizer of such a folder, or of a checkpoint.
pub(crate) fn read(dir: &Path) -> Result<Option<Tokenizer>> {
    let Some(path) = file(dir) else { return Ok(None) };
    let name = path.display().to_string();
    let mut bytes = std::fs::read(&path).with_context(|| format!("cannot read {name}"))?;
    if name.ends_with(".gz") {
        let packed = std::mem::take(&mut bytes);
        flate2::read::GzDecoder::new(packed.as_slice())
            .read_to_end(&mut bytes)
            .with_context(|| format!("cannot unpack {name}"))?;
    }
    Tokenizer::from_json(&bytes).with_context(|| name).map(Some)
}

pub(crate) fn compare(dir: &Path, stages: &mut Stages) -> Result<()> {
    let (Some(cases), Some(tokenizer)) = (json(&dir.join(CASES))?, read(dir)?) else {
        return Ok(());
    };
    let none = Vec::new();
    let list = |value: &'_ Value| value.as_array().unwrap_or(&none).clone();

    let (mut ids, mut text, mut without_special) = (Pairs::new(), Pairs::new(), Pairs::new());
    for case in list(&cases["cases"]) {
        let expected: Vec<u32> = field(&case, "ids")?;
        text.push((tokenizer.decode(&expected), field(&case, "decoded")?));
        without_special.push((
            tokenizer.decode_skip_special(&expected),
            field(&case, "decoded_skip_special")?,
        ));
        ids.push((tokenizer.encode(&field::<String>(&case, "text")?)?, expected));
    }
    same("ids", ids, stages);
    same("decoded", text, stages);
    same("decoded_skip_special", without_special, stages);

    let mut ids = Pairs::new();
    for case in list(&cases["llama_cpp"]["cases"]) {
        ids.push((tokenizer.encode(&field::<String>(&case, "text")?)?, field(&case, "ids")?));
    }
    same("llama_cpp", ids, stages);

    let mut prefixes = Pairs::new();
    for case in list(&cases["streaming"]) {
        let ids: Vec<u32> = field(&case, "ids")?;
        let expected: Vec<String> = field(&case, "prefix_decodes")?;
        let (mut decoder, mut certain) = (StreamDecoder::default(), String::new());
        for (id, expected) in ids.into_iter().zip(expected) {
            certain += &decoder.push(&tokenizer, id);
            prefixes.push((format!("{certain}{}", decoder.clone().finish()), expected));
        }
    }
    same("streaming", prefixes, stages);

    let mut added = Pairs::new();
    for (content, id) in cases["added_tokens"].as_object().into_iter().flatten() {
        let id = id.as_u64().with_context(|| format!("id of {content}"))?;
        added.push((tokenizer.encode(content)?, vec![id as u32]));
    }
    same("added_tokens", added, stages);
    Ok(())
}

/// Found and expected.
type Pairs<T> = Vec<(T, T)>;

fn same<T: PartialEq>(name: &str, pairs: Pairs<T>, stages: &mut Stages) {
    if !pairs.is_empty() {
        let (found, expected): (Vec<T>, Vec<T>) = pairs.into_iter().unzip();
        stages.same(name, &found, &expected);
    }
}
