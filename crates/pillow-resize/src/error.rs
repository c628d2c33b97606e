//! Why a picture could not be resized.

/// Result with this crate's [`Error`] unless another is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a picture could not be resized. Sizes are width and height.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A side is 0.
    #[error("cannot resize {}x{} to {}x{}: a side is 0", from.0, from.1, to.0, to.1)]
    Empty {
        /// Size that was stated.
        from: (u32, u32),
        /// Size that was wanted.
        to: (u32, u32),
    },
    /// There are more or fewer bytes than the size says.
    #[error("{found} bytes are no picture of {}x{} with {num_channels} channels", from.0, from.1)]
    WrongLength {
        /// Size that was stated.
        from: (u32, u32),
        /// Bytes a pixel.
        num_channels: usize,
        /// Bytes that were given.
        found: usize,
    },
    /// The result, or what lies between the two passes, does not fit in memory.
    #[error("a picture of {}x{} with {num_channels} channels does not fit in memory", size.0, size.1)]
    TooLarge {
        /// Size that was too much.
        size: (u32, u32),
        /// Bytes a pixel.
        num_channels: usize,
    },
}
