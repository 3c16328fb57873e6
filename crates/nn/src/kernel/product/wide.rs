//! Register tiles of AVX-512: twice the columns and twice the rows of those that AVX2 has registers for, so that less of
//! a short product is beginnings and ends. Entries are the same sums in the same order, to the last bit.
//!
//! Left out: one or two rows, and the last eight columns of an odd number of eights, which AVX2 does as well.

use std::arch::x86_64::{
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

use super::{Operands, strip};

/// Columns of a register.
const LANES: usize = 16;

/// Whether the CPU has what [`columns`] needs.
pub(super) fn available() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") && super::has_avx2()
}

/// All rows and columns.
///
/// # Safety
/// Rows `0..m` and columns `0..n` lie inside the operands, n is a multiple of 8, and the CPU has the features.
#[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
pub(super) unsafe fn columns(m: usize, operands: Operands) {
    let mut column = 0;
    // SAFETY: each loop checks its own width, the caller vouches for the rest.
    unsafe {
        while column + 2 * LANES <= operands.n {
            rows::<2>(m, operands, column);
            column += 2 * LANES;
        }
        if column + LANES <= operands.n {
            rows::<1>(m, operands, column);
            column += LANES;
        }
        if column < operands.n {
            strip::<true, 1>(m, operands, column);
        }
    }
}

/// All rows of `16 * V` columns.
///
/// # Safety
/// As [`columns`], for these columns.
#[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
unsafe fn rows<const V: usize>(m: usize, operands: Operands, column: usize) {
    let mut row = 0;
    // SAFETY: the rows of the tiles add up to m; the caller vouches for the columns.
    unsafe {
        while m - row >= 12 {
            tile::<12, V>(operands, row, column);
            row += 12;
        }
        if m - row >= 8 {
            tile::<8, V>(operands, row, column);
            row += 8;
        }
        match m - row {
            7 => tile::<7, V>(operands, row, column),
            6 => tile::<6, V>(operands, row, column),
            5 => tile::<5, V>(operands, row, column),
            4 => tile::<4, V>(operands, row, column),
            3 => tile::<3, V>(operands, row, column),
            2 => tile::<2, V>(operands, row, column),
            1 => tile::<1, V>(operands, row, column),
            _ => {}
        }
    }
}

/// `R` rows by `16 * V` columns whose sums stay in registers over the whole inner dimension.
///
/// # Safety
/// Rows `row..row + R` and columns `column..column + 16 * V` lie inside the operands, and the CPU has the features.
#[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
unsafe fn tile<const R: usize, const V: usize>(o: Operands, row: usize, column: usize) {
    let mut sums = [[_mm512_setzero_ps(); V]; R];
    // SAFETY: all offsets name elements of the tile's rows and columns, or of the inner dimension `0..k`.
    unsafe {
        if let Some((pointer, stride)) = o.origin.at(row, column).0 {
            for (i, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = _mm512_loadu_ps(pointer.add(i * stride + v * LANES));
                }
            }
        }
        let left = o.left.add(row * o.row_stride);
        let right = o.right.add(column);
        for p in 0..o.k {
            let mut b = [_mm512_setzero_ps(); V];
            for (v, b) in b.iter_mut().enumerate() {
                *b = _mm512_loadu_ps(right.add(p * o.n + v * LANES));
            }
            for (i, sums) in sums.iter_mut().enumerate() {
                let a = _mm512_set1_ps(*left.add(i * o.row_stride + p * o.column_stride));
                for (sum, b) in sums.iter_mut().zip(&b) {
                    *sum = _mm512_fmadd_ps(a, *b, *sum);
                }
            }
        }
        let out = o.out.add(row * o.n + column);
        for (i, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                _mm512_storeu_ps(out.add(i * o.n + v * LANES), *sum);
            }
        }
    }
}
