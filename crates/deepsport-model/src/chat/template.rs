//! A checkpoint's own chat template.

use std::path::Path;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, ErrorKind, Value, context};
use serde::Deserialize;

use super::json::to_json;
use super::{Message, RenderOptions};
use crate::checkpoint::write_whole;
use crate::{Error, Result};

/// A Jinja template, rendered as transformers does: blocks take their lines with them (`trim_blocks`, `lstrip_blocks`),
/// `tojson` writes as Python does, nothing is escaped, and strings have Python's methods.
#[derive(Debug, Clone)]
pub struct JinjaTemplate {
    environment: Arc<Environment<'static>>,
}

const NAME: &str = "chat_template";

impl JinjaTemplate {
    /// Compiles a template.
    ///
    /// # Errors
    ///
    /// [`Error::Template`] where its syntax is wrong.
    pub fn new(source: impl Into<String>) -> Result<Self> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(template_error)?);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", tojson);
        environment.add_function("raise_exception", raise_exception);
        environment.add_template_owned(NAME, source.into()).map_err(template_error)?;
        Ok(Self { environment: Arc::new(environment) })
    }

    /// The template of a checkpoint folder: `chat_template.jinja`, else the key `chat_template` of `chat_template.json` or
    /// `tokenizer_config.json`; `None` if no file has one.
    ///
    /// # Errors
    ///
    /// - [`Error::File`] and [`Error::Json`] if a file that is there cannot be read
    /// - [`Error::Template`] if the template's syntax is wrong
    pub fn from_dir(dir: impl AsRef<Path>) -> Result<Option<Self>> {
        let dir = dir.as_ref();
        if let Some(source) = read(&dir.join("chat_template.jinja"))? {
            return Self::new(source).map(Some);
        }
        for name in ["chat_template.json", "tokenizer_config.json"] {
            let path = dir.join(name);
            let Some(text) = read(&path)? else { continue };
            let file: File =
                serde_json::from_str(&text).map_err(|source| Error::Json { path, source })?;
            if let Some(source) = file.chat_template.and_then(Named::default_template) {
                return Self::new(source).map(Some);
            }
        }
        Ok(None)
    }

    /// Writes the template into a checkpoint folder as `chat_template.jinja`, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be written.
    pub fn save(&self, dir: impl AsRef<Path>) -> Result<()> {
        let template = self.environment.get_template(NAME).map_err(template_error)?;
        write_whole(&dir.as_ref().join("chat_template.jinja"), template.source().as_bytes())
    }

    /// The text of a conversation.
    ///
    /// # Errors
    ///
    /// [`Error::Template`] if the template refuses the messages.
    pub fn render(&self, messages: &[Message], options: &RenderOptions) -> Result<String> {
        let tools = (!options.tools.is_empty()).then_some(&options.tools);
        let context = context! {
            messages => Value::from(Serde(messages)),
            tools => Value::from(Serde(tools)),
            add_generation_prompt => options.add_generation_prompt,
            add_vision_id => options.add_vision_id,
        };
        let template = self.environment.get_template(NAME).map_err(template_error)?;
        template.render(context).map_err(template_error)
    }
}

fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("read", path)(error)),
    }
}

fn tojson(value: &Value, kwargs: Kwargs) -> Result<Value, minijinja::Error> {
    let indent: Option<usize> = kwargs.get("indent")?;
    // Ours is the only spelling; these are the arguments with which templates ask for it.
    for name in ["ensure_ascii", "separators", "sort_keys"] {
        let _: Option<Value> = kwargs.get(name)?;
    }
    kwargs.assert_all_used()?;
    let text = to_json(value, indent)
        .map_err(|error| minijinja::Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    Ok(Value::from_safe_string(text))
}

fn raise_exception(message: String) -> Result<Value, minijinja::Error> {
    Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
}

fn template_error(error: minijinja::Error) -> Error {
    Error::Template { problem: error.to_string(), source: Some(Box::new(error)) }
}

#[derive(Deserialize)]
struct File {
    chat_template: Option<Named>,
}

/// One template, or several by name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    One(String),
    Many(Vec<Entry>),
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    template: String,
}

impl Named {
    fn default_template(self) -> Option<String> {
        match self {
            Self::One(template) => Some(template),
            Self::Many(entries) => entries
                .into_iter()
                .find(|entry| entry.name == "default")
                .map(|entry| entry.template),
        }
    }
}
