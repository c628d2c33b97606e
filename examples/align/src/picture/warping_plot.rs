//! The warping path over the distances of all pairs of frames, with both motions along the axes.

use std::ops::Range;

use anyhow::Result;
use motion_dtw::{Motion, MotionMatch, Reference};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{INK, LINE, Picture, QUERY, REFERENCE, SOFT, anchored, failed, range, runs, text};
use crate::input::{Channel, Recording};

/// Cells per side: as fine as the eye needs, and small as a vector picture.
const MAX_CELLS: usize = 50;
/// Shades of the distance.
const NUM_SHADES: usize = 14;
/// Cividis, dark to light: even in brightness, and the same to colour-blind readers (Nuñez et al. 2018).
const CIVIDIS: [RGBColor; 6] = [
    RGBColor(0x00, 0x22, 0x4e),
    RGBColor(0x35, 0x45, 0x6c),
    RGBColor(0x66, 0x69, 0x70),
    RGBColor(0x94, 0x8e, 0x77),
    RGBColor(0xc8, 0xb8, 0x66),
    RGBColor(0xfe, 0xe8, 0x38),
];
/// Seconds of the query shown before and after the path.
const MARGIN_S: f64 = 0.4;

pub(crate) struct WarpingPlot<'a> {
    query: Side<'a>,
    reference: Side<'a>,
    found: &'a MotionMatch,
    channel: &'a Channel,
    channel_idx: usize,
    cells: Cells,
}

/// One motion and the part of it that is shown.
struct Side<'a> {
    motion: &'a Motion,
    frames: Range<usize>,
}

impl Side<'_> {
    fn seconds(&self) -> Range<f64> {
        let fps = self.motion.fps();
        self.frames.start as f64 / fps..(self.frames.end - 1) as f64 / fps
    }

    /// `(second, value)` of one channel, in its own unit.
    fn curve(&self, channel_idx: usize, scale: f64) -> impl Iterator<Item = (f64, f64)> + Clone {
        let fps = self.motion.fps();
        self.frames.clone().map(move |frame| {
            (frame as f64 / fps, self.motion.channels()[[frame, channel_idx]] / scale)
        })
    }
}

/// Distances on a grid, `rows` of the reference times `columns` of the query.
struct Cells {
    columns: usize,
    rows: usize,
    distances: Vec<f64>,
    /// Distance drawn lightest.
    far: f64,
}

impl<'a> WarpingPlot<'a> {
    pub(crate) fn new(
        query: &'a Recording,
        reference: &'a Recording,
        model: &Reference,
        found: &'a MotionMatch,
    ) -> Self {
        let margin = (MARGIN_S * query.motion.fps()) as usize;
        let on_path = found.path.pairs().iter().map(|pair| pair.0);
        let first = on_path.clone().min().unwrap_or(0).saturating_sub(margin);
        let last = (on_path.max().unwrap_or(0) + margin).min(query.motion.num_frames() - 1);
        let query = Side { motion: &query.motion, frames: first..last + 1 };
        let active = Side { motion: &reference.motion, frames: model.active_frames() };
        let spread = deviations(&active);
        let channel_idx =
            (0..spread.len()).max_by(|&a, &b| spread[a].total_cmp(&spread[b])).unwrap_or(0);
        let cells = Cells::new(&query, &active, &spread);
        let channel = &reference.channels[channel_idx];
        Self { query, reference: active, found, channel, channel_idx, cells }
    }
}

/// Standard deviation of each channel over the part that is shown.
fn deviations(side: &Side<'_>) -> Vec<f64> {
    (0..side.motion.num_channels())
        .map(|channel| {
            let values = || side.curve(channel, 1.0).map(|(_, x)| x).filter(|x| x.is_finite());
            let count = values().count().max(1) as f64;
            let mean = values().sum::<f64>() / count;
            (values().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt()
        })
        .collect()
}

impl Cells {
    /// Root mean square over the channels, each in standard deviations of the reference.
    fn new(query: &Side<'_>, reference: &Side<'_>, spread: &[f64]) -> Self {
        let (columns, rows) =
            (query.frames.len().min(MAX_CELLS), reference.frames.len().min(MAX_CELLS));
        let frame = |side: &Side<'_>, cell: usize, cells: usize| {
            let along = (cell as f64 + 0.5) / cells as f64 * side.frames.len() as f64;
            side.frames.start + (along as usize).min(side.frames.len() - 1)
        };
        let mut distances = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            let r = reference.motion.channels();
            let r = r.row(frame(reference, row, rows));
            for column in 0..columns {
                let q = query.motion.channels();
                let q = q.row(frame(query, column, columns));
                let squares: Vec<f64> = q
                    .iter()
                    .zip(r)
                    .zip(spread)
                    .filter(|(_, spread)| **spread > 0.0)
                    .map(|((q, r), spread)| ((q - r) / spread).powi(2))
                    .filter(|square| square.is_finite())
                    .collect();
                distances.push((squares.iter().sum::<f64>() / squares.len().max(1) as f64).sqrt());
            }
        }
        // The lightest shade for the farthest twentieth, so that one outlier does not darken the rest.
        let mut sorted = distances.clone();
        sorted.sort_by(f64::total_cmp);
        let far = sorted[(sorted.len() - 1) * 19 / 20].max(1e-9);
        Self { columns, rows, distances, far }
    }

    fn shade(&self, row: usize, column: usize) -> usize {
        let share = self.distances[row * self.columns + column] / self.far;
        ((share * NUM_SHADES as f64) as usize).min(NUM_SHADES - 1)
    }
}

