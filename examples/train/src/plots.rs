//! Pictures of what came out, as SVG.

use std::path::Path;
use std::sync::Once;

use anyhow::{Result, anyhow};
use deepsport::training::{Row, Variant};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::stress::Cell;

const INK: RGBColor = RGBColor(40, 44, 52);
const SOFT: RGBColor = RGBColor(222, 225, 230);
/// Distinct in print and to colour-blind readers (Okabe and Ito).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(120, 120, 125),
    RGBColor(0, 158, 115),
    RGBColor(230, 159, 0),
    RGBColor(204, 121, 167),
];

/// What is drawn of a cell.
type Figure = fn(&Cell) -> f64;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// One bar of each variant's group.
struct Series {
    name: &'static str,
    value: fn(&Row) -> f64,
}

/// A panel with a group of bars for each variant; dots are single seeds.
struct Panel {
    title: &'static str,
    series: &'static [Series],
    highest: f64,
}

const PANELS: [Panel; 3] = [
    Panel {
        title: "Share of questions answered rightly",
        series: &[
            Series { name: "easy", value: |row| row.accuracy_easy },
            Series { name: "hard", value: |row| row.accuracy_hard },
            Series { name: "hard, without the tool", value: |row| row.accuracy_hard_without_tool },
        ],
        highest: 1.0,
    },
    Panel {
        title: "Calls of the tool for a question",
        series: &[
            Series { name: "easy", value: |row| row.calls_easy },
            Series { name: "hard", value: |row| row.calls_hard },
        ],
        highest: 1.5,
    },
    Panel {
        title: "Form",
        series: &[
            Series {
                name: "valid in the first steps",
                value: |row| row.valid_action_rate_first_steps,
            },
            Series { name: "invalid at the end", value: |row| row.invalid_format_rate },
        ],
        highest: 1.0,
    },
];

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the plot cannot be drawn: {error}")
}

/// Letters come with the program, for there may be none installed.
const FONT: &str = "plot";

fn load_font() {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| {
        // Fails only for bytes that are no font; drawing text then says so.
        let _ = register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    });
}

fn label(size: i32) -> TextStyle<'static> {
    (FONT, size).into_font().color(&INK)
}

/// Draws a picture and writes it, whole or not at all.
fn write(path: &Path, size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<()> {
    load_font();
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        draw(&root)?;
        root.present().map_err(failed)?;
    }
    // Fonts of that name are not installed where the picture is looked at.
    let svg = svg.replace(&format!("font-family=\"{FONT}\""), "font-family=\"sans-serif\"");
    Ok(deepsport::write_text(path, &svg)?)
}

/// `ablation.svg`.
pub(crate) fn ablation(dir: &Path, rows: &[Row]) -> Result<()> {
    write(&dir.join("ablation.svg"), (960, 900), |root| {
        let areas = root.split_evenly((PANELS.len(), 1));
        areas.iter().zip(&PANELS).try_for_each(|(area, panel)| draw_panel(area, panel, rows))
    })
}

fn draw_panel(area: &Area<'_>, panel: &Panel, rows: &[Row]) -> Result<()> {
    let variants: Vec<Variant> = Variant::ALL
        .into_iter()
        .filter(|variant| rows.iter().any(|row| row.variant == *variant))
        .collect();
    let highest = rows
        .iter()
        .flat_map(|row| panel.series.iter().map(|series| (series.value)(row)))
        .fold(panel.highest, f64::max);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(44)
        .caption(panel.title, label(17))
        .build_cartesian_2d(0.0..variants.len() as f64, 0.0..highest * 1.6)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(0)
        .y_labels(6)
        .light_line_style(WHITE)
        .bold_line_style(SOFT)
        .axis_style(INK)
        .label_style(label(13))
        .draw()
        .map_err(failed)?;

    let count = panel.series.len();
    let width = 0.8 / count as f64;
    for (series_idx, series) in panel.series.iter().enumerate() {
        let colour = COLOURS[series_idx];
        let mut bars = Vec::new();
        let mut dots = Vec::new();
        for (place, variant) in variants.iter().enumerate() {
            let values: Vec<f64> = rows
                .iter()
                .filter(|row| row.variant == *variant)
                .map(|row| (series.value)(row))
                .collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let left = place as f64 + 0.1 + series_idx as f64 * width;
            bars.push(Rectangle::new(
                [(left, 0.0), (left + width * 0.94, mean)],
                colour.mix(0.75).filled(),
            ));
            let centre = left + width * 0.47;
            dots.extend(values.into_iter().map(|value| Circle::new((centre, value), 3, INK)));
        }
        chart
            .draw_series(bars)
            .map_err(failed)?
            .label(series.name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
        chart.draw_series(dots).map_err(failed)?;
    }
    let names = variants.iter().enumerate().map(|(place, variant)| {
        let centred = label(13).pos(Pos::new(HPos::Center, VPos::Top));
        EmptyElement::at((place as f64 + 0.5, 0.0)) + Text::new(variant.name(), (0, 8), centred)
    });
    chart.draw_series(names).map_err(failed)?;
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font(label(13))
        .background_style(WHITE.mix(0.85))
        .draw()
        .map_err(failed)
}

/// `stress.svg`: what is found of events of a length, a line for each length of clip.
pub(crate) fn stress(dir: &Path, cells: &[Cell]) -> Result<()> {
    let panels: [(&str, Figure); 3] = [
        ("Share of the event in the windows", |cell| cell.window_recall),
        ("Last window and event, tIoU", |cell| cell.t_iou),
        ("Share answered rightly", |cell| cell.accuracy),
    ];
    write(&dir.join("stress.svg"), (1080, 360), |root| {
        let areas = root.split_evenly((1, panels.len()));
        let mut pairs = areas.iter().zip(panels).enumerate();
        // One legend: it would hide points in the others.
        pairs.try_for_each(|(idx, (area, (title, value)))| {
            draw_stress(area, title, value, cells, idx == 0)
        })
    })
}

fn draw_stress(
    area: &Area<'_>,
    title: &str,
    value: fn(&Cell) -> f64,
    cells: &[Cell],
    has_legend: bool,
) -> Result<()> {
    let mut lengths: Vec<usize> = cells.iter().map(|cell| cell.num_frames).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let durations = cells.iter().map(|cell| cell.event_frames as f64);
    let last = durations.fold(2.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(40)
        .caption(title, label(16))
        .build_cartesian_2d((1.5..last * 1.1).log_scale(), 0.0..1.05)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .x_desc("frames of the event")
        .light_line_style(WHITE)
        .bold_line_style(SOFT)
        .axis_style(INK)
        .label_style(label(13))
        .x_label_formatter(&|frames| format!("{frames:.0}"))
        .draw()
        .map_err(failed)?;
    for (idx, length) in lengths.into_iter().enumerate() {
        let colour = COLOURS[idx % COLOURS.len()];
        let of = cells.iter().filter(|cell| cell.num_frames == length);
        let points: Vec<(f64, f64)> =
            of.map(|cell| (cell.event_frames as f64, value(cell))).collect();
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)).point_size(4))
            .map_err(failed)?
            .label(format!("{length} frames"))
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
    }
    if !has_legend {
        return Ok(());
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .label_font(label(13))
        .background_style(WHITE.mix(0.85))
        .draw()
        .map_err(failed)
}
