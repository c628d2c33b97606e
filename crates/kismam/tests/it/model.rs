//! Laws of the numeric model, through the public API.

use kismam::{Assessor, IssueAssessment, KnowledgeBase, Measurement, Profile, Side, Verdict, ramp};
use proptest::prelude::*;

use crate::support::{Row, kb, measured, toml};

/// Rounding of sums over a few rows; every quantity compared is at most about 30.
const ROUNDING: f64 = 1e-10;

fn assess(kb: &KnowledgeBase, measurements: &[Measurement]) -> IssueAssessment {
    let assessment = Assessor::new(kb, "e").unwrap().assess(measurements).unwrap();
    assessment.issue("i0").unwrap().clone()
}

#[test]
fn two_rows_by_hand() {
    // Deviations 12.5 and 20 on ramps 5..20 are memberships 0.5 and 1; without noise nothing is shrunk.
    let rows = vec![
        Row { w: 0.4, group: 0, ..Row::default() },
        Row { w: 0.5, group: 1, ..Row::default() },
    ];
    let measurements = [Measurement::new("f0_0", 12.5, 0.0), Measurement::new("f0_1", 20.0, 0.0)];
    let issue = assess(&kb(&[rows]), &measurements);
    let expected = 1.0 - 0.98 * (1.0 - 0.4 * 0.5) * (1.0 - 0.5);
    assert!((issue.probability - expected).abs() < ROUNDING);
    assert!((issue.severity - (0.4 * 0.5 + 0.5) / 0.9).abs() < ROUNDING);
    assert_eq!((issue.coverage, issue.confidence, issue.verdict), (1.0, 1.0, Verdict::Present));
}

#[test]
fn rows_of_one_group_do_not_count_twice() {
    let one = vec![Row::default()];
    let two = vec![Row::default(), Row::default()];
    let value = |r: usize| Measurement::new(format!("f0_{r}"), 15.0, 2.0);
    let once = assess(&kb(&[one]), &[value(0)]).probability;
    assert_eq!(assess(&kb(&[two]), &[value(0), value(1)]).probability, once);
}

#[test]
fn weighted_mean_needs_agreement() {
    let rows = vec![
        Row { w: 0.5, group: 0, ..Row::default() },
        Row { w: 0.5, group: 1, ..Row::default() },
    ];
    let kb = KnowledgeBase::from_toml(&toml(&[rows], "weighted_mean"), "test").unwrap();
    let values =
        |a: f64, b: f64| [Measurement::new("f0_0", a, 0.0), Measurement::new("f0_1", b, 0.0)];
    assert!((assess(&kb, &values(30.0, 0.0)).probability - 0.5).abs() < ROUNDING);
    assert!((assess(&kb, &values(30.0, 30.0)).probability - 1.0).abs() < ROUNDING);
}

#[test]
fn a_required_row_caps_and_a_contrary_row_scales() {
    let rows = vec![
        Row { w: 0.9, group: 0, ..Row::default() },
        Row { w: 0.5, group: 1, role: "required", ..Row::default() },
        Row { w: 0.8, group: 2, role: "contra", ..Row::default() },
    ];
    let base = kb(&[rows]);
    let value = |r: usize, x: f64| Measurement::new(format!("f0_{r}"), x, 0.0);
    let p = |required: f64, contra: f64| {
        assess(&base, &[value(0, 30.0), value(1, required), value(2, contra)]).probability
    };
    assert!((p(30.0, 0.0) - (1.0 - 0.98 * 0.1 * 0.5)).abs() < ROUNDING); // both in full
    assert!((p(8.0, 0.0) - 0.2).abs() < ROUNDING); // capped at the required row's (8 - 5) / 15
    assert!((p(30.0, 30.0) - 0.2 * (1.0 - 0.98 * 0.1 * 0.5)).abs() < ROUNDING); // times 1 - 0.8
    let missing = assess(&base, &[value(0, 30.0), value(2, 0.0)]);
    assert_eq!((missing.verdict, missing.probability), (Verdict::CannotTell, 0.0));
}

