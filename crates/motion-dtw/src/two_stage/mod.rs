//! MotionDTW: finds a reference movement in a long recording and carries its keyframes over.

mod coarse;
mod fine;
mod profile;
mod quality;
mod refine;
mod smooth;
mod transfer;

use std::ops::Range;

use crate::alignment::WarpingPath;
use crate::dtw::check_weights;
use crate::features::LocalFit;
use crate::{Error, Motion, Reference, Result};
use fine::{FineSettings, Warp};
use profile::{Grid, Profile, ProfileDistance, Scaling, ScalingSettings};
pub use quality::{Quality, Tier};
use transfer::TimeMap;

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
    /// One standard deviation of `frame`, in query frames (ours; see [`MotionDtw`]).
    pub sigma_frames: f64,
}

/// The reference movement as found in a query.
#[derive(Debug, Clone, PartialEq)]
pub struct MotionMatch {
    /// Query frames from the first to the last keyframe, half-open: the frames nearest to both are inside.
    pub interval: Range<usize>,
    /// The reference's keyframes in the query, strictly increasing.
    pub keyframes: Vec<MatchedKeyframe>,
    /// Matched frames: `(query_frame, reference_frame)`, both counted in the original recordings.
    pub path: WarpingPath,
    /// How far to trust the match.
    pub quality: Quality,
}

/// Two-stage alignment of a long recording with a short reference (Tian et al. 2025, arXiv:2512.14121).
#[derive(Debug, Clone, PartialEq)]
pub struct MotionDtw {
    half_width_s: f64,
    orders: [f64; 3],
    channel_weights: Option<Vec<f64>>,
    floor_share: f64,
    coarse_rate_hz: f64,
    max_rate_hz: f64,
    num_candidates: usize,
    tempo: (f64, f64),
    padding_s: f64,
    band_share: f64,
    penalty: f64,
    prior: f64,
    prior_weight: f64,
    robust: f64,
    power: f64,
    compress: f64,
    refine: [f64; 9],
    smooth: [f64; 10],
}

impl Default for MotionDtw {
    fn default() -> Self {
        Self::new()
    }
}

impl MotionDtw {
    /// Settings that need no tuning for human movement in degrees.
    #[must_use]
    pub fn new() -> Self {
        Self {
            half_width_s: 0.125,
            orders: [1.0, 1.0, 0.25],
            channel_weights: None,
            floor_share: 0.3,
            coarse_rate_hz: 15.0,
            max_rate_hz: 120.0,
            num_candidates: 6,
            tempo: (0.4, 2.5),
            padding_s: 0.25,
            band_share: 0.35,
            penalty: 0.0,
            prior: 1.0,
            prior_weight: 0.2,
            robust: 0.0,
            power: 0.5,
            compress: 0.0,
            refine: [0.1, 0.017, 1.5, 0.03, 0.06, 0.0, 0.0, 0.0, 0.0],
            smooth: [1.0, 1.0, 1.5, 5.0, 3.0, 1.0, 1.0, 1.0, 1.0, 0.0],
        }
    }

    /// Weights of angle, velocity and acceleration: the paper's `1, alpha, beta`.
    #[must_use]
    pub fn with_feature_weights(mut self, angle: f64, velocity: f64, acceleration: f64) -> Self {
        self.orders = [angle, velocity, acceleration];
        self
    }

    /// One weight per channel; all 1 by default.
    #[must_use]
    pub fn with_channel_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.channel_weights = Some(weights.into());
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub fn with_tuning(mut self, name: &str, value: f64) -> Self {
        match name {
            "half_width_s" => self.half_width_s = value,
            "floor_share" => self.floor_share = value,
            "coarse_rate_hz" => self.coarse_rate_hz = value,
            "num_candidates" => self.num_candidates = value as usize,
            "padding_s" => self.padding_s = value,
            "band_share" => self.band_share = value,
            "penalty" => self.penalty = value,
            "robust" => self.robust = value,
            "power" => self.power = value,
            "compress" => self.compress = value,
            "r_reach" => self.refine[0] = value,
            "r_robust" => self.refine[2] = value,
            "r_prior" => self.refine[3] = value,
            "r_max" => self.refine[4] = value,
            "r_iter" => self.refine[5] = value,
            "r_offsets" => self.refine[6] = value,
            "r_rescale" => self.refine[7] = value,
            "r_slope" => self.refine[8] = value,
            "s_tempo" => self.smooth[0] = value,
            "s_evidence" => self.smooth[1] = value,
            "s_robust" => self.smooth[2] = value,
            "s_iter" => self.smooth[3] = value,
            "s_max" => self.smooth[4] = value,
            "s_o0" => self.smooth[5] = value,
            "s_o1" => self.smooth[6] = value,
            "s_o2" => self.smooth[7] = value,
            "s_rescale" => self.smooth[8] = value,
            "prior" => self.prior = value,
            "prior_weight" => self.prior_weight = value,
            "angle" => self.orders[0] = value,
            "velocity" => self.orders[1] = value,
            "acceleration" => self.orders[2] = value,
            other => unimplemented!("{other}"),
        }
        self
    }

