//! What turns coded pictures into planes: the embedded decoder, or a linked libavcodec.

use crate::source::picture::Yuv;

/// A decoder of H.264, fed with the samples of a track in decoding order. It may hold pictures back.
pub(super) trait Decode: Send {
    /// Forgets every picture; the next sample is one where decoding can begin.
    fn restart(&mut self) -> Result<(), Trouble>;

    /// Takes a sample as it lies in the file. What comes out goes to `out`, in whatever order, each picture with the
    /// sample that it is of and without its colour tag.
    fn feed(&mut self, sample_idx: usize, bytes: &[u8], out: &mut Out) -> Result<(), Trouble>;

    /// Gives what is held back. Then only [`restart`](Self::restart) leads on.
    fn finish(&mut self, out: &mut Out) -> Result<(), Trouble>;

    /// How many samples more than the one that is wanted may have to be fed before it comes out.
    fn max_delay(&self) -> usize;
}

/// Samples and their pictures.
pub(super) type Out = Vec<(usize, Yuv)>;

/// Why a decoder does not go on.
#[derive(Debug)]
pub(super) enum Trouble {
    /// A part of the standard that it lacks.
    Unsupported(String),
    /// Damage that it did not survive.
    Broken(String),
}
