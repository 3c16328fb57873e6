//! Rows of a rollout in the order an update reads them.
//!
//! Left out: that order, which is the update's own.

use trimtab_nn::{Architecture, Inputs, Sequences, kernel};

use super::{ActionBuffer, RolloutBuffer, RolloutShape, gather};

/// Some sequences of a rollout, time-major: all first rows, then all second ones. For a policy without memory a
/// sequence is a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Minibatch {
    /// Rows in use; the buffers may be longer.
    pub rows: usize,
    /// `rows × obs_dim`.
    pub obs: Vec<f32>,
    /// `rows × critic_dim`; empty if the critic sees `obs`.
    pub critic_obs: Vec<f32>,
    /// `rows × choices`; empty without masks.
    pub masks: Vec<bool>,
    /// `rows`: whether the row counts; empty if all do.
    pub counts: Vec<bool>,
    /// `rows`: whether memory is forgotten before the row; empty without memory.
    pub starts: Vec<bool>,
    /// `sequences × memory`: what was remembered before each sequence.
    pub memory: Vec<f32>,
    /// `rows × width`.
    pub actions: ActionBuffer,
    /// `rows`: log-probabilities at collection.
    pub log_probs: Vec<f32>,
    /// `rows × outputs`: distributions at collection; empty unless the rollout keeps them.
    pub distributions: Vec<f32>,
    /// `rows`.
    pub advantages: Vec<f32>,
    /// `rows × signals`.
    pub returns: Vec<f32>,
    /// `rows × signals`: values at collection.
    pub values: Vec<f32>,
    /// Steps of a sequence.
    pub length: usize,
    /// Row that `obs` starts with.
    observed: usize,
    /// Rows of the rollout.
    taken: Vec<u32>,
}

impl Minibatch {
    /// Room for `rows` rows of a rollout.
    pub fn new(shape: &RolloutShape, rows: usize) -> Self {
        let (recurrent, length) = (shape.memory > 0, shape.sequence_length);
        Self {
            rows: 0,
            obs: vec![0.0; rows * shape.obs_dim],
            critic_obs: vec![0.0; rows * shape.critic_dim],
            masks: if shape.masked { vec![true; rows * shape.head.outputs()] } else { vec![] },
            counts: vec![true; if recurrent && shape.varying { rows } else { 0 }],
            starts: vec![false; if recurrent { rows } else { 0 }],
            memory: vec![0.0; rows / length * shape.memory],
            actions: ActionBuffer::new(&shape.head, rows),
            log_probs: vec![0.0; rows],
            distributions: vec![],
            advantages: vec![0.0; rows],
            returns: vec![0.0; rows * shape.signals],
            values: vec![0.0; rows * shape.signals],
            length,
            observed: 0,
            taken: Vec::with_capacity(rows),
        }
    }

    /// Copies the sequences with the given first rows, at most as many as there is room for.
    pub fn gather(&mut self, rollout: &RolloutBuffer, first_rows: &[u32]) {
        self.gather_but_observations(rollout, first_rows);
        self.gather_observations(rollout, 0, self.rows);
    }

    /// The same without `obs`, which is left to [`Minibatch::gather_observations`].
    pub fn gather_but_observations(&mut self, rollout: &RolloutBuffer, first_rows: &[u32]) {
        let RolloutShape { critic_dim, head, signals, masked, .. } = &rollout.shape;
        let (length, stride) = (rollout.shape.sequence_length, rollout.shape.rows());
        self.taken.clear();
        let steps = (0..length).map(|step| (step * stride) as u32);
        self.taken.extend(steps.flat_map(|step| first_rows.iter().map(move |first| first + step)));
        let rows = &self.taken[..];
        self.rows = rows.len();
        gather(&mut self.critic_obs, &rollout.critic_obs, *critic_dim, rows);
        gather(&mut self.masks, &rollout.masks, if *masked { head.outputs() } else { 0 }, rows);
        self.actions.gather(&rollout.actions, head.width(), rows);
        gather(&mut self.log_probs, &rollout.log_probs, 1, rows);
        if !rollout.distributions.is_empty() {
            self.distributions.resize(self.log_probs.len() * head.outputs(), 0.0);
            gather(&mut self.distributions, &rollout.distributions, head.outputs(), rows);
        }
        gather(&mut self.advantages, &rollout.policy_advantages, 1, rows);
        gather(&mut self.returns, &rollout.returns, *signals, rows);
        gather(&mut self.values, &rollout.values, *signals, rows);
        let counts = self.counts.iter_mut().zip(rows);
        counts.for_each(|(counts, row)| *counts = rollout.acted(*row as usize));
        let memory = self.memory.chunks_exact_mut(rollout.shape.memory.max(1)).zip(first_rows);
        for (memory, first) in memory {
            let sequence = *first as usize / (stride * length) * stride + *first as usize % stride;
            memory.copy_from_slice(&rollout.memory[sequence * memory.len()..][..memory.len()]);
        }
        // The memory that a sequence starts from has been forgotten already where it had to be.
        for (at, (starts, row)) in self.starts.iter_mut().zip(rows).enumerate() {
            *starts = at >= first_rows.len() && rollout.starts(*row as usize);
        }
    }

