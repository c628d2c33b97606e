//! What a recipe will take, before anything is started.

use std::io::Write as _;

use deepsport::training::Recipe;

use crate::args::Check;

pub(crate) fn check(args: &Check) -> anyhow::Result<()> {
    let recipe = Recipe::read(&args.recipe)?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}: every field is known", recipe.name)?;
    let config = recipe.model_config()?;
    let Some(job) = recipe.job(&config) else { return Ok(()) };
    let estimate = job.estimate();
    writeln!(stdout, "weights in all: {:.1} million", job.shape.num_params() as f64 / 1e6)?;
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    let parts = [
        ("weights", estimate.weights_bytes),
        ("reference", estimate.reference_bytes),
        ("gradients", estimate.gradients_bytes),
        ("optimiser", estimate.optimizer_bytes),
        ("keys and values", estimate.kv_cache_bytes),
        ("activations", estimate.activations_bytes),
        ("logits", estimate.logits_bytes),
        ("at most, a fifth to be left free", estimate.peak_bytes),
    ];
    for (name, bytes) in parts {
        writeln!(stdout, "{name:<34} {:>9.3} GiB", gib(bytes))?;
    }
    Ok(())
}
