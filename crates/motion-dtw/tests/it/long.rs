//! Inputs too long for a table of all cells.

use motion_dtw::{Dtw, Stream};
use ndarray::s;

use crate::support::walk;

/// Frames of the query; all cells with the reference would take 720 MB as numbers. The same search over 10 million frames,
/// with its peak memory: `cargo run --release -p dtw-bench -- --case stream_300x10m`.
const NUM_FRAMES: usize = 300_000;

#[test]
fn a_reference_planted_in_a_long_query_is_found() {
    let reference = walk(2, 300, 1);
    let mut query = walk(1, NUM_FRAMES, 1);
    query.slice_mut(s![123_456..123_756, ..]).assign(&reference);
    let found = Dtw::new().find(&query, &reference).unwrap();
    assert_eq!((found.frames, found.cost), (123_456..123_756, 0.0));

    let mut stream = Stream::new(&Dtw::new(), &reference, 1.0).unwrap();
    let mut reports = Vec::new();
    for block in query.axis_chunks_iter(ndarray::Axis(0), 5000) {
        reports.extend(stream.push_block(&block).unwrap());
    }
    reports.extend(stream.finish());
    assert_eq!(reports.len(), 1);
    assert_eq!((reports[0].frames.clone(), reports[0].cost), (123_456..123_756, 0.0));
}

#[test]
fn a_path_of_a_million_cells_fits_where_its_table_would_not() {
    let (query, reference) = (walk(1, 1000, 1), walk(2, 1000, 1));
    let whole = Dtw::new().align(&query, &reference).unwrap();
    // A table of moves takes a byte per cell; a few anti-diagonals a quarter of that.
    let lean = Dtw::new().with_max_path_bytes(250_000);
    assert_eq!(lean.align(&query, &reference).unwrap(), whole);
}
