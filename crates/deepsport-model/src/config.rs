//! `config.json`: the numbers that shape the network.
//!
//! Three spellings are in the wild and all are read: flat (the published files), nested with `rope_scaling`
//! (transformers 4.52 to 4.57) and nested with `rope_parameters` (transformers 5).

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{Error, Result};

/// Sizes and constants of a whole model.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelConfig {
    /// The language model.
    pub text: TextConfig,
    /// The vision tower.
    pub vision: VisionConfig,
    /// Whether the head is the embedding itself; the file then has no `lm_head.weight`.
    pub tie_word_embeddings: bool,
    /// Placeholder id of a picture's cells.
    pub image_token_id: u32,
    /// Placeholder id of a clip's cells.
    pub video_token_id: u32,
    /// Id before the placeholders of a picture or clip.
    pub vision_start_token_id: u32,
    /// Id after them.
    pub vision_end_token_id: u32,
}

/// Sizes of the language model.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TextConfig {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Inner width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Decoder layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; divides the query heads.
    pub num_key_value_heads: usize,
    /// Width of a head; even.
    pub head_dim: usize,
    /// Rows of the embedding, more than the tokenizer has tokens.
    pub vocab_size: usize,
    /// Longest sequence.
    pub max_position_embeddings: usize,
    /// Added to the mean square under the root of a norm.
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// Frequencies of a head that turn with time, row and column; together half of `head_dim`.
    pub mrope_section: [usize; 3],
    /// Whether these are interleaved instead of one axis after the other; see [`mrope_axes`](crate::mrope_axes). Qwen2.5-VL
    /// has them in a row.
    pub mrope_interleaved: bool,
    /// Whether rotary frequencies are rounded to bf16; see [`Network::with_rounded_frequencies`](crate::Network).
    pub rounded_frequencies: bool,
}

/// Sizes of the vision tower.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct VisionConfig {
    /// Blocks.
    pub depth: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Inner width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Heads; `hidden_size / num_heads` is a multiple of 4.
    pub num_heads: usize,
    /// Colour channels.
    pub in_channels: usize,
    /// Width given to the language model.
    pub out_hidden_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Frames in a patch.
    pub temporal_patch_size: usize,
    /// Side of a merged cell in patches.
    pub spatial_merge_size: usize,
    /// Side of an attention window in pixels.
    pub window_size: usize,
    /// Blocks that attend within the whole frame instead of a window.
    pub fullatt_block_indexes: Vec<usize>,
    /// Steps of the time axis per second of video.
    pub tokens_per_second: f64,
    /// As in [`TextConfig`].
    pub rounded_frequencies: bool,
}

impl TextConfig {
    /// Query heads that share one key and value head.
    #[must_use]
    pub fn queries_per_key(&self) -> usize {
        self.num_attention_heads / self.num_key_value_heads
    }
}

impl VisionConfig {
    /// Width of a head.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_heads
    }

    /// Numbers in a patch row: channels x frames x side x side.
    #[must_use]
    pub fn patch_len(&self) -> usize {
        self.in_channels * self.temporal_patch_size * self.patch_size * self.patch_size
    }

    /// Patches that one merged cell holds.
    #[must_use]
    pub fn patches_per_cell(&self) -> usize {
        self.spatial_merge_size * self.spatial_merge_size
    }

    /// Side of an attention window in merged cells.
    #[must_use]
    pub fn window_cells(&self) -> usize {
        self.window_size / self.spatial_merge_size / self.patch_size
    }
}

/// As transformers 5 wants it: a whole number without a point.
fn whole(value: f64) -> Value {
    if value == value.trunc() { json!(value as u64) } else { json!(value) }
}

