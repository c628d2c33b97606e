//! Features of a vision tower that enter behind the first layers.

use burn::tensor::{FloatDType, IndexingUpdateOp, Int, Tensor, TensorData};

/// DeepStack (Meng et al. 2024, arXiv:2406.04334) in the way of Qwen3-VL: what inner blocks of the vision tower saw is added to
/// the states of pictures and clips, one block's features behind each of the first layers. Qwen2.5-VL has none.
#[derive(Debug, Clone)]
pub struct DeepStack {
    /// Rows of the flattened batch.
    places: Tensor<1, Int>,
    /// Of the layers from the first, `[places, hidden_size]` each.
    features: Vec<Tensor<2>>,
}

impl DeepStack {
    /// `places` are those of placeholders in the batch that goes through the layers, `row * seq_len + token`, each once.
    ///
    /// # Shapes
    ///
    /// - `features`: one `[places, hidden_size]` for each of the first layers
    ///
    /// # Panics
    ///
    /// If there are no features, or of a layer not one row for each place.
    #[must_use]
    pub fn new(places: &[usize], features: Vec<Tensor<2>>) -> Self {
        assert!(!features.is_empty(), "features of at least one layer");
        for of_layer in &features {
            assert_eq!(of_layer.dims()[0], places.len(), "features and places");
        }
        let device = features[0].device().without_autodiff();
        let places: Vec<i64> = places.iter().map(|place| *place as i64).collect();
        let count = places.len();
        Self { places: Tensor::from_data(TensorData::new(places, [count]), &device), features }
    }

    /// What comes out of a layer, with the features of that layer added.
    ///
    /// # Shapes
    ///
    /// - `x` and output: `[batch, seq_len, hidden_size]`
    pub(super) fn add(&self, layer: usize, x: Tensor<3>) -> Tensor<3> {
        let Some(features) = self.features.get(layer) else { return x };
        let [batch, seq_len, width] = x.dims();
        let features = features.clone().cast(FloatDType::from(x.dtype()));
        x.reshape([batch * seq_len, width])
            .select_assign(0, self.places.clone(), features, IndexingUpdateOp::Add)
            .reshape([batch, seq_len, width])
    }
}
