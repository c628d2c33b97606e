//! Skeletons to look at. Behind the feature `draw`.
//!
//! - [`Overlay`]: a skeleton on the video's own frame.
//! - [`stick_figures`]: poses side by side, as at keyframes.
//! - [`plot`]: signals over time with their uncertainty.
//! - [`png`], [`gif`]: pictures as files.
//!
//! Pictures are [`image::RgbImage`]; text uses the font that `epaint_default_fonts` carries, so that nothing has to be
//! installed.

mod bones;
mod overlay;
mod sticks;
mod chart;

use std::io::Cursor;
use std::sync::Once;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, DynamicImage, Frame, ImageFormat, RgbImage};
use plotters::prelude::*;
use plotters::style::register_font;

use crate::series::check_fps;
use crate::{Error, Result};

pub use chart::plot;
pub use overlay::Overlay;
pub use sticks::stick_figures;

const LEFT: RGBColor = RGBColor(0x2f, 0x7f, 0xe8);
const RIGHT: RGBColor = RGBColor(0xe8, 0x6a, 0x17);
const MIDDLE: RGBColor = RGBColor(0x2a, 0x9d, 0x6f);
const INK: RGBColor = RGBColor(0x16, 0x20, 0x2b);
const SOFT: RGBColor = RGBColor(0x5b, 0x68, 0x76);
const LINE: RGBColor = RGBColor(0xdf, 0xe5, 0xea);
const FONT: &str = "sans-serif";

/// A picture as the bytes of a PNG file.
///
/// # Errors
///
/// [`Error::Picture`] if it cannot be encoded.
pub fn png(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(failed)?;
    Ok(bytes.into_inner())
}

/// Pictures as the bytes of an animated GIF that repeats for ever, at `fps` a second.
///
/// The format counts hundredths of a second and viewers slow down below two of them, so 50 a second is the most; a rate
/// that is no whole number of hundredths is met on average.
///
/// # Errors
///
/// [`Error::BadFps`]; [`Error::Picture`] if there is no picture, they differ in size, or cannot be encoded.
pub fn gif(pictures: impl IntoIterator<Item = RgbImage>, fps: f64) -> Result<Vec<u8>> {
    check_fps(fps)?;
    let mut bytes = Vec::new();
    let mut size = None;
    {
        let mut encoder = GifEncoder::new_with_speed(&mut bytes, 10);
        encoder.set_repeat(Repeat::Infinite).map_err(failed)?;
        let time_cs = |i: usize| (100.0 * i as f64 / fps.min(50.0)).round() as u32;
        for (i, picture) in pictures.into_iter().enumerate() {
            if *size.get_or_insert(picture.dimensions()) != picture.dimensions() {
                return Err(failed("the pictures of an animation must have one size"));
            }
            let delay = Delay::from_numer_denom_ms(10 * (time_cs(i + 1) - time_cs(i)), 1);
            let picture = DynamicImage::ImageRgb8(picture).into_rgba8();
            encoder.encode_frame(Frame::from_parts(picture, 0, 0, delay)).map_err(failed)?;
        }
    }
    if size.is_none() {
        return Err(failed("an animation needs at least one picture"));
    }
    Ok(bytes)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Picture { problem: error.to_string() }
}

fn load_font() {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| {
        // Fails only for bytes that are no font; drawing text then says so.
        let _ = register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    });
}

fn text(size: u32, colour: RGBColor) -> TextStyle<'static> {
    TextStyle { color: colour.to_backend_color(), ..TextStyle::from((FONT, size).into_font()) }
}

/// A white picture, drawn on by `paint`.
fn paint(
    (width, height): (u32, u32),
    paint: impl FnOnce(&DrawingArea<BitMapBackend<'_>, plotters::coord::Shift>) -> Result<()>,
) -> Result<RgbImage> {
    let mut picture = RgbImage::from_pixel(width, height, image::Rgb([255; 3]));
    paint_on(&mut picture, paint)?;
    Ok(picture)
}

fn paint_on(
    picture: &mut RgbImage,
    paint: impl FnOnce(&DrawingArea<BitMapBackend<'_>, plotters::coord::Shift>) -> Result<()>,
) -> Result<()> {
    load_font();
    let size = picture.dimensions();
    let area = BitMapBackend::with_buffer(picture.as_mut(), size).into_drawing_area();
    paint(&area)?;
    area.present().map_err(failed)
}
