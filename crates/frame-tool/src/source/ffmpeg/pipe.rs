//! What a program writes, read so that one that hangs is noticed.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::program::{failed, not_started};
use crate::{Error, Result};

/// How long a program may be silent before it counts as hung.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A running program and its output, in pieces. The program ends with the value.
pub(super) struct Pipe {
    path: PathBuf,
    program: &'static str,
    child: Child,
    pieces: Receiver<std::io::Result<Vec<u8>>>,
}

impl Pipe {
    /// Starts `command`, whose output comes in pieces of `piece_len` bytes; the last may be shorter. No more than three
    /// pieces are in memory.
    pub(super) fn start(
        mut command: Command,
        path: &Path,
        program: &'static str,
        piece_len: usize,
    ) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| not_started(path, program, &error))?;
        let Some(mut output) = child.stdout.take() else {
            return Err(failed(path, program, "no pipe to read from"));
        };
        let (send, pieces) = sync_channel(1);
        // A thread, because reading from a pipe cannot be given up. It ends with the program, or when nobody listens.
        std::thread::spawn(move || {
            loop {
                let piece = read_piece(&mut output, piece_len);
                let is_last = !matches!(&piece, Ok(piece) if piece.len() == piece_len);
                if send.send(piece).is_err() || is_last {
                    break;
                }
            }
        });
        Ok(Self { path: path.to_owned(), program, child, pieces })
    }

    /// What the program says of itself, once.
    pub(super) fn log(&mut self) -> Option<impl Read + Send + 'static> {
        self.child.stderr.take()
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Error::Program`] if nothing comes for as long as `patience`.
    pub(super) fn next(&mut self, patience: Duration) -> Result<Option<Vec<u8>>> {
        match self.pieces.recv_timeout(patience) {
            Ok(Ok(piece)) => Ok((!piece.is_empty()).then_some(piece)),
            Ok(Err(error)) => Err(self.failed(error.to_string())),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill(); // fails only if it is gone already
                let seconds = patience.as_secs_f64();
                Err(self.failed(format!("gave nothing for {seconds} s and was stopped")))
            }
        }
    }

    /// Whether the program ended well; after the last piece.
    pub(super) fn succeeded(&mut self) -> Result<bool> {
        let status = self.child.wait().map_err(|error| self.failed(error.to_string()))?;
        Ok(status.success())
    }

    fn failed(&self, reason: String) -> Error {
        failed(&self.path, self.program, reason)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // Both fail only if the process is gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_piece(output: &mut impl Read, len: usize) -> std::io::Result<Vec<u8>> {
    let mut piece = vec![0; len];
    let mut filled = 0;
    while filled < len {
        match output.read(&mut piece[filled..]) {
            Ok(0) => break,
            Ok(num) => filled += num,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    piece.truncate(filled);
    Ok(piece)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, piece_len: usize) -> Pipe {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Pipe::start(command, Path::new("clip"), "ffmpeg", piece_len).unwrap()
    }

    #[test]
    fn output_comes_in_pieces() {
        let mut pipe = shell("printf abcde; printf fg", 3);
        let mut pieces = Vec::new();
        while let Some(piece) = pipe.next(PATIENCE).unwrap() {
            pieces.push(String::from_utf8(piece).unwrap());
        }
        assert_eq!(pieces, ["abc", "def", "g"]);
        assert!(pipe.succeeded().unwrap());
    }

    #[test]
    fn a_program_that_hangs_is_stopped() {
        let mut pipe = shell("printf abc; exec sleep 1000", 3);
        assert_eq!(pipe.next(PATIENCE).unwrap().unwrap(), b"abc");
        let error = pipe.next(Duration::from_millis(50)).unwrap_err();
        assert!(matches!(error, Error::Program { .. }), "{error}");
        assert!(!pipe.succeeded().unwrap()); // killed
    }
}
