//! Long work, item by item: many at a time, each result in the file as soon as it is there, what is there already skipped.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// Items that fail one after the other before everything stops: a server that is gone comes back for nobody.
const MAX_FAILURES_IN_A_ROW: usize = 5;

/// What came of one item.
pub(crate) enum Done<'a, R> {
    Result(&'a R),
    Failed { key: &'a str, error: &'a Error },
}

/// Does `work` on every item whose key is not in the file yet, on `num_workers` threads.
///
/// An item that fails is told to `on_done`, leaves nothing in the file, and is tried again by the next call.
///
/// # Errors
///
/// Of the file; and the last failure, if several items in a row fail.
pub(crate) fn run<T: Sync, R: Serialize + Send>(
    path: &Path,
    items: &[(String, T)],
    done: &HashSet<String>,
    num_workers: usize,
    work: impl Fn(&T) -> Result<R> + Sync,
    on_done: &mut dyn FnMut(Done<'_, R>) -> ControlFlow<()>,
) -> Result<()> {
    let mut file = open_for_more(path)?;
    let waiting = items.iter().filter(|(key, _)| !done.contains(key));
    let queue = Mutex::new(waiting);
    let is_stopped = AtomicBool::new(false);
    let (sender, results) = mpsc::sync_channel(num_workers.max(1));
    std::thread::scope(|scope| {
        for _ in 0..num_workers.max(1) {
            let (sender, queue, is_stopped, work) = (sender.clone(), &queue, &is_stopped, &work);
            scope.spawn(move || {
                while !is_stopped.load(Ordering::Relaxed) {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((key, item)) = next else { return };
                    if sender.send((key, work(item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut num_failures = 0;
        let mut outcome = Ok(());
        for (key, result) in results {
            if outcome.is_err() || is_stopped.load(Ordering::Relaxed) {
                // The others finish what they have begun; what is done is kept.
                if let (Ok(()), Ok(result)) = (&outcome, &result) {
                    outcome = append(&mut file, path, result);
                }
                continue;
            }
            let flow = match &result {
                Ok(result) => {
                    num_failures = 0;
                    outcome = append(&mut file, path, result);
                    on_done(Done::Result(result))
                }
                Err(error) => {
                    num_failures += 1;
                    on_done(Done::Failed { key, error })
                }
            };
            if let Err(error) = result
                && num_failures >= MAX_FAILURES_IN_A_ROW
            {
                outcome = Err(error);
            }
            if flow.is_break() || outcome.is_err() {
                is_stopped.store(true, Ordering::Relaxed);
            }
        }
        outcome
    })
}

/// Does `work` on items whose key is not in the file yet, `batch_size` at a time, all of a batch together.
///
/// An item that fails is told to `on_done`, leaves nothing in the file, and is tried again by the next call.
///
/// # Errors
///
/// Of the file; and the last failure of the first batch in which every item fails.
pub(crate) fn run_batches<T, R: Serialize>(
    path: &Path,
    items: &[(String, T)],
    done: &HashSet<String>,
    batch_size: usize,
    work: &mut dyn FnMut(&[&T]) -> Vec<Result<R>>,
    on_done: &mut dyn FnMut(Done<'_, R>) -> ControlFlow<()>,
) -> Result<()> {
    let mut file = open_for_more(path)?;
    let waiting: Vec<&(String, T)> = items.iter().filter(|(key, _)| !done.contains(key)).collect();
    for batch in waiting.chunks(batch_size.max(1)) {
        let (mut flow, mut num_done, mut failure) = (ControlFlow::Continue(()), 0, None);
        let values: Vec<&T> = batch.iter().map(|(_, item)| item).collect();
        for ((key, _), result) in batch.iter().zip(work(&values)) {
            let told = match result {
                Ok(result) => {
                    num_done += 1;
                    append(&mut file, path, &result)?;
                    on_done(Done::Result(&result))
                }
                Err(error) => {
                    let told = on_done(Done::Failed { key, error: &error });
                    failure = Some(error);
                    told
                }
            };
            if told.is_break() {
                flow = told;
            }
        }
        match failure {
            Some(error) if num_done == 0 => return Err(error),
            _ if flow.is_break() => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}

/// Opens a file of lines for appending. A last line that was cut off by an interruption is taken away.
fn open_for_more(path: &Path) -> Result<File> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    let options = OpenOptions::new().create(true).append(true).read(true).clone();
    let file = options.open(path).map_err(failed)?;
    let bytes = std::fs::read(path).map_err(failed)?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    if whole < bytes.len() {
        file.set_len(whole as u64).map_err(failed)?;
    }
    Ok(file)
}

fn append(file: &mut File, path: &Path, result: &impl Serialize) -> Result<()> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    let mut line = serde_json::to_vec(result).map_err(|error| failed(error.into()))?;
    line.push(b'\n');
    file.write_all(&line).and_then(|()| file.flush()).map_err(failed)
}

/// Reads a file of lines; a last line without an end was cut off and is left out. No file is no lines.
///
/// # Errors
///
/// [`Error::Read`]; [`Error::Format`] names the line that is something else.
pub(crate) fn read_lines<R: DeserializeOwned>(path: &Path, what: &'static str) -> Result<Vec<R>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = crate::files::read_text(path)?;
    let whole = text.rfind('\n').map_or("", |at| &text[..at]);
    let lines = (1..).zip(whole.lines()).filter(|(_, line)| !line.trim().is_empty());
    let read = lines.map(|(number, line)| {
        serde_json::from_str(line).map_err(|error| Error::Format {
            path: path.to_owned(),
            source_name: what,
            reason: format!("line {number}: {error}"),
        })
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(num: u32) -> Vec<(String, u32)> {
        (0..num).map(|i| (i.to_string(), i)).collect()
    }

    fn failing(i: u32) -> Error {
        Error::Speaker { speaker: "test".into(), reason: i.to_string() }
    }

    #[test]
    fn what_is_there_is_skipped_and_a_cut_line_is_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/run.jsonl");
        let go_on = &mut |_: Done<'_, u32>| ControlFlow::Continue(());
        run(&path, &items(3), &HashSet::new(), 2, |i| Ok(*i), go_on).unwrap();
        std::fs::write(&path, "0\n1\n2").unwrap(); // the last line has no end: its number may be longer
        let done: Vec<u32> = read_lines(&path, "test").unwrap();
        assert_eq!(done, [0, 1]);
        let done = done.iter().map(u32::to_string).collect();
        run(&path, &items(5), &done, 1, |i| Ok(*i), go_on).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "0\n1\n2\n3\n4\n");
        std::fs::write(&path, "0\nx\n").unwrap();
        let error = read_lines::<u32>(&path, "test").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn failures_are_told_and_many_in_a_row_end_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.jsonl");
        let mut failed = Vec::new();
        let mut note = |done: Done<'_, u32>| {
            if let Done::Failed { key, .. } = done {
                failed.push(key.to_owned());
            }
            ControlFlow::Continue(())
        };
        let odd = |i: &u32| if i % 2 == 1 { Err(failing(*i)) } else { Ok(*i) };
        run(&path, &items(6), &HashSet::new(), 1, odd, &mut note).unwrap();
        assert_eq!(failed, ["1", "3", "5"]);
        assert_eq!(read_lines::<u32>(&path, "test").unwrap(), [0, 2, 4]);
        let all = |i: &u32| Err::<u32, _>(failing(*i));
        let error =
            run(&path, &items(100), &HashSet::new(), 1, all, &mut |_| ControlFlow::Continue(()));
        assert!(error.is_err());
    }

    #[test]
    fn batches_keep_what_is_done_and_end_where_all_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.jsonl");
        let (mut sizes, mut failed) = (Vec::new(), 0);
        let mut work = |batch: &[&u32]| -> Vec<Result<u32>> {
            sizes.push(batch.len());
            batch.iter().map(|&&i| if i % 3 == 0 { Err(failing(i)) } else { Ok(i) }).collect()
        };
        let mut note = |done: Done<'_, u32>| {
            failed += usize::from(matches!(done, Done::Failed { .. }));
            ControlFlow::Continue(())
        };
        let done = HashSet::from(["1".to_owned()]);
        run_batches(&path, &items(8), &done, 3, &mut work, &mut note).unwrap();
        assert_eq!(read_lines::<u32>(&path, "test").unwrap(), [2, 4, 5, 7]);
        assert_eq!((sizes, failed), (vec![3, 3, 1], 3));
        let mut none = |batch: &[&u32]| batch.iter().map(|_| Err(failing(0))).collect();
        let go_on = &mut |_: Done<'_, u32>| ControlFlow::Continue(());
        assert!(run_batches(&path, &items(8), &done, 3, &mut none, go_on).is_err());
        let stop = &mut |_: Done<'_, u32>| ControlFlow::Break(());
        let mut all = |batch: &[&u32]| batch.iter().map(|&&i| Ok(i)).collect();
        run_batches(&path, &items(8), &HashSet::new(), 2, &mut all, stop).unwrap();
        assert_eq!(read_lines::<u32>(&path, "test").unwrap(), [2, 4, 5, 7, 0, 1]);
    }

    #[test]
    fn it_stops_when_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.jsonl");
        let stop = &mut |_: Done<'_, u32>| ControlFlow::Break(());
        run(&path, &items(1000), &HashSet::new(), 2, |i| Ok(*i), stop).unwrap();
        let num = read_lines::<u32>(&path, "test").unwrap().len();
        assert!((1..20).contains(&num), "{num}");
    }
}
