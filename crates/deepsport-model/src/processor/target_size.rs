//! The size that a picture is resized to.

use crate::{Error, Result};

/// Aspect ratio above which transformers refuses a picture.
const MAX_ASPECT_RATIO: f64 = 200.0;

/// `[height, width]` after resizing, both multiples of `factor` (patch times merge, 28): the nearest multiples, or, where these
/// hold fewer than `min_pixels` or more than `max_pixels`, the picture scaled to that limit, rounded up or down.
///
/// As in transformers: halves go to the even multiple, and a side that rounds to 0 is left to the scaling that follows
/// (`qwen-vl-utils` counts it as `factor` first and so differs for pictures under 14 pixels).
///
/// # Errors
///
/// - [`Error::EmptyPicture`] if a side is 0
/// - [`Error::AspectRatio`] if one side is over 200 times the other
pub fn smart_resize(
    height: usize,
    width: usize,
    factor: usize,
    min_pixels: usize,
    max_pixels: usize,
) -> Result<(usize, usize)> {
    let factor = factor.max(1);
    if height == 0 || width == 0 {
        return Err(Error::EmptyPicture { width, height });
    }
    let (h, w, f) = (height as f64, width as f64, factor as f64);
    if h.max(w) / h.min(w) > MAX_ASPECT_RATIO {
        return Err(Error::AspectRatio { width, height });
    }
    let nearest = |side: f64| (side / f).round_ties_even() as usize * factor;
    let (nearest_h, nearest_w) = (nearest(h), nearest(w));
    let num_pixels = nearest_h.saturating_mul(nearest_w);
    if num_pixels > max_pixels {
        let shrink = (h * w / max_pixels as f64).sqrt();
        let below = |side: f64| ((side / shrink / f).floor() as usize * factor).max(factor);
        Ok((below(h), below(w)))
    } else if num_pixels < min_pixels {
        let grow = (min_pixels as f64 / (h * w)).sqrt();
        let above = |side: f64| (side * grow / f).ceil() as usize * factor;
        Ok((above(h), above(w)))
    } else {
        // Only limits under one cell leave a side of 0 here.
        Ok((nearest_h.max(factor), nearest_w.max(factor)))
    }
}
