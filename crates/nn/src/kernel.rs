//! The arithmetic that time goes into: matrix products, branch-free `tanh`, `exp`, `ln`, and passes over vectors.
//!
//! Every function picks AVX2 with fused multiply-add at run time where the CPU has it, products AVX-512, and plain vectors
//! else.
//! The two differ in the last bits; on one kind of CPU every call gives the same bits.
//!
//! Matrices are row-major. The width of every right-hand and result matrix is a multiple of [`LANES`]; layers
//! pad their outputs with zero columns so that no kernel has a ragged edge.
//!
//! Left out: threads (one learner, one thread) and transposed right-hand sides (layers keep a transposed copy).
#![expect(
    unsafe_code,
    reason = "register tiles read through pointers; vector extensions are chosen at run time"
)]
#![expect(clippy::inline_always, reason = "a body must be compiled inside the function that enables AVX2")]

/// Widths are padded to a multiple of this: eight 32-bit numbers fill an AVX2 register.
pub const LANES: usize = 8;

/// `width` rounded up to a multiple of [`LANES`].
pub const fn padded(width: usize) -> usize {
    width.next_multiple_of(LANES)
}

/// Whether to use AVX2 with fused multiply-add.
#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

/// Fused multiply–add exists without asking on these targets.
const FUSED: bool = cfg!(target_arch = "aarch64");

/// Defines a function that runs `$body::<true>` under AVX2 and FMA where they exist.
macro_rules! dispatched {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)? => $body:ident) => {
        $(#[$attribute])*
        $visibility fn $name($($arg: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $type),*) $(-> $result)? {
                    $body::<true>($($arg),*)
                }
                if has_avx2() {
                    // SAFETY: the CPU has the features that the function enables.
                    return unsafe { avx2($($arg),*) };
                }
            }
            $body::<FUSED>($($arg),*)
        }
    };
}

mod cell;
mod elementary;
mod gather;
mod graph;
mod product;

pub use cell::{Cell, CellGradient, lstm_cell, lstm_cell_backward};
pub use elementary::{elu, elu_backward, exp, ln, relu, relu_backward, sigmoid, tanh, tanh_backward};
pub use gather::{fetch_rows, gather_rows};
pub use graph::{Aggregation, add_outer_rows, aggregate, aggregate_backward, dot_heads};
pub use product::{Base, Left, product};

#[inline(always)]
fn fma<const F: bool>(a: f32, b: f32, c: f32) -> f32 {
    if F { a.mul_add(b, c) } else { a * b + c }
}

/// Writes the transpose of `matrix[rows×columns]` (rows `stride` apart) to `out`, whose rows are `out_stride`
/// apart; what lies between `rows` and `out_stride` is left alone.
pub fn transpose(
    matrix: &[f32],
    rows: usize,
    columns: usize,
    stride: usize,
    out: &mut [f32],
    out_stride: usize,
) {
    for column in 0..columns {
        for (row, out) in out[column * out_stride..][..rows].iter_mut().enumerate() {
            *out = matrix[row * stride + column];
        }
    }
}

#[inline(always)]
fn column_sums<const F: bool>(matrix: &[f32], sums: &mut [f32]) {
    let width = sums.len();
    let (blocks, rest) = sums.as_chunks_mut::<{ 4 * LANES }>();
    let wide = 4 * LANES * blocks.len();
    // A block's sums stay in registers over all rows.
    for (at, block) in blocks.iter_mut().enumerate() {
        let mut total = *block;
        for row in matrix.chunks_exact(width) {
            let row = &row[4 * LANES * at..][..4 * LANES];
            total.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        *block = total;
    }
    let (blocks, rest) = rest.as_chunks_mut::<LANES>();
    let narrow = wide + LANES * blocks.len();
    for (at, block) in blocks.iter_mut().enumerate() {
        let mut total = *block;
        for row in matrix.chunks_exact(width) {
            let row = &row[wide + LANES * at..][..LANES];
            total.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        *block = total;
    }
    if !rest.is_empty() {
        for row in matrix.chunks_exact(width) {
            rest.iter_mut().zip(&row[narrow..]).for_each(|(sum, x)| *sum += x);
        }
    }
}

#[inline(always)]
fn squares<const F: bool>(values: &[f32]) -> f32 {
    let mut sums = [0f32; 32];
    let chunks = values.chunks_exact(32);
    let rest: f32 = chunks.remainder().iter().map(|x| x * x).sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, x)| *sum = fma::<F>(*x, *x, *sum));
    }
    sums.iter().sum::<f32>() + rest
}

dispatched! {
    /// Adds each row of a matrix to `sums`, whose length is the matrix's width.
    pub fn add_rows(matrix: &[f32], sums: &mut [f32]) => column_sums
}
dispatched! {
    /// Sum of the squares, in a fixed order.
    pub fn sum_of_squares(values: &[f32]) -> f32 => squares
}

