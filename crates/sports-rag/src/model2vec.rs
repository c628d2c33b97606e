use std::path::Path;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use sha2::{Digest, Sha256};
use tokenizers::{ModelWrapper, Tokenizer};

use crate::document::hex;
use crate::{Embedder, Error, Result};

/// A Model2Vec model: one vector per token, averaged over the text.
///
/// Reads a folder with `model.safetensors`, `tokenizer.json` and `config.json`, as `StaticModel.save_pretrained` of
/// the Python package writes it and as it is published on model hubs; never downloads anything. Fast enough for any
/// machine: no layer is computed, vectors are only looked up.
///
/// ```no_run
/// # use std::sync::Arc;
/// use sports_rag::{Config, Fusion, Model2Vec, Query, Store};
/// let model = Model2Vec::load("models/potion-base-8M")?;
/// let store = Store::open_or_create("knowledge.store", Config::new().with_embedder(Arc::new(model)))?;
/// let hits = store.search(&Query::new("soft knees").with_fusion(Fusion::rrf()))?;
/// # Ok::<(), sports_rag::Error>(())
/// ```
///
/// # Sources
///
/// Tulkens & van Dongen (2024), *Model2Vec: Fast State-of-the-Art Static Embeddings*,
/// <https://github.com/MinishLab/model2vec>; the format after the package's version 0.10.0: tensors `embeddings`
/// `[rows, dim]`, optionally `weights` (by token) and `mapping` (token to row). Unknown tokens are left out. Unlike the
/// package, long texts are not cut off: passages are short by themselves.
#[derive(Debug)]
pub struct Model2Vec {
    tokenizer: Tokenizer,
    unknown: Option<u32>,
    /// `[rows, dim]`, end to end.
    rows: Vec<f32>,
    dim: usize,
    /// What a token counts.
    weights: Option<Vec<f32>>,
    /// A token's row; its own number where there is no mapping.
    row_of: Option<Vec<usize>>,
    id: String,
}

impl Model2Vec {
    /// Reads the model in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] naming the file that cannot be read; [`Error::Parse`] naming file and tensor if a token would
    /// have no vector, or a value is not finite.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let [tensors_path, tokenizer_path] =
            ["model.safetensors", "tokenizer.json"].map(|f| dir.join(f));
        let bytes = std::fs::read(&tensors_path).map_err(Error::io(&tensors_path))?;
        let json = std::fs::read(&tokenizer_path).map_err(Error::io(&tokenizer_path))?;
        let tokenizer = read_tokenizer(&json, &tokenizer_path)?;

        let fail = |field: &str, reason: String| parse_error(&tensors_path, field, reason);
        let tensors = SafeTensors::deserialize(&bytes)
            .map_err(|error| fail("header", format!("is not a safetensors file: {error}")))?;
        let embeddings = tensors
            .tensor("embeddings")
            .map_err(|_| fail("embeddings", "is missing; is this a Model2Vec model?".into()))?;
        let &[num_rows, dim] = embeddings.shape() else {
            return Err(fail(
                "embeddings",
                format!("has shape {:?}, not [rows, dim]", embeddings.shape()),
            ));
        };
        if dim == 0 {
            return Err(fail("embeddings", "has vectors of length 0".into()));
        }
        let floats = |name: &str, tensor: &TensorView<'_>| {
            floats(tensor).map_err(|reason| fail(name, reason))
        };
        let rows = floats("embeddings", &embeddings)?;
        let weights =
            tensors.tensor("weights").ok().map(|tensor| floats("weights", &tensor)).transpose()?;
        let row_of = tensors.tensor("mapping").ok().map(|tensor| row_numbers(&tensor)).transpose();
        let row_of = row_of.map_err(|reason| fail("mapping", reason))?;

        let num_tokens =
            tokenizer.get_vocab(true).into_values().max().map_or(0, |last| last as usize + 1);
        let found = row_of.as_ref().map_or(num_rows, Vec::len);
        if num_tokens > found {
            let name = if row_of.is_some() { "mapping" } else { "embeddings" };
            return Err(fail(name, format!("has {found} rows for {num_tokens} tokens")));
        }
        if let Some(row) = row_of.iter().flatten().find(|row| **row >= num_rows) {
            return Err(fail("mapping", format!("names row {row} of {num_rows}")));
        }
        if let Some(weights) = weights.as_ref().filter(|weights| weights.len() < num_tokens) {
            let found = weights.len();
            return Err(fail("weights", format!("has {found} values for {num_tokens} tokens")));
        }
        let unknown = unknown_token(&tokenizer);
        let mut hash = Sha256::new();
        hash.update(&bytes);
        hash.update(&json);
        let id = format!("model2vec-{}", &hex(&hash.finalize())[..16]);
        Ok(Self { tokenizer, unknown, rows, dim, weights, row_of, id })
    }

    /// The mean of the tokens' vectors; zeros if no token is known.
    fn mean(&self, tokens: &[u32]) -> Vec<f32> {
        let known = tokens.iter().filter(|token| Some(**token) != self.unknown);
        let mut sum = vec![0.0; self.dim];
        let mut count = 0.0f32;
        for token in known.map(|token| *token as usize) {
            let row = self.row_of.as_ref().map_or(token, |row_of| row_of[token]);
            let weight = self.weights.as_ref().map_or(1.0, |weights| weights[token]);
            let row = &self.rows[row * self.dim..(row + 1) * self.dim];
            sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
            count += 1.0;
        }
        sum.iter_mut().for_each(|value| *value /= count.max(1.0));
        sum
    }
}

