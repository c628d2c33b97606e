use std::borrow::Cow;
use std::cmp::Ordering;

use ndarray::Axis;

use crate::vector::{UNKNOWN, UP, Vec3, add, cross, dot, median, middle, norm, scale, sub};
use crate::{Joint, Side, SkeletonSeries};

/// Where a recording was seen from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// Three dimensions: nothing is hidden.
    Space,
    /// A picture from the athlete's side: frontal measures are hidden.
    Side,
    /// A picture from the athlete's front or back: flexion and forward measures are hidden.
    Front,
    /// A picture from in between, or one that shows too little to tell: only heights are measured.
    Unclear,
}

/// Mean left-right width of shoulders and hips over trunk length below which a picture counts as a side view, and
/// above which as a front view (ours). Recordings in space projected at all headings: side views up to 15 to 30 degrees
/// off, by build; front views from 40 to 75 degrees on; unclear in between.
const SIDE_VIEW_WIDTH: f64 = 0.25;
const FRONT_VIEW_WIDTH: f64 = 0.42;
/// An axis with less spread than this share of the widest one is dead: the file has a plane in it (ours).
const DEAD_AXIS: f64 = 1e-3;
/// Half of the window over which the hip axis is averaged in space, and over which a picture's facing is judged
/// where the athlete turns (ours: steadies 10 mm of noise, still follows a fast turn).
const SPACE_HALF_WINDOW_S: f64 = 0.125;
const PICTURE_HALF_WINDOW_S: f64 = 0.5;
/// How long a direction may be carried over frames that do not show it (ours).
const CARRY_S: f64 = 0.5;
/// A foot shorter than this (in trunk lengths, along the facing direction) says nothing about facing (ours).
const FOOT_EVIDENCE: f64 = 0.03;
/// Trunk over leg length of an adult, about 0.50 m / 0.85 m; used only where one of them is not seen (ours).
const TRUNK_PER_LEG: f64 = 0.6;

/// What measures need to know about the athlete besides the points: sizes, directions, what the camera hides.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    /// The series, or its plane where the file holds a plane in three columns.
    pub(crate) series: Cow<'a, SkeletonSeries>,
    pub(crate) view: View,
    /// Axis of the original that is the (picture's) horizontal: 0, or 2 where x is dead.
    horizontal: usize,
    /// False if the vertical axis (or the only horizontal one) is dead: then nothing can be measured.
    pub(crate) has_extent: bool,
    pub(crate) leg: f64,
    pub(crate) trunk: f64,
    /// Unit vector a frame, [`UNKNOWN`] where it cannot be told.
    pub(crate) forward: Vec<Vec3>,
    pub(crate) right: Vec<Vec3>,
    /// Side away from the camera, where it can be told.
    pub(crate) far: Option<Side>,
}

