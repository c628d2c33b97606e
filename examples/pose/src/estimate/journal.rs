//! Frames that are done, kept beside the result until all are, so that an interrupted run loses little.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use pose::Keypoint;
use serde::{Deserialize, Serialize};

/// What the frames were estimated from: the first line of the file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) video: PathBuf,
    pub(super) model: PathBuf,
    pub(super) frames: usize,
    pub(super) size: [u32; 2],
    pub(super) options: String,
}

/// `[x, y, score]` a keypoint; x and y are null where nothing was found.
type Line = Vec<(Option<f64>, Option<f64>, f64)>;

/// One JSON line a frame, in order.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    frames: Vec<Vec<Keypoint>>,
}

impl Journal {
    /// Opens the journal of a result, with the frames that a run with the same settings has done.
    pub(super) fn open(out: &Path, settings: &Settings) -> anyhow::Result<Self> {
        let mut name = out.file_name().context("--out needs a file name")?.to_owned();
        name.push(".part");
        let path = out.with_file_name(name);
        let text = std::fs::read(&path).unwrap_or_default();
        let (frames, num_bytes) = read(&text, settings).unwrap_or_default();
        let context = || format!("{} cannot be written", path.display());
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(context)?;
        // A last line that was cut off goes, and everything of a run with other settings.
        file.set_len(num_bytes as u64).with_context(context)?;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).with_context(context)?;
        if num_bytes == 0 {
            writeln!(file, "{}", serde_json::to_string(settings)?).with_context(context)?;
        }
        if !frames.is_empty() {
            eprintln!("going on after {} of {} frames", frames.len(), settings.frames);
        }
        Ok(Self { path, file, frames })
    }

    /// Keypoints of the frames that are done, from the first on.
    pub(super) fn frames(&self) -> &[Vec<Keypoint>] {
        &self.frames
    }

    pub(super) fn append(&mut self, frames: Vec<Vec<Keypoint>>) -> anyhow::Result<()> {
        let mut lines = String::new();
        for frame in &frames {
            let line: Line = frame.iter().map(line).collect();
            lines += &serde_json::to_string(&line)?;
            lines.push('\n');
        }
        self.file
            .write_all(lines.as_bytes())
            .with_context(|| format!("{} cannot be written", self.path.display()))?;
        self.frames.extend(frames);
        Ok(())
    }

    /// The result is written; nothing is left to go on with.
    pub(super) fn remove(self) -> anyhow::Result<()> {
        drop(self.file);
        std::fs::remove_file(&self.path)
            .with_context(|| format!("{} cannot be removed", self.path.display()))
    }
}

fn line(keypoint: &Keypoint) -> (Option<f64>, Option<f64>, f64) {
    (keypoint.position.map(|at| at[0]), keypoint.position.map(|at| at[1]), keypoint.score)
}

/// The whole lines of a journal with these settings, and how many bytes they take.
fn read(text: &[u8], settings: &Settings) -> Option<(Vec<Vec<Keypoint>>, usize)> {
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    let first = lines.next()?;
    if serde_json::from_slice::<Settings>(first).ok()? != *settings {
        return None;
    }
    let (mut frames, mut num_bytes) = (Vec::new(), first.len());
    for line in lines.take_while(|line| line.ends_with(b"\n")).take(settings.frames) {
        let Ok(keypoints) = serde_json::from_slice::<Line>(line) else { break };
        let keypoint =
            |(x, y, score)| Keypoint { position: Option::zip(x, y).map(<[f64; 2]>::from), score };
        frames.push(keypoints.into_iter().map(keypoint).collect());
        num_bytes += line.len();
    }
    Some((frames, num_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(batch: usize) -> Settings {
        let (video, model) = (PathBuf::from("a.mp4"), PathBuf::from("model"));
        Settings { video, model, frames: 3, size: [8, 6], options: format!("batch {batch}") }
    }

    fn frame(x: f64) -> Vec<Keypoint> {
        let nothing = Keypoint { position: None, score: -0.1 };
        vec![Keypoint { position: Some([x, 0.1 + 0.2]), score: 0.7 }, nothing]
    }

    #[test]
    fn a_run_goes_on_after_the_last_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let (out, part) = (dir.path().join("pose.json"), dir.path().join("pose.json.part"));
        let mut journal = Journal::open(&out, &settings(4)).unwrap();
        journal.append(vec![frame(1.0), frame(2.0)]).unwrap();
        drop(journal);
        let whole = std::fs::read(&part).unwrap();
        std::fs::write(&part, [&whole, b"[[1.0, 2.".as_slice()].concat()).unwrap(); // cut off

        let mut journal = Journal::open(&out, &settings(4)).unwrap();
        assert_eq!(journal.frames(), [frame(1.0), frame(2.0)]);
        journal.append(vec![frame(3.0)]).unwrap();
        drop(journal);
        let journal = Journal::open(&out, &settings(4)).unwrap();
        assert_eq!(journal.frames().len(), 3);
        journal.remove().unwrap();
        assert!(!part.exists());
    }

    #[test]
    fn other_settings_start_anew() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("pose.json");
        let mut journal = Journal::open(&out, &settings(4)).unwrap();
        journal.append(vec![frame(1.0)]).unwrap();
        drop(journal);
        let journal = Journal::open(&out, &settings(2)).unwrap();
        assert!(journal.frames().is_empty());
        drop(journal);
        assert!(Journal::open(&out, &settings(4)).unwrap().frames().is_empty());
        std::fs::write(dir.path().join("pose.json.part"), [0xff, b'\n']).unwrap();
        assert!(Journal::open(&out, &settings(4)).unwrap().frames().is_empty());
    }
}