    /// The best match of `reference` in `query`; look at [`Quality::tier`] to see whether it is there at all.
    ///
    /// # Errors
    ///
    /// [`Error::ChannelMismatch`], [`Error::WeightCount`], [`Error::InvalidWeights`], [`Error::StillReference`],
    /// [`Error::NothingInCommon`], or [`Error::QueryTooShort`].
    pub fn align(&self, query: &Motion, reference: &Reference) -> Result<MotionMatch> {
        let mut matches = self.find_all(query, reference, 1)?;
        if matches.is_empty() {
            return Err(Error::NoPath { query: query.num_frames(), reference: reference.motion().num_frames() });
        }
        Ok(matches.swap_remove(0))
    }

    /// Up to `max` matches that do not overlap, best first.
    ///
    /// # Errors
    ///
    /// As [`MotionDtw::align`].
    pub fn find_all(&self, query: &Motion, reference: &Reference, max: usize) -> Result<Vec<MotionMatch>> {
        let prepared = self.prepare(query, reference)?;
        let mut warps = prepared.warps(self, query, max);
        warps.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        let mut matches: Vec<MotionMatch> = Vec::new();
        let costs: Vec<f64> = warps.iter().map(|warp| warp.cost).collect();
        for (idx, warp) in warps.iter().enumerate() {
            let runner_up = costs.get(idx + 1).copied();
            let found = prepared.finish(self, query, reference, warp, runner_up);
            let clear = matches.iter().all(|other| {
                found.interval.end <= other.interval.start || other.interval.end <= found.interval.start
            });
            if clear && matches.len() < max {
                matches.push(found);
            }
        }
        Ok(matches)
    }

    fn prepare(&self, query: &Motion, reference: &Reference) -> Result<Prepared> {
        let (found, expected) = (query.num_channels(), reference.motion().num_channels());
        if found != expected {
            return Err(Error::ChannelMismatch { query: found, reference: expected });
        }
        if let Some(weights) = &self.channel_weights {
            check_weights(weights, expected)?;
        }
        let reference_fps = reference.motion().fps();
        let (first, last) = reference.keyframe_span();
        let needed_s = self.tempo.0 * (last - first) / reference_fps;
        if query.duration_s() < needed_s {
            return Err(Error::QueryTooShort { query_s: query.duration_s(), needed_s });
        }
        let fit = LocalFit::new(self.half_width_s, query.fps().min(reference_fps));
        let rate_hz = query.fps().min(self.max_rate_hz);
        let active = reference.active_frames();
        let (start_s, end_s) = (active.start as f64 / reference_fps, (active.end - 1) as f64 / reference_fps);
        let grid = Grid::covering(start_s, end_s, rate_hz);
        let settings = ScalingSettings {
            orders: self.orders,
            channel_weights: self.channel_weights.as_deref(),
            floor_share: self.floor_share,
            compress: self.compress,
        };
        let scaling = Scaling::of(reference, fit, grid, &settings)?;
        let coarse_rate_hz = self.coarse_rate_hz.min(rate_hz);
        let coarse = Profile::new(reference.motion(), fit, Grid::covering(start_s, end_s, coarse_rate_hz), &scaling);
        let fine = Profile::new(reference.motion(), fit, grid, &scaling);
        Ok(Prepared { fit, scaling, coarse, fine, span_s: (first / reference_fps, last / reference_fps) })
    }
}

/// A reference made ready for one query's frame rate.
struct Prepared {
    fit: LocalFit,
    scaling: Scaling,
    coarse: Profile,
    fine: Profile,
    span_s: (f64, f64),
}

impl Prepared {
    /// Reference instants of `profile` before the first and after the last keyframe.
    fn margins(&self, profile: &Profile) -> (usize, usize) {
        let grid = profile.grid;
        let before = (0..grid.len).take_while(|&idx| grid.time_s(idx) < self.span_s.0).count();
        let after = (0..grid.len).rev().take_while(|&idx| grid.time_s(idx) > self.span_s.1).count();
        (before.min(grid.len - 1), after.min(grid.len - 1))
    }

