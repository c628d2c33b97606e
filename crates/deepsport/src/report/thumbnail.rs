//! Small pictures inside a page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frame_tool::{Filter, Fit, Frame};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use pillow_resize::resize;

use crate::Result;

/// Pixels that a thumbnail may have across and down.
const BOX: (u32, u32) = (320, 240);
/// Up to this width pictures stay as they are, so that every pixel can be seen.
const TINY: u32 = 160;
const JPEG_QUALITY: u8 = 82;

/// A frame as the `src` of an image.
pub(super) struct Thumbnail {
    pub(super) url: String,
    /// Whether pixels are few enough to be shown as squares.
    pub(super) is_tiny: bool,
}

pub(super) fn thumbnail(frame: &Frame) -> Result<Thumbnail> {
    let unwritable =
        |reason: String| frame_tool::Error::InvalidFrame { frame_idx: frame.index(), reason };
    let from = (frame.width(), frame.height());
    if from.0 <= TINY {
        let png = crate::picture::png(from.0, from.1, frame.rgb())
            .map_err(|error| unwritable(error.to_string()))?;
        let url = format!("data:image/png;base64,{}", STANDARD.encode(png));
        return Ok(Thumbnail { url, is_tiny: true });
    }
    let to = Fit::new(BOX.0, BOX.1)?.size(from.0, from.1);
    let rgb = resize::<3>(frame.rgb(), from, to, Filter::Bicubic)
        .map_err(|error| unwritable(error.to_string()))?;
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
        .write_image(&rgb, to.0, to.1, ExtendedColorType::Rgb8)
        .map_err(|error| unwritable(error.to_string()))?;
    Ok(Thumbnail {
        url: format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)),
        is_tiny: false,
    })
}
