//! The whole: vision tower, language model, head.

use std::sync::Arc;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};

use crate::Result;
use crate::batch::{Batch, Padding};
use crate::config::ModelConfig;
use crate::language::{Keep, LanguageModel};
use crate::layers::{Init, Linear};
use crate::observe::Observer;
use crate::processor::Pixels;
use crate::sequence::Sequence;
use crate::training::LoraSettings;
use crate::vision::VisionTower;

/// Qwen2.5-VL.
///
/// The same forward serves inference and training: made on an autodiff device (or turned with burn's `train`), gradients
/// flow to every parameter that is not frozen.
///
/// Checkpoint keys: `visual.*`, `model.*`, `lm_head.weight` (absent where the head is tied to the embedding).
#[derive(Module, Debug)]
pub struct Network {
    visual: VisionTower,
    model: LanguageModel,
    lm_head: Option<Linear>,
    #[module(skip)]
    config: ModelConfig,
    /// Of its adapters, where it has some.
    #[module(skip)]
    lora: Option<LoraSettings>,
}

/// How a forward over whole sequences runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pass {
    /// Where shorter sequences are filled up.
    pub padding: Padding,
    /// What is kept for the backward pass.
    pub keep: Keep,
}

impl Network {
    /// A network of random weights. They are drawn when first used, so that a checkpoint can take their place for free.
    #[must_use]
    pub fn init(config: &ModelConfig, init: &Init) -> Self {
        let text = &config.text;
        Self {
            visual: VisionTower::init(&config.vision, init),
            model: LanguageModel::init(text, init),
            lm_head: (!config.tie_word_embeddings)
                .then(|| Linear::init(text.hidden_size, text.vocab_size, false, init)),
            config: config.clone(),
            lora: None,
        }
    }

    /// Its sizes.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The vision tower.
    #[must_use]
    pub fn visual(&self) -> &VisionTower {
        &self.visual
    }

    /// The language model.
    #[must_use]
    pub fn model(&self) -> &LanguageModel {
        &self.model
    }

