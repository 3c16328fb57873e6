//! The spaces that are searched when none is given, one for each algorithm.
//!
//! Parameters and ranges are those of RL Baselines3 Zoo (`rl_zoo3/hyperparams_opt.py`, read at commit 0a9df503), with
//! these differences: rates go up to 1e-2 and start a line to zero, because the defaults here, found on training days,
//! lie beyond the zoo's 2e-3; discounts go down to 0.8, because an action shows its effect within minutes; rollouts are
//! shorter, because a batch has many environments, each with a row for every service; networks are smaller. For off-policy
//! algorithms moreover: rates end at 1e-2 rather than 1; gradient steps of a round are searched themselves, since the zoo
//! ties them to `train_freq`, which stays 1; buffers end at the default 200,000, of which a row for each service needs as
//! much memory as the zoo's million.
//!
//! Left out: what an algorithm shares with all others, such as the constraint and the length of an action.

use crate::{Error, Result, config::RunConfig, search::Space};

/// Algorithm and space. To add one, add a row.
const SPACES: [(&str, &str); 6] = [
    (
        "ppo",
        r#"
"ppo.learning_rate.linear" = { low = 1e-5, high = 1e-2, log = true }
"ppo.n_steps" = { choices = [16, 32, 64, 128, 256] }
"ppo.batch_size" = { choices = [256, 512, 1024, 2048, 4096] }
"ppo.n_epochs" = { choices = [1, 2, 5, 10, 20] }
"ppo.gamma" = { choices = [0.8, 0.9, 0.95, 0.98, 0.99, 0.995] }
"ppo.gae_lambda" = { choices = [0.8, 0.9, 0.95, 0.98, 1.0] }
"ppo.clip_range" = { choices = [0.1, 0.2, 0.3, 0.4] }
"ppo.ent_coef" = { low = 1e-8, high = 0.1, log = true }
"ppo.max_grad_norm" = { low = 0.3, high = 2.0 }
"ppo.network.hidden" = { choices = [[32], [64], [64, 64]] }
"ppo.network.activation" = { choices = ["tanh", "relu"] }
"#,
    ),
    (
        "a2c",
        r#"
"a2c.learning_rate.linear" = { low = 1e-5, high = 1e-2, log = true }
"a2c.n_steps" = { choices = [8, 16, 32, 64, 128] }
"a2c.gamma" = { choices = [0.8, 0.9, 0.95, 0.98, 0.99, 0.995] }
"a2c.gae_lambda" = { choices = [0.8, 0.9, 0.95, 0.98, 1.0] }
"a2c.ent_coef" = { low = 1e-8, high = 0.1, log = true }
"a2c.max_grad_norm" = { low = 0.3, high = 2.0 }
"a2c.network.hidden" = { choices = [[32], [64], [64, 64]] }
"a2c.network.activation" = { choices = ["tanh", "relu"] }
"#,
    ),
    (
        "dqn",
        r#"
"dqn.learning_rate.linear" = { low = 1e-5, high = 1e-2, log = true }
"dqn.gamma" = { choices = [0.8, 0.9, 0.95, 0.98, 0.99, 0.995] }
"dqn.batch_size" = { choices = [64, 128, 256, 512, 1024, 2048] }
"dqn.buffer_size" = { choices = [10000, 50000, 100000, 200000] }
"dqn.gradient_steps" = { choices = [1, 2, 4, 8] }
"dqn.learning_starts" = { choices = [0, 1000, 5000, 10000, 20000] }
"dqn.target_update_interval" = { choices = [1000, 5000, 10000, 15000, 20000] }
"dqn.exploration_fraction" = { low = 0.0, high = 0.5 }
"dqn.exploration_final_eps" = { low = 0.0, high = 0.2 }
"dqn.network.hidden" = { choices = [[32], [64], [64, 64]] }
"#,
    ),
    (
        "ddpg",
        r#"
"ddpg.learning_rate" = { low = 1e-5, high = 1e-2, log = true }
"ddpg.gamma" = { choices = [0.8, 0.9, 0.95, 0.98, 0.99, 0.995] }
"ddpg.batch_size" = { choices = [64, 128, 256, 512, 1024, 2048] }
"ddpg.buffer_size" = { choices = [10000, 50000, 100000, 200000] }
"ddpg.gradient_steps" = { choices = [1, 2, 4, 8] }
"ddpg.tau" = { choices = [0.001, 0.005, 0.01, 0.02, 0.05, 0.08] }
"ddpg.action_noise.kind" = { choices = ["none", "gaussian", "ornstein_uhlenbeck"] }
"ddpg.action_noise.sigma.linear" = { low = 0.0, high = 1.0 }
"ddpg.network.hidden" = { choices = [[32], [64], [64, 64]] }
"#,
    ),
    (
        "td3",
        r#"
"td3.learning_rate" = { low = 1e-5, high = 1e-2, log = true }
"td3.gamma" = { choices = [0.8, 0.9, 0.95, 0.98, 0.99, 0.995] }
"td3.batch_size" = { choices = [64, 128, 256, 512, 1024, 2048] }
"td3.buffer_size" = { choices = [10000, 50000, 100000, 200000] }
"td3.gradient_steps" = { choices = [1, 2, 4, 8] }
"td3.tau" = { choices = [0.001, 0.005, 0.01, 0.02, 0.05, 0.08] }
"td3.action_noise.kind" = { choices = ["none", "gaussian", "ornstein_uhlenbeck"] }
"td3.action_noise.sigma.linear" = { low = 0.0, high = 1.0 }
"td3.network.hidden" = { choices = [[32], [64], [64, 64]] }
"#,
    ),
    (
        "sac",
        r#"
"sac.learning_rate" = { low = 1e-5, high = 1e-2, log = true }
"sac.gamma" = { choices = [0.8, 0.9, 0.95, 0.98, 0.99, 0.995] }
"sac.batch_size" = { choices = [64, 128, 256, 512, 1024, 2048] }
"sac.buffer_size" = { choices = [10000, 50000, 100000, 200000] }
"sac.gradient_steps" = { choices = [1, 2, 4, 8] }
"sac.learning_starts" = { choices = [0, 1000, 10000, 20000] }
"sac.tau" = { choices = [0.001, 0.005, 0.01, 0.02, 0.05, 0.08] }
"sac.network.hidden" = { choices = [[32], [64], [64, 64]] }
"#,
    ),
];

/// The space of a configuration's algorithm.
///
/// # Errors
/// [`Error::Config`] for an algorithm without one.
///
/// # Panics
/// Never: an algorithm's name has a TOML form.
pub fn default_space(config: &RunConfig) -> Result<Space> {
    let name = toml::Value::try_from(config.algorithm).expect("an algorithm's name has a TOML form");
    let name = name.as_str().unwrap_or_default();
    match SPACES.iter().find(|(algorithm, _)| *algorithm == name) {
        Some((_, text)) => Space::parse(name, text),
        None => {
            Err(Error::config("algorithm", format!("{name:?} has no space of its own, expected one given")))
        }
    }
}
