//! What the writers of pixel formats share.

use super::Format;
use crate::{Error, JointSet, Result, SkeletonSeries, Unit};

/// The athlete in one picture, y down.
#[derive(Debug)]
pub(super) struct Picture {
    /// `x, y, confidence` a joint of the set; `0, 0, 0` where unseen.
    pub(super) flat: Vec<f64>,
    pub(super) num_seen: usize,
    /// Mean confidence of the seen joints.
    pub(super) score: f64,
}

impl Picture {
    /// `x, y, width, height` around the seen joints; zeros if there is none.
    pub(super) fn bounds(&self) -> [f64; 4] {
        let seen = self.flat.chunks_exact(3).filter(|point| point[2] > 0.0);
        let ends = |dim: usize| {
            let values = seen.clone().map(|point| point[dim]);
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)))
        };
        let ((left, right), (top, bottom)) = (ends(0), ends(1));
        if self.num_seen == 0 { [0.0; 4] } else { [left, top, right - left, bottom - top] }
    }
}

/// A series as the pictures of a pixel format, a frame each; refused where it is no picture.
pub(super) fn pictures(
    series: &SkeletonSeries,
    set: JointSet,
    format: Format,
) -> Result<Vec<Picture>> {
    if series.num_dims() != 2 || series.unit() != Unit::Pixel {
        let (dims, unit) = (series.num_dims(), series.unit().name());
        let problem = format!("it holds pixels of a picture; this is {dims}-D in {unit} units");
        return Err(Error::CannotHold { format, problem });
    }
    let series = series.to_joint_set(set);
    let picture = |f: usize| {
        let mut picture = Picture { flat: Vec::new(), num_seen: 0, score: 0.0 };
        for j in 0..set.joints().len() {
            let confidence = series.confidence()[[f, j]];
            match series.position_at(f, j) {
                Some([x, y, _]) => picture.flat.extend([x, turned_over(y), confidence]),
                None => picture.flat.extend([0.0; 3]),
            }
            picture.num_seen += usize::from(confidence > 0.0);
            picture.score += confidence;
        }
        picture.score /= picture.num_seen.max(1) as f64;
        picture
    };
    Ok((0..series.num_frames()).map(picture).collect())
}

/// From y up to y down, without making a negative zero of the picture's edge.
pub(super) fn turned_over(y: f64) -> f64 {
    0.0 - y
}
