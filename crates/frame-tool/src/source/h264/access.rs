//! What an access unit (the NAL units of one picture) says about itself.

use rust_h264::nal::{NalUnit, NalUnitType};

/// Whether decoding can begin at a picture, and what then comes out right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// An IDR picture: everything after it, in decoding order.
    Idr,
    /// A recovery point without a lead-in: everything shown from it on; pictures shown before it are not.
    Recovery,
    /// Not here.
    None,
}

pub(super) fn entry(nals: &[NalUnit<'_>]) -> Entry {
    if nals.iter().any(|nal| nal.nal_unit_type == NalUnitType::SliceIdr) {
        return Entry::Idr;
    }
    let recovers = nals
        .iter()
        .filter(|nal| nal.nal_unit_type == NalUnitType::Sei)
        .any(|nal| recovery_frame_count(&nal.rbsp) == Some(0));
    if recovers { Entry::Recovery } else { Entry::None }
}

/// The NAL units of a sample as they lie in the file, each behind its length; ends at the first that is not whole.
pub(super) fn units(mut bytes: &[u8], length_size: usize) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_at_checked(length_size)?;
        let length = length.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
        let (unit, rest) = rest.split_at_checked(length)?;
        bytes = rest;
        Some(unit)
    })
}

/// `nal_unit_type` of slices of a picture, and of parameter sets (ITU-T H.264, table 7-1).
const SLICES: [u8; 2] = [1, 5];
const PARAMETER_SETS: [u8; 2] = [7, 8];

fn unit_type(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |header| header & 0x1f)
}

/// Whether a sample holds any part of a picture.
#[cfg(feature = "ffmpeg-link")]
pub(super) fn holds_slice(bytes: &[u8], length_size: usize) -> bool {
    units(bytes, length_size).any(|unit| SLICES.contains(&unit_type(unit)))
}

/// Whether no other picture is predicted from this one, so that it need not be decoded to decode others.
pub(super) fn is_disposable(bytes: &[u8], length_size: usize) -> bool {
    let is_slice = |unit: &&[u8]| SLICES.contains(&unit_type(unit));
    let nal_ref_idc = |unit: &[u8]| unit.first().map_or(0, |header| header >> 5 & 3);
    let mut slices = units(bytes, length_size).filter(is_slice).peekable();
    slices.peek().is_some() && slices.all(|slice| nal_ref_idc(slice) == 0)
        // Parameter sets for later pictures may ride along.
        && !units(bytes, length_size).any(|unit| PARAMETER_SETS.contains(&unit_type(unit)))
}

/// Sequence parameter sets of a sample, which say size and colours.
pub(super) fn holds_sps(bytes: &[u8], length_size: usize) -> bool {
    units(bytes, length_size).any(|unit| unit_type(unit) == 7)
}

pub(super) fn is_slice(nal: &NalUnit<'_>) -> bool {
    matches!(nal.nal_unit_type, NalUnitType::Slice | NalUnitType::SliceIdr)
}

/// `recovery_frame_cnt` of the recovery point message (ITU-T H.264, D.1.8), if the SEI holds one.
fn recovery_frame_count(mut rbsp: &[u8]) -> Option<u32> {
    const RECOVERY_POINT: usize = 6;
    while rbsp.len() > 2 {
        let (kind, size) = (sei_number(&mut rbsp)?, sei_number(&mut rbsp)?);
        let payload = rbsp.get(..size)?;
        if kind == RECOVERY_POINT {
            return exp_golomb(payload);
        }
        rbsp = &rbsp[size..];
    }
    None
}

/// A type or size in an SEI: bytes of 255, then the rest.
fn sei_number(rbsp: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    loop {
        let (&byte, rest) = rbsp.split_first()?;
        *rbsp = rest;
        number += usize::from(byte);
        if byte != 255 {
            return Some(number);
        }
    }
}

/// The unsigned Exp-Golomb number at the start of `bytes`.
fn exp_golomb(bytes: &[u8]) -> Option<u32> {
    let bit = |i: usize| bytes.get(i / 8).map(|byte| u32::from(byte >> (7 - i % 8) & 1));
    let mut zeros = 0;
    while bit(zeros)? == 0 {
        zeros += 1;
        if zeros > 31 {
            return None;
        }
    }
    let tail = (zeros + 1..=2 * zeros).try_fold(0_u32, |value, i| Some(value << 1 | bit(i)?))?;
    Some((1_u32 << zeros) - 1 + tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_end_with_the_bytes() {
        let sample = [0, 2, 0x01, 0xaa, 0, 1, 0x41, 0, 9, 0x65];
        let found: Vec<_> = units(&sample, 2).collect();
        assert_eq!(found, [&[0x01, 0xaa][..], &[0x41]]);
        assert!(!is_disposable(&sample, 2)); // the second slice is of a reference
        assert!(is_disposable(&sample[..4], 2));
        assert!(holds_sps(&[1, 0x67, 1, 0x68], 1));
        assert_eq!(units(&[], 4).count(), 0);
    }

    /// ITU-T H.264, table 9-2.
    #[test]
    fn exp_golomb_by_table() {
        for (bits, expected) in [
            (0b1000_0000, 0),
            (0b0100_0000, 1),
            (0b0110_0000, 2),
            (0b0010_1000, 4),
            (0b0001_1100, 13),
        ] {
            assert_eq!(exp_golomb(&[bits]), Some(expected), "{bits:08b}");
        }
        assert_eq!(exp_golomb(&[0]), None);
    }

    #[test]
    fn a_recovery_point_is_found_behind_other_messages() {
        let sei = [1, 2, 0xaa, 0xbb, 6, 1, 0b1000_0000, 0x80];
        assert_eq!(recovery_frame_count(&sei), Some(0));
        assert_eq!(recovery_frame_count(&sei[..5]), None);
        assert_eq!(recovery_frame_count(&[5, 255]), None);
    }
}
