//! One frame, as it is handed out.

use std::fmt;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

/// A picture of a video: RGB8 rows with the frame's index and its time.
///
/// Cheap to clone: clones share the pixels.
#[derive(Clone)]
pub struct Frame {
    index: usize,
    timestamp_s: f64,
    builds_on_damage: bool,
    picture: Arc<Picture>,
}

/// Pixels, apart from where they stand in the video.
struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
    sha256: OnceLock<String>,
}

impl Frame {
    /// # Shapes
    ///
    /// - `rgb`: `[height, width, 3]`, row by row
    pub(crate) fn new(
        index: usize,
        timestamp_s: f64,
        width: u32,
        height: u32,
        rgb: Vec<u8>,
    ) -> Self {
        debug_assert_eq!(rgb.len(), width as usize * height as usize * 3);
        Self {
            index,
            timestamp_s,
            builds_on_damage: false,
            picture: Arc::new(Picture { width, height, rgb, sha256: OnceLock::new() }),
        }
    }

    /// Notes that the pixels may be wrong.
    pub(crate) fn with_damage_below(mut self, builds_on_damage: bool) -> Self {
        self.builds_on_damage = builds_on_damage;
        self
    }

    /// Whether the pixels may be wrong: a picture that this one may be predicted from could not be decoded
    /// (which by itself is [`Error::Decode`](crate::Error::Decode)). Known of H.264 through the embedded decoder.
    #[must_use]
    pub fn builds_on_damage(&self) -> bool {
        self.builds_on_damage
    }

    /// 0-based place in the video, in presentation order.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Presentation time in seconds, as the container states it.
    #[must_use]
    pub fn timestamp_s(&self) -> f64 {
        self.timestamp_s
    }

    /// Pixels across.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.picture.width
    }

    /// Pixels down.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.picture.height
    }

    /// The pixels.
    ///
    /// # Shapes
    ///
    /// - output: `[height, width, 3]`, row by row, red first
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.picture.rgb
    }

    /// SHA-256 of the RGB8 rows, lower-case hexadecimal. Computed once.
    #[must_use]
    pub fn sha256(&self) -> &str {
        self.picture.sha256.get_or_init(|| {
            Sha256::digest(&self.picture.rgb).iter().map(|byte| format!("{byte:02x}")).collect()
        })
    }

    /// Bytes that the pixels take.
    pub(crate) fn num_bytes(&self) -> usize {
        self.picture.rgb.len()
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("index", &self.index)
            .field("timestamp_s", &self.timestamp_s)
            .field("width", &self.width())
            .field("height", &self.height())
            .finish_non_exhaustive()
    }
}
