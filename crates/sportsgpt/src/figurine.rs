//! A pose laid flat, to be drawn.

use pose::{Joint, SkeletonSeries, View};

use crate::report::Figurine;

/// Projects single frames of one recording onto the plane in which its motion is best seen.
///
/// In space that is the athlete's own sagittal plane, facing right; a picture keeps its plane, turned
/// so that a side view faces right as well.
#[derive(Debug)]
pub(crate) struct Projector<'a> {
    series: &'a SkeletonSeries,
    facing: Vec<Option<[f64; 3]>>,
    leg_length: Option<f64>,
    /// Height that the lowest joint rarely goes below, so that a jump is drawn above the ground.
    ground: f64,
    view: View,
}

impl<'a> Projector<'a> {
    pub(crate) fn new(series: &'a SkeletonSeries) -> Self {
        Self {
            series,
            facing: series.facing(),
            leg_length: series.leg_length(),
            ground: ground(series),
            view: series.view(),
        }
    }

    /// The pose nearest to `frame`; empty where too little was seen to place it.
    pub(crate) fn figurine(&self, frame: f64) -> Figurine {
        let frame_idx = (frame.round().max(0.0) as usize).min(self.series.num_frames() - 1);
        let (Some(leg_length), Some(forward)) = (self.leg_length, self.forward(frame_idx)) else {
            return Figurine::default();
        };
        let midline = [Joint::MidHip, Joint::Neck];
        let joints = self.series.joints().iter().copied().chain(midline);
        let placed: Vec<(Joint, [f64; 2])> = joints
            .filter_map(|joint| {
                let at = self.series.position(frame_idx, joint)?;
                Some((joint, [at[0] * forward[0] + at[2] * forward[2], at[1]]))
            })
            .collect();
        let centre = placed.iter().find(|(joint, _)| *joint == Joint::MidHip).map(|(_, at)| at[0]);
        let Some(centre) = centre.or_else(|| placed.first().map(|(_, at)| at[0])) else {
            return Figurine::default();
        };
        let joints = placed.into_iter().map(|(joint, [along, up])| {
            let along = (along - centre) / leg_length;
            (joint.name(), [rounded(along), rounded((up - self.ground) / leg_length)])
        });
        Figurine { joints: joints.collect() }
    }

    /// The direction that is drawn to the right.
    fn forward(&self, frame_idx: usize) -> Option<[f64; 3]> {
        match self.view {
            View::Space | View::Side => self.facing[frame_idx],
            View::Front | View::Unclear => Some([1.0, 0.0, 0.0]),
        }
    }
}

/// The 5th percentile over time of the lowest joint's height.
fn ground(series: &SkeletonSeries) -> f64 {
    let frames = series.positions();
    let lowest = frames.outer_iter().filter_map(|frame| {
        let heights = frame.column(1).into_iter().copied().filter(|height| height.is_finite());
        heights.min_by(f64::total_cmp)
    });
    let mut lowest: Vec<f64> = lowest.collect();
    lowest.sort_by(f64::total_cmp);
    lowest.get(lowest.len() / 20).copied().unwrap_or(0.0)
}

/// A thousandth of a leg is finer than any pixel.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
