//! motion-dtw
