use image::RgbImage;
use plotters::prelude::*;

use super::bones::{bones, colour, side_colour};
use super::{failed, paint_on, text};
use crate::{Error, Result, SkeletonSeries, Unit};

/// Draws a skeleton on the frame it was seen in: left blue, right orange, middle green.
///
/// Doubtful samples are faint, and those that were filled in are rings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlay {
    scale: f64,
    labelled: bool,
}

impl Default for Overlay {
    fn default() -> Self {
        Self::new()
    }
}

impl Overlay {
    /// For frames of the size that the pose was estimated on.
    #[must_use]
    pub fn new() -> Self {
        Self { scale: 1.0, labelled: true }
    }

    /// For frames that were resized to `scale` times their size.
    #[must_use]
    pub fn with_scale(mut self, scale: f64) -> Self {
        self.scale = scale;
        self
    }

    /// Leaves the frame's number and time out of the picture.
    #[must_use]
    pub fn without_label(mut self) -> Self {
        self.labelled = false;
        self
    }

    /// Draws frame `frame_idx` of the series on `picture`, whose top left corner is the origin.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the series is not in pixels of a picture; [`Error::FrameRange`] if it has no such frame;
    /// [`Error::Setting`] for a scale that is not positive; [`Error::Picture`] if drawing fails.
    pub fn draw(
        &self,
        picture: &mut RgbImage,
        series: &SkeletonSeries,
        frame_idx: usize,
    ) -> Result<()> {
        if series.num_dims() != 2 || series.unit() != Unit::Pixel {
            let found = format!("{}-D in {} units", series.num_dims(), series.unit().name());
            let expected = "2-D in pixel units".to_owned();
            return Err(Error::Shape { what: "series for an overlay", expected, found });
        }
        if frame_idx >= series.num_frames() {
            let (start, end, num_frames) = (frame_idx, frame_idx + 1, series.num_frames());
            return Err(Error::FrameRange { start, end, num_frames });
        }
        if !(self.scale > 0.0 && self.scale.is_finite()) {
            let expected = "above 0".to_owned();
            return Err(Error::Setting {
                name: "scale of the overlay",
                value: self.scale,
                expected,
            });
        }
        let stroke = (picture.height().min(picture.width()) / 160).max(2);
        paint_on(picture, |area| {
            for (from, to) in bones(series) {
                let (Some(a), Some(b)) =
                    (self.place(series, frame_idx, from), self.place(series, frame_idx, to))
                else {
                    continue; // a joint that was not seen is not drawn
                };
                let doubt = [from, to].map(|joint| confidence(series, frame_idx, joint));
                let style = colour(from, to).mix(opacity(doubt[0].min(doubt[1])));
                area.draw(&PathElement::new(vec![a, b], style.stroke_width(stroke)))
                    .map_err(failed)?;
            }
            for (j, &joint) in series.joints().iter().enumerate() {
                let Some(place) = self.place(series, frame_idx, joint) else { continue };
                let colour = side_colour(joint.side());
                let style = if series.filled()[[frame_idx, j]] {
                    colour.stroke_width(1)
                } else {
                    colour.mix(opacity(confidence(series, frame_idx, joint))).filled()
                };
                area.draw(&Circle::new(place, stroke + 1, style)).map_err(failed)?;
            }
            if self.labelled {
                let label = format!("{frame_idx}  {:.2} s", frame_idx as f64 / series.fps());
                // A dark copy beneath, so that it is read on any ground.
                for (shift, colour) in [(1, BLACK), (0, WHITE)] {
                    let style = text(8 + 3 * stroke, colour);
                    area.draw(&Text::new(label.clone(), (6 + shift, 4 + shift), style))
                        .map_err(failed)?;
                }
            }
            Ok(())
        })
    }

    /// Where a joint is in the picture, y down; `None` if missing or absurdly far outside.
    fn place(
        &self,
        series: &SkeletonSeries,
        frame_idx: usize,
        joint: crate::Joint,
    ) -> Option<(i32, i32)> {
        let [x, y, _] = series.position(frame_idx, joint)?;
        let [x, y] = [self.scale * x, -self.scale * y].map(f64::round);
        (x.abs() < 1e5 && y.abs() < 1e5).then_some((x as i32, y as i32))
    }
}

/// Of a recorded joint; 1 for the middle of two.
fn confidence(series: &SkeletonSeries, frame_idx: usize, joint: crate::Joint) -> f64 {
    series.joint_idx(joint).map_or(1.0, |j| series.confidence()[[frame_idx, j]])
}

fn opacity(confidence: f64) -> f64 {
    if confidence < 0.5 { 0.4 } else { 1.0 }
}