    /// Where the weights are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.model.embedding().weight().device()
    }

    /// The precision of the weights that are not quantised.
    #[must_use]
    pub fn dtype(&self) -> FloatDType {
        FloatDType::from(self.model.embedding().weight().dtype())
    }

    /// Features of pictures and clips, one row per merged cell; `None` for none.
    ///
    /// # Shapes
    ///
    /// - output: `[cells, hidden_size]`
    #[must_use]
    pub fn features(
        &self,
        media: &[Arc<Pixels>],
        keep: Keep,
        observer: &mut Observer<'_>,
    ) -> Option<Tensor<2>> {
        if media.is_empty() {
            return None;
        }
        let patch_len = self.config.vision.patch_len();
        let grids: Vec<[usize; 3]> = media.iter().map(|pixels| pixels.grid).collect();
        let mut values = Vec::with_capacity(media.iter().map(|pixels| pixels.patches.len()).sum());
        for pixels in media {
            values.extend_from_slice(&pixels.patches);
        }
        let rows = values.len() / patch_len;
        let dtype: DType = self.dtype().into();
        let pixel_values = Tensor::<2>::from_data(
            TensorData::new(values, [rows, patch_len]),
            (&self.device().without_autodiff(), DType::F32),
        );
        let pixel_values = pixel_values.cast(FloatDType::from(dtype));
        Some(self.visual.forward_observed(pixel_values, &grids, keep, observer))
    }

    /// Normed states of whole sequences, showing every stage to `observer`.
    ///
    /// # Shapes
    ///
    /// - output: `[sequences, longest, hidden_size]`; what stands in the place of padding means nothing
    ///
    /// # Errors
    ///
    /// [`Error::Request`](crate::Error::Request) if there is no sequence or an empty one.
    pub fn hidden_states(
        &self,
        sequences: &[&Sequence],
        pass: Pass,
        observer: &mut Observer<'_>,
    ) -> Result<Tensor<3>> {
        let batch = Batch::new(sequences, &self.config, pass.padding)?;
        Ok(self.hidden_states_of(&batch, sequences, pass, observer))
    }

    pub(crate) fn hidden_states_of(
        &self,
        batch: &Batch,
        sequences: &[&Sequence],
        pass: Pass,
        observer: &mut Observer<'_>,
    ) -> Tensor<3> {
        let device = self.device();
        let media: Vec<Arc<Pixels>> =
            sequences.iter().flat_map(|sequence| sequence.media()).cloned().collect();
        let features = self.features(&media, pass.keep, observer);
        let embeds = batch.merge(self.model.embed(batch.ids(&device)), features);
        let positions: Vec<&[[u32; 3]]> = batch.positions.iter().map(Vec::as_slice).collect();
        let rope = self.model.rope(&positions, &device);
        let live = batch.is_padded().then_some(batch.live.as_slice());
        self.model.forward(embeds, &rope, live, None, pass.keep, observer)
    }

    /// Scores of every word, in single precision.
    ///
    /// # Shapes
    ///
    /// - `hidden_states`: `[.., hidden_size]`; output: `[.., vocab_size]`
    #[must_use]
    pub fn logits<const D: usize>(&self, hidden_states: Tensor<D>) -> Tensor<D> {
        self.head().forward(hidden_states)
    }

    pub(crate) fn head(&self) -> Head {
        match &self.lm_head {
            Some(head) => Head { own: Some(head.clone()), tied: None },
            None => Head { own: None, tied: Some(self.model.embedding().clone()) },
        }
    }

    /// The same network without its adapters: the reference policy, at the cost of no memory.
    #[must_use]
    pub fn without_adapter(&self) -> Self {
        Self {
            visual: self.visual.without_adapter(),
            model: self.model.without_adapter(),
            lm_head: self.lm_head.as_ref().map(Linear::without_adapter),
            config: self.config.clone(),
            lora: None,
        }
    }

    /// How its adapters were made, if it has some.
    #[must_use]
    pub fn lora(&self) -> Option<&LoraSettings> {
        self.lora.as_ref()
    }

    pub(crate) fn set_lora(&mut self, settings: Option<LoraSettings>) {
        self.lora = settings;
    }

    /// Numbers in all weights, adapters left out. Draws and reads none of them.
    #[must_use]
    pub fn num_weights(&self) -> usize {
        let mut weights = Matrices::default();
        self.visit(&mut weights);
        weights.numbers
    }

    /// Path in the module and shape of every matrix that is a weight, in order.
    pub(crate) fn matrices(&self) -> Vec<(String, [usize; 2])> {
        let mut matrices = Matrices::default();
        self.visit(&mut matrices);
        matrices.found
    }

    /// The same network with rotary frequencies rounded to bf16, as they become in PyTorch when a loaded model is cast
    /// with `model.to(torch.bfloat16)`. Loading it in bf16 leaves them exact there, and so do we; this is for comparing with
    /// numbers of a model that was cast.
    #[must_use]
    pub fn with_rounded_frequencies(mut self) -> Self {
        self.visual.round_frequencies();
        self.model.round_frequencies();
        self.config.vision.rounded_frequencies = true;
        self.config.text.rounded_frequencies = true;
        self
    }

    /// The same network with a vision tower that is not trained.
    #[must_use]
    pub fn with_frozen_vision(mut self) -> Self {
        self.visual = self.visual.set_require_grad(false);
        self
    }
}

#[derive(Default)]
struct Matrices {
    path: Vec<String>,
    found: Vec<(String, [usize; 2])>,
    /// In all weights, matrices or not.
    numbers: usize,
}

impl ModuleVisitor for Matrices {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.path.iter().any(|part| part == "lora") {
            return;
        }
        let shape = param.lazy_shape();
        self.numbers += shape.iter().product::<usize>();
        if let [d_in, d_out] = shape.as_slice() {
            self.found.push((self.path.join("."), [*d_in, *d_out]));
        }
    }
}

/// From states to scores: a layer of its own or the embedding.
#[derive(Module, Debug)]
pub(crate) struct Head {
    own: Option<Linear>,
    tied: Option<crate::language::Embedding>,
}

impl Head {
    pub(crate) fn forward<const D: usize>(&self, hidden_states: Tensor<D>) -> Tensor<D> {
        let logits = match (&self.own, &self.tied) {
            (Some(own), _) => own.forward(hidden_states),
            (None, Some(tied)) => tied.scores(hidden_states),
            (None, None) => unreachable!("a head is one of both"),
        };
        logits.cast(FloatDType::F32)
    }
}
