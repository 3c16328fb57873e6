//! Copies of scattered rows: what a shuffled minibatch is made of.
//!
//! Left out: everything that is computed from them.

use super::{FUSED, LANES, has_avx2};

/// Rows ahead of the one being copied whose fetching is begun: about what the cache's latency takes.
const AHEAD: usize = 12;

/// Begins to fetch a row, where the CPU can be told so.
#[inline(always)]
fn fetch(from: &[f32], start: usize, width: usize) {
    #[cfg(target_arch = "x86_64")]
    for at in (0..width).step_by(16).chain([width - 1]) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let address = from.as_ptr().wrapping_add(start + at).cast();
        // SAFETY: a hint, which reads nothing and may name any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (from, start, width);
}

#[inline(always)]
fn gather_all<const F: bool>(from: &[f32], width: usize, rows: &[u32], out: &mut [f32]) {
    if width < LANES {
        for (out, row) in out.chunks_exact_mut(width.max(1)).zip(rows) {
            out.copy_from_slice(&from[*row as usize * width..][..width]);
        }
        return;
    }
    for (at, (out, row)) in out.chunks_exact_mut(width).zip(rows).enumerate() {
        if let Some(next) = rows.get(at + AHEAD) {
            fetch(from, *next as usize * width, width);
        }
        let row = &from[*row as usize * width..][..width];
        for (out, row) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(row.as_chunks::<LANES>().0) {
            *out = *row;
        }
        // The last numbers, together with some that are there already.
        if let (Some(out), Some(row)) = (out.last_chunk_mut::<LANES>(), row.last_chunk::<LANES>()) {
            *out = *row;
        }
    }
}

dispatched! {
    /// Copies the given rows of a matrix of this width to the front of `out`, as many as fit.
    ///
    /// # Panics
    /// If a row is beyond the matrix.
    pub fn gather_rows(from: &[f32], width: usize, rows: &[u32], out: &mut [f32]) => gather_all
}

/// Begins to fetch the given rows of a matrix of this width, which are to be [gathered](gather_rows) soon. A few tens at a
/// time: what the CPU has no room to remember it waits for.
pub fn fetch_rows(from: &[f32], width: usize, rows: &[u32]) {
    if width > 0 {
        for row in rows {
            fetch(from, *row as usize * width, width);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_width_arrive_whole_and_in_order() {
        for width in [1, 7, 8, 9, 39, 64] {
            let matrix: Vec<f32> = (0..50 * width).map(|i| i as f32).collect();
            let rows: Vec<u32> = (0..40).map(|i| i * 37 % 50).collect();
            let expected: Vec<f32> =
                rows.iter().flat_map(|row| matrix[*row as usize * width..][..width].to_vec()).collect();
            let (mut plain, mut fast) = (vec![0.0; 40 * width], vec![0.0; 40 * width]);
            gather_all::<false>(&matrix, width, &rows, &mut plain);
            gather_rows(&matrix, width, &rows, &mut fast);
            assert_eq!((&plain, &fast), (&expected, &expected), "{width}");
        }
    }
}
