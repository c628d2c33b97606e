use image::RgbImage;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::bones::{bones, colour};
use super::{INK, LINE, SOFT, failed, paint, text};
use crate::{Error, Joint, Result, SkeletonSeries, Unit};

/// Two joints and where they are.
type Stroke = (Joint, Joint, [f64; 2], [f64; 2]);

const CELL: (u32, u32) = (200, 260);
const GROUND: i32 = 222;
const ROOM: f64 = 178.0;

/// Stick figures at the given moments (name, frame), side by side, at one scale: the athlete faces right in space, and
/// as filmed in a picture. Where a joint is missing its bones are.
///
/// In space they are seen from the athlete's right side, along the level axis across the facing direction.
///
/// # Errors
///
/// [`Error::Shape`] without a moment or with more than 50; [`Error::FrameRange`] for a moment outside of the series;
/// [`Error::Picture`] if drawing fails.
pub fn stick_figures(series: &SkeletonSeries, moments: &[(String, f64)]) -> Result<RgbImage> {
    if !(1..=50).contains(&moments.len()) {
        let (expected, found) = ("1 to 50".to_owned(), moments.len().to_string());
        return Err(Error::Shape { what: "moments", expected, found });
    }
    let last = series.num_frames() - 1;
    for (_, frame) in moments {
        if !(0.0..=last as f64).contains(frame) {
            let start = frame.max(0.0) as usize;
            let (end, num_frames) = (start.saturating_add(1), series.num_frames());
            return Err(Error::FrameRange { start, end, num_frames });
        }
    }
    let facing = series.facing();
    let figures: Vec<Vec<Stroke>> = moments
        .iter()
        .map(|(_, frame)| {
            let frame = frame.round() as usize;
            let ahead = match facing[frame] {
                Some(ahead) if series.num_dims() == 3 => ahead,
                _ => [1.0, 0.0, 0.0],
            };
            let flat = |p: [f64; 3]| [p[0] * ahead[0] + p[2] * ahead[2], p[1]];
            let line = |(from, to): (Joint, Joint)| {
                let (a, b) = (series.position(frame, from)?, series.position(frame, to)?);
                Some((from, to, flat(a), flat(b)))
            };
            bones(series).into_iter().filter_map(line).collect()
        })
        .collect();
    // One ground and one scale for all figures; each in the middle of its cell.
    let ends = |dim: usize, figure: &[Stroke]| {
        let values = figure.iter().flat_map(|(_, _, a, b)| [a[dim], b[dim]]);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)))
    };
    let all: Vec<_> = figures.iter().flatten().copied().collect();
    let (ground, top) = ends(1, &all);
    let widest = figures.iter().map(|f| ends(0, f)).map(|(l, h)| h - l).fold(0.0, f64::max);
    let scale = (ROOM / (top - ground).max(1e-9)).min(f64::from(CELL.0 - 24) / widest.max(1e-9));
    let size = (CELL.0 * moments.len() as u32, CELL.1);
    paint(size, |area| {
        let line = vec![(0, GROUND), (size.0 as i32, GROUND)];
        area.draw(&PathElement::new(line, LINE.stroke_width(2))).map_err(failed)?;
        for (i, (figure, (name, frame))) in figures.iter().zip(moments).enumerate() {
            let centre = (CELL.0 as i32) * i as i32 + CELL.0 as i32 / 2;
            let (low, high) = ends(0, figure);
            let to_pixels = |p: [f64; 2]| {
                let x = (p[0] - 0.5 * (low + high)) * scale;
                (centre + x.round() as i32, GROUND - ((p[1] - ground) * scale).round() as i32)
            };
            for (from, to, a, b) in figure {
                let style = colour(*from, *to).stroke_width(4);
                area.draw(&PathElement::new(vec![to_pixels(*a), to_pixels(*b)], style))
                    .map_err(failed)?;
            }
            let style = text(17, INK).pos(Pos::new(HPos::Center, VPos::Top));
            area.draw(&Text::new(name.clone(), (centre, 8), style)).map_err(failed)?;
            let time = format!("{:.2} s", frame / series.fps());
            let style = text(14, SOFT).pos(Pos::new(HPos::Center, VPos::Top));
            area.draw(&Text::new(time, (centre, GROUND + 8), style)).map_err(failed)?;
        }
        if series.unit() == Unit::Pixel {
            let note = text(12, SOFT).pos(Pos::new(HPos::Right, VPos::Bottom));
            let place = (size.0 as i32 - 6, CELL.1 as i32 - 4);
            area.draw(&Text::new("as filmed", place, note)).map_err(failed)?;
        }
        Ok(())
    })
}
