//! A run of a recipe with one seed.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use burn::module::Module as _;
use burn::tensor::Device;
use grpo::sft::{SftConfig, SftTrainer};
use grpo::trainer::{RolloutConfig, play};
use grpo::{Outcome, Trainer, TrainerConfig, Trajectory};

use super::recipe::{Questions, Recipe, RewardRecipe, Start};
use super::{lessons, start};
use crate::agent::{Mode, Wording};
use crate::local::{
    NetworkPolicy, SeenPixels, Settings, VideoEnvironment, VideoTask, Words, folder,
};
use crate::world::{World, WorldConfig};
use crate::{Error, Result};

/// Makes the parts of a recipe for one seed: policies, environments, trainers.
#[derive(Debug)]
pub struct Run<'a> {
    recipe: &'a Recipe,
    seed: u64,
    device: Device,
    words: OnceLock<Arc<Words>>,
}

impl<'a> Run<'a> {
    /// A run on the recipe's device.
    ///
    /// # Panics
    ///
    /// On a recipe for GPUs without the feature `cuda`, which [`Recipe::check`] refuses.
    #[must_use]
    pub fn new(recipe: &'a Recipe, seed: u64) -> Self {
        let device = recipe.model.device.device(0).autodiff();
        Self { recipe, seed, device, words: OnceLock::new() }
    }

    /// Tokenizer, template and processor: the checkpoint's, or those of the toy world. Read once.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] names all files of the checkpoint that are not there; [`Error::Model`] if one is damaged;
    /// [`Error::InvalidSetting`] of the world.
    pub fn words(&self) -> Result<Arc<Words>> {
        if let Some(words) = self.words.get() {
            return Ok(Arc::clone(words));
        }
        let words = Arc::new(self.read_words()?);
        Ok(Arc::clone(self.words.get_or_init(|| words)))
    }

    fn read_words(&self) -> Result<Words> {
        Ok(match (&self.recipe.model.start, &self.recipe.questions) {
            (Start::Checkpoint(folder), _) => folder::words(folder)?,
            (Start::Random(_), Questions::Toy(world)) => {
                World::new(world.clone())?; // checks the settings
                Words::toy(world)?
            }
            (Start::Random(_), Questions::Files(_)) => Words::toy(&WorldConfig::default())?, // refused by `check`
        })
    }

    /// The policy before its first step.
    ///
    /// # Errors
    ///
    /// Those of the checkpoint's files.
    pub fn first_policy(&self) -> Result<NetworkPolicy> {
        let words = self.words()?;
        let network = start::network(&self.recipe.model, &words, self.seed, &self.device)?;
        Ok(start::policy(&self.recipe.model, &words, network))
    }

    /// Who asks and answers, in this mode.
    ///
    /// # Errors
    ///
    /// Those of [`words`](Self::words).
    pub fn environment(&self, policy: &NetworkPolicy, mode: Mode) -> Result<VideoEnvironment> {
        let agent = self.recipe.agent.clone().with_mode(mode);
        let max_tokens = self.recipe.model.max_tokens;
        Ok(VideoEnvironment::new(agent, self.words()?, policy.media_rule(), max_tokens))
    }

    /// The trainer of demonstrations.
    ///
    /// # Errors
    ///
    /// If the recipe has none, or whatever is wrong with its data.
    pub fn sft(&self, policy: NetworkPolicy) -> Result<SftTrainer<NetworkPolicy>> {
        let sft = self.recipe.sft.as_ref().ok_or_else(|| missing("sft"))?;
        let environment = self.environment(&policy, Mode::Tool)?;
        let shards = lessons::curriculum(self.recipe, &environment, self.seed)?;
        let held_out =
            lessons::held_out_demonstrations(self.recipe, &environment, sft.num_held_out)?;
        let config = SftConfig { seed: self.seed, ..sft.trainer.clone() };
        Ok(SftTrainer::new(config, policy, shards, held_out)?.with_devices(self.other_devices()))
    }

