//! Matrix products: register tiles for the sizes of small policies, the `gemm` crate for large ones.
//!
//! An entry is the same sum in the same order whatever the number of rows, as long as tiles make it.
//!
//! Left out: packing; a large right-hand side that does not fit the cache is `gemm`'s.

#[cfg(target_arch = "x86_64")]
mod wide;

use super::{FUSED, LANES, fma, has_avx2};

/// Multiply–adds from which [`product`] hands over to the `gemm` crate, which packs its operands for the cache.
const LARGE: usize = 1 << 21;

/// Numbers in a right-hand side from which three rows are enough to do so: tiles would read it a strip at a time, each row
/// of the strip in another page.
const BROAD: usize = 1 << 17;

/// What a product is added to.
#[derive(Clone, Copy, Debug)]
pub enum Base<'a> {
    /// Nothing: the result is overwritten.
    Zero,
    /// The same row for each row of the result (a bias).
    Row(&'a [f32]),
    /// What the result already holds (an accumulated gradient).
    Existing,
}

/// Left operand of a product: element `(i, p)` is `data[i * row_stride + p * column_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct Left<'a> {
    /// Elements.
    pub data: &'a [f32],
    /// Distance between rows.
    pub row_stride: usize,
    /// Distance between columns.
    pub column_stride: usize,
}

impl<'a> Left<'a> {
    /// Rows of length `row_stride`, as they lie in memory.
    pub fn rows(data: &'a [f32], row_stride: usize) -> Self {
        Self { data, row_stride, column_stride: 1 }
    }

    /// The transpose of rows of length `row_stride`.
    pub fn transposed(data: &'a [f32], row_stride: usize) -> Self {
        Self { data, row_stride: 1, column_stride: row_stride }
    }
}

/// `out[m×n] = base + left[m×k] · right[k×n]`.
///
/// # Panics
/// If `n` is not a multiple of [`LANES`] or a slice is shorter than its sizes say.
pub fn product(m: usize, k: usize, n: usize, left: Left<'_>, right: &[f32], out: &mut [f32], base: Base<'_>) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(n.is_multiple_of(LANES), "the width {n} is not padded");
    assert!(
        k == 0 || left.data.len() > (m - 1) * left.row_stride + (k - 1) * left.column_stride,
        "the left operand is too short"
    );
    assert!(right.len() >= k * n && out.len() >= m * n, "the right operand or the result is too short");
    if let Base::Row(row) = base {
        assert!(row.len() >= n, "the base row is too short");
    }
    if m * k * n >= LARGE || m > 2 && k * n >= BROAD {
        large_product(m, k, n, left, right, out, base);
        return;
    }
    #[cfg(target_arch = "x86_64")]
    if m > 2 && n >= 2 * LANES && wide::available() {
        // SAFETY: the slices were checked against m, k, n and the strides, and the CPU has the features.
        unsafe { wide::columns(m, Operands::of(k, n, left, right, out, base)) };
        return;
    }
    tiled(m, k, n, left, right, out, base);
}

