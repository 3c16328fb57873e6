//! What off-policy algorithms learn from: a ring of transitions, drawn from uniformly or by priority.
//!
//! A transition spans one or more steps and carries its own discount: `γᵏ` after `k` steps, 0 if the state after it is
//! terminal. So a target is `reward + discount · value(next_obs)` whatever way the transition ended, and no entry joins two
//! episodes. Reward and constraint costs are stored apart and joined when drawn, with the multipliers of that moment.
//!
//! Left out: how transitions come about ([`n_step`]), and priorities' sums ([`priorities`]).

pub mod n_step;
pub mod priorities;
#[cfg(test)]
mod tests;

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use trimtab_nn::{Result, Tensor, Tensors};

use self::priorities::{Priorities, PriorityConfig};

/// Sizes of a [`ReplayBuffer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayShape {
    /// Transitions that are kept, at least 1.
    pub capacity: usize,
    /// Numbers in an observation.
    pub obs_dim: usize,
    /// Numbers in an action.
    pub width: usize,
    /// Reward and costs.
    pub signals: usize,
    /// Entries of an action mask; 0 where nothing is masked.
    pub choices: usize,
}

/// One entry.
#[derive(Clone, Copy, Debug)]
pub struct Transition<'a> {
    /// What was seen.
    pub obs: &'a [f32],
    /// What was allowed then.
    pub mask: &'a [bool],
    /// What was done; choices as whole numbers.
    pub action: &'a [f32],
    /// Discounted sums of the reward and of each cost.
    pub signals: &'a [f32],
    /// Factor on the value of what comes after.
    pub discount: f32,
    /// What was seen after it.
    pub next_obs: &'a [f32],
    /// What was allowed then.
    pub next_mask: &'a [bool],
}

/// Transitions drawn from a buffer, one for each row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplayBatch {
    /// How many.
    pub rows: usize,
    /// `rows × obs_dim`.
    pub obs: Vec<f32>,
    /// `rows × choices`; empty where nothing is masked.
    pub masks: Vec<bool>,
    /// `rows × width`, choices as whole numbers.
    pub actions: Vec<f32>,
    /// `rows`: `(reward − Σ λ·cost) / (1 + Σ λ)`.
    pub rewards: Vec<f32>,
    /// `rows`: factor on the value of what comes after.
    pub discounts: Vec<f32>,
    /// `rows × obs_dim`.
    pub next_obs: Vec<f32>,
    /// `rows × choices`; empty where nothing is masked.
    pub next_masks: Vec<bool>,
    /// `rows`: what a row counts for in the loss, at most 1.
    pub weights: Vec<f32>,
    /// `rows`: where in the buffer.
    indices: Vec<usize>,
}

impl ReplayBatch {
    /// Masks, if anything is masked.
    pub fn masks(&self) -> Option<&[bool]> {
        (!self.masks.is_empty()).then_some(&self.masks[..])
    }

    /// Masks of the states after, if anything is masked.
    pub fn next_masks(&self) -> Option<&[bool]> {
        (!self.next_masks.is_empty()).then_some(&self.next_masks[..])
    }
}

/// The ring.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayBuffer {
    shape: ReplayShape,
    obs: Vec<f32>,
    masks: Vec<bool>,
    actions: Vec<f32>,
    signals: Vec<f32>,
    discounts: Vec<f32>,
    next_obs: Vec<f32>,
    next_masks: Vec<bool>,
    priorities: Option<Priorities>,
    cursor: Cursor,
}

/// Where a [`ReplayBuffer`] stands, beside its tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Entries so far, at most the capacity.
    len: usize,
    /// Place of the next entry.
    next: usize,
}

