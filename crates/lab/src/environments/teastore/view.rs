//! What an agent sees of a configuration and of what was measured there.
//!
//! Left out: where the measurements come from.

use super::{
    moves::{AXES, Grid, State},
    table::Column,
};
use crate::{Error, Result};

/// One entry of what is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Axis(usize),
    Value(Column),
}

/// Names of what can be seen.
const SEEN: [(&str, Seen); 12] = [
    (AXES[0], Seen::Axis(0)),
    (AXES[1], Seen::Axis(1)),
    (AXES[2], Seen::Axis(2)),
    ("used_cpu", Seen::Value(Column::UsedCpu)),
    ("used_memory", Seen::Value(Column::UsedMemory)),
    ("received", Seen::Value(Column::Received)),
    ("transmitted", Seen::Value(Column::Transmitted)),
    ("cost", Seen::Value(Column::Cost)),
    ("requests", Seen::Value(Column::Requests)),
    ("expected", Seen::Value(Column::Expected)),
    ("previous", Seen::Value(Column::Previous)),
    ("response", Seen::Value(Column::Response)),
];

impl Seen {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        SEEN.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) entries: Vec<Seen>,
    /// A flag for each value of an axis instead of a number.
    pub(super) one_hot: bool,
}

impl View {
    /// The entries called `names`; `has`: the columns there are.
    ///
    /// # Errors
    /// A name that does not exist, occurs twice, or needs a column that there is not.
    pub(super) fn new(names: &[String], one_hot: bool, has: impl Fn(Column) -> bool) -> Result<Self> {
        let wrong = |message| Err(Error::config("teastore.observation", message));
        let mut entries = Vec::new();
        for name in names {
            let found = SEEN.iter().find(|(known, _)| known == name);
            let known = SEEN.iter().map(|(known, _)| *known);
            let (_, seen) = found.ok_or_else(|| Error::unknown("observation entry", name, known))?;
            if let Seen::Value(column) = seen
                && !has(*column)
            {
                let column = column.published();
                return wrong(format!("has {name:?}, expected column {column} to be there for it"));
            }
            if entries.contains(seen) {
                return wrong(format!("has {name:?} twice, expected each entry once"));
            }
            entries.push(*seen);
        }
        if entries.is_empty() {
            return wrong("is empty, expected at least one entry".to_owned());
        }
        Ok(Self { entries, one_hot })
    }

    /// Numbers that one entry takes.
    pub(super) fn width_of(&self, grid: &Grid, seen: Seen) -> usize {
        match seen {
            Seen::Axis(axis) if self.one_hot => grid.sizes()[axis],
            _ => 1,
        }
    }

    /// Numbers of an observation.
    pub(super) fn width(&self, grid: &Grid) -> usize {
        self.entries.iter().map(|seen| self.width_of(grid, *seen)).sum()
    }

    /// Writes what is seen in `state`; `value`: the columns in the scale in which they are seen, `NaN` where one is missing.
    pub(super) fn write(&self, grid: &Grid, state: State, obs: &mut [f32], value: impl Fn(Column) -> f64) {
        let mut at = 0;
        for seen in &self.entries {
            let width = self.width_of(grid, *seen);
            let part = &mut obs[at..at + width];
            at += width;
            match seen {
                Seen::Axis(axis) if self.one_hot => {
                    part.fill(0.0);
                    part[usize::from(state[*axis] - grid.low[*axis])] = 1.0;
                }
                Seen::Axis(axis) => part[0] = f32::from(state[*axis]),
                Seen::Value(column) => {
                    let value = value(*column);
                    part[0] = if value.is_nan() { -1.0 } else { value as f32 };
                }
            }
        }
    }
}
