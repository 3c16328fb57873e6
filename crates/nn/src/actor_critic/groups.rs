//! Parts of a network by name: kept as they are while the others learn, or taken from another network.
//!
//! Left out: which parts an algorithm should treat so.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::ActorCritic;
use crate::{Error, Result, Tensors};

/// Parameters that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// What reads observations.
    Encoder,
    /// The LSTMs of actor and critic.
    Recurrence,
    /// The actor's hidden layers, or the shared ones.
    Actor,
    /// The critic's hidden layers, and the linear layer that stands for an LSTM it has not.
    Critic,
    /// The outputs of actor and critic, and a Gaussian's standard deviations.
    Heads,
}

impl Group {
    /// All of them, in the order of their parameters.
    pub const ALL: [Self; 5] = [Self::Encoder, Self::Recurrence, Self::Actor, Self::Critic, Self::Heads];

    /// The group of a tensor of [`ActorCritic::to_tensors`].
    fn of(tensor: &str) -> Self {
        match tensor.split('.').next() {
            Some("encoder") => Self::Encoder,
            Some("actor_lstm" | "critic_lstm") => Self::Recurrence,
            Some("actor" | "trunk") => Self::Actor,
            Some("critic" | "critic_bridge") => Self::Critic,
            _ => Self::Heads,
        }
    }
}

impl ActorCritic {
    /// Where in [`ActorCritic::params`] a group lies; empty if the network has no such part.
    pub fn group(&self, group: Group) -> Range<usize> {
        self.groups[group as usize].clone()
    }

    /// Groups that [`ActorCritic::backward`] leaves without gradient.
    pub fn frozen(&self) -> &[Group] {
        &self.frozen
    }

    /// Keeps a group as it is: [`ActorCritic::backward`] makes its gradient 0. That takes it out of the gradient's norm,
    /// and optimisers whose moments of it are 0 leave it unchanged to the bit; one that has already learned must be told
    /// to forget them ([`Adam::forget`](crate::Adam::forget)). Travels with the tensors.
    pub fn freeze(&mut self, group: Group) {
        if !self.frozen.contains(&group) {
            self.frozen.push(group);
            self.frozen.sort_unstable();
        }
    }

    /// Lets a group learn again.
    pub fn unfreeze(&mut self, group: Group) {
        self.frozen.retain(|frozen| *frozen != group);
    }

    /// Takes the weights of some groups from another network, whose other parts may differ.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Shape`] with the first tensor that does not fit; nothing is changed then.
    pub fn copy_weights(&mut self, from: &Self, groups: &[Group]) -> Result<()> {
        let (own, other) = (self.to_tensors(), from.to_tensors());
        let mut mixed = Tensors::default();
        mixed.metadata.clone_from(&own.metadata);
        for name in own.names() {
            let tensor = own.get(name).expect("names are those of tensors");
            if !groups.contains(&Group::of(name)) {
                mixed.insert(name, tensor.clone());
                continue;
            }
            let theirs = other.get(name).ok_or_else(|| Error::Missing { name: name.into() })?;
            if theirs.shape() != tensor.shape() {
                let (expected, found) = (tensor.shape().to_vec(), theirs.shape().to_vec());
                return Err(Error::Shape { name: name.into(), expected, found });
            }
            mixed.insert(name, theirs.clone());
        }
        *self = Self::from_tensors(&mut mixed)?;
        Ok(())
    }
}
