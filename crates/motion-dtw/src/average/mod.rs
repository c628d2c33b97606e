//! Averages of motions under time warping, and groups of motions that are alike.

mod series;
mod dba;
mod reference;
mod soft_dtw;
mod soft_average;
mod lbfgs;
mod kmeans;

pub use dba::{Average, Dba};
pub use kmeans::{Clustering, KMeans};
pub use reference::AverageReference;
pub use soft_average::{SoftAverage, SoftAveraging};
pub use soft_dtw::{SoftDtw, SoftGradient};