impl<'a> Body<'a> {
    pub(crate) fn of(original: &'a SkeletonSeries) -> Body<'a> {
        let (series, has_extent, horizontal) = flatten(original);
        let leg = median(Side::BOTH.into_iter().flat_map(|side| leg_lengths(&series, side)));
        let trunk = median(frames(&series).filter_map(|f| trunk_vector(&series, f)).map(norm));
        let (leg, trunk) = match (leg, trunk) {
            (Some(leg), Some(trunk)) => (leg, trunk),
            (Some(leg), None) => (leg, TRUNK_PER_LEG * leg),
            (None, Some(trunk)) => (trunk / TRUNK_PER_LEG, trunk),
            (None, None) => (f64::NAN, f64::NAN),
        };
        let view = view_of(&series, trunk);
        let unknown = vec![UNKNOWN; series.num_frames()];
        let mut body = Body {
            series,
            view,
            horizontal,
            has_extent,
            leg,
            trunk,
            forward: unknown.clone(),
            right: unknown,
            far: None,
        };
        match view {
            View::Space => body.face_in_space(),
            View::Side => body.face_in_side_view(),
            View::Front => body.face_in_front_view(),
            View::Unclear => {}
        }
        body
    }

    /// Right is along the hips (or shoulders), level; forward = up x right. The feet have the last word on the sign,
    /// which saves files with a left-handed axis system.
    fn face_in_space(&mut self) {
        let series = &self.series;
        let pair = if has_both(series, Joint::Hip) { Joint::Hip } else { Joint::Shoulder };
        let across: Vec<Vec3> = frames(series)
            .map(|f| {
                pair_vector(series, f, pair(Side::Left), pair(Side::Right))
                    .map_or(UNKNOWN, |v| [v[0], 0.0, v[2]])
            })
            .collect();
        let width = median(across.iter().map(|v| norm(*v))).unwrap_or(f64::NAN);
        // While the athlete lies on one side the hips are stacked and tell nothing.
        let steady = across
            .iter()
            .map(|v| if norm(*v) > 0.3 * width { scale(*v, 1.0 / norm(*v)) } else { UNKNOWN });
        let right = smooth_directions(&steady.collect::<Vec<_>>(), series.fps());
        let mut forward: Vec<Vec3> = right.iter().map(|r| cross(UP, *r)).collect();
        let feet = median(frames(series).flat_map(|f| {
            feet(series, f).map(|(_, foot)| dot(foot, forward[f])).collect::<Vec<_>>()
        }));
        if feet.is_some_and(|ahead| ahead < -FOOT_EVIDENCE * self.trunk) {
            forward.iter_mut().for_each(|v| *v = scale(*v, -1.0));
        }
        (self.right, self.forward) = (right, forward);
    }

    /// Feet first, then where the athlete travels, then nose against neck; unknown where none of them tells.
    fn face_in_side_view(&mut self) {
        let num_frames = self.series.num_frames();
        let (signs, turns) = match self.signs_of_feet() {
            Some((signs, turns)) => (signs, turns),
            None => match self.sign_of_travel_or_nose() {
                Some(sign) => (vec![sign; num_frames], false),
                None => return,
            },
        };
        self.forward = signs.iter().map(|sign| [*sign, 0.0, 0.0]).collect();
        // x points right and y up, so z comes out of the picture: who faces right shows the right side.
        if !turns && self.horizontal == 0 {
            self.far = Some(if signs[0] > 0.0 { Side::Left } else { Side::Right });
        }
    }

    /// Which way the toes point around each frame, and whether the athlete turns: while less than a fifth of the
    /// frames disagree it is the feet that swing, not the athlete. NaN while turning round.
    fn signs_of_feet(&self) -> Option<(Vec<f64>, bool)> {
        let (series, least) = (&self.series, FOOT_EVIDENCE * self.trunk);
        let toes: Vec<f64> = frames(series)
            .map(|f| {
                feet(series, f).map(|(_, foot)| foot[0]).reduce(|a, b| a + b).unwrap_or(f64::NAN)
            })
            .collect();
        median(toes.iter().map(|t| t.abs())).filter(|size| *size > least)?;
        let half = window(PICTURE_HALF_WINDOW_S, series.fps());
        let local: Vec<f64> = frames(series)
            .map(|f| {
                median(toes[f.saturating_sub(half)..(f + half + 1).min(toes.len())].iter().copied())
                    .unwrap_or(0.0)
            })
            .collect();
        let count = |sign: f64| local.iter().filter(|l| sign * **l > least).count();
        let (ahead, back) = (count(1.0), count(-1.0));
        if ahead.min(back) * 5 > ahead + back {
            return Some((
                local.iter().map(|l| if l.abs() > least { l.signum() } else { f64::NAN }).collect(),
                true,
            ));
        }
        match ahead.cmp(&back) {
            Ordering::Equal => None,
            order => {
                Some((vec![if order == Ordering::Greater { 1.0 } else { -1.0 }; toes.len()], false))
            }
        }
    }

    fn sign_of_travel_or_nose(&self) -> Option<f64> {
        let series = &self.series;
        let nose = frames(series)
            .filter_map(|f| pair_vector(series, f, Joint::Neck, Joint::Nose))
            .map(|v| v[0]);
        let clear = |evidence: Option<f64>, at_least: f64| {
            evidence.filter(|e| e.abs() > at_least * self.trunk)
        };
        clear(travel(series), 1.0).or_else(|| clear(median(nose), FOOT_EVIDENCE)).map(f64::signum)
    }

    fn face_in_front_view(&mut self) {
        let series = &self.series;
        let across = |pair: fn(Side) -> Joint| {
            median(
                frames(series)
                    .filter_map(|f| pair_vector(series, f, pair(Side::Left), pair(Side::Right)))
                    .map(|v| v[0]),
            )
        };
        if let Some(width) = across(Joint::Hip).or_else(|| across(Joint::Shoulder)) {
            self.right = vec![[width.signum(), 0.0, 0.0]; series.num_frames()];
        }
    }
}

impl SkeletonSeries {
    /// Where the recording was seen from: stated by [`SkeletonSeries::with_view`], or judged by the width of shoulders
    /// and hips against the trunk (ours: below 0.25 a side view, above 0.42 a front view).
    ///
    /// One answer for the whole recording: a moving camera or an athlete who turns in a picture is not followed.
    #[must_use]
    pub fn view(&self) -> View {
        Body::of(self).view
    }

