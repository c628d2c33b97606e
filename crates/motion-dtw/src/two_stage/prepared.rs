//! One search: a reference made ready for one query, and the way through the stages.

use std::ops::Range;

use super::coarse::{self, Candidate};
use super::fine::{self, Staircase};
use super::profile::{Grid, Profile};
use super::scaling::Scaling;
use super::smooth::SmoothWarp;
use super::turns::Turns;
use super::{MatchedKeyframe, Method, MotionDtw, MotionMatch, Quality, Tier, baseline};
use crate::alignment::WarpingPath;
use crate::features::LocalFit;
use crate::{Error, Motion, Reference, Result};

/// Largest table of moves of the methods kept for comparison, in bytes.
const MAX_BASELINE_BYTES: usize = 1 << 30;

/// Calibration of the standard deviation of keyframes, in instants: a factor on the curvature's estimate, and what is
/// left on perfect data (labels are good to about half a frame). Ours, fitted to recorded sessions.
const SIGMA_FACTOR: f64 = 1.5;
const SIGMA_FLOOR_S: f64 = 0.004;
/// Standard deviation stated where the method gives none: one instant.
const SIGMA_UNREFINED: f64 = 1.0;

pub(super) struct Prepared<'a> {
    settings: &'a MotionDtw,
    query: &'a Motion,
    reference: &'a Reference,
    fit: LocalFit,
    scaling: Scaling,
    coarse: Profile,
    fine: Profile,
    /// First and last keyframe, seconds of the reference.
    span_s: (f64, f64),
}

/// A stretch of the query, warped.
struct Warped {
    staircase: Staircase,
    smooth: SmoothWarp,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(
        settings: &'a MotionDtw,
        query: &'a Motion,
        reference: &'a Reference,
    ) -> Result<Self> {
        let (motion, active) = (reference.motion(), reference.active_frames());
        let fps = motion.fps();
        let fit = LocalFit::new(settings.smoothing_s / 2.0, query.fps().min(fps));
        let rate_hz = query.fps().min(settings.max_rate_hz);
        let coarse_rate_hz = match settings.method {
            Method::Subsequence => rate_hz,
            _ => settings.coarse_rate_hz.min(rate_hz),
        };
        let (start_s, end_s) = (active.start as f64 / fps, (active.end - 1) as f64 / fps);
        let grid = Grid::covering(start_s, end_s, rate_hz);
        let scaling =
            Scaling::of(motion, fit, grid, settings.orders, settings.channel_weights.as_deref())?;
        if !scaling.shares_channel_with(query) {
            return Err(Error::NothingInCommon);
        }
        let (first, last) = reference.keyframe_span();
        Ok(Self {
            settings,
            query,
            reference,
            fit,
            coarse: Profile::new(
                motion,
                fit,
                Grid::covering(start_s, end_s, coarse_rate_hz),
                &scaling,
            ),
            fine: Profile::new(motion, fit, grid, &scaling),
            scaling,
            span_s: (first / fps, last / fps),
        })
    }

    pub(super) fn find_all(&self, max: usize) -> Result<Vec<MotionMatch>> {
        let mut warped: Vec<Warped> = match self.settings.method {
            Method::TwoStage => {
                self.staircases(max).map(|staircase| self.refined(staircase)).collect()
            }
            Method::Subsequence => {
                self.staircases(max).map(|staircase| self.unrefined(staircase)).collect()
            }
            Method::OneStage => {
                self.check_size(self.query_grid().len)?;
                let staircase = baseline::one_stage(self.whole_query(), &self.fine, &self.scaling);
                staircase.map(|staircase| self.unrefined(staircase)).into_iter().collect()
            }
            Method::FastDtw { radius } => {
                self.check_size(4 * radius + 4)?;
                let staircase =
                    baseline::fast_dtw(self.whole_query(), &self.fine, &self.scaling, radius);
                staircase.map(|staircase| self.unrefined(staircase)).into_iter().collect()
            }
        };
        warped.sort_by(|a, b| a.smooth.cost.total_cmp(&b.smooth.cost));
        let found: Vec<MotionMatch> = warped.iter().map(|warped| self.finish(warped)).collect();
        let mut chosen: Vec<MotionMatch> = Vec::new();
        for candidate in &found {
            if chosen.len() < max
                && chosen.iter().all(|other| apart(&other.interval, &candidate.interval))
            {
                let mut candidate = candidate.clone();
                candidate.quality.margin = margin(&candidate, &found);
                chosen.push(candidate);
            }
        }
        Ok(chosen)
    }

    fn staircases(&self, max: usize) -> impl Iterator<Item = Staircase> {
        let num_candidates = match self.settings.method {
            Method::Subsequence => max,
            _ => self.settings.num_candidates.max(2 * max),
        };
        let (query, scaling) = (self.query, &self.scaling);
        let open = self.margins(self.coarse.grid);
        let candidates = coarse::candidates(
            query,
            &self.coarse,
            scaling,
            self.fit,
            open,
            self.settings.tempo,
            num_candidates,
        );
        let open = self.margins(self.fine.grid);
        candidates.into_iter().filter_map(move |candidate: Candidate| {
            fine::warp(query, candidate, &self.fine, scaling, self.fit, open)
        })
    }

    fn refined(&self, staircase: Staircase) -> Warped {
        Warped { smooth: SmoothWarp::of(&staircase, &self.fine, &self.scaling), staircase }
    }

