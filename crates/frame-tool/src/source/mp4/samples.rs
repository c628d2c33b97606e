//! Which bytes make which coded picture: the tables of `stbl`, and the runs of fragments.

use super::boxes::{Fields, boxes, find};

/// One coded picture, in decoding order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) offset: u64,
    pub(crate) size: u32,
    /// Composition (presentation) time before edits, in ticks of the track.
    pub(crate) cts: i64,
    /// Ticks until the next picture in decoding order.
    pub(crate) duration: u32,
    /// Whether the container says that decoding can begin here.
    pub(crate) is_sync: bool,
}

/// Samples of the tables in a `stbl` body.
///
/// `media_len` ends the list where the claimed count could only be a lie: samples need bytes.
///
/// # Errors
///
/// The table that is missing or cut off, and why.
pub(super) fn from_tables(
    stbl: &[u8],
    media_len: u64,
) -> Result<Vec<Sample>, (&'static str, String)> {
    let table = |name: &'static [u8; 4], shown: &'static str| {
        find(stbl, name).map(Fields::new).ok_or((shown, "missing".to_owned()))
    };
    let sizes = Sizes::read(table(b"stsz", "stsz")?)?;
    let chunks = match find(stbl, b"co64") {
        Some(body) => entries(body, "co64", |fields| fields.u64())?,
        None => {
            entries(table(b"stco", "stco")?.rest(), "stco", |fields| fields.u32().map(u64::from))?
        }
    };
    let chunk_runs = entries(table(b"stsc", "stsc")?.rest(), "stsc", |fields| {
        let run = (fields.u32()?, fields.u32()?);
        fields.u32()?; // description
        Some(run)
    })?;
    let mut durations =
        Runs::new(entries(table(b"stts", "stts")?.rest(), "stts", |f| f.u32().zip(f.u32()))?);
    let mut offsets = match find(stbl, b"ctts") {
        Some(body) => Runs::new(entries(body, "ctts", |fields| fields.u32().zip(fields.i32()))?),
        None => Runs::new(Vec::new()),
    };
    let syncs = match find(stbl, b"stss") {
        Some(body) => Some(entries(body, "stss", |fields| fields.u32())?),
        None => None, // every sample is one
    };
    let mut next_sync = syncs.as_deref().unwrap_or(&[]).iter().copied().peekable();

    let mut samples = Vec::new();
    let mut dts = 0_i64;
    let mut run = 0;
    for (chunk, &chunk_offset) in chunks.iter().enumerate() {
        while chunk_runs
            .get(run + 1)
            .is_some_and(|&(first_chunk, _)| first_chunk as usize <= chunk + 1)
        {
            run += 1;
        }
        let Some(&(_, samples_per_chunk)) = chunk_runs.get(run) else { break };
        let mut offset = chunk_offset;
        for _ in 0..samples_per_chunk {
            let Some(size) = sizes.get(samples.len()) else { return Ok(samples) };
            if samples.len() as u64 > media_len {
                return Err((
                    "stsz",
                    format!("{} pictures in a file of {media_len} bytes", sizes.num()),
                ));
            }
            let number = samples.len() as u32 + 1;
            while next_sync.next_if(|&sync| sync < number).is_some() {}
            let duration = durations.next().unwrap_or(0);
            samples.push(Sample {
                offset,
                size,
                cts: dts.saturating_add(i64::from(offsets.next().unwrap_or(0))),
                duration,
                is_sync: syncs.is_none() || next_sync.peek() == Some(&number),
            });
            dts = dts.saturating_add(i64::from(duration));
            offset = offset.saturating_add(u64::from(size));
        }
    }
    Ok(samples)
}

/// Sizes of samples: one for all, or a table.
enum Sizes<'a> {
    Same { size: u32, num: usize },
    Table(&'a [u8]),
}

impl<'a> Sizes<'a> {
    fn read(mut fields: Fields<'a>) -> Result<Self, (&'static str, String)> {
        let header = (|| {
            fields.version_and_flags()?;
            fields.u32().zip(fields.u32())
        })();
        let (size, num) = header.ok_or(("stsz", "cut off".to_owned()))?;
        if size != 0 {
            return Ok(Self::Same { size, num: num as usize });
        }
        let table = fields.rest();
        match table.get(..(num as usize).saturating_mul(4)) {
            Some(table) => Ok(Self::Table(table)),
            None => {
                Err(("stsz", format!("claims {num} pictures, has sizes of {}", table.len() / 4)))
            }
        }
    }

    fn num(&self) -> usize {
        match self {
            Self::Same { num, .. } => *num,
            Self::Table(table) => table.len() / 4,
        }
    }

    fn get(&self, index: usize) -> Option<u32> {
        match self {
            Self::Same { size, num } => (index < *num).then_some(*size),
            Self::Table(table) => Fields::new(table.get(index * 4..)?).u32(),
        }
    }
}

/// Entries of a counted table; a count beyond the box is damage.
fn entries<'a, T>(
    body: &'a [u8],
    name: &'static str,
    read: impl Fn(&mut Fields<'a>) -> Option<T>,
) -> Result<Vec<T>, (&'static str, String)> {
    let mut fields = Fields::new(body);
    let count = fields
        .version_and_flags()
        .and_then(|_| fields.u32())
        .ok_or((name, "cut off".to_owned()))?;
    let mut entries = Vec::new();
    for found in 0..count {
        let entry = read(&mut fields);
        entries.push(entry.ok_or_else(|| (name, format!("claims {count} entries, has {found}")))?);
    }
    Ok(entries)
}

