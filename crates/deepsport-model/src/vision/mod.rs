//! The vision tower: patches in, features of merged cells out.

mod windows;

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use fused_ops::{Seen, add, attend_segments, gelu, has_kernels, rotate};

use crate::attend::attend;
use crate::config::VisionConfig;
use crate::language::Keep;
use crate::layers::{Init, Linear, Mlp, RmsNorm};
use crate::observe::{Observer, Stage};
use crate::recompute::recompute;
use crate::rope::{Rope, frequencies};

pub use windows::{FrameRun, WindowGroup, WindowPlan, patch_places};

/// The tower's norms use this whatever the language model's `rms_norm_eps` is.
const EPS: f64 = 1e-6;
/// Base of the tower's rotary frequencies, whatever the language model's `rope_theta` is.
const ROPE_THETA: f64 = 10_000.0;

/// Vision transformer with window attention.
///
/// Checkpoint keys: `visual.{patch_embed.proj, blocks.{i}, merger}`.
#[derive(Module, Debug)]
pub struct VisionTower {
    patch_embed: PatchEmbed,
    blocks: Vec<VisionBlock>,
    merger: PatchMerger,
    #[module(skip)]
    config: VisionConfig,
}

/// The patch convolution, whose stride is its kernel: one linear map of the patch row.
///
/// Checkpoint keys: `visual.patch_embed.proj.weight`, `[hidden, channels, frames, side, side]`.
#[derive(Module, Debug)]
struct PatchEmbed {
    proj: Linear,
}

/// `x + attn(norm1(x))`, then `x + mlp(norm2(x))`.
///
/// Checkpoint keys: `visual.blocks.{i}.{norm1, attn, norm2, mlp}`.
#[derive(Module, Debug)]
struct VisionBlock {
    norm1: RmsNorm,
    attn: VisionAttention,
    norm2: RmsNorm,
    mlp: Mlp,
}

/// Attention within windows or within whole frames.
///
/// Checkpoint keys: `visual.blocks.{i}.attn.{qkv, proj}`.
#[derive(Module, Debug)]
struct VisionAttention {
    qkv: Linear,
    proj: Linear,
    num_heads: usize,
}

/// Joins the patches of a cell: norm, then two linear maps with the exact (erf) GELU between.
///
/// Checkpoint keys: `visual.merger.{ln_q, mlp.0, mlp.2}`.
#[derive(Module, Debug)]
struct PatchMerger {
    ln_q: RmsNorm,
    mlp_0: Linear,
    mlp_2: Linear,
    joined_size: usize,
}

impl VisionTower {
    /// A tower of random weights.
    #[must_use]
    pub fn init(config: &VisionConfig, init: &Init) -> Self {
        let width = config.hidden_size;
        let joined_size = width * config.patches_per_cell();
        Self {
            patch_embed: PatchEmbed { proj: Linear::init(config.patch_len(), width, false, init) },
            blocks: (0..config.depth).map(|_| VisionBlock::init(config, init)).collect(),
            merger: PatchMerger {
                ln_q: RmsNorm::init(width, EPS, init),
                mlp_0: Linear::init(joined_size, joined_size, true, init),
                mlp_2: Linear::init(joined_size, config.out_hidden_size, true, init),
                joined_size,
            },
            config: config.clone(),
        }
    }

    /// Features of pictures and clips, one row per merged cell in reading order.
    ///
    /// # Shapes
    ///
    /// - `pixel_values`: `[patches, channels * frames * side * side]`, patches of all grids one after the other
    /// - `grids`: `[time, height, width]` in patches; height and width are multiples of `spatial_merge_size`
    /// - output: `[patches / spatial_merge_size^2, out_hidden_size]`
    ///
    /// # Panics
    ///
    /// If `grids` do not count as many patches as there are rows.
    #[must_use]
    pub fn forward(&self, pixel_values: Tensor<2>, grids: &[[usize; 3]]) -> Tensor<2> {
        self.forward_observed(pixel_values, grids, Keep::default(), &mut Observer::none())
    }

