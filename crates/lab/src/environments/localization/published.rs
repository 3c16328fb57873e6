//! The original's names of algorithms, and the settings that they stand for.
//!
//! Hyper-parameters are the published ones where they mean the same here: networks, batches, targets, noise, and for PPO and DDPG
//! learning rates and discount. Deep Q-learning looks less far (0.9) and learns ten times as fast: with the published numbers it
//! has not learned to act after 100,000 steps.
//! Not taken over are what its code does wrong (noise that never fades, ends of episodes that are ignored, the last agent's
//! transitions for all) and what its pace forced on it: three hundred episodes in real time, where thousands take seconds here.
//!
//! Left out: flags of its commands.

use crate::{Error, Result, config::Layer};

/// A published name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The name.
    pub name: &'static str,
    /// What it is, without a full stop.
    pub meaning: &'static str,
    /// Its settings (TOML), besides those of its family.
    settings: &'static str,
    /// Settings of its family.
    family: &'static str,
}

/// Settings that suit the environment whatever the algorithm.
pub(super) const DEFAULTS: &str = "\
n_envs = 16
total_timesteps = 100000
[ppo]
learners = \"independent\"
n_steps = 60
batch_size = 240
gamma = 0.9
";

const DQN: &str = "\
algorithm = \"dqn\"
total_timesteps = 100000
[localization]
actions = \"discrete3\"
[dqn]
learners = \"independent\"
learning_rate = 1e-3
gamma = 0.9
buffer_size = 50000
batch_size = 128
learning_starts = 2000
train_freq = 1
gradient_steps = 2
tau = 0.005
target_update_interval = 1
exploration_initial_eps = 0.9
exploration_final_eps = 0.15
exploration_fraction = 0.3
double = false
dueling = false
rounds = 60
network = { hidden = [64, 128, 64] }
";

const PPO: &str = "\
algorithm = \"ppo\"
total_timesteps = 100000
[ppo]
learners = \"independent\"
learning_rate = 3e-4
n_steps = 60
batch_size = 240
n_epochs = 10
gamma = 0.99
gae_lambda = 0.95
ent_coef = 0.01
clip_range = 0.2
normalize_reward = true
network = { hidden = [64, 128, 128, 64], activation = \"relu\", log_std_init = -0.7 }
";

const DDPG: &str = "\
algorithm = \"ddpg\"
total_timesteps = 100000
[ddpg]
learners = \"independent\"
learning_rate = 3e-4
gamma = 0.99
buffer_size = 50000
batch_size = 64
learning_starts = 2000
train_freq = 1
gradient_steps = 2
tau = 0.01
rounds = 60
start_at_zero = true
action_noise = { kind = \"ornstein_uhlenbeck\", sigma = { linear = 0.25 }, theta = 0.15, dt = 1.0 }
network = { hidden = [64, 128, 128, 64] }
";

/// Every published name.
pub const PUBLISHED: [Published; 8] = [
    Published { name: "mdqn", meaning: "deep Q-learning, three choices", settings: "", family: DQN },
    Published {
        name: "dmdqn",
        meaning: "double deep Q-learning, three choices",
        settings: "[dqn]\ndouble = true\n",
        family: DQN,
    },
    Published {
        name: "ddmdqn",
        meaning: "double deep Q-learning with a dueling network, three choices",
        settings: "[dqn]\ndouble = true\ndueling = true\n",
        family: DQN,
    },
    Published {
        name: "ppo",
        meaning: "proximal policy optimisation, changes of any size",
        settings: "[localization]\nactions = \"continuous\"\n",
        family: PPO,
    },
    Published {
        name: "ippo",
        meaning: "proximal policy optimisation, limits as shares of the budget",
        settings: "[localization]\nactions = \"instant\"\n",
        family: PPO,
    },
    Published {
        name: "dppo",
        meaning: "proximal policy optimisation, three choices",
        settings: "[localization]\nactions = \"discrete3\"\n",
        family: PPO,
    },
    Published {
        name: "ddpg",
        meaning: "deep deterministic policy gradient, changes of any size",
        settings: "[localization]\nactions = \"continuous\"\n",
        family: DDPG,
    },
    Published {
        name: "iddpg",
        meaning: "deep deterministic policy gradient, limits as shares of the budget",
        settings: "[localization]\nactions = \"instant\"\n[ddpg]\nsquash = \"sigmoid\"\n",
        family: DDPG,
    },
];

/// Layers of settings that a published name stands for, weakest first, the environment's name among them.
///
/// # Errors
/// [`Error::Unknown`] naming the nearest name.
pub fn layers(name: &str) -> Result<Vec<Layer>> {
    let found = PUBLISHED.iter().find(|published| published.name == name);
    let known = || PUBLISHED.iter().map(|published| published.name);
    let Published { family, settings, .. } =
        found.ok_or_else(|| Error::unknown("algorithm", name, known()))?;
    let texts = ["env = \"localization\"\n", family, settings];
    texts.iter().map(|text| Layer::file(name, text)).collect()
}
