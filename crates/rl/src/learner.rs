//! Any algorithm's run, for a caller who need not know which, and the table of those there are.
//!
//! Left out: making a new run, which takes the algorithm's own configuration.

use std::fmt::Debug;

use trimtab_nn::actor_critic::Group;
use trimtab_nn::{ActorCritic, Policy};

use crate::a2c::A2cUpdate;
use crate::checkpoint::Checkpoint;
use crate::ddpg::DdpgConfig;
use crate::deterministic::{DeterministicConfig, DeterministicUpdate};
use crate::dqn::DqnUpdate;
use crate::env::{EnvSpec, VecEnv};
use crate::episodes::Episodes;
use crate::error::{Error, Result};
use crate::lagrangian::Multiplier;
use crate::off_policy::{self, OffPolicy, Update as _};
use crate::on_policy::{Iteration, OnPolicy, Update};
use crate::ppo::PpoUpdate;
use crate::sac::SacUpdate;
use crate::td3::Td3Config;

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

    /// The same, to be told what was measured.
    fn multipliers_mut(&mut self) -> &mut [Multiplier];

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

    fn multipliers_mut(&mut self) -> &mut [Multiplier] {
        self.multipliers_mut()
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

impl<U: off_policy::Update> Learner for OffPolicy<U> {
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

    fn policies(&self) -> Vec<Policy> {
        self.policies()
    }

    fn multipliers(&self) -> &[Multiplier] {
        self.multipliers()
    }

    fn multipliers_mut(&mut self) -> &mut [Multiplier] {
        self.multipliers_mut()
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

fn load_off_policy<U: off_policy::Update>(
    checkpoint: &Checkpoint,
    spec: &EnvSpec,
) -> Result<Box<dyn Learner>> {
    Ok(Box::new(OffPolicy::<U>::load(checkpoint, spec)?))
}

/// Every algorithm: name, and how its checkpoints are read.
const ALGORITHMS: [(&str, Load); 6] = [
    (A2cUpdate::ALGORITHM, load_as::<A2cUpdate>),
    (DdpgConfig::ALGORITHM, load_off_policy::<DeterministicUpdate<DdpgConfig>>),
    (DqnUpdate::ALGORITHM, load_off_policy::<DqnUpdate>),
    (PpoUpdate::ALGORITHM, load_as::<PpoUpdate>),
    (SacUpdate::ALGORITHM, load_off_policy::<SacUpdate>),
    (Td3Config::ALGORITHM, load_off_policy::<DeterministicUpdate<Td3Config>>),
];

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
    use crate::control::{CartPole, Pendulum};
    use crate::{A2c, A2cConfig, Ddpg, Dqn, DqnConfig, Ppo, PpoConfig, Sac, SacConfig, Td3};

    type Task = Box<dyn VecEnv>;

    fn learners() -> Vec<(Box<dyn Learner>, Task)> {
        let (cartpole, pendulum) = (CartPole::new(2), Pendulum::new(2));
        let (choices, numbers) = (cartpole.spec(), pendulum.spec());
        let pole = || Box::new(CartPole::new(2)) as Task;
        let swing = || Box::new(Pendulum::new(2)) as Task;
        let (a2c, ppo) =
            (A2cConfig::default(), PpoConfig { n_steps: 16, batch_size: 32, ..PpoConfig::default() });
        vec![
            (Box::new(A2c::new(a2c, choices, vec![], 1).unwrap()), pole()),
            (Box::new(Ddpg::new(DdpgConfig::default(), numbers, vec![], 1).unwrap()), swing()),
            (Box::new(Dqn::new(DqnConfig::default(), choices, vec![], 1).unwrap()), pole()),
            (Box::new(Ppo::new(ppo, choices, vec![], 1).unwrap()), pole()),
            (Box::new(Sac::new(SacConfig::default(), numbers, vec![], 1).unwrap()), swing()),
            (Box::new(Td3::new(Td3Config::default(), numbers, vec![], 1).unwrap()), swing()),
        ]
    }

    #[test]
    fn checkpoints_name_their_algorithm() {
        let mut found = vec![];
        for (mut learner, mut env) in learners() {
            learner.start(&mut *env, 1000).unwrap();
            learner.iterate(&mut *env).unwrap();
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
        let [a2c, ppo] = [0, 3].map(|at| learners()[at].0.save());
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
            rewritten("ppo/2", "reinforce/1"),
            "the checkpoint is of algorithm \"reinforce\", expected a2c or ddpg or dqn or ppo or sac or td3"
        );
        assert_eq!(rewritten("ppo/2", "ppo/3"), "the checkpoint is of format \"ppo/3\", expected \"ppo/2\"");
    }
}