/// Run-length coded values, one sample at a time; the last value holds on, as FFmpeg reads such tables.
struct Runs<T> {
    runs: std::vec::IntoIter<(u32, T)>,
    left: u32,
    value: Option<T>,
}

impl<T: Copy> Runs<T> {
    fn new(runs: Vec<(u32, T)>) -> Self {
        Self { runs: runs.into_iter(), left: 0, value: None }
    }

    fn next(&mut self) -> Option<T> {
        while self.left == 0 {
            let Some((count, value)) = self.runs.next() else { return self.value };
            (self.left, self.value) = (count, Some(value));
        }
        self.left -= 1;
        self.value
    }
}

/// Defaults of a track's fragments, from `trex`.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Defaults {
    duration: u32,
    size: u32,
    flags: u32,
}

impl Defaults {
    /// Finds the `trex` of `track_id` in a `moov` body.
    pub(super) fn of_track(moov: &[u8], track_id: u32) -> Self {
        let trexes = find(moov, b"mvex").into_iter().flat_map(boxes).filter(|b| &b.name == b"trex");
        trexes
            .filter_map(|b| {
                let mut fields = Fields::new(b.body);
                fields.version_and_flags()?;
                let id = fields.u32()?;
                fields.u32()?; // description
                let defaults =
                    Self { duration: fields.u32()?, size: fields.u32()?, flags: fields.u32()? };
                (id == track_id).then_some(defaults)
            })
            .next()
            .unwrap_or_default()
    }
}

/// Bit of the sample flags: decoding cannot begin here.
const IS_NON_SYNC: u32 = 1 << 16;

/// Appends the samples of one `moof` that belong to `track_id`. `next_dts` is where the fragment before ended.
///
/// Returns `None` if the fragment is cut off; what was read before stays.
pub(super) fn append_fragment(
    samples: &mut Vec<Sample>,
    next_dts: &mut i64,
    (moof_offset, moof): (u64, &[u8]),
    (track_id, defaults, media_len): (u32, Defaults, u64),
) -> Option<()> {
    let mut data_end = moof_offset;
    for traf in boxes(moof).filter(|b| &b.name == b"traf") {
        let mut tfhd = Fields::new(find(traf.body, b"tfhd")?);
        let (_, flags) = tfhd.version_and_flags()?;
        let id = tfhd.u32()?;
        let base = if flags & 0x1 != 0 {
            tfhd.u64()?
        } else if flags & 0x2_0000 != 0 {
            moof_offset
        } else {
            data_end
        };
        let mut defaults = defaults;
        if flags & 0x2 != 0 {
            tfhd.u32()?;
        }
        for (bit, field) in
            [(0x8, &mut defaults.duration), (0x10, &mut defaults.size), (0x20, &mut defaults.flags)]
        {
            if flags & bit != 0 {
                *field = tfhd.u32()?;
            }
        }
        if id == track_id
            && let Some(tfdt) = find(traf.body, b"tfdt")
        {
            let mut tfdt = Fields::new(tfdt);
            let (version, _) = tfdt.version_and_flags()?;
            *next_dts = i64::try_from(tfdt.versioned(version)?).ok()?;
        }
        let mut offset = base;
        for trun in boxes(traf.body).filter(|b| &b.name == b"trun") {
            let run = Run { base, defaults, media_len, keep: id == track_id };
            run.append(trun.body, &mut offset, samples, next_dts)?;
        }
        data_end = offset;
    }
    Some(())
}

/// What the samples of a `trun` share.
struct Run {
    base: u64,
    defaults: Defaults,
    media_len: u64,
    /// Whether the run belongs to our track; others only move the offset.
    keep: bool,
}

impl Run {
    fn append(
        &self,
        trun: &[u8],
        offset: &mut u64,
        samples: &mut Vec<Sample>,
        next_dts: &mut i64,
    ) -> Option<()> {
        let mut trun = Fields::new(trun);
        let (_, flags) = trun.version_and_flags()?;
        let count = trun.u32()?;
        if flags & 0x1 != 0 {
            *offset = self.base.checked_add_signed(i64::from(trun.i32()?))?;
        }
        let mut first_flags = if flags & 0x4 != 0 { Some(trun.u32()?) } else { None };
        for _ in 0..count {
            let mut field =
                |bit: u32, default: u32| if flags & bit != 0 { trun.u32() } else { Some(default) };
            let duration = field(0x100, self.defaults.duration)?;
            let size = field(0x200, self.defaults.size)?;
            let own_flags = field(0x400, self.defaults.flags)?;
            let cts_offset = field(0x800, 0)? as i32; // signed in version 1, and in practice in version 0
            let sample_flags = first_flags.take().unwrap_or(own_flags);
            if *offset > self.media_len || (size == 0 && flags & 0xf00 == 0) {
                return None; // a count that no bytes stand behind
            }
            if self.keep {
                samples.push(Sample {
                    offset: *offset,
                    size,
                    cts: next_dts.saturating_add(i64::from(cts_offset)),
                    duration,
                    is_sync: sample_flags & IS_NON_SYNC == 0,
                });
                *next_dts = next_dts.saturating_add(i64::from(duration));
            }
            *offset = offset.checked_add(u64::from(size))?;
        }
        Some(())
    }
}