    /// The trainer of rewards; `reward` may be another than the recipe's.
    ///
    /// # Errors
    ///
    /// If the recipe has none, or whatever is wrong with its data.
    pub fn rl(
        &self,
        policy: NetworkPolicy,
        reward: Option<RewardRecipe>,
    ) -> Result<Trainer<NetworkPolicy, VideoEnvironment>> {
        let rl = self.recipe.rl.as_ref().ok_or_else(|| missing("rl"))?;
        let environment = self.environment(&policy, Mode::Tool)?;
        let tasks = self.questions()?;
        let config = TrainerConfig { seed: self.seed, ..rl.trainer.clone() };
        let rewards = reward.unwrap_or(rl.reward).sum();
        let trainer = Trainer::new(config, policy, environment, tasks, rewards)?;
        Ok(trainer.with_devices(self.other_devices()))
    }

    /// Those that share the work beside the one that the policy is on.
    fn other_devices(&self) -> Vec<Device> {
        let model = &self.recipe.model;
        (1..model.num_devices.get()).map(|index| model.device.device(index).autodiff()).collect()
    }

    /// Demonstrations of the first held-out questions, which no lesson contains; files have none.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the data.
    pub fn demonstrations(&self, num_items: usize) -> Result<Vec<Trajectory<SeenPixels>>> {
        let environment = self.environment(&self.first_policy()?, Mode::Tool)?;
        lessons::held_out_demonstrations(self.recipe, &environment, num_items)
    }

    /// The questions to learn from by trying.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the data.
    pub fn questions(&self) -> Result<Vec<VideoTask>> {
        lessons::questions(self.recipe, self.seed)
    }

    /// The held-out questions.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the data.
    pub fn held_out(&self) -> Result<Vec<VideoTask>> {
        lessons::held_out(self.recipe, self.recipe.evaluation.num_items)
    }

    /// Answers questions under the recipe's limits: with the tool, or without it. Without it neither a call nor, in the toy
    /// world, the thought that leads to one can be written, so that what is measured is the best guess and not the wish to look.
    ///
    /// # Errors
    ///
    /// Whatever stops it.
    pub fn measure(
        &self,
        policy: &NetworkPolicy,
        tasks: &[VideoTask],
        mode: Mode,
    ) -> Result<Vec<Outcome>> {
        self.measure_with(policy, tasks, mode, self.recipe.evaluation.rollout)
    }

    /// The same under other limits.
    ///
    /// # Errors
    ///
    /// Whatever stops it.
    pub fn measure_with(
        &self,
        policy: &NetworkPolicy,
        tasks: &[VideoTask],
        mode: Mode,
        limits: RolloutConfig,
    ) -> Result<Vec<Outcome>> {
        let mut policy = policy.valid();
        let environment = self.environment(&policy, mode)?;
        if mode != Mode::Tool {
            let tokenizer = environment.words().tokenizer();
            policy = policy.with_forbidden(tokenizer.encode(CALL)?);
            if self.recipe.agent.wording == Wording::Toy {
                policy = policy.with_forbidden(tokenizer.encode(LOOK_AGAIN)?);
            }
        }
        let rollouts = play(&policy, &environment, tasks, limits, self.seed)?;
        Ok(rollouts.into_iter().map(|rollout| rollout.outcome).collect())
    }

    /// Writes the policy's model in the hub's layout, with the rules it was trained under.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn save(&self, policy: &NetworkPolicy, folder: &Path) -> Result<()> {
        let world = match &self.recipe.questions {
            Questions::Toy(world) => Some(world.clone()),
            Questions::Files(_) => None,
        };
        let settings = Settings { agent: self.recipe.agent.clone(), world };
        let words = self.words()?;
        folder::save(folder, policy.network(), &words, &settings)
    }
}

/// What a call begins with.
const CALL: &str = "<tool_call>";
/// What the thought before a call begins with in the toy world; after it an answer would make no sense.
const LOOK_AGAIN: &str = "over";

fn missing(name: &'static str) -> Error {
    let expected = "a recipe that has this part".to_owned();
    Error::InvalidSetting { name, value: "missing".into(), expected }
}
