//! What can be wrong with a checkpoint, an input or a request.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a checkpoint, an input or a request was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried: "read", "write", "list".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A JSON file is not what it should be.
    #[error("{} is not valid", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A setting of `config.json` is absent or impossible.
    #[error("config field {field}: {problem}")]
    Config {
        /// The field, `text_config.hidden_size` style.
        field: String,
        /// What is wrong, with the value found and what would do.
        problem: String,
    },
    /// A safetensors file is truncated or damaged.
    #[error("{} is not a whole safetensors file", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// Where it breaks.
        source: safetensors::SafeTensorError,
    },
    /// A tensor is stored in a type that weights are not read from.
    #[error("tensor {tensor} in {} is stored as {dtype}; F32, F16, BF16 and F64 are read", path.display())]
    TensorType {
        /// The tensor's name in the file.
        tensor: String,
        /// The file.
        path: PathBuf,
        /// The type found.
        dtype: String,
    },
    /// The tensors of a checkpoint are not those of the model.
    #[error("the checkpoint does not fit the model: {0}")]
    Tensors(Box<crate::checkpoint::Report>),
    /// A weight is not a number, infinite, or beyond what the precision asked for can hold.
    #[error("tensor {tensor} in {} holds {value} at element {element}, which is no finite number in the precision asked for", path.display())]
    NotFinite {
        /// The tensor's name in the file.
        tensor: String,
        /// The file.
        path: PathBuf,
        /// The first such element, in row-major order.
        element: usize,
        /// The value found.
        value: f32,
    },
    /// Pixels and grid of a picture or clip contradict each other or the model.
    #[error("picture or clip {index}: {problem}")]
    Pixels {
        /// Which one, in prompt order.
        index: usize,
        /// What is wrong, with the numbers found.
        problem: String,
    },
    /// Placeholder tokens in the prompt and the features of its media are not equally many.
    #[error(
        "sequence {sequence}: {placeholders} placeholder tokens, but its pictures and clips have {features} features"
    )]
    Placeholders {
        /// Which sequence of the batch.
        sequence: usize,
        /// Placeholder tokens counted.
        placeholders: usize,
        /// Cells of all its grids after merging.
        features: usize,
    },
    /// A token id is outside the vocabulary.
    #[error(
        "sequence {sequence}: token id {id} at place {place} is outside the vocabulary of {vocab_size}"
    )]
    TokenId {
        /// Which sequence of the batch.
        sequence: usize,
        /// Where in the sequence.
        place: usize,
        /// The id found.
        id: u32,
        /// Rows of the embedding.
        vocab_size: usize,
    },
    /// A sequence is longer than the model's context.
    #[error(
        "sequence {sequence}: {length} tokens do not fit the context of {context}; shorten the prompt or ask for fewer tokens"
    )]
    ContextLength {
        /// Which sequence of the batch.
        sequence: usize,
        /// Tokens needed, those to be generated included.
        length: usize,
        /// `max_position_embeddings`.
        context: usize,
    },
    /// The placeholder of a picture or clip was chosen as the next word.
    #[error(
        "sequence {sequence}: token id {id} was chosen, which stands for a picture or clip where none is; forbid it while sampling"
    )]
    PlaceholderChosen {
        /// Which sequence of the batch.
        sequence: usize,
        /// The id chosen.
        id: u32,
    },
    /// Token ids of the tokenizer and of `config.json` contradict each other.
    #[error(
        "{token} is id {tokenizer} in the tokenizer and id {config} in config.json; they are of different models"
    )]
    SpecialId {
        /// The token's text.
        token: &'static str,
        /// The tokenizer's id.
        tokenizer: u32,
        /// The model's id.
        config: u32,
    },
    /// A request asks for something impossible.
    #[error("{field}: {problem}")]
    Request {
        /// The setting.
        field: &'static str,
        /// What is wrong, with the value found and what would do.
        problem: String,
    },
    /// A picture has no pixels.
    #[error("a picture of {width} x {height} has no pixels")]
    EmptyPicture {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The bytes of a picture do not fit its sides.
    #[error(
        "a picture of {width} x {height} with {num_channels} channels cannot have {found} bytes"
    )]
    PictureBytes {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes of a pixel.
        num_channels: usize,
        /// Bytes found.
        found: usize,
    },
    /// A picture is too long and thin to be resized.
    #[error(
        "a picture of {width} x {height} has a side over 200 times the other; crop it or add a border"
    )]
    AspectRatio {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// A picture cannot be resized.
    #[error("the picture cannot be resized")]
    Resize(#[from] pillow_resize::Error),
    /// A clip has no frames.
    #[error("the clip has no frames")]
    NoFrames,
    /// A video is too short for frames to be chosen from it.
    #[error(
        "a video of {found} frames is too short, {needed} are needed; show its frames as pictures"
    )]
    TooFewFrames {
        /// Frames of the video.
        found: usize,
        /// Frames that the rule chooses at least.
        needed: usize,
    },
    /// The frames of a clip are not of one size.
    #[error("frame {frame_idx} is {} x {}, those before it are {} x {}", found.0, found.1, expected.0, expected.1)]
    FrameSize {
        /// The first frame of another size.
        frame_idx: usize,
        /// Width and height of the first frame.
        expected: (u32, u32),
        /// Width and height of this frame.
        found: (u32, u32),
    },
    /// A tokenizer cannot be read or refuses its input.
    #[error("tokenizer{}: {problem}", path.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default())]
    Tokenizer {
        /// `tokenizer.json`, if it came from a file.
        path: Option<PathBuf>,
        /// What is wrong.
        problem: String,
    },
    /// The tokenizer lacks a token that the chat format needs.
    #[error("the tokenizer has no token {content}; is it that of a Qwen2-VL or Qwen2.5-VL model?")]
    MissingToken {
        /// The token's text.
        content: &'static str,
    },
    /// A chat template is broken or refuses its conversation.
    #[error("chat template: {problem}")]
    Template {
        /// What the template engine says.
        problem: String,
        /// The engine's own error.
        source: Option<Box<minijinja::Error>>,
    },
    /// A prompt has more or fewer placeholders than there are media for them.
    #[error("the prompt has {placeholders} {token} placeholders for {media} pictures or clips")]
    PlaceholderCount {
        /// The placeholder.
        token: &'static str,
        /// How many the prompt has.
        placeholders: usize,
        /// How many grids were given.
        media: usize,
    },
    /// A later turn does not start with the tokens of the one before.
    #[error("token {place} was {before} and is now {}; the conversation was changed, or the template is not prefix-preserving", after.map_or("missing".into(), |id| id.to_string()))]
    PrefixChanged {
        /// First token that differs.
        place: usize,
        /// The id that it was.
        before: u32,
        /// The id that it is now, if there is one.
        after: Option<u32>,
    },
    /// Logits from which no token can be drawn.
    #[error("no token can be sampled: {problem}")]
    Logits {
        /// What is wrong, with the first place of it.
        problem: String,
    },
    /// The network computed a value that is not finite.
    #[error("{stage} gave a value that is not finite")]
    Numeric {
        /// Where it was noticed.
        stage: String,
    },
}

impl Error {
    /// For `map_err` behind file operations.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}
