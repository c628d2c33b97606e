//! The cases, the same for every library.

/// What is asked of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing: what a process needs before any work.
    Baseline,
    /// Distance of two whole sequences.
    Distance,
    /// Distance and warping path.
    Path,
    /// Cheapest stretch of a long query.
    Subsequence,
    /// The same, fed to a stream in blocks that are made on the fly.
    Stream,
    /// All pairs of many short sequences, on so many threads; wall time.
    Pairs { num_threads: usize },
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Baseline => "baseline",
            Kind::Distance => "distance",
            Kind::Path => "path",
            Kind::Subsequence => "subsequence",
            Kind::Stream => "stream",
            Kind::Pairs { .. } => "pairs",
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Frames of the query; the long one in a search.
    pub(crate) num_query: usize,
    pub(crate) num_reference: usize,
    pub(crate) num_channels: usize,
    /// Sakoe-Chiba radius in frames.
    pub(crate) radius: Option<usize>,
}

impl Case {
    const fn new(name: &'static str, kind: Kind, shape: (usize, usize, usize)) -> Self {
        let (num_query, num_reference, num_channels) = shape;
        Self { name, kind, num_query, num_reference, num_channels, radius: None }
    }

    const fn within(self, radius: usize) -> Self {
        Self { radius: Some(radius), ..self }
    }

    /// Whether other libraries take part.
    pub(crate) fn has_peers(&self) -> bool {
        !matches!(self.kind, Kind::Stream | Kind::Pairs { .. })
    }

    /// Pairs of frames inside the window.
    pub(crate) fn num_cells(&self) -> usize {
        match (self.kind, self.radius) {
            (Kind::Baseline, _) => 0,
            (Kind::Pairs { .. }, _) => {
                NUM_SEQUENCES * (NUM_SEQUENCES - 1) / 2 * self.num_query * self.num_reference
            }
            (_, None) => self.num_query * self.num_reference,
            (_, Some(radius)) => (0..self.num_query)
                .map(|i| (i + radius + 1).min(self.num_reference) - i.saturating_sub(radius))
                .sum(),
        }
    }

    /// The case as a line of `cases.csv`.
    pub(crate) fn line(&self) -> String {
        let radius = self.radius.map_or(String::new(), |radius| radius.to_string());
        format!(
            "{},{},{},{},{},{radius},{}",
            self.name,
            self.kind.name(),
            self.num_query,
            self.num_reference,
            self.num_channels,
            self.num_cells()
        )
    }
}

/// Head of `cases.csv`.
pub(crate) const HEAD: &str = "case,kind,num_query,num_reference,num_channels,radius,num_cells";

/// Sequences of the batch.
pub(crate) const NUM_SEQUENCES: usize = 60;

/// In the order in which they are measured.
pub(crate) const CASES: &[Case] = &[
    Case::new("baseline", Kind::Baseline, (1, 1, 1)),
    Case::new("full_1k", Kind::Distance, (1000, 1000, 1)),
    Case::new("full_5k", Kind::Distance, (5000, 5000, 1)),
    Case::new("full_10k", Kind::Distance, (10_000, 10_000, 1)),
    Case::new("band10_10k", Kind::Distance, (10_000, 10_000, 1)).within(1000),
    Case::new("band1_10k", Kind::Distance, (10_000, 10_000, 1)).within(100),
    Case::new("path_1k", Kind::Path, (1000, 1000, 1)),
    Case::new("path_5k", Kind::Path, (5000, 5000, 1)),
    Case::new("full_150_d36", Kind::Distance, (150, 150, 36)),
    Case::new("full_300x3000_d36", Kind::Distance, (300, 3000, 36)),
    Case::new("sub_300x3000_d36", Kind::Subsequence, (3000, 300, 36)),
    Case::new("sub_1kx100k", Kind::Subsequence, (100_000, 1000, 1)),
    Case::new("stream_300x10m", Kind::Stream, (10_000_000, 300, 1)),
    Case::new("pairs_1_thread", Kind::Pairs { num_threads: 1 }, (1000, 1000, 1)),
    Case::new("pairs_2_threads", Kind::Pairs { num_threads: 2 }, (1000, 1000, 1)),
];
