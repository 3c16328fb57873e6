//! What is asked of a policy once it has learned, and what came of it.
//!
//! Left out: who is asked what, see `gates.rs`.

use std::fmt;

use trimtab_nn::{ActionHead, Network, Policy};
use trimtab_rl::control::Overload;
use trimtab_rl::evaluation::{Evaluation, evaluate};
use trimtab_rl::{Error, Result, VecEnv};

/// A batch of some task, of so many environments.
pub(crate) type Make = fn(usize) -> Box<dyn VecEnv>;

/// A task, usually the one that was trained on, and what is asked of its environments' first episodes.
pub(crate) struct Exam {
    pub(crate) env: Make,
    pub(crate) n_envs: usize,
    /// Nodes of the graphs that the policies have to read, if others than they learned with.
    pub(crate) nodes: Option<usize>,
    pub(crate) goal: Goal,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// A mean return of at least this.
    Return(f64),
    /// A mean return below this: the task asks for something that the policy has not got.
    Below(f64),
    /// The first cost and the reward, both by step, this close to what is best, relatively.
    Bound { cost: f64, reward: f64, within: f64 },
}

impl Exam {
    pub(crate) fn new(env: Make, n_envs: usize, goal: Goal) -> Self {
        Self { env, n_envs, nodes: None, goal }
    }

    /// The graph task with other nodes than were learned with.
    pub(crate) fn on_twenty_nodes(goal: Goal) -> Self {
        Self { nodes: Some(20), ..Self::new(|n_envs| Box::new(Overload::new(n_envs, 20)), 100, goal) }
    }

    /// What was found, in words, and whether that passes.
    pub(crate) fn judge(&self, policies: Vec<Policy>, seed: u64) -> Result<(String, bool)> {
        let policies = match self.nodes {
            Some(nodes) => {
                policies.into_iter().map(|policy| on_nodes(policy, nodes)).collect::<Result<_>>()?
            }
            None => policies,
        };
        let found = examine(&policies, self.env, self.n_envs, seed)?;
        let mean = found.mean_return();
        Ok(match self.goal {
            Goal::Return(at_least) => (format!("{mean:.2}"), mean >= at_least),
            Goal::Below(limit) => (format!("{mean:.2}"), mean < limit),
            Goal::Bound { cost, reward, within } => {
                let errors = [found.mean_costs[0] / cost - 1.0, found.mean_reward() / reward - 1.0];
                let [cost, reward] = errors.map(|error| 100.0 * error);
                let passed = errors.iter().all(|error| error.abs() <= within);
                (format!("cost {cost:+.1} %, reward {reward:+.1} %"), passed)
            }
        })
    }
}

/// First episodes of fresh environments, with the most probable actions.
pub(crate) fn examine(policies: &[Policy], env: Make, n_envs: usize, seed: u64) -> Result<Evaluation> {
    evaluate(policies, &mut *env(n_envs), 1_000_000 + seed, 1)
}

/// The same weights, to read graphs of other sizes and choose one of their nodes.
fn on_nodes(policy: Policy, nodes: usize) -> Result<Policy> {
    Ok(match policy.network {
        Network::ActorCritic(network) => {
            network.on_nodes(nodes, ActionHead::Discrete(nodes)).map_err(Error::Network)?.into()
        }
        network => Policy { network, ..policy },
    })
}

/// What became of one seed.
pub(crate) struct Outcome {
    /// What each exam found and whether that passes.
    pub(crate) results: Vec<(String, bool)>,
}

impl Outcome {
    pub(crate) fn passed(&self) -> bool {
        self.results.iter().all(|(_, passed)| *passed)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let results: Vec<&str> = self.results.iter().map(|(found, _)| found.as_str()).collect();
        write!(f, "{}{}", results.join(", "), if self.passed() { "" } else { " (fails)" })
    }
}
