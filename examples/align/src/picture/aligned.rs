//! Where the movement was found, and both motions on the query's time, with the keyframes.

use std::ops::Range;

use anyhow::Result;
use motion_dtw::MotionMatch;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{
    BAND, INK, LINE, Picture, QUERY, REFERENCE, SOFT, anchored, failed, range, runs, text,
};
use crate::input::Recording;
use crate::output::tier_name;

/// Channels that are drawn: those that move most.
const MAX_PANELS: usize = 4;
const HEAD: u32 = 92;
const OVERVIEW: u32 = 160;
const PANEL: u32 = 165;
const FOOT: u32 = 46;
/// Seconds of the query shown before and after the matched frames.
const MARGIN_S: f64 = 0.3;

pub(crate) struct Aligned<'a> {
    query: &'a Recording,
    reference: &'a Recording,
    found: &'a MotionMatch,
    /// Channels that are drawn, most moving first.
    channels: Vec<usize>,
}

impl<'a> Aligned<'a> {
    pub(crate) fn new(
        query: &'a Recording,
        reference: &'a Recording,
        found: &'a MotionMatch,
    ) -> Self {
        let moved = |channel: usize| {
            let on_path = found.path.pairs().iter();
            let values = on_path.map(|&(_, frame)| reference.motion.channels()[[frame, channel]]);
            let range = range(values);
            range.end - range.start
        };
        let mut channels: Vec<usize> = (0..reference.channels.len()).collect();
        channels.sort_by(|&a, &b| moved(b).total_cmp(&moved(a)));
        channels.truncate(MAX_PANELS);
        Self { query, reference, found, channels }
    }

    /// Seconds of the query that are shown.
    fn seconds(&self) -> Range<f64> {
        let fps = self.query.motion.fps();
        let frames = self.found.path.pairs().iter().map(|pair| pair.0 as f64 / fps);
        let first = frames.clone().fold(f64::INFINITY, f64::min);
        let last = frames.fold(0.0, f64::max);
        (first - MARGIN_S).max(0.0)..(last + MARGIN_S).min(self.query.motion.duration_s())
    }

    /// `(second of the query, value)` of one channel of the query.
    fn own(&self, channel: usize) -> impl Iterator<Item = (f64, f64)> + Clone {
        let (motion, scale) = (&self.query.motion, self.query.channels[channel].scale);
        (0..motion.num_frames()).map(move |frame| {
            (frame as f64 / motion.fps(), motion.channels()[[frame, channel]] / scale)
        })
    }

    /// The reference's channel on the query's time: the mean of the frames matched with each of the query's.
    fn warped(&self, channel: usize) -> impl Iterator<Item = (f64, f64)> + Clone {
        let (path, scale) = (&self.found.path, self.reference.channels[channel].scale);
        let pairs = path.pairs();
        let first = pairs.first().map_or(0, |pair| pair.0);
        let end = pairs.last().map_or(0, |pair| pair.0 + 1);
        (first..end).map(move |frame| {
            let matched = path.reference_frames(frame);
            let values = matched.clone().map(|at| self.reference.motion.channels()[[at, channel]]);
            let mean = values.sum::<f64>() / matched.len() as f64;
            (frame as f64 / self.query.motion.fps(), mean / scale)
        })
    }
}

impl Picture for Aligned<'_> {
    fn size(&self) -> (u32, u32) {
        (900, HEAD + OVERVIEW + PANEL * self.channels.len() as u32 + FOOT)
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()> {
        let tier = tier_name(self.found.quality.tier);
        let title = format!("Aligned motions: {tier}, cost {:.3}", self.found.quality.cost);
        area.draw(&Text::new(title, (24, 18), text(24, INK))).map_err(failed)?;
        for (x, colour, label) in
            [(24, QUERY, "query"), (124, REFERENCE, "reference, on the query's time")]
        {
            let line = vec![(x, 62), (x + 26, 62)];
            area.draw(&PathElement::new(line, colour.stroke_width(3))).map_err(failed)?;
            let style = anchored(16, SOFT, HPos::Left, VPos::Center);
            area.draw(&Text::new(label, (x + 34, 62), style)).map_err(failed)?;
        }
        let (_, body) = area.split_vertically(HEAD as i32);
        let breaks = (0..self.channels.len() as u32).map(|k| (OVERVIEW + k * PANEL) as i32);
        let blocks = body.split_by_breakpoints(Vec::<i32>::new(), breaks.collect::<Vec<_>>());
        self.draw_overview(&blocks[0])?;
        for (k, &channel) in self.channels.iter().enumerate() {
            let last = k + 1 == self.channels.len();
            self.draw_panel(&blocks[k + 1], channel, k == 0, last)?;
        }
        Ok(())
    }
}

