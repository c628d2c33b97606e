//! Windows: which frames may be matched at all.

use std::ops::Range;

use crate::{Error, Result};

/// Which pairs of frames a path may visit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Window {
    /// All of them.
    #[default]
    Full,
    /// Within `radius` frames of the main diagonal, `|i - j| <= radius` plus the difference in length (as
    /// dtaidistance: the band reaches from the diagonal of the first to that of the last frames).
    SakoeChiba {
        /// Half-width in frames.
        radius: usize,
    },
    /// Within `radius` reference frames of the straight line from the first to the last pair of frames, whatever the
    /// lengths (a slanted band); widened where the line is steep, so that a path always exists.
    Slanted {
        /// Half-width in reference frames.
        radius: usize,
    },
    /// Itakura's parallelogram: global slopes within `1 / max_slope..max_slope`, after both lengths are scaled to 1.
    Itakura {
        /// Steepest slope, above 1.
        max_slope: f64,
    },
}

/// The pairs of frames that a window leaves: reference frames (columns) for each query frame (row).
#[derive(Debug, Clone)]
pub(crate) enum Band {
    /// All columns for each row, which takes no memory.
    Full { num_rows: usize, num_columns: usize },
    /// Both ends of the ranges never decrease.
    Rows(Vec<Range<usize>>),
}

impl Band {
    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> Range<usize> {
        match self {
            Self::Full { num_columns, .. } => 0..*num_columns,
            Self::Rows(rows) => rows[row].clone(),
        }
    }

    pub(crate) fn num_rows(&self) -> usize {
        match self {
            Self::Full { num_rows, .. } => *num_rows,
            Self::Rows(rows) => rows.len(),
        }
    }

    pub(crate) fn num_cells(&self) -> usize {
        match self {
            Self::Full { num_rows, num_columns } => num_rows.saturating_mul(*num_columns),
            Self::Rows(rows) => rows.iter().map(Range::len).sum(),
        }
    }

    /// Rows that meet some of `columns`.
    pub(crate) fn rows_meeting(&self, columns: &Range<usize>) -> Range<usize> {
        match self {
            Self::Full { num_rows, .. } => 0..*num_rows,
            Self::Rows(rows) => {
                let first = rows.partition_point(|row| row.end <= columns.start);
                first..rows.partition_point(|row| row.start < columns.end).max(first)
            }
        }
    }
}

impl Window {
    /// The pairs of frames that this window leaves.
    pub(crate) fn band(self, num_query: usize, num_reference: usize) -> Result<Band> {
        if self == Self::Full {
            return Ok(Band::Full { num_rows: num_query, num_columns: num_reference });
        }
        Ok(Band::Rows(self.rows(num_query, num_reference)?))
    }

    /// Reference frames allowed for each query frame; each range is non-empty and both its ends never decrease.
    pub(crate) fn rows(self, num_query: usize, num_reference: usize) -> Result<Vec<Range<usize>>> {
        let (n, m) = (num_query, num_reference);
        let row: Box<dyn Fn(usize) -> (usize, usize)> = match self {
            Window::Full => Box::new(|_| (0, m)),
            Window::SakoeChiba { radius } => {
                let (below, above) = (radius + n.saturating_sub(m), radius + m.saturating_sub(n));
                Box::new(move |i| (i.saturating_sub(below), (i + above + 1).min(m)))
            }
            Window::Slanted { radius } => {
                let slope = if n > 1 { (m - 1) as f64 / (n - 1) as f64 } else { 0.0 };
                let half = radius as f64 + slope.max(1.0) / 2.0;
                Box::new(move |i| {
                    if n == 1 {
                        return (0, m);
                    }
                    let centre = i as f64 * slope;
                    (
                        (centre - half).ceil().max(0.0) as usize,
                        ((centre + half).floor() as usize + 1).min(m),
                    )
                })
            }
            Window::Itakura { max_slope } => {
                if !(max_slope.is_finite() && max_slope > 1.0) {
                    return Err(Error::InvalidSetting {
                        name: "max_slope",
                        value: max_slope,
                        expected: "it must be finite and above 1",
                    });
                }
                let scale = if n > 1 { (m - 1) as f64 / (n - 1) as f64 } else { 0.0 };
                let (steep, flat) = (max_slope * scale, scale / max_slope);
                Box::new(move |i| {
                    if n == 1 {
                        return (0, m);
                    }
                    let (from_start, to_end) = (i as f64, (n - 1 - i) as f64);
                    let last = (m - 1) as f64;
                    let low = (flat * from_start).max(last - steep * to_end);
                    let high = (steep * from_start).min(last - flat * to_end);
                    // A corner may fall between two frames; keep the nearest one (1e-9 absorbs rounding).
                    let first = (low - 1e-9).ceil().max(0.0);
                    let end = (high + 1e-9).floor().max(first);
                    (first as usize, (end as usize + 1).min(m))
                })
            }
        };
        Ok((0..n).map(row).map(|(start, end)| start.min(m - 1)..end.max(1).min(m)).collect())
    }
}