    /// Copies the observations of the rows `start..start + rows`, as far as there are so many, to the front of `obs`: always
    /// to the same place, which stays in the cache.
    pub fn gather_observations(&mut self, rollout: &RolloutBuffer, start: usize, rows: usize) {
        let width = rollout.shape.obs_dim;
        let end = self.rows.min(start + rows);
        self.observed = start;
        let out = &mut self.obs[..(end - start) * width];
        kernel::gather_rows(&rollout.obs, width, &self.taken[start..end], out);
    }

    /// Begins to fetch these observations from where they lie, so that computing goes on meanwhile.
    pub fn fetch_observations(&self, rollout: &RolloutBuffer, start: usize, rows: usize) {
        let end = self.rows.min(start + rows);
        if let Some(rows) = self.taken.get(start..end) {
            kernel::fetch_rows(&rollout.obs, rollout.shape.obs_dim, rows);
        }
    }

    /// Puts the distributions back into the rows of the rollout they were [gathered](Self::gather) from.
    pub(crate) fn return_distributions(&self, rollout: &mut RolloutBuffer) {
        let outputs = rollout.shape.head.outputs();
        for (row, found) in self.taken.iter().zip(self.distributions.chunks_exact(outputs)) {
            rollout.distributions[*row as usize * outputs..][..outputs].copy_from_slice(found);
        }
    }

    /// What a policy of the given architecture sees of the rows `start..start + rows`, whose observations must be there.
    pub fn inputs(&self, architecture: &Architecture, start: usize, rows: usize) -> Inputs<'_> {
        let part = |width: usize| start * width..(start + rows) * width;
        let (from, width) = (start - self.observed, architecture.obs_dim);
        Inputs {
            obs: &self.obs[from * width..(from + rows) * width],
            critic_obs: &self.critic_obs[part(architecture.critic_obs_dim.unwrap_or(0))],
            masks: (!self.masks.is_empty()).then(|| &self.masks[part(architecture.head.outputs())]),
        }
    }

    /// How the rows follow each other; none for a policy without memory.
    pub fn sequences(&self) -> Option<Sequences<'_>> {
        let starts = self.starts.get(..self.rows)?;
        Some(Sequences { length: self.length, starts, memory: &self.memory })
    }

    /// Whether a row counts.
    pub fn counts(&self, row: usize) -> bool {
        self.counts.get(row).is_none_or(|counts| *counts)
    }

    /// The same of the rows `start..start + rows`; empty if all do.
    pub fn counts_of(&self, start: usize, rows: usize) -> &[bool] {
        self.counts.get(start..start + rows).unwrap_or(&[])
    }

    /// Rows that count.
    pub fn counted(&self) -> usize {
        if self.counts.is_empty() {
            self.rows
        } else {
            self.counts[..self.rows].iter().filter(|counts| **counts).count()
        }
    }

    /// Shifts and scales the advantages of the rows that count to mean 0 and standard deviation 1 (of the sample, as
    /// `PyTorch` has it); a single row is left alone.
    pub fn normalize_advantages(&mut self) {
        let Self { advantages, counts, rows, .. } = self;
        let counted = |row: usize| counts.get(row).is_none_or(|counts| *counts);
        let values = || {
            let rows = advantages[..*rows].iter().enumerate();
            rows.filter(|(row, _)| counted(*row)).map(|(_, x)| f64::from(*x))
        };
        let n = values().count() as f64;
        if n < 2.0 {
            return;
        }
        let mean = values().sum::<f64>() / n;
        let squares: f64 = values().map(|x| (x - mean).powi(2)).sum();
        let scale = 1.0 / ((squares / (n - 1.0)).sqrt() + 1e-8);
        for x in &mut advantages[..*rows] {
            *x = ((f64::from(*x) - mean) * scale) as f32;
        }
    }
}
