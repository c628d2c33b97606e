//! From indices to frames: the cache first, then decoders, each with its own stretch of the video.

use std::collections::HashMap;
use std::sync::PoisonError;

use rayon::prelude::*;

use super::Video;
use crate::source::picture::Picture;
use crate::source::{Reader, guarded};
use crate::{Error, Frame, Result};

/// Indices exist.
pub(super) fn frames(video: &Video, indices: &[usize]) -> Result<Vec<Frame>> {
    let mut missing = indices.to_vec();
    missing.sort_unstable();
    missing.dedup();
    let mut found = HashMap::with_capacity(missing.len());
    {
        let mut cache = video.cache.lock().unwrap_or_else(PoisonError::into_inner);
        missing.retain(|&frame_idx| match cache.get(frame_idx) {
            Some(frame) => found.insert(frame_idx, frame).is_some(),
            None => true,
        });
    }
    let stretches = split(&missing, rayon::current_num_threads(), |frame_idx| {
        video.opened.source.group(frame_idx)
    });
    let decoded: Vec<Vec<Frame>> = match stretches.as_slice() {
        [] => Vec::new(),
        [only] => vec![with_idle_reader(video, only)?],
        several => several
            .par_iter()
            .map(|stretch| decode(video, video.opened.source.reader()?.as_mut(), stretch))
            .collect::<Result<_>>()?,
    };
    let mut cache = video.cache.lock().unwrap_or_else(PoisonError::into_inner);
    for frame in decoded.into_iter().flatten() {
        cache.insert(&frame);
        found.insert(frame.index(), frame);
    }
    let take =
        |frame_idx: &usize| found.get(frame_idx).cloned().ok_or_else(|| lost(video, *frame_idx));
    indices.iter().map(take).collect()
}

/// A reader that broke its promise: never seen, never a panic.
fn lost(video: &Video, frame_idx: usize) -> Error {
    Error::InvalidFrame {
        frame_idx,
        reason: format!("{:?} gave no picture for it", video.description()),
    }
}

/// Splits ascending `frames` into at most `max_parts` stretches of equal length that share no group.
fn split(frames: &[usize], max_parts: usize, group: impl Fn(usize) -> usize) -> Vec<&[usize]> {
    let target_len = frames.len().div_ceil(max_parts.max(1)).max(1);
    let mut parts = Vec::new();
    let mut start = 0;
    for end in 1..=frames.len() {
        let is_boundary = end == frames.len() || group(frames[end]) != group(frames[end - 1]);
        if end == frames.len() || (is_boundary && end - start >= target_len) {
            parts.push(&frames[start..end]);
            start = end;
        }
    }
    parts
}

/// Goes on with the waiting decoder that is nearest. Two calls at once: the second gets another one.
fn with_idle_reader(video: &Video, frames: &[usize]) -> Result<Vec<Frame>> {
    let idle = || video.idle.lock().unwrap_or_else(PoisonError::into_inner);
    let waiting = nearest(&mut idle(), frames[0], max_idle(video));
    let mut reader = match waiting {
        Some(reader) => reader,
        None => video.opened.source.reader()?,
    };
    let decoded = decode(video, reader.as_mut(), frames)?; // after an error the decoder is not used again
    let mut idle = idle();
    if idle.len() < max_idle(video) {
        idle.push(reader);
    }
    Ok(decoded)
}

/// Takes the reader that reaches `frame_idx` first. If all would have to start over, that is the oldest, or a new one (`None`)
/// while there is room for more.
fn nearest(
    idle: &mut Vec<Box<dyn Reader>>,
    frame_idx: usize,
    max_idle: usize,
) -> Option<Box<dyn Reader>> {
    let distances = idle.iter().enumerate().filter_map(|(i, r)| Some((r.distance(frame_idx)?, i)));
    match distances.min() {
        Some((_, i)) => Some(idle.remove(i)),
        None if idle.len() < max_idle => None,
        None => Some(idle.remove(0)),
    }
}

/// Decoders that wait, each in its own place: in a video with a single key frame a jump back then costs a few pictures
/// rather than the whole way. Few, because each holds up to 32 pictures.
fn max_idle(video: &Video) -> usize {
    const MAX_IDLE: u64 = 4;
    const MAX_PIXELS: u64 = MAX_IDLE * 1920 * 1088;
    let description = video.description();
    let num_pixels = u64::from(description.width) * u64::from(description.height);
    (MAX_PIXELS / num_pixels.max(1)).clamp(1, MAX_IDLE) as usize
}

/// Pictures that wait for conversion at a time, a thread: bounds memory, fills all cores.
const BATCH_PER_THREAD: usize = 2;

/// Decodes in order, converts and shrinks in parallel.
fn decode(video: &Video, reader: &mut dyn Reader, frames: &[usize]) -> Result<Vec<Frame>> {
    let batch_len = BATCH_PER_THREAD * rayon::current_num_threads();
    let mut batch = Vec::with_capacity(batch_len);
    let mut done = Vec::with_capacity(frames.len());
    let mut emit = |frame_idx, picture| {
        batch.push((frame_idx, picture));
        if batch.len() >= batch_len {
            finish_all(video, &mut batch, &mut done)?;
        }
        Ok(())
    };
    guarded(|| reader.read(frames, &mut emit))
        .map_err(|reason| Error::InvalidFrame { frame_idx: frames[0], reason })??;
    finish_all(video, &mut batch, &mut done)?;
    Ok(done)
}

fn finish_all(
    video: &Video,
    batch: &mut Vec<(usize, Picture)>,
    done: &mut Vec<Frame>,
) -> Result<()> {
    let finished: Result<Vec<_>> = std::mem::take(batch)
        .into_par_iter()
        .map(|(frame_idx, picture)| finish(video, frame_idx, picture))
        .collect();
    done.extend(finished?);
    Ok(())
}

fn finish(video: &Video, frame_idx: usize, picture: Picture) -> Result<Frame> {
    let invalid = |reason| Error::InvalidFrame { frame_idx, reason };
    let builds_on_damage = picture.builds_on_damage();
    let mut rgb = picture.into_rgb(video.description().orientation).map_err(invalid)?;
    if let Some(fit) = video.fit {
        rgb = fit.apply(rgb).map_err(invalid)?;
    }
    let timestamp_s = video.timeline().timestamp_s(frame_idx).unwrap_or_default();
    Ok(Frame::new(frame_idx, timestamp_s, rgb.width, rgb.height, rgb.pixels)
        .with_damage_below(builds_on_damage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_keep_groups_whole() {
        let frames: Vec<usize> = (0..10).collect();
        let parts = split(&frames, 3, |i| i / 3);
        assert_eq!(parts.concat(), frames);
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [6, 4]);
        assert_eq!(split(&frames, 8, |_| 0).len(), 1);
        assert_eq!(split(&[], 8, |_| 0).len(), 0);
        assert_eq!(split(&frames, 10, |i| i).len(), 10);
    }
}
