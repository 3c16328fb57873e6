//! What a rollout leaves behind, its advantages, and the minibatches an update reads.
//!
//! A *signal* is the reward or one constrained cost; each has its own values, advantages and returns. Everything
//! about steps is stored step by step, `n_steps × rows × …`.
//!
//! Left out: replay for off-policy algorithms; sequences for recurrent policies.

use trimtab_nn::{ActionHead, ActionSlice, ActionSliceMut, kernel};

/// Actions of any head.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionBuffer {
    /// Indices of choices.
    Choices(Vec<u32>),
    /// Unclipped real numbers.
    Numbers(Vec<f32>),
}

impl ActionBuffer {
    /// Zeros for `rows` actions.
    pub fn new(head: &ActionHead, rows: usize) -> Self {
        match head {
            ActionHead::Gaussian(width) => Self::Numbers(vec![0.0; rows * width]),
            head => Self::Choices(vec![0; rows * head.width()]),
        }
    }

    /// Entries `start..start + count`.
    pub fn part(&self, start: usize, count: usize) -> ActionSlice<'_> {
        match self {
            Self::Choices(choices) => ActionSlice::Choices(&choices[start..start + count]),
            Self::Numbers(numbers) => ActionSlice::Numbers(&numbers[start..start + count]),
        }
    }

    /// Entries `start..start + count`, to be written.
    pub fn part_mut(&mut self, start: usize, count: usize) -> ActionSliceMut<'_> {
        match self {
            Self::Choices(choices) => ActionSliceMut::Choices(&mut choices[start..start + count]),
            Self::Numbers(numbers) => ActionSliceMut::Numbers(&mut numbers[start..start + count]),
        }
    }

    fn gather(&mut self, from: &Self, width: usize, rows: &[u32]) {
        match (self, from) {
            (Self::Choices(out), Self::Choices(from)) => gather(out, from, width, rows),
            (Self::Numbers(out), Self::Numbers(from)) => gather(out, from, width, rows),
            _ => unreachable!("both are made for the same head"),
        }
    }
}

/// Copies the given rows of `from` to the front of `out`.
fn gather<T: Copy>(out: &mut [T], from: &[T], width: usize, rows: &[u32]) {
    match width {
        0 => return,
        // A call to copy memory costs more than these few numbers.
        1 => return gather_arrays::<T, 1>(out, from, rows),
        2 => return gather_arrays::<T, 2>(out, from, rows),
        3 => return gather_arrays::<T, 3>(out, from, rows),
        4 => return gather_arrays::<T, 4>(out, from, rows),
        _ => {}
    }
    for (out, row) in out.chunks_exact_mut(width).zip(rows) {
        out.copy_from_slice(&from[*row as usize * width..][..width]);
    }
}

/// The same for rows of a length that the compiler knows.
fn gather_arrays<T: Copy, const N: usize>(out: &mut [T], from: &[T], rows: &[u32]) {
    let (out, from) = (out.as_chunks_mut::<N>().0, from.as_chunks::<N>().0);
    for (out, row) in out.iter_mut().zip(rows) {
        *out = from[*row as usize];
    }
}

/// Sizes of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutShape {
    /// Steps of every environment.
    pub n_steps: usize,
    /// Environments.
    pub n_envs: usize,
    /// Agents in each.
    pub n_agents: usize,
    /// Numbers in an observation.
    pub obs_dim: usize,
    /// Kind of action.
    pub head: ActionHead,
    /// The reward and the constrained costs.
    pub signals: usize,
    /// Whether action masks are kept.
    pub masked: bool,
}

impl RolloutShape {
    /// Rows of one step.
    pub fn rows(&self) -> usize {
        self.n_envs * self.n_agents
    }

    /// Rows of the whole rollout.
    pub fn transitions(&self) -> usize {
        self.n_steps * self.rows()
    }
}

