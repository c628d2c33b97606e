//! Pictures, drawn once for both vector and pixel output.

mod aligned;
mod warping_plot;

use std::sync::Once;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(crate) use aligned::Aligned;
pub(crate) use warping_plot::WarpingPlot;

// Okabe & Ito's colours, which colour-blind readers tell apart, and neutral greys.
const QUERY: RGBColor = RGBColor(0x00, 0x72, 0xb2);
const REFERENCE: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
const INK: RGBColor = RGBColor(0x16, 0x20, 0x2b);
const SOFT: RGBColor = RGBColor(0x5b, 0x68, 0x76);
const LINE: RGBColor = RGBColor(0xdf, 0xe5, 0xea);
const BAND: RGBColor = RGBColor(0xc9, 0xd5, 0xdf);
const FONT: &str = "sans-serif";

/// One picture in both forms.
pub(crate) struct Rendered {
    pub(crate) svg: String,
    pub(crate) png: Vec<u8>,
}

/// Something that can be drawn.
pub(crate) trait Picture {
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32);

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>;

    fn render(&self) -> Result<Rendered> {
        load_font();
        let (width, height) = self.size();
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        self.draw(&area)?;
        area.present().map_err(failed)?;
        drop(area);
        let mut pixels = vec![255; width as usize * height as usize * 3];
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        self.draw(&area)?;
        area.present().map_err(failed)?;
        drop(area);
        Ok(Rendered { svg, png: encode(width, height, &pixels)? })
    }
}

fn encode(width: u32, height: u32, pixels: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

fn load_font() {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| {
        // Fails only for bytes that are no font; drawing text then says so.
        let _ = register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    });
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("drawing failed: {error}")
}

fn text(size: u32, colour: RGBColor) -> TextStyle<'static> {
    TextStyle { color: colour.to_backend_color(), ..TextStyle::from((FONT, size).into_font()) }
}

/// Text whose given corner or edge lies at the position that it is drawn at.
fn anchored(size: u32, colour: RGBColor, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    text(size, colour).pos(Pos::new(horizontal, vertical))
}

/// Least and greatest of the finite values, widened by a twentieth; 0 to 1 if there are none.
fn range(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low > high {
        return 0.0..1.0;
    }
    let room = ((high - low) * 0.05).max(1e-9);
    low - room..high + room
}

/// Runs of finite points, so that gaps stay gaps.
fn runs(points: impl Iterator<Item = (f64, f64)>) -> Vec<Vec<(f64, f64)>> {
    let mut runs = vec![Vec::new()];
    for (x, y) in points {
        match (y.is_finite(), runs.last_mut()) {
            (true, Some(run)) => run.push((x, y)),
            (false, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs
}
