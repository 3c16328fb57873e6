//! The grid of configurations and the ways to move on it.
//!
//! Left out: which configurations were measured.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use trimtab_rl::ActionSpace;

/// Replicas, CPU limit in 100 millicores, heap in 100 MB.
pub(super) type State = [u8; 3];

/// Names of the entries of a [`State`].
pub(super) const AXES: [&str; 3] = ["replicas", "cpu", "heap"];

/// Published names of the seven deltas.
const DELTAS: [&str; 7] = [
    "DO_NOTHING",
    "INCREASE_REPLICA",
    "DECREASE_REPLICA",
    "INCREASE_CPU",
    "DECREASE_CPU",
    "INCREASE_HEAP",
    "DECREASE_HEAP",
];

/// What an agent may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moves {
    /// Nothing, or one step up or down of replicas, CPU or heap.
    #[default]
    Delta7,
    /// Nothing, or one step up or down of replicas or CPU.
    Delta5,
    /// One of all configurations.
    Index,
    /// Replicas, CPU and heap, each on its own.
    Tuple,
}

/// The configurations within the bounds, and the moves.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    pub(super) moves: Moves,
    /// Least values.
    pub(super) low: State,
    /// Largest values.
    pub(super) high: State,
    /// Minutes to choose from, with [`Moves::Index`].
    pub(super) cool_down: Vec<u32>,
}

impl Grid {
    /// # Errors
    /// [`Error::Config`] for bounds that are empty or off the grid, and for a cool-down that nobody chooses.
    pub(super) fn new(moves: Moves, bounds: [[u16; 2]; 3], units: State, cool_down: &[u32]) -> Result<Self> {
        let (mut low, mut high) = ([0; 3], [0; 3]);
        for (axis, ([least, largest], unit)) in bounds.into_iter().zip(units).enumerate() {
            let unit = u16::from(unit);
            let right = least > 0 && least <= largest && least % unit == 0 && largest % unit == 0;
            let steps = (u8::try_from(least / unit), u8::try_from(largest / unit));
            let (true, (Ok(least), Ok(largest))) = (right, steps) else {
                let message =
                    format!("is [{least}, {largest}], expected a least and a largest multiple of {unit}");
                return Err(Error::config(format!("teastore.{}", AXES[axis]), message));
            };
            (low[axis], high[axis]) = (least, largest);
        }
        if !cool_down.is_empty() && moves != Moves::Index {
            let message = "has choices, expected none but with actions = \"index\"";
            return Err(Error::config("teastore.cool_down", message));
        }
        Ok(Self { moves, low, high, cool_down: cool_down.to_vec() })
    }

    /// Values of each axis.
    pub(super) fn sizes(&self) -> [usize; 3] {
        std::array::from_fn(|axis| usize::from(self.high[axis] - self.low[axis]) + 1)
    }

    /// Configurations.
    pub(super) fn cells(&self) -> usize {
        self.sizes().iter().product()
    }

    pub(super) fn action_space(&self) -> ActionSpace {
        match self.moves {
            Moves::Delta7 => ActionSpace::Discrete(7),
            Moves::Delta5 => ActionSpace::Discrete(5),
            Moves::Index => ActionSpace::Discrete(self.cells() * self.cool_down.len().max(1)),
            Moves::Tuple => ActionSpace::MultiDiscrete(self.sizes().to_vec()),
        }
    }

    /// Number of a configuration, heap counting fastest and replicas slowest; `None` out of bounds.
    pub(super) fn cell(&self, state: State) -> Option<usize> {
        let mut cell = 0;
        for ((value, (low, high)), size) in
            state.into_iter().zip(self.low.into_iter().zip(self.high)).zip(self.sizes())
        {
            if !(low..=high).contains(&value) {
                return None;
            }
            cell = cell * size + usize::from(value - low);
        }
        Some(cell)
    }

    /// The configuration with a number.
    pub(super) fn state(&self, mut cell: usize) -> State {
        let mut state = self.low;
        for (axis, size) in self.sizes().into_iter().enumerate().rev() {
            state[axis] += (cell % size) as u8;
            cell /= size;
        }
        state
    }

    /// Where an action leads from `state`; `None` out of bounds.
    pub(super) fn target(&self, state: State, action: &[u32]) -> Option<usize> {
        let choice = action[0] as usize;
        match self.moves {
            Moves::Delta7 | Moves::Delta5 => {
                let mut state = state;
                if choice > 0 {
                    let value = &mut state[(choice - 1) / 2];
                    *value = if choice % 2 == 1 { value.checked_add(1)? } else { value.checked_sub(1)? };
                }
                self.cell(state)
            }
            Moves::Index => Some(choice / self.cool_down.len().max(1)),
            Moves::Tuple => {
                self.cell(std::array::from_fn(|axis| self.low[axis].saturating_add(action[axis] as u8)))
            }
        }
    }

    /// The configuration that `state(REPLICAS,MILLICORES,MB)` names; `None` for other texts and off the grid.
    pub(super) fn named(&self, text: &str) -> Option<State> {
        let list = text.trim().strip_prefix("state")?.trim().strip_prefix('(')?.strip_suffix(')')?;
        let numbers: Vec<u16> = list.split(',').map(|n| n.trim().parse().ok()).collect::<Option<_>>()?;
        let &[replicas, cpu, heap] = &numbers[..] else { return None };
        let on_grid = cpu % 100 == 0 && heap % 100 == 0;
        let state =
            [u8::try_from(replicas).ok()?, u8::try_from(cpu / 100).ok()?, u8::try_from(heap / 100).ok()?];
        (on_grid && self.cell(state).is_some()).then_some(state)
    }

    /// Minutes that an action waits; 1 where there is no choice.
    pub(super) fn minutes(&self, action: &[u32]) -> u32 {
        match self.cool_down.len() {
            0 => 1,
            choices => self.cool_down[action[0] as usize % choices],
        }
    }

    /// What an action is called.
    pub(super) fn name(&self, action: &[u32]) -> String {
        let choice = action[0] as usize;
        let shown = |[replicas, cpu, heap]: State| format!("{replicas},{cpu}00,{heap}00");
        match self.moves {
            Moves::Delta7 | Moves::Delta5 => DELTAS[choice].to_owned(),
            Moves::Index if self.cool_down.is_empty() => shown(self.state(choice)),
            Moves::Index => {
                format!("{}, {} min", shown(self.state(choice / self.cool_down.len())), self.minutes(action))
            }
            Moves::Tuple => {
                shown(std::array::from_fn(|axis| self.low[axis].saturating_add(action[axis] as u8)))
            }
        }
    }
}
