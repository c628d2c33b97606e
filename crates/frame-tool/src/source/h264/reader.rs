//! Decodes just the pictures that are needed, in decoding order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rust_h264::nal::{parse_avcc, parse_sps_info};

use super::access::{Entry, entry, holds_sps, is_disposable};
use super::decode::{Decode, Trouble};
use super::embedded::Embedded;
use super::{Shared, check_sps};
use crate::source::colour::Colour;
use crate::source::picture::{Picture, Yuv};
use crate::source::sniff::unsupported;
use crate::source::{Emit, Reader};
use crate::{Error, Result};

/// Decoded pictures that are shown after what was asked for are kept for the next call: as many as H.264 can reorder.
const MAX_AHEAD: usize = 16;

pub(super) struct H264Reader {
    shared: Arc<Shared>,
    decoder: Box<dyn Decode>,
    /// Whether pictures come from a linked library, whose complaints the embedded decoder looks into.
    is_linked: bool,
    colour: Colour,
    /// The next sample to feed; `None` when decoding has to begin anew.
    next_sample: Option<usize>,
    /// Pictures shown before this moment come out wrong in the present run, which began at a recovery point.
    valid_from_cts: i64,
    /// After a picture that others build on was lost: those shown before this moment may be wrong.
    damaged_until_cts: i64,
    /// By sample.
    ahead: BTreeMap<usize, Yuv>,
    /// Samples that the decoder has, whose pictures it still holds back.
    held_back: BTreeSet<usize>,
    /// What the samples say about entering there, as far as it was needed.
    entries: HashMap<usize, Entry>,
}

/// What stopped a run: something to try another decoder for, or not.
enum Stop {
    Trouble(usize, Trouble),
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl H264Reader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let linked = shared.linked_decoder();
        Self {
            is_linked: linked.is_some(),
            decoder: linked.unwrap_or_else(|| Box::new(Embedded::new(shared.clone()))),
            colour: shared.first_colour,
            shared,
            next_sample: None,
            valid_from_cts: i64::MIN,
            damaged_until_cts: i64::MIN,
            ahead: BTreeMap::new(),
            held_back: BTreeSet::new(),
            entries: HashMap::new(),
        }
    }

    /// Begins a new run at `sample_idx`.
    fn restart(&mut self, sample_idx: usize, valid_from_cts: i64) -> Result<(), Stop> {
        self.ahead.clear();
        self.held_back.clear();
        self.next_sample = None;
        self.decoder.restart().map_err(|trouble| Stop::Trouble(sample_idx, trouble))?;
        self.next_sample = Some(sample_idx);
        self.colour = self.shared.first_colour;
        self.valid_from_cts = valid_from_cts;
        self.damaged_until_cts = i64::MIN;
        Ok(())
    }

    fn entry_at(&mut self, sync: usize) -> Result<Entry> {
        if let Some(&known) = self.entries.get(&sync) {
            return Ok(known);
        }
        let bytes = self.shared.sample_bytes(sync)?;
        let found = entry(&parse_avcc(&bytes, self.shared.length_size));
        self.entries.insert(sync, found);
        Ok(found)
    }

    /// Where decoding has to begin for `sample_idx`, and from which moment on pictures come out right.
    fn entry_for(&mut self, sample_idx: usize) -> Result<(usize, i64)> {
        let cts = self.shared.samples[sample_idx].cts;
        let mut sync = self.shared.sync_before(sample_idx);
        while sync > 0 {
            let sync_cts = self.shared.samples[sync].cts;
            match self.entry_at(sync)? {
                Entry::Idr => return Ok((sync, i64::MIN)),
                Entry::Recovery if sync_cts <= cts => return Ok((sync, sync_cts)),
                _ => sync = self.shared.sync_before(sync - 1),
            }
        }
        Ok((0, i64::MIN))
    }

    /// Takes size and colours from a parameter set between the pictures.
    fn heed_sps(&mut self, bytes: &[u8]) -> Result<()> {
        if holds_sps(bytes, self.shared.length_size) {
            for nal in parse_avcc(bytes, self.shared.length_size) {
                if let Ok(info) = parse_sps_info(&nal) {
                    check_sps(&self.shared.media, &info, self.shared.max_pixels)?;
                    self.colour = self.shared.colour(&info);
                }
            }
        }
        Ok(())
    }

    /// Decodes sample `sample_idx`, which is the next; `keep` tells which of the pictures that come out are kept.
    fn step(&mut self, sample_idx: usize, keep: &dyn Fn(usize) -> bool) -> Result<(), Stop> {
        let shared = self.shared.clone();
        let bytes = shared.sample_bytes(sample_idx)?;
        self.next_sample = Some(sample_idx + 1);
        let disposable = is_disposable(&bytes, shared.length_size);
        if disposable && !keep(sample_idx) {
            return Ok(());
        }
        self.heed_sps(&bytes)?;
        if self.damaged_until_cts > i64::MIN && shared.syncs.binary_search(&sample_idx).is_ok() {
            match self.entry_at(sample_idx)? {
                Entry::Idr => self.damaged_until_cts = i64::MIN,
                Entry::Recovery => self.damaged_until_cts = shared.samples[sample_idx].cts,
                Entry::None => {}
            }
        }
        if keep(sample_idx) && self.decoder.max_delay() > 0 {
            self.held_back.insert(sample_idx);
        }
        let mut out = Vec::new();
        match self.decoder.feed(sample_idx, &bytes, &mut out) {
            Err(Trouble::Broken(_)) if !self.is_linked => {
                // Nothing that it holds can be relied on any more.
                self.decoder.restart().map_err(|trouble| Stop::Trouble(sample_idx, trouble))?;
                self.damaged_until_cts = i64::MAX;
            }
            result => result.map_err(|trouble| Stop::Trouble(sample_idx, trouble))?,
        }
        if out.is_empty() && self.decoder.max_delay() == 0 && !disposable {
            self.damaged_until_cts = i64::MAX;
        }
        self.take(out, keep);
        Ok(())
    }

    fn take(&mut self, out: Vec<(usize, Yuv)>, keep: &dyn Fn(usize) -> bool) {
        for (sample_idx, mut picture) in out {
            let Some(sample) = self.shared.samples.get(sample_idx) else { continue };
            self.held_back.remove(&sample_idx);
            picture.colour = self.colour;
            picture.builds_on_damage = sample.cts < self.damaged_until_cts;
            if keep(sample_idx) {
                self.ahead.insert(sample_idx, picture);
            }
        }
    }

    /// Whether `target` comes out if decoding goes on.
    fn is_on_the_way(&self, target: usize) -> bool {
        let is_ahead = self.next_sample.is_some_and(|next| next <= target);
        (is_ahead || self.held_back.contains(&target))
            && self.valid_from_cts <= self.shared.samples[target].cts
    }

    /// Decodes until `target` has come out.
    fn advance(
        &mut self,
        target: usize,
        keep: &dyn Fn(usize) -> bool,
    ) -> Result<Option<Yuv>, Stop> {
        if let Some(picture) = self.ahead.remove(&target) {
            return Ok(Some(picture));
        }
        let (start, valid_from_cts) = self.entry_for(target)?;
        if !(self.is_on_the_way(target) && self.next_sample.is_some_and(|next| start <= next)) {
            self.restart(start, valid_from_cts)?;
        }
        let last = target.saturating_add(self.decoder.max_delay());
        loop {
            match self.next_sample {
                Some(next) if next <= last && next < self.shared.samples.len() => {
                    self.step(next, keep)?;
                }
                Some(next) => {
                    if next <= last {
                        self.next_sample = None; // nothing follows that could push it out
                        let mut out = Vec::new();
                        let finished = self.decoder.finish(&mut out);
                        finished.map_err(|trouble| Stop::Trouble(target, trouble))?;
                        self.take(out, keep);
                    }
                    return Ok(self.ahead.remove(&target));
                }
                None => return Ok(None),
            }
            if let Some(picture) = self.ahead.remove(&target) {
                return Ok(Some(picture));
            }
        }
    }

    /// The picture of `target`; a linked decoder that stumbles over it makes place for the embedded one.
    fn picture(&mut self, target: usize, keep: &dyn Fn(usize) -> bool) -> Result<Yuv, Stop> {
        let lost = || Stop::Trouble(target, Trouble::Broken("its data are damaged".into()));
        let found = self.advance(target, keep).and_then(|picture| picture.ok_or_else(lost));
        match found {
            Err(Stop::Trouble(..)) if self.is_linked => {
                self.is_linked = false;
                self.decoder = Box::new(Embedded::new(self.shared.clone()));
                self.next_sample = None;
                self.advance(target, keep)?.ok_or_else(lost)
            }
            found => found,
        }
    }

    fn error(&self, stop: Stop) -> Error {
        let Shared { media, shown, .. } = &*self.shared;
        match stop {
            Stop::Error(error) => error,
            Stop::Trouble(_, Trouble::Unsupported(what)) => {
                unsupported(media, format!("H.264 with {what}"))
            }
            Stop::Trouble(sample_idx, Trouble::Broken(reason)) => {
                let frame_idx = shown.iter().position(|f| f.sample_idx == sample_idx).unwrap_or(0);
                Error::Decode { path: media.path().to_owned(), frame_idx, reason }
            }
        }
    }
}