    /// Unit vector a frame towards which the athlete faces, level; `None` where it cannot be told.
    ///
    /// In space it is perpendicular to the hips; in a side view it is from heels to toes, else along the travel, else
    /// from neck to nose. A front view has none.
    #[must_use]
    pub fn facing(&self) -> Vec<Option<[f64; 3]>> {
        let body = Body::of(self);
        let original_axes = |v: Vec3| if body.horizontal == 0 { v } else { [0.0, 0.0, v[0]] };
        body.forward.iter().map(|v| v[0].is_finite().then(|| original_axes(*v))).collect()
    }

    /// Leg length: median over time and both sides of thigh + shank, in the series' unit; `None` if never seen.
    #[must_use]
    pub fn leg_length(&self) -> Option<f64> {
        median(Side::BOTH.into_iter().flat_map(|side| leg_lengths(self, side)))
    }
}

fn frames(series: &SkeletonSeries) -> std::ops::Range<usize> {
    0..series.num_frames()
}

fn window(half_s: f64, fps: f64) -> usize {
    (half_s * fps).round() as usize
}

/// Drops a dead horizontal axis. Also: whether the rest has both width and height, and which axis is horizontal.
fn flatten(series: &SkeletonSeries) -> (Cow<'_, SkeletonSeries>, bool, usize) {
    let num_dims = series.num_dims();
    let spread: Vec<f64> = (0..num_dims)
        .map(|dim| median(frames(series).map(|f| spread(series, f, dim))).unwrap_or(0.0))
        .collect();
    let widest = spread.iter().copied().fold(0.0, f64::max);
    let dead: Vec<bool> = spread.iter().map(|s| *s <= DEAD_AXIS * widest).collect();
    match dead[..] {
        [false, false, true] => (Cow::Owned(series.projected([0, 1])), true, 0),
        [true, false, false] => (Cow::Owned(series.projected([2, 1])), true, 2),
        _ => (Cow::Borrowed(series), dead.iter().all(|d| !d), 0),
    }
}

/// Extent of the skeleton along one axis in one frame.
fn spread(series: &SkeletonSeries, frame_idx: usize, dim: usize) -> f64 {
    let frame = series.positions().index_axis_move(Axis(0), frame_idx);
    let values = frame.index_axis(Axis(1), dim);
    let ends = values
        .iter()
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
    ends.1 - ends.0
}

fn view_of(series: &SkeletonSeries, trunk: f64) -> View {
    if series.num_dims() == 3 {
        return View::Space;
    }
    if let Some(view) = series.stated_view().filter(|view| *view != View::Space) {
        return view;
    }
    let width = |pair: fn(Side) -> Joint| {
        median(
            frames(series)
                .filter_map(|f| pair_vector(series, f, pair(Side::Left), pair(Side::Right)))
                .map(|v| v[0].abs()),
        )
    };
    match (width(Joint::Shoulder), width(Joint::Hip)) {
        (Some(shoulders), Some(hips)) if 0.5 * (shoulders + hips) < SIDE_VIEW_WIDTH * trunk => {
            View::Side
        }
        (Some(shoulders), Some(hips)) if 0.5 * (shoulders + hips) > FRONT_VIEW_WIDTH * trunk => {
            View::Front
        }
        _ => View::Unclear,
    }
}

fn has_both(series: &SkeletonSeries, pair: fn(Side) -> Joint) -> bool {
    Side::BOTH.iter().all(|&side| series.joint_idx(pair(side)).is_some())
}

/// From one joint to another.
fn pair_vector(series: &SkeletonSeries, frame_idx: usize, from: Joint, to: Joint) -> Option<Vec3> {
    Some(sub(series.position(frame_idx, to)?, series.position(frame_idx, from)?))
}

fn trunk_vector(series: &SkeletonSeries, frame_idx: usize) -> Option<Vec3> {
    let mid = |pair: fn(Side) -> Joint| {
        Some(middle(
            series.position(frame_idx, pair(Side::Left))?,
            series.position(frame_idx, pair(Side::Right))?,
        ))
    };
    Some(sub(
        mid(Joint::Shoulder)?,
        mid(Joint::Hip).or_else(|| series.position(frame_idx, Joint::MidHip))?,
    ))
}

fn leg_lengths(series: &SkeletonSeries, side: Side) -> impl Iterator<Item = f64> {
    frames(series).filter_map(move |f| {
        let thigh = pair_vector(series, f, Joint::Hip(side), Joint::Knee(side))?;
        Some(norm(thigh) + norm(pair_vector(series, f, Joint::Knee(side), Joint::Ankle(side))?))
    })
}

/// From heel (else ankle) to toe, of the feet seen in a frame.
fn feet(series: &SkeletonSeries, frame_idx: usize) -> impl Iterator<Item = (Side, Vec3)> {
    Side::BOTH.into_iter().filter_map(move |side| {
        let foot = pair_vector(series, frame_idx, Joint::Heel(side), Joint::Toe(side))
            .or_else(|| pair_vector(series, frame_idx, Joint::Ankle(side), Joint::Toe(side)))?;
        Some((side, foot))
    })
}

/// How far the mid-hip moves along x from the first to the last tenth of the recording.
fn travel(series: &SkeletonSeries) -> Option<f64> {
    let x: Vec<f64> =
        frames(series).filter_map(|f| series.position(f, Joint::MidHip)).map(|p| p[0]).collect();
    let tenth = x.len().div_ceil(10);
    Some(median(x[x.len() - tenth..].iter().copied())? - median(x[..tenth].iter().copied())?)
}

/// Mean direction in a short window around each frame; where the window is blind, that of the nearest frame within
/// [`CARRY_S`].
fn smooth_directions(directions: &[Vec3], fps: f64) -> Vec<Vec3> {
    let half = window(SPACE_HALF_WINDOW_S, fps);
    let mean: Vec<Vec3> = (0..directions.len())
        .map(|f| {
            let near = &directions[f.saturating_sub(half)..(f + half + 1).min(directions.len())];
            let seen = near.iter().filter(|d| d[0].is_finite());
            let (sum, count) = seen.fold(([0.0; 3], 0.0), |(sum, n), d| (add(sum, *d), n + 1.0));
            // Directions that cancel one another are noise, not a heading.
            if norm(sum) > 0.3 * count { scale(sum, 1.0 / norm(sum)) } else { UNKNOWN }
        })
        .collect();
    let reach = window(CARRY_S, fps);
    (0..mean.len())
        .map(|f| {
            let nearest = (0..=reach).flat_map(|d| [f.checked_sub(d), Some(f + d)]).flatten();
            nearest
                .filter_map(|g| mean.get(g))
                .find(|d| d[0].is_finite())
                .copied()
                .unwrap_or(UNKNOWN)
        })
        .collect()
}
