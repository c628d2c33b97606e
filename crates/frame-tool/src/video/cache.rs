//! Finished frames, the least recently used ones dropped first.

use lru::LruCache;

use crate::Frame;

/// Frames by index, bounded by the bytes of their pixels.
#[derive(Debug)]
pub(super) struct Cache {
    frames: LruCache<usize, Frame>,
    num_bytes: usize,
    max_bytes: usize,
}

impl Cache {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { frames: LruCache::unbounded(), num_bytes: 0, max_bytes }
    }

    pub(super) fn get(&mut self, frame_idx: usize) -> Option<Frame> {
        self.frames.get(&frame_idx).cloned()
    }

    pub(super) fn insert(&mut self, frame: &Frame) {
        if frame.num_bytes() > self.max_bytes {
            return;
        }
        self.num_bytes += frame.num_bytes();
        if let Some(old) = self.frames.put(frame.index(), frame.clone()) {
            self.num_bytes -= old.num_bytes();
        }
        while self.num_bytes > self.max_bytes
            && let Some((_, oldest)) = self.frames.pop_lru()
        {
            self.num_bytes -= oldest.num_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_frame_goes_first() {
        let frame = |index| Frame::new(index, 0.0, 2, 2, vec![0; 12]);
        let mut cache = Cache::new(30); // two frames of 12 bytes
        cache.insert(&frame(0));
        cache.insert(&frame(1));
        assert!(cache.get(0).is_some());
        cache.insert(&frame(2));
        assert!(cache.get(1).is_none());
        assert!(cache.get(0).is_some() && cache.get(2).is_some());
        cache.insert(&frame(2)); // again: takes no room twice
        assert!(cache.get(0).is_some());
        cache.insert(&Frame::new(9, 0.0, 10, 10, vec![0; 300])); // larger than the cache: not kept
        assert!(cache.get(0).is_some() && cache.get(9).is_none());
    }
}