impl ModelConfig {
    /// Reads `config.json` of a checkpoint folder.
    ///
    /// # Errors
    ///
    /// [`Error::File`] and [`Error::Json`] if it cannot be read, [`Error::Config`] naming the field that is absent,
    /// of another type, impossible, or of a model that this network is not.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self> {
        let path = folder.as_ref().join("config.json");
        let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        let value = serde_json::from_str(&text).map_err(|source| Error::Json { path, source })?;
        Self::from_json(&value)
    }

    /// Reads the parsed content of `config.json`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] as for [`read`](Self::read).
    pub fn from_json(root: &Value) -> Result<Self> {
        let root = Fields { name: "", of: root };
        let model_type: String = root.string("model_type", "qwen2_5_vl")?;
        if model_type != "qwen2_5_vl" {
            return Err(root.error(
                "model_type",
                format!("is \"{model_type}\", this network is \"qwen2_5_vl\""),
            ));
        }
        let text =
            if root.of.get("text_config").is_some() { root.inside("text_config")? } else { root };
        let config = Self {
            text: TextConfig::from_fields(text)?,
            vision: VisionConfig::from_fields(root.inside("vision_config")?)?,
            tie_word_embeddings: match root.of.get("tie_word_embeddings") {
                Some(_) => root.flag("tie_word_embeddings", false)?,
                None => text.flag("tie_word_embeddings", false)?,
            },
            image_token_id: root.id("image_token_id", 151_655)?,
            video_token_id: root.id("video_token_id", 151_656)?,
            vision_start_token_id: root.id("vision_start_token_id", 151_652)?,
            vision_end_token_id: root.id("vision_end_token_id", 151_653)?,
        };
        config.check()?;
        Ok(config)
    }

    /// Whether the sizes fit each other, which [`read`](Self::read) has checked already.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the field and what it should be.
    pub fn check(&self) -> Result<()> {
        let (text, vision) = (&self.text, &self.vision);
        let wrong =
            |field: &str, problem: String| Err(Error::Config { field: field.into(), problem });
        let positive = [
            ("hidden_size", text.hidden_size),
            ("intermediate_size", text.intermediate_size),
            ("num_hidden_layers", text.num_hidden_layers),
            ("num_attention_heads", text.num_attention_heads),
            ("num_key_value_heads", text.num_key_value_heads),
            ("vocab_size", text.vocab_size),
            ("max_position_embeddings", text.max_position_embeddings),
            ("vision_config.depth", vision.depth),
            ("vision_config.hidden_size", vision.hidden_size),
            ("vision_config.intermediate_size", vision.intermediate_size),
            ("vision_config.num_heads", vision.num_heads),
            ("vision_config.in_channels", vision.in_channels),
            ("vision_config.patch_size", vision.patch_size),
            ("vision_config.temporal_patch_size", vision.temporal_patch_size),
            ("vision_config.spatial_merge_size", vision.spatial_merge_size),
        ];
        if let Some((field, _)) = positive.iter().find(|(_, size)| *size == 0) {
            return wrong(field, "is 0".into());
        }
        if text.num_attention_heads % text.num_key_value_heads != 0 {
            let heads = text.num_attention_heads;
            return wrong(
                "num_key_value_heads",
                format!("{} does not divide the {heads} heads", text.num_key_value_heads),
            );
        }
        if text.head_dim == 0 || text.head_dim % 2 != 0 {
            return wrong(
                "head_dim",
                format!("is {}, a positive even number is needed", text.head_dim),
            );
        }
        if text.mrope_section.iter().sum::<usize>() * 2 != text.head_dim {
            let (section, half) = (text.mrope_section, text.head_dim / 2);
            return wrong(
                "mrope_section",
                format!("{section:?} does not add up to half a head, {half}"),
            );
        }
        if !(text.rms_norm_eps > 0.0 && text.rms_norm_eps.is_finite()) {
            return wrong(
                "rms_norm_eps",
                format!("is {}, a positive number is needed", text.rms_norm_eps),
            );
        }
        if !(text.rope_theta > 0.0 && text.rope_theta.is_finite()) {
            return wrong(
                "rope_theta",
                format!("is {}, a positive number is needed", text.rope_theta),
            );
        }
        if vision.hidden_size % vision.num_heads != 0 || vision.head_dim() % 4 != 0 {
            let (width, heads) = (vision.hidden_size, vision.num_heads);
            return wrong(
                "vision_config.num_heads",
                format!("{width} / {heads} heads is not a multiple of 4"),
            );
        }
        if vision.out_hidden_size != text.hidden_size {
            let (out, hidden) = (vision.out_hidden_size, text.hidden_size);
            return wrong(
                "vision_config.out_hidden_size",
                format!("is {out}, the language model is {hidden} wide"),
            );
        }
        if vision.window_cells() == 0 {
            let (window, cell) =
                (vision.window_size, vision.spatial_merge_size * vision.patch_size);
            return wrong(
                "vision_config.window_size",
                format!("{window} is smaller than a merged cell of {cell} pixels"),
            );
        }
        if let Some(block) =
            vision.fullatt_block_indexes.iter().find(|block| **block >= vision.depth)
        {
            let depth = vision.depth;
            return wrong(
                "vision_config.fullatt_block_indexes",
                format!("names block {block} of {depth}"),
            );
        }
        if !(vision.tokens_per_second >= 0.0 && vision.tokens_per_second.is_finite()) {
            let found = vision.tokens_per_second;
            return wrong(
                "vision_config.tokens_per_second",
                format!("is {found}, a number of at least 0 is needed"),
            );
        }
        Ok(())
    }

    /// The flat `config.json` of the published checkpoints, for a model that was made here.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (text, vision) = (&self.text, &self.vision);
        let mut rope = json!({ "type": "mrope", "mrope_section": text.mrope_section });
        if text.mrope_interleaved {
            rope["mrope_interleaved"] = true.into();
        }
        json!({
            "architectures": ["Qwen2_5_VLForConditionalGeneration"],
            "model_type": "qwen2_5_vl",
            "attention_dropout": 0.0,
            "hidden_act": "silu",
            "hidden_size": text.hidden_size,
            "head_dim": text.head_dim,
            "intermediate_size": text.intermediate_size,
            "num_hidden_layers": text.num_hidden_layers,
            "num_attention_heads": text.num_attention_heads,
            "num_key_value_heads": text.num_key_value_heads,
            "vocab_size": text.vocab_size,
            "max_position_embeddings": text.max_position_embeddings,
            "rms_norm_eps": text.rms_norm_eps,
            "rope_theta": text.rope_theta,
            "rope_scaling": rope,
            "use_sliding_window": false,
            "tie_word_embeddings": self.tie_word_embeddings,
            "image_token_id": self.image_token_id,
            "video_token_id": self.video_token_id,
            "vision_start_token_id": self.vision_start_token_id,
            "vision_end_token_id": self.vision_end_token_id,
            "vision_config": {
                "model_type": "qwen2_5_vl",
                "depth": vision.depth,
                "hidden_act": "silu",
                "hidden_size": vision.hidden_size,
                "intermediate_size": vision.intermediate_size,
                "num_heads": vision.num_heads,
                "in_chans": vision.in_channels,
                "out_hidden_size": vision.out_hidden_size,
                "patch_size": vision.patch_size,
                "spatial_patch_size": vision.patch_size,
                "temporal_patch_size": vision.temporal_patch_size,
                "spatial_merge_size": vision.spatial_merge_size,
                "window_size": vision.window_size,
                "fullatt_block_indexes": vision.fullatt_block_indexes,
                "tokens_per_second": whole(vision.tokens_per_second),
            },
        })
    }
}

