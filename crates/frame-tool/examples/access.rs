//! Processor time of opening a clip and taking frames at full size, for `benches/peers/frame-tool/compare.py`.
//!
//! `cargo run --release -p frame-tool --features ffmpeg --example access -- CLIP embedded|linked|process CASE REPETITIONS INDICES`
//! prints seconds of processor time a repetition, its children included, and the mean of all pixels.

use std::error::Error;
use std::io::Write;

use frame_tool::{Decoder, Video, VideoOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [clip, decoder, case, repetitions, indices] = args.as_slice() else {
        return Err("CLIP embedded|linked|process CASE REPETITIONS INDICES".into());
    };
    let decoder = match decoder.as_str() {
        "embedded" => Decoder::Embedded,
        "linked" => Decoder::Automatic, // with feature `ffmpeg-link`
        "process" => Decoder::Ffmpeg,
        other => return Err(format!("no decoder {other:?}").into()),
    };
    let indices = indices.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let repetitions: u32 = repetitions.parse()?;
    // Nothing is remembered between frames, as in the peers.
    let options = VideoOptions::new().with_fit(None).with_decoder(decoder).with_cache_bytes(0);
    let start_s = processor_s()?;
    let mut sum = 0;
    for _ in 0..repetitions {
        let video = Video::open_with(clip, &options)?;
        sum = match case.as_str() {
            "single" => indices
                .iter()
                .map(|&i| video.frame(i).map(|frame| level(&[frame])))
                .sum::<Result<f64, _>>()?,
            _ => level(&video.frames(&indices)?) * indices.len() as f64,
        } as u64;
    }
    let seconds = (processor_s()? - start_s) / f64::from(repetitions);
    writeln!(std::io::stdout(), "{seconds} {}", sum as f64 / indices.len() as f64)?;
    Ok(())
}

/// Mean of all pixels, so that decoding cannot be optimised away and peers can be compared.
fn level(frames: &[frame_tool::Frame]) -> f64 {
    let sums =
        frames.iter().map(|f| f.rgb().iter().step_by(997).map(|&v| f64::from(v)).sum::<f64>());
    let counts = frames.iter().map(|f| f.rgb().len().div_ceil(997));
    sums.sum::<f64>() / counts.sum::<usize>() as f64
}

/// User and system time of this process and of the children that ended, in seconds (Linux; children in steps of 10 ms).
fn processor_s() -> Result<f64, Box<dyn Error>> {
    let own = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').ok_or("unexpected /proc/self/stat")?.1;
    let children = fields.split_whitespace().skip(13).take(2);
    let ticks = children.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(own.tv_sec as f64 + own.tv_nsec as f64 / 1e9 + ticks as f64 / 100.0)
}
