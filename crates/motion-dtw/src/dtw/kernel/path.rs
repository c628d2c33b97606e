//! The warping path from a few anti-diagonals that were kept, in memory of the order of (cells)^(2/3).

use super::Pair;
use super::lanes::Lanes;
use super::level::{Level, Task};
use super::strip::{Slots, Wave, sweep};
use crate::dtw::step::Moves;

/// Cost and cells of the cheapest path.
pub(crate) type CostAndPath = (f64, Vec<(usize, usize)>);

/// Anti-diagonals from one kept pair to the next: `16 cells / K + 8 K^2` bytes are least near `K = cells^(1/3)`.
fn spacing(num_cells: usize) -> usize {
    (num_cells as f64).cbrt().ceil().max(32.0) as usize
}

/// Bytes for so many cells.
pub(super) fn path_bytes(num_cells: usize) -> usize {
    let spacing = spacing(num_cells);
    16 * (num_cells / spacing) + 8 * spacing * spacing
}

/// Two neighbouring anti-diagonals, from which all later ones follow.
struct Checkpoint {
    /// Anti-diagonals before the pair's end.
    done: usize,
    /// First slot kept.
    start: usize,
    before: Vec<f64>,
    previous: Vec<f64>,
}

impl Checkpoint {
    fn take(done: usize, slots: std::ops::Range<usize>, wave: &Wave) -> Self {
        let kept = slots.start.saturating_sub(1)..slots.end + 2; // with the neighbours on both sides
        Self {
            done,
            start: kept.start,
            before: wave.costs.before[kept.clone()].to_vec(),
            previous: wave.costs.previous[kept].to_vec(),
        }
    }

    fn restore(&self, wave: &mut Wave) {
        wave.clear();
        wave.costs.before[self.start..][..self.before.len()].copy_from_slice(&self.before);
        wave.costs.previous[self.start..][..self.previous.len()].copy_from_slice(&self.previous);
    }
}

impl Pair<'_> {
    /// Bytes that [`Pair::path`] keeps.
    pub(crate) fn path_bytes(&self) -> usize {
        path_bytes(self.band.num_cells())
    }

    /// Cost and cells of the cheapest path; `None` if there is none.
    ///
    /// `local` is the distance of one cell. On equal cost a diagonal move is preferred, then one by a reference frame.
    pub(crate) fn path(&self, local: impl Fn(usize, usize) -> f64) -> Option<CostAndPath> {
        self.path_at(Level::best(), local)
    }

    pub(super) fn path_at(
        &self,
        level: Level,
        local: impl Fn(usize, usize) -> f64,
    ) -> Option<CostAndPath> {
        let num_columns = self.columns.num_frames();
        let mut loaded = Lanes::with_capacity(num_columns, self.columns.num_channels);
        loaded.load(self.columns, 0..num_columns);
        let mut wave = Wave::new(num_columns);
        let (cost, checkpoints) =
            level.run(Forward { pair: self, loaded: &loaded, wave: &mut wave });
        if !cost.is_finite() {
            return None;
        }
        let mut path = vec![(self.num_rows - 1, num_columns - 1)];
        for checkpoint in checkpoints.iter().rev() {
            let end = path[path.len() - 1];
            if end.0 + end.1 < checkpoint.done {
                continue;
            }
            let history =
                level.run(Again { pair: self, loaded: &loaded, wave: &mut wave, checkpoint, end });
            history.walk_back(&self.moves, &local, &mut path);
        }
        path.reverse();
        Some((cost, path))
    }
}

/// The whole width as one strip, keeping a checkpoint now and then.
struct Forward<'a> {
    pair: &'a Pair<'a>,
    loaded: &'a Lanes,
    wave: &'a mut Wave,
}

