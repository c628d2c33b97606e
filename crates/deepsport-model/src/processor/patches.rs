//! Normalised patches in the order that the vision tower reads.

use rayon::prelude::*;

use super::ProcessorSettings;

const NUM_CHANNELS: usize = 3;

/// Rows of patches of `frames` (each `[height, width, 3]`), the last frame repeated until the temporal patch is full.
///
/// # Shapes
///
/// - output: `[t * h * w, 3 * temporal_patch * patch * patch]`, blocks of `merge x merge` rows together
pub(super) fn rows(
    frames: &[&[u8]],
    height: usize,
    width: usize,
    settings: &ProcessorSettings,
) -> Vec<f32> {
    let &ProcessorSettings { patch_size, temporal_patch_size, merge_size, .. } = settings;
    let steps = frames.len().div_ceil(temporal_patch_size);
    let row_len = NUM_CHANNELS * temporal_patch_size * patch_size * patch_size;
    let (block_rows, block_columns) =
        (height / (patch_size * merge_size), width / (patch_size * merge_size));
    let block_len = merge_size * merge_size * row_len;
    let levels = Levels::new(settings);

    let mut out = vec![0.0; steps * block_rows * block_columns * block_len];
    out.par_chunks_mut(block_columns * block_len).enumerate().for_each(|(strip, out)| {
        let (step, block_row) = (strip / block_rows, strip % block_rows);
        let pair: Vec<&[u8]> = (0..temporal_patch_size)
            .map(|i| frames[(step * temporal_patch_size + i).min(frames.len() - 1)])
            .collect();
        for (patch_idx, row) in out.chunks_exact_mut(row_len).enumerate() {
            let (block_column, inside) =
                (patch_idx / (merge_size * merge_size), patch_idx % (merge_size * merge_size));
            let top = (block_row * merge_size + inside / merge_size) * patch_size;
            let left = (block_column * merge_size + inside % merge_size) * patch_size;
            let planes = row.chunks_exact_mut(patch_size * patch_size);
            for (plane_idx, plane) in planes.enumerate() {
                let (channel, time) =
                    (plane_idx / temporal_patch_size, plane_idx % temporal_patch_size);
                for (y, line) in plane.chunks_exact_mut(patch_size).enumerate() {
                    let start = ((top + y) * width + left) * NUM_CHANNELS;
                    let pixels = pair[time][start..start + patch_size * NUM_CHANNELS].as_chunks().0;
                    for (value, pixel) in line.iter_mut().zip(pixels) {
                        let pixel: &[u8; NUM_CHANNELS] = pixel;
                        *value = levels.0[channel][usize::from(pixel[channel])];
                    }
                }
            }
        }
    });
    out
}

/// What each of the 256 levels of a channel is after scaling and normalising.
struct Levels([[f32; 256]; NUM_CHANNELS]);

impl Levels {
    /// The product is taken in f64 and the rest in f32, as NumPy does it for the reference.
    fn new(settings: &ProcessorSettings) -> Self {
        let level = |channel: usize, level: usize| {
            let scaled = (level as f64 * settings.rescale_factor) as f32;
            (scaled - settings.image_mean[channel]) / settings.image_std[channel]
        };
        Self(std::array::from_fn(|channel| std::array::from_fn(|value| level(channel, value))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 4 x 4 pixels in patches of 1, blocks of 2: the order of rows can be read off.
    #[test]
    fn rows_run_over_blocks() {
        let settings = ProcessorSettings {
            patch_size: 1,
            temporal_patch_size: 1,
            merge_size: 2,
            rescale_factor: 1.0,
            image_mean: [0.0; 3],
            image_std: [1.0; 3],
            ..ProcessorSettings::default()
        };
        let frame: Vec<u8> = (0..16).flat_map(|i| [i, i, i]).collect();
        let rows = rows(&[&frame], 4, 4, &settings);
        let order: Vec<f32> = rows.chunks_exact(3).map(|row| row[0]).collect();
        let expected = [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15];
        assert_eq!(order, expected.map(|i| i as f32));
    }

    #[test]
    fn an_odd_clip_repeats_its_last_frame() {
        let settings = ProcessorSettings { patch_size: 1, merge_size: 1, ..Default::default() };
        let frames: Vec<[u8; 3]> = vec![[1; 3], [2; 3], [3; 3]];
        let frames: Vec<&[u8]> = frames.iter().map(|frame| frame.as_slice()).collect();
        let rows = rows(&frames, 1, 1, &settings);
        assert_eq!(rows.len(), 2 * 6);
        assert_eq!(rows[6], rows[7]);
        assert_ne!(rows[0], rows[1]);
    }
}
