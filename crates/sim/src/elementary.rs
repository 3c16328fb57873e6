//! `exp` and `ln` without branches and without fused operations, so that loops over lanes become vectors and give the
//! same bits whatever the width of these.
//!
//! Left out: full accuracy in the last bit, and `ln` of zero, negative or subnormal numbers.
#![expect(
    clippy::inline_always,
    reason = "a body must be compiled inside the function that chose the vectors"
)]

/// Polynomial exponential (Cephes); relative error below 3e-7, exactly 0 below −87, that of 88 above 88.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding and subtracting 1.5 · 2²³ rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let c = least(most(x, -87.0), 88.0);
    let n = (c * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = c - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
        p = p * r + coefficient;
    }
    let mantissa = p * r * r + r + 1.0;
    let bits = (n + ROUND).to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    if x < -87.0 { 0.0 } else { mantissa * f32::from_bits(bits) }
}

/// Polynomial natural logarithm (Cephes) of a positive normal number; relative error below 5e-7 away from 1.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    let bits = x.to_bits();
    let mantissa = f32::from_bits((bits & 0x007f_ffff) | 0x3f00_0000);
    let exponent = (bits >> 23) as i32 - 126;
    let low = mantissa < std::f32::consts::FRAC_1_SQRT_2;
    let e = if low { (exponent - 1) as f32 } else { exponent as f32 };
    let m = if low { mantissa + mantissa - 1.0 } else { mantissa - 1.0 };
    let m2 = m * m;
    let mut p = 7.037_683_6e-2;
    for coefficient in [
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ] {
        p = p * m + coefficient;
    }
    let y = p * m * m2 - e * 2.121_944_4e-4 - 0.5 * m2;
    m + y + e * 0.693_359_4
}

/// Natural logarithm of `1 + x` for `x ≥ 0`, right for small `x` too: what rounding adds to `1 + x` is divided out again.
#[inline(always)]
pub(crate) fn ln_1p(x: f32) -> f32 {
    let sum = 1.0 + x;
    let kept = sum - 1.0;
    if kept == 0.0 { x } else { ln(sum) * (x / kept) }
}

/// The smaller of two numbers; the second where one is not a number. One instruction, unlike `f32::min`.
#[inline(always)]
pub(crate) fn least(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The larger of two numbers; the second where one is not a number.
#[inline(always)]
pub(crate) fn most(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_and_logarithms_are_right_to_the_last_bits() {
        for i in -8600..8800 {
            let x = i as f32 / 100.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) - exact).abs() < 4e-7 * exact, "exp {x}");
        }
        for i in 1..20_000 {
            let x = i as f32 / 37.0;
            let exact = f64::from(x).ln();
            assert!((f64::from(ln(x)) - exact).abs() < 5e-7 * exact.abs().max(1.0), "ln {x}");
        }
        assert_eq!((exp(-200.0), exp(0.0), ln(1.0)), (0.0, 1.0, 0.0));
    }

    #[test]
    fn small_arguments_keep_their_relative_precision() {
        for x in [0.0f32, 1e-8, 1e-5, 1e-3, 0.1, 7.0] {
            let exact = f64::from(x).ln_1p();
            assert!((f64::from(ln_1p(x)) - exact).abs() <= 1e-6 * exact, "{x}");
        }
    }
}
