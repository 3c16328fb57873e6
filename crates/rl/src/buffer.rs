//! What a rollout leaves behind, its advantages, and the minibatches an update reads.
//!
//! A *signal* is the reward or one constrained cost; each has its own values, advantages and returns. Everything
//! about steps is stored step by step, `n_steps × rows × …`.
//!
//! Left out: replay for off-policy algorithms.

mod minibatch;

pub use self::minibatch::Minibatch;
use crate::agents::AgentRows;
use crate::env::Presence;

use trimtab_nn::{ActionHead, ActionSlice, ActionSliceMut};

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

    /// All entries.
    pub fn all(&self) -> ActionSlice<'_> {
        match self {
            Self::Choices(choices) => ActionSlice::Choices(choices),
            Self::Numbers(numbers) => ActionSlice::Numbers(numbers),
        }
    }

    /// Puts the actions of some agents in their places, numbers clipped to `[-1, 1]`.
    pub(crate) fn scatter_clipped(&mut self, own: ActionSlice<'_>, rows: &AgentRows, width: usize) {
        match (self, own) {
            (Self::Choices(all), ActionSlice::Choices(own)) => rows.scatter(own, width, all),
            (Self::Numbers(all), ActionSlice::Numbers(own)) => {
                rows.scatter(own, width, all);
                all.iter_mut().for_each(|x| *x = x.clamp(-1.0, 1.0));
            }
            _ => unreachable!("both are made for the same head"),
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
    if width == 0 {
        return;
    }
    for (out, row) in out.chunks_exact_mut(width).zip(rows) {
        out.copy_from_slice(&from[*row as usize * width..][..width]);
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
    /// Numbers in what the critic sees; 0 if that is the observation.
    pub critic_dim: usize,
    /// Kind of action.
    pub head: ActionHead,
    /// The reward and the constrained costs.
    pub signals: usize,
    /// Whether action masks are kept.
    pub masked: bool,
    /// Whether agents may wait or be absent.
    pub varying: bool,
    /// Numbers that a row remembers from step to step; 0 for a policy without memory.
    pub memory: usize,
    /// Steps that an update reads in one piece; 1 for a policy without memory. Divides `n_steps`.
    pub sequence_length: usize,
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

    /// Pieces of `sequence_length` rows.
    pub fn sequences(&self) -> usize {
        self.transitions() / self.sequence_length
    }
}

/// One rollout.
#[derive(Clone, Debug)]
pub struct RolloutBuffer {
    /// Sizes.
    pub shape: RolloutShape,
    /// `… × obs_dim`: what was acted on.
    pub obs: Vec<f32>,
    /// `… × critic_dim`: what the critic saw; empty if that was `obs`.
    pub critic_obs: Vec<f32>,
    /// `… × choices`: what was allowed; empty without masks.
    pub masks: Vec<bool>,
    /// `…`: what each row's agent was when it acted; empty if all acted always.
    pub presence: Vec<Presence>,
    /// `rows`: the same after the last step.
    pub last_presence: Vec<Presence>,
    /// `n_steps / sequence_length × rows × memory`: what was remembered before each sequence.
    pub memory: Vec<f32>,
    /// `… × width`: what was done.
    pub actions: ActionBuffer,
    /// `…`: log-probability of that.
    pub log_probs: Vec<f32>,
    /// `… × outputs`: the distributions that actions were drawn from, as
    /// [`ActorCritic::distributions`](trimtab_nn::ActorCritic::distributions) gives them; empty unless an update that
    /// needs them has put them there.
    pub distributions: Vec<f32>,
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
    /// `… × signals`: advantages; 0 where nobody acted.
    pub advantages: Vec<f32>,
    /// `… × signals`: advantages + values, what the critic learns.
    pub returns: Vec<f32>,
    /// `…`: the advantage the policy learns from.
    pub policy_advantages: Vec<f32>,
    /// `rows × signals`: reused by [`RolloutBuffer::compute_advantages`].
    ahead: Vec<Ahead>,
}

/// What lies ahead of a step, on the way back through a rollout.
#[derive(Clone, Copy, Debug, Default)]
struct Ahead {
    /// Value of the next observation that is acted on.
    value: f32,
    /// Advantage of that action.
    trace: f32,
    /// What is met until then.
    pending: f32,
}

impl RolloutBuffer {
    /// Zeros.
    pub fn new(shape: RolloutShape) -> Self {
        let (rows, n) = (shape.rows(), shape.transitions());
        let signals = vec![0.0; n * shape.signals];
        let ends = vec![false; shape.n_steps * shape.n_envs];
        let presence = |rows: usize| vec![Presence::Acting; if shape.varying { rows } else { 0 }];
        Self {
            obs: vec![0.0; n * shape.obs_dim],
            critic_obs: vec![0.0; n * shape.critic_dim],
            masks: if shape.masked { vec![true; n * shape.head.outputs()] } else { vec![] },
            presence: presence(n),
            last_presence: presence(rows),
            memory: vec![0.0; shape.sequences() * shape.memory],
            actions: ActionBuffer::new(&shape.head, n),
            log_probs: vec![0.0; n],
            distributions: vec![],
            signals: signals.clone(),
            values: signals.clone(),
            terminated: ends.clone(),
            truncated: ends,
            final_values: signals.clone(),
            last_values: vec![0.0; rows * shape.signals],
            advantages: signals.clone(),
            returns: signals,
            policy_advantages: vec![0.0; n],
            ahead: vec![Ahead::default(); rows * shape.signals],
            shape,
        }
    }

    /// Whether an agent acted in a row.
    pub fn acted(&self, row: usize) -> bool {
        self.presence.get(row).is_none_or(|presence| *presence == Presence::Acting)
    }

    /// Whether what a row remembers was forgotten before it: its episode began there, or its agent joined.
    pub fn starts(&self, row: usize) -> bool {
        let Some(before) = row.checked_sub(self.shape.rows()) else { return false };
        let end = before / self.shape.n_agents;
        let absent = self.presence.get(before).is_some_and(|presence| *presence == Presence::Absent);
        self.terminated[end] || self.truncated[end] || absent
    }

    /// Writes the first rows of all sequences in which anyone acted, in the order they were made.
    pub fn sequences(&self, first_rows: &mut Vec<u32>) {
        let RolloutShape { sequence_length, .. } = self.shape;
        let (rows, total) = (self.shape.rows(), self.shape.transitions());
        let first = (0..total as u32).step_by(sequence_length * rows);
        first_rows.clear();
        first_rows.extend(first.flat_map(|first| first..first + rows as u32).filter(|first| {
            let of_sequence = (*first as usize..total).step_by(rows).take(sequence_length);
            self.presence.is_empty() || of_sequence.into_iter().any(|row| self.acted(row))
        }));
    }

    /// Generalised advantage estimation of every signal (Schulman et al. 2016, arXiv:1506.02438):
    /// `δₜ = rₜ + γ·V′ − V(sₜ)`, `Aₜ = δₜ + γλ·Aₜ₊₁`.
    ///
    /// Where an episode was cut off, `V′` is the value of its *last* observation, not of the next episode's first;
    /// where it terminated (cut off or not), `V′ = 0`; either way the sum over `A` starts anew.
    ///
    /// An agent's next step is the next one at which it acts: what it meets while it waits is added undiscounted to
    /// `rₜ` (before its first action it belongs to none), and where a rollout ends meanwhile, `V′` is the value of what
    /// it then sees. Where an agent leaves, `V′ = 0`.
    pub fn compute_advantages(&mut self, gamma: f64, gae_lambda: f64) {
        let (gamma, decay) = (gamma as f32, (gamma * gae_lambda) as f32);
        let RolloutShape { n_steps, n_envs, n_agents, signals, .. } = self.shape;
        let rows = n_envs * n_agents;
        for (entry, ahead) in self.ahead.iter_mut().enumerate() {
            *ahead = match self.last_presence.get(entry / signals) {
                Some(Presence::Absent) => Ahead::default(),
                _ => Ahead { value: self.last_values[entry], ..Ahead::default() },
            };
        }
        for step in (0..n_steps).rev() {
            for row in 0..rows {
                let end = step * n_envs + row / n_agents;
                let presence = self.presence.get(step * rows + row).copied().unwrap_or_default();
                for signal in 0..signals {
                    let at = (step * rows + row) * signals + signal;
                    let ahead = &mut self.ahead[row * signals + signal];
                    if self.terminated[end] {
                        *ahead = Ahead::default();
                    } else if self.truncated[end] {
                        *ahead = Ahead { value: self.final_values[at], ..Ahead::default() };
                    }
                    let value = self.values[at];
                    let mut advantage = 0.0;
                    match presence {
                        Presence::Acting => {
                            let met = self.signals[at] + ahead.pending;
                            advantage = met + gamma * ahead.value - value + decay * ahead.trace;
                            *ahead = Ahead { value, trace: advantage, pending: 0.0 };
                        }
                        Presence::Waiting => ahead.pending += self.signals[at],
                        Presence::Absent => *ahead = Ahead::default(),
                    }
                    self.advantages[at] = advantage;
                    self.returns[at] = advantage + value;
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

    /// The reward's entries of `… × signals` numbers, where an agent acted.
    fn of_actions<'a>(&'a self, numbers: &'a [f32]) -> impl Iterator<Item = f64> + Clone + 'a {
        let rows = numbers.iter().step_by(self.shape.signals).enumerate();
        rows.filter(|(row, _)| self.acted(*row)).map(|(_, x)| f64::from(*x))
    }

    /// Share of the variance of the reward's returns that its values explain: 1 is perfect, 0 no better than a
    /// constant. None if the returns do not vary, or by no more than their rounding as sums of advantage and value.
    pub fn explained_variance(&self) -> Option<f64> {
        let returns = self.of_actions(&self.returns);
        let errors = self.of_actions(&self.advantages);
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

#[cfg(test)]
mod tests;
