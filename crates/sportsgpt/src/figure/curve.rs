//! One measure over time, with the reference's band and the keyframes.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{ATHLETE, ATHLETE_FAR, BAND, Figure, LINE, REFERENCE, SOFT, failed, text};
use crate::Result;
use crate::report::{Curve, KeyframeReport};

/// A measure of the athlete over time beside the reference, which is warped onto the athlete's time.
#[derive(Debug, Clone)]
pub struct CurveFigure<'a> {
    curve: &'a Curve,
    keyframes: &'a [KeyframeReport],
    titled: bool,
}

impl<'a> CurveFigure<'a> {
    /// A picture of `curve`, with a line at each of `keyframes`.
    #[must_use]
    pub fn new(curve: &'a Curve, keyframes: &'a [KeyframeReport]) -> Self {
        Self { curve, keyframes, titled: false }
    }

    /// Writes the measure's name into the picture, for use outside of the page.
    #[must_use]
    pub fn with_title(mut self) -> Self {
        self.titled = true;
        self
    }
}

impl Figure for CurveFigure<'_> {
    fn size(&self) -> (u32, u32) {
        (520, 270)
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()> {
        let curve = self.curve;
        let times = time_range(&curve.time_s);
        let values = value_range(curve);
        let mut chart = ChartBuilder::on(area)
            .margin_top(if self.titled { 24 } else { 4 })
            .margin_right(14)
            .x_label_area_size(30)
            .y_label_area_size(44)
            .build_cartesian_2d(times.clone(), values.clone())
            .map_err(failed)?;
        // Room for the names of the keyframes above the curves.
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(LINE.stroke_width(1))
            .axis_style(LINE)
            .label_style(text(13, SOFT))
            .y_labels(6)
            .x_labels(6)
            .x_label_formatter(&|t| format!("{t:.1} s"))
            .y_label_formatter(&|v| label(*v, curve))
            .draw()
            .map_err(failed)?;
        for band in bands(curve) {
            chart.draw_series([Polygon::new(band, BAND.filled())]).map_err(failed)?;
        }
        self.draw_keyframes(&mut chart, &values)?;
        for (line, style) in [
            (&curve.reference, REFERENCE.stroke_width(2)),
            (&curve.left, ATHLETE_FAR.stroke_width(1)),
            (&curve.right, ATHLETE_FAR.stroke_width(1)),
            (&curve.athlete, ATHLETE.stroke_width(3)),
        ] {
            for piece in pieces(&curve.time_s, line) {
                chart.draw_series(LineSeries::new(piece, style)).map_err(failed)?;
            }
        }
        if self.titled {
            let title = format!("{} ({})", curve.label, curve.unit);
            area.draw(&Text::new(title, (10, 4), text(16, super::INK))).map_err(failed)?;
        }
        Ok(())
    }
}

type Chart<'a, 'b, B> = ChartContext<
    'a,
    B,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

impl CurveFigure<'_> {
    fn draw_keyframes<B: DrawingBackend>(
        &self,
        chart: &mut Chart<'_, '_, B>,
        values: &Range<f64>,
    ) -> Result<()> {
        let step = 0.075 * (values.end - values.start);
        for (index, keyframe) in self.keyframes.iter().enumerate() {
            // Two heights in turn, so that close keyframes stay readable.
            let top = values.end - if index % 2 == 0 { 0.2 * step } else { 1.2 * step };
            let line = vec![(keyframe.time_s, values.start), (keyframe.time_s, top - 0.8 * step)];
            let style = SOFT.mix(0.6).stroke_width(1);
            chart.draw_series(DashedLineSeries::new(line, 4, 3, style)).map_err(failed)?;
            let style = text(12, SOFT).pos(Pos::new(HPos::Center, VPos::Top));
            chart
                .draw_series([Text::new(keyframe.label.clone(), (keyframe.time_s, top), style)])
                .map_err(failed)?;
        }
        Ok(())
    }
}

fn label(value: f64, curve: &Curve) -> String {
    if curve.unit == "deg" { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn time_range(times: &[f64]) -> Range<f64> {
    let first = times.first().copied().unwrap_or(0.0);
    let last = times.last().copied().unwrap_or(1.0);
    first..last.max(first + 1e-3)
}

/// From the lowest to the highest value, with room above for names.
fn value_range(curve: &Curve) -> Range<f64> {
    let lines = [&curve.athlete, &curve.left, &curve.right];
    let athlete = lines.into_iter().flatten().flatten().copied();
    let reference = curve.reference.iter().flatten();
    let band = reference.flat_map(|v| [v - curve.tolerance, v + curve.tolerance]);
    let (low, high) = athlete
        .chain(band)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return 0.0..1.0; // nothing was measured
    }
    let height = (high - low).max(if curve.unit == "deg" { 20.0 } else { 0.1 });
    (low - 0.05 * height)..(high + 0.22 * height)
}

/// Stretches of a line between missing values.
fn pieces(times: &[f64], line: &[Option<f64>]) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = vec![Vec::new()];
    for (&time, value) in times.iter().zip(line) {
        match (value, pieces.last_mut()) {
            (Some(value), Some(piece)) => piece.push((time, *value)),
            _ => pieces.push(Vec::new()),
        }
    }
    pieces.retain(|piece| piece.len() > 1);
    pieces
}

/// Outlines of the reference's band.
fn bands(curve: &Curve) -> Vec<Vec<(f64, f64)>> {
    pieces(&curve.time_s, &curve.reference)
        .into_iter()
        .map(|piece| {
            let upper = piece.iter().map(|&(t, v)| (t, v + curve.tolerance));
            let lower = piece.iter().rev().map(|&(t, v)| (t, v - curve.tolerance));
            upper.chain(lower).collect()
        })
        .collect()
}
