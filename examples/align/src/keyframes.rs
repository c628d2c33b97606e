//! Keyframes of the reference, from the command line or a file.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use motion_dtw::Keyframe;
use serde_json::Value;

/// `given` is `name=frame,...` or a JSON file; without it the labels.json beside the reference is asked.
pub(crate) fn of(given: Option<&str>, reference: &Path) -> Result<Vec<Keyframe>> {
    let mut keyframes = match given {
        Some(list) if list.contains('=') => listed(list)?,
        Some(file) => from_file(Path::new(file), reference)?,
        None => {
            let beside = reference.with_file_name("labels.json");
            if !beside.is_file() {
                bail!(
                    "{} has no keyframes: pass --keyframes name=frame,... (no {} either)",
                    reference.display(),
                    beside.display()
                );
            }
            from_file(&beside, reference)?
        }
    };
    keyframes.sort_by(|a, b| a.frame.total_cmp(&b.frame));
    Ok(keyframes)
}

fn listed(list: &str) -> Result<Vec<Keyframe>> {
    let keyframe = |item: &str| {
        let Some((name, frame)) = item.split_once('=') else {
            bail!("--keyframes: `{item}` is not name=frame");
        };
        let frame = frame
            .trim()
            .parse()
            .with_context(|| format!("--keyframes: the frame of `{}` is no number", name.trim()))?;
        Ok(Keyframe::new(name.trim(), frame))
    };
    list.split(',').map(keyframe).collect()
}

/// A map from name to frame, or labels as the shared recordings have them.
fn from_file(path: &Path, reference: &Path) -> Result<Vec<Keyframe>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{shown} cannot be read"))?;
    let json: Value = serde_json::from_str(&text).with_context(|| format!("{shown} is no JSON"))?;
    let Some(trials) = json.get("trials").and_then(Value::as_array) else {
        return map(&json).with_context(|| format!("{shown} holds no keyframes"));
    };
    let name = reference.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let trial = trials.iter().find(|trial| trial["trial"] == name);
    let occurrence = trial
        .with_context(|| format!("{shown} has no trial `{name}`: pass --keyframes"))?
        .get("occurrences")
        .and_then(|occurrences| occurrences.get(0))
        .with_context(|| format!("{shown} labels no movement in `{name}`: pass --keyframes"))?;
    map(occurrence).with_context(|| format!("{shown}, trial `{name}`"))
}

fn map(json: &Value) -> Result<Vec<Keyframe>> {
    let Some(entries) = json.as_object() else { bail!("expected a map from name to frame") };
    let numbers: BTreeMap<&String, f64> =
        entries.iter().filter_map(|(name, frame)| Some((name, frame.as_f64()?))).collect();
    Ok(numbers.into_iter().map(|(name, frame)| Keyframe::new(name, frame)).collect())
}
