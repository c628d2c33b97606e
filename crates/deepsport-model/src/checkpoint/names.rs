//! The spellings of tensor names.

/// How a checkpoint spells the names of its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Layout {
    /// As published: `visual.*`, `model.layers.*`, `lm_head.weight`. Read by transformers of every version and by vLLM.
    #[default]
    Hub,
    /// As transformers 4.52 and later can save: `model.visual.*`, `model.language_model.layers.*`, `lm_head.weight`.
    Nested,
}

/// Prefixes seen in the wild and what they are in the published files.
const PREFIXES: [(&str, &str); 5] = [
    ("model.visual.", "visual."),
    ("vision_tower.", "visual."),
    ("model.language_model.", "model."),
    ("language_model.model.", "model."),
    ("language_model.lm_head.", "lm_head."),
];

/// The published spelling of a tensor's name.
#[must_use]
pub fn canonical_name(name: &str) -> String {
    for (found, published) in PREFIXES {
        if let Some(rest) = name.strip_prefix(found) {
            return format!("{published}{rest}");
        }
    }
    name.to_owned()
}

impl Layout {
    /// A published name in this spelling.
    #[must_use]
    pub fn spell(self, published: &str) -> String {
        match self {
            Self::Nested if published.starts_with("visual.") => format!("model.{published}"),
            Self::Nested => match published.strip_prefix("model.") {
                Some(rest) => format!("model.language_model.{rest}"),
                None => published.to_owned(),
            },
            Self::Hub => published.to_owned(),
        }
    }
}

/// Fields that Rust cannot spell as the checkpoint does.
const RENAMED: [(&str, &str); 2] =
    [("merger.mlp_0.", "merger.mlp.0."), ("merger.mlp_2.", "merger.mlp.2.")];

/// The published name of a parameter by its place in the module.
pub(crate) fn name_of_path(path: &[String]) -> String {
    RENAMED.iter().fold(path.join("."), |name, (field, published)| name.replace(field, published))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_becomes_the_published_one() {
        for (spelling, published) in [
            ("model.visual.merger.mlp.0.bias", "visual.merger.mlp.0.bias"),
            (
                "model.language_model.layers.3.mlp.up_proj.weight",
                "model.layers.3.mlp.up_proj.weight",
            ),
            ("model.language_model.norm.weight", "model.norm.weight"),
            ("lm_head.weight", "lm_head.weight"),
            ("visual.blocks.1.attn.qkv.bias", "visual.blocks.1.attn.qkv.bias"),
            ("model.embed_tokens.weight", "model.embed_tokens.weight"),
        ] {
            assert_eq!(canonical_name(spelling), published);
            assert_eq!(canonical_name(&Layout::Nested.spell(published)), published);
            assert_eq!(Layout::Hub.spell(published), published);
        }
    }
}
