//! Policies as named tensors.
//!
//! Left out: what acts on the policy's behalf, such as an observation codec; callers add that as metadata.

use super::ActorCritic;
use crate::distribution::ActionHead;
use crate::{Error, Result, Tensor, Tensors};

const ARCHITECTURE_KEY: &str = "architecture";

impl ActorCritic {
    /// The network as named tensors; its [`Architecture`](super::Architecture) travels as JSON in the metadata.
    ///
    /// # Panics
    /// Never: sizes and names are always valid JSON.
    pub fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::default();
        let architecture = serde_json::to_string(&self.architecture).expect("sizes and names are valid JSON");
        tensors.metadata.insert(ARCHITECTURE_KEY.into(), architecture);
        let actor = if self.critic.is_some() { "actor" } else { "trunk" };
        self.actor.write(&self.params, actor, &mut tensors);
        if let Some(critic) = &self.critic {
            critic.write(&self.params, "critic", &mut tensors);
        }
        self.action_head.write(&self.params, "action", &mut tensors);
        self.value_head.write(&self.params, "value", &mut tensors);
        if let ActionHead::Gaussian(width) = self.architecture.head {
            tensors.insert("log_std", Tensor::new(vec![width], self.log_stds().to_vec()));
        }
        tensors
    }

    /// Takes a network from what [`ActorCritic::to_tensors`] wrote; other tensors stay in `tensors`.
    ///
    /// # Errors
    /// The architecture is missing or invalid, or a tensor is missing or has another shape.
    pub fn from_tensors(tensors: &mut Tensors) -> Result<Self> {
        let key = ARCHITECTURE_KEY;
        let text = tensors.metadata.get(key).ok_or(Error::MissingMetadata { key })?;
        let architecture = serde_json::from_str(text).map_err(|source| Error::Metadata { key, source })?;
        let mut policy = Self::place(architecture)?;
        let log_stds = policy.log_stds_range();
        let Self { actor, critic, action_head, value_head, params, .. } = &mut policy;
        actor.read(params, if critic.is_some() { "actor" } else { "trunk" }, tensors)?;
        if let Some(critic) = critic {
            critic.read(params, "critic", tensors)?;
        }
        action_head.read(params, "action", tensors)?;
        value_head.read(params, "value", tensors)?;
        if !log_stds.is_empty() {
            params[log_stds.clone()].copy_from_slice(&tensors.take("log_std", &[log_stds.len()])?);
        }
        Ok(policy)
    }
}
