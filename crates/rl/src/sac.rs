//! Soft actor-critic (Haarnoja et al. 2018, arXiv:1812.05905) as Stable-Baselines3 runs it, for numbers, and in its discrete
//! form (Christodoulou 2019, arXiv:1910.07207) for choices: a stochastic actor that maximises value and entropy, two critics
//! whose lower value counts, and a temperature that holds the entropy at a target.
//!
//! What it does with a batch stands in [`continuous`] and in [`discrete`], each in the paper's order.
//!
//! Left out: all that it shares with other off-policy algorithms, see [`off_policy`](crate::off_policy).

mod config;
pub mod continuous;
pub mod discrete;
mod temperature;

use rand_pcg::Pcg64;
use trimtab_nn::{ActionSliceMut, Policy, Tensors};

pub use self::config::SacConfig;
use self::continuous::Continuous;
use self::discrete::Discrete;
pub use self::temperature::Temperature;
use crate::env::{ActionSpace, EnvSpec};
use crate::error::Result;
use crate::off_policy::{Learning, OffPolicy, Seen, Update};
use crate::replay::ReplayBatch;

/// A run of SAC.
pub type Sac = OffPolicy<SacUpdate>;

/// Networks and how they learn, for either kind of action.
#[derive(Debug)]
pub enum SacUpdate {
    /// Numbers.
    Continuous(Box<Continuous>),
    /// Choices.
    Discrete(Box<Discrete>),
}

impl Update for SacUpdate {
    type Config = SacConfig;
    const ALGORITHM: &'static str = "sac";
    const VERSION: u32 = 1;

    fn new(config: &SacConfig, spec: &EnvSpec, rng: &mut Pcg64) -> Result<Self> {
        Ok(match spec.action_space {
            ActionSpace::Box(_) => Self::Continuous(Box::new(Continuous::new(config, spec, rng)?)),
            _ => Self::Discrete(Box::new(Discrete::new(config, spec, rng)?)),
        })
    }

    fn explore(&mut self, seen: Seen<'_>, rng: &mut Pcg64, actions: ActionSliceMut<'_>) {
        match (self, actions) {
            (Self::Continuous(update), ActionSliceMut::Numbers(numbers)) => {
                update.explore(seen, rng, numbers);
            }
            (Self::Discrete(update), ActionSliceMut::Choices(choices)) => update.explore(seen, rng, choices),
            _ => unreachable!("actions are of the kind that the networks were made for"),
        }
    }

    fn improve(&mut self, batch: &ReplayBatch, learning: &mut Learning<'_>) -> Result<()> {
        match self {
            Self::Continuous(update) => update.improve(batch, learning),
            Self::Discrete(update) => update.learn(batch, learning),
        }
    }

    fn policy(&self) -> Policy {
        match self {
            Self::Continuous(update) => update.policy(),
            Self::Discrete(update) => update.policy(),
        }
    }

    fn write(&self, tensors: &mut Tensors) -> Vec<u64> {
        match self {
            Self::Continuous(update) => update.write(tensors),
            Self::Discrete(update) => update.write(tensors),
        }
    }

    fn read(&mut self, counters: &[u64], tensors: &mut Tensors) -> Result<()> {
        match self {
            Self::Continuous(update) => update.read(counters, tensors),
            Self::Discrete(update) => update.read(counters, tensors),
        }
    }
}
