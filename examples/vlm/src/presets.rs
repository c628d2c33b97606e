//! Sizes of the published models and of small ones like them.

use anyhow::Result;
use deepsport_model::ModelConfig;
use serde_json::{Value, json};

use crate::args::Preset;

impl Preset {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::B72 => "72b",
            Self::B32 => "32b",
            Self::B7 => "7b",
            Self::B3 => "3b",
            Self::Mid => "mid",
            Self::Tiny => "tiny",
        }
    }

    pub(crate) fn config(self) -> Result<ModelConfig> {
        Ok(ModelConfig::from_json(&self.json())?)
    }

    /// `config.json`, flat as published.
    pub(crate) fn json(self) -> Value {
        // hidden, inner, layers, heads, key heads, vocabulary; the same of the tower
        let (text, vision, tied) = match self {
            Self::B72 => ([8192, 29568, 80, 64, 8, 152_064], [1280, 3456, 32, 16], false),
            Self::B32 => ([5120, 27648, 64, 40, 8, 152_064], [1280, 3456, 32, 16], false),
            Self::B7 => ([3584, 18944, 28, 28, 4, 152_064], [1280, 3420, 32, 16], false),
            Self::B3 => ([2048, 11008, 36, 16, 2, 151_936], [1280, 3420, 32, 16], true),
            Self::Mid => ([1024, 2816, 12, 8, 2, 32_000], [640, 1708, 8, 8], true),
            Self::Tiny => ([256, 704, 4, 4, 2, 32_000], [320, 852, 4, 4], true),
        };
        let [hidden, inner, layers, heads, key_heads, vocab] = text;
        let [width, vision_inner, depth, vision_heads] = vision;
        let quarter = hidden / heads / 8; // of half a head; 16 of 64 as published
        let full: Vec<usize> = (1..=4).map(|i| depth * i / 4 - 1).collect();
        json!({
            "architectures": ["Qwen2_5_VLForConditionalGeneration"], "model_type": "qwen2_5_vl", "hidden_act": "silu",
            "hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers,
            "num_attention_heads": heads, "num_key_value_heads": key_heads, "vocab_size": vocab,
            "max_position_embeddings": 128_000, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
            "rope_scaling": {"type": "mrope", "mrope_section": [quarter, quarter * 3 / 2, quarter * 3 / 2]},
            "tie_word_embeddings": tied, "use_sliding_window": false, "initializer_range": 0.02,
            "bos_token_id": 1, "eos_token_id": 2,
            "vision_start_token_id": vocab - 5, "vision_end_token_id": vocab - 4, "vision_token_id": vocab - 3,
            "image_token_id": vocab - 2, "video_token_id": vocab - 1,
            "vision_config": {
                "depth": depth, "hidden_size": width, "intermediate_size": vision_inner, "num_heads": vision_heads,
                "hidden_act": "silu", "in_chans": 3, "out_hidden_size": hidden, "patch_size": 14,
                "spatial_merge_size": 2, "spatial_patch_size": 14, "temporal_patch_size": 2, "window_size": 112,
                "fullatt_block_indexes": full, "tokens_per_second": 2
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;
    use deepsport_model::estimate::ParameterCount;

    #[test]
    fn all_presets_are_valid_and_published_ones_have_their_size() {
        for preset in Preset::value_variants() {
            let count = ParameterCount::of(&preset.config().unwrap()).total();
            let expected = match preset {
                Preset::B72 => 73_410_777_344,
                Preset::B32 => 33_452_718_336,
                Preset::B7 => 8_292_166_656,
                Preset::B3 => 3_754_622_976,
                Preset::Mid | Preset::Tiny => continue,
            };
            assert_eq!(count, expected, "{preset:?}");
        }
    }
}