fn large_product(
    m: usize,
    k: usize,
    n: usize,
    left: Left<'_>,
    right: &[f32],
    out: &mut [f32],
    base: Base<'_>,
) {
    if let Base::Row(row) = base {
        out[..m * n].chunks_exact_mut(n).for_each(|out| out.copy_from_slice(&row[..n]));
    }
    let read = !matches!(base, Base::Zero);
    // SAFETY: `product` checked that every element the sizes and strides name lies inside its slice.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            read,
            left.data.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.as_ptr(),
            1,
            n as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

dispatched! {
    /// The product of checked operands from register tiles.
    fn tiled(m: usize, k: usize, n: usize, left: Left<'_>, right: &[f32], out: &mut [f32], base: Base<'_>)
    => tiles
}

/// Where a tile starts from: a pointer and the distance between its rows (0 repeats one row).
#[derive(Clone, Copy)]
struct Origin(Option<(*const f32, usize)>);

impl Origin {
    #[inline(always)]
    fn at(self, row: usize, column: usize) -> Self {
        // The offset stays inside the slice that `product` checked, since `row < m` and `column < n`.
        Self(self.0.map(|(pointer, stride)| (pointer.wrapping_add(row * stride + column), stride)))
    }
}

/// Pointers and strides of one product, so that tiles can be named by their corner.
#[derive(Clone, Copy)]
struct Operands {
    k: usize,
    n: usize,
    left: *const f32,
    row_stride: usize,
    column_stride: usize,
    right: *const f32,
    out: *mut f32,
    origin: Origin,
}

impl Operands {
    #[inline(always)]
    fn of(k: usize, n: usize, left: Left<'_>, right: &[f32], out: &mut [f32], base: Base<'_>) -> Self {
        let out = out.as_mut_ptr();
        let origin = Origin(match base {
            Base::Zero => None,
            Base::Row(row) => Some((row.as_ptr(), 0)),
            Base::Existing => Some((out.cast_const(), n)),
        });
        Self {
            k,
            n,
            left: left.data.as_ptr(),
            row_stride: left.row_stride,
            column_stride: left.column_stride,
            right: right.as_ptr(),
            out,
            origin,
        }
    }
}

#[inline(always)]
fn tiles<const F: bool>(
    m: usize,
    k: usize,
    n: usize,
    left: Left<'_>,
    right: &[f32],
    out: &mut [f32],
    base: Base<'_>,
) {
    let operands = Operands::of(k, n, left, right, out, base);
    let mut column = 0;
    // SAFETY: `product` checked the slices against m, k, n and the strides; every tile below stays inside
    // rows `0..m` and columns `0..n`, because n is a multiple of 8 and each loop checks its own width.
    unsafe {
        // One or two rows need wide tiles to keep enough independent sums in flight.
        if m == 1 {
            while column + 64 <= n {
                tile::<F, 1, 8>(operands, 0, column);
                column += 64;
            }
            if column + 32 <= n {
                tile::<F, 1, 4>(operands, 0, column);
                column += 32;
            }
        } else if m == 2 {
            while column + 32 <= n {
                tile::<F, 2, 4>(operands, 0, column);
                column += 32;
            }
        }
        while column + 16 <= n {
            strip::<F, 2>(m, operands, column);
            column += 16;
        }
        while column < n {
            strip::<F, 1>(m, operands, column);
            column += 8;
        }
    }
}

/// All rows of `8 * V` columns.
///
/// # Safety
/// Columns `column..column + 8 * V` and rows `0..m` lie inside the operands.
#[inline(always)]
unsafe fn strip<const F: bool, const V: usize>(m: usize, operands: Operands, column: usize) {
    let mut row = 0;
    // SAFETY: the rows of the tiles add up to m; the caller vouches for the columns.
    unsafe {
        if V == 1 {
            // Eight columns leave room for more rows, and each costs a load that the multiplication hides.
            while m - row >= 12 {
                tile::<F, 12, V>(operands, row, column);
                row += 12;
            }
        }
        // 7 and 8 rows split evenly: a tile of one or two rows would wait for its own sums.
        while m - row >= 9 || m - row == 6 {
            tile::<F, 6, V>(operands, row, column);
            row += 6;
        }
        if m - row >= 7 {
            tile::<F, 4, V>(operands, row, column);
            row += 4;
        }
        match m - row {
            5 => tile::<F, 5, V>(operands, row, column),
            4 => tile::<F, 4, V>(operands, row, column),
            3 => tile::<F, 3, V>(operands, row, column),
            2 => tile::<F, 2, V>(operands, row, column),
            1 => tile::<F, 1, V>(operands, row, column),
            _ => {}
        }
    }
}

/// `R` rows by `8 * V` columns whose sums stay in registers over the whole inner dimension.
///
/// # Safety
/// Rows `row..row + R` and columns `column..column + 8 * V` lie inside the operands.
#[inline(always)]
unsafe fn tile<const F: bool, const R: usize, const V: usize>(o: Operands, row: usize, column: usize) {
    let mut sums = [[[0f32; LANES]; V]; R];
    // SAFETY: all offsets name elements of the tile's rows and columns, or of the inner dimension `0..k`;
    // arrays of f32 need no more alignment than f32.
    unsafe {
        if let Some((pointer, stride)) = o.origin.at(row, column).0 {
            for (i, sums) in sums.iter_mut().enumerate() {
                for (v, sums) in sums.iter_mut().enumerate() {
                    *sums = *pointer.add(i * stride + v * LANES).cast::<[f32; LANES]>();
                }
            }
        }
        let left = o.left.add(row * o.row_stride);
        let right = o.right.add(column);
        for p in 0..o.k {
            let mut b = [[0f32; LANES]; V];
            for (v, b) in b.iter_mut().enumerate() {
                *b = *right.add(p * o.n + v * LANES).cast::<[f32; LANES]>();
            }
            for (i, sums) in sums.iter_mut().enumerate() {
                let a = *left.add(i * o.row_stride + p * o.column_stride);
                for (sums, b) in sums.iter_mut().zip(&b) {
                    for (sum, b) in sums.iter_mut().zip(b) {
                        *sum = fma::<F>(a, *b, *sum);
                    }
                }
            }
        }
        let out = o.out.add(row * o.n + column);
        for (i, sums) in sums.iter().enumerate() {
            for (v, sums) in sums.iter().enumerate() {
                *out.add(i * o.n + v * LANES).cast::<[f32; LANES]>() = *sums;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        (0..count as u32)
            .map(|i| ((i.wrapping_mul(2_654_435_761) ^ seed) >> 8) as f32 / 8_388_608.0 - 1.0)
            .collect()
    }

    fn reference(m: usize, k: usize, n: usize, left: Left<'_>, right: &[f32]) -> Vec<f64> {
        let mut out = vec![0.0; m * n];
        for i in 0..m {
            for p in 0..k {
                let a = f64::from(left.data[i * left.row_stride + p * left.column_stride]);
                for j in 0..n {
                    out[i * n + j] += a * f64::from(right[p * n + j]);
                }
            }
        }
        out
    }

    #[test]
    fn products_of_every_shape_agree_with_double_precision() {
        for m in [1, 2, 3, 4, 5, 6, 7, 8, 13, 64, 200] {
            for (k, n) in [(1, 8), (4, 64), (64, 16), (30, 72), (170, 168)] {
                for flip in [false, true] {
                    let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
                    let left = if flip { Left::transposed(&a, m) } else { Left::rows(&a, k) };
                    let (bias, before) = (numbers(n, 3), numbers(m * n, 4));
                    let expected = reference(m, k, n, left, &b);
                    for base in [Base::Zero, Base::Row(&bias), Base::Existing] {
                        let mut out = before.clone();
                        product(m, k, n, left, &b, &mut out, base);
                        for (at, (found, expected)) in out.iter().zip(&expected).enumerate() {
                            let start = match base {
                                Base::Zero => 0.0,
                                Base::Row(row) => row[at % n],
                                Base::Existing => before[at],
                            };
                            let error = f64::from(*found) - expected - f64::from(start);
                            assert!(error.abs() < 2e-5, "{m} {k} {n} {flip} {base:?}: {error}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn plain_vectors_give_what_fused_ones_give() {
        for (m, k, n) in [(1, 30, 72), (2, 5, 40), (17, 64, 64)] {
            let (a, b, bias) = (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3));
            let (left, base) = (Left::rows(&a, k), Base::Row(&bias));
            let (mut plain, mut fused) = (vec![0.0; m * n], vec![0.0; m * n]);
            tiles::<false>(m, k, n, left, &b, &mut plain, base);
            product(m, k, n, left, &b, &mut fused, base);
            assert!(plain.iter().zip(&fused).all(|(a, b)| (a - b).abs() < 1e-5), "{m} {k} {n}");
        }
    }
}
