//! `vlm generate`: prompts with pictures or a clip, continued.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use deepsport_model::chat::{ChatTemplate, Message, Part, RenderOptions, expand_placeholders};
use deepsport_model::checkpoint::Checkpoint;
use deepsport_model::generate::{FeatureCache, Session, SessionSettings, Writer, write};
use deepsport_model::processor::{Pixels, Processor};
use deepsport_model::sampling::{Sampler, SamplingSettings, ToolCallGrammar};
use deepsport_model::tokenizer::Tokenizer;
use deepsport_model::{Error, Init, ModelConfig, Network, Sequence};
use serde::Serialize;

use crate::args::GenerateArgs;
use crate::media;

/// Cells of pictures that are remembered between prompts.
const REMEMBERED_CELLS: usize = 1 << 16;

#[derive(Debug, Serialize)]
struct Report<'a> {
    replies: Vec<Reply<'a>>,
    /// Pictures and clips that went through the tower, and those whose features were known from another prompt.
    media_computed: u64,
    media_remembered: u64,
}

#[derive(Debug, Serialize)]
struct Reply<'a> {
    prompt: usize,
    sample: usize,
    text: &'a str,
    ids: &'a [u32],
    log_probs: &'a [f32],
    prompt_tokens: usize,
    /// Whether it ended by itself, not at the limit.
    finished: bool,
    /// The text given with `--stop` that ended it.
    stopped_at: Option<&'a str>,
}

pub(crate) fn generate(args: &GenerateArgs) -> Result<()> {
    ensure!(args.max_new_tokens > 0, "--max-new-tokens is 0, nothing would be written");
    ensure!(args.samples > 0, "--samples is 0, needs 1 or more");
    ensure!(args.stop.iter().all(|stop| !stop.is_empty()), "--stop is empty, a text is needed");
    crate::is_checkpoint(&args.dir)?;
    // what can be wrong with a request is told before gigabytes are read
    let tokenizer = Tokenizer::from_dir(&args.dir)?;
    let checkpoint = Checkpoint::open(&args.dir)?;
    let config = checkpoint.config();
    tokenizer.special().check(config)?;
    let sequences = sequences(args, &tokenizer, config)?;
    let samplers = samplers(args, &tokenizer, config)?;
    let grammar = match args.tool_call.is_empty() {
        true => None,
        false => Some(ToolCallGrammar::new(&tokenizer, args.tool_call.iter().cloned())?),
    };
    let prompt_tokens: Vec<usize> = sequences.iter().map(Sequence::len).collect();
    let network = load(&checkpoint, args)?;

    let settings = SessionSettings { room: args.max_new_tokens, ..SessionSettings::default() };
    let mut known = FeatureCache::new(REMEMBERED_CELLS);
    let mut session = Session::new(&network, sequences, settings)?;
    session.read_with(Some(&mut known))?;
    let mut session = session.fork(args.samples)?; // each prompt was read once
    let mut writers: Vec<Writer<'_>> = samplers
        .into_iter()
        .map(|sampler| {
            let writer = Writer::new(&tokenizer, sampler).with_stops(&args.stop);
            match &grammar {
                Some(grammar) => writer.with_constraint(grammar.clone()),
                None => writer,
            }
        })
        .collect();

    let mut out = std::io::stdout().lock();
    let (streams, mut shown) = (!args.json && writers.len() == 1, Ok(()));
    let completions = write(&mut session, &mut writers, args.max_new_tokens, &mut |_, text| {
        if streams && shown.is_ok() {
            shown = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        }
    })?;
    shown?;
    let (media_remembered, media_computed) = known.hits_and_misses();
    let replies =
        writers.iter().zip(&completions).enumerate().map(|(row, (writer, completion))| {
            let prompt = row / args.samples;
            Reply {
                prompt,
                sample: row % args.samples,
                text: writer.text(),
                ids: &completion.ids,
                log_probs: &completion.log_probs,
                prompt_tokens: prompt_tokens[prompt],
                finished: completion.is_finished,
                stopped_at: writer.stopped_at().map(|at| args.stop[at].as_str()),
            }
        });
    let report = Report { replies: replies.collect(), media_computed, media_remembered };
    if args.json {
        serde_json::to_writer(&mut out, &report)?;
    } else if !streams {
        for Reply { prompt, sample, text, .. } in &report.replies {
            writeln!(out, "== prompt {prompt}, sample {sample}\n{text}")?;
        }
        return Ok(());
    }
    writeln!(out)?;
    Ok(())
}