impl Aligned<'_> {
    fn title(&self, channel: usize) -> String {
        let channel = &self.reference.channels[channel];
        if channel.unit.is_empty() {
            return channel.name.clone();
        }
        format!("{} ({})", channel.name, channel.unit)
    }

    /// The whole recording, with the place of the movement.
    fn draw_overview<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()> {
        let channel = self.channels[0];
        let values = range(self.own(channel).map(|point| point.1));
        let duration_s = self.query.motion.duration_s();
        let decimals = if duration_s < 10.0 { 1 } else { 0 };
        let mut chart = ChartBuilder::on(area)
            .margin_right(24)
            .margin_top(24)
            .y_label_area_size(70)
            .x_label_area_size(34)
            .build_cartesian_2d(0.0..duration_s, values.clone())
            .map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE.mix(0.0))
            .bold_line_style(LINE)
            .axis_style(SOFT)
            .x_labels(10)
            .y_labels(4)
            .x_label_formatter(&|second| format!("{second:.decimals$}"))
            .y_label_formatter(&|value| format!("{value:.0}"))
            .label_style(text(15, SOFT))
            .draw()
            .map_err(failed)?;
        let fps = self.query.motion.fps();
        let (start, end) =
            (self.found.interval.start as f64 / fps, self.found.interval.end as f64 / fps);
        let corners = [(start, values.start), (end, values.end)];
        chart
            .draw_series([Rectangle::new(corners, REFERENCE.mix(0.25).filled())])
            .map_err(failed)?;
        let lines = runs(self.own(channel)).into_iter();
        chart
            .draw_series(lines.map(|run| PathElement::new(run, QUERY.stroke_width(1))))
            .map_err(failed)?;
        let note = format!("whole recording: {}", self.title(channel));
        area.draw(&Text::new(note, (72, 4), text(15, SOFT))).map_err(failed)
    }

    fn draw_panel<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        channel: usize,
        first: bool,
        last: bool,
    ) -> Result<()> {
        let shown = self.seconds();
        let visible = |point: &(f64, f64)| shown.contains(&point.0);
        let own = self.own(channel).filter(visible);
        let both = own.clone().chain(self.warped(channel)).map(|point| point.1);
        let values = range(both);
        let mut chart = ChartBuilder::on(area)
            .margin_right(24)
            .margin_top(if first { 44 } else { 24 })
            .y_label_area_size(70)
            .x_label_area_size(if last { 50 } else { 8 })
            .build_cartesian_2d(shown.clone(), values.clone())
            .map_err(failed)?;
        let fps = self.query.motion.fps();
        for keyframe in &self.found.keyframes {
            let half = keyframe.sigma_frames / fps; // one standard deviation either way
            let at_s = keyframe.time_s;
            let corners = [(at_s - half, values.start), (at_s + half, values.end)];
            chart.draw_series([Rectangle::new(corners, BAND.filled())]).map_err(failed)?;
        }
        let label = |second: &f64| if last { format!("{second:.1}") } else { String::new() };
        let mut mesh = chart.configure_mesh();
        mesh.light_line_style(WHITE.mix(0.0))
            .bold_line_style(LINE.mix(0.6))
            .axis_style(SOFT)
            .x_labels(10)
            .y_labels(4)
            .x_label_formatter(&label)
            .y_label_formatter(&|value| format!("{value:.0}"))
            .label_style(text(15, SOFT))
            .axis_desc_style(text(16, SOFT));
        if last {
            mesh.x_desc("second of the query");
        }
        mesh.draw().map_err(failed)?;
        for keyframe in &self.found.keyframes {
            let line = vec![(keyframe.time_s, values.start), (keyframe.time_s, values.end)];
            chart.draw_series([PathElement::new(line, INK.stroke_width(1))]).map_err(failed)?;
        }
        let lines = |points: Vec<Vec<(f64, f64)>>, colour: RGBColor| {
            points.into_iter().map(move |run| PathElement::new(run, colour.stroke_width(2)))
        };
        chart.draw_series(lines(runs(self.warped(channel)), REFERENCE)).map_err(failed)?;
        chart.draw_series(lines(runs(own), QUERY)).map_err(failed)?;
        if first {
            let (ox, oy) = area.get_base_pixel();
            for keyframe in &self.found.keyframes {
                let (x, y) = chart.backend_coord(&(keyframe.time_s, values.end));
                let style = anchored(16, INK, HPos::Center, VPos::Bottom);
                area.draw(&Text::new(keyframe.name.clone(), (x - ox, y - oy - 4), style))
                    .map_err(failed)?;
            }
        }
        area.draw(&Text::new(self.title(channel), (72, 4), text(15, SOFT))).map_err(failed)
    }
}
