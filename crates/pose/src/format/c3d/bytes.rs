//! Numbers as the three kinds of processor write them.

/// Byte order and floating-point format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Processor {
    /// Little-endian, IEEE: what everybody writes today.
    Intel,
    /// Little-endian, VAX floats.
    Dec,
    /// Big-endian, IEEE.
    Mips,
}

impl Processor {
    pub(super) fn of(byte: u8) -> Option<Processor> {
        match byte {
            84 => Some(Processor::Intel),
            85 => Some(Processor::Dec),
            86 => Some(Processor::Mips),
            _ => None,
        }
    }

    /// The 16-bit number at `at`; `None` past the end.
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let two = <[u8; 2]>::try_from(bytes.get(at..at.checked_add(2)?)?).ok()?;
        Some(if self == Processor::Mips {
            u16::from_be_bytes(two)
        } else {
            u16::from_le_bytes(two)
        })
    }

    pub(super) fn i16(self, bytes: &[u8], at: usize) -> Option<i16> {
        self.u16(bytes, at).map(u16::cast_signed)
    }

    /// The 32-bit float at `at`; `None` past the end.
    pub(super) fn f32(self, bytes: &[u8], at: usize) -> Option<f32> {
        let [a, b, c, d] = <[u8; 4]>::try_from(bytes.get(at..at.checked_add(4)?)?).ok()?;
        Some(match self {
            Processor::Intel => f32::from_le_bytes([a, b, c, d]),
            Processor::Mips => f32::from_be_bytes([a, b, c, d]),
            // A VAX has its words the other way round and an exponent larger by two.
            Processor::Dec => f32::from_le_bytes([c, d, a, b]) / 4.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_processors_write_one_number_in_three_ways() {
        assert_eq!(Processor::Intel.f32(&[0x00, 0x00, 0x80, 0x3f], 0), Some(1.0));
        assert_eq!(Processor::Mips.f32(&[0x3f, 0x80, 0x00, 0x00], 0), Some(1.0));
        // A VAX's 1.0 is 0.5 * 2^1: exponent 129, bytes 80 40 00 00.
        assert_eq!(Processor::Dec.f32(&[0x80, 0x40, 0x00, 0x00], 0), Some(1.0));
        assert_eq!(Processor::Mips.i16(&[0xff, 0xfe], 0), Some(-2));
        assert_eq!(Processor::Intel.u16(&[1], 0), None);
        assert_eq!(Processor::Intel.u16(&[1], usize::MAX), None);
    }
}