    /// [`forward`](Self::forward), showing [`Stage::PatchEmbed`] to [`Stage::VisionOutput`] to `observer`.
    ///
    /// # Panics
    ///
    /// As `forward`.
    #[must_use]
    pub fn forward_observed(
        &self,
        pixel_values: Tensor<2>,
        grids: &[[usize; 3]],
        keep: Keep,
        observer: &mut Observer<'_>,
    ) -> Tensor<2> {
        let device = pixel_values.device().without_autodiff();
        let [num_patches, _] = pixel_values.dims();
        let per_cell = self.config.patches_per_cell();
        let plan = WindowPlan::new(grids, &self.config);
        assert_eq!(
            num_patches,
            plan.order.len() * per_cell,
            "rows of pixels and patches of the grids"
        );
        let places = |cells: &[usize]| -> Tensor<1, Int> {
            let cells: Vec<i64> = cells.iter().map(|cell| *cell as i64).collect();
            let len = cells.len();
            Tensor::from_data(TensorData::new(cells, [len]), &device)
        };
        let to_cells = |x: Tensor<2>| {
            let [rows, width] = x.dims();
            x.reshape([rows / per_cell, per_cell * width])
        };
        // from the working order to the published one, for observers
        let published = |x: Tensor<2>, unit: usize| {
            let inverse = plan.inverse();
            let order: Vec<usize> =
                plan.published_order.iter().map(|cell| inverse[*cell]).collect();
            let [rows, width] = x.dims();
            x.reshape([rows / unit, unit * width]).select(0, places(&order)).reshape([rows, width])
        };

        let embedded = self.patch_embed.proj.forward(pixel_values); // [patches, hidden]
        observer.see(Stage::PatchEmbed, || embedded.clone());
        let [_, width] = embedded.dims();
        let mut x = to_cells(embedded).select(0, places(&plan.order)).reshape([num_patches, width]);
        let rope = self.rope(grids, &plan.order, &x);
        let runs: Arc<[FrameRun]> = plan.runs.clone().into();
        for (index, block) in self.blocks.iter().enumerate() {
            let whole_frames = self.config.fullatt_block_indexes.contains(&index);
            x = match keep {
                Keep::Everything => block.forward(x, &rope, &runs, whole_frames),
                Keep::Layers => {
                    let (rope, runs) = (rope.clone(), Arc::clone(&runs));
                    recompute(block, [x], move |block, [x]| {
                        block.forward(x, &rope, &runs, whole_frames)
                    })
                }
            };
            observer.see(Stage::VisionBlock(index), || published(x.clone(), per_cell));
        }
        let merged = self.merger.forward(x); // [cells, out_hidden_size]
        observer.see(Stage::Merger, || published(merged.clone(), 1));
        let output = merged.select(0, places(&plan.inverse()));
        observer.see(Stage::VisionOutput, || output.clone());
        output
    }

    /// Cosines and sines by which each patch turns the pairs of its heads, patches in the order of the pixels:
    /// `[1, patches, 1, head_dim / 2]`.
    #[must_use]
    pub fn rotary(&self, grids: &[[usize; 3]], device: &Device) -> Rope {
        let places = patch_places(grids, self.config.spatial_merge_size).len();
        let cells: Vec<usize> = (0..places / self.config.patches_per_cell()).collect();
        self.rope(grids, &cells, &Tensor::zeros([1, 1], device))
    }

    pub(crate) fn round_frequencies(&mut self) {
        self.config.rounded_frequencies = true;
    }

    /// The tower without adapters. Shares the weights.
    #[must_use]
    pub fn without_adapter(&self) -> Self {
        let merger = PatchMerger {
            mlp_0: self.merger.mlp_0.without_adapter(),
            mlp_2: self.merger.mlp_2.without_adapter(),
            ..self.merger.clone()
        };
        let patch_embed = PatchEmbed { proj: self.patch_embed.proj.without_adapter() };
        let blocks = self.blocks.iter().map(VisionBlock::without_adapter).collect();
        Self { patch_embed, blocks, merger, config: self.config.clone() }
    }

    /// Half of a head's frequencies turn with the row, half with the column.
    fn rope(&self, grids: &[[usize; 3]], order: &[usize], like: &Tensor<2>) -> Rope {
        let half = self.config.head_dim() / 2;
        let per_cell = self.config.patches_per_cell();
        let places = patch_places(grids, self.config.spatial_merge_size);
        let frequencies = frequencies(ROPE_THETA, half, self.config.rounded_frequencies);
        let mut angles = Vec::with_capacity(places.len() * half);
        for place in order.iter().flat_map(|cell| &places[cell * per_cell..(cell + 1) * per_cell]) {
            angles.extend(
                place
                    .iter()
                    .flat_map(|axis| frequencies.iter().map(|frequency| *axis as f32 * frequency)),
            );
        }
        Rope::from_angles(&angles, [1, places.len(), half], &like.device())
    }
}

