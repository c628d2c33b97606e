//! Rank metrics as trec_eval defines them: gains as they are, `log2(rank + 1)` discount, mean over judged queries.

use std::collections::HashMap;

/// Normalised discounted cumulative gain over the first `k` (Järvelin & Kekäläinen 2002).
pub(crate) fn ndcg(ranked: &[String], gains: &HashMap<String, f64>, k: usize) -> f64 {
    let dcg = |gains: &mut dyn Iterator<Item = f64>| -> f64 {
        gains.take(k).enumerate().map(|(idx, gain)| gain / (idx as f64 + 2.0).log2()).sum()
    };
    let mut ideal: Vec<f64> = gains.values().copied().collect();
    ideal.sort_by(|a, b| b.total_cmp(a));
    let best = dcg(&mut ideal.into_iter());
    let found = dcg(&mut ranked.iter().map(|id| gains.get(id).copied().unwrap_or(0.0)));
    if best > 0.0 { found / best } else { 0.0 }
}

/// Share of the relevant documents among the first `k`.
pub(crate) fn recall(ranked: &[String], gains: &HashMap<String, f64>, k: usize) -> f64 {
    ranked.iter().take(k).filter(|id| gains.contains_key(*id)).count() as f64
        / gains.len().max(1) as f64
}

/// Mean of the precisions at each relevant document found.
pub(crate) fn average_precision(ranked: &[String], gains: &HashMap<String, f64>) -> f64 {
    let mut found = 0.0;
    let mut sum = 0.0;
    for (idx, id) in ranked.iter().enumerate() {
        if gains.contains_key(id) {
            found += 1.0;
            sum += found / (idx as f64 + 1.0);
        }
    }
    sum / gains.len().max(1) as f64
}

/// The value below which a share `p` of sorted values lies (nearest rank).
pub(crate) fn percentile(sorted: &[f64], p: f64) -> f64 {
    let rank = (p * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_match_a_ranking_worked_by_hand() {
        let ranked: Vec<String> = ["a", "b", "c"].map(String::from).into();
        let gains =
            HashMap::from([("a".to_string(), 1.0), ("c".to_string(), 2.0), ("d".to_string(), 1.0)]);
        // DCG = 1/log2(2) + 2/log2(4) = 2; ideal = 2/1 + 1/log2(3) + 1/2 = 3.130930.
        assert!((ndcg(&ranked, &gains, 10) - 2.0 / 3.130_929_753_6).abs() < 1e-9);
        assert!((recall(&ranked, &gains, 10) - 2.0 / 3.0).abs() < 1e-12);
        assert!((average_precision(&ranked, &gains) - (1.0 + 2.0 / 3.0) / 3.0).abs() < 1e-12);
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0], 0.5), 2.0);
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0], 0.99), 4.0);
    }
}