/// One rollout.
#[derive(Clone, Debug)]
pub struct RolloutBuffer {
    /// Sizes.
    pub shape: RolloutShape,
    /// `… × obs_dim`: what was acted on.
    pub obs: Vec<f32>,
    /// `… × choices`: what was allowed; empty without masks.
    pub masks: Vec<bool>,
    /// `… × width`: what was done.
    pub actions: ActionBuffer,
    /// `…`: log-probability of that.
    pub log_probs: Vec<f32>,
    /// `… × signals`: the reward (as learned from) and the costs.
    pub signals: Vec<f32>,
    /// `… × signals`: values of `obs`.
    pub values: Vec<f32>,
    /// `n_steps × n_envs`: the episode reached a terminal state.
    pub terminated: Vec<bool>,
    /// `n_steps × n_envs`: the episode was cut off.
    pub truncated: Vec<bool>,
    /// `… × signals`: values of an episode's last observation; meaningful where it was cut off.
    pub final_values: Vec<f32>,
    /// `rows × signals`: values of the observation after the last step.
    pub last_values: Vec<f32>,
    /// `… × signals`: advantages.
    pub advantages: Vec<f32>,
    /// `… × signals`: advantages + values, what the critic learns.
    pub returns: Vec<f32>,
    /// `…`: the advantage the policy learns from.
    pub policy_advantages: Vec<f32>,
}

impl RolloutBuffer {
    /// Zeros.
    pub fn new(shape: RolloutShape) -> Self {
        let (rows, n) = (shape.rows(), shape.transitions());
        let signals = vec![0.0; n * shape.signals];
        let ends = vec![false; shape.n_steps * shape.n_envs];
        Self {
            obs: vec![0.0; n * shape.obs_dim],
            masks: if shape.masked { vec![true; n * shape.head.outputs()] } else { vec![] },
            actions: ActionBuffer::new(&shape.head, n),
            log_probs: vec![0.0; n],
            signals: signals.clone(),
            values: signals.clone(),
            terminated: ends.clone(),
            truncated: ends,
            final_values: signals.clone(),
            last_values: vec![0.0; rows * shape.signals],
            advantages: signals.clone(),
            returns: signals,
            policy_advantages: vec![0.0; n],
            shape,
        }
    }

    /// Generalised advantage estimation of every signal (Schulman et al. 2016, arXiv:1506.02438):
    /// `δₜ = rₜ + γ·V′ − V(sₜ)`, `Aₜ = δₜ + γλ·Aₜ₊₁`.
    ///
    /// Where an episode was cut off, `V′` is the value of its *last* observation, not of the next episode's first;
    /// where it terminated (cut off or not), `V′ = 0`; either way the sum over `A` starts anew.
    pub fn compute_advantages(&mut self, gamma: f64, gae_lambda: f64) {
        let (gamma, decay) = (gamma as f32, (gamma * gae_lambda) as f32);
        let RolloutShape { n_steps, n_envs, n_agents, signals, .. } = self.shape;
        let (step_width, env_width) = (n_envs * n_agents * signals, n_agents * signals);
        for step in (0..n_steps).rev() {
            for env in 0..n_envs {
                let terminated = self.terminated[step * n_envs + env];
                let ended = terminated || self.truncated[step * n_envs + env];
                for entry in env * env_width..(env + 1) * env_width {
                    let at = step * step_width + entry;
                    let last = step + 1 == n_steps;
                    let next_value = if terminated {
                        0.0
                    } else if ended {
                        self.final_values[at]
                    } else if last {
                        self.last_values[entry]
                    } else {
                        self.values[at + step_width]
                    };
                    let trace = if ended || last { 0.0 } else { self.advantages[at + step_width] };
                    let delta = self.signals[at] + gamma * next_value - self.values[at];
                    self.advantages[at] = delta + decay * trace;
                    self.returns[at] = self.advantages[at] + self.values[at];
                }
            }
        }
    }

    /// The policy's advantage `(A_r − Σ λᵢ·A_cᵢ) / (1 + Σ λᵢ)`, given each cost's multiplier.
    pub fn combine_advantages(&mut self, multipliers: &[f64]) {
        let scale = (1.0 / (1.0 + multipliers.iter().sum::<f64>())) as f32;
        let signals = self.shape.signals;
        for (out, advantages) in self.policy_advantages.iter_mut().zip(self.advantages.chunks_exact(signals))
        {
            let costs = advantages[1..].iter().zip(multipliers);
            let penalty: f32 = costs.map(|(advantage, multiplier)| *multiplier as f32 * advantage).sum();
            *out = scale * (advantages[0] - penalty);
        }
    }

