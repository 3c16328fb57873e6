//! What acts: a trained network of whatever kind, the scale its observations are brought to, and the agent it becomes
//! with buffers and a memory of its own.
//!
//! Left out: how each kind is built and learned, and how a scale is estimated.

use crate::actor_critic::{ActorCritic, Inputs, Workspace};
use crate::distribution::{ActionHead, ActionSliceMut};
use crate::memory::Memory;
use crate::{Result, Tensor, Tensors};

/// A network that chooses actions.
#[derive(Clone, Debug, PartialEq)]
pub enum Network {
    /// An actor with its critic.
    ActorCritic(ActorCritic),
}

/// Where each number of an observation lies and how far it spreads, fixed when training ended.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservationScale {
    mean: Vec<f32>,
    deviation: Vec<f32>,
    clip: f32,
}

/// Added to a variance before its root is taken, as in Stable-Baselines3's `VecNormalize`.
const EPSILON: f64 = 1e-8;

impl ObservationScale {
    /// A scale from means, variances, and the largest magnitude of a scaled number.
    ///
    /// # Panics
    /// If there are not as many means as variances.
    pub fn new(mean: &[f64], variance: &[f64], clip: f32) -> Self {
        assert_eq!(mean.len(), variance.len(), "each number has a mean and a variance");
        Self {
            mean: mean.iter().map(|x| *x as f32).collect(),
            deviation: variance.iter().map(|x| (x + EPSILON).sqrt() as f32).collect(),
            clip,
        }
    }

    /// Numbers in an observation.
    pub fn obs_dim(&self) -> usize {
        self.mean.len()
    }

    /// Replaces each row of `obs` (`rows × obs_dim`) by `(x − mean) / deviation`, clipped.
    pub fn apply(&self, obs: &mut [f32]) {
        for row in obs.chunks_exact_mut(self.mean.len()) {
            for ((x, mean), deviation) in row.iter_mut().zip(&self.mean).zip(&self.deviation) {
                *x = ((*x - mean) / deviation).clamp(-self.clip, self.clip);
            }
        }
    }

    /// Puts `obs.mean`, `obs.deviation` and `obs.clip` into `tensors`.
    pub fn write(&self, tensors: &mut Tensors) {
        tensors.insert("obs.mean", Tensor::new(vec![self.mean.len()], self.mean.clone()));
        tensors.insert("obs.deviation", Tensor::new(vec![self.mean.len()], self.deviation.clone()));
        tensors.insert("obs.clip", Tensor::new(vec![1], vec![self.clip]));
    }

    /// Takes from `tensors` what [`ObservationScale::write`] put there, for observations of `obs_dim` numbers; none
    /// where there is no `obs.mean`.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn read(obs_dim: usize, tensors: &mut Tensors) -> Result<Option<Self>> {
        if tensors.get("obs.mean").is_none() {
            return Ok(None);
        }
        let mean = tensors.take("obs.mean", &[obs_dim])?;
        let deviation = tensors.take("obs.deviation", &[obs_dim])?;
        Ok(Some(Self { mean, deviation, clip: tensors.take("obs.clip", &[1])?[0] }))
    }
}

/// A network, and what its observations go through first.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// What chooses.
    pub network: Network,
    /// Applied to observations before the network sees them.
    pub scale: Option<ObservationScale>,
}

impl From<ActorCritic> for Policy {
    fn from(network: ActorCritic) -> Self {
        Self { network: Network::ActorCritic(network), scale: None }
    }
}

impl Policy {
    /// Numbers in an observation.
    pub fn obs_dim(&self) -> usize {
        match &self.network {
            Network::ActorCritic(network) => network.architecture().obs_dim,
        }
    }

    /// What an action is.
    pub fn head(&self) -> &ActionHead {
        match &self.network {
            Network::ActorCritic(network) => &network.architecture().head,
        }
    }

    /// Adds `by` to one of the outputs that an action is read from, whatever the observation.
    ///
    /// # Panics
    /// If there is no such output.
    pub fn shift_output(&mut self, output: usize, by: f32) {
        match &mut self.network {
            Network::ActorCritic(network) => network.shift_output(output, by),
        }
    }

