//! Which patches attend to each other in the vision tower, without masks.
//!
//! Patches arrive in merge-block order: cell after cell in reading order, the patches of a cell together. Attention is
//! among the cells of a window (rim windows are smaller, never padded), or of a whole frame in the full blocks. The order
//! made here keeps frames apart and sorts the windows of a frame by shape, so that equal windows lie side by side
//! and attend as one batch.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::config::VisionConfig;

/// The order in which the tower works, and the equal pieces it attends in.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowPlan {
    /// Cell of the reading order at each place of the working order.
    pub order: Vec<usize>,
    /// Cell of the reading order at each place of the published implementation's window order.
    pub published_order: Vec<usize>,
    /// Edges of the published windows, in patches, from 0.
    pub published_edges: Vec<usize>,
    /// Runs of frames of one size.
    pub runs: Vec<FrameRun>,
}

/// Consecutive frames (or pictures) of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameRun {
    /// Patches of the run in the working order.
    pub patches: Range<usize>,
    /// How many frames.
    pub num_frames: usize,
    /// Windows of one frame by size, in patches counted from the frame's start.
    pub windows: Vec<WindowGroup>,
}

impl FrameRun {
    /// Patches of each piece that attends to itself, in the working order: windows, or whole frames.
    pub fn segments(&self, whole_frames: bool) -> impl Iterator<Item = usize> {
        let frame_len = self.patches.len() / self.num_frames;
        let of_frame: Vec<usize> = if whole_frames {
            vec![frame_len]
        } else {
            let windows = self.windows.iter();
            windows
                .flat_map(|group| std::iter::repeat_n(group.window_len, group.num_windows))
                .collect()
        };
        std::iter::repeat_n(of_frame, self.num_frames).flatten()
    }
}

/// Equal windows side by side within a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowGroup {
    /// First patch, from the frame's start.
    pub start: usize,
    /// How many windows.
    pub num_windows: usize,
    /// Patches in each.
    pub window_len: usize,
}

impl WindowPlan {
    /// Plans the attention over pictures and clips, given as `[time, height, width]` in patches.
    #[must_use]
    pub fn new(grids: &[[usize; 3]], config: &VisionConfig) -> Self {
        let (merge, side, per_cell) =
            (config.spatial_merge_size, config.window_cells(), config.patches_per_cell());
        let mut plan = Self {
            order: vec![],
            published_order: vec![],
            published_edges: vec![0],
            runs: Vec::<FrameRun>::new(),
        };
        let mut last_size = None;
        let mut first_cell = 0;
        for &[frames, height, width] in grids {
            let (rows, cols) = (height / merge, width / merge);
            let (sorted, windows) = frame_windows(rows, cols, side);
            for _ in 0..frames {
                plan.order.extend(sorted.iter().flatten().map(|cell| first_cell + cell));
                for cells in &windows {
                    plan.published_order.extend(cells.iter().map(|cell| first_cell + cell));
                    plan.published_edges.push(plan.published_order.len() * per_cell);
                }
                first_cell += rows * cols;
            }
            let end = first_cell * per_cell;
            let is_same_size = last_size.replace([rows, cols]) == Some([rows, cols]);
            match plan.runs.last_mut() {
                Some(run) if is_same_size => {
                    run.patches.end = end;
                    run.num_frames += frames;
                }
                _ => {
                    let patches = end - frames * rows * cols * per_cell..end;
                    plan.runs.push(FrameRun {
                        patches,
                        num_frames: frames,
                        windows: groups(&sorted, per_cell),
                    });
                }
            }
        }
        plan
    }

    /// For each cell of the reading order, its place in the working order.
    #[must_use]
    pub fn inverse(&self) -> Vec<usize> {
        let mut inverse = vec![0; self.order.len()];
        for (place, &cell) in self.order.iter().enumerate() {
            inverse[cell] = place;
        }
        inverse
    }
}

/// The windows of a frame as lists of cells, sorted by size (stable) and as published (by place).
fn frame_windows(rows: usize, cols: usize, side: usize) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let mut windows = Vec::new();
    let mut by_size = BTreeMap::<std::cmp::Reverse<usize>, Vec<Vec<usize>>>::new();
    for top in (0..rows).step_by(side) {
        for left in (0..cols).step_by(side) {
            let (bottom, right) = ((top + side).min(rows), (left + side).min(cols));
            let cells: Vec<usize> = (top..bottom)
                .flat_map(|row| (left..right).map(move |col| row * cols + col))
                .collect();
            by_size.entry(std::cmp::Reverse(cells.len())).or_default().push(cells.clone());
            windows.push(cells);
        }
    }
    (by_size.into_values().flatten().collect(), windows)
}

