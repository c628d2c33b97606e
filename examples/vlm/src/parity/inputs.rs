//! From messages and media to ids and pixels.

use anyhow::{Context as _, Result};
use deepsport_model::chat::{ChatTemplate, Message, RenderOptions, expand_placeholders};
use deepsport_model::processor::{Picture, Processor};
use deepsport_model::tokenizer::Tokenizer;

use super::golden::field;
use super::model::Model;
use super::report::Stages;
use crate::media;

/// Patches are stored in f32; the reference takes the same steps in another order.
const PICTURE: f64 = 1e-5;
/// The goldens' clips were resized by torchvision, which is up to one level of 255 off Pillow's bytes.
const CLIP: f64 = 0.0151;

pub(crate) fn compare(model: &Model, stages: &mut Stages) -> Result<()> {
    if !model.has(&model.main) {
        return Ok(());
    }
    let dir = model.path(&model.main);
    if dir.join("preprocessor_config.json").exists() && model.path("media").is_dir() {
        let processor = Processor::from_dir(&dir)?;
        stages.group("processor", |stages| pixels(model, &processor, stages));
    }
    if dir.join("tokenizer.json").exists() {
        let tokenizer = Tokenizer::from_dir(&dir)?;
        stages.group("chat", |stages| prompts(model, &tokenizer, stages));
    }
    Ok(())
}

fn pixels(model: &Model, processor: &Processor, stages: &mut Stages) -> Result<()> {
    let none = serde_json::Map::new();
    for name in model.cases["pictures"].as_object().unwrap_or(&none).keys() {
        let path = model.path(&format!("media/{name}.png"));
        let (true, Some(expected)) = (path.exists(), model.pixels(name, None)?) else { continue };
        let found = processor.picture(&media::picture(&path)?)?;
        stages.same(&format!("processor/{name}/grid"), &found.grid, &expected.grid);
        stages.close(
            &format!("processor/{name}/pixels"),
            &found.patches,
            &expected.patches,
            PICTURE,
        );
    }
    for (name, clip) in model.cases["clips"].as_object().unwrap_or(&none) {
        let num_frames: usize = field(clip, "frames")?;
        let paths: Vec<_> =
            (0..num_frames).map(|i| model.path(&format!("media/{name}_{i}.png"))).collect();
        let there = paths.iter().all(|path| path.exists());
        let (true, Some(expected)) = (there, model.pixels(name, None)?) else { continue };
        let frames: Vec<Picture> =
            paths.iter().map(|path| media::picture(path)).collect::<Result<_>>()?;
        let found = processor.clip(&frames, field(clip, "fps")?)?;
        stages.same(&format!("processor/{name}/grid"), &found.grid, &expected.grid);
        stages.close(&format!("processor/{name}/pixels"), &found.patches, &expected.patches, CLIP);
    }
    Ok(())
}

/// Rendered prompts, and the ids of single conversations with their placeholders expanded.
fn prompts(model: &Model, tokenizer: &Tokenizer, stages: &mut Stages) -> Result<()> {
    let template = ChatTemplate::from_dir(model.path(&model.main))?;
    let config = deepsport_model::ModelConfig::read(model.path(&model.main))?;
    let none = serde_json::Map::new();
    for (name, case) in model.cases["cases"].as_object().unwrap_or(&none) {
        let conversations: Vec<Vec<Message>> = field(case, "messages")?;
        let expected: Vec<String> = field(case, "prompt")?;
        let prompts: Vec<String> = conversations
            .iter()
            .map(|messages| template.render(messages, &RenderOptions::prompt()))
            .collect::<Result<_, _>>()?;
        stages.same(&format!("chat/{name}/prompt"), &prompts, &expected);

        let (Some(golden), Some((pictures, clips))) =
            (model.golden(&format!("forward_{name}"))?, model.media_of(name)?)
        else {
            continue;
        };
        let Some(rows) = model.rows(&golden, &pictures, &clips, &config)? else { continue };
        for (i, (row, prompt)) in rows.iter().zip(&prompts).enumerate() {
            let media: Vec<_> =
                row.sequence.media().iter().map(|pixels| (**pixels).clone()).collect();
            let merge = config.vision.spatial_merge_size;
            let ids = tokenizer.encode(prompt)?;
            let found = expand_placeholders(&ids, &media, tokenizer.special(), merge)
                .with_context(|| format!("case {name}"))?;
            let row_name = if rows.len() > 1 { format!("/{i}") } else { String::new() };
            stages.same(&format!("chat/{name}/ids{row_name}"), &found, row.sequence.input_ids());
        }
    }
    Ok(())
}
