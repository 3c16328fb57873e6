//! `2^x`, `ln x` and `x^n` with the roundings of Go's `math` package on amd64.
//!
//! Percentiles compare sums of decayed weights, and pods that are sampled together tie: the last bit of a weight then
//! decides which bucket wins. The platform's functions are as accurate but round differently. The formulas are the
//! minimax ones of FreeBSD's msun (`e_exp.c`, `e_log.c`), which Go's package documents as its source too.
//!
//! Left out: arguments that a decay or a bucket cannot produce; those go to the standard library.

/// High part of ln 2, with trailing zeros so that small multiples are exact.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
/// ln 2 minus its high part.
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Coefficients of the even part of `x·coth(x/2)`.
const EXP: [f64; 5] = [
    1.666_666_666_666_666_6e-1,
    -2.777_777_777_701_559_3e-3,
    6.613_756_321_437_934e-5,
    -1.653_390_220_546_525_2e-6,
    4.138_136_797_057_238_5e-8,
];
/// Coefficients of `(ln(1+s) − ln(1−s) − 2s) / s` in powers of `s²`.
const LOG: [f64; 7] = [
    6.666_666_666_666_735e-1,
    3.999_999_999_940_942e-1,
    2.857_142_874_366_239e-1,
    2.222_219_843_214_978_4e-1,
    1.818_357_216_161_805e-1,
    1.531_383_769_920_937_3e-1,
    1.479_819_860_511_658_6e-1,
];

/// `2^x`.
pub(crate) fn exp2(x: f64) -> f64 {
    if !(-1022.0..=1023.0).contains(&x) {
        return x.exp2();
    }
    let whole = if x > 0.0 { (x + 0.5).trunc() } else { (x - 0.5).trunc() };
    let t = x - whole;
    let (high, low) = (t * LN2_HIGH, -t * LN2_LOW);
    let r = high - low;
    let square = r * r;
    let [p1, p2, p3, p4, p5] = EXP;
    let c = r - square * (p1 + square * (p2 + square * (p3 + square * (p4 + square * p5))));
    let y = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
    scale(y, whole as i64)
}

/// `ln x`.
pub(crate) fn ln(x: f64) -> f64 {
    if !x.is_normal() || x < 0.0 {
        return x.ln();
    }
    let (mut fraction, mut exponent) = split(x);
    if fraction < std::f64::consts::FRAC_1_SQRT_2 {
        fraction *= 2.0;
        exponent -= 1;
    }
    let f = fraction - 1.0;
    let k = exponent as f64;
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let [l1, l2, l3, l4, l5, l6, l7] = LOG;
    let odd = s2 * (l1 + s4 * (l3 + s4 * (l5 + s4 * l7)));
    let even = s4 * (l2 + s4 * (l4 + s4 * l6));
    let rest = odd + even;
    let half_square = 0.5 * f * f;
    k * LN2_HIGH - ((half_square - (s * (half_square + rest) + k * LN2_LOW)) - f)
}

/// `x^y`; exact to the bit for whole `y`.
pub(crate) fn pow(x: f64, y: f64) -> f64 {
    if y == 1.0 {
        return x;
    }
    if !x.is_normal() || x < 0.0 || y.fract() != 0.0 || y == 0.0 || y.abs() > 1024.0 {
        return x.powf(y);
    }
    let (mut base, mut base_exponent) = split(x);
    let (mut result, mut exponent) = (1.0, 0_i64);
    let mut left = y.abs() as i64;
    while left != 0 {
        if base_exponent.abs() > 1 << 12 {
            // Far out of range: what follows can only overflow or underflow.
            exponent += base_exponent;
            break;
        }
        if left & 1 == 1 {
            result *= base;
            exponent += base_exponent;
        }
        base *= base;
        base_exponent *= 2;
        if base < 0.5 {
            base += base;
            base_exponent -= 1;
        }
        left >>= 1;
    }
    if y < 0.0 { scale(1.0 / result, -exponent) } else { scale(result, exponent) }
}

/// `value · 2^exponent`, with zero and infinity at the ends.
pub(crate) fn scale(value: f64, exponent: i64) -> f64 {
    let mut value = value;
    let mut left = exponent.clamp(-4000, 4000);
    while left != 0 {
        // Steps that are powers of two in range are exact until the result leaves it.
        let step = left.clamp(-1000, 1000);
        value *= f64::from_bits(((step + 1023) as u64) << 52);
        left -= step;
    }
    value
}

/// `x = fraction · 2^exponent` with the fraction in [1/2, 1), for normal positive `x`.
fn split(x: f64) -> (f64, i64) {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i64 - 1022;
    (f64::from_bits((bits & !(0x7ff << 52)) | (1022 << 52)), exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_agree_with_the_standard_library_to_a_few_parts_in_ten_to_the_sixteen() {
        for i in 1..2000 {
            let x = f64::from(i) * 0.0517;
            assert!((exp2(x - 50.0) / (x - 50.0).exp2() - 1.0).abs() < 4e-16, "2^{x}");
            assert!((ln(x) - x.ln()).abs() <= 4e-16 * x.ln().abs().max(1e-3), "ln {x}");
        }
        for n in -30..200 {
            let exact = 1.05_f64.powi(n);
            assert!((pow(1.05, f64::from(n)) / exact - 1.0).abs() < 2e-14, "1.05^{n}");
        }
    }

    #[test]
    fn whole_powers_of_two_are_exact() {
        assert_eq!(exp2(10.0), 1024.0);
        assert_eq!(exp2(-3.0), 0.125);
        assert_eq!(exp2(0.0), 1.0);
        assert_eq!(pow(3.0, -2.0), 1.0 / 9.0);
        assert_eq!(pow(f64::INFINITY, -2.0), 0.0);
        assert_eq!(pow(f64::INFINITY, 1.0), f64::INFINITY);
        assert_eq!(scale(3.0, -2), 0.75);
        assert_eq!(scale(1.0, -100_000), 0.0);
    }
}
