//! Looks at a made-up picture again and again, for `benches/peers/vitpose`: `vitpose MODEL_DIR BATCH`.
//!
//! Each line of standard input asks for one forward pass of BATCH pictures; the answer is the seconds it took and the
//! mean of the absolute heat, so that nobody gets away with other numbers.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use burn::tensor::{DType, Device, Tensor, TensorData};
use pose::vitpose::VitPose;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(dir), Some(batch)) = (arguments.next(), arguments.next()) else {
        return Err("usage: vitpose MODEL_DIR BATCH".into());
    };
    let device = Device::flex();
    let model = VitPose::load(Path::new(&dir), &device)?;
    let [height, width] = model.config().backbone_config.image_size;
    let shape = [batch.parse()?, 3, height, width];
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
