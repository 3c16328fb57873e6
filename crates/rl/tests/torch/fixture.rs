//! A case as `fixtures/make.py` writes it: a network, a batch, and what becomes of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use trimtab_nn::{ActionHead, ActorCritic, Architecture, Tensor, Tensors};
use trimtab_rl::buffer::{ActionBuffer, RolloutShape};

type Named = BTreeMap<String, Array>;

#[derive(Clone, Deserialize)]
pub(crate) struct Array {
    shape: Vec<usize>,
    data: Vec<f32>,
}

#[derive(Deserialize)]
pub(crate) struct Fixture<S> {
    pub(crate) settings: S,
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) normalize_advantage: bool,
    architecture: serde_json::Value,
    pub(crate) batch: Batch,
    start: Named,
    pub(crate) terms: BTreeMap<String, f64>,
    pub(crate) gradients: Named,
    pub(crate) norms: Vec<f64>,
    pub(crate) end: Named,
}

#[derive(Deserialize)]
pub(crate) struct Batch {
    pub(crate) obs: Vec<f32>,
    masks: Vec<bool>,
    actions: Vec<f32>,
    pub(crate) log_probs: Vec<f32>,
    pub(crate) advantages: Vec<f32>,
    pub(crate) returns: Vec<f32>,
    pub(crate) values: Vec<f32>,
}

impl Case {
    pub(crate) fn policy(&self) -> ActorCritic {
        let mut tensors = Tensors::default();
        tensors.metadata.insert("architecture".into(), self.architecture.to_string());
        for (name, Array { shape, data }) in &self.start {
            tensors.insert(name, Tensor::new(shape.clone(), data.clone()));
        }
        let policy = ActorCritic::from_tensors(&mut tensors).unwrap();
        tensors.finish().unwrap();
        policy
    }
}

impl Batch {
    /// Masks (none for numbers) and actions of a head's kind.
    pub(crate) fn masks_and_actions(&self, head: &ActionHead) -> (Vec<bool>, ActionBuffer) {
        if matches!(head, ActionHead::Gaussian(_)) {
            return (vec![], ActionBuffer::Numbers(self.actions.clone()));
        }
        let choices = self.actions.iter().map(|x| *x as u32).collect();
        (self.masks.clone(), ActionBuffer::Choices(choices))
    }
}

/// Sizes of a rollout of five environments for a network without memory.
pub(crate) fn shape(architecture: &Architecture, rows: usize, masked: bool) -> RolloutShape {
    RolloutShape {
        n_steps: rows / 5,
        n_envs: 5,
        n_agents: 1,
        obs_dim: architecture.obs_dim,
        critic_dim: 0,
        head: architecture.head.clone(),
        signals: architecture.value_heads,
        masked: masked && !architecture.head.choices().is_empty(),
        varying: false,
        memory: 0,
        sequence_length: 1,
    }
}

/// Largest difference between flat parameters and `PyTorch`'s named ones.
pub(crate) fn difference(policy: &ActorCritic, params: &[f32], expected: &Named) -> f64 {
    let mut holder = policy.clone();
    holder.params_mut().copy_from_slice(params);
    let found = holder.to_tensors();
    assert_eq!(found.names().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let differences = expected.iter().flat_map(|(name, array)| {
        let found = found.get(name).unwrap();
        assert_eq!(found.shape(), array.shape);
        found.data().iter().zip(&array.data).map(|(a, b)| f64::from((a - b).abs()))
    });
    differences.fold(0.0, f64::max)
}