impl TextConfig {
    fn from_fields(text: Fields<'_>) -> Result<Self> {
        text.only("hidden_act", "silu")?;
        if text.flag("use_sliding_window", false)? {
            return Err(
                text.error("use_sliding_window", "is true; sliding windows are not built".into())
            );
        }
        let hidden_size = text.size("hidden_size", None)?;
        let num_attention_heads = text.size("num_attention_heads", None)?;
        let head_dim = match text.of.get("head_dim") {
            Some(Value::Null) | None
                if num_attention_heads > 0 && hidden_size % num_attention_heads == 0 =>
            {
                hidden_size / num_attention_heads
            }
            Some(Value::Null) | None => {
                let problem =
                    format!("{num_attention_heads} does not divide the hidden size {hidden_size}");
                return Err(text.error("num_attention_heads", problem));
            }
            Some(_) => text.size("head_dim", None)?,
        };
        // transformers 5 moved both the base and the sections into `rope_parameters`.
        let rope = if text.of.get("rope_parameters").is_some_and(Value::is_object) {
            text.inside("rope_parameters")?
        } else {
            text.inside("rope_scaling")?
        };
        for field in ["type", "rope_type"] {
            let kind = rope.string(field, "mrope")?;
            if !["mrope", "default"].contains(&kind.as_str()) {
                return Err(rope.error(
                    field,
                    format!("is \"{kind}\"; only \"mrope\" and \"default\" are built"),
                ));
            }
        }
        let theta = if rope.of.get("rope_theta").is_some() { rope } else { text };
        Ok(Self {
            hidden_size,
            intermediate_size: text.size("intermediate_size", None)?,
            num_hidden_layers: text.size("num_hidden_layers", None)?,
            num_attention_heads,
            num_key_value_heads: text.size("num_key_value_heads", None)?,
            head_dim,
            vocab_size: text.size("vocab_size", None)?,
            max_position_embeddings: text.size("max_position_embeddings", Some(128_000))?,
            rms_norm_eps: text.number("rms_norm_eps", Some(1e-5))?, // the library's default when absent
            rope_theta: theta.number("rope_theta", Some(1e6))?,
            mrope_section: rope.sizes("mrope_section")?.try_into().map_err(
                |found: Vec<usize>| {
                    rope.error("mrope_section", format!("has {} numbers instead of 3", found.len()))
                },
            )?,
            mrope_interleaved: rope.flag("mrope_interleaved", false)?,
            rounded_frequencies: false,
        })
    }
}

