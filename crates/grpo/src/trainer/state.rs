//! Saving a run and going on with it.

use serde::{Deserialize, Serialize};

use super::Trainer;
use super::rollout::Batch;
use crate::checkpoint::{differing, pack_module, take, unpack_json, unpack_module};
use crate::metrics::{Event, Metrics, Observer};
use crate::{Environment, Error, Media, Policy, Result};

const POLICY: &str = "policy.bpk";
const REFERENCE: &str = "reference.bpk";
const STATE: &str = "state.json";

/// All of a run that is not tensors. There is no generator among it: chance is a function of seed and place.
#[derive(Serialize, Deserialize)]
#[serde(bound = "M: Media")]
struct State<M: Media> {
    config: serde_json::Value,
    num_tasks: usize,
    step: u64,
    next_prompt: u64,
    num_tokens: u64,
    /// Batches sampled ahead, with the weights of earlier steps.
    ahead: Vec<Batch<M>>,
}

impl<P: Policy, E: Environment<Media = P::Media>> Trainer<P, E> {
    /// Saves a checkpoint, unless this step has one, and removes old ones. Returns whether it did.
    ///
    /// # Errors
    ///
    /// [`Error::File`]; [`Error::Setting`] if no folder was given.
    pub fn save(&mut self) -> Result<bool> {
        self.save_now(None, &mut |_: &Event<'_>| Ok(()))
    }

    pub(super) fn save_now(
        &mut self,
        metrics: Option<&Metrics>,
        observer: &mut dyn Observer,
    ) -> Result<bool> {
        let Some(checkpoints) = &self.checkpoints else { return Ok(false) };
        if self.saved_at == Some(self.step) {
            return Ok(false);
        }
        let state = State {
            config: self.settings()?,
            num_tasks: self.tasks.len(),
            step: self.step,
            next_prompt: self.next_prompt,
            num_tokens: self.num_tokens,
            ahead: self.ahead.iter().cloned().collect(),
        };
        let dir = checkpoints.path(self.step);
        let saved = self.policy().saved_params();
        let mut files: Vec<_> = self.learner.pack(POLICY, saved, &dir)?.into();
        files.push((STATE, serde_json::to_vec(&state).map_err(Error::file(&dir.join(STATE)))?));
        if let Some(reference) = &self.reference {
            files.push((
                REFERENCE,
                pack_module(reference, reference.saved_params(), &dir.join(REFERENCE))?,
            ));
        }
        let score = self.config.keep.best.as_ref().and_then(|name| metrics?.get(name).copied());
        let path = checkpoints.write(self.step, score, &files)?;
        checkpoints.prune(self.config.keep.last)?;
        self.saved_at = Some(self.step);
        observer.event(&Event::Saved(&path))?;
        Ok(true)
    }

    /// Goes on from the newest checkpoint of the folder; `None` if there is none yet. Every following step is bit for bit what it
    /// would have been without the interruption.
    ///
    /// # Errors
    ///
    /// [`Error::OtherSettings`] if the checkpoint was made with other settings or tasks, [`Error::Damaged`], [`Error::File`].
    pub fn resume(&mut self) -> Result<Option<u64>> {
        let Some(checkpoints) = &self.checkpoints else {
            let (setting, value) = ("checkpoints", "none".into());
            return Err(Error::Setting {
                setting,
                value,
                fix: "name their folder with `with_checkpoints`",
            });
        };
        if checkpoints.steps()?.is_empty() {
            return Ok(None);
        }
        let (step, mut files) = checkpoints.read(None)?;
        let dir = checkpoints.path(step);
        let state: State<P::Media> =
            unpack_json(&take(&mut files, &dir, STATE)?, &dir.join(STATE))?;
        let mut fields = differing(&state.config, &self.settings()?);
        if state.num_tasks != self.tasks.len() {
            fields.push("tasks".into());
        }
        if !fields.is_empty() {
            return Err(Error::OtherSettings { path: dir, fields });
        }
        let saved = self.policy().saved_params();
        self.learner.unpack(POLICY, saved.clone(), &self.config.optim, &mut files, &dir)?;
        if let Some(reference) = self.reference.take() {
            let bytes = take(&mut files, &dir, REFERENCE)?;
            self.reference = Some(unpack_module(reference, saved, bytes, &dir.join(REFERENCE))?);
        }
        self.step = state.step;
        self.next_prompt = state.next_prompt;
        self.num_tokens = state.num_tokens;
        self.ahead = state.ahead.into();
        self.saved_at = Some(state.step);
        Ok(Some(step))
    }

    /// The settings that a resumed run must share: all but how checkpoints are kept. Rewards count by name and weight.
    fn settings(&self) -> Result<serde_json::Value> {
        let path = std::path::Path::new(STATE);
        let mut settings = serde_json::to_value(&self.config).map_err(Error::file(path))?;
        if let Some(settings) = settings.as_object_mut() {
            settings.remove("keep");
            let rewards: Vec<_> =
                self.rewards.names().into_iter().zip(self.rewards.weights()).collect();
            settings.insert(
                "rewards".into(),
                serde_json::to_value(rewards).map_err(Error::file(path))?,
            );
        }
        Ok(settings)
    }
}
