//! What a checkpoint's `config.json` and `preprocessor_config.json` say.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// Padding of the patch convolution, in pixels; fixed by the published network.
pub(super) const PATCH_PADDING: usize = 2;

/// Shape of the network, with the names of `config.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct VitPoseConfig {
    /// The transformer.
    pub backbone_config: BackboneConfig,
    /// `true`: one convolution after bilinear upsampling; `false`: two transposed convolutions.
    pub use_simple_decoder: bool,
    /// How much larger the simple decoder's heatmaps are than the grid of patches.
    pub scale_factor: usize,
    /// Name of each keypoint (`id2label`), in the order of the heatmaps.
    pub labels: Vec<String>,
}

/// Shape of the transformer, with the names of `backbone_config`.
#[derive(Debug, Clone, PartialEq)]
pub struct BackboneConfig {
    /// Height and width of the pictures that the network takes, in pixels.
    pub image_size: [usize; 2],
    /// Height and width of a patch, in pixels.
    pub patch_size: [usize; 2],
    /// Colours of a picture; 3.
    pub num_channels: usize,
    /// Numbers a patch is described by.
    pub hidden_size: usize,
    /// Layers of the encoder.
    pub num_hidden_layers: usize,
    /// Attention heads of a layer.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer over `hidden_size`.
    pub mlp_ratio: usize,
    /// Experts of a feed-forward layer, one a training data set (ViTPose+); 1 without experts.
    pub num_experts: usize,
    /// Outputs of a feed-forward layer that come from the expert.
    pub part_features: usize,
    /// Activation of the feed-forward layer.
    pub hidden_act: Activation,
    /// Added to the variance in layer norms.
    pub layer_norm_eps: f64,
    /// Whether queries, keys and values have a bias.
    pub qkv_bias: bool,
    /// Layers that are run before the decoder: the last of `out_indices`.
    pub out_index: usize,
}

/// Activation functions that transformers' checkpoints name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// `gelu`, by the error function.
    Gelu,
    /// `gelu_new`, `gelu_pytorch_tanh`: the approximation by the hyperbolic tangent.
    GeluTanh,
    /// `relu`.
    Relu,
    /// `silu`, `swish`.
    Silu,
}

impl VitPoseConfig {
    /// Reads `config.json` of a checkpoint's folder.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Json`], or [`Error::Checkpoint`] for a field that no network can be made of.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("config.json");
        let raw: RawConfig = read_json(&path)?;
        raw.check().map_err(|(field, problem)| Error::Checkpoint { path, field, problem })
    }

    /// Height and width of the heatmaps.
    #[must_use]
    pub fn heatmap_size(&self) -> [usize; 2] {
        let scale = if self.use_simple_decoder { self.scale_factor } else { 4 };
        self.backbone_config.grid_size().map(|patches| patches * scale)
    }
}

impl BackboneConfig {
    /// Rows and columns of patches.
    #[must_use]
    pub fn grid_size(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.image_size[axis] / self.patch_size[axis])
    }

    /// Patches of a picture.
    #[must_use]
    pub fn num_patches(&self) -> usize {
        self.grid_size().iter().product()
    }

    /// Width of the feed-forward layer.
    #[must_use]
    pub fn intermediate_size(&self) -> usize {
        self.hidden_size * self.mlp_ratio
    }
}

/// `config.json` as written; absent fields have transformers' defaults.
#[derive(Deserialize)]
struct RawConfig {
    model_type: Option<String>,
    #[serde(default)]
    backbone_config: RawBackbone,
    #[serde(default = "yes")]
    use_simple_decoder: bool,
    #[serde(default = "four")]
    scale_factor: usize,
    id2label: Option<BTreeMap<String, String>>,
    num_labels: Option<usize>,
}

#[derive(Deserialize)]
#[serde(default)]
struct RawBackbone {
    image_size: Sides,
    patch_size: Sides,
    num_channels: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    mlp_ratio: usize,
    num_experts: usize,
    part_features: usize,
    hidden_act: String,
    layer_norm_eps: f64,
    qkv_bias: bool,
    out_features: Option<Vec<String>>,
    out_indices: Option<Vec<i64>>,
}

impl Default for RawBackbone {
    fn default() -> Self {
        Self {
            image_size: Sides::Both([256, 192]),
            patch_size: Sides::Both([16, 16]),
            num_channels: 3,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            mlp_ratio: 4,
            num_experts: 1,
            part_features: 256,
            hidden_act: "gelu".into(),
            layer_norm_eps: 1e-12,
            qkv_bias: true,
            out_features: None,
            out_indices: None,
        }
    }
}

fn yes() -> bool {
    true
}

fn four() -> usize {
    4
}

/// `256`, or `[256, 192]`: height, width.
#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum Sides {
    One(usize),
    Both([usize; 2]),
}

impl Sides {
    fn both(self) -> [usize; 2] {
        match self {
            Sides::One(side) => [side; 2],
            Sides::Both(sides) => sides,
        }
    }
}