/// The weights, with progress on stderr.
fn load(checkpoint: &Checkpoint, args: &GenerateArgs) -> Result<Network> {
    let init = Init::new(&args.device.device()?).with_dtype(args.dtype.float());
    let mut percent = u64::MAX;
    let network = checkpoint.load(&init, &mut |progress| {
        let now = progress.bytes_done * 100 / progress.bytes.max(1);
        if now != percent {
            percent = now;
            eprint!("\rloading {percent:>3} %");
        }
    });
    eprintln!();
    Ok(network?)
}

/// A sampler per reply, whose draws depend on the seed and the reply's place alone.
fn samplers(
    args: &GenerateArgs,
    tokenizer: &Tokenizer,
    config: &ModelConfig,
) -> Result<Vec<Sampler>> {
    let settings = SamplingSettings {
        temperature: args.temperature,
        top_k: args.top_k,
        top_p: args.top_p,
        min_p: args.min_p,
        repetition_penalty: args.repetition_penalty,
        forbidden: tokenizer.forbidden(config.text.vocab_size),
        ..SamplingSettings::default()
    };
    let num_replies = (args.prompt.len() * args.samples) as u64;
    Ok((0..num_replies)
        .map(|reply| Sampler::new(settings.clone(), args.seed, reply))
        .collect::<Result<_, _>>()?)
}

/// Each prompt behind the same pictures and clip.
fn sequences(
    args: &GenerateArgs,
    tokenizer: &Tokenizer,
    config: &ModelConfig,
) -> Result<Vec<Sequence>> {
    let template = ChatTemplate::from_dir(&args.dir)?;
    let pixels = pixels(args)?;
    let media: Vec<Arc<Pixels>> = pixels.iter().cloned().map(Arc::new).collect();
    let sequence = |(index, prompt): (usize, &String)| -> Result<Sequence> {
        ensure!(!prompt.is_empty(), "it is empty");
        let text = template.render(&messages(args, prompt), &RenderOptions::prompt())?;
        let merge = config.vision.spatial_merge_size;
        let ids = tokenizer.encode(&text)?;
        let ids = expand_placeholders(&ids, &pixels, tokenizer.special(), merge)?;
        let (length, context) =
            (ids.len() + args.max_new_tokens, config.text.max_position_embeddings);
        if length > context {
            return Err(Error::ContextLength { sequence: index, length, context }.into());
        }
        Ok(Sequence::new(&ids, &media, config)?)
    };
    let numbered = args.prompt.iter().enumerate();
    numbered
        .map(|(index, prompt)| sequence((index, prompt)).with_context(|| format!("prompt {index}")))
        .collect()
}

/// Pictures, then the clip, then the words.
fn messages(args: &GenerateArgs, prompt: &str) -> Vec<Message> {
    let mut parts: Vec<Part> = vec![Part::Image(None); args.image.len()];
    parts.extend(args.frames.is_some().then_some(Part::Video(None)));
    parts.push(Part::Text(prompt.to_owned()));
    let system = args.system.as_deref().map(Message::system);
    system.into_iter().chain([Message::user(parts)]).collect()
}

fn pixels(args: &GenerateArgs) -> Result<Vec<Pixels>> {
    if args.image.is_empty() && args.frames.is_none() {
        return Ok(Vec::new());
    }
    let processor = Processor::from_dir(&args.dir)?;
    let picture = |path| {
        let picture = media::picture(path)?;
        processor.picture(&picture).with_context(|| format!("picture {}", path.display()))
    };
    let mut all =
        args.image.iter().map(|path| picture(path.as_path())).collect::<Result<Vec<_>>>()?;
    if let Some(dir) = &args.frames {
        let clip = processor.clip(&media::frames(dir)?, args.fps);
        all.push(clip.with_context(|| format!("clip {}", dir.display()))?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
