//! What did not match between a checkpoint and the model.

use std::fmt;

/// How the tensors of a checkpoint and those of the model differ, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Tensors the model needs and the checkpoint lacks.
    pub missing: Vec<String>,
    /// Tensors of the checkpoint that the model has no place for.
    pub unused: Vec<String>,
    /// Tensors of another shape: name, shape found, shape needed.
    pub misshaped: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl Report {
    /// Whether everything matched.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.missing.is_empty() && self.unused.is_empty() && self.misshaped.is_empty()
    }
}

/// One clause per kind of difference; the first names of each, then how many more.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 6;
        let mut separator = "";
        let mut clause = |f: &mut fmt::Formatter<'_>, what: &str, names: &[String]| {
            if names.is_empty() {
                return Ok(());
            }
            write!(
                f,
                "{separator}{} {what}: {}",
                names.len(),
                names[..names.len().min(SHOWN)].join(", ")
            )?;
            separator = "; ";
            if names.len() > SHOWN {
                write!(f, " and {} more", names.len() - SHOWN)
            } else {
                Ok(())
            }
        };
        clause(f, "missing", &self.missing)?;
        clause(f, "unused", &self.unused)?;
        let shapes: Vec<String> = self
            .misshaped
            .iter()
            .map(|(name, found, needed)| format!("{name} is {found:?} instead of {needed:?}"))
            .collect();
        clause(f, "of another shape", &shapes)
    }
}
