//! What a policy's most probable actions cost, measured now and then while it learns with others: the bound of a constraint is to
//! hold for the policy as it is used ([`trimtab_rl::lagrangian`]).
//!
//! Left out: applications, whose policies are settled at the end ([`crate::settle`]).

use crate::{
    Result,
    config::RunConfig,
    environments::{Env, Registered, evaluate},
};
use trimtab_rl::{Learner, evaluation::Actor, on_policy::Log};

/// Episodes of each environment in a measurement. They are others every time, so that what is random in them averages out.
const ROUNDS: usize = 2;

/// See the module.
pub(super) struct Probe {
    env: Box<dyn Env>,
    every: u64,
    seed: u64,
}

impl Probe {
    /// For a run with `config`; `None` where nothing is to be measured.
    ///
    /// # Errors
    /// An environment that cannot be built.
    pub(super) fn new(config: &RunConfig, registered: &Registered) -> Result<Option<Self>> {
        let every = config.constraint.measure_timesteps;
        if every == 0 {
            return Ok(None);
        }
        let env = (registered.build)(config, config.n_envs)?;
        Ok((!env.constraints().is_empty()).then_some(Self { env, every, seed: config.seed }))
    }

    /// Measures if the iteration that began after `before` steps has passed the time for it, tells the multipliers, and logs it.
    ///
    /// # Errors
    /// A step that the environment refused.
    pub(super) fn look(&mut self, learner: &mut dyn Learner, before: u64, log: &mut Log) -> Result<()> {
        let now = learner.timesteps() / self.every;
        if now == before / self.every {
            return Ok(());
        }
        let policies = learner.policies();
        // A run that goes on from a checkpoint measures the same episodes.
        let seed = !self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(now);
        let outcome = evaluate(self.env.as_mut(), Actor::Policies(&policies), seed, ROUNDS, &mut |_| {})?;
        for multiplier in learner.multipliers_mut() {
            let (name, cost) = &outcome.mean_costs[multiplier.cost()];
            multiplier.measured(*cost);
            log.push((format!("eval/cost_mean/{name}").into(), *cost));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        RunConfig,
        config::{Layer, resolve},
        run_dir::RunDir,
        training::{Ending, train},
    };
    use std::{
        fs,
        sync::atomic::{AtomicBool, Ordering},
    };

    fn config(env: &str, settings: &[(&str, &str)]) -> RunConfig {
        let mut layers = vec![Layer::key("test", &["env"], env)];
        for (key, value) in settings {
            layers.push(Layer::key("test", &key.split('.').collect::<Vec<_>>(), value));
        }
        resolve(&layers).unwrap()
    }

    const SHORT: [(&str, &str); 7] = [
        ("goal", "multi"),
        ("total_timesteps", "600"),
        ("n_envs", "4"),
        ("ppo.n_steps", "25"),
        ("ppo.batch_size", "100"),
        ("ppo.network.hidden", "[8]"),
        ("constraint.measure_timesteps", "200"),
    ];

    #[test]
    fn what_will_be_done_is_measured_now_and_then_and_a_resumed_run_measures_the_same() {
        let config = config("redis_gym", &SHORT);
        let place = tempfile::tempdir().unwrap();
        let (whole, cut) = (RunDir::new(place.path().join("whole")), RunDir::new(place.path().join("cut")));
        let never = AtomicBool::new(false);
        train(&config, &whole, false, &never, &mut |_| {}).unwrap();
        let stop = AtomicBool::new(false);
        let mut iterations = 0;
        let stopped = train(&config, &cut, false, &stop, &mut |_| {
            iterations += 1;
            stop.store(iterations == 3, Ordering::Relaxed);
        });
        assert_eq!(stopped.unwrap(), Ending::Stopped);
        train(&config, &cut, true, &never, &mut |_| {}).unwrap();
        let bytes = |dir: &RunDir| fs::read(dir.file("policy.safetensors")).unwrap();
        assert!(bytes(&whole) == bytes(&cut));
        let logged = fs::read_to_string(cut.file("progress.jsonl")).unwrap();
        let measured = logged.lines().map(|line| line.contains("eval/cost_mean/latency"));
        assert_eq!(measured.collect::<Vec<_>>(), [false, true, false, true, false, true]);
    }

    #[test]
    fn without_a_bound_nothing_is_measured() {
        let config = config("redis_gym", &[&SHORT[1..], &[("goal", "cost")]].concat());
        let place = tempfile::tempdir().unwrap();
        let dir = RunDir::new(place.path().join("run"));
        train(&config, &dir, false, &AtomicBool::new(false), &mut |_| {}).unwrap();
        assert!(!fs::read_to_string(dir.file("progress.jsonl")).unwrap().contains("eval/"));
    }

    #[test]
    fn applications_are_settled_instead() {
        let config = config("redis", &[("constraint.measure_timesteps", "200")]);
        let message = crate::training::check(&config).unwrap_err().to_string();
        assert!(message.starts_with("constraint.measure_timesteps: is for environments"), "{message}");
    }
}
