//! Pictures that are done, on disk until all are, so that an interrupted run loses little.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::{Error, Keypoint, Result};

/// `[x, y, score]` a keypoint; x and y are null where nothing was found.
type Line = Vec<(Option<f64>, Option<f64>, f64)>;

/// Settings in the first line, then one JSON line a picture, in order.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the journal with what a run with the same settings has done, or an empty one.
    pub(super) fn open(path: &Path, settings: &str) -> Result<(Self, Vec<Vec<Keypoint>>)> {
        let io = |source| Error::io(path, source);
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(io(error)),
        };
        let (frames, num_bytes) = read(&text, settings).unwrap_or_default();
        let mut file =
            OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(io)?;
        // A last line that was cut off goes, and everything of a run with other settings.
        file.set_len(num_bytes as u64).map_err(io)?;
        file.seek(SeekFrom::End(0)).map_err(io)?;
        if num_bytes == 0 {
            writeln!(file, "{}", serde_json::Value::from(settings)).map_err(io)?;
        }
        Ok((Self { path: path.to_owned(), file }, frames))
    }

    pub(super) fn append(&mut self, frames: &[Vec<Keypoint>]) -> Result<()> {
        let mut lines = Vec::new();
        for frame in frames {
            let line: Line = frame.iter().map(line).collect();
            serde_json::to_writer(&mut lines, &line)
                .map_err(|error| Error::io(&self.path, error.into()))?;
            lines.push(b'\n');
        }
        self.file.write_all(&lines).map_err(|source| Error::io(&self.path, source))
    }

    /// The result is written; nothing is left to go on with.
    pub(super) fn remove(self) -> Result<()> {
        drop(self.file);
        std::fs::remove_file(&self.path).map_err(|source| Error::io(&self.path, source))
    }
}

/// All that a result depends on, in words. A folder stands for the files in it.
pub(super) fn kind(settings: &str, sources: &[&Path]) -> Result<String> {
    let mut kind = settings.to_owned();
    for &source in sources {
        let io = |error| Error::io(source, error);
        let source = source.canonicalize().map_err(io)?;
        let mut files = vec![source.clone()];
        if source.is_dir() {
            let entries = source.read_dir().map_err(io)?;
            let entries = entries.map(|entry| entry.map(|entry| entry.path()));
            files = entries.collect::<std::io::Result<_>>().map_err(io)?;
            files.sort();
        }
        for file in files {
            let metadata = file.metadata().map_err(io)?;
            let changed =
                metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let changed = changed.unwrap_or_default().as_nanos();
            write!(kind, "; {} {} {changed}", file.display(), metadata.len()).expect("to a string");
        }
    }
    Ok(kind)
}

fn line(keypoint: &Keypoint) -> (Option<f64>, Option<f64>, f64) {
    (keypoint.position.map(|at| at[0]), keypoint.position.map(|at| at[1]), keypoint.score)
}

/// The whole lines of a journal with these settings, and how many bytes they take.
fn read(text: &[u8], settings: &str) -> Option<(Vec<Vec<Keypoint>>, usize)> {
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    let first = lines.next().filter(|line| line.ends_with(b"\n"))?;
    if serde_json::from_slice::<String>(first).ok()? != settings {
        return None;
    }
    let (mut frames, mut num_bytes) = (Vec::<Vec<Keypoint>>::new(), first.len());
    for line in lines.take_while(|line| line.ends_with(b"\n")) {
        let Ok(keypoints) = serde_json::from_slice::<Line>(line) else { break };
        let keypoint =
            |(x, y, score)| Keypoint { position: Option::zip(x, y).map(<[f64; 2]>::from), score };
        let frame: Vec<Keypoint> = keypoints.into_iter().map(keypoint).collect();
        if frames.first().is_some_and(|first| first.len() != frame.len()) {
            break; // one network finds as many keypoints in every picture
        }
        frames.push(frame);
        num_bytes += line.len();
    }
    Some((frames, num_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(x: f64) -> Vec<Keypoint> {
        let nothing = Keypoint { position: None, score: -0.1 };
        vec![Keypoint { position: Some([x, 0.1 + 0.2]), score: 0.7 }, nothing]
    }

    #[test]
    fn a_run_goes_on_after_the_last_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pose.json.part");
        let (mut journal, _) = Journal::open(&path, "batch 4").unwrap();
        journal.append(&[frame(1.0), frame(2.0)]).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for cut in [&b"[[1.0, 2."[..], b"[[1.0, 2.0, 0.5]]\n", b"\xff\n[[1.0, 2.0, 0.5]]\n"] {
            std::fs::write(&path, [&whole, cut].concat()).unwrap();
            let (_, frames) = Journal::open(&path, "batch 4").unwrap();
            assert_eq!(frames, [frame(1.0), frame(2.0)]);
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
        let (mut journal, _) = Journal::open(&path, "batch 4").unwrap();
        journal.append(&[frame(3.0)]).unwrap();
        drop(journal);
        let (journal, frames) = Journal::open(&path, "batch 4").unwrap();
        assert_eq!(frames.len(), 3);
        journal.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn other_sources_are_another_kind() {
        let dir = tempfile::tempdir().unwrap();
        let (video, model) = (dir.path().join("run.mp4"), dir.path().join("model"));
        std::fs::create_dir(&model).unwrap();
        std::fs::write(&video, "one").unwrap();
        std::fs::write(model.join("config.json"), "{}").unwrap();
        let sources = [video.as_path(), &model];
        let first = kind("batch 4", &sources).unwrap();
        assert_eq!(kind("batch 4", &sources).unwrap(), first);
        assert_ne!(kind("batch 2", &sources).unwrap(), first);
        // another video of the same length in the same place
        std::fs::write(&video, "two").unwrap();
        let later = UNIX_EPOCH + std::time::Duration::from_secs(1);
        File::options().write(true).open(&video).unwrap().set_modified(later).unwrap();
        let second = kind("batch 4", &sources).unwrap();
        assert_ne!(second, first);
        std::fs::write(model.join("model.safetensors"), "weights").unwrap();
        assert_ne!(kind("batch 4", &sources).unwrap(), second);
        let gone = dir.path().join("gone.mp4");
        assert!(kind("", &[&gone]).unwrap_err().to_string().contains("gone.mp4"));
    }

    #[test]
    fn other_settings_start_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pose.json.part");
        let (mut journal, _) = Journal::open(&path, "batch 4").unwrap();
        journal.append(&[frame(1.0)]).unwrap();
        drop(journal);
        assert!(Journal::open(&path, "batch 2").unwrap().1.is_empty());
        assert!(Journal::open(&path, "batch 4").unwrap().1.is_empty());
        std::fs::write(&path, [0xff, b'\n']).unwrap();
        assert!(Journal::open(&path, "batch 4").unwrap().1.is_empty());
        // A first line that was cut off names no settings, however it begins.
        std::fs::write(&path, "\"batch 4\"").unwrap();
        let (journal, _) = Journal::open(&path, "batch 4").unwrap();
        drop(journal);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "\"batch 4\"\n");
    }
}