    fn warps(&self, settings: &MotionDtw, query: &Motion, max: usize) -> Vec<Warp> {
        let coarse_grid = Grid::covering(0.0, (query.num_frames() - 1) as f64 / query.fps(), self.coarse.grid.rate_hz);
        let coarse_query = Profile::new(query, self.fit, coarse_grid, &self.scaling);
        let distance = ProfileDistance {
            query: &coarse_query,
            reference: &self.coarse,
            scaling: &self.scaling,
            prior: settings.prior,
            prior_weight: settings.prior_weight,
            robust: settings.robust,
            power: settings.power,
        };
        let skip_charge = settings.prior;
        let ends = coarse::search(&distance, coarse_grid.len, self.margins(&self.coarse), skip_charge);
        let num_candidates = settings.num_candidates.max(max);
        let candidates = coarse::candidates(&ends, coarse_grid, &self.coarse, settings.tempo, num_candidates);
        let fine = FineSettings {
            rate_hz: self.fine.grid.rate_hz,
            padding_s: settings.padding_s,
            band_share: settings.band_share,
            penalty: settings.penalty,
            skip_charge,
            prior: settings.prior,
            prior_weight: settings.prior_weight,
            robust: settings.robust,
            power: settings.power,
        };
        let open = self.margins(&self.fine);
        candidates
            .iter()
            .filter_map(|candidate| fine::warp(query, candidate, &self.fine, &self.scaling, self.fit, open, &fine))
            .collect()
    }

    fn finish(&self, settings: &MotionDtw, query: &Motion, reference: &Reference, warp: &Warp, runner_up: Option<f64>) -> MotionMatch {
        let map = TimeMap::of(warp);
        let (query_grid, reference_grid) = (warp.query.grid, self.fine.grid);
        let rate_hz = query_grid.rate_hz;
        let reference_fps = reference.motion().fps();
        let [tempo_change, evidence, robust, iterations, max_step, o0, o1, o2, rescale, blur] = settings.smooth;
        let smooth = smooth::smooth(warp, &map, &self.fine, &self.scaling, &smooth::SmoothSettings { tempo_change, evidence, robust, iterations: iterations as usize, max_step, orders: [o0, o1, o2], rescale: rescale > 0.0, blur: blur as usize });
        let keyframes: Vec<MatchedKeyframe> = reference
            .keyframes()
            .iter()
            .map(|keyframe| {
                let reference_time_s = keyframe.frame / reference_fps;
                let at = reference_time_s * rate_hz - reference_grid.first as f64;
                let time_s = (smooth.position(at) + query_grid.first as f64) / rate_hz;
                let [reach_s, step_s, robust, prior_s, max_shift_s, iterations, offsets, rescale, slope] = settings.refine;
                let refine = refine::RefineSettings { reach_s, step_s, robust, prior_s, max_shift_s, iterations: iterations as usize, offsets: offsets > 0.0, rescale: rescale > 0.0, slope: slope > 0.0 };
                let slope = map.slope(at, 0.1 * rate_hz).clamp(0.4, 2.5);
                let placed = refine::refine(query, reference.motion(), self.fit, &self.scaling, (time_s, reference_time_s, slope), &refine);
                let time_s = placed.time_s;
                MatchedKeyframe {
                    name: keyframe.name.clone(),
                    frame: time_s * query.fps(),
                    time_s,
                    reference_frame: keyframe.frame,
                    reference_time_s,
                    sigma_frames: smooth.sigma(at) / rate_hz * query.fps(),
                }
            })
            .collect();
        let last_frame = query.num_frames() - 1;
        let nearest = |frame: f64| (frame.round().max(0.0) as usize).min(last_frame);
        let interval = nearest(keyframes[0].frame)..nearest(keyframes[keyframes.len() - 1].frame) + 1;
        let to_frame = |time_s: f64, fps: f64| (time_s * fps).round() as usize;
        let mut pairs: Vec<(usize, usize)> = warp
            .path
            .iter()
            .map(|&(j, i)| {
                let query_frame = to_frame(query_grid.time_s(j), query.fps());
                (query_frame.min(last_frame), to_frame(reference_grid.time_s(i), reference_fps))
            })
            .collect();
        pairs.dedup();
        MotionMatch {
            interval,
            keyframes,
            path: WarpingPath::from_ordered(pairs),
            quality: Quality {
                tier: Tier::of(warp.cost),
                cost: warp.cost,
                margin: runner_up.map_or(1.0, |other| if other > 0.0 { (1.0 - warp.cost / other).max(0.0) } else { 0.0 }),
                coverage: 1.0,
                slope: (1.0, 1.0),
            },
        }
    }
}
