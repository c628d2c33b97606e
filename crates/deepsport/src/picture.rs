//! Frames as PNG.

use png::{BitDepth, ColorType, EncodingError};

/// Compresses RGB8 rows.
///
/// # Shapes
///
/// - `rgb`: `[height, width, 3]`
pub(crate) fn png(width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>, EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(bytes)
}