impl Reader for H264Reader {
    fn read(&mut self, frames: &[usize], emit: &mut Emit<'_>) -> Result<()> {
        let shared = self.shared.clone();
        let mut wanted: Vec<(usize, usize)> =
            frames.iter().map(|&f| (shared.shown[f].sample_idx, f)).collect();
        wanted.sort_unstable();
        let last_cts = wanted.iter().map(|&(s, _)| shared.samples[s].cts).max().unwrap_or(i64::MIN);
        let last_wanted = wanted.last().map_or(0, |&(sample_idx, _)| sample_idx);
        // Besides what is wanted: what is shown soon after it, for the next call.
        let keep = |sample_idx: usize| {
            wanted.binary_search_by_key(&sample_idx, |&(s, _)| s).is_ok()
                || (shared.samples[sample_idx].cts > last_cts
                    && sample_idx <= last_wanted + MAX_AHEAD
                    && sample_idx + MAX_AHEAD >= last_wanted)
        };
        for &(target, frame_idx) in &wanted {
            let picture = self.picture(target, &keep).map_err(|stop| self.error(stop))?;
            emit(frame_idx, Picture::Yuv(picture))?;
        }
        // What is shown before the frames just given will hardly be asked for next.
        self.ahead.retain(|&sample_idx, _| shared.samples[sample_idx].cts > last_cts);
        Ok(())
    }

    fn distance(&self, frame_idx: usize) -> Option<usize> {
        let target = self.shared.shown[frame_idx].sample_idx;
        if self.ahead.contains_key(&target) {
            return Some(0);
        }
        let next = self.next_sample?;
        let is_near = self.is_on_the_way(target) && self.shared.sync_before(target) <= next;
        is_near.then(|| target.saturating_sub(next))
    }
}
