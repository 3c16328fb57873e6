//! From steps to transitions: each row's latest steps, joined over `n` of them or up to the end of the episode.
//!
//! A step is begun with an observation and an action, earns rewards for as long as the agent waits, and is finished by what
//! the agent sees when it acts next, or by the end of its episode. The transition that starts at a step spans `n` steps, or
//! fewer where the episode ends before: `Σ γᵏ·rₖ` and `γᵐ` for the `m` steps there were, with the episode's own last
//! observation where it was cut off and discount 0 where it ended in a terminal state.
//!
//! Left out: corrections for actions that the present policy would not have taken.

use serde::{Deserialize, Serialize};
use trimtab_nn::{Result, Tensor, Tensors};

use super::{Transition, as_numbers};

/// How a step finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The agent acts again.
    Continues,
    /// The episode was cut off: its value goes on beyond.
    Truncated,
    /// The agent reached a terminal state or left.
    Terminated,
}

impl Finish {
    /// What an environment's flags say; a state that is terminal stays so if the time was up as well.
    pub fn of(terminated: bool, truncated: bool) -> Self {
        match (terminated, truncated) {
            (true, _) => Self::Terminated,
            (false, true) => Self::Truncated,
            (false, false) => Self::Continues,
        }
    }
}

/// Sizes of [`Windows`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowShape {
    /// Rows.
    pub rows: usize,
    /// Steps that a transition spans, at least 1.
    pub n: usize,
    /// Discount of a step.
    pub gamma: f64,
    /// Numbers in an observation.
    pub obs_dim: usize,
    /// Numbers in an action.
    pub width: usize,
    /// Reward and costs.
    pub signals: usize,
    /// Entries of an action mask; 0 where nothing is masked.
    pub choices: usize,
}

/// Each row's steps that no transition starts at yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    shape: WindowShape,
    /// `rows × n × …`, a ring for each row.
    obs: Vec<f32>,
    masks: Vec<bool>,
    actions: Vec<f32>,
    signals: Vec<f32>,
    rings: Vec<Ring>,
    /// Sums of the transition that is being made.
    sums: Vec<f32>,
}

/// Where a row's ring stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ring {
    start: usize,
    len: usize,
    /// Whether the newest step is unfinished.
    open: bool,
}

impl Windows {
    /// No steps yet.
    pub fn new(shape: WindowShape) -> Self {
        let WindowShape { rows, n, obs_dim, width, signals, choices, .. } = shape;
        Self {
            obs: vec![0.0; rows * n * obs_dim],
            masks: vec![false; rows * n * choices],
            actions: vec![0.0; rows * n * width],
            signals: vec![0.0; rows * n * signals],
            rings: vec![Ring::default(); rows],
            sums: vec![0.0; signals],
            shape,
        }
    }

    /// Forgets all steps.
    pub fn clear(&mut self) {
        self.rings.fill(Ring::default());
    }

    /// Whether a row has an unfinished step.
    pub fn is_open(&self, row: usize) -> bool {
        self.rings[row].open
    }

    /// Where the rings stand.
    pub fn rings(&self) -> &[Ring] {
        &self.rings
    }

    fn place(&self, row: usize, step: usize) -> usize {
        row * self.shape.n + (self.rings[row].start + step) % self.shape.n
    }

    /// Starts a step; the one before it must have been finished.
    pub fn begin(&mut self, row: usize, obs: &[f32], mask: &[bool], action: &[f32]) {
        let at = self.place(row, self.rings[row].len);
        let WindowShape { obs_dim, width, signals, choices, .. } = self.shape;
        self.obs[at * obs_dim..][..obs_dim].copy_from_slice(obs);
        self.masks[at * choices..][..choices].copy_from_slice(mask);
        self.actions[at * width..][..width].copy_from_slice(action);
        self.signals[at * signals..][..signals].fill(0.0);
        self.rings[row].len += 1;
        self.rings[row].open = true;
    }

