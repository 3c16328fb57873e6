//! Small control tasks with known answers, to validate algorithms on.
//!
//! A task is the rules of one environment ([`Task`]); a [`Batch`] of it is what algorithms learn in. The classic tasks
//! follow Gymnasium's published equations, bounds and time limits, and are checked against it number by number.
//!
//! Left out: rendering.

mod acrobot;
mod batch;
mod budget;
mod budget_roster;
mod budget_turns;
mod cartpole;
mod cartpole_no_vel;
mod doors;
mod mountain_car;
mod mountain_car_continuous;
mod overload;
mod pendulum;
mod recall;
mod toll;

pub use acrobot::{Acrobot, TwoLinks};
pub use batch::{Batch, Entry, Signals, Task};
pub use budget::{Budget, Claims, Demands};
pub use budget_roster::{BudgetRoster, Roster, RosterState};
pub use budget_turns::{BudgetTurns, Turns, TurnsState};
pub use cartpole::{CartPole, Pole};
pub use cartpole_no_vel::{CartPoleNoVel, PoleNoVel};
pub use doors::{Corridor, CorridorState, Doors};
pub use mountain_car::{Hill, MountainCar};
pub use mountain_car_continuous::{GentleHill, MountainCarContinuous};
pub use overload::{Overload, Ring, RingState};
pub use pendulum::{Pendulum, Swing};
pub use recall::{Cue, CueState, Recall};
pub use toll::{Offers, Toll};

use crate::env::{ActionSpace, EnvSpec};

/// Sizes of a task with one agent and neither costs nor masks.
fn single(n_envs: usize, obs_dim: usize, action_space: ActionSpace) -> EnvSpec {
    EnvSpec { n_envs, n_agents: 1, obs_dim, action_space, costs: vec![], masked: false, varying: false }
}