/// Field and problem.
type Bad = (String, String);

impl RawConfig {
    fn check(self) -> std::result::Result<VitPoseConfig, Bad> {
        if let Some(model_type) = self.model_type.filter(|name| name != "vitpose") {
            let problem = format!("is {model_type:?}; this is not a ViTPose checkpoint");
            return Err(("model_type".into(), problem));
        }
        within("scale_factor", self.scale_factor, 1, 64)?;
        let labels = labels(self.id2label, self.num_labels)?;
        within("id2label", labels.len(), 1, 4096)?;
        Ok(VitPoseConfig {
            backbone_config: self.backbone_config.check()?,
            use_simple_decoder: self.use_simple_decoder,
            scale_factor: self.scale_factor,
            labels,
        })
    }
}

impl RawBackbone {
    /// The upper limits are ours: far beyond the largest published network, and below what exhausts a computer's
    /// memory before the weights are compared with the shape.
    fn check(self) -> std::result::Result<BackboneConfig, Bad> {
        let field = |name: &str| format!("backbone_config.{name}");
        let (image_size, patch_size) = (self.image_size.both(), self.patch_size.both());
        for side in image_size {
            within(&field("image_size"), side, 1, 8192)?;
        }
        for axis in [0, 1] {
            within(&field("patch_size"), patch_size[axis], 1, image_size[axis])?;
            let patches = image_size[axis] / patch_size[axis];
            let made =
                (image_size[axis] + 2 * PATCH_PADDING - patch_size[axis]) / patch_size[axis] + 1;
            if made != patches {
                let problem = format!(
                    "patches of {} of a side of {}: the padded convolution makes {made} of them, not {patches}",
                    patch_size[axis], image_size[axis]
                );
                return Err((field("patch_size"), problem));
            }
        }
        if self.num_channels != 3 {
            let problem = format!("is {}; pictures have 3", self.num_channels);
            return Err((field("num_channels"), problem));
        }
        within(&field("hidden_size"), self.hidden_size, 1, 16_384)?;
        within(&field("num_hidden_layers"), self.num_hidden_layers, 0, 512)?;
        within(&field("num_attention_heads"), self.num_attention_heads, 1, self.hidden_size)?;
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let problem = format!(
                "is {}, which does not divide {}",
                self.num_attention_heads, self.hidden_size
            );
            return Err((field("num_attention_heads"), problem));
        }
        within(&field("mlp_ratio"), self.mlp_ratio, 1, 64)?;
        within(&field("num_experts"), self.num_experts, 1, 256)?;
        if self.num_experts > 1 {
            within(&field("part_features"), self.part_features, 1, self.hidden_size - 1)?;
        }
        if !(self.layer_norm_eps >= 0.0 && self.layer_norm_eps < 1.0) {
            let problem = format!("is {}; it must be small and not negative", self.layer_norm_eps);
            return Err((field("layer_norm_eps"), problem));
        }
        let hidden_act = match self.hidden_act.as_str() {
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluTanh,
            "relu" => Activation::Relu,
            "silu" | "swish" => Activation::Silu,
            other => {
                let problem = format!("is {other:?}; known are gelu, gelu_new, relu, silu");
                return Err((field("hidden_act"), problem));
            }
        };
        Ok(BackboneConfig {
            image_size,
            patch_size,
            num_channels: self.num_channels,
            hidden_size: self.hidden_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            mlp_ratio: self.mlp_ratio,
            num_experts: self.num_experts,
            part_features: self.part_features,
            hidden_act,
            layer_norm_eps: self.layer_norm_eps,
            qkv_bias: self.qkv_bias,
            out_index: self.out_index()?,
        })
    }

    /// The decoder sees the last of the stages listed; without a list the last of all. Stage 0 is the embeddings.
    fn out_index(&self) -> std::result::Result<usize, Bad> {
        let num_stages = self.num_hidden_layers as i64 + 1;
        let named = self.out_features.as_ref().and_then(|names| names.last());
        let (field, found, index) = match (self.out_indices.as_ref().and_then(|i| i.last()), named)
        {
            (Some(&index), _) => ("out_indices", index.to_string(), Some(index)),
            (None, Some(name)) if name == "stem" => ("out_features", name.clone(), Some(0)),
            (None, Some(name)) => (
                "out_features",
                name.clone(),
                name.strip_prefix("stage").and_then(|n| n.parse().ok()),
            ),
            (None, None) => return Ok(self.num_hidden_layers),
        };
        let index = index.map(|index| if index < 0 { index + num_stages } else { index });
        match index {
            Some(index) if (0..num_stages).contains(&index) => Ok(index as usize),
            _ => {
                let problem = format!("{found} is no stage of {} layers", self.num_hidden_layers);
                Err((format!("backbone_config.{field}"), problem))
            }
        }
    }
}

fn within(field: &str, found: usize, least: usize, most: usize) -> std::result::Result<(), Bad> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err((field.to_owned(), format!("is {found}; it must be between {least} and {most}")))
}