/// Constants of one step of [`adam`], with the bias corrections worked in.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Factor on the gradient (clipping).
    pub scale: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Weight of the newest gradient in the first moment: 1 − β₁, rounded once.
    pub newest1: f32,
    /// Weight of the newest square in the second moment: 1 − β₂, rounded once (the difference of rounded numbers is
    /// off by 1e-5).
    pub newest2: f32,
    /// Learning rate over the first moment's bias correction.
    pub rate: f32,
    /// One over the square root of the second moment's bias correction.
    pub root_correction: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
}

#[inline(always)]
fn adam_all<const F: bool>(params: &mut [f32], grads: &[f32], m: &mut [f32], v: &mut [f32], step: AdamStep) {
    for (((p, g), m), v) in params.iter_mut().zip(grads).zip(m).zip(v) {
        let g = g * step.scale;
        *m = fma::<F>(step.beta1, *m, step.newest1 * g);
        *v = fma::<F>(step.beta2, *v, step.newest2 * g * g);
        *p -= step.rate * *m / (v.sqrt() * step.root_correction + step.eps);
    }
}

dispatched! {
    /// One Adam step of all parameters, the gradient scaled on the way.
    pub fn adam(params: &mut [f32], grads: &[f32], m: &mut [f32], v: &mut [f32], step: AdamStep) => adam_all
}

/// Constants of one step of [`rms_prop`].
#[derive(Clone, Copy, Debug)]
pub struct RmsPropStep {
    /// Factor on the gradient (clipping).
    pub scale: f32,
    /// Decay of the mean square.
    pub alpha: f32,
    /// Weight of the newest square: 1 − `alpha`, rounded once (the difference of rounded numbers is off by 1e-6).
    pub newest: f32,
    /// Learning rate.
    pub rate: f32,
    /// Added to the root of the mean square.
    pub eps: f32,
}

#[inline(always)]
fn rms_prop_all<const F: bool>(params: &mut [f32], grads: &[f32], v: &mut [f32], step: RmsPropStep) {
    for ((p, g), v) in params.iter_mut().zip(grads).zip(v) {
        let g = g * step.scale;
        *v = fma::<F>(step.alpha, *v, step.newest * g * g);
        *p -= step.rate * g / (v.sqrt() + step.eps);
    }
}

dispatched! {
    /// One `RMSprop` step of all parameters, the gradient scaled on the way.
    pub fn rms_prop(params: &mut [f32], grads: &[f32], v: &mut [f32], step: RmsPropStep) => rms_prop_all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_cover_every_element() {
        assert_eq!(sum_of_squares(&[2.0; 77]), 308.0);
        let mut sums = [1.0; 3];
        add_rows(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &mut sums);
        assert_eq!(sums, [6.0, 8.0, 10.0]);
    }

    /// Numbers between −1 and 1.
    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        (0..count as u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) ^ seed) as f32 / 2_147_483_648.0 - 1.0)
            .collect()
    }

    fn close(plain: &[f32], fused: &[f32]) -> bool {
        plain.iter().zip(fused).all(|(a, b)| (a - b).abs() <= 1e-6 * (1.0 + b.abs()))
    }

    #[test]
    fn plain_sums_are_those_with_fused_operations() {
        let values = numbers(1003, 1);
        let (plain, fused) = (squares::<false>(&values), sum_of_squares(&values));
        assert!((plain - fused).abs() < 1e-5 * fused);
        for width in [1, 8, 24, 32, 40, 72, 100] {
            let matrix = numbers(width * 19, 2);
            let (mut plain, mut fused) = (numbers(width, 3), numbers(width, 3));
            let mut expected: Vec<f64> = plain.iter().map(|x| f64::from(*x)).collect();
            for row in matrix.chunks_exact(width) {
                expected.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
            }
            column_sums::<false>(&matrix, &mut plain);
            add_rows(&matrix, &mut fused);
            assert_eq!(plain, fused, "{width}: nothing is multiplied");
            assert!(plain.iter().zip(expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5), "{width}");
        }
    }

    #[test]
    fn plain_optimiser_steps_are_those_with_fused_operations() {
        let grads = numbers(77, 4);
        let squares: Vec<f32> = numbers(77, 5).iter().map(|x| x * x).collect();
        let start = || (numbers(77, 6), numbers(77, 7), squares.clone());
        let step = AdamStep {
            scale: 0.5,
            beta1: 0.9,
            beta2: 0.999,
            newest1: 0.1,
            newest2: 0.001,
            rate: 0.01,
            root_correction: 1.1,
            eps: 1e-5,
        };
        let rms = RmsPropStep { scale: 0.5, alpha: 0.99, newest: 0.01, rate: 0.01, eps: 1e-5 };
        let ((mut p, mut m, mut v), (mut q, mut n, mut w)) = (start(), start());
        adam_all::<false>(&mut p, &grads, &mut m, &mut v, step);
        adam(&mut q, &grads, &mut n, &mut w, step);
        assert!(close(&p, &q) && close(&m, &n) && close(&v, &w));
        let ((mut p, _, mut v), (mut q, _, mut w)) = (start(), start());
        rms_prop_all::<false>(&mut p, &grads, &mut v, rms);
        rms_prop(&mut q, &grads, &mut w, rms);
        assert!(close(&p, &q) && close(&v, &w));
    }
}
