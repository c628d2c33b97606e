//! The athlete at a keyframe, beside the reference.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{
    ALERT, ATHLETE, ATHLETE_FAR, Figure, INK, LINE, REFERENCE, REFERENCE_FAR, SOFT, failed, text,
};
use crate::Result;
use crate::report::{Figurine, KeyframeReport};

/// Lines between joints, far side first so that the near side is drawn over it.
const BONES: [(&str, &str); 22] = [
    ("hip_l", "knee_l"),
    ("knee_l", "ankle_l"),
    ("ankle_l", "heel_l"),
    ("heel_l", "toe_l"),
    ("ankle_l", "toe_l"),
    ("shoulder_l", "elbow_l"),
    ("elbow_l", "wrist_l"),
    ("hip_r", "hip_l"),
    ("shoulder_r", "shoulder_l"),
    ("shoulder_l", "hip_l"),
    ("neck", "shoulder_l"),
    ("mid_hip", "neck"),
    ("neck", "head"),
    ("shoulder_r", "hip_r"),
    ("neck", "shoulder_r"),
    ("hip_r", "knee_r"),
    ("knee_r", "ankle_r"),
    ("ankle_r", "heel_r"),
    ("heel_r", "toe_r"),
    ("ankle_r", "toe_r"),
    ("shoulder_r", "elbow_r"),
    ("elbow_r", "wrist_r"),
];

/// A joint to point at, and what to say beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Highlight {
    /// Name of the joint, as in the data.
    pub joint: String,
    /// A few characters: degrees off, with their sign.
    pub label: String,
}

/// Stick figures of one keyframe: athlete on the left, reference on the right, at the same scale.
#[derive(Debug, Clone)]
pub struct SkeletonFigure<'a> {
    keyframe: &'a KeyframeReport,
    highlights: Vec<Highlight>,
    titled: bool,
}

impl<'a> SkeletonFigure<'a> {
    /// A picture of `keyframe`, with rings around the joints in `highlights`.
    #[must_use]
    pub fn new(keyframe: &'a KeyframeReport, highlights: Vec<Highlight>) -> Self {
        Self { keyframe, highlights, titled: false }
    }

    /// Writes the keyframe's name and time into the picture, for use outside of the page.
    #[must_use]
    pub fn with_title(mut self) -> Self {
        self.titled = true;
        self
    }
}

const WIDTH: u32 = 300;
const HEIGHT: u32 = 290;
const GROUND: i32 = 256;
const CENTRES: [i32; 2] = [80, 222];

impl Figure for SkeletonFigure<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH, HEIGHT)
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()> {
        let pair = [&self.keyframe.athlete, &self.keyframe.reference];
        let scale = scale(&pair);
        area.draw(&PathElement::new(
            vec![(8, GROUND), (WIDTH as i32 - 8, GROUND)],
            LINE.stroke_width(2),
        ))
        .map_err(failed)?;
        if self.titled {
            let title = format!("{}  {:.2} s", self.keyframe.label, self.keyframe.time_s);
            area.draw(&Text::new(title, (10, 6), text(16, INK))).map_err(failed)?;
        }
        let colours = [(ATHLETE, ATHLETE_FAR), (REFERENCE, REFERENCE_FAR)];
        let names = ["athlete", "reference"];
        for (((figurine, centre), (near, far)), name) in
            pair.into_iter().zip(CENTRES).zip(colours).zip(names)
        {
            draw_figurine(area, figurine, scale, centre, near, far)?;
            let style = text(14, SOFT).pos(Pos::new(HPos::Center, VPos::Top));
            area.draw(&Text::new(name, (centre, GROUND + 10), style)).map_err(failed)?;
        }
        for highlight in &self.highlights {
            if let Some(&place) = self.keyframe.athlete.joints.get(&highlight.joint) {
                let (x, y) = to_pixels(place, scale, CENTRES[0]);
                area.draw(&Circle::new((x, y), 9, ALERT.stroke_width(2))).map_err(failed)?;
                // Beside the ring, on the side with more room.
                let (dx, side) = if x > CENTRES[0] { (13, HPos::Left) } else { (-13, HPos::Right) };
                let style = text(13, ALERT).pos(Pos::new(side, VPos::Center));
                area.draw(&Text::new(highlight.label.clone(), (x + dx, y), style))
                    .map_err(failed)?;
            }
        }
        Ok(())
    }
}

fn draw_figurine<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    figurine: &Figurine,
    scale: f64,
    centre: i32,
    near: RGBColor,
    far: RGBColor,
) -> Result<()> {
    for (from, to) in BONES {
        let (Some(&a), Some(&b)) = (figurine.joints.get(from), figurine.joints.get(to)) else {
            continue; // a joint that was not seen is not drawn
        };
        let colour = if from.ends_with("_l") || to.ends_with("_l") { far } else { near };
        let line = vec![to_pixels(a, scale, centre), to_pixels(b, scale, centre)];
        area.draw(&PathElement::new(line, colour.stroke_width(4))).map_err(failed)?;
    }
    for (name, &place) in &figurine.joints {
        let colour = if name.ends_with("_l") { far } else { near };
        let radius = if name == "head" { 9 } else { 3 };
        area.draw(&Circle::new(to_pixels(place, scale, centre), radius, colour.filled()))
            .map_err(failed)?;
    }
    Ok(())
}

/// Pixels per leg length, so that the larger of both figures fits its half.
fn scale(pair: &[&Figurine; 2]) -> f64 {
    let (mut reach, mut height) = (0.7_f64, 1.6_f64); // never blow a crouching figure up
    for place in pair.iter().flat_map(|figurine| figurine.joints.values()) {
        reach = reach.max(place[0].abs());
        height = height.max(place[1]);
    }
    (70.0 / reach).min((f64::from(GROUND) - 34.0) / height)
}

fn to_pixels(place: [f64; 2], scale: f64, centre: i32) -> (i32, i32) {
    (centre + (place[0] * scale).round() as i32, GROUND - (place[1] * scale).round() as i32)
}