#[test]
fn the_paper_profile_is_the_weighted_mean_of_plain_ramps_over_what_was_measured() {
    let rows = vec![
        Row { w: 0.4, group: 0, ..Row::default() },
        Row { w: 0.5, group: 0, ..Row::default() },
        Row { w: 0.9, group: 0, ..Row::default() },
    ];
    let base = kb(&[rows]);
    let assessor = Assessor::new(&base, "e").unwrap().with_profile(Profile::Paper);
    let measurements = [Measurement::new("f0_0", 12.5, 7.0), Measurement::new("f0_1", 20.0, 7.0)];
    let issue = assessor.assess(&measurements).unwrap().issues[0].clone();
    assert!((issue.probability - (0.4 * 0.5 + 0.5) / 0.9).abs() < ROUNDING);
    assert!((issue.coverage - 0.5).abs() < ROUNDING);
}

#[test]
fn an_unseen_row_is_never_a_good_row() {
    let rows = vec![
        Row { w: 0.6, group: 0, ..Row::default() },
        Row { w: 0.7, group: 1, ..Row::default() },
    ];
    let issue = assess(&kb(&[rows]), &[Measurement::new("f0_0", 0.0, 1.0)]);
    assert_eq!(issue.verdict, Verdict::CannotTell); // 0.6 of 1.3 observed
    assert_eq!(issue.missing.len(), 1);
}

/// Hopeless noise raises memberships by itself; with nothing measured out of tolerance that is no finding.
#[test]
fn noise_alone_is_no_finding() {
    let rows = (0..6).map(|group| Row { tau: 60.0, w: 0.9, group, ..Row::default() }).collect();
    let measurements: Vec<_> =
        (0..6).map(|r| Measurement::new(format!("f0_{r}"), 0.0, 60.0)).collect();
    let issue = assess(&kb(&[rows]), &measurements);
    assert!(issue.probability > 0.5, "{}", issue.probability);
    assert_eq!(issue.verdict, Verdict::CannotTell);
}

#[test]
fn five_strides_are_surer_than_one() {
    let base = kb(&[vec![Row { w: 0.9, ..Row::default() }]]);
    let stride = |value: f64| Measurement::new("f0_0", value, 7.0);
    let one = assess(&base, &[stride(17.0)]);
    let five = assess(&base, &[15.0, 16.0, 17.0, 18.0, 19.0].map(stride));
    assert!(five.probability > one.probability);
    let repeats = five.evidence[0].repeats.clone().unwrap();
    assert_eq!((repeats.count, repeats.beyond), (5, 5));
    assert!((repeats.sd - 2.5_f64.sqrt()).abs() < ROUNDING); // variance of 15..=19 is 10 / 4
    assert!((five.evidence[0].sigma - 7.0 / 5.0_f64.sqrt()).abs() < ROUNDING);
}

fn row() -> impl Strategy<Value = Row> {
    let direction = prop_oneof![Just("above"), Just("below"), Just("either"), Just("asymmetry")];
    let role = prop_oneof![6 => Just("support"), 1 => Just("required"), 1 => Just("contra")];
    (direction, 0.0..10.0, 1.0..20.0, 0.05..1.0, 0..3_usize, role, 2.0..20.0).prop_map(
        |(direction, t_min, width, w, group, role, tau)| Row {
            direction,
            t_min,
            t_max: t_min + width,
            w,
            group,
            role,
            tau,
        },
    )
}

/// Rows with a value and a sigma each; the first row always can carry the issue, so that the base is valid.
fn case() -> impl Strategy<Value = Vec<(Row, f64, f64)>> {
    prop::collection::vec((row(), -40.0..40.0, 0.0..15.0), 1..6).prop_map(|mut rows| {
        (rows[0].0.w, rows[0].0.role) = (0.9, "support");
        rows
    })
}

