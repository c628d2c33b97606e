//! Step patterns: which moves a path may make, and what each costs.

use crate::{Error, Result};

/// One move within a step pattern: frames advanced in query and reference, and the weight of the cell it arrives at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Query frames advanced.
    pub query: usize,
    /// Reference frames advanced.
    pub reference: usize,
    /// Factor on the local distance of the cell arrived at.
    pub weight: f64,
}

/// What [`Alignment::normalized_cost`](crate::Alignment::normalized_cost) divides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Normalization {
    /// Pairs on the path.
    PathLength,
    /// Query plus reference frames matched.
    Sum,
    /// Query frames matched.
    Query,
    /// Reference frames matched.
    Reference,
}

/// The moves a warping path may make.
///
/// A pattern is a list of productions; each is a short run of [`Step`]s that is taken as a whole. On equal cost the
/// production listed first wins; every pattern here lists the diagonal first (ours: equal inputs give one path).
///
/// | pattern | productions (query, reference; weight) | normalised by | source |
/// | --- | --- | --- | --- |
/// | [`symmetric1`](Self::symmetric1) | (1,1;1) (0,1;1) (1,0;1) | path length (ours) | classic |
/// | [`symmetric2`](Self::symmetric2) | (1,1;2) (0,1;1) (1,0;1) | query + reference | Sakoe & Chiba 1978, P = 0 |
/// | [`asymmetric`](Self::asymmetric) | (1,1;1) (1,0;1) (1,2;1) | query | classic |
/// | [`symmetric_p05`](Self::symmetric_p05), [`_p1`](Self::symmetric_p1), [`_p2`](Self::symmetric_p2) | slope within 1/3..3, 1/2..2, 2/3..3/2 | query + reference | Sakoe & Chiba 1978, table I |
/// | [`rabiner_juang`](Self::rabiner_juang) | types I to VII, weightings a to d | by weighting | Rabiner & Juang 1993, ch. 4 |
#[derive(Debug, Clone, PartialEq)]
pub struct StepPattern {
    productions: Vec<Vec<Step>>,
    normalization: Normalization,
}

/// How Rabiner & Juang's patterns weight a step that advances `i` query and `j` reference frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SlopeWeighting {
    /// a: `min(i, j)`.
    Min,
    /// b: `max(i, j)`.
    Max,
    /// c: `i`, normalised by the query.
    Query,
    /// d: `i + j`, normalised by query + reference.
    Sum,
}

/// What the three single-cell moves cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moves {
    /// Factor on the distance of a cell that is entered diagonally.
    pub(crate) diagonal: f64,
    /// Factor where only the query advances.
    pub(crate) query: f64,
    /// Factor where only the reference advances.
    pub(crate) reference: f64,
    /// Added unless the move is diagonal.
    pub(crate) penalty: f64,
}

impl Moves {
    /// Those of [`StepPattern::symmetric1`], without penalty.
    pub(crate) const PLAIN: Self = Self { diagonal: 1.0, query: 1.0, reference: 1.0, penalty: 0.0 };
}

impl StepPattern {
    /// A pattern of one's own.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if there is no production, a production has no steps, a step advances nothing, or a
    /// weight is negative or not finite.
    pub fn custom(productions: Vec<Vec<Step>>, normalization: Normalization) -> Result<Self> {
        let invalid =
            |value: f64, expected| Error::InvalidSetting { name: "step_pattern", value, expected };
        if productions.is_empty() || productions.iter().any(Vec::is_empty) {
            return Err(invalid(0.0, "every pattern needs productions and every production steps"));
        }
        if productions.len() > 250 {
            return Err(invalid(productions.len() as f64, "at most 250 productions"));
        }
        for step in productions.iter().flatten() {
            if step.query + step.reference == 0 || step.query > 64 || step.reference > 64 {
                return Err(invalid(
                    (step.query + step.reference) as f64,
                    "a step advances 1 to 64 frames in query, reference or both",
                ));
            }
            if !(step.weight.is_finite() && step.weight >= 0.0) {
                return Err(invalid(step.weight, "step weights must be finite and not negative"));
            }
        }
        Ok(Self { productions, normalization })
    }

    /// Every step costs one local distance; what most libraries call DTW.
    #[must_use]
    pub fn symmetric1() -> Self {
        Self::of(&[&[(1, 1, 1.0)], &[(0, 1, 1.0)], &[(1, 0, 1.0)]], Normalization::PathLength)
    }

    /// The diagonal step costs as much as the two steps that it replaces (Sakoe & Chiba 1978, P = 0).
    #[must_use]
    pub fn symmetric2() -> Self {
        Self::of(&[&[(1, 1, 2.0)], &[(0, 1, 1.0)], &[(1, 0, 1.0)]], Normalization::Sum)
    }

    /// Each query frame is matched once; at most one reference frame is skipped at a time.
    #[must_use]
    pub fn asymmetric() -> Self {
        Self::of(&[&[(1, 1, 1.0)], &[(1, 0, 1.0)], &[(1, 2, 1.0)]], Normalization::Query)
    }