impl Embedder for Model2Vec {
    fn id(&self) -> String {
        self.id.clone()
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let fail = |error: tokenizers::Error| Error::Embedding {
            embedder: self.id.clone(),
            reason: error.to_string(),
        };
        let embed = |text: &&str| {
            let tokens = self.tokenizer.encode_fast(*text, false).map_err(fail)?;
            Ok(self.mean(tokens.get_ids()))
        };
        texts.iter().map(embed).collect()
    }
}

fn parse_error(path: &Path, field: &str, reason: String) -> Error {
    Error::Parse { path: path.into(), line: 1, field: field.into(), reason }
}

fn read_tokenizer(json: &[u8], path: &Path) -> Result<Tokenizer> {
    let fail = |error: tokenizers::Error| parse_error(path, "tokenizer", error.to_string());
    let mut tokenizer = Tokenizer::from_bytes(json).map_err(fail)?;
    tokenizer.with_truncation(None).map_err(fail)?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

fn unknown_token(tokenizer: &Tokenizer) -> Option<u32> {
    match tokenizer.get_model() {
        ModelWrapper::BPE(model) => tokenizer.token_to_id(model.unk_token.as_deref()?),
        ModelWrapper::WordPiece(model) => tokenizer.token_to_id(&model.unk_token),
        ModelWrapper::WordLevel(model) => tokenizer.token_to_id(&model.unk_token),
        // Its `unk_id` can only be read off its written form.
        ModelWrapper::Unigram(model) => {
            let id = serde_json::to_value(model).ok()?.get("unk_id")?.as_u64()?;
            u32::try_from(id).ok()
        }
    }
}

/// A tensor's values, whatever precision they were saved in.
fn floats(tensor: &TensorView<'_>) -> Result<Vec<f32>, String> {
    let data = tensor.data();
    let values: Vec<f32> = match tensor.dtype() {
        Dtype::F64 => data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        Dtype::F32 => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F16 => data.as_chunks().0.iter().map(|b| half(u16::from_le_bytes(*b))).collect(),
        Dtype::I8 => data.iter().map(|b| f32::from(b.cast_signed())).collect(),
        other => {
            return Err(format!("has values of type {other:?}; F64, F32, F16 and I8 are read"));
        }
    };
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(format!("value {at} is not finite")),
        None => Ok(values),
    }
}

fn row_numbers(tensor: &TensorView<'_>) -> Result<Vec<usize>, String> {
    let data = tensor.data();
    let values: Vec<i64> = match tensor.dtype() {
        Dtype::I64 => data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect(),
        Dtype::I32 => data.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b).into()).collect(),
        other => return Err(format!("has values of type {other:?}; I64 and I32 are read")),
    };
    let row = |value: i64| usize::try_from(value).map_err(|_| format!("names row {value}"));
    values.into_iter().map(row).collect()
}

/// IEEE 754 half precision to single.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (bits >> 15, (bits >> 10) & 0x1f, f32::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2.0f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2.0f32.powi(i32::from(exponent) - 15),
    };
    if sign == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_values_are_read_as_the_standard_writes_them() {
        // Table of examples in IEEE 754 binary16: one, its neighbour, largest, smallest normal and subnormal, minus two.
        for (bits, expected) in [
            (0x3c00, 1.0),
            (0x3c01, 1.000_976_6),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0xc000, -2.0),
            (0x8000, -0.0),
        ] {
            assert_eq!(half(bits), expected, "{bits:#x}");
        }
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
    }
}
