//! Log-probability and entropy from the scores of all words.

use burn::backend::flex::FlexTensor;
use burn::tensor::{Int, Shape, Tensor};

use super::record::{Flat, Operation, made, owned, record};
use super::simd::{LANES, exp, largest, rows_of_a_piece, spread, total, widest};

/// Log-probability of the target and entropy, side by side.
///
/// # Shapes
///
/// - `logits`: `[tokens, vocab]`; `targets`: `[tokens]`; output: `[tokens, 2]`
pub(crate) fn score(logits: Tensor<2>, targets: Tensor<1, Int>, temperature: f64) -> Tensor<2> {
    let targets = targets.into_data().iter::<i64>().map(|target| target as usize).collect();
    record(Score { targets, temperature: temperature as f32 }, [logits.into()])
}

#[derive(Debug, Clone)]
struct Score {
    targets: Vec<usize>,
    temperature: f32,
}

/// Of one token: `ln(sum(exp(logits / temperature)))` and the entropy.
type Sums = (f32, f32);

impl Operation<1> for Score {
    type Kept = (FlexTensor, Vec<Sums>);

    fn forward(&self, [logits]: [FlexTensor; 1], keep: bool) -> (FlexTensor, Option<Self::Kept>) {
        let kept = keep.then(|| logits.clone());
        let vocab = logits.layout().shape()[1];
        let logits = Flat::new(logits);
        let colder = 1.0 / self.temperature;
        let mut sums = vec![(0.0, 0.0); self.targets.len()];
        let rows = rows_of_a_piece(vocab);
        spread(sums.chunks_mut(rows).zip(logits.chunks(rows * vocab)), |(sums, logits)| {
            widest(
                #[inline(always)]
                || {
                    for (sums, logits) in sums.iter_mut().zip(logits.chunks_exact(vocab)) {
                        *sums = sums_of(logits, colder);
                    }
                },
            );
        });
        let mut out = Vec::with_capacity(2 * sums.len());
        for (token, (sums, target)) in sums.iter().zip(&self.targets).enumerate() {
            out.extend([logits[token * vocab + target] * colder - sums.0, sums.1]);
        }
        (made(out, Shape::new([sums.len(), 2])), kept.map(|logits| (logits, sums)))
    }

    /// With `z = logits / temperature` and `p = softmax(z)`: `d log p[t] / d z[j] = (j = t) - p[j]` and
    /// `d H / d z[j] = -p[j] (ln p[j] + H)`.
    fn backward(&self, (logits, sums): Self::Kept, grad: FlexTensor) -> [FlexTensor; 1] {
        let vocab = logits.layout().shape()[1];
        let (mut logits, grad) = (owned(logits), Flat::new(grad));
        let colder = 1.0 / self.temperature;
        let rows = rows_of_a_piece(vocab);
        let pieces = logits
            .storage_mut::<f32>()
            .chunks_mut(rows * vocab)
            .zip(sums.chunks(rows).zip(self.targets.chunks(rows)))
            .zip(grad.chunks(rows * 2));
        spread(pieces, |((logits, (sums, targets)), grad)| {
            widest(
                #[inline(always)]
                || {
                    let lines = logits
                        .chunks_exact_mut(vocab)
                        .zip(sums.iter().zip(targets))
                        .zip(grad.chunks_exact(2));
                    for ((logits, ((log_sum, entropy), target)), grad) in lines {
                        for logit in &mut *logits {
                            let log_prob = *logit * colder - log_sum;
                            let slope = grad[0] + grad[1] * (log_prob + entropy);
                            *logit = -colder * exp(log_prob) * slope;
                        }
                        logits[*target] += colder * grad[0];
                    }
                },
            );
        });
        [logits]
    }
}

#[inline(always)]
fn sums_of(logits: &[f32], colder: f32) -> Sums {
    let most = largest(logits);
    let (mut sums, mut means) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    for logits in logits.chunks(LANES) {
        for ((sum, mean), logit) in sums.iter_mut().zip(&mut means).zip(logits) {
            let z = (logit - most) * colder;
            let p = exp(z);
            *sum += p;
            *mean += p * z;
        }
    }
    let (sum, mean) = (total(sums), total(means));
    (most * colder + sum.ln(), sum.ln() - mean / sum)
}
