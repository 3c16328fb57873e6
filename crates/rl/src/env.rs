//! The environments that algorithms learn in: a batch of them, stepped together, each with one or more agents.
//!
//! A *row* is one agent of one environment; row `e * n_agents + a` belongs to agent `a` of environment `e`.
//! All agents share one observation size and one action space. One agent is the common case.
//!
//! Autoreset is same-step (Gymnasium's `SAME_STEP`): when an environment ends, `obs` already holds the first
//! observation of the next episode and `final_obs` the last one of the episode that ended.
//!
//! Left out: what an environment simulates.

pub(crate) mod checks;
pub mod contract;

/// What an agent may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionSpace {
    /// One choice among `n`.
    Discrete(usize),
    /// One choice for each entry, among that many.
    MultiDiscrete(Vec<usize>),
    /// A vector in `[-1, 1]` of this length.
    Box(usize),
}

impl ActionSpace {
    /// Numbers in one action.
    pub fn width(&self) -> usize {
        match self {
            Self::Discrete(_) => 1,
            Self::MultiDiscrete(choices) => choices.len(),
            Self::Box(length) => *length,
        }
    }

    /// Choices over all heads (entries of an action mask); 0 for a continuous space.
    pub fn choices(&self) -> usize {
        match self {
            Self::Discrete(n) => *n,
            Self::MultiDiscrete(choices) => choices.iter().sum(),
            Self::Box(_) => 0,
        }
    }
}

/// Sizes of a batch of environments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvSpec {
    /// Environments in the batch.
    pub n_envs: usize,
    /// Agents in each.
    pub n_agents: usize,
    /// Numbers in one agent's observation.
    pub obs_dim: usize,
    /// What each agent may do.
    pub action_space: ActionSpace,
    /// Names of the constraint signals, given beside the reward.
    pub costs: Vec<&'static str>,
    /// Whether [`VecEnv::action_masks`] forbids anything.
    pub masked: bool,
    /// Whether [`VecEnv::presence`] is ever other than [`Presence::Acting`].
    pub varying: bool,
}

impl EnvSpec {
    /// Rows in the batch.
    pub fn rows(&self) -> usize {
        self.n_envs * self.n_agents
    }
}

/// What an agent is to its environment at the next step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Its action counts.
    #[default]
    Acting,
    /// It is there, and another agent's turn: its action is ignored, its rewards belong to its last action.
    Waiting,
    /// It has not joined yet, or has left: nothing of it counts. Leaving ends its trajectory as a terminal state does.
    Absent,
}

/// Actions of every row.
#[derive(Clone, Copy, Debug)]
pub enum Actions<'a> {
    /// `rows × width` choices.
    Discrete(&'a [u32]),
    /// `rows × length` numbers in `[-1, 1]`.
    Continuous(&'a [f32]),
}

/// What a step writes; owned by the caller and reused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepBuffers {
    /// `rows × obs_dim`: the observation to act on next.
    pub obs: Vec<f32>,
    /// `rows`: reward of the step.
    pub rewards: Vec<f32>,
    /// `rows × costs`: constraint signals of the step.
    pub costs: Vec<f32>,
    /// `n_envs`: the episode reached a terminal state.
    pub terminated: Vec<bool>,
    /// `n_envs`: the episode was cut off; its value goes on beyond.
    pub truncated: Vec<bool>,
    /// `rows × obs_dim`: last observation of the episode; meaningful where one ended.
    pub final_obs: Vec<f32>,
}

impl StepBuffers {
    /// Buffers of the right sizes for `spec`, filled with zeros.
    pub fn new(spec: &EnvSpec) -> Self {
        let rows = spec.rows();
        Self {
            obs: vec![0.0; rows * spec.obs_dim],
            rewards: vec![0.0; rows],
            costs: vec![0.0; rows * spec.costs.len()],
            terminated: vec![false; spec.n_envs],
            truncated: vec![false; spec.n_envs],
            final_obs: vec![0.0; rows * spec.obs_dim],
        }
    }
}

/// Why a step could not be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StepError {
    /// An observation, reward or cost is not a finite number.
    #[error("{term} of environment {env} is {value}, expected a finite number")]
    NotFinite {
        /// Which quantity.
        term: &'static str,
        /// Environment in the batch.
        env: usize,
        /// What it was.
        value: f32,
    },
    /// An action lies outside the space.
    #[error("action {action} of row {row} is outside its space: expected {expected}")]
    OutsideSpace {
        /// Row in the batch.
        row: usize,
        /// What was asked.
        action: f32,
        /// What the space allows.
        expected: String,
    },
}

/// A batch of environments.
pub trait VecEnv {
    /// Sizes; they never change.
    fn spec(&self) -> &EnvSpec;

    /// Starts new episodes everywhere; environment `e` draws from the stream `(seed, e)`.
    /// Writes `rows × obs_dim` numbers.
    fn reset(&mut self, seed: u64, obs: &mut [f32]);

    /// Takes one step in every environment.
    ///
    /// # Errors
    /// [`StepError`]; the batch must be reset after one.
    fn step(&mut self, actions: Actions<'_>, out: &mut StepBuffers) -> Result<(), StepError>;

    /// Writes `rows × choices` flags, true where a choice is allowed. Called only when `spec().masked`.
    fn action_masks(&self, masks: &mut [bool]) {
        masks.fill(true);
    }

    /// Writes what each of the `rows` agents is at the next step. Called only when `spec().varying`.
    fn presence(&self, presence: &mut [Presence]) {
        presence.fill(Presence::Acting);
    }

    /// The whole state as bytes, so that a restored batch goes on exactly as this one would.
    fn save(&self) -> Vec<u8>;

    /// Takes on a state written by [`VecEnv::save`] of a batch with the same configuration.
    ///
    /// # Errors
    /// A sentence that says why the bytes do not fit.
    fn restore(&mut self, state: &[u8]) -> Result<(), String>;
}
