use std::io::{BufRead, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use burn::tensor::{DType, Device, Tensor, TensorData};
use pose::vitpose::VitPose;

/// Looks at made-up pictures again and again: how fast is the network here?
///
/// Each line of standard input asks for one forward pass; the answer is the seconds it took and the mean of the absolute
/// heat, so that nobody gets away with other numbers: `yes | head -n 5 | pose bench DIR`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of a ViTPose checkpoint.
    model: PathBuf,

    /// Pictures of one pass.
    #[arg(long, value_name = "N", default_value = "1")]
    batch: NonZeroUsize,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let device = Device::flex();
    let model = VitPose::load(&args.model, &device)?;
    let [height, width] = model.config().backbone_config.image_size;
    let shape = [args.batch.get(), 3, height, width];
    let pixels =
        (0..shape.iter().product()).map(|i: usize| (i * 7919 % 2003) as f32 / 1001.0 - 1.0);
    let pixels = TensorData::new(pixels.collect::<Vec<f32>>(), shape);
    let pixels = Tensor::<4>::from_data(pixels, (&device, DType::F32));
    let mut stdout = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        line?;
        let start = Instant::now();
        let heat = model.heatmaps(pixels.clone()).abs().mean().into_scalar::<f32>();
        writeln!(stdout, "{} {heat}", start.elapsed().as_secs_f64())?;
        stdout.flush()?;
    }
    Ok(())
}
