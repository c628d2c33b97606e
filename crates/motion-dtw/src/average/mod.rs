//! Averages of motions under time warping, and groups of motions that are alike.

mod series; // what goes in
mod dba; // the mean under DTW
mod reference; // the mean by keyframes
mod soft_dtw; // a DTW with gradients
mod soft_average; // the mean under soft-DTW
mod lbfgs;
mod kmeans; // groups

pub use dba::{Average, Dba};
pub use kmeans::{Clustering, KMeans};
pub use reference::AverageReference;
pub use soft_average::{SoftAverage, SoftAveraging};
pub use soft_dtw::{SoftDtw, SoftGradient};
