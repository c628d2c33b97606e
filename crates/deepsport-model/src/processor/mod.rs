//! From pictures and clips to what the vision tower reads: rows of normalised patches and their grid.

/// A picture or a clip as the vision tower reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pixels {
    /// `[t * h * w, channels * temporal_patch * patch * patch]`, row-major. A row is channel x time x y x x; rows run over
    /// blocks of `merge x merge` patches, so that the rows of a block, which become one token, lie together.
    pub patches: Vec<f32>,
    /// Patches along time, height and width.
    pub grid: [usize; 3],
    /// Seconds between two steps of the grid's time axis; `None` for a picture.
    pub seconds_per_grid: Option<f64>,
}