impl Task for Forward<'_> {
    type Output = (f64, Vec<Checkpoint>);

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Forward { pair, loaded, wave } = self;
        let num_columns = pair.columns.num_frames();
        let spacing = spacing(pair.band.num_cells());
        let mut edge = vec![f64::INFINITY; pair.num_rows];
        let start = Checkpoint { done: 0, start: 0, before: vec![0.0], previous: vec![] };
        let mut checkpoints = vec![start];
        let slots = Slots::new(&pair.band, 0..num_columns);
        sweep(pair, slots, loaded, wave, &mut edge, true, |s, slots, wave| {
            if (s + 1) % spacing == 0 {
                checkpoints.push(Checkpoint::take(s + 1, slots, wave));
            }
        });
        (edge[pair.num_rows - 1], checkpoints)
    }
}

/// Anti-diagonals from a checkpoint to the one that holds `end`, as far as a path to `end` can touch them.
struct Again<'a> {
    pair: &'a Pair<'a>,
    loaded: &'a Lanes,
    wave: &'a mut Wave,
    checkpoint: &'a Checkpoint,
    end: (usize, usize),
}

impl Task for Again<'_> {
    type Output = History;

    #[inline(always)]
    fn run(self) -> History {
        let Again { pair, loaded, wave, checkpoint, end } = self;
        let steps = end.0 + end.1 + 1 - checkpoint.done;
        // Columns from `first` on are computed, though only those right of a line that moves one column a step are
        // right: a path to `end` cannot cross that line.
        let first = end.1.saturating_sub(steps);
        let width = end.1 + 2 - first;
        let mut history = History {
            done: checkpoint.done,
            first,
            width,
            costs: Vec::with_capacity((steps + 2) * width),
        };
        checkpoint.restore(wave);
        let kept = first..first + width;
        history.costs.extend_from_slice(&wave.costs.before[kept.clone()]);
        history.costs.extend_from_slice(&wave.costs.previous[kept.clone()]);
        let mut slots = Slots::new(&pair.band, 0..pair.columns.num_frames());
        for s in checkpoint.done..checkpoint.done + steps {
            let met = slots.at(s);
            let columns = met.start.max(first)..met.end.min(end.1 + 1);
            if columns.start < columns.end {
                wave.advance(pair, loaded, s - columns.start, columns.clone(), s == 0);
            }
            wave.costs.now[columns.start] = f64::INFINITY;
            wave.costs.now[columns.end + 1] = f64::INFINITY;
            history.costs.extend_from_slice(&wave.costs.now[kept.clone()]);
            wave.costs.rotate();
        }
        history
    }
}

/// Successive anti-diagonals, two before `done` first; each from the slot left of column `first` on.
struct History {
    done: usize,
    first: usize,
    width: usize,
    costs: Vec<f64>,
}

impl History {
    /// Cost at column `column - back_columns` of the anti-diagonal `back` before that of `cell`.
    fn cost(&self, (row, column): (usize, usize), back: usize, back_columns: usize) -> f64 {
        let diagonal = row + column + 2 - back - self.done;
        self.costs[diagonal * self.width + column + 1 - back_columns - self.first]
    }

    /// Extends `path`, last cell first, back to the anti-diagonals of the checkpoint or the first cell.
    fn walk_back(
        &self,
        moves: &Moves,
        local: impl Fn(usize, usize) -> f64,
        path: &mut Vec<(usize, usize)>,
    ) {
        let mut cell = path[path.len() - 1];
        while cell.0 + cell.1 >= self.done && cell != (0, 0) {
            let from = [self.cost(cell, 2, 1), self.cost(cell, 1, 1), self.cost(cell, 1, 0)];
            let [diagonal, left, above] = moves.arrivals(from, local(cell.0, cell.1));
            cell = if diagonal <= left && diagonal <= above {
                (cell.0 - 1, cell.1 - 1)
            } else if left <= above {
                (cell.0, cell.1 - 1)
            } else {
                (cell.0 - 1, cell.1)
            };
            path.push(cell);
        }
    }
}
