use std::ops::Range;

use image::RgbImage;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{INK, LEFT, LINE, MIDDLE, RIGHT, SOFT, failed, paint, text};
use crate::{Error, Result, Signal};

const SIZE: (u32, u32) = (640, 320);
const COLOURS: [RGBColor; 5] =
    [LEFT, RIGHT, MIDDLE, RGBColor(0x8a, 0x4f, 0xc7), RGBColor(0x9a, 0x7b, 0x1c)];

/// Signals of one unit over time: a line each, within a band of one standard deviation; moments (name, frame) as
/// upright lines. Gaps stay gaps.
///
/// # Errors
///
/// [`Error::Shape`] without a signal, with more than five, or with differing units or lengths; [`Error::BadFps`];
/// [`Error::Picture`] if drawing fails.
pub fn plot(
    signals: &[(String, &Signal)],
    fps: f64,
    moments: &[(String, f64)],
) -> Result<RgbImage> {
    crate::series::check_fps(fps)?;
    let shape = |what, expected: &str, found: usize| {
        Err(Error::Shape { what, expected: expected.to_owned(), found: found.to_string() })
    };
    let Some((_, first)) = signals.first().filter(|_| signals.len() <= COLOURS.len()) else {
        return shape("signals of a plot", "1 to 5", signals.len());
    };
    let num_frames = first.values.len();
    if let Some((_, other)) =
        signals.iter().find(|(_, s)| s.values.len() != num_frames || s.sigma.len() != num_frames)
    {
        return shape("frames of a signal", &num_frames.to_string(), other.values.len());
    }
    if let Some((_, other)) = signals.iter().find(|(_, s)| s.unit != first.unit) {
        let (expected, found) = (first.unit.name().to_owned(), other.unit.name().to_owned());
        return Err(Error::Shape { what: "unit of a plot", expected, found });
    }
    let times = 0.0..(num_frames.max(2) - 1) as f64 / fps;
    let values = value_range(signals);
    paint(SIZE, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin_top(30)
            .margin_right(14)
            .x_label_area_size(30)
            .y_label_area_size(48)
            .build_cartesian_2d(times.clone(), values.clone())
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(LINE.stroke_width(1))
            .axis_style(LINE)
            .label_style(text(13, SOFT))
            .x_labels(8)
            .y_labels(6)
            .x_label_formatter(&|t| format!("{t:.1} s"))
            .draw()
            .map_err(failed)?;
        for (name, frame) in moments {
            let time_s = frame / fps;
            let line = vec![(time_s, values.start), (time_s, values.end)];
            chart
                .draw_series(DashedLineSeries::new(line, 4, 3, SOFT.mix(0.6).stroke_width(1)))
                .map_err(failed)?;
            let style = text(12, SOFT).pos(Pos::new(HPos::Left, VPos::Top));
            chart
                .draw_series([Text::new(format!(" {name}"), (time_s, values.end), style)])
                .map_err(failed)?;
        }
        for ((_, signal), colour) in signals.iter().zip(COLOURS) {
            for piece in pieces(signal, fps) {
                let upper = piece.iter().map(|(t, v, sd)| (*t, v + sd));
                let lower = piece.iter().rev().map(|(t, v, sd)| (*t, v - sd));
                let band: Vec<_> = upper.chain(lower).collect();
                chart.draw_series([Polygon::new(band, colour.mix(0.15))]).map_err(failed)?;
                let line = piece.iter().map(|(t, v, _)| (*t, *v));
                chart.draw_series(LineSeries::new(line, colour.stroke_width(2))).map_err(failed)?;
            }
        }
        let mut x = 10;
        for ((name, _), colour) in signals.iter().zip(COLOURS) {
            let style = text(15, colour);
            area.draw(&Text::new(name.clone(), (x, 6), style.clone())).map_err(failed)?;
            x += area.estimate_text_size(name, &style).map_err(failed)?.0 as i32 + 16;
        }
        area.draw(&Text::new(first.unit.name(), (x, 7), text(13, INK))).map_err(failed)
    })
}

/// From the lowest to the highest value with a little room; 0 to 1 if nothing was measured.
fn value_range(signals: &[(String, &Signal)]) -> Range<f64> {
    let values = signals.iter().flat_map(|(_, s)| s.values.iter().zip(&s.sigma));
    let (low, high) = values
        .filter(|(v, sd)| v.is_finite() && sd.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (v, sd)| (l.min(v - sd), h.max(v + sd)));
    if low > high {
        return 0.0..1.0;
    }
    let room = 0.06 * (high - low).max(1e-3);
    low - room..high + room
}

/// Stretches of time, value and standard deviation between missing values.
fn pieces(signal: &Signal, fps: f64) -> Vec<Vec<(f64, f64, f64)>> {
    let mut pieces = vec![Vec::new()];
    for (frame, (value, sd)) in signal.values.iter().zip(&signal.sigma).enumerate() {
        match pieces.last_mut() {
            Some(piece) if value.is_finite() && sd.is_finite() => {
                piece.push((frame as f64 / fps, *value, *sd));
            }
            _ => pieces.push(Vec::new()),
        }
    }
    pieces.retain(|piece| piece.len() > 1);
    pieces
}
