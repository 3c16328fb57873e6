//! All that is needed to *act*: explicit layers over slices with forward and backward, action distributions
//! with masks, policies as networks, optimisers, and named tensors as safetensors bytes.
//!
//! There is no tape and no tensor type. A layer knows where its weights lie in one flat parameter vector;
//! `forward` writes a cache, `backward` reads it and adds to a gradient vector of the same layout. Everything
//! is a function of its arguments: results do not depend on the thread, and repeat bit for bit on CPUs with
//! the same vector extensions.
//!
//! Left out: rewards, environments, losses (see `trimtab-rl`), files, GPUs.

pub mod actor_critic;
pub mod distribution;
mod error;
pub mod graph;
pub mod kernel;
pub mod linear;
pub mod lstm;
pub mod memory;
pub mod mlp;
pub mod optimiser;
pub mod policy;
pub mod tensors;

pub use actor_critic::{
    ActorCritic, Architecture, CriticRecurrence, Encoder, Group, Initialisation, Inputs, Recurrence,
    Sequences, Workspace,
};
pub use distribution::{ActionHead, ActionSlice, ActionSliceMut};
pub use error::{Error, Result};
pub use graph::{Graph, GraphHead, GraphLayer};
pub use memory::Memory;
pub use mlp::Activation;
pub use optimiser::{Adam, RmsProp};
pub use policy::{Agent, Network, ObservationScale, Policy};
pub use tensors::{Tensor, Tensors};