impl ReplayBuffer {
    /// An empty ring; drawn from uniformly unless priorities are configured. Memory is taken as it fills.
    pub fn new(shape: ReplayShape, priorities: Option<PriorityConfig>) -> Self {
        let ReplayShape { capacity, obs_dim, width, signals, choices } = shape;
        Self {
            obs: vec![0.0; capacity * obs_dim],
            masks: vec![false; capacity * choices],
            actions: vec![0.0; capacity * width],
            signals: vec![0.0; capacity * signals],
            discounts: vec![0.0; capacity],
            next_obs: vec![0.0; capacity * obs_dim],
            next_masks: vec![false; capacity * choices],
            priorities: priorities.map(|config| Priorities::new(config, capacity)),
            cursor: Cursor::default(),
            shape,
        }
    }

    /// A batch for at most `rows` transitions.
    pub fn batch(&self, rows: usize) -> ReplayBatch {
        let ReplayShape { obs_dim, width, choices, .. } = self.shape;
        ReplayBatch {
            rows,
            obs: vec![0.0; rows * obs_dim],
            masks: vec![false; rows * choices],
            actions: vec![0.0; rows * width],
            rewards: vec![0.0; rows],
            discounts: vec![0.0; rows],
            next_obs: vec![0.0; rows * obs_dim],
            next_masks: vec![false; rows * choices],
            weights: vec![1.0; rows],
            indices: vec![0; rows],
        }
    }

    /// Transitions held.
    pub fn len(&self) -> usize {
        self.cursor.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cursor.len == 0
    }

    /// Where it stands.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Adds an entry, in place of the oldest if the ring is full. It is given the largest priority so far, so that each is
    /// drawn soon.
    pub fn push(&mut self, transition: Transition<'_>) {
        let (at, ReplayShape { obs_dim, width, signals, choices, .. }) = (self.cursor.next, self.shape);
        self.obs[at * obs_dim..][..obs_dim].copy_from_slice(transition.obs);
        self.masks[at * choices..][..choices].copy_from_slice(transition.mask);
        self.actions[at * width..][..width].copy_from_slice(transition.action);
        self.signals[at * signals..][..signals].copy_from_slice(transition.signals);
        self.discounts[at] = transition.discount;
        self.next_obs[at * obs_dim..][..obs_dim].copy_from_slice(transition.next_obs);
        self.next_masks[at * choices..][..choices].copy_from_slice(transition.next_mask);
        if let Some(priorities) = &mut self.priorities {
            priorities.add(at);
        }
        self.cursor.next = (at + 1) % self.shape.capacity;
        self.cursor.len = (self.cursor.len + 1).min(self.shape.capacity);
    }

    /// Fills `batch` with transitions drawn with replacement. `multipliers` has one λ for each cost; `beta` (0 to 1) is how far
    /// weights make up for priorities. Allocates nothing.
    ///
    /// # Panics
    /// If the buffer is empty.
    pub fn sample(&self, rng: &mut Pcg64, multipliers: &[f64], beta: f64, batch: &mut ReplayBatch) {
        assert!(!self.is_empty(), "nothing to draw from");
        match &self.priorities {
            None => {
                for index in &mut batch.indices {
                    *index = rng.random_range(0..self.cursor.len);
                }
            }
            Some(priorities) => {
                priorities.sample(rng, self.cursor.len, &mut batch.indices);
                priorities.weigh(&batch.indices, self.cursor.len, beta, &mut batch.weights);
            }
        }
        let ReplayShape { obs_dim, width, signals, choices, .. } = self.shape;
        let scale = 1.0 / (1.0 + multipliers.iter().sum::<f64>());
        for (row, at) in batch.indices.iter().copied().enumerate() {
            let copy = |to: &mut [f32], from: &[f32], n: usize| {
                to[row * n..][..n].copy_from_slice(&from[at * n..][..n]);
            };
            copy(&mut batch.obs, &self.obs, obs_dim);
            copy(&mut batch.next_obs, &self.next_obs, obs_dim);
            copy(&mut batch.actions, &self.actions, width);
            batch.masks[row * choices..][..choices].copy_from_slice(&self.masks[at * choices..][..choices]);
            batch.next_masks[row * choices..][..choices]
                .copy_from_slice(&self.next_masks[at * choices..][..choices]);
            batch.discounts[row] = self.discounts[at];
            let (reward, costs) =
                self.signals[at * signals..][..signals].split_first().expect("a transition has a reward");
            let cost: f64 =
                multipliers.iter().zip(costs).map(|(lambda, cost)| lambda * f64::from(*cost)).sum();
            batch.rewards[row] = ((f64::from(*reward) - cost) * scale) as f32;
        }
    }