fn colour(shade: usize) -> RGBColor {
    let at = shade as f64 / (NUM_SHADES - 1) as f64 * (CIVIDIS.len() - 1) as f64;
    let below = (at as usize).min(CIVIDIS.len() - 2);
    let share = at - below as f64;
    let (a, b) = (CIVIDIS[below], CIVIDIS[below + 1]);
    let mix = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

impl Picture for WarpingPlot<'_> {
    fn size(&self) -> (u32, u32) {
        (900, 760)
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()> {
        let (width, height) = self.size();
        area.draw(&Text::new("Warping path", (24, 18), text(24, INK))).map_err(failed)?;
        let note = "dark: similar poses; line: frames matched; points: keyframes";
        area.draw(&Text::new(note, (24, 48), text(15, SOFT))).map_err(failed)?;
        let (left, right, top, bottom) = (190, 100, 84, 180);
        let blocks =
            area.split_by_breakpoints([left, width as i32 - right], [top, height as i32 - bottom]);
        self.draw_reference(&blocks[3])?;
        self.draw_cells(&blocks[4])?;
        self.draw_scale(&blocks[5])?;
        self.draw_name(&blocks[6])?;
        self.draw_query(&blocks[7])
    }
}

impl WarpingPlot<'_> {
    fn axis_title(&self) -> String {
        match self.channel.unit {
            "" => self.channel.name.clone(),
            unit => format!("{} ({unit})", self.channel.name),
        }
    }

    fn draw_cells<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()> {
        let (x, y) = (self.query.seconds(), self.reference.seconds());
        let mut chart =
            ChartBuilder::on(area).build_cartesian_2d(x.clone(), y.clone()).map_err(failed)?;
        let Cells { columns, rows, .. } = self.cells;
        let at_x = |column: usize| x.start + (x.end - x.start) * column as f64 / columns as f64;
        let at_y = |row: usize| y.start + (y.end - y.start) * row as f64 / rows as f64;
        for row in 0..rows {
            let mut start = 0;
            while start < columns {
                let shade = self.cells.shade(row, start);
                let same = (start..columns).take_while(|&c| self.cells.shade(row, c) == shade);
                let end = start + same.count();
                let corners = [(at_x(start), at_y(row)), (at_x(end), at_y(row + 1))];
                chart
                    .draw_series([Rectangle::new(corners, colour(shade).filled())])
                    .map_err(failed)?;
                start = end;
            }
        }
        let (query_fps, reference_fps) = (self.query.motion.fps(), self.reference.motion.fps());
        let path: Vec<(f64, f64)> = self
            .found
            .path
            .pairs()
            .iter()
            .map(|&(q, r)| (q as f64 / query_fps, r as f64 / reference_fps))
            .collect();
        chart.draw_series([PathElement::new(path, WHITE.stroke_width(3))]).map_err(failed)?;
        for keyframe in &self.found.keyframes {
            let at = (keyframe.time_s, keyframe.reference_time_s);
            let guides = [vec![(at.0, y.start), at], vec![(x.start, at.1), at]];
            let thin = WHITE.mix(0.55).stroke_width(1);
            chart
                .draw_series(guides.into_iter().map(|points| PathElement::new(points, thin)))
                .map_err(failed)?;
            chart
                .draw_series([
                    Circle::new(at, 7, WHITE.filled()),
                    Circle::new(at, 5, REFERENCE.filled()),
                ])
                .map_err(failed)?;
            // To the upper left of the rising path, where nothing else is drawn.
            let (px, py) = chart.backend_coord(&at);
            let (ox, oy) = area.get_base_pixel();
            let label_width = 9 * keyframe.name.len() as i32 + 10;
            let corner = (px - ox - label_width - 12, py - oy - 30);
            let label = [corner, (corner.0 + label_width, corner.1 + 22)];
            area.draw(&Rectangle::new(label, INK.mix(0.75).filled())).map_err(failed)?;
            let style = anchored(16, WHITE, HPos::Center, VPos::Center);
            let middle = (corner.0 + label_width / 2, corner.1 + 11);
            area.draw(&Text::new(keyframe.name.clone(), middle, style)).map_err(failed)?;
        }
        Ok(())
    }

    fn draw_query<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()> {
        let curve = self.query.curve(self.channel_idx, self.channel.scale);
        let values = range(curve.clone().map(|point| point.1));
        let mut chart = ChartBuilder::on(area)
            .margin_top(10)
            .x_label_area_size(64)
            .build_cartesian_2d(self.query.seconds(), values.clone())
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .light_line_style(WHITE.mix(0.0))
            .bold_line_style(LINE)
            .axis_style(SOFT)
            .x_labels(8)
            .x_label_formatter(&|second| format!("{second:.1}"))
            .x_desc("query, seconds")
            .label_style(text(15, SOFT))
            .axis_desc_style(text(17, QUERY))
            .draw()
            .map_err(failed)?;
        let lines = runs(curve).into_iter().map(|run| PathElement::new(run, QUERY.stroke_width(2)));
        chart.draw_series(lines).map_err(failed)?;
        for keyframe in &self.found.keyframes {
            let guide = vec![(keyframe.time_s, values.start), (keyframe.time_s, values.end)];
            chart.draw_series([PathElement::new(guide, SOFT.mix(0.5))]).map_err(failed)?;
        }
        Ok(())
    }

    fn draw_reference<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()> {
        let curve = self.reference.curve(self.channel_idx, self.channel.scale);
        let values = range(curve.clone().map(|point| point.1));
        let mut chart = ChartBuilder::on(area)
            .margin_left(8)
            .margin_right(10)
            .y_label_area_size(70)
            .build_cartesian_2d(values.clone(), self.reference.seconds())
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .disable_x_axis()
            .light_line_style(WHITE.mix(0.0))
            .bold_line_style(LINE)
            .axis_style(SOFT)
            .y_labels(8)
            .y_label_formatter(&|second| format!("{second:.1}"))
            .y_desc("reference, seconds")
            .label_style(text(15, SOFT))
            .axis_desc_style(text(17, REFERENCE))
            .draw()
            .map_err(failed)?;
        let lines = runs(curve).into_iter().map(|run| {
            let turned: Vec<(f64, f64)> = run.into_iter().map(|(x, y)| (y, x)).collect();
            PathElement::new(turned, REFERENCE.stroke_width(2))
        });
        chart.draw_series(lines).map_err(failed)?;
        for keyframe in &self.found.keyframes {
            let at_s = keyframe.reference_time_s;
            let guide = vec![(values.start, at_s), (values.end, at_s)];
            chart.draw_series([PathElement::new(guide, SOFT.mix(0.5))]).map_err(failed)?;
        }
        Ok(())
    }

    /// In the corner between both curves: what they show.
    fn draw_name<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()> {
        let style = anchored(15, SOFT, HPos::Left, VPos::Center);
        area.draw(&Text::new("both curves:", (24, 42), style.clone())).map_err(failed)?;
        area.draw(&Text::new(self.axis_title(), (24, 62), style)).map_err(failed)
    }

    fn draw_scale<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()> {
        let (_, height) = area.dim_in_pixel();
        let (left, right, top, bottom) = (18, 36, 26, height as i32);
        for shade in 0..NUM_SHADES {
            let at = |shade: usize| bottom - (bottom - top) * shade as i32 / NUM_SHADES as i32;
            let corners = [(left, at(shade + 1)), (right, at(shade))];
            area.draw(&Rectangle::new(corners, colour(shade).filled())).map_err(failed)?;
        }
        let style = || anchored(15, SOFT, HPos::Left, VPos::Center);
        for (share, y) in [
            (0.0, bottom - 8),
            (0.5, f64::midpoint(f64::from(top), f64::from(bottom)) as i32),
            (1.0, top + 8),
        ] {
            let label = format!("{:.1}", share * self.cells.far);
            area.draw(&Text::new(label, (right + 6, y), style())).map_err(failed)?;
        }
        area.draw(&Text::new("distance (SD)", (4, 8), style())).map_err(failed)?;
        Ok(())
    }
}
