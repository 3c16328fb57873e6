//! Deep Q-learning (Mnih et al. 2015) as Stable-Baselines3 runs it, with each of its best known improvements as a switch:
//! double (van Hasselt et al. 2016, arXiv:1509.06461), dueling (Wang et al. 2016, arXiv:1511.06581), n-step returns, and
//! prioritised replay (Schaul et al. 2016, arXiv:1511.05952).
//!
//! An [iteration](OffPolicy::iterate) acts ε-greedily and keeps what it met; what DQN does with a batch of that is
//! [`DqnUpdate::improve`]: one step of the Huber loss between `Q(s, a)` and `r + γ·max Q'(s', ·)`, the maximum over what is
//! allowed in `s'`.
//!
//! Several choices at a time are learned as Tavakoli et al. 2018 (arXiv:1711.08946) do: each head has values of its own, and
//! all learn the same target, the mean of the heads' next values. With one head this is DQN.
//!
//! Left out: distributional values and noisy networks, and all that it shares with other off-policy algorithms, see
//! [`off_policy`](crate::off_policy).

mod config;

use rand::RngExt;
use rand_pcg::Pcg64;
use trimtab_nn::feed_forward::blend;
use trimtab_nn::q_network::QWorkspace;
use trimtab_nn::{ActionSliceMut, Adam, Policy, QArchitecture, QNetwork, Tensors};

pub use self::config::DqnConfig;
use crate::env::{ActionSpace, EnvSpec};
use crate::error::{Error, Result};
use crate::network::action_head;
use crate::off_policy::{ADAM_EPS, Learning, OffPolicy, Seen, Update, draw_random};
use crate::replay::ReplayBatch;

/// A run of DQN.
pub type Dqn = OffPolicy<DqnUpdate>;

/// The network, its target and how they learn.
#[derive(Debug)]
pub struct DqnUpdate {
    config: DqnConfig,
    space: ActionSpace,
    q: QNetwork,
    target: QNetwork,
    adam: Adam,
    grads: Vec<f32>,
    /// Steps of every environment, and how many go by between two updates of the target.
    steps: u64,
    target_interval: u64,
    ws: QWorkspace,
    target_ws: QWorkspace,
    acting: QWorkspace,
    /// `rows × heads`: best choices in the next states.
    best: Vec<u32>,
    /// `rows`: what the values should be.
    targets: Vec<f32>,
}

impl Update for DqnUpdate {
    type Config = DqnConfig;
    const ALGORITHM: &'static str = "dqn";
    const VERSION: u32 = 1;

    fn new(config: &DqnConfig, spec: &EnvSpec, rng: &mut Pcg64) -> Result<Self> {
        let head = action_head(&spec.action_space);
        let (rows, width) = (config.batch_size, head.width());
        let architecture = QArchitecture {
            obs_dim: spec.obs_dim,
            head,
            hidden: config.network.hidden.clone(),
            activation: config.network.activation,
            dueling: config.dueling,
        };
        let q = QNetwork::new(architecture, rng).map_err(Error::Network)?;
        Ok(Self {
            target: q.clone(),
            adam: Adam::new(q.params().len(), ADAM_EPS),
            grads: vec![0.0; q.params().len()],
            steps: 0,
            target_interval: (config.target_update_interval / spec.n_envs as u64).max(1),
            ws: q.workspace(rows),
            target_ws: q.workspace(rows),
            acting: q.workspace(spec.rows()),
            best: vec![0; rows * width],
            targets: vec![0.0; rows],
            space: spec.action_space.clone(),
            config: config.clone(),
            q,
        })
    }

    /// The best allowed choices, or, with probability ε for each row, random ones.
    fn explore(&mut self, seen: Seen<'_>, rng: &mut Pcg64, actions: ActionSliceMut<'_>) {
        let ActionSliceMut::Choices(choices) = actions else { return };
        self.q.act(seen.obs, seen.masks, &mut self.acting, choices);
        let (eps, width, total) =
            (self.config.exploration_rate(seen.progress_remaining), self.space.width(), self.space.choices());
        for (row, choices) in choices.chunks_exact_mut(width).enumerate() {
            if rng.random::<f64>() < eps {
                let masks = seen.masks.map(|masks| &masks[row * total..][..total]);
                draw_random(&self.space, masks, rng, ActionSliceMut::Choices(choices));
            }
        }
    }

