use grpo::reward::{
    DifficultyGated, Finished, GatedToolUse, Gates, OverlongPenalty, RepeatPenalty, repeated_share,
};
use grpo::{Error, Outcome, Result, Reward, RewardSum};

fn outcome(format_valid: bool, calls: usize, accuracy: f64) -> Outcome {
    Outcome { format_valid, num_tool_calls: calls, accuracy, ..Outcome::default() }
}

#[track_caller]
fn check(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}"); // decimal constants in binary
}

/// Worked by hand from eqs. 4 to 8 of the DeepSport paper.
#[test]
fn gated_reward_has_the_papers_values() {
    let reward = GatedToolUse::default();
    for (format, calls, accuracy, expected) in [
        (false, 0, 0.0, -0.05),
        (false, 3, 1.0, -0.05),
        (true, 0, 0.0, 0.0),
        (true, 0, 0.4, 0.4),
        (true, 0, 1.0, 1.0),
        (true, 1, 0.5, 0.75), // half credit is at the gate
        (true, 1, 1.0, 1.5),
        (true, 7, 1.0, 1.5), // the number of calls does not matter
        (true, 1, 0.499, 0.529),
        (true, 1, 0.0, 0.03),
    ] {
        check(reward.value(&outcome(format, calls, accuracy)), expected);
    }
}

#[test]
fn each_gate_can_be_taken_out() {
    let without = |gates| GatedToolUse { gates, ..GatedToolUse::default() };
    let all = Gates::default();
    check(without(Gates { format: false, ..all }).value(&outcome(false, 1, 1.0)), 1.45);
    check(without(Gates { tool: false, ..all }).value(&outcome(true, 0, 1.0)), 1.5);
    check(without(Gates { accuracy: false, ..all }).value(&outcome(true, 1, 0.2)), 0.3);
}

#[test]
fn difficulty_decides_whether_a_call_is_paid() {
    let reward = DifficultyGated::default();
    let value = |hard, outcome: Outcome| {
        reward.value(&Outcome { base_model_fails: Some(hard), ..outcome }).unwrap()
    };
    check(value(true, outcome(true, 1, 1.0)), 1.5);
    check(value(true, outcome(true, 0, 1.0)), 1.0);
    check(value(false, outcome(true, 0, 1.0)), 1.5);
    check(value(false, outcome(true, 2, 1.0)), 1.0);
    check(value(true, outcome(true, 1, 0.2)), 0.23);
    check(value(false, outcome(true, 1, 0.2)), 0.2);
    check(value(true, outcome(false, 1, 1.0)), -0.05);
    assert!(matches!(reward.value(&outcome(true, 1, 1.0)), Err(Error::NoDifficulty)));
}

/// DAPO's example: 16,384 tokens free, a buffer of 4,096.
#[test]
fn overlong_answers_are_punished_along_a_line() {
    let penalty = OverlongPenalty { max_len: 20_480, buffer: 4_096 };
    for (len, expected) in [(0, 0.0), (16_384, 0.0), (18_432, -0.5), (20_480, -1.0), (30_000, -1.0)]
    {
        check(penalty.value(len), expected);
    }
    check(OverlongPenalty { max_len: 4, buffer: 0 }.value(4), 0.0);
    check(OverlongPenalty { max_len: 4, buffer: 0 }.value(5), -1.0);
}

#[test]
fn repeated_share_counts_ngrams_seen_before() {
    check(repeated_share(&[1, 2, 3, 4], 2), 0.0);
    check(repeated_share(&[1, 2, 1, 2, 1], 2), 0.5); // 12 21 12 21
    check(repeated_share(&[1], 2), 0.0);
}

struct Broken(f64);
impl Reward for Broken {
    fn name(&self) -> &str {
        "broken"
    }
    fn score(&self, _: &Finished<'_>) -> Result<f64> {
        Ok(self.0)
    }
}

#[test]
fn a_sum_keeps_its_terms_and_refuses_nan() {
    let outcome = outcome(true, 1, 1.0);
    let finished = Finished { outcome: &outcome, policy_ids: &[1, 1, 1], truncated: false };
    let sum = RewardSum::of(GatedToolUse::default()).with(0.5, RepeatPenalty { n: 1 });
    let terms = sum.score(&finished).unwrap();
    check(terms[0], 1.5);
    check(terms[1], -2.0 / 3.0);
    check(sum.total(&terms), 1.5 - 1.0 / 3.0);
    assert_eq!(sum.names(), ["gated_tool_use", "repeat"]);
    for value in [f64::NAN, f64::INFINITY] {
        let error = RewardSum::of(Broken(value)).score(&finished).unwrap_err();
        assert!(error.to_string().starts_with("the reward `broken` is"), "{error}");
    }
}