    /// Takes note of the absolute temporal-difference errors of a batch that was drawn by priority.
    pub fn update_priorities(&mut self, batch: &ReplayBatch, errors: &[f32]) {
        if let Some(priorities) = &mut self.priorities {
            batch.indices.iter().zip(errors).for_each(|(at, error)| priorities.set(*at, error.abs()));
        }
    }

    /// Puts what is filled into `tensors`; [`ReplayBuffer::cursor`] is the caller's to keep.
    pub fn write(&self, tensors: &mut Tensors) {
        let ReplayShape { obs_dim, width, signals, choices, .. } = self.shape;
        let mut put = |name: &str, data: &[f32], n: usize| {
            let shape = vec![self.cursor.len, n];
            tensors.insert(name, Tensor::new(shape, data[..self.cursor.len * n].to_vec()));
        };
        put("obs", &self.obs, obs_dim);
        put("actions", &self.actions, width);
        put("signals", &self.signals, signals);
        put("discounts", &self.discounts, 1);
        put("next_obs", &self.next_obs, obs_dim);
        if choices > 0 {
            put("masks", &as_numbers(&self.masks), choices);
            put("next_masks", &as_numbers(&self.next_masks), choices);
        }
        if let Some(priorities) = &self.priorities {
            put("priorities", &priorities.leaves(self.cursor.len), 1);
            tensors.insert("max_priority", Tensor::new(vec![1], vec![priorities.max()]));
        }
    }

    /// A buffer that holds what [`ReplayBuffer::write`] put into `tensors`.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn read(
        shape: ReplayShape,
        priorities: Option<PriorityConfig>,
        cursor: Cursor,
        tensors: &mut Tensors,
    ) -> Result<Self> {
        let mut buffer = Self::new(shape, priorities);
        let Cursor { len, next } = cursor;
        let fits = len <= shape.capacity && next < shape.capacity && (len == shape.capacity || next == len);
        if !fits {
            let (expected, found) = (vec![shape.capacity], vec![len, next]);
            return Err(trimtab_nn::Error::Shape { name: "cursor".into(), expected, found });
        }
        let ReplayShape { obs_dim, width, signals, choices, .. } = shape;
        let mut take = |name: &str, to: &mut [f32], n: usize| -> Result<()> {
            to[..len * n].copy_from_slice(&tensors.take(name, &[len, n])?);
            Ok(())
        };
        take("obs", &mut buffer.obs, obs_dim)?;
        take("actions", &mut buffer.actions, width)?;
        take("signals", &mut buffer.signals, signals)?;
        take("discounts", &mut buffer.discounts, 1)?;
        take("next_obs", &mut buffer.next_obs, obs_dim)?;
        if choices > 0 {
            for (name, flags) in [("masks", &mut buffer.masks), ("next_masks", &mut buffer.next_masks)] {
                let numbers = tensors.take(name, &[len, choices])?;
                flags.iter_mut().zip(numbers).for_each(|(flag, x)| *flag = x != 0.0);
            }
        }
        if let Some(priorities) = &mut buffer.priorities {
            let leaves = tensors.take("priorities", &[len, 1])?;
            priorities.restore(&leaves, tensors.take("max_priority", &[1])?[0]);
        }
        buffer.cursor = cursor;
        Ok(buffer)
    }
}

/// Flags as 0 and 1.
pub(crate) fn as_numbers(flags: &[bool]) -> Vec<f32> {
    flags.iter().map(|flag| f32::from(u8::from(*flag))).collect()
}
