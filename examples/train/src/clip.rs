//! A clip of the toy world as a file.

use std::io::Write as _;

use anyhow::bail;
use deepsport::training::{Questions, Recipe};
use deepsport::world::World;

use crate::args::Clip;

pub(crate) fn clip(args: &Clip) -> anyhow::Result<()> {
    let Questions::Toy(world) = Recipe::read(&args.recipe)?.questions else {
        bail!("{}: not a recipe of the toy world", args.recipe.display());
    };
    let item = World::new(world)?.item(args.item);
    item.clip.write_png(&args.out)?;
    let event = item.clip.event();
    writeln!(
        std::io::stdout(),
        "{}, {:?}, event in frames {} to {}: {} {}",
        item.id,
        item.difficulty,
        event.start,
        event.end - 1,
        item.question.text,
        item.question.answer
    )?;
    Ok(())
}
