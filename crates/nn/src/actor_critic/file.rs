//! Policies as named tensors.
//!
//! Left out: what acts on the policy's behalf, such as an observation codec; callers add that as metadata.

use super::ActorCritic;
use crate::{Error, Result, Tensor, Tensors};

const ARCHITECTURE_KEY: &str = "architecture";
const FROZEN_KEY: &str = "frozen";

impl ActorCritic {
    /// The network as named tensors; its [`Architecture`](super::Architecture) travels as JSON in the metadata.
    ///
    /// # Panics
    /// Never: sizes and names are always valid JSON.
    pub fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::default();
        let architecture = serde_json::to_string(&self.architecture).expect("sizes and names are valid JSON");
        tensors.metadata.insert(ARCHITECTURE_KEY.into(), architecture);
        if !self.frozen.is_empty() {
            let frozen = serde_json::to_string(&self.frozen).expect("names are valid JSON");
            tensors.metadata.insert(FROZEN_KEY.into(), frozen);
        }
        if let Some(encoder) = &self.encoder {
            encoder.write(&self.params, "encoder", &mut tensors);
        }
        for (lstm, name) in [(&self.actor_lstm, "actor_lstm"), (&self.critic_lstm, "critic_lstm")] {
            if let Some(lstm) = lstm {
                lstm.write(&self.params, name, &mut tensors);
            }
        }
        if let Some(bridge) = &self.bridge {
            bridge.write(&self.params, "critic_bridge", &mut tensors);
        }
        if let Some(context) = self.nodes.as_ref().and_then(|nodes| nodes.context.as_ref()) {
            context.write(&self.params, "context", &mut tensors);
        }
        let actor = if self.critic.is_some() { "actor" } else { "trunk" };
        self.actor.write(&self.params, actor, &mut tensors);
        if let Some(critic) = &self.critic {
            critic.write(&self.params, "critic", &mut tensors);
        }
        self.action_head.write(&self.params, "action", &mut tensors);
        self.value_head.write(&self.params, "value", &mut tensors);
        if !self.log_stds().is_empty() {
            tensors.insert("log_std", Tensor::new(vec![self.log_stds().len()], self.log_stds().to_vec()));
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
        if let Some(text) = tensors.metadata.get(FROZEN_KEY) {
            let key = FROZEN_KEY;
            policy.frozen = serde_json::from_str(text).map_err(|source| Error::Metadata { key, source })?;
        }
        let Self {
            encoder,
            nodes,
            actor_lstm,
            critic_lstm,
            bridge,
            actor,
            critic,
            action_head,
            value_head,
            params,
            ..
        } = &mut policy;
        if let Some(encoder) = encoder {
            encoder.read(params, "encoder", tensors)?;
        }
        for (lstm, name) in [(actor_lstm, "actor_lstm"), (critic_lstm, "critic_lstm")] {
            if let Some(lstm) = lstm {
                lstm.read(params, name, tensors)?;
            }
        }
        if let Some(bridge) = bridge {
            bridge.read(params, "critic_bridge", tensors)?;
        }
        if let Some(context) = nodes.as_ref().and_then(|nodes| nodes.context.as_ref()) {
            context.read(params, "context", tensors)?;
        }
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
