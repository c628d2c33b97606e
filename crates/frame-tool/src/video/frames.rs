//! Frames one after the other.

use std::ops::Range;

use super::Video;
use crate::{Frame, Result};

/// Frames decoded together: enough to share the work among threads, few enough to hold at 4K.
const CHUNK: usize = 16;

/// Iterator over a stretch of a video, see [`Video::frames_in`].
///
/// Ends after the first error.
#[derive(Debug)]
pub struct Frames<'a> {
    video: &'a Video,
    left: Range<usize>,
    ready: std::vec::IntoIter<Frame>,
}

impl<'a> Frames<'a> {
    pub(super) fn new(video: &'a Video, left: Range<usize>) -> Self {
        Self { video, left, ready: Vec::new().into_iter() }
    }
}

impl Iterator for Frames<'_> {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(frame) = self.ready.next() {
            return Some(Ok(frame));
        }
        let chunk: Vec<usize> = self.left.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return None;
        }
        match self.video.frames(&chunk) {
            Ok(frames) => self.ready = frames.into_iter(),
            Err(error) => {
                self.left = 0..0;
                return Some(Err(error));
            }
        }
        self.ready.next().map(Ok)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let num = self.ready.len() + self.left.len();
        (0, Some(num))
    }
}