    /// The policy as named tensors that name its network's kind.
    pub fn to_tensors(&self) -> Tensors {
        let mut tensors = match &self.network {
            Network::ActorCritic(network) => network.to_tensors(),
        };
        if let Some(scale) = &self.scale {
            scale.write(&mut tensors);
        }
        tensors
    }

    /// Takes a policy of any kind from what [`Policy::to_tensors`] wrote; other tensors stay in `tensors`.
    ///
    /// # Errors
    /// The architecture is missing or invalid, or a tensor is missing or has another shape.
    pub fn from_tensors(tensors: &mut Tensors) -> Result<Self> {
        let network = ActorCritic::from_tensors(tensors)?;
        let scale = ObservationScale::read(network.architecture().obs_dim, tensors)?;
        Ok(Self { network: Network::ActorCritic(network), scale })
    }
}

#[derive(Clone, Debug)]
enum Buffers {
    ActorCritic(Workspace),
}

/// A policy at work on a number of rows, which it remembers from one call to the next.
#[derive(Clone, Debug)]
pub struct Agent {
    policy: Policy,
    memory: Memory,
    buffers: Buffers,
    /// Scaled observations; empty without a scale.
    scaled: Vec<f32>,
}

impl Agent {
    /// Sets a policy to work on `rows` rows.
    pub fn new(policy: Policy, rows: usize) -> Self {
        let (memory, buffers) = match &policy.network {
            Network::ActorCritic(network) => {
                (network.memory(rows), Buffers::ActorCritic(network.workspace()))
            }
        };
        let scaled = vec![0.0; policy.scale.as_ref().map_or(0, |scale| rows * scale.obs_dim())];
        Self { policy, memory, buffers, scaled }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What it remembers of each row.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The best action of each row of `obs` (`rows × obs_dim`), numbers within `[-1, 1]`. `masks` is `rows × choices`,
    /// true where allowed. Allocates nothing.
    ///
    /// # Panics
    /// If `actions` are not of the head's kind, or there are not as many rows as the agent was made for.
    pub fn act(&mut self, obs: &[f32], masks: Option<&[bool]>, actions: ActionSliceMut<'_>) {
        let rows = self.memory.rows();
        assert_eq!(actions.len(), rows * self.policy.head().width(), "an action for each of {rows} rows");
        let obs = match &self.policy.scale {
            None => obs,
            Some(scale) => {
                self.scaled.copy_from_slice(obs);
                scale.apply(&mut self.scaled);
                &self.scaled
            }
        };
        match (&self.policy.network, &mut self.buffers) {
            (Network::ActorCritic(network), Buffers::ActorCritic(ws)) => {
                network.act(Inputs::new(obs, masks), &mut self.memory, ws, actions);
            }
        }
    }

    /// Forgets what came before in one row: its episode has ended.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn forget(&mut self, row: usize) {
        self.memory.forget(row);
    }

    /// Forgets what came before in all rows.
    pub fn forget_all(&mut self) {
        self.memory.forget_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_observations_are_centred_spread_and_clipped() {
        let scale = ObservationScale::new(&[1.0, -2.0], &[4.0, 0.25], 3.0);
        let mut obs = [5.0, -2.0, 1.0, 10.0];
        scale.apply(&mut obs);
        assert_eq!(obs, [2.0, 0.0, 0.0, 3.0]);
    }

    #[test]
    fn scale_travels_with_the_tensors() {
        let scale = ObservationScale::new(&[1.0, -2.0], &[4.0, 0.25], 10.0);
        let mut tensors = Tensors::default();
        assert_eq!(ObservationScale::read(2, &mut tensors).unwrap(), None);
        scale.write(&mut tensors);
        assert!(ObservationScale::read(3, &mut tensors.clone()).is_err());
        assert_eq!(ObservationScale::read(2, &mut tensors).unwrap(), Some(scale));
        tensors.finish().unwrap();
    }
}
