//! Pictures of a report, drawn once for both vector and pixel output.
//!
//! Every picture is a value with a `draw` that works on any `plotters` area; [`Figure::svg`] and
//! [`Figure::png`] are the two ways out. Text is measured with the fonts that `epaint_default_fonts`
//! carries, so that nothing needs to be installed; in an SVG the reader's own sans-serif shows it.

mod skeleton;
mod curve;

use std::sync::Once;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

pub use curve::CurveFigure;
pub use skeleton::{Highlight, SkeletonFigure};

use crate::{Error, Result};

const ATHLETE: RGBColor = RGBColor(0x15, 0x59, 0xc0);
const ATHLETE_FAR: RGBColor = RGBColor(0x8f, 0xb5, 0xec);
const REFERENCE: RGBColor = RGBColor(0x6b, 0x78, 0x85);
const REFERENCE_FAR: RGBColor = RGBColor(0xbd, 0xc6, 0xce);
const BAND: RGBColor = RGBColor(0xe3, 0xe8, 0xed);
const INK: RGBColor = RGBColor(0x16, 0x20, 0x2b);
const SOFT: RGBColor = RGBColor(0x5b, 0x68, 0x76);
const LINE: RGBColor = RGBColor(0xdf, 0xe5, 0xea);
const ALERT: RGBColor = RGBColor(0xb3, 0x26, 0x1e);
const FONT: &str = "sans-serif";

/// A picture of a report.
pub trait Figure {
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32);

    /// Draws on `area`, which has this figure's size.
    ///
    /// # Errors
    ///
    /// [`Error::Figure`] if the backend refuses.
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>;

    /// The picture as an `<svg>` element.
    ///
    /// # Errors
    ///
    /// [`Error::Figure`] if drawing fails.
    fn svg(&self) -> Result<String> {
        load_font();
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, self.size()).into_drawing_area();
        self.draw(&area)?;
        area.present().map_err(failed)?;
        drop(area);
        Ok(svg)
    }

    /// The picture as a PNG file's bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Figure`] if drawing or encoding fails.
    fn png(&self) -> Result<Vec<u8>> {
        load_font();
        let (width, height) = self.size();
        let mut pixels = vec![255; width as usize * height as usize * 3];
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        self.draw(&area)?;
        area.present().map_err(failed)?;
        drop(area);
        encode(width, height, &pixels)
    }
}

/// Several pictures of one size on a sheet, row by row.
///
/// # Errors
///
/// [`Error::Figure`] if drawing or encoding fails.
pub fn sheet_png<F: Figure>(figures: &[F], num_columns: usize) -> Result<Vec<u8>> {
    load_font();
    let num_columns = num_columns.clamp(1, figures.len().max(1));
    let num_rows = figures.len().div_ceil(num_columns).max(1);
    let (cell_width, cell_height) = figures.first().map_or((1, 1), Figure::size);
    let (width, height) = (cell_width * num_columns as u32, cell_height * num_rows as u32);
    let mut pixels = vec![255; width as usize * height as usize * 3];
    let sheet = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
    sheet.fill(&WHITE).map_err(failed)?;
    for (figure, cell) in figures.iter().zip(sheet.split_evenly((num_rows, num_columns))) {
        figure.draw(&cell)?;
    }
    sheet.present().map_err(failed)?;
    drop(sheet);
    encode(width, height, &pixels)
}

fn encode(width: u32, height: u32, pixels: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

fn load_font() {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| {
        // Fails only for bytes that are no font; drawing text then says so.
        let _ = register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    });
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Figure(error.to_string())
}

fn text(size: u32, colour: RGBColor) -> TextStyle<'static> {
    TextStyle { color: colour.to_backend_color(), ..TextStyle::from((FONT, size).into_font()) }
}
