//! The pose network against transformers, stage by stage, and what it refuses.

mod support;

mod stages; // weights and pictures in, features and heatmaps out
mod crops; // boxes to pixels
mod keypoints; // heatmaps to points
mod whole; // pictures and boxes in, points out
mod refusals;
