//! Saving a run and going on with it.

use serde::{Deserialize, Serialize};

use super::{PackedModel, SftTrainer};
use crate::checkpoint::{differing, take, unpack_json};
use crate::metrics::{Event, Metrics, Observer};
use crate::{Error, Result};

const MODEL: &str = "model.bpk";
const STATE: &str = "state.json";

#[derive(Serialize, Deserialize)]
struct State {
    settings: serde_json::Value,
    step: u64,
    num_tokens: u64,
}

impl<P: PackedModel> SftTrainer<P> {
    /// Saves a checkpoint, unless this step has one, and removes old ones. Returns whether it did.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
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
        let state =
            State { settings: self.settings(), step: self.step, num_tokens: self.num_tokens };
        let dir = checkpoints.path(self.step);
        let mut files: Vec<_> = self.learner.pack(MODEL, self.model().saved_params(), &dir)?.into();
        files.push((STATE, serde_json::to_vec(&state).map_err(Error::file(&dir.join(STATE)))?));
        let score = self.config.keep.best.as_ref().and_then(|name| metrics?.get(name).copied());
        let path = checkpoints.write(self.step, score, &files)?;
        checkpoints.prune(self.config.keep.last)?;
        self.saved_at = Some(self.step);
        observer.event(&Event::Saved(&path))?;
        Ok(true)
    }

    /// Goes on from the newest checkpoint of the folder; `None` if there is none yet.
    ///
    /// # Errors
    ///
    /// As [`Trainer::resume`](crate::Trainer::resume).
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
        let state: State = unpack_json(&take(&mut files, &dir, STATE)?, &dir.join(STATE))?;
        let fields = differing(&state.settings, &self.settings());
        if !fields.is_empty() {
            return Err(Error::OtherSettings { path: dir, fields });
        }
        let saved = self.model().saved_params();
        self.learner.unpack(MODEL, saved, &self.config.optim, &mut files, &dir)?;
        self.step = state.step;
        self.num_tokens = state.num_tokens;
        self.saved_at = Some(state.step);
        Ok(Some(step))
    }
}
