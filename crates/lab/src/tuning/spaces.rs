//! The spaces that are searched when none is given, one for each algorithm.
//!
//! Parameters and ranges are those of RL Baselines3 Zoo (`rl_zoo3/hyperparams_opt.py`, read at commit 0a9df503), with
//! these differences: rates go up to 1e-2 and start a line to zero, because the defaults here, found on training days,
//! lie beyond the zoo's 2e-3; discounts go down to 0.8, because an action shows its effect within minutes; rollouts are
//! shorter, because a batch has many environments, each with a row for every service; networks are smaller.
//!
//! Left out: what an algorithm shares with all others, such as the constraint and the length of an action.

use crate::{Error, Result, config::RunConfig, search::Space};

/// Algorithm and space. To add one, add a row.
const SPACES: [(&str, &str); 2] = [
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
