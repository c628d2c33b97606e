//! Looking at a network's inner tensors while it runs.
//!
//! Parity checks need what is between the layers. Every forward that ends in `_observed` calls its observer with the
//! tensors it passes through; it is the same code that runs when nobody looks.

use burn::tensor::Tensor;

/// A place in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Patches after their embedding, in reading order of merge blocks: `[patches, vision hidden]`.
    PatchEmbed,
    /// Residual stream after a vision block, in the published window order: `[patches, vision hidden]`.
    VisionBlock(usize),
    /// Merged features, in the published window order: `[cells, hidden]`.
    Merger,
    /// Merged features back in reading order: `[cells, hidden]`.
    VisionOutput,
    /// Token embeddings with the features of pictures and clips in place: `[batch * seq_len, hidden]`.
    Embeds,
    /// Residual stream after a decoder layer: `[batch * seq_len, hidden]`.
    Layer(usize),
    /// After the last norm: `[batch * seq_len, hidden]`.
    Norm,
}

/// Receives the tensors of the stages passed.
pub struct Observer<'a>(Option<&'a mut dyn FnMut(Stage, Tensor<2>)>);

impl<'a> Observer<'a> {
    /// Nobody looks; costs nothing.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Calls `look` at every stage, in order.
    pub fn new(look: &'a mut dyn FnMut(Stage, Tensor<2>)) -> Self {
        Self(Some(look))
    }

    /// `value` is only made if someone looks.
    pub(crate) fn see(&mut self, stage: Stage, value: impl FnOnce() -> Tensor<2>) {
        if let Some(look) = &mut self.0 {
            look(stage, value());
        }
    }
}

impl std::fmt::Debug for Observer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Observer").field(&self.0.is_some()).finish()
    }
}