impl VisionBlock {
    fn init(config: &VisionConfig, init: &Init) -> Self {
        let width = config.hidden_size;
        Self {
            norm1: RmsNorm::init(width, EPS, init),
            attn: VisionAttention {
                qkv: Linear::init(width, 3 * width, true, init),
                proj: Linear::init(width, width, true, init),
                num_heads: config.num_heads,
            },
            norm2: RmsNorm::init(width, EPS, init),
            mlp: Mlp::init(width, config.intermediate_size, true, init),
        }
    }

    fn without_adapter(&self) -> Self {
        let attn = VisionAttention {
            qkv: self.attn.qkv.without_adapter(),
            proj: self.attn.proj.without_adapter(),
            ..self.attn.clone()
        };
        Self { attn, mlp: self.mlp.without_adapter(), ..self.clone() }
    }

    fn forward(
        &self,
        x: Tensor<2>,
        rope: &Rope,
        runs: &[FrameRun],
        whole_frames: bool,
    ) -> Tensor<2> {
        let attended = self.attn.forward(self.norm1.forward(x.clone()), rope, runs, whole_frames);
        let x = add(x, attended);
        add(x.clone(), self.mlp.forward(self.norm2.forward(x)))
    }
}

impl VisionAttention {
    /// # Shapes
    ///
    /// - `x` and output: `[patches, hidden]`, in the working order of the plan
    fn forward(
        &self,
        x: Tensor<2>,
        rope: &Rope,
        runs: &[FrameRun],
        whole_frames: bool,
    ) -> Tensor<2> {
        let [num_patches, width] = x.dims();
        let heads = self.num_heads;
        let qkv = self.qkv.forward(x).reshape([1, num_patches, 3 * heads, width / heads]);
        let turned = rotate(qkv.clone().narrow(2, 0, 2 * heads), &rope.cos, &rope.sin);
        let (query, key) = (turned.clone().narrow(2, 0, heads), turned.narrow(2, heads, heads));
        let value = qkv.narrow(2, 2 * heads, heads);
        if has_kernels(&query) && !query.is_autodiff() {
            let lengths: Vec<usize> =
                runs.iter().flat_map(|run| run.segments(whole_frames)).collect();
            let attended = attend_segments(query, key, value, &lengths);
            return self.proj.forward(attended.reshape([num_patches, width]));
        }
        let parts: Vec<Tensor<2>> = runs
            .iter()
            .map(|run| {
                let of_run =
                    |x: &Tensor<4>| x.clone().narrow(1, run.patches.start, run.patches.len());
                attend_run(of_run(&query), of_run(&key), of_run(&value), run, whole_frames)
            })
            .collect();
        self.proj.forward(if parts.len() == 1 {
            parts.into_iter().next().expect("one")
        } else {
            Tensor::cat(parts, 0)
        })
    }
}

/// Attention of a run of equal frames, equal pieces as one batch.
///
/// # Shapes
///
/// - `query`, `key`, `value`: `[1, patches, heads, head_dim]`; output: `[patches, heads * head_dim]`
fn attend_run(
    query: Tensor<4>,
    key: Tensor<4>,
    value: Tensor<4>,
    run: &FrameRun,
    whole_frames: bool,
) -> Tensor<2> {
    let [_, num_patches, heads, head_dim] = query.dims();
    let (frames, frame_len) = (run.num_frames, num_patches / run.num_frames);
    let whole = [WindowGroup { start: 0, num_windows: 1, window_len: frame_len }];
    let groups = if whole_frames { &whole[..] } else { &run.windows };
    let parts: Vec<Tensor<3>> = groups
        .iter()
        .map(|group| {
            let group_len = group.num_windows * group.window_len;
            let pieces = |x: &Tensor<4>| {
                x.clone()
                    .reshape([frames, frame_len, heads, head_dim])
                    .narrow(1, group.start, group_len)
                    .reshape([frames * group.num_windows, group.window_len, heads, head_dim])
                    .swap_dims(1, 2) // [pieces, heads, window_len, head_dim]
            };
            attend(pieces(&query), pieces(&key), pieces(&value), &Seen::All)
                .swap_dims(1, 2)
                .reshape([frames, group_len, heads * head_dim])
        })
        .collect();
    Tensor::cat(parts, 1).reshape([num_patches, heads * head_dim])
}

impl PatchMerger {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [num_patches, width] = x.dims();
        let cells = self
            .ln_q
            .forward(x)
            .reshape([num_patches * width / self.joined_size, self.joined_size]);
        self.mlp_2.forward(gelu(self.mlp_0.forward(cells)))
    }
}
