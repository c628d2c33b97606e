//! ViTPose: boxes around people in, keypoints out. Feature `vitpose`; the network runs in burn on any of its devices.
//!
//! ```no_run
//! use std::path::Path;
//! use pose::vitpose::{Device, VitPose};
//! use pose::{PersonBox, Picture};
//!
//! // A checkpoint as published: config.json, preprocessor_config.json, model.safetensors.
//! let model = VitPose::load(Path::new("vitpose-base-simple"), &Device::flex())?.with_flip_test()?;
//! let rgb = vec![0; 640 * 360 * 3];
//! let picture = Picture::new(640, 360, &rgb)?;
//! let people = [PersonBox::new(412.8, 157.6, 53.0, 138.0)?, PersonBox::new(384.4, 172.2, 15.1, 35.7)?];
//! for keypoints in model.estimate(&people.map(|person| (picture, person)))? {
//!     println!("nose at {:?}, score {:.2}", keypoints[0].position, keypoints[0].score);
//! }
//! # Ok::<(), pose::Error>(())
//! ```
//!
//! # Sources, and where we differ
//!
//! - Xu et al. (2022), ViTPose, arXiv:2204.12484; experts: ViTPose++ (2023), arXiv:2212.04246. Checkpoints, crops and
//!   decoding as in transformers' `VitPoseForPoseEstimation` and `VitPoseImageProcessor`, equal to them within rounding.
//! - Refinement: DARK (Zhang et al. 2020) by the rules of unbiased data processing (Huang et al. 2020).
//! - A heatmap without positive heat has no keypoint here; transformers gives a point beside the crop.
//! - Crops have the network's own `image_size`, whatever `size` the image processor's file says.

mod vit_pose; // what users hold
mod config; // what a checkpoint's JSON says
mod network; // the whole
mod backbone; // its parts
mod head;
mod load; // weights
mod crop; // pictures to input
mod keypoints; // heatmaps to points
mod estimation; // picture after picture
mod journal;

pub use backbone::Backbone;
/// burn's, so that a program that only estimates needs no burn of its own.
pub use burn::tensor::Device;
pub use config::{Activation, BackboneConfig, Normalisation, VitPoseConfig};
pub use estimation::Estimation;
pub use network::Network;
pub use vit_pose::{Precision, VitPose};
