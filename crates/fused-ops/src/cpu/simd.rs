//! Plain loops in the widest registers the CPU has, on all cores.

use rayon::prelude::*;

/// Numbers in a piece of work: enough to pay for waking another core, few enough for its nearest caches.
const PIECE: usize = 32 * 1024;
/// Sums that grow side by side. So many that the compiler keeps a loop over them, which it turns into the widest
/// registers; fewer it unrolls first, and then takes narrow ones.
pub(super) const LANES: usize = 128;

/// Runs `body` compiled for AVX-512 or AVX2 where the CPU has them (found when the program runs), and otherwise for the
/// target's own instructions. `body` and what it calls must be inlined.
#[inline(always)]
pub(super) fn widest<R>(body: impl FnOnce() -> R) -> R {
    widest_fused(
        #[inline(always)]
        |_| body(),
    )
}

/// The same; tells `body` whether a product and a sum are one instruction, rounded once ([`fused`]).
#[inline(always)]
pub(super) fn widest_fused<R>(body: impl FnOnce(bool) -> R) -> R {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        use pulp::x86::{V3, V4};
        if let Some(simd) = V4::try_new() {
            return simd.vectorize(
                #[inline(always)]
                || body(true),
            );
        }
        if let Some(simd) = V3::try_new() {
            return simd.vectorize(
                #[inline(always)]
                || body(true),
            );
        }
    }
    body(false)
}

/// `a * b + c`.
#[inline(always)]
pub(super) fn fused(is_one: bool, a: f32, b: f32, c: f32) -> f32 {
    if is_one { a.mul_add(b, c) } else { a * b + c }
}

/// Rows of `width` numbers that make a piece of work. Depends on nothing else, so that sums over pieces come out the same
/// on any number of cores.
pub(super) fn rows_of_a_piece(width: usize) -> usize {
    (PIECE / width.max(1)).max(1)
}

/// Does `body` for all pieces, by one core if there is only one.
pub(super) fn spread<T: Send>(pieces: impl Iterator<Item = T>, body: impl Fn(T) + Send + Sync) {
    let mut pieces: Vec<T> = pieces.collect();
    if pieces.len() == 1 {
        pieces.drain(..).for_each(body);
    } else {
        pieces.into_par_iter().for_each(body);
    }
}

/// `sum(a * b)`.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    sum_of_two(
        a,
        b,
        #[inline(always)]
        |a, b| a * b,
    )
}

/// `sum(of(a, b))`.
#[inline(always)]
pub(super) fn sum_of_two(a: &[f32], b: &[f32], of: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0_f32; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += of(*a, *b);
        }
    }
    total(sums)
}

/// `sum(of(x))`.
#[inline(always)]
pub(super) fn sum(x: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0_f32; LANES];
    for x in x.chunks(LANES) {
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum += of(*x);
        }
    }
    total(sums)
}

/// The largest number; NaN does not count.
#[inline(always)]
pub(super) fn largest(x: &[f32]) -> f32 {
    let mut all = [f32::NEG_INFINITY; LANES];
    for x in x.chunks(LANES) {
        for (most, x) in all.iter_mut().zip(x) {
            *most = if *x > *most { *x } else { *most };
        }
    }
    halve(
        all,
        #[inline(always)]
        |a, b| if b > a { b } else { a },
    )
}

/// The sum of all lanes.
#[inline(always)]
pub(super) fn total(sums: [f32; LANES]) -> f32 {
    halve(
        sums,
        #[inline(always)]
        |a, b| a + b,
    )
}

#[inline(always)]
fn halve(mut lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut len = LANES;
    while len > 1 {
        len /= 2;
        let (low, high) = lanes.split_at_mut(len);
        for (low, high) in low.iter_mut().zip(high) {
            *low = join(*low, *high);
        }
    }
    lanes[0]
}

/// `e^x` to 2 units in the last place: 0 below -87, no more than `e^88`, NaN for NaN. Without branches, so that loops over
/// it use wide registers. Cody-Waite reduction and the polynomial of Cephes' `expf` (Moshier 1992).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// Added to a number, leaves it rounded in the low bits.
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23
    let y = if x > 88.0 { 88.0 } else { x };
    let y = if y < -87.0 { -87.0 } else { y };
    let shifted = y * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = y - n * 0.693_359_4 + n * 2.121_944_4e-4; // ln 2 in two parts
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 0.166_666_65;
    p = p * r + 0.5;
    let exp_r = p * (r * r) + r + 1.0;
    let power =
        f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23);
    if x < -87.0 { 0.0 } else { exp_r * power }
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_those_of_double_precision() {
        let mut worst = 0.0_f64;
        for step in 0..=1_750_000 {
            let x = -87.0 + step as f32 * 1e-4;
            let (ours, exact) = (f64::from(exp(x)), f64::from(x).exp());
            worst = worst.max((ours - exact).abs() / exact);
        }
        assert!(worst < 2.0 * f64::from(f32::EPSILON), "relative error {worst:e}");
    }

    #[test]
    fn exponentials_of_extremes() {
        assert_eq!(exp(-1e30), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(1e30) > 1e38);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn sums_of_any_length() {
        for len in [0, 1, 31, 32, 33, 100] {
            let x: Vec<f32> = (1..=len).map(|i| i as f32).collect();
            let n = len as f32;
            assert_eq!(sum(&x, |x| x), n * (n + 1.0) / 2.0);
            assert_eq!(dot(&x, &x), n * (n + 1.0) * (2.0 * n + 1.0) / 6.0);
            assert_eq!(largest(&x), if len == 0 { f32::NEG_INFINITY } else { n });
        }
    }
}
