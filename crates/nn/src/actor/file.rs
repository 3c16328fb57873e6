//! Actors as named tensors.
//!
//! Left out: what acts on the policy's behalf, such as an observation codec; callers add that as metadata.

use super::Actor;
use crate::{Error, Result, Tensors};

const ARCHITECTURE_KEY: &str = "actor";

impl Actor {
    /// Puts all parameters into `tensors`.
    pub fn write(&self, tensors: &mut Tensors) {
        self.body.write(&self.params, "actor", tensors);
    }

    /// Takes from `tensors` what [`Actor::write`] of an actor of this architecture put there.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn read(&mut self, tensors: &mut Tensors) -> Result<()> {
        self.body.read(&mut self.params, "actor", tensors)
    }

    /// The actor as named tensors; its [`ActorArchitecture`](super::ActorArchitecture) travels as JSON in the metadata and
    /// names its kind.
    ///
    /// # Panics
    /// Never: sizes and names are always valid JSON.
    pub fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::default();
        let architecture = serde_json::to_string(&self.architecture).expect("sizes and names are valid JSON");
        tensors.metadata.insert(ARCHITECTURE_KEY.into(), architecture);
        self.write(&mut tensors);
        tensors
    }

    /// Whether `tensors` hold an actor.
    pub fn is_in(tensors: &Tensors) -> bool {
        tensors.metadata.contains_key(ARCHITECTURE_KEY)
    }

    /// Takes an actor from what [`Actor::to_tensors`] wrote; other tensors stay in `tensors`.
    ///
    /// # Errors
    /// The architecture is missing or invalid, or a tensor is missing or has another shape.
    pub fn from_tensors(tensors: &mut Tensors) -> Result<Self> {
        let key = ARCHITECTURE_KEY;
        let text = tensors.metadata.get(key).ok_or(Error::MissingMetadata { key })?;
        let architecture = serde_json::from_str(text).map_err(|source| Error::Metadata { key, source })?;
        let mut actor = Self::place(architecture)?;
        actor.read(tensors)?;
        Ok(actor)
    }
}
