//! The published evaluations: load that moves from service to service, priorities, and agents that join and leave.
//!
//! Left out: who is scored in them, see [`super::comparison`]. The original's third part of the load evaluation uses the second
//! one's shares by mistake; here it has its own.

use super::{LocalizationConfig, PhaseConfig, Start};
use crate::{Error, Result};

/// An evaluation.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What it asks, without a full stop.
    pub meaning: &'static str,
    settings: fn(LocalizationConfig) -> LocalizationConfig,
}

/// Users of all services together in the load evaluation.
const LOAD: f64 = 100.0;
/// How they are divided, in each third.
const SPLITS: [[f64; 3]; 3] = [[0.249, 0.085, 0.667], [0.246, 0.724, 0.030], [0.474, 0.072, 0.454]];
/// Steps of each part.
const PART: u32 = 20;
/// Users of each service in the parts of the scalability evaluation, and who is there.
const SCALING: [(f64, &[usize]); 4] =
    [(30.0, &[0, 1]), (40.0, &[0, 1, 2]), (50.0, &[0, 1, 2, 3]), (50.0, &[1, 2, 3])];

/// Every evaluation.
pub const SCENARIOS: [Scenario; 9] = [
    Scenario {
        name: "load",
        meaning: "three services, 100 users, most of them at another service in each third",
        settings: load,
    },
    Scenario {
        name: "scalability",
        meaning: "two agents, then three, then four, then without the first; 30, 40, 50 and 50 users a service",
        settings: scalability,
    },
    Scenario { name: "priority", meaning: "as priority_hml", settings: |c| priority(c, [1.0, 0.5, 0.1]) },
    Scenario {
        name: "priority_hml",
        meaning: "more users than the budget serves; priorities 1, 0.5 and 0.1",
        settings: |c| priority(c, [1.0, 0.5, 0.1]),
    },
    Scenario {
        name: "priority_hlm",
        meaning: "priorities 1, 0.1 and 0.5",
        settings: |c| priority(c, [1.0, 0.1, 0.5]),
    },
    Scenario {
        name: "priority_mhl",
        meaning: "priorities 0.5, 1 and 0.1",
        settings: |c| priority(c, [0.5, 1.0, 0.1]),
    },
    Scenario {
        name: "priority_lhm",
        meaning: "priorities 0.1, 1 and 0.5",
        settings: |c| priority(c, [0.1, 1.0, 0.5]),
    },
    Scenario {
        name: "priority_mlh",
        meaning: "priorities 0.5, 0.1 and 1",
        settings: |c| priority(c, [0.5, 0.1, 1.0]),
    },
    Scenario {
        name: "priority_lmh",
        meaning: "priorities 0.1, 0.5 and 1",
        settings: |c| priority(c, [0.1, 0.5, 1.0]),
    },
];

/// The evaluation called `name`.
///
/// # Errors
/// [`Error::Unknown`] naming the nearest one.
pub fn find(name: &str) -> Result<&'static Scenario> {
    let known = || SCENARIOS.iter().map(|scenario| scenario.name);
    let found = SCENARIOS.iter().find(|scenario| scenario.name == name);
    found.ok_or_else(|| Error::unknown("preset", name, known()))
}

impl Scenario {
    /// The settings of an environment, such as a policy was trained in, with this evaluation's load, agents and start. What agents
    /// see and do stays.
    pub fn apply(&self, config: &LocalizationConfig) -> LocalizationConfig {
        let plain = LocalizationConfig {
            resources: LocalizationConfig::default().resources,
            start: Start::Min,
            priorities: Vec::new(),
            random_priorities: false,
            random_rps: false,
            random_roster: false,
            variable_resources: false,
            phases: Vec::new(),
            ..config.clone()
        };
        (self.settings)(plain)
    }
}

fn load(config: LocalizationConfig) -> LocalizationConfig {
    let phase = |split: [f64; 3]| PhaseConfig {
        steps: PART,
        rps: split.iter().map(|share| share * LOAD).collect(),
        present: Vec::new(),
    };
    LocalizationConfig { agents: 3, steps: 3 * PART, phases: SPLITS.map(phase).to_vec(), ..config }
}

fn scalability(config: LocalizationConfig) -> LocalizationConfig {
    let phase = |(rps, present): (f64, &[usize])| PhaseConfig {
        steps: PART,
        rps: vec![rps; 4],
        present: present.to_vec(),
    };
    LocalizationConfig { agents: 4, steps: 4 * PART, phases: SCALING.map(phase).to_vec(), ..config }
}

/// Two thirds more users than in the load evaluation, so that there is something to give up.
fn priority(config: LocalizationConfig, priorities: [f64; 3]) -> LocalizationConfig {
    LocalizationConfig { agents: 3, steps: 3 * PART, rps: 56.0, priorities: priorities.to_vec(), ..config }
}
