//! Checkpoints that are there whole or not at all.
//!
//! A checkpoint is a directory `step-00000012` with a manifest of its files' sizes and SHA-256 sums. It is written under another
//! name, flushed to the disk, and renamed, which file systems do in one go: a process killed at any point leaves the
//! checkpoints that were there. Reading checks the sums.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use burn::module::{Module, ParamGroup};
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

const MANIFEST: &str = "manifest.json";
const PREFIX: &str = "step-";
const UNFINISHED: &str = ".unfinished-";
const REMOVED: &str = ".removed-";

/// Which checkpoints are made and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepConfig {
    /// Steps between checkpoints. The last step and an interrupted one are saved too.
    pub every: u64,
    /// The newest ones kept, at least 1.
    pub last: usize,
    /// A metric whose highest value also keeps its checkpoint, such as `reward/mean`.
    pub best: Option<String>,
}

impl Default for KeepConfig {
    fn default() -> Self {
        Self { every: 50, last: 2, best: None }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    step: u64,
    /// Value of the metric that chooses the best.
    score: Option<f64>,
    files: BTreeMap<String, FileSum>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct FileSum {
    num_bytes: u64,
    sha256: String,
}

impl FileSum {
    fn of(bytes: &[u8]) -> Self {
        let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { num_bytes: bytes.len() as u64, sha256 }
    }
}

/// A folder of checkpoints.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    dir: PathBuf,
}

impl Checkpoints {
    /// Opens or makes the folder.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be made.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self> {
        let dir = dir.into();
        fs::create_dir_all(&dir).map_err(Error::file(&dir))?;
        Ok(Self { dir })
    }

    /// Clears away what a killed process left unfinished; for the one process that writes here.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn clear_unfinished(&self) -> Result<()> {
        for entry in fs::read_dir(&self.dir).map_err(Error::file(&self.dir))? {
            let path = entry.map_err(Error::file(&self.dir))?.path();
            let name = name(&path);
            if name.starts_with(UNFINISHED) || name.starts_with(REMOVED) {
                fs::remove_dir_all(&path).map_err(Error::file(&path))?;
            }
        }
        Ok(())
    }

    /// Steps of the complete checkpoints, oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the folder cannot be read.
    pub fn steps(&self) -> Result<Vec<u64>> {
        let mut steps = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(Error::file(&self.dir))? {
            let path = entry.map_err(Error::file(&self.dir))?.path();
            let step =
                name(&path).strip_prefix(PREFIX).and_then(|digits| digits.parse::<u64>().ok());
            steps.extend(step.filter(|_| path.join(MANIFEST).is_file()));
        }
        steps.sort_unstable();
        Ok(steps)
    }

    /// For a run at its start.
    pub(crate) fn check_empty(&self) -> Result<()> {
        match self.steps()?.last() {
            Some(step) => Err(Error::Exists(self.path(*step))),
            None => Ok(()),
        }
    }

    /// The folder of a step's checkpoint.
    #[must_use]
    pub fn path(&self, step: u64) -> PathBuf {
        self.dir.join(format!("{PREFIX}{step:08}"))
    }

    /// Writes a checkpoint of named files.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] if the step has one; [`Error::File`]. Checkpoints that were there still are.
    pub fn write(
        &self,
        step: u64,
        score: Option<f64>,
        files: &[(&str, Vec<u8>)],
    ) -> Result<PathBuf> {
        let path = self.path(step);
        if path.exists() {
            return Err(Error::Exists(path));
        }
        let unfinished = self.dir.join(format!("{UNFINISHED}{step:08}"));
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(Error::file(&unfinished))?;
        }
        fs::create_dir(&unfinished).map_err(Error::file(&unfinished))?;
        let mut manifest = Manifest { step, score, files: BTreeMap::new() };
        for (name, bytes) in files {
            write_durably(&unfinished.join(name), bytes)?;
            manifest.files.insert((*name).to_owned(), FileSum::of(bytes));
        }
        let manifest = serde_json::to_vec_pretty(&manifest).map_err(Error::file(&path))?;
        write_durably(&unfinished.join(MANIFEST), &manifest)?;
        sync_dir(&unfinished)?;
        fs::rename(&unfinished, &path).map_err(Error::file(&path))?;
        sync_dir(&self.dir)?;
        Ok(path)
    }

    /// Reads a checkpoint's files, or the newest one's. `None` as a step means the newest.
    ///
    /// # Errors
    ///
    /// [`Error::NoCheckpoint`] if there is none, [`Error::Damaged`] if a file is not what was written, [`Error::File`].
    pub fn read(&self, step: Option<u64>) -> Result<(u64, BTreeMap<String, Vec<u8>>)> {
        let none = || Error::NoCheckpoint(self.dir.clone());
        let step = match step {
            Some(step) => step,
            None => *self.steps()?.last().ok_or_else(none)?,
        };
        let dir = self.path(step);
        if !dir.join(MANIFEST).is_file() {
            return Err(Error::NoCheckpoint(dir));
        }
        let mut files = BTreeMap::new();
        for (name, sum) in read_json::<Manifest>(&dir.join(MANIFEST))?.files {
            let path = dir.join(&name);
            let bytes = fs::read(&path).map_err(Error::file(&path))?;
            let found = FileSum::of(&bytes);
            if found != sum {
                let problem = format!(
                    "{} bytes with other contents than the {} that were written",
                    found.num_bytes, sum.num_bytes
                );
                return Err(Error::Damaged { path, problem });
            }
            files.insert(name, bytes);
        }
        Ok((step, files))
    }

    /// Removes all but the newest `last` (at least 1) checkpoints and the one with the highest score.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn prune(&self, last: usize) -> Result<()> {
        let steps = self.steps()?;
        let best = self.best()?;
        for step in &steps[..steps.len().saturating_sub(last.max(1))] {
            if Some(*step) != best {
                self.remove(*step)?;
            }
        }
        Ok(())
    }

    /// The step whose score is highest, the newest of equals; `None` if no checkpoint has one.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn best(&self) -> Result<Option<u64>> {
        let mut best: Option<(f64, u64)> = None;
        for step in self.steps()? {
            let score = read_json::<Manifest>(&self.path(step).join(MANIFEST))?.score;
            if let Some(score) =
                score.filter(|score| best.is_none_or(|(highest, _)| *score >= highest))
            {
                best = Some((score, step));
            }
        }
        Ok(best.map(|(_, step)| step))
    }

    /// Renames before deleting, so that half a checkpoint never carries a checkpoint's name.
    fn remove(&self, step: u64) -> Result<()> {
        let (path, gone) = (self.path(step), self.dir.join(format!("{REMOVED}{step:08}")));
        fs::rename(&path, &gone).map_err(Error::file(&path))?;
        fs::remove_dir_all(&gone).map_err(Error::file(&gone))
    }
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create(path).map_err(Error::file(path))?;
    file.write_all(bytes).map_err(Error::file(path))?;
    file.sync_all().map_err(Error::file(path))
}

