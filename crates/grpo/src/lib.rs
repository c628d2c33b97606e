//! Group Relative Policy Optimization over multi-turn, multi-image trajectories.