    /// Adds to the unfinished step's reward and costs.
    pub fn earn(&mut self, row: usize, reward: f32, costs: impl Iterator<Item = f32>) {
        let at = self.place(row, self.rings[row].len - 1);
        let signals = &mut self.signals[at * self.shape.signals..][..self.shape.signals];
        let earned = std::iter::once(reward).chain(costs);
        signals.iter_mut().zip(earned).for_each(|(sum, x)| *sum += x);
    }

    /// Finishes a step and gives the transitions that are complete with it. What is allowed in the last state of an episode that
    /// was cut off is not known, the environment having gone on to the next one; the mask of the last step stands for it.
    pub fn finish(
        &mut self,
        row: usize,
        finish: Finish,
        next_obs: &[f32],
        next_mask: &[bool],
        mut give: impl FnMut(Transition<'_>),
    ) {
        let WindowShape { n, gamma, obs_dim, width, signals, choices, .. } = self.shape;
        self.rings[row].open = false;
        let last = self.place(row, self.rings[row].len - 1);
        while self.rings[row].len > 0 && (finish != Finish::Continues || self.rings[row].len == n) {
            let steps = self.rings[row].len;
            self.sums.fill(0.0);
            let mut discount = 1.0;
            for step in 0..steps {
                let at = self.place(row, step);
                let step_signals = &self.signals[at * signals..][..signals];
                let sums = self.sums.iter_mut().zip(step_signals);
                sums.for_each(|(sum, x)| *sum += (discount * f64::from(*x)) as f32);
                discount *= gamma;
            }
            let at = self.place(row, 0);
            let known = finish == Finish::Continues;
            give(Transition {
                obs: &self.obs[at * obs_dim..][..obs_dim],
                mask: &self.masks[at * choices..][..choices],
                action: &self.actions[at * width..][..width],
                signals: &self.sums,
                discount: if finish == Finish::Terminated { 0.0 } else { discount as f32 },
                next_obs,
                next_mask: if known { next_mask } else { &self.masks[last * choices..][..choices] },
            });
            self.rings[row].start = (self.rings[row].start + 1) % n;
            self.rings[row].len -= 1;
        }
    }

    /// Puts all steps into `tensors`; [`Windows::rings`] are the caller's to keep.
    pub fn write(&self, tensors: &mut Tensors) {
        let entries = self.shape.rows * self.shape.n;
        let mut put = |name: &str, data: Vec<f32>, n: usize| {
            tensors.insert(name, Tensor::new(vec![entries, n], data));
        };
        put("obs", self.obs.clone(), self.shape.obs_dim);
        put("masks", as_numbers(&self.masks), self.shape.choices);
        put("actions", self.actions.clone(), self.shape.width);
        put("signals", self.signals.clone(), self.shape.signals);
    }

    /// Takes on what [`Windows::write`] put into `tensors`.
    ///
    /// # Errors
    /// A tensor is missing or has another shape, or the rings do not fit.
    pub fn read(&mut self, rings: Vec<Ring>, tensors: &mut Tensors) -> Result<()> {
        let WindowShape { rows, n, obs_dim, width, signals, choices, .. } = self.shape;
        let entries = rows * n;
        let fits = |ring: &Ring| ring.start < n && ring.len <= n && (ring.len > 0 || !ring.open);
        if rings.len() != rows || !rings.iter().all(fits) {
            let (expected, found) = (vec![rows, n], vec![rings.len()]);
            return Err(trimtab_nn::Error::Shape { name: "rings".into(), expected, found });
        }
        self.obs = tensors.take("obs", &[entries, obs_dim])?;
        self.masks = tensors.take("masks", &[entries, choices])?.into_iter().map(|x| x != 0.0).collect();
        self.actions = tensors.take("actions", &[entries, width])?;
        self.signals = tensors.take("signals", &[entries, signals])?;
        self.rings = rings;
        Ok(())
    }
}
