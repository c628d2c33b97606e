//! Joining rankings, and spreading the result.

use std::collections::{BTreeMap, HashSet};

use crate::query::Fusion;
use crate::rank::Scored;
use crate::{Error, Ranks, Result, analysis};

/// One list out of two, best first; equal scores are ordered by `key`.
pub(crate) fn join<K: Ord>(
    fusion: Fusion,
    lexical: &[Scored],
    dense: &[Scored],
    key: impl Fn(&Scored) -> K,
) -> Vec<(Scored, Ranks)> {
    let mut joined: BTreeMap<(usize, u32), (Scored, Ranks)> = BTreeMap::new();
    let single = |scored: &Scored| (*scored, Ranks::default());
    for (rank, scored) in lexical.iter().enumerate() {
        let (_, ranks) =
            joined.entry((scored.segment, scored.doc)).or_insert_with(|| single(scored));
        (ranks.lexical, ranks.lexical_score) = (Some(rank + 1), Some(scored.score));
    }
    for (rank, scored) in dense.iter().enumerate() {
        let (_, ranks) =
            joined.entry((scored.segment, scored.doc)).or_insert_with(|| single(scored));
        (ranks.dense, ranks.dense_score) = (Some(rank + 1), Some(scored.score));
    }
    let scores = |list: &[Scored]| span(list.iter().map(|scored| scored.score));
    let (lexical_span, dense_span) = (scores(lexical), scores(dense));
    let mut list: Vec<(Scored, Ranks)> = joined.into_values().collect();
    for (scored, ranks) in &mut list {
        scored.score = match fusion {
            Fusion::Lexical => ranks.lexical_score.unwrap_or(f32::MIN),
            Fusion::Dense => ranks.dense_score.unwrap_or(f32::MIN),
            Fusion::Rrf { k, lexical, dense } => {
                let part = |rank: Option<usize>, weight: f32| {
                    rank.map_or(0.0, |rank| weight / (k + rank as f32))
                };
                part(ranks.lexical, lexical) + part(ranks.dense, dense)
            }
            Fusion::Linear { lexical, dense } => {
                let part = |score: Option<f32>, (low, high): (f32, f32), weight: f32| {
                    let scaled = |s: f32| if high > low { (s - low) / (high - low) } else { 1.0 };
                    score.map_or(0.0, |score| weight * scaled(score))
                };
                part(ranks.lexical_score, lexical_span, lexical)
                    + part(ranks.dense_score, dense_span, dense)
            }
        };
    }
    list.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score).then_with(|| key(a).cmp(&key(b))));
    list
}

fn span(scores: impl Iterator<Item = f32>) -> (f32, f32) {
    scores.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), s| (low.min(s), high.max(s)))
}

/// Maximal marginal relevance (Carbonell & Goldstein 1998): picks, time after time, the passage with the highest
/// `lambda * relevance - (1 - lambda) * likeness to what is already picked`, and gives their places.
///
/// Relevance is the score scaled to 0..1, likeness the share of common words (Jaccard), so it works without vectors.
/// `excludes(a, b)` says that `a` must not follow once `b` is picked.
pub(crate) fn diversify(
    scores: &[f32],
    words: &[HashSet<String>],
    lambda: f32,
    top_k: usize,
    excludes: impl Fn(usize, usize) -> bool,
) -> Result<Vec<usize>> {
    if !(0.0..=1.0).contains(&lambda) {
        return Err(Error::InvalidSetting {
            name: "mmr",
            value: lambda.to_string(),
            reason: "must lie in 0..=1".into(),
        });
    }
    let (low, high) = span(scores.iter().copied());
    let relevance = |idx: usize| if high > low { (scores[idx] - low) / (high - low) } else { 1.0 };
    let mut left: Vec<usize> = (0..scores.len()).collect();
    let mut picked: Vec<usize> = Vec::new();
    while picked.len() < top_k {
        let worth = |idx: usize| {
            let likeness =
                picked.iter().map(|p| jaccard(&words[*p], &words[idx])).fold(0.0, f32::max);
            lambda * relevance(idx) - (1.0 - lambda) * likeness
        };
        // `left` is in rank order and the first of equals wins.
        let best = left.iter().map(|idx| (worth(*idx), *idx)).fold(
            None,
            |best: Option<(f32, usize)>, next| match best {
                Some(best) if best.0 >= next.0 => Some(best),
                _ => Some(next),
            },
        );
        let Some((_, best)) = best else { break };
        left.retain(|idx| *idx != best && !excludes(*idx, best));
        picked.push(best);
    }
    Ok(picked)
}

/// The words by which two passages are compared.
pub(crate) fn word_set(lang: &str, text: &str) -> HashSet<String> {
    analysis::terms(lang, text).into_iter().map(|term| term.text).collect()
}

fn jaccard(a: &HashSet<String>, b: &HashSet<String>) -> f32 {
    let common = a.intersection(b).count();
    let all = a.len() + b.len() - common;
    if all == 0 { 0.0 } else { common as f32 / all as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(docs: &[(u32, f32)]) -> Vec<Scored> {
        docs.iter().map(|(doc, score)| Scored { score: *score, segment: 0, doc: *doc }).collect()
    }

    #[test]
    fn rrf_adds_weighted_reciprocal_ranks() {
        let (lexical, dense) = (list(&[(1, 9.0), (2, 5.0)]), list(&[(2, 0.9), (3, 0.1)]));
        let joined =
            join(Fusion::Rrf { k: 60.0, lexical: 1.0, dense: 2.0 }, &lexical, &dense, |s| s.doc);
        let found: Vec<(u32, f32)> = joined.iter().map(|(s, _)| (s.doc, s.score)).collect();
        // By hand: 1/62 + 2/61, 2/62, 1/61.
        for ((doc, score), (expected_doc, expected)) in
            found.iter().zip([(2, 1.0 / 62.0 + 2.0 / 61.0), (3, 2.0 / 62.0), (1, 1.0 / 61.0)])
        {
            assert_eq!(*doc, expected_doc);
            assert!((score - expected).abs() < 1e-7, "f32 rounding");
        }
    }

    #[test]
    fn linear_fusion_scales_each_list_to_one() {
        let (lexical, dense) =
            (list(&[(1, 10.0), (2, 6.0), (3, 2.0)]), list(&[(3, 0.8), (1, 0.2)]));
        let joined = join(Fusion::Linear { lexical: 0.5, dense: 0.5 }, &lexical, &dense, |s| s.doc);
        let found: Vec<(u32, f32)> = joined.iter().map(|(s, _)| (s.doc, s.score)).collect();
        assert_eq!(found, [(1, 0.5), (3, 0.5), (2, 0.25)]);
    }
}
