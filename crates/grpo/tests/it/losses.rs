//! Every loss against trl 1.16 (`tests/fixtures`), and against plain loops with finite differences.

use burn::Tensor;
use burn::tensor::{Int, TensorData};
use grpo::Scores;
use grpo::loss::kl::Kl;
use grpo::loss::ratio::Level;
use grpo::loss::surrogate::Surrogate;
use grpo::loss::{Correction, CorrectionMode, Loss, LossConfig, LossInputs, Reduction, Totals};
use safetensors::SafeTensors;
use serde_json::Value;

use super::support::device;

/// trl's numbers are f32; the fixture's own f32 and f64 values are within 1e-7 of each other.
pub(crate) const TRL: f64 = 1e-6;
const TEMPERATURE: f64 = 0.9;
pub(crate) const ROWS: usize = 12;
pub(crate) const TOKENS: usize = 10;
pub(crate) const VOCAB: usize = 24;

/// The problem of `losses.safetensors`: 3 groups of 4 completions of 10 tokens out of 24.
pub(crate) struct Fixture {
    base: Vec<u8>,
    trl: Vec<u8>,
}

pub(crate) fn listing(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

impl Fixture {
    pub(crate) fn read() -> Self {
        let read = |name: &str| {
            std::fs::read(format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
        };
        Self { base: read("losses.safetensors"), trl: read("trl_losses.safetensors") }
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        let files = [&self.base, &self.trl].map(|bytes| SafeTensors::deserialize(bytes).unwrap());
        let tensor = files
            .iter()
            .find_map(|file| file.tensor(name).ok())
            .unwrap_or_else(|| panic!("no {name}"));
        tensor
            .data()
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
            .collect()
    }

    pub(crate) fn tokens(&self) -> Vec<i64> {
        let file = SafeTensors::deserialize(&self.base).unwrap();
        let data = file.tensor("tokens").unwrap().data().to_vec();
        data.chunks_exact(8).map(|eight| i64::from_le_bytes(eight.try_into().unwrap())).collect()
    }

    pub(crate) fn mask(&self) -> Vec<f32> {
        self.floats("completion_mask")
            .iter()
            .zip(self.floats("tool_mask"))
            .map(|(one, other)| one * other)
            .collect()
    }

    fn advantages(&self, scale: &str) -> Vec<f32> {
        listing("losses.json")["advantages"][scale]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| value.as_f64().unwrap() as f32)
            .collect()
    }
}

fn tensor(values: Vec<f32>, columns: usize) -> Tensor<2> {
    let rows = values.len() / columns;
    Tensor::from_data(TensorData::new(values, [rows, columns]), &device())
}

/// One variant applied to some rows of the fixture.
pub(crate) struct Case {
    pub(crate) config: LossConfig,
    pub(crate) scale: &'static str,
    pub(crate) on_policy: bool,
    pub(crate) correction: Option<Correction>,
}

impl Case {
    fn of(config: LossConfig) -> Self {
        Self { config, scale: "group", on_policy: false, correction: None }
    }

    fn weights(&self, fixture: &Fixture) -> Option<Vec<f32>> {
        let (old, sampling, mask) =
            (fixture.floats("old_logp"), fixture.floats("sampling_logp"), fixture.mask());
        let mask: Vec<_> = mask.iter().map(|own| *own > 0.0).collect();
        let correction = self.correction?;
        let row = |row: usize| row * TOKENS..(row + 1) * TOKENS;
        let weights = |at: usize| {
            correction.weights(&old[row(at)], &sampling[row(at)], &mask[row(at)]).unwrap()
        };
        Some((0..ROWS).flat_map(weights).collect())
    }

    /// Loss and gradient with respect to the logits, for `rows` out of a batch that `totals` describes.
    pub(crate) fn run(
        &self,
        fixture: &Fixture,
        rows: std::ops::Range<usize>,
        totals: &Totals,
    ) -> (Loss, Vec<f32>) {
        let cut = |values: Vec<f32>, columns: usize| {
            tensor(values[rows.start * columns..rows.end * columns].to_vec(), columns)
        };
        let logits = fixture.floats("logits")
            [rows.start * TOKENS * VOCAB..rows.end * TOKENS * VOCAB]
            .to_vec();
        let logits =
            Tensor::<3>::from_data(TensorData::new(logits, [rows.len(), TOKENS, VOCAB]), &device())
                .require_grad();
        let tokens = fixture.tokens()[rows.start * TOKENS..rows.end * TOKENS].to_vec();
        let tokens =
            Tensor::<2, Int>::from_data(TensorData::new(tokens, [rows.len(), TOKENS]), &device());
        let Scores { logps, entropy } = Scores::from_logits(logits.clone(), tokens, TEMPERATURE);
        let mask = cut(fixture.mask(), TOKENS);
        let old = if self.on_policy {
            logps.clone().detach()
        } else {
            cut(fixture.floats("old_logp"), TOKENS)
        };
        let inputs = LossInputs {
            old_logps: old * mask.clone(),
            ref_logps: (self.config.beta != 0.0)
                .then(|| cut(fixture.floats("ref_logp"), TOKENS) * mask.clone()),
            advantages: cut(fixture.advantages(self.scale), 1),
            correction: self.weights(fixture).map(|weights| cut(weights, TOKENS)),
            logps,
            entropy,
            mask,
        };
        let loss = self.config.evaluate(inputs, totals);
        let grads = loss.loss.backward();
        let grad = logits.grad(&grads).unwrap().into_data().iter::<f32>().collect();
        (loss, grad)
    }

    fn whole(&self, fixture: &Fixture) -> (Loss, Vec<f32>) {
        self.run(fixture, 0..ROWS, &totals(fixture))
    }
}

pub(crate) fn totals(fixture: &Fixture) -> Totals {
    Totals::whole(ROWS, fixture.mask().iter().sum::<f32>() as usize)
}

fn floats(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// The variants of `losses.json`, in our terms.
fn base_cases() -> Vec<(&'static str, Case)> {
    let gspo = LossConfig {
        surrogate: Surrogate::Clip { low: 0.03, high: 0.04, delta: None },
        ..LossConfig::gspo()
    };
    let cispo =
        LossConfig { surrogate: Surrogate::Cispo { max_ratio: 1.2 }, ..LossConfig::cispo() };
    let unscaled = |config| Case { scale: "none", ..Case::of(config) };
    vec![
        ("grpo", Case::of(LossConfig::grpo())),
        ("grpo_kl", Case::of(LossConfig::grpo().with_kl(0.04))),
        ("grpo_two_sided", Case::of(LossConfig::two_sided(1.5).with_kl(0.04))),
        ("bnpo", Case::of(LossConfig::bnpo().with_kl(0.04))),
        ("dr_grpo", unscaled(LossConfig::dr_grpo(16))),
        ("dr_grpo_kl", unscaled(LossConfig::dr_grpo(16).with_kl(0.04))),
        ("dapo", Case::of(LossConfig::dapo())),
        ("dapo_kl", Case::of(LossConfig::dapo().with_kl(0.04))),
        ("gspo", Case::of(gspo)),
        ("gspo_kl", Case::of(gspo.with_kl(0.04))),
        ("cispo", Case::of(cispo)),
        ("batch_scale", Case { scale: "batch", ..Case::of(LossConfig::grpo()) }),
        ("on_policy", Case { on_policy: true, ..Case::of(LossConfig::grpo()) }),
    ]
}

/// The variants of `trl_losses.json`.
fn more_cases() -> Vec<(&'static str, Case)> {
    let biased = LossConfig { kl_bias_correction: true, ..LossConfig::grpo().with_kl(0.04) };
    let sequence = |config| LossConfig { level: Level::Sequence, ..config };
    let corrected = |config, level, mode| Case {
        correction: Some(Correction { level, mode, max: 1.3, min: 0.0 }),
        ..Case::of(config)
    };
    let dapo =
        LossConfig { surrogate: LossConfig::grpo().surrogate, ..LossConfig::dapo().with_kl(0.04) };
    vec![
        ("sapo", Case::of(LossConfig::sapo())),
        ("sapo_sequence", Case::of(sequence(LossConfig::sapo()))),
        ("grpo_kl_bias_corrected", Case::of(biased)),
        ("gspo_kl_bias_corrected", Case::of(sequence(biased))),
        ("grpo_entropy", Case::of(LossConfig { entropy_coef: 0.05, ..LossConfig::grpo() })),
        ("two_sided_tight", Case::of(LossConfig::two_sided(1.25))),
        (
            "tis_token",
            corrected(LossConfig::grpo().with_kl(0.04), Level::Token, CorrectionMode::Truncate),
        ),
        ("mis_token", corrected(dapo, Level::Token, CorrectionMode::Mask)),
        ("tis_sequence", corrected(LossConfig::bnpo(), Level::Sequence, CorrectionMode::Truncate)),
        ("mis_sequence", corrected(LossConfig::grpo(), Level::Sequence, CorrectionMode::Mask)),
    ]
}

#[track_caller]
fn close(name: &str, what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{name}: {what}");
    let worst = found
        .iter()
        .zip(expected)
        .map(|(found, expected)| f64::from((found - expected).abs()))
        .fold(0.0, f64::max);
    assert!(worst < TRL, "{name}: {what} is {worst:e} off");
}

fn check_against_trl(cases: Vec<(&'static str, Case)>, file: &str) {
    let (fixture, expected) = (Fixture::read(), listing(file));
    assert_eq!(
        expected["variants"].as_object().unwrap().len(),
        cases.len(),
        "every variant of {file} is tested"
    );
    for (name, case) in cases {
        let (loss, grad) = case.whole(&fixture);
        let expected = &expected["variants"][name];
        let found = loss.loss.clone().into_scalar::<f32>();
        close(name, "loss", &[found], &[expected["loss"].as_f64().unwrap() as f32]);
        close(name, "gradient", &grad, &fixture.floats(&format!("{name}.grad_logits")));
        if let Some(fraction) = expected["clip_fraction"].as_f64() {
            let sums = floats(loss.row_sums.clone());
            let clipped: f32 = sums.chunks(5).map(|row| row[2] + row[3]).sum();
            close(
                name,
                "clip fraction",
                &[clipped / fixture.mask().iter().sum::<f32>()],
                &[fraction as f32],
            );
            let mask = fixture.mask();
            let masked = |values: Vec<f32>| {
                values.iter().zip(&mask).map(|(value, own)| value * own).collect::<Vec<_>>()
            };
            let of = |what: &str| fixture.floats(&format!("{name}.{what}"));
            close(
                name,
                "loss of each token",
                &masked(floats(loss.per_token)),
                &masked(of("per_token_loss")),
            );
            let ratio = floats(loss.ratio);
            let expected = if ratio.len() == ROWS { of("ratio") } else { masked(of("ratio")) };
            close(
                name,
                "ratio",
                &if ratio.len() == ROWS { ratio } else { masked(ratio) },
                &expected,
            );
        }
        if let Some(weights) = case.weights(&fixture) {
            let theirs = fixture.floats(&format!("{name}.weights"));
            let columns = theirs.len() / ROWS;
            let ours: Vec<f32> =
                weights.chunks(TOKENS).flat_map(|row| row[..columns].to_vec()).collect();
            close(name, "importance weights", &ours, &theirs);
        }
    }
}

#[test]
fn losses_and_gradients_are_those_of_the_fixtures() {
    check_against_trl(base_cases(), "losses.json");
}

#[test]
fn further_losses_and_gradients_are_trls() {
    check_against_trl(more_cases(), "trl_losses.json");
}

#[test]
fn logps_entropy_and_kl_are_those_of_the_fixtures() {
    let fixture = Fixture::read();
    let logits = Tensor::<3>::from_data(
        TensorData::new(fixture.floats("logits"), [ROWS, TOKENS, VOCAB]),
        &device(),
    );
    let tokens =
        Tensor::<2, Int>::from_data(TensorData::new(fixture.tokens(), [ROWS, TOKENS]), &device());
    let scores = Scores::from_logits(logits, tokens, TEMPERATURE);
    // Log-probabilities reach -8, where f32 steps are 5e-7.
    let near = |found: Vec<f32>, name: &str| {
        let worst = found
            .iter()
            .zip(fixture.floats(name))
            .map(|(found, expected)| (found - expected).abs())
            .fold(0.0, f32::max);
        assert!(worst < 2e-6, "{name} is {worst:e} off");
    };
    near(floats(scores.logps.clone()), "logp");
    near(floats(scores.entropy), "entropy");
    near(floats(Kl::K3.estimate(scores.logps, tensor(fixture.floats("ref_logp"), TOKENS))), "kl");
}

/// By hand: the reference is exp(d) times as likely, d = ln 2.
#[test]
fn kl_estimates_by_hand() {
    let d = std::f32::consts::LN_2;
    for (kind, expected) in [(Kl::K1, -d), (Kl::K2, d * d / 2.0), (Kl::K3, 1.0 - d)] {
        let found = floats(kind.estimate(tensor(vec![-2.0], 1), tensor(vec![-2.0 + d], 1)))[0];
        assert!((found - expected).abs() < 1e-6, "{kind:?}: {found}");
    }
}

/// By hand, at `A = 1` and `A = -1` with ratios 0.5, 1 and 2.
#[test]
fn surrogates_by_hand() {
    let check = |surrogate: Surrogate, advantage: f32, expected: [f32; 3]| {
        let ratio = tensor(vec![0.5, 1.0, 2.0], 3);
        let logps = tensor(vec![-1.0, -2.0, -3.0], 3);
        let found = floats(surrogate.loss(ratio, tensor(vec![advantage], 1), logps));
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-6,
                "{surrogate:?}, A = {advantage}: {found} instead of {expected}"
            );
        }
    };
    let clip = |delta| Surrogate::Clip { low: 0.2, high: 0.28, delta };
    check(clip(None), 1.0, [-0.5, -1.0, -1.28]);
    check(clip(None), -1.0, [0.8, 1.0, 2.0]);
    check(clip(Some(1.5)), -1.0, [0.8, 1.0, 1.5]);
    check(Surrogate::Cispo { max_ratio: 1.5 }, 1.0, [0.5, 2.0, 4.5]);
    let gate = |tau: f32, ratio: f32| 4.0 / tau / (1.0 + (-tau * (ratio - 1.0)).exp());
    let sapo = Surrogate::Sapo { tau_positive: 1.0, tau_negative: 2.0 };
    check(sapo, 1.0, [-gate(1.0, 0.5), -2.0, -gate(1.0, 2.0)]);
    check(sapo, -1.0, [gate(2.0, 0.5), 1.0, gate(2.0, 2.0)]);
}

/// The loss in plain f64 loops that share nothing with the crate. `frozen` are the logits that a stopped gradient sees.
fn plain(case: &Case, fixture: &Plain, logits: &[f64], frozen: &[f64]) -> f64 {
    let (mut total, mut entropy_sum) = (0.0, 0.0);
    let all_tokens: f64 = fixture.mask.iter().sum();
    for row in 0..ROWS {
        let places: Vec<_> =
            (row * TOKENS..(row + 1) * TOKENS).filter(|at| fixture.mask[*at] > 0.0).collect();
        let count = places.len() as f64;
        let gap = |logits: &[f64], at: usize| fixture.logp(logits, at).0 - fixture.old[at];
        let mean = |logits: &[f64]| places.iter().map(|at| gap(logits, *at)).sum::<f64>() / count;
        let advantage = fixture.advantages[row];
        for at in &places {
            let (logp, entropy) = fixture.logp(logits, *at);
            let ratio = |logits: &[f64]| match case.config.level {
                Level::Token => gap(logits, *at).exp(),
                Level::Sequence => mean(logits).exp(),
            };
            let now = ratio(logits);
            let mut loss = match case.config.surrogate {
                Surrogate::Clip { low, high, delta } => {
                    let first = delta.map_or(now, |delta| if now > delta { delta } else { now })
                        * advantage;
                    let second = now.max(1.0 - low).min(1.0 + high) * advantage;
                    if first < second { -first } else { -second }
                }
                Surrogate::Cispo { max_ratio } => -ratio(frozen).min(max_ratio) * advantage * logp,
                Surrogate::Sapo { tau_positive, tau_negative } => {
                    let tau = if advantage > 0.0 { tau_positive } else { tau_negative };
                    -4.0 / tau / (1.0 + (-tau * (now - 1.0)).exp()) * advantage
                }
            };
            let d = fixture.reference[*at] - logp;
            let kl = match case.config.kl {
                Kl::K1 => -d,
                Kl::K2 => d * d / 2.0,
                Kl::K3 => d.exp() - d - 1.0,
            };
            loss += case.config.beta * if case.config.kl_bias_correction { kl * now } else { kl };
            total += loss
                / match case.config.reduction {
                    Reduction::SequenceMean => count * ROWS as f64,
                    Reduction::TokenMean | Reduction::BatchTokenMean => all_tokens,
                    Reduction::Constant { max_completion_tokens } => {
                        (ROWS * max_completion_tokens) as f64
                    }
                };
            entropy_sum += entropy;
        }
    }
    total - case.config.entropy_coef * entropy_sum / all_tokens
}

struct Plain {
    tokens: Vec<i64>,
    mask: Vec<f64>,
    old: Vec<f64>,
    reference: Vec<f64>,
    advantages: Vec<f64>,
}

impl Plain {
    fn logp(&self, logits: &[f64], at: usize) -> (f64, f64) {
        let row: Vec<f64> =
            logits[at * VOCAB..(at + 1) * VOCAB].iter().map(|logit| logit / TEMPERATURE).collect();
        let sum: f64 = row.iter().map(|logit| logit.exp()).sum();
        let entropy = row.iter().map(|logit| -(logit.exp() / sum) * (logit - sum.ln())).sum();
        (row[self.tokens[at] as usize] - sum.ln(), entropy)
    }
}

#[test]
fn gradients_are_the_finite_differences_of_plain_loops() {
    let kinds = [Kl::K1, Kl::K2, Kl::K3]
        .map(|kl| ("kl", Case::of(LossConfig { kl, ..LossConfig::grpo().with_kl(0.1) })));
    let cases = base_cases().into_iter().chain(more_cases()).chain(kinds);
    let fixture = Fixture::read();
    let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
    for (name, case) in cases.filter(|(_, case)| case.correction.is_none() && !case.on_policy) {
        let problem = Plain {
            tokens: fixture.tokens(),
            mask: wide(fixture.mask()),
            old: wide(fixture.floats("old_logp")),
            reference: wide(fixture.floats("ref_logp")),
            advantages: wide(fixture.advantages(case.scale)),
        };
        let logits = wide(fixture.floats("logits"));
        let (loss, grad) = case.whole(&fixture);
        let value = plain(&case, &problem, &logits, &logits);
        assert!((loss.loss.into_scalar::<f64>() - value).abs() < TRL, "{name}: {value}");
        for at in (0..logits.len()).step_by(41) {
            let shifted = |by: f64| {
                let mut shifted = logits.clone();
                shifted[at] += by;
                plain(&case, &problem, &shifted, &logits)
            };
            let slope = (shifted(1e-5) - shifted(-1e-5)) / 2e-5; // error of order 1e-10
            assert!(
                (f64::from(grad[at]) - slope).abs() < TRL,
                "{name}, logit {at}: {} against {slope}",
                grad[at]
            );
        }
    }
}
