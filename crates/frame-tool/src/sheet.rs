//! Pictures of what was shown: a contact sheet of frames, and a timeline of windows.

use std::io::Cursor;
use std::ops::Range;

use image::{ImageFormat, Rgb, RgbImage};

use crate::Fit;
use crate::episode::Policy;
use crate::source::picture::Rgb as Pixels;
use crate::{Error, Frame, Result, Trace};

const PAPER: Rgb<u8> = Rgb([250, 250, 248]);
const INK: Rgb<u8> = Rgb([40, 44, 52]);
const LINE: Rgb<u8> = Rgb([205, 208, 212]);
const EVENT: Rgb<u8> = Rgb([255, 224, 170]);
const WINDOW: Rgb<u8> = Rgb([88, 140, 200]);

/// Edge of a digit's dots.
const DOT: u32 = 2;
/// Room for a line of digits.
const LABEL_HEIGHT: u32 = 5 * DOT + 6;
const GAP: u32 = 6;

/// Frames side by side, `columns` in a row, each with its index and its seconds below, as PNG.
///
/// # Errors
///
/// [`Error::InvalidSetting`] if there are no frames or no columns.
pub fn contact_sheet(frames: &[Frame], columns: usize) -> Result<Vec<u8>> {
    if frames.is_empty() || columns == 0 {
        let value = format!("{} frames in {columns} columns", frames.len());
        return Err(Error::InvalidSetting {
            name: "sheet",
            value,
            expected: "a sheet shows at least one frame",
        });
    }
    let thumb = Fit::new(240, 240)?;
    let thumbs: Vec<Pixels> = frames
        .iter()
        .map(|f| {
            let pixels = Pixels { width: f.width(), height: f.height(), pixels: f.rgb().to_vec() };
            thumb
                .apply(pixels)
                .map_err(|reason| Error::InvalidFrame { frame_idx: f.index(), reason })
        })
        .collect::<Result<_>>()?;
    let cell_width = thumbs.iter().map(|t| t.width).max().unwrap_or(1).max(96) + GAP;
    let cell_height = thumbs.iter().map(|t| t.height).max().unwrap_or(1) + LABEL_HEIGHT + GAP;
    let columns = columns.min(frames.len());
    let rows = frames.len().div_ceil(columns);
    let size = (columns as u32).checked_mul(cell_width).zip((rows as u32).checked_mul(cell_height));
    let (width, height) =
        size.filter(|&(w, h)| u64::from(w) * u64::from(h) < 1 << 28).ok_or_else(|| {
            let value = format!("{} frames", frames.len());
            Error::InvalidSetting {
                name: "sheet",
                value,
                expected: "a sheet holds some thousand frames at most",
            }
        })?;
    let mut sheet = RgbImage::from_pixel(width + GAP, height + GAP, PAPER);
    for (i, (frame, thumb)) in frames.iter().zip(&thumbs).enumerate() {
        let (x, y) =
            ((i % columns) as u32 * cell_width + GAP, (i / columns) as u32 * cell_height + GAP);
        let row_len = thumb.width as usize * 3;
        for (dy, row) in thumb.pixels.chunks_exact(row_len).enumerate() {
            for (dx, pixel) in row.as_chunks::<3>().0.iter().enumerate() {
                sheet.put_pixel(x + dx as u32, y + dy as u32, Rgb(*pixel));
            }
        }
        let label = format!("{} {:.2}s", frame.index(), frame.timestamp_s());
        write(&mut sheet, x, y + thumb.height + 4, &label);
    }
    Ok(png(&sheet))
}

/// One row for each step of a trace: its window as a bar, its frames as ticks; `event` as a band behind. PNG.
///
/// Refused calls leave their row empty.
#[must_use]
pub fn timeline_png(trace: &Trace, event: Option<Range<usize>>) -> Vec<u8> {
    const WIDTH: u32 = 900;
    const MARGIN: u32 = 40;
    const ROW: u32 = 26;
    let rows = trace.steps.len() as u32;
    let mut picture =
        RgbImage::from_pixel(WIDTH + 2 * MARGIN, (rows + 1) * ROW + LABEL_HEIGHT + GAP, PAPER);
    let x_of = |frame: usize| {
        MARGIN + (frame as f64 / trace.num_frames.max(1) as f64 * f64::from(WIDTH)) as u32
    };
    if let Some(event) = event {
        let (start, end) = (event.start.min(trace.num_frames), event.end.min(trace.num_frames));
        fill(&mut picture, x_of(start)..x_of(end).max(x_of(start) + 2), 0..(rows + 1) * ROW, EVENT);
    }
    for (i, step) in trace.steps.iter().enumerate() {
        let y = i as u32 * ROW + ROW / 2;
        write(&mut picture, GAP, y + 3, &i.to_string());
        fill(&mut picture, MARGIN..MARGIN + WIDTH, y + 8..y + 9, LINE);
        if let Some([start, end]) = step.window {
            fill(
                &mut picture,
                x_of(start)..x_of(end + 1).max(x_of(start) + 2),
                y + 5..y + 12,
                WINDOW,
            );
        }
        for seen in &step.frames {
            fill(&mut picture, x_of(seen.index)..x_of(seen.index) + 2, y..y + 17, INK);
        }
    }
    let y = (rows + 1) * ROW;
    write(&mut picture, MARGIN, y, "0");
    write(&mut picture, MARGIN + WIDTH - 40, y, &trace.num_frames.saturating_sub(1).to_string());
    png(&picture)
}

impl Policy {
    /// Columns of a contact sheet that shows a call in one row.
    #[must_use]
    pub fn sheet_columns(&self) -> usize {
        self.frames_per_call.clamp(1, 8)
    }
}

fn fill(picture: &mut RgbImage, x: Range<u32>, y: Range<u32>, colour: Rgb<u8>) {
    for py in y.start..y.end.min(picture.height()) {
        for px in x.start..x.end.min(picture.width()) {
            picture.put_pixel(px, py, colour);
        }
    }
}

/// Digits of 3 x 5 dots, a row in three bits: all that labels need, so that no font has to be carried along.
const DIGITS: [(char, [u8; 5]); 13] = [
    ('0', [7, 5, 5, 5, 7]),
    ('1', [2, 6, 2, 2, 7]),
    ('2', [7, 1, 7, 4, 7]),
    ('3', [7, 1, 7, 1, 7]),
    ('4', [5, 5, 7, 1, 1]),
    ('5', [7, 4, 7, 1, 7]),
    ('6', [7, 4, 7, 5, 7]),
    ('7', [7, 1, 1, 2, 2]),
    ('8', [7, 5, 7, 5, 7]),
    ('9', [7, 5, 7, 1, 7]),
    ('.', [0, 0, 0, 0, 2]),
    ('-', [0, 0, 7, 0, 0]),
    ('s', [3, 4, 2, 1, 6]),
];

fn write(picture: &mut RgbImage, mut x: u32, y: u32, text: &str) {
    for c in text.chars() {
        if let Some((_, rows)) = DIGITS.iter().find(|(digit, _)| *digit == c) {
            for (row, bits) in (0..).zip(rows) {
                for column in (0..3).filter(|column| bits >> (2 - column) & 1 == 1) {
                    let (px, py) = (x + column * DOT, y + row * DOT);
                    fill(picture, px..px + DOT, py..py + DOT, INK);
                }
            }
        }
        x += 4 * DOT;
    }
}

fn png(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    // Writing to memory fails only for pictures beyond what PNG can hold, which these are not.
    let _ = picture.write_to(&mut bytes, ImageFormat::Png);
    bytes.into_inner()
}
