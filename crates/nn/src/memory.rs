//! What recurrent policies remember from one step to the next, as plain numbers.
//!
//! Left out: the layers that read and write it (see [`lstm`](crate::lstm)), and when an episode ends, which the
//! caller knows.

/// What a policy remembers of each row it acts for: `rows × width` numbers, all 0 at an episode's start. Policies
/// without recurrence have a width of 0.
///
/// A row holds, for the actor's LSTM and then for the critic's if that has its own, the hidden and the cell state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    rows: usize,
    width: usize,
    numbers: Vec<f32>,
}

impl Memory {
    /// Rows that remember nothing yet.
    pub fn new(rows: usize, width: usize) -> Self {
        Self { rows, width, numbers: vec![0.0; rows * width] }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Numbers a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Empties one row, as at an episode's start.
    pub fn forget(&mut self, row: usize) {
        self.row_mut(row).fill(0.0);
    }

    /// Empties all rows.
    pub fn forget_all(&mut self) {
        self.numbers.fill(0.0);
    }

    /// One row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> &[f32] {
        assert!(row < self.rows, "no row {row} among {}", self.rows);
        &self.numbers[row * self.width..][..self.width]
    }

    /// One row, to be written.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows, "no row {row} among {}", self.rows);
        &mut self.numbers[row * self.width..][..self.width]
    }

    /// All rows, `rows × width`.
    pub fn as_slice(&self) -> &[f32] {
        &self.numbers
    }

    /// All rows, to be written.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_forgotten_alone() {
        let mut memory = Memory::new(3, 2);
        memory.as_mut_slice().copy_from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        memory.forget(1);
        assert_eq!(memory.as_slice(), [1.0, 2.0, 0.0, 0.0, 5.0, 6.0]);
        assert_eq!(memory.row(2), [5.0, 6.0]);
        let mut none = Memory::new(3, 0);
        none.forget(2);
        assert!(none.as_slice().is_empty());
    }
}