/// Makes the names in a directory durable; Windows has no such call and needs none.
fn sync_dir(path: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(path).and_then(|dir| dir.sync_all()).map_err(Error::file(path))
    } else {
        Ok(())
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).map_err(Error::file(path))?;
    serde_json::from_slice(&bytes).map_err(Error::file(path))
}

/// The settings that differ, by name, between those of a checkpoint and those of now.
pub(crate) fn differing(then: &serde_json::Value, now: &serde_json::Value) -> Vec<String> {
    let (Some(then), Some(now)) = (then.as_object(), now.as_object()) else {
        return vec!["everything".into()];
    };
    let names = then.keys().chain(now.keys()).collect::<std::collections::BTreeSet<_>>();
    names.into_iter().filter(|name| then.get(*name) != now.get(*name)).cloned().collect()
}

/// A module's parameters as burn writes them.
pub(crate) fn pack_module<M: Module>(
    module: &M,
    group: ParamGroup,
    path: &Path,
) -> Result<Vec<u8>> {
    let bytes = module.clone().into_record_group(group).into_bytes().map_err(Error::file(path))?;
    Ok(bytes.to_vec())
}

/// The module with the parameters of a file, which must be just those of `group`; others stay.
pub(crate) fn unpack_module<M: Module>(
    module: M,
    group: ParamGroup,
    bytes: Vec<u8>,
    path: &Path,
) -> Result<M> {
    let num_saved = module.clone().into_record_group(group).len();
    let record =
        ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes)).map_err(Error::file(path))?;
    if record.len() != num_saved {
        let problem = format!("{} tensors where the module has {num_saved}", record.len());
        return Err(Error::Damaged { path: path.to_owned(), problem });
    }
    module.try_load_record(record.allow_partial(true)).map_err(Error::file(path))
}

pub(crate) fn pack_optimizer(optimizer: &ModuleOptimizer, path: &Path) -> Result<Vec<u8>> {
    Ok(optimizer.into_bytes().map_err(Error::file(path))?.to_vec())
}

pub(crate) fn unpack_optimizer(
    optimizer: ModuleOptimizer,
    bytes: Vec<u8>,
    path: &Path,
) -> Result<ModuleOptimizer> {
    optimizer.from_bytes(Bytes::from_bytes_vec(bytes)).map_err(Error::file(path))
}

/// A file of a checkpoint that was read.
pub(crate) fn take(
    files: &mut BTreeMap<String, Vec<u8>>,
    dir: &Path,
    name: &str,
) -> Result<Vec<u8>> {
    let missing = || Error::Damaged {
        path: dir.join(name),
        problem: "the checkpoint lacks this file".into(),
    };
    files.remove(name).ok_or_else(missing)
}

pub(crate) fn unpack_json<T: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<T> {
    serde_json::from_slice(bytes).map_err(Error::file(path))
}