    /// Shifts and scales the policy's advantages to mean 0 and standard deviation 1; see
    /// [`Minibatch::normalize_advantages`].
    pub fn normalize_advantages(&mut self) {
        normalize(&mut self.policy_advantages);
    }

    /// Share of the variance of the reward's returns that its values explain: 1 is perfect, 0 no better than a
    /// constant. None if the returns do not vary, or by no more than their rounding as sums of advantage and value.
    pub fn explained_variance(&self) -> Option<f64> {
        let signals = self.shape.signals;
        let returns = self.returns.iter().step_by(signals).map(|x| f64::from(*x));
        let errors = self.advantages.iter().step_by(signals).map(|x| f64::from(*x));
        let (low, high) =
            returns.clone().fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
        let largest = returns.clone().chain(errors.clone()).fold(0.0, |largest: f64, x| largest.max(x.abs()));
        let varies = high - low > 4.0 * f64::from(f32::EPSILON) * largest;
        varies.then(|| 1.0 - variance(errors) / variance(returns))
    }
}

fn variance(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let (sum, count) = values.clone().fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
    let mean = sum / count;
    values.map(|x| (x - mean) * (x - mean)).sum::<f64>() / count
}

/// Rows of a rollout in the order an update reads them.
#[derive(Clone, Debug, PartialEq)]
pub struct Minibatch {
    /// Rows in use; the buffers may be longer.
    pub rows: usize,
    /// `rows × obs_dim`.
    pub obs: Vec<f32>,
    /// `rows × choices`; empty without masks.
    pub masks: Vec<bool>,
    /// `rows × width`.
    pub actions: ActionBuffer,
    /// `rows`: log-probabilities at collection.
    pub log_probs: Vec<f32>,
    /// `rows`.
    pub advantages: Vec<f32>,
    /// `rows × signals`.
    pub returns: Vec<f32>,
    /// `rows × signals`: values at collection.
    pub values: Vec<f32>,
}

impl Minibatch {
    /// Room for `rows` rows of a rollout.
    pub fn new(shape: &RolloutShape, rows: usize) -> Self {
        Self {
            rows: 0,
            obs: vec![0.0; rows * shape.obs_dim],
            masks: if shape.masked { vec![true; rows * shape.head.outputs()] } else { vec![] },
            actions: ActionBuffer::new(&shape.head, rows),
            log_probs: vec![0.0; rows],
            advantages: vec![0.0; rows],
            returns: vec![0.0; rows * shape.signals],
            values: vec![0.0; rows * shape.signals],
        }
    }

    /// Copies the given rows of a rollout, at most as many as there is room for.
    pub fn gather(&mut self, buffer: &RolloutBuffer, rows: &[u32]) {
        let RolloutShape { obs_dim, head, signals, masked, .. } = &buffer.shape;
        self.rows = rows.len();
        kernel::gather_rows(&buffer.obs, *obs_dim, rows, &mut self.obs);
        gather(&mut self.masks, &buffer.masks, if *masked { head.outputs() } else { 0 }, rows);
        self.actions.gather(&buffer.actions, head.width(), rows);
        gather(&mut self.log_probs, &buffer.log_probs, 1, rows);
        gather(&mut self.advantages, &buffer.policy_advantages, 1, rows);
        gather(&mut self.returns, &buffer.returns, *signals, rows);
        gather(&mut self.values, &buffer.values, *signals, rows);
    }

    /// Shifts and scales the advantages to mean 0 and standard deviation 1 (of the sample, as `PyTorch` has it);
    /// a single row is left alone.
    pub fn normalize_advantages(&mut self) {
        normalize(&mut self.advantages[..self.rows]);
    }
}

fn normalize(advantages: &mut [f32]) {
    let n = advantages.len() as f64;
    if n < 2.0 {
        return;
    }
    let mean = advantages.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    let squares: f64 = advantages.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum();
    let scale = 1.0 / ((squares / (n - 1.0)).sqrt() + 1e-8);
    for x in advantages {
        *x = ((f64::from(*x) - mean) * scale) as f32;
    }
}

#[cfg(test)]
mod tests;
