//! `vlm generate`: a prompt with pictures or a clip, continued.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Result, ensure};
use deepsport_model::chat::{ChatTemplate, Message, Part, RenderOptions, expand_placeholders};
use deepsport_model::checkpoint::Checkpoint;
use deepsport_model::generate::{Choice, Session, SessionSettings, generate as continue_session};
use deepsport_model::processor::{Pixels, Processor};
use deepsport_model::sampling::{Sampler, SamplingSettings, StopStrings};
use deepsport_model::tokenizer::{StreamDecoder, Tokenizer};
use deepsport_model::{Init, Sequence};
use serde::Serialize;

use crate::args::GenerateArgs;
use crate::media;

#[derive(Debug, Serialize)]
struct Report<'a> {
    text: &'a str,
    ids: &'a [u32],
    log_probs: &'a [f32],
    prompt_tokens: usize,
    /// Whether it ended by itself, not at the limit.
    finished: bool,
}

pub(crate) fn generate(args: &GenerateArgs) -> Result<()> {
    let tokenizer = Tokenizer::from_dir(&args.dir)?;
    let template = ChatTemplate::from_dir(&args.dir)?;
    let (messages, media) = prompt(args)?;
    let text = template.render(&messages, &RenderOptions::prompt())?;

    let checkpoint = Checkpoint::open(&args.dir)?;
    let mut percent = u64::MAX;
    let network = checkpoint.load(&Init::new(&args.device.device()?), &mut |progress| {
        let now = progress.bytes_done * 100 / progress.bytes.max(1);
        if now != percent {
            percent = now;
            eprint!("\rloading {percent:>3} %");
        }
    })?;
    eprintln!();

    let config = network.config();
    let ids = tokenizer.encode(&text)?;
    let merge = config.vision.spatial_merge_size;
    let ids = expand_placeholders(&ids, &media, tokenizer.special(), merge)?;
    let media: Vec<Arc<Pixels>> = media.into_iter().map(Arc::new).collect();
    let sequence = Sequence::new(&ids, &media, config)?;

    let settings = SamplingSettings {
        temperature: args.temperature,
        top_k: args.top_k,
        top_p: args.top_p,
        min_p: args.min_p,
        repetition_penalty: args.repetition_penalty,
        forbidden: tokenizer.forbidden(config.text.vocab_size),
        ..SamplingSettings::default()
    };
    let mut sampler = Sampler::new(settings, args.seed, 0)?;
    let (mut decoder, mut stop) = (StreamDecoder::default(), StopStrings::new(&args.stop));
    let ends = tokenizer.special().ends();
    let (mut reply, mut out) = (String::new(), std::io::stdout().lock());
    let mut show = |piece: &str, reply: &mut String| -> std::io::Result<()> {
        reply.push_str(piece);
        if args.json {
            return Ok(());
        }
        out.write_all(piece.as_bytes())?;
        out.flush()
    };
    let (mut shown, mut is_stopped) = (Ok(()), false);
    let settings = SessionSettings { room: args.max_new_tokens, ..SessionSettings::default() };
    let mut session = Session::new(&network, vec![sequence], settings)?;
    let completions =
        continue_session(&mut session, args.max_new_tokens, &mut |_, logits, sequence| {
            let sampled = sampler.sample(logits, sequence.input_ids())?;
            let is_end = ends.contains(&sampled.id);
            if !is_end {
                let watched = stop.push(&decoder.push(&tokenizer, sampled.id));
                is_stopped = watched.hit.is_some();
                shown = show(&watched.text, &mut reply);
            }
            let is_last = is_end || is_stopped || shown.is_err();
            Ok(Choice { id: sampled.id, log_prob: sampled.log_prob, is_last })
        })?;
    shown?;
    if !is_stopped {
        let rest = stop.push(&decoder.finish()).text + &stop.finish();
        show(&rest, &mut reply)?;
    }
    show("\n", &mut String::new())?;
    if args.json {
        let completion = &completions[0];
        let report = Report {
            text: &reply,
            ids: &completion.ids,
            log_probs: &completion.log_probs,
            prompt_tokens: ids.len(),
            finished: completion.is_finished,
        };
        let mut out = std::io::stdout();
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Pictures, then the clip, then the words.
fn prompt(args: &GenerateArgs) -> Result<(Vec<Message>, Vec<Pixels>)> {
    ensure!(!args.prompt.is_empty(), "the prompt is empty");
    let processor = match args.image.is_empty() && args.frames.is_none() {
        true => Processor::default(),
        false => Processor::from_dir(&args.dir)?,
    };
    let mut parts: Vec<Part> = vec![Part::Image(None); args.image.len()];
    let pictures =
        args.image.iter().map(|path| media::picture(path)).collect::<Result<Vec<_>>>()?;
    let mut media = processor.pictures(&pictures)?;
    if let Some(dir) = &args.frames {
        parts.push(Part::Video(None));
        media.push(processor.clip(&media::frames(dir)?, args.fps)?);
    }
    parts.push(Part::Text(args.prompt.clone()));
    let system = args.system.as_deref().map(Message::system);
    Ok((system.into_iter().chain([Message::user(parts)]).collect(), media))
}
