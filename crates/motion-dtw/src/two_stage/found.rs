//! What a search returns.

use std::ops::Range;

use super::Quality;
use crate::WarpingPath;

/// A keyframe of the reference, found in the query.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchedKeyframe {
    /// Name in the reference.
    pub name: String,
    /// Position in query frames, between two frames if need be.
    pub frame: f64,
    /// Seconds after the first frame of the query.
    pub time_s: f64,
    /// Position in frames of the original reference recording.
    pub reference_frame: f64,
    /// Seconds after the first frame of the original reference recording.
    pub reference_time_s: f64,
    /// One standard deviation of `frame`, in query frames: how far the warp could move before the fit suffers.
    ///
    /// Ours: from the curvature of the cost around the warp, calibrated so that two thirds of the keyframes of
    /// recorded sessions lie within it. It knows noise, gaps and flat stretches; not that another athlete may do the
    /// same thing at another pose.
    pub sigma_frames: f64,
}

/// The reference movement as found in a query.
#[derive(Debug, Clone, PartialEq)]
pub struct MotionMatch {
    /// Query frames from the first to the last keyframe, half-open: the frames nearest to both are inside.
    pub interval: Range<usize>,
    /// The reference's keyframes in the query, strictly increasing.
    pub keyframes: Vec<MatchedKeyframe>,
    /// Matched frames, `(query_frame, reference_frame)`, both counted in the original recordings.
    pub path: WarpingPath,
    /// How far to trust the match.
    pub quality: Quality,
}
