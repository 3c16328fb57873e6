//! A task that needs the graph: which service is overloaded, when only its neighbours show it.
//!
//! Left out: graphs other than rings, so that every service has the same number of neighbours however many there are.

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::batch::{Batch, Signals, Task};
use super::single;
use crate::env::{ActionSpace, EnvSpec};

const EPISODE_STEPS: u32 = 10;
/// Numbers seen of each service.
const FEATURES: usize = 1;

/// The services of an application stand in a ring, in an order drawn for each episode, and talk to their two neighbours.
/// Each step one of them is overloaded. It shows nothing itself: its two neighbours are slow. The action names the
/// overloaded service.
///
/// Observed are `nodes × 1` features (1: slow), then the `nodes × nodes` adjacency, row by row; `row i, column j` is the
/// edge from i to j, and every edge has its opposite. Reward 1 for the right service, else 0; episodes are truncated
/// after 10 steps. The best return is 10, a random one `10 / nodes`, and the best without the graph `10 / (nodes − 2)`:
/// all that features tell is that a slow service is not the one.
pub type Overload = Batch<Ring>;

/// Rules of [`Overload`].
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    nodes: usize,
}

/// One moment of [`Overload`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingState {
    /// Services in the order of the ring.
    ring: Vec<u32>,
    /// Place of the overloaded one in it.
    overloaded: usize,
}

impl Overload {
    /// `n_envs` applications of `nodes` services.
    ///
    /// # Panics
    /// Fewer than 5 nodes: in a ring of four, two services have the same neighbours.
    pub fn new(n_envs: usize, nodes: usize) -> Self {
        assert!(nodes >= 5, "a ring of {nodes} services has some with the same neighbours");
        Self::of(Ring { nodes }, n_envs)
    }
}

impl Ring {
    /// Numbers seen of each node, before the adjacency.
    pub fn features(&self) -> usize {
        FEATURES
    }

    /// Places of the two neighbours of a place.
    fn beside(self, place: usize) -> [usize; 2] {
        [(place + 1) % self.nodes, (place + self.nodes - 1) % self.nodes]
    }
}

impl Task for Ring {
    type State = RingState;
    type Entry = u32;

    fn spec(&self, n_envs: usize) -> EnvSpec {
        single(n_envs, self.nodes * (FEATURES + self.nodes), ActionSpace::Discrete(self.nodes))
    }

    fn max_steps(&self) -> Option<u32> {
        Some(EPISODE_STEPS)
    }

    fn start(&self, rng: &mut Pcg64) -> RingState {
        let mut ring: Vec<u32> = (0..self.nodes as u32).collect();
        for last in (1..self.nodes).rev() {
            ring.swap(last, rng.random_range(0..=last));
        }
        RingState { ring, overloaded: rng.random_range(0..self.nodes) }
    }

    fn observe(&self, state: &RingState, obs: &mut [f32]) {
        obs.fill(0.0);
        let (features, adjacency) = obs.split_at_mut(self.nodes * FEATURES);
        for place in self.beside(state.overloaded) {
            features[state.ring[place] as usize] = 1.0;
        }
        for (place, node) in state.ring.iter().enumerate() {
            for other in self.beside(place) {
                adjacency[*node as usize * self.nodes + state.ring[other] as usize] = 1.0;
            }
        }
    }

    fn step(&self, state: &mut RingState, actions: &[u32], rng: &mut Pcg64, signals: Signals<'_>) -> bool {
        signals.rewards[0] = f32::from(actions[0] == state.ring[state.overloaded]);
        state.overloaded = rng.random_range(0..self.nodes);
        false
    }

    fn fits(&self, state: &RingState) -> bool {
        let mut nodes = state.ring.clone();
        nodes.sort_unstable();
        state.overloaded < self.nodes && nodes.into_iter().eq(0..self.nodes as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Actions, StepBuffers, VecEnv};

    /// The service all of whose neighbours are slow.
    fn found(nodes: usize, obs: &[f32]) -> u32 {
        let (slow, adjacency) = obs.split_at(nodes);
        let all_slow = |node: usize| (0..nodes).all(|i| adjacency[i * nodes + node] == 0.0 || slow[i] == 1.0);
        let mut candidates = (0..nodes).filter(|node| all_slow(*node));
        let only = candidates.next().unwrap();
        assert_eq!(candidates.next(), None, "the graph leaves no doubt");
        only as u32
    }

    #[test]
    fn the_graph_tells_which_one_it_is() {
        for nodes in [5, 6, 20] {
            let mut env = Overload::new(1, nodes);
            let mut out = StepBuffers::new(env.spec());
            env.reset(1, &mut out.obs);
            let mut graph = out.obs[nodes..].to_vec();
            for step in 1..=30 {
                let answer = found(nodes, &out.obs);
                assert_eq!(out.obs[answer as usize], 0.0, "its own load is not seen");
                env.step(Actions::Discrete(&[answer]), &mut out).unwrap();
                assert_eq!((out.rewards[0], out.truncated[0]), (1.0, step % 10 == 0));
                assert_eq!(graph == out.obs[nodes..], step % 10 != 0, "a graph for each episode");
                graph = out.obs[nodes..].to_vec();
            }
        }
    }

    #[test]
    fn an_application_of_another_size_is_refused() {
        let (five, six) = (Overload::new(1, 5), Overload::new(1, 6));
        assert_eq!(
            Overload::new(1, 6).restore(&five.save()).unwrap_err(),
            "environment 0 is of another size"
        );
        assert!(Overload::new(1, 6).restore(&six.save()).is_ok());
    }
}
