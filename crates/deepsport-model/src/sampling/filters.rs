//! Filters of logits, each as in transformers; a dropped token has negative infinity.

const DROPPED: f32 = f32::NEG_INFINITY;

pub(super) fn forbid(logits: &mut [f32], ids: &[u32]) {
    for &id in ids {
        if let Some(logit) = logits.get_mut(id as usize) {
            *logit = DROPPED;
        }
    }
}

/// Each token counts once, however often it was seen.
pub(super) fn repetition_penalty(logits: &mut [f32], seen: &[u32], penalty: f32) {
    if penalty == 1.0 {
        return;
    }
    let mut seen = seen.to_vec();
    seen.sort_unstable();
    seen.dedup();
    for id in seen {
        if let Some(logit) = logits.get_mut(id as usize) {
            *logit = if *logit < 0.0 { *logit * penalty } else { *logit / penalty };
        }
    }
}

pub(super) fn temperature(logits: &mut [f32], temperature: f32) {
    if temperature != 1.0 {
        logits.iter_mut().for_each(|logit| *logit /= temperature);
    }
}

pub(super) fn top_k(logits: &mut [f32], k: usize) {
    if k == 0 || k >= logits.len() {
        return;
    }
    let mut sorted = logits.to_vec();
    let (_, &mut border, _) = sorted.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    drop_where(logits, |logit| logit < border);
}

pub(super) fn top_p(logits: &mut [f32], p: f32) {
    if p >= 1.0 {
        return;
    }
    let (max, sum) = max_and_sum(logits, 1.0);
    let probability = |logit: f32| f64::from(logit - max).exp() / sum;
    // Tokens under this together hold less than 1 - p, so none of them is needed: few are left to sort.
    let floor = (1.0 - f64::from(p)) / logits.len() as f64;
    let mut ids: Vec<usize> =
        (0..logits.len()).filter(|&id| probability(logits[id]) >= floor).collect();
    ids.sort_unstable_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
    let mut above = 0.0; // probability of the tokens before
    let num_kept = ids
        .iter()
        .position(|&id| {
            let is_enough = above >= f64::from(p);
            above += probability(logits[id]);
            is_enough
        })
        .unwrap_or(ids.len());
    let kept: Vec<(usize, f32)> = ids[..num_kept].iter().map(|&id| (id, logits[id])).collect();
    logits.fill(DROPPED);
    kept.into_iter().for_each(|(id, logit)| logits[id] = logit);
}

pub(super) fn min_p(logits: &mut [f32], share: f32) {
    if share > 0.0 {
        let border = max_of(logits) + share.ln();
        drop_where(logits, |logit| logit < border);
    }
}

/// The first of the largest.
pub(super) fn argmax(logits: &[f32]) -> Option<usize> {
    let max = max_of(logits);
    logits.iter().position(|&logit| logit == max && logit > DROPPED)
}

/// The token at `point`, in `[0, 1)`, of the probabilities laid end to end in id order.
pub(super) fn at(logits: &[f32], point: f64) -> Option<usize> {
    let (max, sum) = max_and_sum(logits, 1.0);
    let mut left = point * sum;
    let mut last = None; // rounding may leave a little beyond the end
    for (id, &logit) in logits.iter().enumerate().filter(|(_, logit)| **logit > DROPPED) {
        last = Some(id);
        left -= f64::from(logit - max).exp();
        if left < 0.0 {
            break;
        }
    }
    last
}

/// Log-probability of one token where logits are divided by `scale`.
pub(super) fn log_prob(logits: &[f32], idx: usize, scale: f32) -> f32 {
    let (max, sum) = max_and_sum(logits, scale);
    (f64::from(logits[idx] / scale - max) - sum.ln()) as f32
}

/// The largest scaled logit, and the sum of exponentials relative to it.
fn max_and_sum(logits: &[f32], scale: f32) -> (f32, f64) {
    let max = max_of(logits) / scale;
    if max == DROPPED {
        return (0.0, 0.0);
    }
    (max, logits.iter().map(|&logit| f64::from((logit / scale - max).exp())).sum())
}

fn max_of(logits: &[f32]) -> f32 {
    logits.iter().copied().fold(DROPPED, f32::max)
}

fn drop_where(logits: &mut [f32], is_dropped: impl Fn(f32) -> bool) {
    logits.iter_mut().filter(|logit| is_dropped(**logit)).for_each(|logit| *logit = DROPPED);
}
