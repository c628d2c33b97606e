//! What there is to learn from: demonstrations, and questions to try.

use grpo::Trajectory;
use grpo::sft::Shard;

use super::recipe::{Files, Lesson, Questions, Recipe};
use crate::agent::Agent;
use crate::data::{Record, open_media, read_records};
use crate::distill::Demonstration;
use crate::local::{SeenPixels, VideoEnvironment, VideoTask};
use crate::world::{Expert, Item, World, WorldConfig};
use crate::{Error, Result};

/// Toy items of a lesson begin at a multiple of this, so that no two lessons share one.
const ITEMS_APART: u64 = 1 << 32;

/// The world that a run with this seed trains in.
fn training_world(config: &WorldConfig, seed: u64) -> WorldConfig {
    WorldConfig { seed: config.seed.wrapping_add(1).wrapping_add(seed), ..config.clone() }
}

/// What the expert does for an item, as the policy would have to write it.
fn expert_demonstration(
    environment: &VideoEnvironment,
    agent: &Agent,
    item: Item,
    guesses: bool,
) -> Result<Trajectory<SeenPixels>> {
    let expert = Expert::new(&item);
    let mut expert = if guesses { expert.guessing() } else { expert };
    let task = VideoTask::toy(item)?;
    let script = agent.run(task.video(), &task.record().prompt(), &mut expert)?;
    Ok(environment.demonstration(&task, script.turns.iter().map(|turn| turn.text.as_str()))?)
}

impl Lesson {
    fn world(&self, world: WorldConfig) -> WorldConfig {
        let mut world = world;
        world.hard_share = self.hard_share.unwrap_or(world.hard_share);
        if let Some(num_frames) = self.num_frames {
            world.num_frames = num_frames;
            world.lengths.clear();
        }
        world.event_frames = self.event_frames.unwrap_or(world.event_frames);
        if !self.dimensions.is_empty() {
            world.dimensions.clone_from(&self.dimensions);
        }
        if !self.sports.is_empty() {
            world.sports.clone_from(&self.sports);
        }
        world
    }
}

/// The curriculum of a recipe.
pub(super) fn curriculum(
    recipe: &Recipe,
    environment: &VideoEnvironment,
    seed: u64,
) -> Result<Vec<Shard<SeenPixels>>> {
    let Some(sft) = &recipe.sft else { return Ok(Vec::new()) };
    let mut shards = Vec::with_capacity(sft.curriculum.len());
    for (lesson_idx, lesson) in sft.curriculum.iter().enumerate() {
        let examples = match &recipe.questions {
            Questions::Toy(world) => {
                let world = World::new(lesson.world(training_world(world, seed)))?;
                let first = (lesson_idx as u64 + 1) * ITEMS_APART;
                (0..lesson.num_items as u64)
                    .map(|idx| {
                        let item = world.item(first + idx);
                        let guesses = is_of_share(idx, lesson.guesses);
                        expert_demonstration(environment, &recipe.agent, item, guesses)
                    })
                    .collect::<Result<_>>()?
            }
            Questions::Files(files) => distilled(files, lesson, environment)?,
        };
        let (name, num_epochs) = (lesson.name.clone(), lesson.num_epochs);
        shards.push(Shard { name, examples, num_epochs });
    }
    Ok(shards)
}

/// Demonstrations of a file that a lesson asks for.
fn distilled(
    files: &Files,
    lesson: &Lesson,
    environment: &VideoEnvironment,
) -> Result<Vec<Trajectory<SeenPixels>>> {
    let all = Demonstration::read_all(&files.demonstrations)?;
    let is_asked_for = |record: &Record| {
        let sport_asked = |sport: &crate::world::Sport| sport.name() == record.sport;
        (lesson.dimensions.is_empty() || lesson.dimensions.contains(&record.dimension))
            && (lesson.sports.is_empty() || lesson.sports.iter().any(sport_asked))
    };
    let wanted = all.into_iter().filter(|demonstration| is_asked_for(&demonstration.record));
    wanted
        .take(most(lesson.num_items))
        .map(|Demonstration { record, trajectory }| {
            let video = open_media(&record, &files.media)?;
            let task = VideoTask::new(record, video);
            let turns = trajectory.turns.iter().map(|turn| turn.text.as_str());
            Ok(environment.demonstration(&task, turns)?)
        })
        .collect()
}

/// The first `num_items` held-out questions; with files, all for 0.
pub(super) fn held_out(recipe: &Recipe, num_items: usize) -> Result<Vec<VideoTask>> {
    match &recipe.questions {
        Questions::Toy(world) => toy_tasks(world.clone(), 0, num_items),
        Questions::Files(files) => file_tasks(files, &files.held_out, num_items),
    }
}

/// Demonstrations of held-out questions, to be scored; files have none.
pub(super) fn held_out_demonstrations(
    recipe: &Recipe,
    environment: &VideoEnvironment,
    num_items: usize,
) -> Result<Vec<Trajectory<SeenPixels>>> {
    match &recipe.questions {
        Questions::Files(_) => Ok(Vec::new()),
        Questions::Toy(world) => World::new(world.clone())?
            .items(0..num_items as u64)
            .map(|item| expert_demonstration(environment, &recipe.agent, item, false))
            .collect(),
    }
}

/// Questions to learn from by trying.
pub(super) fn questions(recipe: &Recipe, seed: u64) -> Result<Vec<VideoTask>> {
    let num_items = recipe.rl.as_ref().map_or(0, |rl| rl.num_items);
    match &recipe.questions {
        Questions::Toy(world) => toy_tasks(training_world(world, seed), 0, num_items),
        Questions::Files(files) => file_tasks(files, &files.questions, num_items),
    }
}

fn toy_tasks(world: WorldConfig, first: u64, num_items: usize) -> Result<Vec<VideoTask>> {
    World::new(world)?.items(first..first + num_items as u64).map(VideoTask::toy).collect()
}

fn file_tasks(files: &Files, path: &std::path::Path, num_items: usize) -> Result<Vec<VideoTask>> {
    let loaded = read_records(path)?;
    if let Some(bad) = loaded.bad_rows.first() {
        return Err(Error::Format {
            path: path.to_owned(),
            source_name: "questions",
            reason: bad.to_string(),
        });
    }
    let records = loaded.records.into_iter().take(most(num_items));
    records
        .map(|record| {
            let video = open_media(&record, &files.media)?;
            Ok(VideoTask::new(record, video))
        })
        .collect()
}

/// Whether the item of this number is among a share of all, spread evenly: multiples of the golden ratio leave no gaps.
fn is_of_share(idx: u64, share: f64) -> bool {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    (idx as f64 * GOLDEN).fract() < share
}

/// 0 is all.
fn most(num_items: usize) -> usize {
    if num_items == 0 { usize::MAX } else { num_items }
}