impl VisionConfig {
    fn from_fields(vision: Fields<'_>) -> Result<Self> {
        vision.only("hidden_act", "silu")?;
        let in_channels =
            if vision.of.get("in_chans").is_some() { "in_chans" } else { "in_channels" };
        Ok(Self {
            depth: vision.size("depth", Some(32))?,
            hidden_size: vision.size("hidden_size", None)?,
            intermediate_size: vision.size("intermediate_size", Some(3420))?,
            num_heads: vision.size("num_heads", Some(16))?,
            in_channels: vision.size(in_channels, Some(3))?,
            out_hidden_size: vision.size("out_hidden_size", None)?,
            patch_size: vision.size("patch_size", Some(14))?,
            temporal_patch_size: vision.size("temporal_patch_size", Some(2))?,
            spatial_merge_size: vision.size("spatial_merge_size", Some(2))?,
            window_size: vision.size("window_size", Some(112))?,
            fullatt_block_indexes: match vision.of.get("fullatt_block_indexes") {
                Some(_) => vision.sizes("fullatt_block_indexes")?,
                None => vec![7, 15, 23, 31],
            },
            tokens_per_second: vision.number("tokens_per_second", Some(4.0))?, // the library's default when absent
            rounded_frequencies: false,
        })
    }
}

/// One JSON object and where it stands, so that errors can name the field.
#[derive(Clone, Copy)]
struct Fields<'a> {
    name: &'static str,
    of: &'a Value,
}

impl<'a> Fields<'a> {
    fn inside(self, name: &'static str) -> Result<Self> {
        match self.of.get(name) {
            Some(of) if of.is_object() => Ok(Self { name, of }),
            found => Err(self.error(name, format!("an object is needed, found {}", shown(found)))),
        }
    }

    fn error(self, field: &str, problem: String) -> Error {
        let field =
            if self.name.is_empty() { field.into() } else { format!("{}.{field}", self.name) };
        Error::Config { field, problem }
    }

    fn size(self, field: &str, default: Option<usize>) -> Result<usize> {
        match (self.of.get(field), default) {
            (None, Some(default)) => Ok(default),
            (Some(value), _) if value.as_u64().is_some() => {
                Ok(value.as_u64().map_or(0, |size| size as usize))
            }
            (found, _) => {
                Err(self.error(field, format!("a whole number is needed, found {}", shown(found))))
            }
        }
    }

    fn sizes(self, field: &str) -> Result<Vec<usize>> {
        let found = self.of.get(field);
        let list = found.and_then(Value::as_array);
        let sizes =
            list.and_then(|list| list.iter().map(|v| v.as_u64().map(|v| v as usize)).collect());
        sizes.ok_or_else(|| {
            self.error(field, format!("a list of whole numbers is needed, found {}", shown(found)))
        })
    }

    fn number(self, field: &str, default: Option<f64>) -> Result<f64> {
        match (self.of.get(field), default) {
            (None, Some(default)) => Ok(default),
            (Some(Value::Number(value)), _) => Ok(value.as_f64().unwrap_or(f64::NAN)),
            (found, _) => {
                Err(self.error(field, format!("a number is needed, found {}", shown(found))))
            }
        }
    }

    fn flag(self, field: &str, default: bool) -> Result<bool> {
        match self.of.get(field) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(*value),
            found => {
                Err(self.error(field, format!("true or false is needed, found {}", shown(found))))
            }
        }
    }

    fn id(self, field: &str, default: u32) -> Result<u32> {
        let id = self.size(field, Some(default as usize))?;
        u32::try_from(id).map_err(|_| self.error(field, format!("{id} is no token id")))
    }

    fn string(self, field: &str, default: &str) -> Result<String> {
        match self.of.get(field) {
            None => Ok(default.into()),
            Some(Value::String(value)) => Ok(value.clone()),
            found => Err(self.error(field, format!("a text is needed, found {}", shown(found)))),
        }
    }

    fn only(self, field: &str, built: &str) -> Result<()> {
        let found = self.string(field, built)?;
        if found == built {
            Ok(())
        } else {
            Err(self.error(field, format!("is \"{found}\"; only \"{built}\" is built")))
        }
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None => "nothing".into(),
        Some(Value::Object(fields)) => format!("an object of {} fields", Map::len(fields)),
        Some(value) => value.to_string(),
    }
}
