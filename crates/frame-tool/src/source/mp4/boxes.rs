//! Boxes of the ISO base media file format (ISO/IEC 14496-12): a length, a name, contents.
//!
//! Nothing here trusts a length: every read is checked against the bytes that are there.

use crate::source::media::Media;
use crate::{Error, Result};

/// A box that lies in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mp4Box<'a> {
    pub(super) name: [u8; 4],
    pub(super) body: &'a [u8],
}

/// Iterates over the boxes in `bytes`; ends at the first that is not whole.
pub(super) fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = Mp4Box<'_>> {
    std::iter::from_fn(move || {
        let mut fields = Fields::new(bytes);
        let (size, name) = (u64::from(fields.u32()?), fields.name()?);
        let size = match size {
            0 => bytes.len() as u64, // to the end
            1 => fields.u64()?,
            size => size,
        };
        let header = (bytes.len() - fields.rest().len()) as u64;
        let body = bytes.get(header as usize..usize::try_from(size).ok()?)?;
        bytes = &bytes[size as usize..];
        Some(Mp4Box { name, body })
    })
}

/// The first box called `name`.
pub(super) fn find<'a>(bytes: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(bytes).find(|b| &b.name == name).map(|b| b.body)
}

/// Follows `path` from box to box.
pub(super) fn find_path<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |bytes, name| find(bytes, name))
}

/// Big-endian fields, one after the other; `None` when the bytes run out.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(super) fn skip(&mut self, num_bytes: usize) -> Option<()> {
        self.0 = self.0.get(num_bytes..)?;
        Some(())
    }

    pub(super) fn name(&mut self) -> Option<[u8; 4]> {
        self.take()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_be_bytes)
    }

    /// Version and flags of a "full box".
    pub(super) fn version_and_flags(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        Some(((word >> 24) as u8, word & 0x00ff_ffff))
    }

    /// A number of 64 bits in version 1, of 32 in version 0.
    pub(super) fn versioned(&mut self, version: u8) -> Option<u64> {
        if version == 1 { self.u64() } else { self.u32().map(u64::from) }
    }
}

/// What of a file's top level matters, read without its pictures.
#[derive(Debug, Default)]
pub(super) struct TopLevel {
    /// Body of `moov`: the index.
    pub(super) moov: Option<Vec<u8>>,
    /// Offset and body of each `moof`: the index of a fragment.
    pub(super) moofs: Vec<(u64, Vec<u8>)>,
    pub(super) warnings: Vec<String>,
}

/// Real indexes of hours of video take megabytes; more than this is not one.
const MAX_INDEX_BYTES: u64 = 1 << 30;

pub(super) fn read_top_level(media: &Media) -> Result<TopLevel> {
    let mut top = TopLevel::default();
    let mut at = 0;
    while at < media.len() {
        let header = media.read_up_to(at, 16)?;
        let mut fields = Fields::new(&header);
        let Some((size, name)) = fields.u32().zip(fields.name()) else { break };
        let (size, header_len) = match size {
            0 => (media.len() - at, 8),
            1 => match fields.u64() {
                Some(size) => (size, 16),
                None => break,
            },
            size => (u64::from(size), 8),
        };
        if size < header_len {
            let problem =
                format!("a box of {size} bytes at byte {at} is smaller than its own header");
            if top.moov.is_none() {
                return Err(media.damaged(&shown(name), problem));
            }
            top.warnings.push(problem);
            break;
        }
        let end = at.saturating_add(size);
        let cut = end > media.len();
        if matches!(&name, b"moov" | b"moof") {
            if cut && &name == b"moov" {
                return Err(media.damaged("moov", format!(
                    "the index should end at byte {end}, the file ends at byte {}; the file is cut off",
                    media.len()
                )));
            }
            if size > MAX_INDEX_BYTES {
                return Err(media.damaged(&shown(name), format!("an index of {size} bytes")));
            }
            if cut {
                top.warnings
                    .push(format!("the file is cut off in the index of a fragment at byte {at}"));
                break;
            }
            let body = media.read(at + header_len, size - header_len)?;
            if &name == b"moof" {
                top.moofs.push((at, body));
            } else if top.moov.is_none() {
                top.moov = Some(body);
            }
        } else if cut {
            top.warnings
                .push(format!("the file is cut off: {} should end at byte {end}", shown(name)));
        }
        at = end;
    }
    Ok(top)
}

/// A box name as text, whatever bytes it is made of.
pub(super) fn shown(name: [u8; 4]) -> String {
    name.iter()
        .map(|&byte| if byte.is_ascii_graphic() || byte == b' ' { byte as char } else { '?' })
        .collect()
}

pub(super) fn damaged<'a>(media: &'a Media, field: &'static str) -> impl Fn() -> Error + 'a {
    move || media.damaged(field, "missing or cut off")
}