    fn stepped(&mut self) {
        self.steps += 1;
        if self.steps.is_multiple_of(self.target_interval) {
            blend(self.target.params_mut(), self.q.params(), self.config.tau);
        }
    }

    fn improve(&mut self, batch: &ReplayBatch, learning: &mut Learning<'_>) -> Result<()> {
        self.find_targets(batch);

        let (heads, stride) = (self.q.architecture().head.choices(), self.q.stride());
        let share = 1.0 / (batch.rows * heads.len()) as f32;
        self.q.forward(&batch.obs, batch.rows, &mut self.ws);
        let mut loss = 0.0;
        for (row, values) in self.ws.values_mut().chunks_exact_mut(stride).enumerate() {
            let (mut at, mut error_sum) = (0, 0.0);
            let weight = batch.weights[row];
            for (head, count) in heads.iter().enumerate() {
                let chosen = at + batch.actions[row * heads.len() + head] as usize;
                let error = values[chosen] - self.targets[row];
                values[at..at + count].fill(0.0);
                values[chosen] = weight * error.clamp(-1.0, 1.0) * share;
                loss += f64::from(weight * huber(error) * share);
                (at, error_sum) = (at + count, error_sum + error.abs());
            }
            values[at..].fill(0.0);
            learning.errors[row] = error_sum / heads.len() as f32;
        }

        self.grads.fill(0.0);
        self.q.prepare_backward(&mut self.ws);
        self.q.backward(&batch.obs, batch.rows, &mut self.ws, &mut self.grads);
        let rate = self.config.learning_rate.at(learning.progress_remaining);
        self.adam
            .step(self.q.params_mut(), &self.grads, rate, self.config.max_grad_norm)
            .map_err(|source| Error::Gradient { update: learning.n_updates, source })?;
        learning.terms.add("train/loss", loss);
        Ok(())
    }

    fn policy(&self) -> Policy {
        self.q.clone().into()
    }

    fn write(&self, tensors: &mut Tensors) -> Vec<u64> {
        self.q.write(tensors);
        let mut target = Tensors::default();
        self.target.write(&mut target);
        tensors.insert_all("target.", target);
        self.adam.write(tensors);
        vec![self.adam.steps(), self.steps]
    }

    fn read(&mut self, counters: &[u64], tensors: &mut Tensors) -> Result<()> {
        let &[adam_steps, steps] = counters else { return Err(Error::TornCheckpoint) };
        self.q.read(tensors).map_err(Error::Tensors)?;
        self.target.read(&mut tensors.take_all("target.")).map_err(Error::Tensors)?;
        self.adam = Adam::read(self.grads.len(), ADAM_EPS, adam_steps, tensors).map_err(Error::Tensors)?;
        self.steps = steps;
        Ok(())
    }
}

impl DqnUpdate {
    /// `r + discount · Q'(s', a')`, where `a'` is the best allowed choice by the target itself or, with double, by the network
    /// that learns.
    fn find_targets(&mut self, batch: &ReplayBatch) {
        let (rows, masks) = (batch.rows, batch.next_masks());
        self.target.forward(&batch.next_obs, rows, &mut self.target_ws);
        if self.config.double {
            self.q.forward(&batch.next_obs, rows, &mut self.ws);
            self.q.best(&self.ws, masks, &mut self.best);
        } else {
            self.target.best(&self.target_ws, masks, &mut self.best);
        }
        let (heads, stride) = (self.q.architecture().head.choices(), self.q.stride());
        for (row, best) in self.best.chunks_exact(heads.len()).enumerate() {
            let (mut at, mut sum) = (row * stride, 0.0);
            for (choice, count) in best.iter().zip(heads) {
                sum += self.target_ws.values()[at + *choice as usize];
                at += count;
            }
            let next = sum / heads.len() as f32;
            self.targets[row] = batch.rewards[row] + batch.discounts[row] * next;
        }
    }

    /// The network that learns, and its target.
    pub fn networks(&self) -> (&QNetwork, &QNetwork) {
        (&self.q, &self.target)
    }
}

/// `½x²` up to 1, `|x| − ½` beyond.
fn huber(x: f32) -> f32 {
    if x.abs() < 1.0 { 0.5 * x * x } else { x.abs() - 0.5 }
}