fn groups(sorted: &[Vec<usize>], per_cell: usize) -> Vec<WindowGroup> {
    let mut start = 0;
    sorted
        .chunk_by(|a, b| a.len() == b.len())
        .map(|equal| {
            let group = WindowGroup {
                start,
                num_windows: equal.len(),
                window_len: equal[0].len() * per_cell,
            };
            start += group.num_windows * group.window_len;
            group
        })
        .collect()
}

/// Row and column of every patch in merge-block order.
#[must_use]
pub fn patch_places(grids: &[[usize; 3]], merge: usize) -> Vec<[usize; 2]> {
    let mut places = Vec::new();
    for &[frames, height, width] in grids {
        for _ in 0..frames {
            for (block_row, block_col) in
                (0..height / merge).flat_map(|r| (0..width / merge).map(move |c| (r, c)))
            {
                for (row, col) in (0..merge).flat_map(|r| (0..merge).map(move |c| (r, c))) {
                    places.push([block_row * merge + row, block_col * merge + col]);
                }
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published tower: windows of 4 x 4 cells.
    fn published() -> VisionConfig {
        VisionConfig {
            depth: 32,
            hidden_size: 1280,
            intermediate_size: 3420,
            num_heads: 16,
            in_channels: 3,
            out_hidden_size: 3584,
            patch_size: 14,
            temporal_patch_size: 2,
            spatial_merge_size: 2,
            window_size: 112,
            fullatt_block_indexes: vec![7, 15, 23, 31],
            tokens_per_second: 2.0,
            rounded_frequencies: false,
        }
    }

    /// Order and edges written down from the published rule for a 640 x 360 frame, resized to 644 x 364.
    #[test]
    fn rim_windows_are_smaller_and_none_is_empty() {
        let plan = WindowPlan::new(&[[1, 26, 46]], &published());
        assert_eq!(
            plan.published_order[..20],
            [0, 1, 2, 3, 23, 24, 25, 26, 46, 47, 48, 49, 69, 70, 71, 72, 4, 5, 6, 7]
        );
        let edges = [
            0, 64, 128, 192, 256, 320, 368, 432, 496, 560, 624, 688, 736, 800, 864, 928, 992, 1056,
            1104, 1120, 1136, 1152, 1168, 1184, 1196,
        ];
        assert_eq!(plan.published_edges, edges);
        // 15 whole windows, 3 at the right, 5 at the bottom, 1 in the corner
        let sizes: Vec<_> =
            plan.runs[0].windows.iter().map(|g| (g.num_windows, g.window_len)).collect();
        assert_eq!(sizes, [(15, 64), (3, 48), (5, 16), (1, 12)]);
    }

    #[test]
    fn a_side_of_whole_windows_has_no_rim() {
        let plan = WindowPlan::new(&[[1, 32, 32]], &published());
        assert_eq!(plan.published_edges.len() - 1, 16);
    }

    #[test]
    fn frames_keep_apart() {
        let plan = WindowPlan::new(&[[2, 4, 12]], &published());
        assert_eq!(plan.published_order[..12], [0, 1, 2, 3, 6, 7, 8, 9, 4, 5, 10, 11]);
        assert_eq!(plan.published_order[12..], [12, 13, 14, 15, 18, 19, 20, 21, 16, 17, 22, 23]);
        assert_eq!(plan.published_edges, [0, 32, 48, 80, 96]);
    }

    #[test]
    fn pictures_of_one_size_make_one_run_and_every_cell_has_one_place() {
        let plan = WindowPlan::new(&[[1, 14, 10], [3, 14, 10], [1, 24, 6]], &published());
        assert_eq!(plan.runs.iter().map(|r| r.num_frames).collect::<Vec<_>>(), [4, 1]);
        assert_eq!(plan.runs[1].patches, 4 * 140..4 * 140 + 144);
        let mut sorted = plan.order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..plan.order.len()).collect::<Vec<_>>());
        assert!(plan.inverse().iter().enumerate().all(|(cell, &place)| plan.order[place] == cell));
    }
}