    fn unrefined(&self, staircase: Staircase) -> Warped {
        Warped { smooth: SmoothWarp::unrefined(&staircase, &self.fine, &self.scaling), staircase }
    }

    fn query_grid(&self) -> Grid {
        Grid::covering(
            0.0,
            (self.query.num_frames() - 1) as f64 / self.query.fps(),
            self.fine.grid.rate_hz,
        )
    }

    fn whole_query(&self) -> Profile {
        Profile::new(self.query, self.fit, self.query_grid(), &self.scaling)
    }

    fn check_size(&self, columns: usize) -> Result<()> {
        let (query, reference) = (self.query.num_frames(), self.fine.grid.len);
        let bytes = reference.saturating_mul(columns);
        let limit = MAX_BASELINE_BYTES;
        if bytes <= limit {
            Ok(())
        } else {
            Err(Error::TooLarge { query, reference, bytes, limit })
        }
    }

    /// Reference instants of `grid` before the first and after the last keyframe: these may lie outside the query.
    fn margins(&self, grid: Grid) -> (usize, usize) {
        let before = (0..grid.len).take_while(|&idx| grid.time_s(idx) < self.span_s.0).count();
        let after = (0..grid.len).rev().take_while(|&idx| grid.time_s(idx) > self.span_s.1).count();
        (before.min(grid.len - 1), after.min(grid.len - 1))
    }

    fn finish(&self, warped: &Warped) -> MotionMatch {
        let (smooth, grid) = (&warped.smooth, self.fine.grid);
        let keyframes = self.keyframes(smooth, &warped.staircase.query);
        let last_frame = self.query.num_frames() - 1;
        let nearest = |frame: f64| (frame.round().max(0.0) as usize).min(last_frame);
        MotionMatch {
            interval: nearest(keyframes[0].frame)
                ..nearest(keyframes[keyframes.len() - 1].frame) + 1,
            keyframes,
            path: self.path(&warped.staircase),
            quality: Quality {
                tier: Tier::under(smooth.cost, self.settings.presence_limit),
                cost: smooth.cost,
                margin: 1.0,
                coverage: smooth.coverage,
                slope: smooth.slopes(grid.position(self.span_s.0), grid.position(self.span_s.1)),
            },
        }
    }

    fn keyframes(&self, smooth: &SmoothWarp, query: &Profile) -> Vec<MatchedKeyframe> {
        /// Keyframes that fall together at an end of the recording are kept so far apart, in frames.
        const LEAST_GAP: f64 = 1e-3;
        let (fps, reference_fps) = (self.query.fps(), self.reference.motion().fps());
        let (query_grid, rate_hz) = (query.grid, query.grid.rate_hz);
        let turns = Turns { query, reference: &self.fine, scaling: &self.scaling, warp: smooth };
        let last_frame = (self.query.num_frames() - 1) as f64;
        let mut keyframes: Vec<MatchedKeyframe> =
            Vec::with_capacity(self.reference.keyframes().len());
        for keyframe in self.reference.keyframes() {
            let reference_time_s = keyframe.frame / reference_fps;
            let at = self.fine.grid.position(reference_time_s);
            let sigma = smooth.sigma(at).map(|sigma| SIGMA_FACTOR * sigma);
            let position =
                sigma.map_or_else(|| smooth.position(at), |sigma| turns.position(at, sigma));
            let time_s = (position + query_grid.first as f64) / rate_hz;
            let mut frame = (time_s * fps).clamp(0.0, last_frame);
            if let Some(previous) = keyframes.last() {
                frame = frame.max(previous.frame + LEAST_GAP);
            }
            let sigma_s = sigma.unwrap_or(SIGMA_UNREFINED) / rate_hz;
            keyframes.push(MatchedKeyframe {
                name: keyframe.name.clone(),
                frame,
                time_s: frame / fps,
                reference_frame: keyframe.frame,
                reference_time_s,
                sigma_frames: sigma_s.hypot(SIGMA_FLOOR_S) * fps,
            });
        }
        keyframes
    }

    /// The path in frames of the two recordings; grid instants fall on the nearest frames.
    fn path(&self, staircase: &Staircase) -> WarpingPath {
        let to_frame = |time_s: f64, motion: &Motion| {
            ((time_s * motion.fps()).round().max(0.0) as usize).min(motion.num_frames() - 1)
        };
        let pairs = staircase.path.iter().map(|&(j, i)| {
            let query_frame = to_frame(staircase.query.grid.time_s(j), self.query);
            (query_frame, to_frame(self.fine.grid.time_s(i), self.reference.motion()))
        });
        let mut pairs: Vec<(usize, usize)> = pairs.collect();
        pairs.dedup();
        WarpingPath::from_ordered(pairs)
    }
}

fn apart(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.end <= b.start || b.end <= a.start
}

/// How much cheaper `found` is than the cheapest match elsewhere; 1 if there is none.
fn margin(found: &MotionMatch, all: &[MotionMatch]) -> f64 {
    let elsewhere = all.iter().filter(|other| apart(&other.interval, &found.interval));
    let runner_up = elsewhere.map(|other| other.quality.cost).fold(f64::INFINITY, f64::min);
    if runner_up.is_infinite() {
        1.0
    } else if runner_up > 0.0 {
        (1.0 - found.quality.cost / runner_up).clamp(0.0, 1.0)
    } else {
        0.0
    }
}
