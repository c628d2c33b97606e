//! The policy as a model that learns from demonstrations.

use burn::Tensor;
use burn::tensor::{Int, TensorData};
use grpo::sft::{PackedModel, PackedRow};
use grpo::{Policy as _, Result, Trajectory};

use super::{NetworkPolicy, SeenPixels};

/// Trajectories that share a row are read side by side, each as a row of its own: the network batches what differs in length,
/// and nothing has to be masked from anything. So `max_row_tokens` bounds what is read at once, filled up or not.
impl PackedModel for NetworkPolicy {
    type Media = SeenPixels;

    fn score_packed(&self, rows: &[PackedRow<'_, SeenPixels>]) -> Result<Tensor<2>> {
        let segments: Vec<&Trajectory<SeenPixels>> =
            rows.iter().flat_map(|row| row.segments()).copied().collect();
        let scores = self.score(&segments, 1.0)?.logps;
        let [num_segments, columns] = scores.dims();
        let width = rows.iter().map(PackedRow::num_tokens).max().unwrap_or(0);

        // One zero stands for prompts, which carry no loss, and behind short rows.
        let nothing = (num_segments * columns) as i64;
        let mut sources = vec![nothing; rows.len() * width];
        let mut segment_idx = 0;
        for (row, places) in rows.iter().zip(sources.chunks_mut(width.max(1))) {
            let mut start = 0;
            for segment in row.segments() {
                let completion = segment.completion();
                let first = (segment_idx * columns) as i64;
                let of_segment = &mut places[start + completion.start..start + completion.end];
                for (place, source) in of_segment.iter_mut().zip(first..) {
                    *place = source;
                }
                start += segment.ids().len();
                segment_idx += 1;
            }
        }
        let device = scores.device();
        let sources = Tensor::<1, Int>::from_data(
            TensorData::new(sources, [rows.len() * width]),
            &device.clone().without_autodiff(),
        );
        let zero = Tensor::zeros([1], &device);
        let flat = Tensor::cat(vec![scores.reshape([num_segments * columns]), zero], 0);
        Ok(flat.select(0, sources).reshape([rows.len(), width]))
    }
}