    /// Slope within 1/3..3 (Sakoe & Chiba 1978, P = 1/2).
    #[must_use]
    pub fn symmetric_p05() -> Self {
        Self::of(
            &[
                &[(1, 1, 2.0)],
                &[(1, 1, 2.0), (0, 1, 1.0)],
                &[(1, 1, 2.0), (1, 0, 1.0)],
                &[(1, 1, 2.0), (0, 1, 1.0), (0, 1, 1.0)],
                &[(1, 1, 2.0), (1, 0, 1.0), (1, 0, 1.0)],
            ],
            Normalization::Sum,
        )
    }

    /// Slope within 1/2..2 (Sakoe & Chiba 1978, P = 1).
    #[must_use]
    pub fn symmetric_p1() -> Self {
        Self::of(
            &[&[(1, 1, 2.0)], &[(1, 1, 2.0), (0, 1, 1.0)], &[(1, 1, 2.0), (1, 0, 1.0)]],
            Normalization::Sum,
        )
    }

    /// Slope within 2/3..3/2 (Sakoe & Chiba 1978, P = 2).
    #[must_use]
    pub fn symmetric_p2() -> Self {
        Self::of(
            &[
                &[(1, 1, 2.0)],
                &[(1, 1, 2.0), (1, 1, 2.0), (0, 1, 1.0)],
                &[(1, 1, 2.0), (1, 1, 2.0), (1, 0, 1.0)],
            ],
            Normalization::Sum,
        )
    }

    /// Rabiner & Juang's local constraint `kind` (1 to 7, their types I to VII), without weight smoothing.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if `kind` is not 1 to 7.
    pub fn rabiner_juang(kind: usize, weighting: SlopeWeighting) -> Result<Self> {
        let (d, q, r) = ((1, 1), (1, 0), (0, 1));
        let runs: Vec<Vec<(usize, usize)>> = match kind {
            1 => vec![vec![d], vec![q], vec![r]],
            2 => vec![vec![d], vec![d, q], vec![d, r]],
            3 => vec![vec![d], vec![(2, 1)], vec![(1, 2)]],
            4 => vec![vec![d], vec![d, q], vec![(1, 2), q], vec![(1, 2)]],
            5 => vec![vec![d], vec![d, q], vec![d, r], vec![d, q, q], vec![d, r, r]],
            6 => vec![vec![d], vec![d, d, q], vec![d, d, r]],
            7 => (0..=2)
                .flat_map(|holds| (1..=3).map(move |rise| (holds, rise)))
                .map(|(holds, rise)| {
                    std::iter::once((1, rise)).chain(std::iter::repeat_n(q, holds)).collect()
                })
                .collect(),
            _ => {
                return Err(Error::InvalidSetting {
                    name: "rabiner_juang",
                    value: kind as f64,
                    expected: "types are 1 to 7",
                });
            }
        };
        let weigh = |(query, reference): (usize, usize)| match weighting {
            SlopeWeighting::Min => query.min(reference),
            SlopeWeighting::Max => query.max(reference),
            SlopeWeighting::Query => query,
            SlopeWeighting::Sum => query + reference,
        };
        let productions = runs
            .into_iter()
            .map(|run| {
                run.into_iter()
                    .map(|step| Step {
                        query: step.0,
                        reference: step.1,
                        weight: weigh(step) as f64,
                    })
                    .collect()
            })
            .collect();
        let normalization = match weighting {
            SlopeWeighting::Min | SlopeWeighting::Max => Normalization::PathLength,
            SlopeWeighting::Query => Normalization::Query,
            SlopeWeighting::Sum => Normalization::Sum,
        };
        Self::custom(productions, normalization)
    }

    /// The productions in the order in which ties are resolved.
    #[must_use]
    pub fn productions(&self) -> &[Vec<Step>] {
        &self.productions
    }

    /// What the normalised cost divides by.
    #[must_use]
    pub fn normalization(&self) -> Normalization {
        self.normalization
    }

    /// Weights of the three single-cell moves, if the pattern has exactly those.
    pub(crate) fn moves(&self, penalty: f64) -> Option<Moves> {
        let weight = |query, reference| {
            self.productions.iter().find_map(|steps| match steps.as_slice() {
                [step] if (step.query, step.reference) == (query, reference) => Some(step.weight),
                _ => None,
            })
        };
        if self.productions.len() != 3 {
            return None;
        }
        let (diagonal, query, reference) = (weight(1, 1)?, weight(1, 0)?, weight(0, 1)?);
        Some(Moves { diagonal, query, reference, penalty })
    }

    /// Whether ties prefer the diagonal, then the move along the reference.
    pub(crate) fn has_usual_order(&self) -> bool {
        let order = self.productions.iter().flatten().map(|step| (step.query, step.reference));
        order.eq([(1, 1), (0, 1), (1, 0)])
    }

    /// Most query frames that one production advances.
    pub(crate) fn max_query_advance(&self) -> usize {
        self.productions
            .iter()
            .map(|steps| steps.iter().map(|step| step.query).sum())
            .max()
            .unwrap_or(1)
    }

    fn of(productions: &[&[(usize, usize, f64)]], normalization: Normalization) -> Self {
        let productions = productions
            .iter()
            .map(|steps| {
                steps
                    .iter()
                    .map(|&(query, reference, weight)| Step { query, reference, weight })
                    .collect()
            })
            .collect();
        Self { productions, normalization }
    }
}