/// Labels by rising id, which must count from 0 without a gap; transformers' default is two nameless ones.
fn labels(
    id2label: Option<BTreeMap<String, String>>,
    num_labels: Option<usize>,
) -> std::result::Result<Vec<String>, Bad> {
    let Some(id2label) = id2label else {
        return Ok((0..num_labels.unwrap_or(2).min(4097)).map(|i| format!("LABEL_{i}")).collect());
    };
    let mut labels = vec![None; id2label.len()];
    for (id, label) in id2label {
        let place = id.parse::<usize>().ok().and_then(|id| labels.get_mut(id));
        let Some(place) = place else {
            let problem = format!("has the id {id:?}; ids count from 0 to {}", labels.len() - 1);
            return Err(("id2label".into(), problem));
        };
        *place = Some(label);
    }
    // "0" and "00" are the same id, and leave a gap elsewhere.
    let named: Option<Vec<String>> = labels.into_iter().collect();
    named.ok_or_else(|| ("id2label".into(), "has an id twice".into()))
}

/// How a picture's bytes become the network's input: `preprocessor_config.json`.
///
/// Its `size` is not read: a network takes pictures of its own `image_size` and no other.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalisation {
    /// Factor of a byte, 1 / 255; 1 with `do_rescale` off.
    pub rescale_factor: f64,
    /// Taken off each colour after rescaling; 0 with `do_normalize` off.
    pub image_mean: [f64; 3],
    /// Each colour is divided by this; 1 with `do_normalize` off.
    pub image_std: [f64; 3],
}

impl Default for Normalisation {
    /// The statistics of ImageNet, as all published checkpoints have them.
    fn default() -> Self {
        Self {
            rescale_factor: 1.0 / 255.0,
            image_mean: [0.485, 0.456, 0.406],
            image_std: [0.229, 0.224, 0.225],
        }
    }
}

impl Normalisation {
    /// Reads `preprocessor_config.json` of a checkpoint's folder; the default where there is no such file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Json`], or [`Error::Checkpoint`] for numbers that nothing can be divided by, and for
    /// crops by another rule.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("preprocessor_config.json");
        if !path.exists() {
            return Ok(Self::default());
        }
        let raw: RawNormalisation = read_json(&path)?;
        raw.check().map_err(|(field, problem)| Error::Checkpoint { path, field, problem })
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct RawNormalisation {
    do_affine_transform: bool,
    do_rescale: bool,
    rescale_factor: f64,
    do_normalize: bool,
    image_mean: [f64; 3],
    image_std: [f64; 3],
    normalize_factor: f64,
}

impl Default for RawNormalisation {
    fn default() -> Self {
        let Normalisation { rescale_factor, image_mean, image_std } = Normalisation::default();
        Self {
            do_affine_transform: true,
            do_rescale: true,
            rescale_factor,
            do_normalize: true,
            image_mean,
            image_std,
            normalize_factor: 200.0,
        }
    }
}

impl RawNormalisation {
    fn check(self) -> std::result::Result<Normalisation, Bad> {
        if !self.do_affine_transform {
            return Err((
                "do_affine_transform".into(),
                "is false; persons are cut out here".into(),
            ));
        }
        // A unit of length that cancels at 200 and is applied on one side only at any other value.
        if self.normalize_factor != 200.0 {
            let problem =
                format!("is {}; every published checkpoint has 200", self.normalize_factor);
            return Err(("normalize_factor".into(), problem));
        }
        if !(self.rescale_factor.is_finite() && self.rescale_factor > 0.0) {
            let problem = format!("is {}; it must be positive", self.rescale_factor);
            return Err(("rescale_factor".into(), problem));
        }
        if self.image_mean.iter().any(|mean| !mean.is_finite()) {
            return Err(("image_mean".into(), format!("is {:?}", self.image_mean)));
        }
        if self.image_std.iter().any(|std| !(std.is_finite() && *std > 0.0)) {
            let problem = format!("is {:?}; each must be positive", self.image_std);
            return Err(("image_std".into(), problem));
        }
        Ok(Normalisation {
            rescale_factor: if self.do_rescale { self.rescale_factor } else { 1.0 },
            image_mean: if self.do_normalize { self.image_mean } else { [0.0; 3] },
            image_std: if self.do_normalize { self.image_std } else { [1.0; 3] },
        })
    }
}

/// Settings are small; a file beyond this is something else (ours).
const MAX_BYTES: u64 = 16 << 20;

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let io = |source| Error::io(path, source);
    let found = std::fs::metadata(path).map_err(io)?.len();
    if found > MAX_BYTES {
        return Err(Error::TooLarge {
            path: path.to_owned(),
            what: "bytes",
            found,
            limit: MAX_BYTES,
        });
    }
    let text = std::fs::read_to_string(path).map_err(io)?;
    serde_json::from_str(&text).map_err(|source| Error::Json { path: path.to_owned(), source })
}
