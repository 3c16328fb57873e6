//! Values that a flag can take, so that `--help` lists them and a misspelt one names the nearest.
//!
//! Left out: what they mean; the configuration has the types.

/// Values of `algorithm`.
pub(crate) const ALGORITHMS: [&str; 6] = ["ppo", "a2c", "dqn", "ddpg", "td3", "sac"];
/// Values of `goal`.
pub(crate) const GOALS: [&str; 3] = ["cost", "latency", "multi"];
/// Values of `action`.
pub(crate) const ACTIONS: [&str; 4] = ["trim", "trim_continuous", "delta", "move"];
/// Values of `select`.
pub(crate) const SELECTIONS: [&str; 2] = ["last", "best"];
/// Values of `start.freeze`.
pub(crate) const PARTS: [&str; 5] = ["encoder", "recurrence", "actor", "critic", "heads"];
/// Values of `--sampler`.
pub(crate) const SAMPLERS: [&str; 2] = ["tpe", "random"];
/// Values of `--pruner`.
pub(crate) const PRUNERS: [&str; 2] = ["median", "none"];

#[cfg(test)]
mod tests {
    use super::*;
    use trimtab_lab::config::{Layer, resolve};

    #[test]
    fn every_choice_is_a_value_of_the_configuration() {
        let lists = [("algorithm", &ALGORITHMS[..]), ("goal", &GOALS[..]), ("action", &ACTIONS[..])];
        resolve(&[
            Layer::key("flag", &["validation", "every_timesteps"], "1"),
            Layer::key("flag", &["select"], SELECTIONS[1]),
        ])
        .unwrap();
        for (key, values) in lists {
            for value in values {
                resolve(&[Layer::key("flag", &[key], value)]).unwrap();
            }
        }
    }
}
