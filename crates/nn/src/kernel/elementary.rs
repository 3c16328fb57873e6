//! `tanh`, `exp`, `ln` and their relatives without branches, so that the compiler turns them into vectors.
//!
//! Left out: full accuracy in the last bit, and `ln` of zero, negative or subnormal numbers.

use super::{FUSED, fma, has_avx2};

/// Rational approximation of `tanh` (13/6 minimax, the coefficients Eigen publishes); error below 4e-7.
#[inline(always)]
fn tanh_one<const F: bool>(x: f32) -> f32 {
    let x = x.clamp(-7.905_311, 7.905_311);
    let x2 = x * x;
    let mut p = -2.760_768_5e-16;
    for coefficient in
        [2.000_188e-13, -8.604_672e-11, 5.122_297e-8, 1.485_722_4e-5, 6.372_619e-4, 4.893_525e-3]
    {
        p = fma::<F>(p, x2, coefficient);
    }
    let mut q = 1.198_258_4e-6;
    for coefficient in [1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3] {
        q = fma::<F>(q, x2, coefficient);
    }
    p * x / q
}

/// Polynomial `exp` (Cephes); relative error below 2e-7, exactly 0 below −87, largest argument 88.
#[inline(always)]
fn exp_one<const F: bool>(x: f32) -> f32 {
    // Adding and subtracting 1.5 · 2²³ rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let c = x.clamp(-87.0, 88.0);
    let n = (c * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = fma::<F>(n, -0.693_359_4, c);
    let r = fma::<F>(n, 2.121_944_4e-4, r);
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
        p = fma::<F>(p, r, coefficient);
    }
    let mantissa = fma::<F>(p * r, r, r) + 1.0;
    let bits = (n + ROUND).to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    if x < -87.0 { 0.0 } else { mantissa * f32::from_bits(bits) }
}

/// Polynomial `ln` (Cephes) of positive normal numbers; relative error below 2e-7.
#[inline(always)]
fn ln_one<const F: bool>(x: f32) -> f32 {
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
        p = fma::<F>(p, m, coefficient);
    }
    let y = fma::<F>(e, -2.121_944_4e-4, p * m * m2);
    let y = fma::<F>(m2, -0.5, y);
    fma::<F>(e, 0.693_359_4, m + y)
}

#[inline(always)]
pub(super) fn tanh_all<const F: bool>(values: &mut [f32]) {
    for x in values {
        *x = tanh_one::<F>(*x);
    }
}

#[inline(always)]
pub(super) fn sigmoid_all<const F: bool>(values: &mut [f32]) {
    for x in values {
        *x = 1.0 / (1.0 + exp_one::<F>(-*x));
    }
}

#[inline(always)]
fn exp_all<const F: bool>(values: &mut [f32]) {
    for x in values {
        *x = exp_one::<F>(*x);
    }
}

#[inline(always)]
fn ln_all<const F: bool>(values: &mut [f32]) {
    for x in values {
        *x = ln_one::<F>(*x);
    }
}

#[inline(always)]
fn relu_all<const F: bool>(values: &mut [f32]) {
    for x in values {
        *x = x.max(0.0);
    }
}

#[inline(always)]
fn elu_all<const F: bool>(values: &mut [f32]) {
    for x in values {
        let below = exp_one::<F>(x.min(0.0)) - 1.0;
        *x = if *x > 0.0 { *x } else { below };
    }
}

#[inline(always)]
fn elu_chain<const F: bool>(deltas: &mut [f32], outputs: &[f32]) {
    deltas.iter_mut().zip(outputs).for_each(|(d, y)| *d *= 1.0 + y.min(0.0));
}

#[inline(always)]
fn tanh_chain<const F: bool>(deltas: &mut [f32], outputs: &[f32]) {
    deltas.iter_mut().zip(outputs).for_each(|(d, y)| *d *= 1.0 - y * y);
}

#[inline(always)]
fn relu_chain<const F: bool>(deltas: &mut [f32], outputs: &[f32]) {
    deltas.iter_mut().zip(outputs).for_each(|(d, y)| *d = if *y > 0.0 { *d } else { 0.0 });
}

dispatched! {
    /// Hyperbolic tangent of each value.
    pub fn tanh(values: &mut [f32]) => tanh_all
}
dispatched! {
    /// Logistic function of each value.
    pub fn sigmoid(values: &mut [f32]) => sigmoid_all
}
dispatched! {
    /// Exponential of each value; exactly 0 below −87, and that of 88 above 88.
    pub fn exp(values: &mut [f32]) => exp_all
}
dispatched! {
    /// Natural logarithm of each value; positive normal numbers only.
    pub fn ln(values: &mut [f32]) => ln_all
}
dispatched! {
    /// Each value, or 0 where it is negative.
    pub fn relu(values: &mut [f32]) => relu_all
}
dispatched! {
    /// Each value, or `eˣ − 1` where it is negative (Clevert et al. 2016, α = 1).
    pub fn elu(values: &mut [f32]) => elu_all
}
dispatched! {
    /// Multiplies each delta by the slope of [`elu`], given the outputs of that.
    pub fn elu_backward(deltas: &mut [f32], outputs: &[f32]) => elu_chain
}
dispatched! {
    /// Multiplies each delta by the slope of [`tanh`], given the outputs of that.
    pub fn tanh_backward(deltas: &mut [f32], outputs: &[f32]) => tanh_chain
}
dispatched! {
    /// Multiplies each delta by the slope of [`relu`] (0 at 0), given the outputs of that.
    pub fn relu_backward(deltas: &mut [f32], outputs: &[f32]) => relu_chain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(kernel: fn(&mut [f32]), exact: fn(f64) -> f64, arguments: &[f32]) -> f64 {
        let mut values = arguments.to_vec();
        kernel(&mut values);
        let error = |(x, y): (&f32, &f32)| {
            let exact = exact(f64::from(*x));
            (f64::from(*y) - exact).abs() / exact.abs().max(1e-30)
        };
        arguments.iter().zip(&values).map(error).fold(0.0, f64::max)
    }

    #[test]
    fn elementary_functions_are_right_to_the_last_bits() {
        let wide: Vec<f32> = (-8700..8800).map(|i| i as f32 / 100.0).collect();
        let positive: Vec<f32> = (1..20_000).map(|i| i as f32 / 37.0).collect();
        assert!(worst(exp, f64::exp, &wide) < 3e-7);
        let logs: Vec<f32> = positive.iter().copied().filter(|x| (x - 1.0).abs() > 0.05).collect();
        assert!(worst(ln, f64::ln, &logs) < 5e-7);
        let inside: Vec<f32> = (-780..780).map(|i| (i as f32 + 0.5) / 100.0).collect();
        assert!(worst(tanh, f64::tanh, &inside) < 5e-7);
        assert!(worst(sigmoid, |x| 1.0 / (1.0 + (-x).exp()), &inside) < 5e-7);
    }

    #[test]
    fn exponentials_of_forbidden_logits_are_exactly_zero() {
        let mut values = [-87.5, -1e8, f32::NEG_INFINITY, 0.0];
        exp(&mut values);
        assert_eq!(values, [0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn logarithm_of_one_is_zero() {
        let mut values = [1.0; 9];
        ln(&mut values);
        assert_eq!(values, [0.0; 9]);
    }
}
