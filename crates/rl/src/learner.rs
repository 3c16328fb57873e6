//! Any algorithm's run, for a caller who need not know which, and the table of those there are.
//!
//! Left out: making a new run, which takes the algorithm's own configuration.

use std::fmt::Debug;

use trimtab_nn::actor_critic::Group;
use trimtab_nn::{ActorCritic, Policy};

use crate::a2c::A2cUpdate;
use crate::checkpoint::Checkpoint;
use crate::env::{EnvSpec, VecEnv};
use crate::episodes::Episodes;
use crate::error::{Error, Result};
use crate::lagrangian::Multiplier;
use crate::on_policy::{Iteration, OnPolicy, Update};
use crate::ppo::PpoUpdate;

/// A run of some algorithm; every method is that of [`OnPolicy`].
pub trait Learner: Debug + Send {
    /// The algorithm's name.
    fn algorithm(&self) -> &'static str;

    /// See [`OnPolicy::start`].
    ///
    /// # Errors
    /// As there.
    fn start(&mut self, env: &mut dyn VecEnv, total_timesteps: u64) -> Result<()>;

    /// See [`OnPolicy::iterate`].
    ///
    /// # Errors
    /// As there.
    fn iterate(&mut self, env: &mut dyn VecEnv) -> Result<Iteration>;

    /// See [`OnPolicy::save`].
    fn save(&self) -> Checkpoint;

    /// Gives all agents the weights of another network before the run is started; see [`OnPolicy::adopt`].
    ///
    /// # Errors
    /// As there, or [`Error::Config`] for an algorithm that cannot.
    fn adopt(&mut self, _from: &ActorCritic, _groups: &[Group]) -> Result<()> {
        let (key, found) = ("algorithm".to_owned(), self.algorithm().to_owned());
        let expected = "one whose policy can start from given weights".to_owned();
        Err(Error::Config { key, expected, found })
    }

    /// Copies of the policies as they are now: one for all agents, or one for each.
    fn policies(&self) -> Vec<Policy>;

    /// Constraints with their multipliers.
    fn multipliers(&self) -> &[Multiplier];

    /// Environment steps since the start: environments × steps.
    fn timesteps(&self) -> u64;

    /// Environment steps at which schedules end; 0 before the start.
    fn total_timesteps(&self) -> u64;

    /// Episodes so far.
    fn episodes(&self) -> &Episodes;
}

impl<U: Update> Learner for OnPolicy<U> {
    fn algorithm(&self) -> &'static str {
        U::ALGORITHM
    }

    fn start(&mut self, env: &mut dyn VecEnv, total_timesteps: u64) -> Result<()> {
        self.start(env, total_timesteps)
    }

    fn iterate(&mut self, env: &mut dyn VecEnv) -> Result<Iteration> {
        self.iterate(env)
    }

    fn save(&self) -> Checkpoint {
        self.save()
    }

    fn adopt(&mut self, from: &ActorCritic, groups: &[Group]) -> Result<()> {
        self.adopt(from, groups)
    }

    fn policies(&self) -> Vec<Policy> {
        self.policies()
    }

    fn multipliers(&self) -> &[Multiplier] {
        self.multipliers()
    }

    fn timesteps(&self) -> u64 {
        self.timesteps()
    }

    fn total_timesteps(&self) -> u64 {
        self.total_timesteps()
    }

    fn episodes(&self) -> &Episodes {
        self.episodes()
    }
}

type Load = fn(&Checkpoint, &EnvSpec) -> Result<Box<dyn Learner>>;

fn load_as<U: Update>(checkpoint: &Checkpoint, spec: &EnvSpec) -> Result<Box<dyn Learner>> {
    Ok(Box::new(OnPolicy::<U>::load(checkpoint, spec)?))
}

/// Every algorithm: name, and how its checkpoints are read.
const ALGORITHMS: [(&str, Load); 2] =
    [(A2cUpdate::ALGORITHM, load_as::<A2cUpdate>), (PpoUpdate::ALGORITHM, load_as::<PpoUpdate>)];

/// Names of all algorithms.
pub fn algorithms() -> impl Iterator<Item = &'static str> {
    ALGORITHMS.iter().map(|(name, _)| *name)
}

/// A saved run of whatever algorithm the checkpoint names; see [`OnPolicy::load`].
///
/// # Errors
/// [`Error::OtherAlgorithm`] for a name that is not among [`algorithms`]; else as [`OnPolicy::load`].
pub fn load(checkpoint: &Checkpoint, spec: &EnvSpec) -> Result<Box<dyn Learner>> {
    let found = checkpoint.algorithm()?;
    let Some((_, load)) = ALGORITHMS.iter().find(|(name, _)| *name == found) else {
        let expected = algorithms().collect::<Vec<_>>().join(" or ");
        return Err(Error::OtherAlgorithm { expected, found });
    };
    load(checkpoint, spec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::CartPole;
    use crate::{A2c, A2cConfig, Ppo, PpoConfig};

    fn learners(env: &CartPole) -> Vec<Box<dyn Learner>> {
        let ppo = PpoConfig { n_steps: 16, batch_size: 32, ..PpoConfig::default() };
        let a2c = A2cConfig::default();
        vec![
            Box::new(A2c::new(a2c, env.spec(), vec![], 1).unwrap()),
            Box::new(Ppo::new(ppo, env.spec(), vec![], 1).unwrap()),
        ]
    }

    #[test]
    fn checkpoints_name_their_algorithm() {
        let mut env = CartPole::new(2);
        let mut found = vec![];
        for mut learner in learners(&env) {
            learner.start(&mut env, 1000).unwrap();
            learner.iterate(&mut env).unwrap();
            let loaded = load(&learner.save(), env.spec()).unwrap();
            assert_eq!(loaded.save(), learner.save());
            assert_eq!(loaded.timesteps(), learner.timesteps());
            found.push(loaded.algorithm());
        }
        assert_eq!(found, algorithms().collect::<Vec<_>>());
    }

    #[test]
    fn checkpoints_of_another_algorithm_are_refused_by_name() {
        let env = CartPole::new(2);
        let [a2c, ppo] = [0, 1].map(|at| learners(&env)[at].save());
        assert_eq!(
            A2c::load(&ppo, env.spec()).unwrap_err().to_string(),
            "the checkpoint is of algorithm \"ppo\", expected a2c"
        );
        assert!(matches!(Ppo::load(&a2c, env.spec()), Err(Error::OtherAlgorithm { .. })));
        let rewritten = |from: &str, to: &str| {
            let text = String::from_utf8(ppo.description.clone()).unwrap();
            let changed = Checkpoint { description: text.replace(from, to).into_bytes(), ..ppo.clone() };
            load(&changed, env.spec()).map(|_| ()).unwrap_err().to_string()
        };
        assert_eq!(
            rewritten("ppo/2", "dqn/1"),
            "the checkpoint is of algorithm \"dqn\", expected a2c or ppo"
        );
        assert_eq!(rewritten("ppo/2", "ppo/3"), "the checkpoint is of format \"ppo/3\", expected \"ppo/2\"");
    }
}