fn split(case: &[(Row, f64, f64)]) -> (Vec<Row>, Vec<Vec<Measurement>>) {
    let rows = case.iter().map(|(row, ..)| row.clone()).collect();
    (
        rows,
        case.iter()
            .enumerate()
            .map(|(r, (row, value, sigma))| measured(row, r, *value, *sigma))
            .collect(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn shares_add_up(case in case()) {
        let (rows, measurements) = split(&case);
        let issue = assess(&kb(&[rows]), &measurements.concat());
        let shares: f64 = issue.evidence.iter().map(|record| record.share).sum();
        prop_assert!((shares + ((1.0 - issue.support_probability) / 0.98).ln()).abs() < 1e-9 * (1.0 + shares));
        prop_assert!(issue.probability <= issue.support_probability);
    }

    #[test]
    fn every_number_is_a_number_in_its_range(case in case()) {
        let (rows, measurements) = split(&case);
        let issue = assess(&kb(&[rows]), &measurements.concat());
        for x in [issue.probability, issue.severity, issue.confidence, issue.coverage] {
            prop_assert!((0.0..=1.0).contains(&x));
        }
        for record in &issue.evidence {
            prop_assert!((0.0..=1.0).contains(&record.membership) && record.share.is_finite());
        }
    }

    #[test]
    fn a_missing_row_never_raises_the_probability(case in case(), lost in 0..6_usize, mean in any::<bool>()) {
        let (rows, mut measurements) = split(&case);
        let aggregate = if mean { "weighted_mean" } else { "noisy_or" };
        let kb = KnowledgeBase::from_toml(&toml(&[rows], aggregate), "test").unwrap();
        let all = assess(&kb, &measurements.concat()).probability;
        let lost = lost % measurements.len();
        measurements.remove(lost);
        prop_assert!(assess(&kb, &measurements.concat()).probability <= all + ROUNDING);
    }

    #[test]
    fn the_order_of_rows_does_not_matter(case in case(), seed in any::<u64>()) {
        let (rows, measurements) = split(&case);
        let text = toml(&[rows], "noisy_or");
        let mut blocks: Vec<&str> = text.split("\n[[").collect();
        // Any permutation of the tables after the first.
        let mut state = seed;
        for i in (2..blocks.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            blocks.swap(i, 1 + (state >> 33) as usize % i);
        }
        let (one, other) = (
            KnowledgeBase::from_toml(&text, "test").unwrap(),
            KnowledgeBase::from_toml(&blocks.join("\n[["), "test").unwrap(),
        );
        prop_assert_eq!(one.hash(), other.hash());
        let (mut there, mut back) = (measurements.clone(), measurements.concat());
        there.reverse();
        back.reverse();
        let expected = assess(&one, &there.concat());
        let found = assess(&other, &back);
        prop_assert_eq!(expected.probability.to_bits(), found.probability.to_bits());
        prop_assert_eq!(expected.verdict, found.verdict);
    }

    #[test]
    fn more_deviation_is_never_less_probable(case in case(), more in 0.0..20.0) {
        let (rows, before) = split(&case);
        let mut case = case;
        // Push the first row further in its direction.
        let (row, value, _) = &mut case[0];
        match row.direction {
            "below" => *value -= more,
            "above" => *value += more,
            _ => *value += more * value.signum(),
        }
        let (_, after) = split(&case);
        let kb = kb(&[rows]);
        prop_assert!(assess(&kb, &after.concat()).probability >= assess(&kb, &before.concat()).probability - ROUNDING);
    }

    /// Swapping above and below and the sign of every value, or left and right, changes nothing.
    #[test]
    fn the_mirror_image_is_judged_alike(case in case()) {
        let (rows, measurements) = split(&case);
        let mirrored: Vec<_> = case
            .iter()
            .map(|(row, value, sigma)| {
                let direction = match row.direction {
                    "above" => "below",
                    "below" => "above",
                    same => same,
                };
                (Row { direction, ..row.clone() }, -value, *sigma)
            })
            .collect();
        let (mirrored_rows, mirrored_measurements) = split(&mirrored);
        let original = assess(&kb(&[rows]), &measurements.concat());
        let image = assess(&kb(&[mirrored_rows]), &mirrored_measurements.concat());
        prop_assert!((original.probability - image.probability).abs() < ROUNDING);
        prop_assert_eq!(original.verdict, image.verdict);
    }

    #[test]
    fn no_noise_is_the_plain_ramp(d in -50.0..50.0, t_min in 0.0..10.0, width in 0.5..30.0) {
        let plain = ramp::plain(d, t_min, t_min + width);
        prop_assert!((ramp::expected(d, t_min, t_min + width, 0.0) - plain).abs() <= 1e-12);
        // Approaching the limit: the mean differs from the ramp by at most the mean absolute noise over the width.
        for sigma in [1e-3, 1e-6, 1e-9] {
            let expected = ramp::expected(d, t_min, t_min + width, sigma);
            prop_assert!((expected - plain).abs() <= sigma / width + 1e-12);
        }
    }

    #[test]
    fn the_noisy_ramp_is_monotone_and_symmetric_about_its_middle(
        d in -60.0..60.0, step in 0.0..5.0, t_min in 0.0..10.0, width in 0.5..30.0, sigma in 0.0..30.0,
    ) {
        let mu = |d| ramp::expected(d, t_min, t_min + width, sigma);
        // Differences of terms up to 100 divided by widths down to 0.5.
        prop_assert!(mu(d + step) >= mu(d) - 1e-12);
        let middle = t_min + 0.5 * width;
        prop_assert!((mu(middle + d) + mu(middle - d) - 1.0).abs() < 1e-11);
    }
}

/// The closed form is the mean of the ramp over noise: against a Monte Carlo mean of 4 million stratified draws,
/// whose own error is below 1e-4.
#[test]
fn the_closed_form_is_the_mean_under_noise() {
    for (d, t_min, t_max, sigma) in [
        (0.0, 5.0, 20.0, 7.0),
        (12.0, 5.0, 20.0, 7.0),
        (19.0, 5.0, 20.0, 11.0),
        (-4.0, 0.0, 3.0, 2.5),
        (30.0, 5.0, 20.0, 4.0),
    ] {
        let (mut state, mut sum, n) = (0x9E37_79B9_7F4A_7C15_u64, 0.0, 1_000_000);
        let mut uniform = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for i in 0..n {
            // Box-Muller, radius stratified, each normal with its antithetic and its orthogonal partner.
            let radius = (-2.0 * ((f64::from(i) + 1.0 - uniform()) / f64::from(n)).ln()).sqrt();
            let angle = std::f64::consts::TAU * uniform();
            for z in [
                radius * angle.cos(),
                -radius * angle.cos(),
                radius * angle.sin(),
                -radius * angle.sin(),
            ] {
                sum += ramp::plain(d + sigma * z, t_min, t_max);
            }
        }
        let mean = sum / (4.0 * f64::from(n));
        assert!(
            (ramp::expected(d, t_min, t_max, sigma) - mean).abs() < 1e-3,
            "{d} {t_min} {t_max} {sigma}"
        );
    }
}

/// Standard normal numbers with a seed: xorshift and the sum of twelve uniforms, whose variance is exactly 1.
struct Noise(u64);

impl Noise {
    fn normal(&mut self) -> f64 {
        let uniform = |_| {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        };
        (0..12).map(uniform).sum::<f64>() - 6.0
    }
}

/// The noise of a difference of sides, and of their mean, for sides with these standard deviations and timings.
fn sigmas(left: &[(f64, f64)], right: &[(f64, f64)]) -> (f64, f64) {
    let of = |direction: &'static str| {
        let text = toml(&[vec![Row { direction, ..Row::default() }]], "noisy_or")
            .replace("side = \"left\"", "side = \"both\"");
        let base = KnowledgeBase::from_toml(&text, "t").unwrap();
        let rows = [(Side::Left, left), (Side::Right, right)].into_iter().flat_map(|(side, of)| {
            of.iter().map(move |&(sigma, timing)| {
                Measurement::new("f0_0", 10.0, sigma).with_timing(timing).on(side)
            })
        });
        assess(&base, &rows.collect::<Vec<_>>()).evidence[0].sigma
    };
    (of("asymmetry"), of("above"))
}

#[test]
fn what_a_keyframes_error_does_to_both_sides_is_no_difference_between_them() {
    let close = |(difference, mean): (f64, f64), squares: (f64, f64)| {
        assert!((difference.powi(2) - squares.0).abs() < 1e-9, "{difference}");
        assert!((mean.powi(2) - squares.1).abs() < 1e-9, "{mean}");
    };
    // Each side: 3 of its own and 4 of the keyframe's, together 5.
    close(sigmas(&[(5.0, 0.0)], &[(5.0, 0.0)]), (50.0, 12.5)); // not known to be common: independent
    close(sigmas(&[(5.0, 4.0)], &[(5.0, 4.0)]), (18.0, 20.5)); // 9 + 9; (9 + 9) / 4 + 16
    close(sigmas(&[(5.0, 4.0)], &[(5.0, -4.0)]), (82.0, 4.5)); // one opens while the other closes: 9 + 9 + 64
    // Two repetitions, each with a keyframe of its own: half of each.
    close(sigmas(&[(5.0, 4.0); 2], &[(5.0, 4.0); 2]), (9.0, 10.25));
    // Who belongs to whom is not known: as if independent.
    close(sigmas(&[(5.0, 4.0); 2], &[(5.0, 4.0)]), (37.5, 9.375));
}

#[test]
fn a_common_error_is_simulated_as_the_formula_says() {
    // Both knees straighten at 200 and 140 deg/s, the keyframe is off by 10 ms (sd), keypoints by 3 degrees.
    let (speeds, e_t, pose) = ([200.0, 140.0], 0.010, 3.0);
    let side = |speed: f64| [((speed * e_t).hypot(pose), speed * e_t)];
    let (difference, mean) = sigmas(&side(speeds[0]), &side(speeds[1]));
    let mut noise = Noise(42);
    let (mut square_difference, mut square_mean) = (0.0, 0.0);
    const N: usize = 200_000;
    for _ in 0..N {
        let late = e_t * noise.normal();
        let [l, r] = speeds.map(|speed| speed * late + pose * noise.normal());
        square_difference += (l - r).powi(2) / N as f64;
        square_mean += (0.5 * (l + r)).powi(2) / N as f64;
    }
    // A variance from 200,000 samples has a relative standard error of sqrt(2 / N) = 0.3 %; four of them.
    assert!((square_difference / difference.powi(2) - 1.0).abs() < 0.013);
    assert!((square_mean / mean.powi(2) - 1.0).abs() < 0.013);
}

#[test]
fn hips_beside_the_feet_are_an_asymmetry_to_either_side() {
    let text = toml(&[vec![Row { direction: "asymmetry", ..Row::default() }]], "noisy_or")
        .replace("measure = \"knee\"", "measure = \"pelvis_shift\"")
        .replace("side = \"both\"\n", "")
        .replace("unit = \"deg\"", "unit = \"leg\"\nviews = [\"3d\"]")
        .replace("views = [\"side\", \"3d\"]", "views = [\"3d\"]")
        .replace("t_min = 5.0\nt_max = 20.0", "t_min = 0.05\nt_max = 0.15");
    let base = KnowledgeBase::from_toml(&text, "t").unwrap();
    assert_eq!(base.lint(), []);
    let shift = |value: f64| [Measurement::new("f0_0", value, 0.01)];
    let of = |athlete: f64, reference: f64| {
        let assessor = Assessor::new(&base, "e").unwrap().with_template(&shift(reference));
        assessor.assess(&shift(athlete)).unwrap().issue("i0").unwrap().evidence[0].clone()
    };
    for (athlete, reference, deviation, side) in [
        (0.2, 0.03, 0.17, Side::Right),
        (-0.2, 0.03, 0.17, Side::Left),
        (0.0, 0.2, -0.2, Side::Left), // the symmetric one beside an asymmetric reference
    ] {
        let record = of(athlete, reference);
        assert!((record.deviation - deviation).abs() < 1e-12, "{record:?}");
        assert_eq!((record.beyond, record.value), (deviation > 0.0, athlete.abs()));
        assert!(deviation < 0.0 || record.side == Some(side), "{record:?}");
    }
    let advice = of(0.2, 0.03).counterfactual.unwrap();
    assert_eq!(advice.en, "0.12 leg lengths less sideways shift of the hips would clear it");
}
